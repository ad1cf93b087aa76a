"""The rows of the ledgers (docs/rules.md §4): in the order of the register, five hundred at a time, a few statements each time.

Who may not read names gets 个人 for a person, and nothing of what somebody said by name on the telephone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, select
from sqlalchemy.orm import Session, aliased

from server.db.models.orgs import OrgNode, Unit, UnitBranch
from server.db.models.people import Person
from server.db.models.registrations import MemberRegistration, UnitRegistration
from server.db.models.requests import Request, RequestOffer
from server.db.models.rosters import RosterEntry
from server.db.models.sign_offs import Callback
from server.db.models.tallies import Tally
from server.db.models.tasks import Claim, Task, VolunteerTeam
from server.db.models.wishes import Wish
from server.domain.ballots import SATISFACTION_NAMES
from server.domain.categories import REQUEST_CATEGORIES
from server.domain.days import SHANGHAI
from server.domain.figures import Span
from server.domain.orgs import UNIT_CATEGORY_NAMES
from server.domain.people import MemberType
from server.domain.rates import rate, tenths
from server.domain.registrations import LIVE, MEMBER_STATE_NAMES, UNIT_STATE_NAMES, MemberState, Source, UnitState
from server.domain.request_desk import CHANNEL_NAMES, REQUEST_STATE_NAMES
from server.domain.requests import OfferKind, RequestState
from server.domain.rosters import EntryState
from server.domain.tasks import ClaimState, TaskKind
from server.domain.wishes import WISH_GROUP_NAMES
from server.services import people, units
from server.services.figures import ACCEPTED
from server.services.workbooks import Cell

STEP = 500
SOMEBODY = "个人"
ONLINE = (Source.SCAN, Source.WEB)
Line = Sequence[Cell]


@dataclass(frozen=True)
class Asked:
    """Whose ledger of which period, and whether names may stand in it."""

    session: Session
    node: OrgNode
    span: Span
    names: bool


def below(asked: Asked, column: Any) -> ColumnElement[bool]:
    """The row's place lies in the place asked for."""
    inside = select(OrgNode.id).where(OrgNode.path.startswith(asked.node.path, autoescape=True))
    return and_(column.in_(inside))


def total(asked: Asked, wanted: Select[*tuple[Any, ...]]) -> int:
    """How many rows there will be."""
    return int(asked.session.execute(select(func.count()).select_from(wanted.subquery())).scalar_one())


def chunks(session: Session, wanted: Select[*tuple[Any, ...]], model: Any) -> Iterator[Sequence[Row[*tuple[Any, ...]]]]:
    """The rows of `wanted`, whose first entity is `model`, by id."""
    last = 0
    while rows := session.execute(wanted.where(model.id > last).order_by(model.id).limit(STEP)).all():
        yield rows
        last = rows[-1][0].id


def unit_select(asked: Asked) -> Select[*tuple[Any, ...]]:
    """Units on the county's list whose premises are here, with their present registration."""
    live = and_(UnitRegistration.unit_id == Unit.id, UnitRegistration.state != UnitState.ENDED)
    place = aliased(OrgNode)
    wanted = select(Unit, UnitRegistration, place.name).outerjoin(UnitRegistration, live)
    joined = wanted.outerjoin(place, place.id == UnitRegistration.community_id)
    return joined.where(below(asked, Unit.community_id), Unit.archived_at.is_(None))


def unit_rows(asked: Asked) -> Iterator[Line]:
    """1 单位报到台账."""
    number = 0
    for rows in chunks(asked.session, unit_select(asked), Unit):
        members = _members_of(asked.session, [row[0].id for row in rows])
        for unit, registration, place in rows:
            number += 1
            listed, registered, exempt = members.get(unit.id, (0, 0, 0))
            accepted = registration is not None and registration.state in ACCEPTED
            pair = rate(registered, listed)
            yield (
                number, unit.name, UNIT_CATEGORY_NAMES[unit.category], unit.superior, place if accepted else "",
                day(registration.decided_at) if accepted else "", registration.receipt_no if registration is not None else "",
                _contact(unit) if asked.names else "", listed, registered, f"{pair.percent}%" if pair else "—", "",
                _remark(registration, exempt),
            )  # fmt: skip


def _members_of(session: Session, ids: Sequence[int]) -> Mapping[int, tuple[int, int, int]]:
    """By unit: in-service members on its roster less exempt ones, how many of those are registered, how many are exempt."""
    live = and_(MemberRegistration.person_id == RosterEntry.person_id, MemberRegistration.state.in_(LIVE))
    counts = RosterEntry.exempt.is_(None)
    wanted = (
        select(
            RosterEntry.unit_id,
            func.count().filter(counts),
            func.count(MemberRegistration.id).filter(counts),
            func.count().filter(RosterEntry.exempt.is_not(None)),
        )
        .outerjoin(MemberRegistration, live)
        .where(RosterEntry.unit_id.in_(ids), RosterEntry.member_type == MemberType.IN_SERVICE, RosterEntry.state == EntryState.LISTED)
    )
    return {row[0]: (row[1], row[2], row[3]) for row in session.execute(wanted.group_by(RosterEntry.unit_id))}


def _contact(unit: Unit) -> str:
    said = units.contact_of(unit)
    return " ".join(part for part in (said.name, people.masked(said.phone)) if part)


def _remark(registration: UnitRegistration | None, exempt: int) -> str:
    state = "" if registration is None or registration.state in ACCEPTED else UNIT_STATE_NAMES[registration.state]
    return "；".join(part for part in (state, f"另有免报到 {exempt} 人" if exempt else "") if part)


def member_select(asked: Asked) -> Select[*tuple[Any, ...]]:
    """In-service members who registered here; who did not is on no list (R1)."""
    community, grid = aliased(OrgNode), aliased(OrgNode)
    return (
        select(MemberRegistration, Person, Unit.name, UnitBranch.name, community.name, grid.name)
        .join(Person, Person.id == MemberRegistration.person_id)
        .join(community, community.id == MemberRegistration.community_id)
        .outerjoin(grid, grid.id == MemberRegistration.grid_id)
        .outerjoin(Unit, Unit.id == MemberRegistration.unit_id)
        .outerjoin(UnitBranch, UnitBranch.id == MemberRegistration.branch_id)
        .where(below(asked, func.coalesce(MemberRegistration.grid_id, MemberRegistration.community_id)))
        .where(MemberRegistration.state != MemberState.CLOSED, Person.member_type == MemberType.IN_SERVICE)
    )


def member_rows(asked: Asked) -> Iterator[Line]:
    """2 在职党员报到台账."""
    number = 0
    for rows in chunks(asked.session, member_select(asked), MemberRegistration):
        ids = [row[1].id for row in rows]
        posts, served = _posts_of(asked.session, ids), _served(asked, ids)
        for registration, person, unit, branch, community, grid in rows:
            number += 1
            visits, minutes = served.get(person.id, (0, 0))
            place = f"{community}/{grid}" if grid else community
            yield (
                number, people.name_of(person), unit, branch, place, "、".join(registration.skills), "、".join(posts.get(person.id, [])),
                iso(registration.valid_from), "线上" if registration.source in ONLINE else "线下",
                MEMBER_STATE_NAMES[registration.state], visits, hours(minutes),
            )  # fmt: skip


def _posts_of(session: Session, ids: Sequence[int]) -> Mapping[int, list[str]]:
    held = Claim.state.in_((ClaimState.APPROVED, ClaimState.DONE))
    wanted = select(Claim.person_id, Task.title).join(Task, Task.id == Claim.task_id)
    found: dict[int, list[str]] = {}
    for person_id, title in session.execute(wanted.where(Claim.person_id.in_(ids), held, Task.kind == TaskKind.POST).order_by(Claim.id)):
        titles = found.setdefault(person_id, [])
        titles += [] if title in titles else [title]  # several shifts of one post
    return found


def _served(asked: Asked, ids: Sequence[int]) -> Mapping[int, tuple[int, int]]:
    mine = (Tally.scope == "person", Tally.period == asked.span.period, Tally.starts_on == asked.span.starts_on, Tally.scope_id.in_(ids))
    return {row[0]: (row[1], row[2]) for row in asked.session.execute(select(Tally.scope_id, Tally.visits, Tally.minutes).where(*mine))}


def request_select(asked: Asked) -> Select[*tuple[Any, ...]]:
    """Requests sent in the period, with who handles them."""
    grid = aliased(OrgNode)
    handler = aliased(Person)
    return (
        select(Request, grid.name, Unit.name, VolunteerTeam.name, handler)
        .outerjoin(grid, grid.id == Request.grid_id)
        .outerjoin(Unit, Unit.id == Request.handler_unit_id)
        .outerjoin(VolunteerTeam, VolunteerTeam.id == Request.handler_team_id)
        .outerjoin(handler, handler.id == Request.handler_person_id)
        .where(below(asked, func.coalesce(Request.grid_id, Request.community_id)), Request.state != RequestState.DRAFT)
        .where(Request.submitted_at >= asked.span.begin, Request.submitted_at < asked.span.end)
    )


def request_rows(asked: Asked) -> Iterator[Line]:
    """3 点单办理台账: no words, no place, no requester."""
    for rows in chunks(asked.session, request_select(asked), Request):
        ids = [row[0].id for row in rows]
        dispatched, said = _dispatched(asked.session, ids), _said(asked, ids)
        for request, grid, unit, team, person in rows:
            yield (
                request.number, CHANNEL_NAMES[request.channel], REQUEST_CATEGORIES.get(request.category, "其他"), grid,
                moment(request.submitted_at), moment(_triaged(request)), moment(dispatched.get(request.id)), moment(request.accepted_at),
                moment(request.promised_at), moment(request.finished_at), "是" if request.extensions else "否",
                unit or team or who(asked, person), REQUEST_STATE_NAMES[request.state], _answers(request, said), request.round,
            )  # fmt: skip


def _triaged(request: Request) -> datetime | None:
    ended = request.state in (RequestState.MERGED, RequestState.SPLIT, RequestState.REJECTED)
    return request.triaged_at or (request.closed_at if ended else None)


def _dispatched(session: Session, ids: Sequence[int]) -> Mapping[int, datetime]:
    """When each was first dispatched."""
    asked = RequestOffer.kind.in_((OfferKind.DISPATCH, OfferKind.WHISTLE))
    wanted = select(RequestOffer.request_id, func.min(RequestOffer.made_at)).where(RequestOffer.request_id.in_(ids), asked)
    return {row[0]: row[1] for row in session.execute(wanted.group_by(RequestOffer.request_id))}


def _said(asked: Asked, ids: Sequence[int]) -> Mapping[int, Callback]:
    """The last call that was answered; a ballot is on no ledger (docs/protocol.md §4)."""
    if not asked.names:
        return {}
    wanted = select(Callback).where(Callback.request_id.in_(ids), Callback.reached.is_(True)).order_by(Callback.id)
    return {call.request_id: call for call in asked.session.execute(wanted).scalars()}


def _answers(request: Request, said: Mapping[int, Callback]) -> str:
    call = said.get(request.id)
    words = {True: "是", False: "否", None: "—"}
    satisfied = SATISFACTION_NAMES[call.satisfaction] if call is not None and call.satisfaction is not None else "—"
    return f"{words[call.contacted if call is not None else None]}/{words[request.solved]}/{satisfied}"


def wish_select(asked: Asked) -> Select[*tuple[Any, ...]]:
    """Micro-wishes collected in the period."""
    collector, claimant = aliased(Person), aliased(Person)
    return (
        select(Wish, collector, claimant, Unit.name)
        .join(collector, collector.id == Wish.collected_by)
        .outerjoin(claimant, claimant.id == Wish.claimant_id)
        .outerjoin(Unit, Unit.id == Wish.claimant_unit_id)
        .where(below(asked, func.coalesce(Wish.grid_id, Wish.community_id)))
        .where(Wish.collected_at >= asked.span.begin, Wish.collected_at < asked.span.end)
    )


def wish_rows(asked: Asked) -> Iterator[Line]:
    """4 微心愿: by the alias; the wisher is nowhere."""
    for rows in chunks(asked.session, wish_select(asked), Wish):
        for wish, collector, claimant, unit in rows:
            yield (
                wish.number, f"{WISH_GROUP_NAMES[wish.group]}（{wish.alias}）", wish.content, who(asked, collector),
                unit or who(asked, claimant), day(wish.claimed_at), day(wish.contacted_at), day(wish.fulfilled_at), day(wish.confirmed_at),
            )  # fmt: skip


def who(asked: Asked, person: Person | None) -> str:
    if person is None:
        return ""
    return (people.name_of(person) or SOMEBODY) if asked.names else SOMEBODY


def moment(at: datetime | None) -> str:
    """A moment as a cell."""
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M") if at is not None else ""


def day(at: datetime | None) -> str:
    """The local day of a moment as a cell."""
    return at.astimezone(SHANGHAI).date().isoformat() if at is not None else ""


def hours(minutes: int) -> str:
    """Minutes as hours with one decimal, rounded half up."""
    return tenths(10 * minutes, 60)


def iso(on: date | None) -> str:
    return on.isoformat() if on is not None else ""


Rows = Callable[[Asked], Iterator[Line]]
