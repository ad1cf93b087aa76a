"""点单: drafts and submission, who may see a request and who is told of it (mission rows C1, C2).

Words, place and voice are never required: a category and a tap are enough. Words and place are sealed under the request's own salt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from server.db import vault
from server.db.base import new_public_id
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.requests import Request, RequestParty, RequestSupplement
from server.domain.categories import REQUEST_CATEGORIES
from server.domain.duplicates import same_place
from server.domain.notices import NoticeKind
from server.domain.orgs import Level as OrgLevel
from server.domain.people import Purpose
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.requests import (
    ENDS,
    REQUEST_TRANSITIONS,
    Channel,
    CheckState,
    Difficulty,
    Relation,
    RequestAction,
    RequestLevel,
    RequestState,
    Urgency,
)
from server.services import consents, content_checks, deadlines, events, notices, request_floods, scopes, serials

WORDS_KEPT = timedelta(days=730)
FORGOTTEN = 5000  # requests a run
CONTENT, PLACE = "request.content", "request.place"


@dataclass(frozen=True)
class Details:
    """What is asked for; `media` are public ids of the author's own uploads, `place` is coarse (no room number)."""

    category: str
    content: str | None = None
    place: str | None = None
    urgency: Urgency = Urgency.NORMAL
    media: Sequence[str] = ()
    grid: OrgNode | None = None
    relation: Relation = Relation.SELF


def draft(
    session: Session,
    *,
    author: Person,
    asked_for: Person,
    community: OrgNode,
    channel: Channel,
    details: Details,
    text_check: CheckState,
    actor: Actor,
    now: datetime,
) -> Request:
    """A request not yet sent; only its author sees it. `text_check` is what the content check said of the words.

    Raises CONSENT_REQUIRED (of whom it is for), INVALID, NOT_COMMUNITY, MEDIA_UNFIT, REQUEST_TOO_MANY.
    """
    consents.require(session, person_id=asked_for.id, purpose=Purpose.SERVICE)
    _check(community, details)
    request_floods.require_room(session, author=author, node=details.grid or community, actor=actor, now=now)
    request = Request(
        public_id=new_public_id(),
        community_id=community.id,
        author_id=author.id,
        asked_for_id=asked_for.id,
        channel=channel,
        state=RequestState.DRAFT,
        check_state=CheckState.CHECKING,
        text_check=CheckState.PASSED,
        difficulty=Difficulty.ORDINARY,
        level=RequestLevel.COMMUNITY,
        salt=vault.new_salt(),
        created_at=now,
    )
    _fill(request, details, text_check)
    session.add(request)
    session.flush()
    content_checks.take(session, request, details.media, owner=author, now=now)
    events.add(session, request, action="draft", actor=actor, now=now, after=request.state)
    return request


def rewrite(
    session: Session, request: Request, *, author: Person, details: Details, text_check: CheckState, now: datetime, seen: int
) -> Request:
    """Change a draft. Raises ILLEGAL_MOVE once it was sent, STALE for an old view of it."""
    if request.state is not RequestState.DRAFT:
        raise Problem("ILLEGAL_MOVE", data={"state": request.state.value, "action": "rewrite"})
    _check(session.get_one(OrgNode, request.community_id), details)
    events.shift(session, request, to=RequestState.DRAFT, seen=seen)
    _fill(request, details, text_check)
    session.flush()
    content_checks.take(session, request, details.media, owner=author, now=now)
    return request


def send(session: Session, request: Request, *, actor: Actor, now: datetime, seen: int | None = None) -> Request:
    """DRAFT → SUBMITTED with a number and the deadline of triage (docs/rules.md §3.3). Raises CONSENT_REQUIRED, ILLEGAL_MOVE, STALE."""
    consents.require(session, person_id=request.asked_for_id, purpose=Purpose.SERVICE)
    community = session.get_one(OrgNode, request.community_id)
    return events.move(
        session,
        request,
        table=REQUEST_TRANSITIONS,
        action=RequestAction.SUBMIT,
        actor=actor,
        now=now,
        seen=seen,
        number=serials.following(session, series=serials.REQUEST, community=community, now=now),
        submitted_at=now,
        **deadlines.after(session, request, to=RequestState.SUBMITTED, now=now),
    )


def submit(
    session: Session,
    *,
    author: Person,
    asked_for: Person,
    community: OrgNode,
    channel: Channel,
    details: Details,
    text_check: CheckState,
    actor: Actor,
    now: datetime,
) -> Request:
    """Draft and send in one. The same request of the same author within ten minutes is the first one, given back; raises as both do."""
    said = _words_hash(details)
    sent = request_floods.sent_before(session, author=author, asked_for=asked_for, community=community, words_hash=said, now=now)
    if sent is not None:
        return sent
    made = draft(
        session,
        author=author,
        asked_for=asked_for,
        community=community,
        channel=channel,
        details=details,
        text_check=text_check,
        actor=actor,
        now=now,
    )
    return send(session, made, actor=actor, now=now)


def by_public_id(session: Session, public_id: str) -> Request:
    """The request, whoever asks. Raises NOT_FOUND."""
    found = session.execute(select(Request).where(Request.public_id == public_id)).scalar_one_or_none()
    if found is None:
        raise Problem("NOT_FOUND")
    return found


def by_number(session: Session, number: str, *, community_id: int) -> Request:
    """The community's request with this 单号. Raises INVALID."""
    found = session.execute(select(Request).where(Request.number == number, Request.community_id == community_id)).scalar_one_or_none()
    if found is None:
        raise Problem("INVALID", fields={"number": "本社区没有这个单号，请核对"})
    return found


def own(session: Session, public_id: str, *, actor: Actor) -> Request:
    """A request the person entered or that is his. Raises NOT_FOUND."""
    request = by_public_id(session, public_id)
    if not is_own(request, actor):
        raise Problem("NOT_FOUND")
    return request


def visible(session: Session, public_id: str, *, actor: Actor) -> Request:
    """A request for its author, whom it is for, and the staff responsible. Raises NOT_FOUND for everybody else."""
    request = by_public_id(session, public_id)
    if not is_own(request, actor) and not read_by_staff(session, request, actor):
        raise Problem("NOT_FOUND")
    return request


def is_own(request: Request, actor: Actor) -> bool:
    """Did he enter it, or is it his? A draft is its author's alone."""
    if request.state is RequestState.DRAFT:
        return actor.person_id is not None and actor.person_id == request.author_id
    return actor.person_id is not None and actor.person_id in (request.author_id, request.asked_for_id)


def read_by_staff(session: Session, request: Request, actor: Actor) -> bool:
    """The community's staff; street and county once it has come up to them."""
    if request.state is RequestState.DRAFT:
        return False
    if scopes.allows(session, actor, Permission.REQUESTS_READ, request.community_id):
        return True
    risen = request.level in (RequestLevel.STREET, RequestLevel.COUNTY)
    return risen and scopes.allows(session, actor, Permission.REQUESTS_ESCALATED, request.community_id)


def words(request: Request) -> str:
    """What was written, '' where nothing was."""
    return vault.open_sealed(request.salt, CONTENT, request.public_id, request.content)


def place(request: Request) -> str:
    """The coarse place, '' where none was chosen."""
    return vault.open_sealed(request.salt, PLACE, request.public_id, request.place)


def require_checked(request: Request) -> None:
    """Before anybody but author and staff may see it. Raises REQUEST_UNCHECKED."""
    if request.check_state is not CheckState.PASSED:
        raise Problem("REQUEST_UNCHECKED")


def requesters(session: Session, request: Request) -> list[int]:
    """Everybody who is kept informed, by person id: whom it is for, who entered it for him, and those merged into it."""
    merged = select(RequestParty.person_id).where(RequestParty.request_id == request.id).order_by(RequestParty.id)
    entered = () if by_staff(request) else (request.author_id,)
    return list(dict.fromkeys((request.asked_for_id, *entered, *session.execute(merged).scalars())))


def by_staff(request: Request) -> bool:
    """A clerk or grid worker who entered it at work is not told of every step."""
    return request.relation in (Relation.CLERK, Relation.GRID_WORKER)


def tell(session: Session, request: Request, *, outcome: str, now: datetime, **facts: str) -> None:
    """One notice to each requester; the wording is that of REQUEST_PROGRESS with this outcome, `facts` what it names besides."""
    for person_id in requesters(session, request):
        notices.tell(
            session,
            person_id=person_id,
            kind=NoticeKind.REQUEST_PROGRESS,
            subject_kind="request",
            subject_public_id=request.public_id,
            facts={"title": REQUEST_CATEGORIES.get(request.category, "诉求"), "outcome": outcome, **facts},
            dedupe=f"request:{request.id}:{request.version}:{outcome}:{person_id}",
            now=now,
        )


def reseal(request: Request, *, content: str | None, where: str | None) -> None:
    """Seal words and place, and make the place findable."""
    request.content = vault.seal(request.salt, CONTENT, request.public_id, content) if content else None
    request.place = vault.seal(request.salt, PLACE, request.public_id, where) if where else None
    request.place_hash = vault.lookup_hash("request.place", same_place(where)) if where else None


def forget_words(session: Session, *, now: datetime) -> int:
    """Words, place and result of what ended two years ago are deleted, what was added with them (docs/rules.md R7). Returns how many."""
    said = or_(Request.content.is_not(None), Request.place.is_not(None), Request.result.is_not(None))
    old = select(Request.id).where(Request.closed_at < now - WORDS_KEPT, said).order_by(Request.id).limit(FORGOTTEN)
    ids = session.execute(old).scalars().all()
    forgotten = update(Request).where(Request.id.in_(ids)).values(content=None, place=None, result=None)
    session.execute(forgotten.execution_options(synchronize_session=False))
    added = update(RequestSupplement).where(RequestSupplement.request_id.in_(ids)).values(text=None)
    session.execute(added.execution_options(synchronize_session=False))
    return len(ids)


def require_open(request: Request) -> None:
    """Raise ILLEGAL_MOVE for a request that has ended: no closed request changes."""
    if request.state in ENDS:
        raise Problem("ILLEGAL_MOVE", data={"state": request.state.value})


def _check(community: OrgNode, details: Details) -> None:
    if community.level is not OrgLevel.COMMUNITY:
        raise Problem("NOT_COMMUNITY")
    if details.category not in REQUEST_CATEGORIES:
        raise Problem("INVALID", fields={"category": "请从列表里选择类别"})
    if details.grid is not None and not details.grid.path.startswith(community.path):
        raise Problem("INVALID", fields={"grid": "所选网格不在这个社区，请重新选择"})


def _fill(request: Request, details: Details, text_check: CheckState) -> None:
    request.category, request.urgency, request.relation = details.category, details.urgency, details.relation
    request.grid_id = details.grid.id if details.grid is not None else None
    request.text_check = text_check if details.content or details.place else CheckState.PASSED
    request.words_hash = _words_hash(details)
    reseal(request, content=details.content, where=details.place)


def _words_hash(details: Details) -> str:
    said = (details.category, details.content or "", details.place or "", *sorted(details.media))
    return vault.lookup_hash("request.words", "\n".join(said))
