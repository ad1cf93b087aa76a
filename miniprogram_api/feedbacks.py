"""投诉建议: written by anybody who is signed in, answered within five working days."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from miniprogram_api.edge import Call, Resource
from miniprogram_api.request_schemas import PersonIn
from miniprogram_api.schemas import Id, In, Instant, Out, Page, PageQuery, Text
from server.db.models.feedbacks import Feedback
from server.db.models.people import Person
from server.domain.feedbacks import FeedbackAbout, FeedbackAudience, FeedbackKind, FeedbackState
from server.domain.permissions import Permission as P
from server.services import feedback_entries, feedbacks, people, places, requests
from server.services.feedbacks import Written
from server.services.intakes import Represented

feedbacks_resource = Resource("feedbacks", "投诉建议")


class FeedbackIn(In):
    """一条投诉或建议."""

    kind: FeedbackKind = Field(description="complaint 投诉，suggestion 建议")
    about: FeedbackAbout = Field(
        description="app 软件，service 一项服务或活动，community 社区的工作，staff 工作人员或办理人；后两种直接交县里答复，社区看不到"
    )
    text: Text = Field(description="写给谁看：只有答复的人能看到内容，看不到您是谁", examples=["活动通知能不能提前三天发"])
    community: Id | None = Field(None, description="关于哪个社区；不填由县里答复")
    request: Id | None = Field(None, description="关于自己的哪一件诉求；填了就由县里答复，办理人看不到")


class FeedbackEntryIn(In):
    """替没有手机的居民记一条投诉或建议；本人口头或纸面同意，登记人就是见证人."""

    person: PersonIn
    kind: FeedbackKind = Field(description="complaint 投诉，suggestion 建议")
    about: FeedbackAbout = Field(
        description="app 软件，service 一项服务或活动，community 社区的工作，staff 工作人员或办理人；后两种交县里答复"
    )
    text: Text = Field(description="居民的原话", examples=["楼道的灯坏了三次，没有人来修"])
    community: Id = Field(description="在哪个社区登记的")
    request: Id | None = Field(None, description="关于他自己的哪一件诉求；姓名要与诉求上的本人一致")


class FeedbackReplyIn(In):
    text: Text = Field(examples=["谢谢您的建议，从下周起提前三天通知"])


class FeedbackOut(Out):
    """一条投诉建议；不写是谁提的."""

    id: str
    kind: FeedbackKind
    about: FeedbackAbout
    state: FeedbackState = Field(description="open 待答复，answered 已答复，withdrawn 已撤回")
    audience: FeedbackAudience = Field(description="由谁答复：community 社区，county 县里")
    round: int = Field(description="第几次提出")
    text: str
    reply: str | None
    mine: bool = Field(description="是不是自己写的")
    written_at: Instant
    reply_due_at: Instant = Field(description="最迟答复时间：五个工作日内")
    overdue: bool = Field(description="过了时间还没答复")
    replied_at: Instant | None
    told_at: Instant | None = Field(description="代录的：什么时候把答复念给了本人")


class FeedbackEnteredOut(FeedbackOut):
    """自己代录的一条，带着该给谁回话."""

    name: str = Field(description="本人姓名")
    phone: str | None = Field(description="本人手机号，没有就当面念给他听")


class FeedbackEnteredQuery(PageQuery):
    to_tell: bool = Field(False, description="只看已答复、还没念给本人的")


class FeedbackQueueQuery(PageQuery):
    overdue: bool = Field(False, description="只看逾期的")


@feedbacks_resource.post("/feedbacks", permission=P.FEEDBACKS_SUBMIT, body=FeedbackIn, answer=FeedbackOut, status=201)
def submit_feedback(call: Call[FeedbackIn]) -> FeedbackOut:
    """写一条投诉或建议."""
    body = call.body
    community = places.community(call.session, body.community, now=call.now) if body.community else None
    request = requests.by_public_id(call.session, body.request) if body.request else None
    written = Written(body.kind, body.about, body.text, community, request)
    row = feedbacks.submit(call.session, written=written, actor=call.actor, now=call.now)
    return _out(row, call.session.get_one(Person, row.author_id), call)


@feedbacks_resource.get("/me/feedbacks", permission=P.FEEDBACKS_SUBMIT, query=PageQuery, answer=Page[FeedbackOut])
def my_feedbacks(call: Call[None]) -> Page[FeedbackOut]:
    """我写的投诉建议和答复，新的在前."""
    rows, following = feedbacks.own(call.session, actor=call.actor, after=call.query.after, limit=call.query.limit)
    me = call.session.get_one(Person, call.actor.id)
    return Page[FeedbackOut](items=[_out(row, me, call) for row in rows], next=following)


@feedbacks_resource.post(
    "/feedback-entries",
    permission=P.FEEDBACKS_ENTER,
    body=FeedbackEntryIn,
    answer=FeedbackOut,
    status=201,
    problems=("FEEDBACK_ABOUT_YOU", "NOT_COMMUNITY", "PHONE_TAKEN", "WITNESS_REQUIRED"),
)
def enter_feedback(call: Call[FeedbackEntryIn]) -> FeedbackOut:
    """替没有手机的居民记一条；答复期限和别人一样，答复出来后由登记人念给本人."""
    body, session = call.body, call.session
    community = places.community(session, body.community, now=call.now)
    request = requests.by_public_id(session, body.request) if body.request else None
    who = Represented(body.person.name, body.person.phone, body.person.consent, body.person.elder)
    written = Written(body.kind, body.about, body.text, community, request)
    row = feedback_entries.enter(session, who=who, written=written, community=community, actor=call.actor, now=call.now)
    return _out(row, session.get_one(Person, row.author_id), call)


@feedbacks_resource.get("/me/feedback-entries", permission=P.FEEDBACKS_ENTER, query=FeedbackEnteredQuery, answer=Page[FeedbackEnteredOut])
def my_feedback_entries(call: Call[None]) -> Page[FeedbackEnteredOut]:
    """我替居民记的，新的在前；有了答复的请念给本人."""
    query = call.query
    rows, following = feedback_entries.entered(call.session, to_tell=query.to_tell, actor=call.actor, after=query.after, limit=query.limit)
    return Page[FeedbackEnteredOut](items=[_entered(row, person, call) for row, person in rows], next=following)


@feedbacks_resource.post("/feedbacks/<id>/told", permission=P.FEEDBACKS_ENTER, answer=FeedbackOut, problems=("ILLEGAL_MOVE",))
def feedback_told(call: Call[None], id: str) -> FeedbackOut:  # noqa: A002
    """已把答复念给本人."""
    row, person = feedbacks.readable(call.session, id, actor=call.actor)
    return _out(feedback_entries.tell(call.session, row, actor=call.actor, now=call.now), person, call)


@feedbacks_resource.get("/orgs/<id>/feedbacks", permission=P.FEEDBACKS_ANSWER, query=FeedbackQueueQuery, answer=Page[FeedbackOut])
def feedback_queue(call: Call[None], id: str) -> Page[FeedbackOut]:  # noqa: A002 - the URL's word
    """待答复的，快到期的在前；县里能看到全部和逾期的，社区只看到该由社区答复的."""
    node, query = places.node(call.session, id), call.query
    rows, following = feedbacks.queue(
        call.session, node=node, overdue=query.overdue, actor=call.actor, now=call.now, after=query.after, limit=query.limit
    )
    return Page[FeedbackOut](items=[_out(row, person, call) for row, person in rows], next=following)


@feedbacks_resource.get("/feedbacks/<id>", permission=P.FEEDBACKS_SUBMIT, answer=FeedbackOut)
def feedback(call: Call[None], id: str) -> FeedbackOut:  # noqa: A002
    """一条投诉建议：写的人和答复的人能看."""
    return _out(*feedbacks.readable(call.session, id, actor=call.actor), call)


@feedbacks_resource.post(
    "/feedbacks/<id>/answer", permission=P.FEEDBACKS_ANSWER, body=FeedbackReplyIn, answer=FeedbackOut, problems=("ILLEGAL_MOVE",)
)
def answer_feedback(call: Call[FeedbackReplyIn], id: str) -> FeedbackOut:  # noqa: A002
    """答复."""
    row, person = feedbacks.readable(call.session, id, actor=call.actor)
    return _out(feedbacks.answer(call.session, row, text=call.body.text, actor=call.actor, now=call.now), person, call)


@feedbacks_resource.post("/feedbacks/<id>/hand-up", permission=P.FEEDBACKS_ANSWER, answer=FeedbackOut, problems=("ILLEGAL_MOVE",))
def hand_feedback_up(call: Call[None], id: str) -> FeedbackOut:  # noqa: A002
    """社区答复不了的，交县里，期限不变."""
    row, person = feedbacks.readable(call.session, id, actor=call.actor)
    return _out(feedbacks.hand_up(call.session, row, actor=call.actor, now=call.now), person, call)


@feedbacks_resource.post(
    "/feedbacks/<id>/ask-again", permission=P.FEEDBACKS_SUBMIT, body=FeedbackReplyIn, answer=FeedbackOut, problems=("ILLEGAL_MOVE",)
)
def ask_feedback_again(call: Call[FeedbackReplyIn], id: str) -> FeedbackOut:  # noqa: A002
    """对答复不满意，补充后交县里再答."""
    row, person = feedbacks.readable(call.session, id, actor=call.actor)
    return _out(feedbacks.ask_again(call.session, row, text=call.body.text, actor=call.actor, now=call.now), person, call)


@feedbacks_resource.post("/feedbacks/<id>/withdraw", permission=P.FEEDBACKS_SUBMIT, answer=FeedbackOut, problems=("ILLEGAL_MOVE",))
def withdraw_feedback(call: Call[None], id: str) -> FeedbackOut:  # noqa: A002
    """答复之前撤回."""
    row, person = feedbacks.readable(call.session, id, actor=call.actor)
    return _out(feedbacks.withdraw(call.session, row, actor=call.actor, now=call.now), person, call)


def _out(row: Feedback, person: Person, call: Call[Any]) -> FeedbackOut:
    now: datetime = call.now
    return FeedbackOut(
        id=row.public_id,
        kind=row.kind,
        about=row.about,
        state=row.state,
        audience=row.audience,
        round=row.round,
        text=feedbacks.text_of(person, row),
        reply=feedbacks.reply_of(person, row) or None,
        mine=row.author_id == call.actor.person_id,
        written_at=row.written_at,
        reply_due_at=row.reply_due_at,
        overdue=row.state is FeedbackState.OPEN and row.reply_due_at < now,
        replied_at=row.replied_at,
        told_at=row.told_at,
    )


def _entered(row: Feedback, person: Person, call: Call[Any]) -> FeedbackEnteredOut:
    shown = _out(row, person, call).model_dump()
    return FeedbackEnteredOut(**shown, name=people.name_of(person), phone=people.phone_of(person) or None)
