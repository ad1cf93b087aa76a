"""One request as the staff responsible see it: what was asked, everything that happened and who did it (mission rows C2–C8, H2).

A constant number of statements, however much happened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from server.db.models.handling import Mediation, RequestExtension, Station
from server.db.models.media import Media
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.platform import Event
from server.db.models.requests import Request, RequestOffer, RequestSupplement
from server.db.models.sign_offs import Callback, SignOff
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.request_desk import STEP_NAMES
from server.domain.requests import CONTACT, RequestState
from server.services import (
    callbacks,
    dispatch,
    endings,
    extensions,
    handling,
    media,
    people,
    receivers,
    request_desks,
    request_moves,
    requests,
    scopes,
    sign_offs,
    supplements,
    timelines,
)

MOST_OFFERS = 200
MOST_MERGED = 50
LEVELLED = (RequestState.ESCALATED, RequestState.EXPLAINING)
SUBJECTS: Mapping[str, Any] = {"request_extension": RequestExtension, "callback": Callback, "mediation": Mediation}


@dataclass(frozen=True)
class Step:
    """One line of the timeline: when, what, who ('' the system) and the reason that was written."""

    at: datetime
    sentence: str
    who: str
    note: str | None


@dataclass(frozen=True)
class Asked:
    """Somebody who was asked or offered himself, why he (or staff) said no; `mine`: the actor speaks for him."""

    offer: RequestOffer
    receiver: str
    reason: str | None
    mine: bool


@dataclass(frozen=True)
class Case:
    """The whole of a request. `roles` are what the actor is to it beside his permissions: handler, own, level, call, word."""

    request: Request
    community: OrgNode
    grid: OrgNode | None
    asked_for: str
    author: str
    phone: str  # masked
    handler: str
    station: Station | None
    steps: Sequence[Step]
    offers: Sequence[Asked]
    media: Sequence[Media]
    supplements: Sequence[tuple[RequestSupplement, str]]
    visits: Sequence[tuple[datetime, str]]
    extension: RequestExtension | None
    extension_reason: str
    ended: str | None  # why
    mediation: Mediation | None
    signed: Sequence[tuple[SignOff, str]]  # with who entered it
    kin: Mapping[str, Sequence[Request]]
    roles: frozenset[str]


def visible(session: Session, public_id: str, *, actor: Actor) -> Request:
    """A request of the actor's scope: the community's staff, street and county once it has come up to them. Raises NOT_FOUND."""
    request = requests.by_public_id(session, public_id)
    if not requests.read_by_staff(session, request, actor):
        raise Problem("NOT_FOUND")
    return request


def of(session: Session, public_id: str, *, actor: Actor, now: datetime) -> Case:
    """Everything about one request. Raises NOT_FOUND out of scope."""
    request = visible(session, public_id, actor=actor)
    offers = _offers(session, request)
    events = _events(session, request)
    visits = handling.visits(session, request)
    extension = extensions.of(session, request)
    signed = sign_offs.of(session, request)
    persons = _persons(session, request, [*(row.actor_id for row in events), *(row.by_id for row in signed)])
    names = {person_id: people.name_of(person) for person_id, person in persons.items()}
    asked_for = persons[request.asked_for_id]
    receiver, reasons = receivers.names_of(session, offers), dispatch.reasons_of(session, offers)
    words = timelines.written(session, request, events)
    return Case(
        request=request,
        community=session.get_one(OrgNode, request.community_id),
        grid=session.get(OrgNode, request.grid_id) if request.grid_id else None,
        asked_for=names[request.asked_for_id],
        author=names[request.author_id],
        phone=people.masked(people.phone_of(asked_for)),
        handler=request_desks.handlers(session, [request])[request.id],
        station=session.get(Station, request.station_id) if request.station_id else None,
        steps=[Step(row.at, _sentence(row), names.get(row.actor_id or 0, ""), words[row.id]) for row in events if row.action != "draft"],
        offers=[Asked(row, receiver[row.id], reasons[row.id], receivers.speaks_for(session, actor, receivers.of(row))) for row in offers],
        media=media.of_subject(session, "request", request.id),
        supplements=supplements.of(session, request),
        visits=[(row.at, note) for row, note in visits],
        extension=extension,
        extension_reason=extensions.reason_of(request, extension) if extension is not None else "",
        ended=endings.reason_of(request),
        mediation=session.execute(select(Mediation).where(Mediation.request_id == request.id)).scalar_one_or_none(),
        signed=[(row, names[row.by_id]) for row in signed],
        kin=_kin(session, request),
        roles=roles(session, request, actor=actor, now=now),
    )


def roles(session: Session, request: Request, *, actor: Actor, now: datetime) -> frozenset[str]:
    """handler: in whose hands it is · own: he entered it, or it is his · level: he decides at the level it has come to · call: to be
    called back today, by whoever may · word: he may enter the 签收 of whom it is for.
    """
    found = set[str]()
    if request.state in CONTACT and handling.is_handler(session, request, actor):
        found.add("handler")
    if requests.is_own(request, actor):
        found.add("own")
    if request.state is RequestState.FINISHED and callbacks.is_due(session, request, now=now):
        found.add("call")
    if request.state is RequestState.FINISHED and sign_offs.may_sign_for(session, request, actor):
        found.add("word")
    if request.state in LEVELLED:
        node = request_moves.node_of(session, request, request.level)
        if scopes.allows(session, actor, Permission.REQUESTS_ESCALATED, node):
            found.add("level")
    return frozenset(found)


def _offers(session: Session, request: Request) -> list[RequestOffer]:
    mine = select(RequestOffer).where(RequestOffer.request_id == request.id).order_by(RequestOffer.id).limit(MOST_OFFERS)
    return list(session.execute(mine).scalars())


def _events(session: Session, request: Request) -> list[Event]:
    """Its own events and those of its extension, calls and mediation, oldest first; one statement."""
    parts = [and_(Event.subject_kind == "request", Event.subject_id == request.id)]
    for kind, model in SUBJECTS.items():
        ids = select(model.id).where(model.request_id == request.id)
        parts.append(and_(Event.subject_kind == kind, Event.subject_id.in_(ids)))
    return list(session.execute(select(Event).where(or_(*parts)).order_by(Event.id)).scalars())


def _sentence(row: Event) -> str:
    words = STEP_NAMES.get((row.subject_kind, row.action), row.action)
    if row.subject_kind == "callback":
        return f"{words}：{'打通' if row.to_state == 'reached' else '没有打通'}"
    return words


def _persons(session: Session, request: Request, others: Sequence[int | None]) -> dict[int, Person]:
    wanted = {request.asked_for_id, request.author_id, *others} - {None}
    return {row.id: row for row in session.execute(select(Person).where(Person.id.in_(wanted))).scalars()}


def _kin(session: Session, request: Request) -> dict[str, list[Request]]:
    """Merged here, split from it, what it went into or came from; one statement."""
    kin = (Request.merged_into_id == request.id, Request.split_from_id == request.id, Request.reopened_from_id == request.id)
    above = [one for one in (request.merged_into_id, request.split_from_id, request.reopened_from_id) if one is not None]
    found = select(Request).where(or_(*kin, Request.id.in_(above))).order_by(Request.id).limit(MOST_MERGED)
    rows = list(session.execute(found).scalars())
    return {
        "merged": [row for row in rows if row.merged_into_id == request.id],
        "split": [row for row in rows if row.split_from_id == request.id],
        "reopened": [row for row in rows if row.reopened_from_id == request.id],
        "into": [row for row in rows if row.id == request.merged_into_id],
        "from": [row for row in rows if row.id in (request.split_from_id, request.reopened_from_id)],
    }
