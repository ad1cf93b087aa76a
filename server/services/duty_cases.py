"""What one looks at before deciding: a row with its person and whatever speaks for or against it, for who may decide on it there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.checkins import ServiceRecord
from server.db.models.media import Media
from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import BindingRequest, Person
from server.db.models.registrations import MemberRegistration, Transfer, UnitRegistration
from server.db.models.rosters import RosterEntry
from server.db.models.tasks import Claim, Shift, Task
from server.domain.duties import DutyKind
from server.domain.permissions import Actor, Permission
from server.domain.registrations import MemberState
from server.services import (
    binding_requests,
    bindings,
    claim_lists,
    claims,
    duties,
    evidence,
    media,
    organisers,
    people,
    places,
    records,
    registrations,
    scopes,
    transfers,
    unit_registrations,
)
from server.services.bindings import Candidate
from server.services.duties import Duty
from server.services.unit_registrations import Slip

RECORDS = 12  # with words and pictures, a page of twelve is read to its end


@dataclass(frozen=True)
class ClaimCase:
    """A claim, and what else the person has promised for the same hours."""

    claim: Claim
    task: Task
    shift: Shift | None
    person: Person
    unit: str
    overlaps: Sequence[Task]


@dataclass(frozen=True)
class RegistrationCase:
    """A member's form, what the roster says of him, and where else he is registered."""

    row: MemberRegistration
    person: Person
    unit: str
    grid: str
    address: str
    listed: RosterEntry | None
    elsewhere: OrgNode | None


@dataclass(frozen=True)
class TransferCase:
    """Who wants to move, from where to where."""

    row: Transfer
    person: Person
    old: OrgNode
    new: OrgNode
    registration: MemberRegistration


@dataclass(frozen=True)
class BindingCase:
    """Who asks to be found on a roster, and who he may be, each with name, unit and masked phone."""

    row: BindingRequest
    person: Person
    name: str
    unit: str
    note: str
    candidates: Sequence[tuple[Candidate, str, str, str]]


@dataclass(frozen=True)
class UnitCase:
    """A unit's slip."""

    row: UnitRegistration
    unit: Unit
    slip: Slip


@dataclass(frozen=True)
class RecordCase:
    """A record with its words and pictures, and how many stand for it."""

    record: ServiceRecord
    person: Person
    task: Task
    text: str
    pictures: Sequence[Media]
    duty: Duty | None = None


def of_claim(session: Session, public_id: str, *, actor: Actor) -> ClaimCase:
    """Raises NOT_FOUND unless he decides on claims there."""
    line = claim_lists.line_of(session, public_id, actor=actor)
    scopes.require(session, actor, Permission.CLAIMS_DECIDE, line.claim.community_id)
    unit = places.units(session, [line.claim.unit_id]).get(line.claim.unit_id or 0, "")
    return ClaimCase(line.claim, line.task, line.shift, line.person, unit, claims.overlapping(session, line.claim))


def of_registration(session: Session, public_id: str, *, actor: Actor) -> RegistrationCase:
    """Raises NOT_FOUND unless he decides on registrations there."""
    row = registrations.by_public_id(session, public_id)
    scopes.require(session, actor, Permission.REGISTRATIONS_DECIDE, row.community_id)
    person = session.get_one(Person, row.person_id)
    unit = places.units(session, [row.unit_id]).get(row.unit_id or 0, "")
    grid = session.get(OrgNode, row.grid_id) if row.grid_id else None
    live = registrations.live_of(session, person_id=row.person_id) if row.state is MemberState.SUBMITTED else None
    other = session.get(OrgNode, live.community_id) if live is not None and live.id != row.id else None
    address, listed = registrations.address_of(person, row), bindings.of(session, person_id=person.id)
    return RegistrationCase(row, person, unit, grid.name if grid else "", address, listed, other)


def of_transfer(session: Session, public_id: str, *, actor: Actor) -> TransferCase:
    """Raises NOT_FOUND unless it lies at his desk."""
    row = transfers.by_public_id(session, public_id)
    scopes.require(session, actor, Permission.REGISTRATIONS_DECIDE, row.community_id)
    old, new = (session.get_one(OrgNode, node_id) for node_id in (row.from_community_id, row.to_community_id))
    return TransferCase(row, session.get_one(Person, row.person_id), old, new, session.get_one(MemberRegistration, row.registration_id))


def of_binding(session: Session, public_id: str, *, actor: Actor, now: datetime) -> BindingCase:
    """Raises NOT_FOUND unless he decides on bindings there."""
    row = binding_requests.by_public_id(session, public_id)
    found = binding_requests.candidates(session, row, actor=actor, now=now)
    person = session.get_one(Person, row.person_id)
    name, unit = binding_requests.claimed(person, row)
    units = places.units(session, {one.entry.unit_id for one in found})
    named = [(one, bindings.name_of(one.entry), units[one.entry.unit_id], people.masked(bindings.phone_of(one.entry))) for one in found]
    return BindingCase(row, person, name, unit, binding_requests.note_of(person, row), named)


def of_unit_registration(session: Session, public_id: str, *, actor: Actor) -> UnitCase:
    """Raises NOT_FOUND unless he decides on units there."""
    row = unit_registrations.by_public_id(session, public_id)
    scopes.require(session, actor, Permission.UNIT_REGISTRATIONS_DECIDE, row.community_id)
    unit = session.get_one(Unit, row.unit_id)
    return UnitCase(row, unit, unit_registrations.slip_of(unit, row))


def of_record(session: Session, public_id: str, *, actor: Actor) -> tuple[RecordCase, dict[str, int]]:
    """The record, and how many of each kind stand for it. Raises NOT_FOUND unless he confirms there."""
    record = records.by_public_id(session, public_id)
    task = session.get_one(Task, record.task_id)
    organisers.require(session, actor, Permission.RECORDS_CONFIRM, task)
    person = session.get_one(Person, record.person_id)
    stand: dict[str, int] = {}
    for one in evidence.of_records(session, [record.id])[record.id]:
        stand[one.kind.value] = stand.get(one.kind.value, 0) + 1
    pictures = media.of_records(session, [record.id])[record.id]
    return RecordCase(record, person, task, records.report_text(person, record), pictures), stand


def of_records(session: Session, *, actor: Actor, now: datetime, after: str | None) -> tuple[list[RecordCase], str | None]:
    """What waits to be confirmed or decided on, oldest first, twelve a page, in four statements. Raises INVALID."""
    kinds = (DutyKind.RECORD, DutyKind.DISPUTE)
    found, following = duties.queue(session, actor=actor, now=now, kinds=kinds, after=after, limit=RECORDS)
    wanted = select(ServiceRecord, Person, Task).where(ServiceRecord.public_id.in_([duty.id for duty in found]))
    joined = wanted.join(Person, Person.id == ServiceRecord.person_id).join(Task, Task.id == ServiceRecord.task_id)
    rows = {row[0].public_id: row for row in session.execute(joined)} if found else {}
    pictures = media.of_records(session, [row[0].id for row in rows.values()])
    cases = []
    for duty in found:
        record, person, task = rows[duty.id]
        cases.append(RecordCase(record, person, task, records.report_text(person, record), pictures[record.id], duty))
    return cases, following
