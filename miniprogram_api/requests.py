"""The residents' side of requests: asking, drafts, one's own list, adding to it, taking it back."""

from __future__ import annotations

from sqlalchemy.orm import Session

from miniprogram_api import word_checks
from miniprogram_api.edge import Call, Resource
from miniprogram_api.request_schemas import (
    DetailsIn,
    DraftIn,
    RequestIn,
    RequestLineOut,
    RequestOut,
    RewriteIn,
    SupplementIn,
    details,
    line_out,
    request_out,
)
from miniprogram_api.schemas import In, Page, PageQuery, Reason
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.requests import Request
from server.domain.permissions import Actor
from server.domain.permissions import Permission as P
from server.domain.requests import Channel, CheckState
from server.services import endings, intakes, places, request_lists, supplements
from server.services import requests as service
from server.services.intakes import Represented

requests_resource = Resource("requests", "诉求")
REFUSALS = ("CONSENT_REQUIRED", "CONTENT_REFUSED", "MEDIA_UNFIT", "NOT_COMMUNITY", "NOT_FOUND", "REQUEST_TOO_MANY")


class WithdrawIn(In):
    """撤回."""

    reason: Reason | None = None
    version: int | None = None


def _words_of_request(actor: Actor, body: RequestIn) -> CheckState:
    return word_checks.words(actor, body.content, body.place, community=body.community)


def _words_of_draft(actor: Actor, body: DetailsIn) -> CheckState:
    return word_checks.words(actor, body.content, body.place)


def _words_of_supplement(actor: Actor, body: SupplementIn) -> CheckState:
    return word_checks.words(actor, body.text)


@requests_resource.post(
    "/requests",
    permission=P.REQUESTS_SUBMIT,
    body=RequestIn,
    answer=RequestOut,
    status=201,
    prepare=_words_of_request,
    problems=(*REFUSALS, "PHONE_TAKEN", "WITNESS_REQUIRED"),
)
def submit_request(call: Call[RequestIn]) -> RequestOut:
    """提一条诉求：点一个类别就够，文字、图片、录音、地点都可以不填；也可以替家人、邻居提."""
    body, session = call.body, call.session
    community, grid = places.community(session, body.community, now=call.now), _grid(session, body)
    author = session.get_one(Person, call.actor.id)
    common = {"author": author, "community": community, "text_check": call.prepared, "actor": call.actor, "now": call.now}
    if body.for_other is None:
        made = service.submit(session, asked_for=author, channel=Channel.APP, details=details(body, grid), **common)
    else:
        other = body.for_other
        who = Represented(other.name, other.phone, other.consent, other.elder)
        said = details(body, grid, other.relation)
        made = intakes.for_other(session, who=who, channel=Channel.PROXY, details=said, **common)
    return request_out(session, made, staff=False)


@requests_resource.post(
    "/request-drafts",
    permission=P.REQUESTS_SUBMIT,
    body=DraftIn,
    answer=RequestOut,
    status=201,
    prepare=_words_of_draft,
    problems=REFUSALS,
)
def save_request_draft(call: Call[DraftIn]) -> RequestOut:
    """存一份草稿，只有自己看得到."""
    body, session = call.body, call.session
    author = session.get_one(Person, call.actor.id)
    made = service.draft(
        session,
        author=author,
        asked_for=author,
        community=places.community(session, body.community, now=call.now),
        channel=Channel.APP,
        details=details(body, _grid(session, body)),
        text_check=call.prepared,
        actor=call.actor,
        now=call.now,
    )
    return request_out(session, made, staff=False)


@requests_resource.put(
    "/request-drafts/<request_id>",
    permission=P.REQUESTS_SUBMIT,
    body=RewriteIn,
    answer=RequestOut,
    prepare=_words_of_draft,
    problems=(*REFUSALS, "ILLEGAL_MOVE", "STALE"),
)
def rewrite_request_draft(call: Call[RewriteIn], request_id: str) -> RequestOut:
    """改草稿."""
    body, session = call.body, call.session
    mine = service.own(session, request_id, actor=call.actor)
    said, author = details(body, _grid(session, body)), session.get_one(Person, call.actor.id)
    service.rewrite(session, mine, author=author, details=said, text_check=call.prepared, now=call.now, seen=body.version)
    return request_out(session, mine, staff=False)


@requests_resource.post(
    "/request-drafts/<request_id>/submit",
    permission=P.REQUESTS_SUBMIT,
    answer=RequestOut,
    problems=("CONSENT_REQUIRED", "ILLEGAL_MOVE", "NOT_FOUND", "STALE"),
)
def submit_request_draft(call: Call[None], request_id: str) -> RequestOut:
    """提交草稿."""
    mine = service.own(call.session, request_id, actor=call.actor)
    return request_out(call.session, service.send(call.session, mine, actor=call.actor, now=call.now), staff=False)


@requests_resource.get("/me/requests", permission=P.ME, query=PageQuery, answer=Page[RequestLineOut], etag=True)
def my_requests(call: Call[None]) -> Page[RequestLineOut]:
    """我提的和别人替我提的诉求，新的在前."""
    rows, following = request_lists.own(call.session, actor=call.actor, after=call.query.after, limit=call.query.limit)
    return Page[RequestLineOut](items=[line_out(row) for row in rows], next=following)


@requests_resource.get("/requests/<request_id>", permission=P.ME, answer=RequestOut, problems=("NOT_FOUND",))
def show_request(call: Call[None], request_id: str) -> RequestOut:
    """一条诉求和办理经过：本人、代办人和负责的工作人员可看."""
    found = service.visible(call.session, request_id, actor=call.actor)
    return request_out(call.session, found, staff=_staff(call.session, found, call.actor))


@requests_resource.post(
    "/requests/<request_id>/withdraw",
    permission=P.REQUESTS_SUBMIT,
    body=WithdrawIn,
    answer=RequestOut,
    problems=("ILLEGAL_MOVE", "NOT_FOUND", "STALE"),
)
def withdraw_request(call: Call[WithdrawIn], request_id: str) -> RequestOut:
    """撤回：办结之前本人和代办人都可以撤；还有邻居提了同一件事时，会接着为他们办."""
    mine = service.own(call.session, request_id, actor=call.actor)
    endings.withdraw(call.session, mine, actor=call.actor, now=call.now, reason=call.body.reason, seen=call.body.version)
    return request_out(call.session, mine, staff=False)


@requests_resource.post(
    "/requests/<request_id>/supplements",
    permission=P.REQUESTS_SUBMIT,
    body=SupplementIn,
    answer=RequestOut,
    status=201,
    prepare=_words_of_supplement,
    problems=("CONTENT_REFUSED", "ILLEGAL_MOVE", "MEDIA_UNFIT", "NOT_FOUND"),
)
def supplement_request(call: Call[SupplementIn], request_id: str) -> RequestOut:
    """补充情况：文字、图片或录音."""
    mine, body = service.own(call.session, request_id, actor=call.actor), call.body
    supplements.add(call.session, mine, text=body.text, media_ids=body.media, text_check=call.prepared, actor=call.actor, now=call.now)
    return request_out(call.session, mine, staff=False)


def _grid(session: Session, body: DetailsIn) -> OrgNode | None:
    return places.node(session, body.grid) if body.grid else None


def _staff(session: Session, request: Request, actor: Actor) -> bool:
    return service.read_by_staff(session, request, actor)
