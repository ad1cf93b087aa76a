"""投诉建议: what waits for a reply (five working days), what was entered for somebody without a phone, and the replies to be read out."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from server.console import request_pages
from server.console.desk import Answer, Call, Desk
from server.console.forms import UNCHOSEN, Sheet, blame, choice, text, words
from server.console.intake_places import highest, where
from server.console.person_fields import consent, elder, person_name, person_phone, represented
from server.db.models.feedbacks import Feedback
from server.db.models.people import Person
from server.domain.days import local_day
from server.domain.feedbacks import (
    FEEDBACK_ABOUT_NAMES,
    FEEDBACK_AUDIENCE_NAMES,
    FEEDBACK_KIND_NAMES,
    FEEDBACK_STATE_NAMES,
    FeedbackAbout,
    FeedbackAudience,
    FeedbackKind,
    FeedbackState,
)
from server.domain.permissions import Permission as P
from server.domain.request_desk import Deadline, deadline
from server.domain.requests import RequestState
from server.services import feedback_entries, feedbacks, people, requests, workdays
from server.services.feedbacks import Written

desk = Desk("feedbacks")
TONES = {FeedbackState.OPEN: "wait", FeedbackState.ANSWERED: "good", FeedbackState.WITHDRAWN: "plain"}


class EntrySheet(Sheet):
    """What somebody says, and who it is."""

    kind = choice("投诉还是建议", [(one.value, name) for one, name in FEEDBACK_KIND_NAMES.items()], radio=True)
    about = choice(
        "关于什么",
        [UNCHOSEN, *((one.value, name) for one, name in FEEDBACK_ABOUT_NAMES.items())],
        hint="关于社区工作和人员的，直接交县里答复",
    )
    text = text("他的原话", longest=2000)
    number = words("关于他哪一件诉求（单号，可不填）", longest=32, required=False, hint="填了就由县里答复，办理人看不到")
    name = person_name()
    phone = person_phone()
    consent = consent()
    elder = elder()


class ReplySheet(Sheet):
    """Words to the writer."""

    text = text("写给本人的话", longest=2000)


@desk.page("/feedbacks", permission=P.FEEDBACKS_ANSWER)
def list_feedbacks(call: Call) -> Answer:
    """待答复的，快到期的在前."""
    node, late = highest(call, P.FEEDBACKS_ANSWER), bool(call.args.get("overdue"))
    after, limit = call.args.get("after") or None, request_pages.LINES
    rows, following = feedbacks.queue(call.session, node=node, overdue=late, actor=call.actor, now=call.now, after=after, limit=limit)
    more = f"?{urlencode({'overdue': '1' if late else '', 'after': following})}" if following else ""
    return call.show("console/feedbacks/list.html", node=node, lines=_lines(call, rows), late=late, more=more)


@desk.page("/feedbacks/entered", permission=P.FEEDBACKS_ENTER)
def list_entered(call: Call) -> Answer:
    """我替居民记的，新的在前；有了答复的请念给本人."""
    to_tell = bool(call.args.get("to_tell"))
    after, limit = call.args.get("after") or None, request_pages.LINES
    rows, following = feedback_entries.entered(call.session, to_tell=to_tell, actor=call.actor, after=after, limit=limit)
    more = f"?{urlencode({'to_tell': '1' if to_tell else '', 'after': following})}" if following else ""
    return call.show("console/feedbacks/entered.html", lines=_lines(call, rows), to_tell=to_tell, more=more)


@desk.form("/feedbacks/new", permission=P.FEEDBACKS_ENTER)
def enter(call: Call) -> Answer:
    """替没有手机的居民记一条；答复出来后念给本人."""
    here, _below = where(call, call.session, P.FEEDBACKS_ENTER)
    sheet = EntrySheet(call.typed)
    if call.posted and sheet.validate():
        community = here.here
        request = requests.by_number(call.session, sheet.number.data, community_id=community.id) if sheet.number.data else None
        written = Written(FeedbackKind(sheet.kind.data), FeedbackAbout(sheet.about.data), sheet.text.data, community, request)
        feedback_entries.enter(call.session, who=represented(sheet), written=written, community=community, actor=call.actor, now=call.now)
        return call.done("已记下，五个工作日内答复", to="/console/feedbacks/entered")
    blame(sheet, call.problem)
    return call.show("console/feedbacks/new.html", 422 if call.posted else 200, places=here, sheet=sheet)


@desk.page("/feedbacks/<id>", permission=P.ME)
def show_feedback(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """一条投诉建议：写的人和答复的人能看."""
    row, person = feedbacks.readable(call.session, id, actor=call.actor)
    mine = call.actor.person_id in (row.author_id, row.entered_by)
    return call.show("console/feedbacks/one.html", mine=mine, **_about(call, row, person, named=row.entered_by == call.actor.person_id))


@desk.form("/feedbacks/<id>/answer", permission=P.FEEDBACKS_ANSWER)
def answer(call: Call, id: str) -> Answer:  # noqa: A002
    """答复."""

    def act(row: Feedback, said: str) -> None:
        feedbacks.answer(call.session, row, text=said, actor=call.actor, now=call.now)

    return _write(call, id, title="答复", act=act, said="已答复，本人会收到通知", to="/console/feedbacks")


@desk.form("/feedbacks/<id>/ask-again", permission=P.FEEDBACKS_ENTER)
def ask_again(call: Call, id: str) -> Answer:  # noqa: A002
    """本人对答复不满意：补充后交县里再答."""

    def act(row: Feedback, said: str) -> None:
        feedbacks.ask_again(call.session, row, text=said, actor=call.actor, now=call.now)

    return _write(call, id, title="他不满意，再问一次", act=act, said="已交县里再答", to="/console/feedbacks/entered")


@desk.action("/feedbacks/<id>/hand-up", permission=P.FEEDBACKS_ANSWER)
def hand_up(call: Call, id: str) -> Answer:  # noqa: A002
    """社区答复不了的，交县里，期限不变."""
    row, _person = feedbacks.readable(call.session, id, actor=call.actor)
    feedbacks.hand_up(call.session, row, actor=call.actor, now=call.now)
    return call.done("已交县里答复", to="/console/feedbacks")


@desk.action("/feedbacks/<id>/told", permission=P.FEEDBACKS_ENTER)
def told(call: Call, id: str) -> Answer:  # noqa: A002
    """已把答复念给本人."""
    row, _person = feedbacks.readable(call.session, id, actor=call.actor)
    feedback_entries.tell(call.session, row, actor=call.actor, now=call.now)
    return call.done("已记下念给本人了", to="/console/feedbacks/entered")


@desk.action("/feedbacks/<id>/withdraw", permission=P.FEEDBACKS_ENTER)
def withdraw(call: Call, id: str) -> Answer:  # noqa: A002
    """答复之前，本人不要了：替他撤回."""
    row, _person = feedbacks.readable(call.session, id, actor=call.actor)
    feedbacks.withdraw(call.session, row, actor=call.actor, now=call.now)
    return call.done("已撤回", to="/console/feedbacks/entered")


def _write(call: Call, public_id: str, *, title: str, act: Any, said: str, to: str) -> Answer:
    row, person = feedbacks.readable(call.session, public_id, actor=call.actor)
    sheet = ReplySheet(call.typed)
    if call.posted and sheet.validate():
        act(row, sheet.text.data)
        return call.done(said, to=to)
    return call.show("console/feedbacks/write.html", 422 if call.posted else 200, sheet=sheet, title=title, **_about(call, row, person))


def _lines(call: Call, rows: Any) -> list[dict[str, Any]]:
    own = workdays.overrides(call.session, since=local_day(call.now) - workdays.HORIZON / 2) if rows else {}
    return [
        {**_names(row), "row": row, "text": feedbacks.text_of(person, row), "name": people.name_of(person), "due": _due(call, row, own)}
        for row, person in rows
    ]


def _about(call: Call, row: Feedback, person: Person, *, named: bool = False) -> dict[str, Any]:
    """What the page shows; who wrote it only for the clerk who entered it."""
    own = workdays.overrides(call.session, since=local_day(call.now) - workdays.HORIZON / 2)
    return {
        **_names(row),
        "row": row,
        "text": feedbacks.text_of(person, row),
        "reply": feedbacks.reply_of(person, row),
        "due": _due(call, row, own),
        "name": people.name_of(person) if named else "",
        "phone": people.masked(people.phone_of(person)) if named else "",
        "open": row.state is FeedbackState.OPEN,
        "up": row.audience is FeedbackAudience.COUNTY,
    }


def _names(row: Feedback) -> dict[str, str]:
    return {
        "kind": FEEDBACK_KIND_NAMES[row.kind],
        "about_what": FEEDBACK_ABOUT_NAMES[row.about],
        "state": FEEDBACK_STATE_NAMES[row.state],
        "tone": TONES[row.state],
        "audience": FEEDBACK_AUDIENCE_NAMES[row.audience],
    }


def _due(call: Call, row: Feedback, own: Any) -> Deadline:
    """As a request's: an answered one is over."""
    state = RequestState.SUBMITTED if row.state is FeedbackState.OPEN else RequestState.CLOSED
    return deadline(state, row.reply_due_at, call.now, own)
