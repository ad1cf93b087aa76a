"""A community's register of members as its staff work with it: finding one, everything about one (mission rows A3, A4; H2).

Names and phones are found by their hashes, whole and exact; lists show masked phones, and reading a whole one is an event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, or_, select
from sqlalchemy.orm import Session, aliased

from server.db import vault
from server.db.models.checkins import ServiceRecord
from server.db.models.orgs import OrgNode, Unit, UnitBranch
from server.db.models.people import Consent, Person
from server.db.models.registrations import Document, MemberRegistration, Transfer
from server.db.models.tasks import Claim, Task
from server.domain.days import local_day
from server.domain.orgs import Level
from server.domain.people import MemberType, PersonState
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.registrations import LIVE, MemberState
from server.domain.tasks import TaskState
from server.services import consents, events, lists, orgs, people, registrations, scopes, transfers, windows

Grid, Home, To = aliased(OrgNode), aliased(OrgNode), aliased(OrgNode)
SHOWN = 10  # of each kind on a member's page
MOST = 500
LISTED = (
    select(
        MemberRegistration.public_id,
        MemberRegistration.state,
        MemberRegistration.valid_from,
        Person.public_id.label("person_id"),
        Person.salt,
        Person.name,
        Person.phone,
        Person.member_type,
        Unit.name.label("unit"),
        Grid.name.label("grid"),
    )
    .join(Person, Person.id == MemberRegistration.person_id)
    .outerjoin(Unit, Unit.id == MemberRegistration.unit_id)
    .outerjoin(Grid, Grid.id == MemberRegistration.grid_id)
)
GRIDS = select(OrgNode.public_id, OrgNode.name).where(*orgs.HERE, OrgNode.level == Level.GRID).order_by(OrgNode.path).limit(MOST)
PAPER_BACK = timedelta(days=31)  # tasks a paper list may still be typed in for


@dataclass(frozen=True)
class Filter:
    """What to list; `word` is a whole name or phone, `states` empty means who is registered now."""

    word: str = ""
    states: Sequence[MemberState] = LIVE
    grid: str = ""
    unit: str = ""
    phoneless: bool = False


@dataclass(frozen=True)
class Listed:
    """A member as the list shows him; `id` is the person's public id."""

    id: str
    name: str
    phone: str
    member_type: MemberType
    unit: str
    grid: str
    state: MemberState
    since: date | None


@dataclass(frozen=True)
class Line:
    """A member as the pages about him know him."""

    row: MemberRegistration
    person: Person
    name: str
    phone: str
    unit: str
    grid: str
    community: str


@dataclass(frozen=True)
class Member:
    """A member's page: his registration here, all he had anywhere (place), and the newest of what belongs to him in this community."""

    line: Line
    branch: str
    address: str
    history: Sequence[tuple[MemberRegistration, str]]
    consents: Sequence[Consent]
    moves: Sequence[tuple[Transfer, str]]
    claims: Sequence[tuple[Claim, Task]]
    records: Sequence[tuple[ServiceRecord, Task]]
    documents: Sequence[Document]

    @property
    def person(self) -> Person:
        """Who it is."""
        return self.line.person

    @property
    def row(self) -> MemberRegistration:
        """His registration."""
        return self.line.row


def page(
    session: Session, *, community: OrgNode, wanted: Filter, actor: Actor, after: str | None, limit: int
) -> tuple[list[Listed], str | None]:
    """A community's members in the order they came (R2), and the next `after`. Raises NOT_FOUND out of scope."""
    scopes.require(session, actor, Permission.MEMBERS_READ, community.id)
    found = LISTED.where(MemberRegistration.community_id == community.id, MemberRegistration.state.in_(wanted.states))
    if wanted.word:
        found = found.where(or_(Person.name_hash == vault.lookup_hash("name", wanted.word), _phone_is(wanted.word)))
    if wanted.grid:
        found = found.where(Grid.public_id == wanted.grid)
    if wanted.unit:
        found = found.where(Unit.public_id == wanted.unit)
    if wanted.phoneless:
        found = found.where(Person.phone_hash.is_(None))
    rows, following = lists.page(session, found, MemberRegistration, after=after, limit=limit)
    return [_listed(row) for row in rows], following


def one(session: Session, public_id: str, *, actor: Actor, permission: Permission = Permission.MEMBERS_READ) -> Line:
    """A member of one of the actor's communities by his person's id: the live registration, else the newest. Raises NOT_FOUND."""
    mine = scopes.within(actor, permission, MemberRegistration.community_id)
    found = _lines().where(Person.public_id == public_id, Person.state == PersonState.ACTIVE, mine)
    row = session.execute(found.order_by(MemberRegistration.state.in_(LIVE).desc(), MemberRegistration.id.desc()).limit(1)).first()
    if row is None:
        raise Problem("NOT_FOUND")
    return _line(row)


def detail(session: Session, public_id: str, *, actor: Actor) -> Member:
    """Everything about a member that his community may see; eight statements. Raises NOT_FOUND."""
    line = one(session, public_id, actor=actor)
    person_id, community_id = line.person.id, line.row.community_id
    branch = session.get(UnitBranch, line.row.branch_id) if line.row.branch_id else None
    return Member(
        line=line,
        branch=branch.name if branch is not None else "",
        address=registrations.address_of(line.person, line.row),
        history=_history(session, person_id),
        consents=consents.of(session, person_id=person_id),
        moves=_moves(session, person_id),
        claims=_newest(session, select(Claim, Task), Claim, person_id, community_id),
        records=_newest(session, select(ServiceRecord, Task), ServiceRecord, person_id, community_id),
        documents=_documents(session, person_id, community_id),
    )


def read_phone(session: Session, public_id: str, *, actor: Actor, now: datetime) -> str:
    """The whole number, '' where there is none; the reading is kept as an event. Raises NOT_FOUND, also of somebody who left."""
    line = one(session, public_id, actor=actor)
    if line.row.state is MemberState.CLOSED:
        raise Problem("NOT_FOUND")
    events.add(session, line.person, action="read_phone", actor=actor, now=now)
    return people.phone_of(line.person)


def grids(session: Session, community: OrgNode, *, now: datetime) -> Sequence[Row[str, str]]:
    """The grids of a community as (public id, name)."""
    return session.execute(GRIDS, {"on": local_day(now), "below": community.path}).all()


def destinations(session: Session, community_id: int, *, now: datetime) -> Sequence[Row[str, str]]:
    """The other communities one may move to, as (public id, name)."""
    found = select(OrgNode.public_id, OrgNode.name).where(OrgNode.level == Level.COMMUNITY, OrgNode.id != community_id)
    return session.execute(found.where(orgs.holds_on(local_day(now))).order_by(OrgNode.name).limit(MOST)).all()


def paper_tasks(session: Session, line: Line, *, now: datetime) -> Sequence[Task]:
    """The community's tasks of the last month for which somebody's presence may still be written down, the newest first."""
    limits = windows.of_community(session, line.row.community_id, now=now)
    begun = (Task.starts_at <= now + limits.before, Task.ends_at >= now - PAPER_BACK)
    found = select(Task).where(
        Task.community_id == line.row.community_id, Task.state.in_((TaskState.PUBLISHED, TaskState.ENDED)), *begun
    )  # fmt: skip
    return session.execute(found.order_by(Task.starts_at.desc(), Task.id).limit(100)).scalars().all()


def _lines() -> Select[MemberRegistration, Person, str, str, str]:
    return (
        select(MemberRegistration, Person, Unit.name, Grid.name, Home.name)
        .join(Person, Person.id == MemberRegistration.person_id)
        .join(Home, Home.id == MemberRegistration.community_id)
        .outerjoin(Unit, Unit.id == MemberRegistration.unit_id)
        .outerjoin(Grid, Grid.id == MemberRegistration.grid_id)
    )


def _listed(row: Any) -> Listed:
    name = vault.open_sealed(row.salt, "person.name", row.person_id, row.name)
    phone = vault.open_sealed(row.salt, "person.phone", row.person_id, row.phone)
    return Listed(
        row.person_id, name, people.masked(phone), row.member_type, row.unit or "", row.grid or "", row.state, row.valid_from
    )  # fmt: skip


def _line(row: Any) -> Line:
    registration, person, unit, grid, community = row
    name, phone = people.name_of(person), people.masked(people.phone_of(person))
    return Line(registration, person, name, phone, unit or "", grid or "", community)


def _phone_is(word: str) -> Any:
    return Person.phone_hash == vault.lookup_hash("phone", word)


def _history(session: Session, person_id: int) -> list[tuple[MemberRegistration, str]]:
    found = select(MemberRegistration, OrgNode.name).join(OrgNode, OrgNode.id == MemberRegistration.community_id)
    rows = session.execute(found.where(MemberRegistration.person_id == person_id).order_by(MemberRegistration.id.desc()).limit(SHOWN))
    return [(row, name) for row, name in rows]


def _moves(session: Session, person_id: int) -> list[tuple[Transfer, str]]:
    """Transfers on their way, with where to."""
    found = select(Transfer, To.name).join(To, To.id == Transfer.to_community_id)
    return [(row, name) for row, name in session.execute(found.where(Transfer.person_id == person_id, Transfer.state.in_(transfers.OPEN)))]


def _newest(session: Session, wanted: Any, model: Any, person_id: int, community_id: int) -> list[tuple[Any, Task]]:
    mine = wanted.join(Task, Task.id == model.task_id).where(model.person_id == person_id, model.community_id == community_id)
    return [(row, task) for row, task in session.execute(mine.order_by(model.id.desc()).limit(SHOWN))]


def _documents(session: Session, person_id: int, community_id: int) -> Sequence[Document]:
    mine = select(Document).where(Document.person_id == person_id, Document.community_id == community_id)
    return session.execute(mine.order_by(Document.id.desc()).limit(SHOWN)).scalars().all()
