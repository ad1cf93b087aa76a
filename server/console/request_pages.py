"""What the pages of requests share: names for the templates, lines of lists, and a page with one form about one request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from server.console.desk import Answer, Call
from server.console.forms import Sheet, blame
from server.db.models.media import Media
from server.db.models.orgs import OrgNode
from server.db.models.platform import Undo
from server.db.models.requests import Request
from server.domain.categories import REQUEST_CATEGORIES
from server.domain.days import local_day
from server.domain.media import MediaPurpose
from server.domain.permissions import Permission, may_on_node
from server.domain.request_desk import CHANNEL_NAMES, REQUEST_STATE_NAMES, Deadline, deadline
from server.domain.request_triage import LEVEL_NAMES
from server.domain.request_words import URGENCIES
from server.domain.requests import ENDS, RequestState, Urgency
from server.services import media, places, request_cases, request_desks, request_gists, workdays

LINES = 30
S = RequestState
WAITS = (S.WAITING, S.DISPATCHED, S.OPEN, S.FINISHED, S.EXPLAINING)
NOT_DONE = (S.REJECTED, S.WITHDRAWN, S.CLOSED_UNRATED, S.CLOSED_EXPLAINED)
HURRY = {Urgency.NORMAL: "plain", Urgency.URGENT: "wait", Urgency.CRITICAL: "bad"}


@dataclass(frozen=True)
class Line:
    """A request in a list, with its first words for who may read them; no phone of anybody."""

    request: Any  # a Request, or what request_desks.SHOWN selects of one
    category: str
    state: str
    tone: str
    due: Deadline
    place: str
    handler: str
    channel: str
    urgency: str
    hurry: str
    level: str
    words: str


def category(request: Request) -> str:
    """Its category's name."""
    return REQUEST_CATEGORIES.get(request.category, "其他")


def tone(state: RequestState) -> str:
    """The badge's tone of a state."""
    if state in (S.REWORK, S.ESCALATED):
        return "bad"
    if state in WAITS:
        return "wait"
    return "good" if state in ENDS and state not in NOT_DONE else "plain"


def address(request: Request, step: str = "") -> str:
    """The request's page, or a step's."""
    return f"/console/requests/{request.public_id}" + (f"/{step}" if step else "")


def lines(call: Call, rows: Sequence[Any], *, near: Iterable[OrgNode] = ()) -> list[Line]:
    """Rows of a list with places, handlers and days left; five statements at most. The places `near` are not asked for again."""
    own = workdays.overrides(call.session, since=local_day(call.now) - workdays.HORIZON / 2) if rows else {}
    at = [row.grid_id or row.community_id for row in rows]
    nodes = {node.id: node for node in near}
    if missing := set(at) - nodes.keys():
        nodes |= places.nodes(call.session, missing)
    hands = request_desks.handlers(call.session, rows)
    return [
        Line(
            request=row,
            category=category(row),
            state=REQUEST_STATE_NAMES[row.state],
            tone=tone(row.state),
            due=deadline(row.state, row.due_at, call.now, own),
            place=nodes[where].name,
            handler=_shown_handler(call, row, nodes[where], hands[row.id]),
            channel=CHANNEL_NAMES[row.channel],
            urgency=URGENCIES[row.urgency],
            hurry=HURRY[row.urgency],
            level=LEVEL_NAMES[row.level],
            words=request_gists.shown(row, call.actor, nodes[where].path),
        )
        for row, where in zip(rows, at, strict=True)
    ]


def words_of(call: Call) -> Callable[[Any, OrgNode], str]:
    """For lists of another make: the first words of a request of this place, as the caller may read them."""
    return lambda row, place: request_gists.shown(row, call.actor, place.path)


def _shown_handler(call: Call, row: Any, place: OrgNode, name: str) -> str:
    """A unit or a team by its name; a person only for who reads requests there: street and county count, they do not look at members."""
    if not name or row.handler_unit_id or row.handler_team_id or may_on_node(call.actor, Permission.REQUESTS_READ, place.path):
        return name
    return "个人"


def step(
    call: Call,
    public_id: str,
    sheet: Sheet,
    *,
    title: str,
    button: str,
    act: Callable[[Request], Any],
    said: str,
    note: str = "",
    template: str = "console/requests/step.html",
    **values: Any,
) -> Answer:
    """A page with one form about one request: shows it, or does `act` and goes back to the request; an Undo it returns is offered there."""
    request = request_cases.visible(call.session, public_id, actor=call.actor)
    if call.posted and sheet.validate():
        made = act(request)
        return call.done(said, to=address(request), undo=made if isinstance(made, Undo) else None)
    blame(sheet, call.problem)
    status = 422 if call.posted else 200
    values |= {"sheet": sheet, "title": title, "button": button, "note": note, "request": request, "category": category(request)}
    return call.show(template, status, state=REQUEST_STATE_NAMES[request.state], tone=tone(request.state), **values)


def voices(call: Call, request: Request) -> list[Media]:
    """The voice notes on it."""
    found = media.of_subject(call.session, "request", request.id)
    return [one for one in found if one.purpose is MediaPurpose.VOICE]
