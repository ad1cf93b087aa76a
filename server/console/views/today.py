"""今天: everything that waits for this person's decision, in one queue; deciding on one line or on many, and taking it back."""

from __future__ import annotations

from urllib.parse import urlencode

from server.console import navigation, visitors
from server.console.desk import Answer, Call, Desk, away
from server.console.duty_pages import BACK_DEFAULT, queue_page, said_of
from server.db.models.notices import Notice
from server.domain.duties import TABS, DutyKind
from server.domain.notices import OF_OFFICE, desk_page, sentence
from server.domain.permissions import Permission as P
from server.domain.problems import Problem
from server.services import decisions, duties, notices, undos
from server.services.decisions import Word

desk = Desk("today")
KINDS = tuple(DutyKind)
NOTICES = 30


@desk.page("", permission=P.ME)
def home(call: Call) -> Answer:
    """The desk as one finds it in the morning."""
    tab = next((tab for tab in TABS if tab.key == call.args.get("tab")), None)
    mine = duties.kinds_of(call.actor)
    tabs = [one for one in TABS if any(kind in mine for kind in one.kinds)]
    kinds = tab.kinds if tab is not None else KINDS
    return queue_page(call, "console/today/home.html", kinds, tabs=tabs, tab=tab, every=KINDS, waiting=navigation.waiting)


@desk.action("/decide", permission=P.ME)
def decide(call: Call) -> Answer:
    """Yes or no to the lines that were chosen, or to the one whose button was pressed."""
    picks = [decisions.picked(value) for value in call.typed.getlist("pick")]
    if call.typed.get("answer") not in ("approve", "decline"):
        raise Problem("INVALID")
    accepting = call.typed["answer"] == "approve"
    reason = (call.typed.get("more", "").strip() or call.typed.get("why", "")).strip()[:200]
    word = Word(accepting, None if accepting else reason, call.actor, call.now)
    undo = decisions.decide(call.session, picks, word)
    to = visitors.back(BACK_DEFAULT).partition("act=")[0].rstrip("?&")
    if undo.failed:
        to += f"{'&' if '?' in to else '?'}{urlencode({'act': undo.public_id})}"
    return call.done(said_of(undo), to=to, undo=undo)


@desk.action("/undos/<id>", permission=P.ME)
def undo(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """Take the decision back, within ten seconds."""
    undone = undos.undo(call.session, id, actor=call.actor, now=call.now)
    failed = f"，{len(undone.failed)} 条没有撤销：{undone.failed[0].message}" if undone.failed else ""
    return call.done(f"已撤销 {len(undone.done)} 条{failed}", to=visitors.back(BACK_DEFAULT))


@desk.page("/go/<kind>/<id>", permission=P.ME)
def go(call: Call, kind: str, id: str) -> Answer:  # noqa: A002 - the address's word
    """From a notice to the page of what it is about."""
    page = desk_page(kind, id)
    if page is None:
        raise Problem("NOT_FOUND")
    return away(page)


@desk.page("/notices", permission=P.ME)
def list_notices(call: Call) -> Answer:
    """The person's own inbox, each notice of an office with a way to what it is about."""
    after = call.args.get("after") or None
    rows, following = notices.inbox(call.session, actor=call.actor, now=call.now, after=after, limit=NOTICES)
    shown = [(row, sentence(row.kind, row.facts), _page_of(row)) for row in rows]
    return call.show("console/today/notices.html", notices=shown, more=f"?after={following}" if following else "", first=after is None)


@desk.action("/notices/read", permission=P.ME)
def read_notices(call: Call) -> Answer:
    """All of them are read."""
    notices.read_all(call.session, actor=call.actor, now=call.now)
    return call.done("都标为已读了", to="/console/notices")


def _page_of(row: Notice) -> str:
    return (desk_page(row.subject_kind, row.subject_public_id) or "") if row.kind in OF_OFFICE else ""
