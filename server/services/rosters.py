"""Importing rosters: a dry run and the import itself are one path, `check`; `apply` only writes what it planned (mission row A2).

Repeatable without duplicates: a unit is found by its credit code, else by its name within the community; a member by unit, name and phone.
What a file has no column for stays as it is. Rows with errors are left out and named, the others are imported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, and_, select
from sqlalchemy.orm import Session

from server.db.base import new_public_id
from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import Person
from server.db.models.registrations import MemberRegistration
from server.db.models.rosters import RosterEntry, RosterImport
from server.domain import rosters
from server.domain.days import local_day
from server.domain.orgs import Level
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.registrations import LIVE
from server.domain.rosters import CellError, RosterKind, Sheet
from server.services import bindings, events, lists, orgs, roster_members, roster_units, scopes
from server.services.roster_plans import Plan, Progress, Supply, silent

MOST_NODES = 600
ERRORS_KEPT = 500  # in the row of the import and in an answer; their number is always told
PLANS = {RosterKind.MEMBERS: roster_members.plan, RosterKind.UNITS: roster_units.plan}
WRITERS = {RosterKind.MEMBERS: roster_members.write, RosterKind.UNITS: roster_units.write}


@dataclass(frozen=True)
class Preview:
    """What an import would do. Rows: in the file, to create, to update, unchanged, failed; `ignored` are titles without use to us."""

    kind: RosterKind
    sheet: str
    rows: int
    created: int
    updated: int
    unchanged: int
    failed: int
    errors: tuple[CellError, ...]
    ignored: tuple[str, ...]
    plan: Plan


def check(
    session: Session,
    *,
    kind: RosterKind,
    node: OrgNode,
    sheets: Sequence[Sheet],
    supply: Supply,
    actor: Actor,
    now: datetime,
    progress: Progress = silent,
) -> Preview:
    """The dry run. Raises NOT_FOUND out of scope, INVALID without supplier or basis, and what `rosters.parse` refuses."""
    scopes.require(session, actor, Permission.ROSTERS_IMPORT, node.id)
    _check_supply(supply)
    parsed = rosters.parse(kind, sheets)
    plan = PLANS[kind](session, node=node, parsed=parsed, supply=supply, now=now, progress=progress)
    errors = tuple(sorted((*parsed.errors, *plan.errors)))
    return Preview(
        kind=kind,
        sheet=parsed.sheet,
        rows=parsed.rows,
        created=len(plan.inserts),
        updated=len(plan.updates),
        unchanged=plan.unchanged,
        failed=len({error.row for error in errors}),
        errors=errors,
        ignored=parsed.header.ignored,
        plan=plan,
    )


def apply(
    session: Session,
    *,
    preview: Preview,
    node: OrgNode,
    filename: str,
    sha256: str,
    supply: Supply,
    actor: Actor,
    now: datetime,
    progress: Progress = silent,
) -> RosterImport:
    """Write what `check` planned in this same transaction, and keep who supplied it on what basis; `sha256` is the file's hash in hex."""
    made = RosterImport(
        public_id=new_public_id(),
        kind=preview.kind,
        node_id=node.id,
        filename=filename[-200:],
        sha256=sha256,
        supplied_by=supply.by,
        basis=supply.basis,
        valid_until=supply.valid_until,
        rows=preview.rows,
        created=preview.created,
        updated=preview.updated,
        unchanged=preview.unchanged,
        failed=preview.failed,
        errors=[{"cell": error.cell, "message": error.message} for error in preview.errors[:ERRORS_KEPT]],
        imported_by=actor.person_id,
        imported_at=now,
    )
    session.add(made)
    session.flush()
    WRITERS[preview.kind](session, plan=preview.plan, import_id=made.id, now=now, progress=progress)
    events.add(session, made, action="import", actor=actor, now=now)
    return made


def hash_of(data: bytes) -> str:
    """A file's hash, by which an import tells which file it was."""
    return hashlib.sha256(data).hexdigest()


def importable(session: Session, *, actor: Actor, now: datetime) -> Sequence[OrgNode]:
    """The communities, streets and counties the actor may import rosters for, those above first."""
    levels = (Level.COUNTY, Level.STREET, Level.COMMUNITY)
    within = scopes.within(actor, Permission.ROSTERS_IMPORT, OrgNode.id)
    found = select(OrgNode).where(within, OrgNode.level.in_(levels), orgs.holds_on(local_day(now))).order_by(OrgNode.path).limit(MOST_NODES)
    return session.execute(found).scalars().all()


def page(session: Session, *, actor: Actor, after: str | None, limit: int) -> tuple[list[Row[RosterImport, str, str]], str | None]:
    """Imports within the actor's scope with the node's public id and name, newest first, and the next `after`."""
    found = (
        select(RosterImport, OrgNode.public_id, OrgNode.name)
        .join(OrgNode, OrgNode.id == RosterImport.node_id)
        .where(scopes.within(actor, Permission.ROSTERS_IMPORT, RosterImport.node_id))
    )
    return lists.page(session, found, RosterImport, after=after, limit=limit, newest_first=True)


def one(session: Session, public_id: str, *, actor: Actor) -> RosterImport:
    """One import. Raises NOT_FOUND, also out of scope."""
    made = session.execute(select(RosterImport).where(RosterImport.public_id == public_id)).scalar_one_or_none()
    if made is None:
        raise Problem("NOT_FOUND")
    scopes.require(session, actor, Permission.ROSTERS_IMPORT, made.node_id)
    return made


@dataclass(frozen=True)
class Imported:
    """A member whose row this import was the last to write; `person` is his public id once he is bound, `registered` where."""

    entry: RosterEntry
    name: str
    unit: str
    person: str | None
    registered: str | None


def members(session: Session, made: RosterImport, *, after: str | None, limit: int) -> tuple[list[Imported], str | None]:
    """Who an import added or changed, in the order of entry. Who holds `made` may see them."""
    found = (
        select(RosterEntry, Unit.name, Person.public_id, OrgNode.name)
        .join(Unit, Unit.id == RosterEntry.unit_id)
        .outerjoin(Person, Person.id == RosterEntry.person_id)
        .outerjoin(MemberRegistration, and_(MemberRegistration.person_id == RosterEntry.person_id, MemberRegistration.state.in_(LIVE)))
        .outerjoin(OrgNode, OrgNode.id == MemberRegistration.community_id)
        .where(RosterEntry.import_id == made.id)
    )
    rows, following = lists.page(session, found, RosterEntry, after=after, limit=limit)
    return [Imported(entry, bindings.name_of(entry), unit, person, place) for entry, unit, person, place in rows], following


def _check_supply(supply: Supply) -> None:
    missing = {"supplied_by": supply.by, "basis": supply.basis}
    wrong = {key: "请写明名册由谁提供、依据什么" for key, text in missing.items() if not text.strip()}
    if wrong:
        raise Problem("INVALID", fields=wrong)
