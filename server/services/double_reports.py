"""双报告: what a member did is written once and seen twice, by his community and, if he agrees, by his unit's branch (docs/rules.md §3).

The community sees no other unit's data. The branch sees its own roster only: no address, no phone, no place, no word about whom he helped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, or_, select
from sqlalchemy.orm import Session

from server.db.models.checkins import ServiceRecord
from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import Consent, Person
from server.db.models.registrations import MemberRegistration
from server.db.models.rosters import RosterEntry
from server.db.models.tasks import Task
from server.domain.consents import TEXTS
from server.domain.people import MemberType, Purpose
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.records import COUNTS, Method
from server.domain.registrations import LIVE
from server.domain.rosters import EntryState
from server.services import bindings, consents, lists, places, registrations, scopes

COMMUNITY_NEVER_SEES = ("单位内部信息", "手机号", "服务对象的情况")
UNIT_NEVER_SEES = ("住址", "手机号", "服务地点", "服务对象的情况", "别的单位的人")


@dataclass(frozen=True)
class Report:
    """One counted service. `place` is for the community only."""

    id: str
    day: date
    title: str
    category: str
    community: str
    place: str | None
    minutes: int
    method: Method
    grade: str


@dataclass(frozen=True)
class Listed:
    """A member of the unit's roster. Visits, minutes and community are None unless he agreed to show them."""

    entry: RosterEntry
    name: str
    branch: str | None
    member_type: MemberType
    registered: str
    person_id: str | None
    shared: bool
    community: str | None
    visits: int | None
    minutes: int | None


def for_community(
    session: Session, *, community: OrgNode, person: Person, actor: Actor, after: str | None, limit: int
) -> tuple[list[Report], str | None]:
    """What a member did for this community, and anywhere while he was registered here; the newest first. Raises NOT_FOUND."""
    scopes.require(session, actor, Permission.MEMBERS_READ, community.id)
    wanted = select(MemberRegistration.valid_from, MemberRegistration.valid_to).where(
        MemberRegistration.person_id == person.id,
        MemberRegistration.community_id == community.id,
        MemberRegistration.valid_from.is_not(None),
    )
    stays = session.execute(wanted).all()
    if not stays:
        raise Problem("NOT_FOUND")
    here = or_(ServiceRecord.community_id == community.id, *(_during(stay.valid_from, stay.valid_to) for stay in stays))
    rows, following = _page(session, person, here, after, limit)
    return [_report(*row, with_place=True) for row in rows], following


def for_unit(
    session: Session, *, unit: Unit, person: Person, actor: Actor, after: str | None, limit: int
) -> tuple[list[Report], str | None]:
    """What a member did while he belonged to this unit; the newest first.

    Raises NOT_FOUND for somebody not on its roster, SHARE_NOT_AGREED without his consent.
    """
    scopes.require_unit(actor, Permission.UNIT_MEMBERS_READ, unit.id)
    entry = bindings.of(session, person_id=person.id)
    if entry is None or entry.unit_id != unit.id:
        raise Problem("NOT_FOUND")
    if not consents.stands(session, person_id=person.id, purpose=Purpose.SHARE_UNIT):
        raise Problem("SHARE_NOT_AGREED")
    rows, following = _page(session, person, ServiceRecord.unit_id == unit.id, after, limit)
    return [_report(*row, with_place=False) for row in rows], following


def members(session: Session, *, unit: Unit, actor: Actor, after: str | None, limit: int) -> tuple[list[Listed], str | None]:
    """The unit's own roster in the order it was imported, never by performance (R2). Raises NOT_FOUND for another unit."""
    scopes.require_unit(actor, Permission.UNIT_MEMBERS_READ, unit.id)
    wanted = select(RosterEntry, Person.public_id).outerjoin(Person, Person.id == RosterEntry.person_id)
    wanted = wanted.where(RosterEntry.unit_id == unit.id, RosterEntry.state == EntryState.LISTED)
    rows, following = lists.page(session, wanted, RosterEntry, after=after, limit=limit)
    ids = [entry.person_id for entry, _ in rows if entry.person_id is not None]
    known = _Known(_registered(session, ids), _sharing(session, ids), _sums(session, unit, ids))
    branches = places.branches(session, {entry.branch_id for entry, _ in rows})
    return [_listed(entry, person_id, branches.get(entry.branch_id or 0), known) for entry, person_id in rows], following


@dataclass(frozen=True)
class _Known:
    registered: dict[int, tuple[str, str]]
    sharing: set[int]
    sums: dict[int, tuple[int, int]]


def _listed(entry: RosterEntry, person_id: str | None, branch: str | None, known: _Known) -> Listed:
    own = entry.person_id or 0
    state, community = known.registered.get(own, ("none", ""))
    shared = own in known.sharing
    visits, minutes = known.sums.get(own, (0, 0))
    return Listed(
        entry=entry,
        name=bindings.name_of(entry),
        branch=branch,
        member_type=entry.member_type,
        registered=state,
        person_id=person_id,
        shared=shared,
        community=(community or None) if shared else None,
        visits=visits if shared else None,
        minutes=minutes if shared else None,
    )


def _page(
    session: Session, person: Person, within: ColumnElement[bool], after: str | None, limit: int
) -> tuple[list[Row[ServiceRecord, Task, str]], str | None]:
    wanted = (
        select(ServiceRecord, Task, OrgNode.name)
        .join(Task, Task.id == ServiceRecord.task_id)
        .join(OrgNode, OrgNode.id == ServiceRecord.community_id)
        .where(ServiceRecord.person_id == person.id, ServiceRecord.state.in_(COUNTS), within)
    )
    return lists.page(session, wanted, ServiceRecord, after=after, limit=limit, newest_first=True)


def _report(record: ServiceRecord, task: Task, community: str, *, with_place: bool) -> Report:
    return Report(
        id=record.public_id,
        day=record.day,
        title=task.title,
        category=task.category,
        community=community,
        place=task.place if with_place else None,
        minutes=record.minutes,
        method=record.method,
        grade=record.grade,
    )


def _during(start: date, end: date | None) -> ColumnElement[bool]:
    since = ServiceRecord.day >= start
    return since if end is None else and_(since, ServiceRecord.day < end)


def _registered(session: Session, ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Person → (registered, waiting or returned; community), the live registration before any other."""
    wanted = (
        select(MemberRegistration.person_id, MemberRegistration.state, OrgNode.name)
        .join(OrgNode, OrgNode.id == MemberRegistration.community_id)
        .where(MemberRegistration.person_id.in_(ids), MemberRegistration.state.in_((*LIVE, *registrations.WAITING)))
        .order_by(MemberRegistration.state.in_(LIVE), MemberRegistration.id)
    )
    return {row.person_id: ("registered" if row.state in LIVE else "waiting", row.name) for row in session.execute(wanted)}


def _sharing(session: Session, ids: Sequence[int]) -> set[int]:
    wanted = select(Consent.person_id).where(
        Consent.person_id.in_(ids),
        Consent.purpose == Purpose.SHARE_UNIT,
        Consent.version == TEXTS[Purpose.SHARE_UNIT].version,
        Consent.withdrawn_at.is_(None),
    )
    return set(session.execute(wanted).scalars())


def _sums(session: Session, unit: Unit, ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Person → (visits, minutes) of what counts, in this unit's time."""
    wanted: Any = (
        select(ServiceRecord.person_id, func.count(), func.sum(ServiceRecord.minutes))
        .where(ServiceRecord.person_id.in_(ids), ServiceRecord.unit_id == unit.id, ServiceRecord.state.in_(COUNTS))
        .group_by(ServiceRecord.person_id)
    )
    return {person: (visits, int(minutes)) for person, visits, minutes in session.execute(wanted)}
