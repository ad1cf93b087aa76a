"""Figures for people to read: visits, heads, minutes, and rates with honest denominators (docs/rules.md §4). Never a ranking (R2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Date, Select, Subquery, and_, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import Person
from server.db.models.registrations import MemberRegistration, UnitRegistration
from server.db.models.rosters import RosterEntry
from server.db.models.tallies import Tally, TallyHead
from server.db.types import UtcDateTime
from server.domain.days import period_end, period_start, start_of
from server.domain.people import MemberType
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.rates import Rate, rate
from server.domain.registrations import UnitState
from server.domain.rosters import EntryState
from server.services import scopes

ACCEPTED = (UnitState.ACCEPTED, UnitState.RECEIPT_SENT)
MOST_PERIODS = 24


@dataclass(frozen=True)
class Scope:
    """Whose figures: a node of the tree with all below it, a unit, or a person."""

    kind: str
    id: int
    path: str = ""


@dataclass(frozen=True)
class Figure:
    """One period: `starts_on` ≤ day < `ends_before`; counts as of `as_of`, the period's last day or today."""

    starts_on: date
    ends_before: date
    as_of: date
    service_visits: int
    service_heads: int
    service_minutes: int
    participation_rate: Rate | None = None
    avg_times: Rate | None = None
    member_reg_rate: Rate | None = None
    unit_reg_rate: Rate | None = None


def node_scope(session: Session, *, public_id: str, actor: Actor) -> Scope:
    """The scope of a node. Raises NOT_FOUND outside what the actor may read."""
    row = session.execute(select(OrgNode.id, OrgNode.path).where(OrgNode.public_id == public_id)).first()
    if row is None:
        raise Problem("NOT_FOUND")
    scopes.require(session, actor, Permission.TALLIES_READ, row.id)
    return Scope("node", row.id, row.path)


def unit_scope(session: Session, *, public_id: str, actor: Actor) -> Scope:
    """The scope of a unit: for who may read the tallies of its community. Raises NOT_FOUND."""
    row = session.execute(select(Unit.id, Unit.community_id).where(Unit.public_id == public_id)).first()
    if row is None:
        raise Problem("NOT_FOUND")
    scopes.require(session, actor, Permission.TALLIES_READ, row.community_id)
    return Scope("unit", row.id)


def periods(period: str, first: date, last: date) -> list[date]:
    """The first days of the periods from the one that holds `first` to the one that holds `last`. Raises INVALID for none or too many."""
    starts: list[date] = []
    at = period_start(period, first)
    while at <= last and len(starts) <= MOST_PERIODS:
        starts.append(at)
        at = period_end(period, at)
    if not starts or len(starts) > MOST_PERIODS:
        raise Problem("INVALID", fields={"from": f"请选择 1 到 {MOST_PERIODS} 个统计周期"})
    return starts


def served(session: Session, scope: Scope, period: str, starts: Sequence[date], *, today: date) -> list[Figure]:
    """Visits, heads and minutes of each period, in the order of time."""
    mine = (Tally.scope == scope.kind, Tally.scope_id == scope.id, Tally.period == period, Tally.starts_on.in_(starts))
    rows = {row.starts_on: row for row in session.execute(select(Tally.starts_on, Tally.visits, Tally.heads, Tally.minutes).where(*mine))}
    made = []
    for start in starts:
        row, end = rows.get(start), period_end(period, start)
        counts = (row.visits, row.heads, row.minutes) if row is not None else (0, 0, 0)
        made.append(Figure(start, end, min(today, end - timedelta(days=1)), *counts))
    return made


def with_rates(session: Session, scope: Scope, period: str, figures: Sequence[Figure]) -> list[Figure]:
    """The same with their rates: one statement a rate, however many periods. A numerator is counted among its denominator's members."""
    asked = _asked(figures)
    members = _by_period(session, _live_members(scope, asked))
    taking_part = _by_period(session, _taking_part(scope, period, asked))
    listed = _by_period(session, _listed_members(scope, asked))
    units = _by_period(session, _units(scope, asked)) if scope.kind == "node" else {}
    made = []
    for figure in figures:
        live = members.get(figure.starts_on, (0,))[0]
        heads, visits = taking_part.get(figure.starts_on, (0, 0))
        made.append(
            replace(
                figure,
                participation_rate=rate(heads, live),
                avg_times=rate(visits, live),
                member_reg_rate=rate(*listed.get(figure.starts_on, (0, 0))),
                unit_reg_rate=rate(*units.get(figure.starts_on, (0, 0))),
            )
        )
    return made


def _asked(figures: Sequence[Figure]) -> Subquery:
    """The periods as a table: first day, day of the denominator, the moment after it."""
    rows = [
        select(
            literal(figure.starts_on, Date()).label("starts_on"),
            literal(figure.as_of, Date()).label("as_of"),
            literal(start_of(figure.as_of + timedelta(days=1)), UtcDateTime()).label("until"),
        )
        for figure in figures
    ]
    return union_all(*rows).subquery("asked")


def _by_period(session: Session, wanted: Select[Any]) -> dict[date, tuple[int, ...]]:
    return {row[0]: tuple(int(value or 0) for value in row[1:]) for row in session.execute(wanted)}


def _live(asked: Subquery) -> ColumnElement[bool]:
    """A registration that was in force on the day of the denominator, by whatever channel it came."""
    began = MemberRegistration.valid_from <= asked.c.as_of
    return and_(began, or_(MemberRegistration.valid_to.is_(None), MemberRegistration.valid_to > asked.c.as_of))


def _registered_here(scope: Scope) -> ColumnElement[bool]:
    if scope.kind == "unit":
        return MemberRegistration.unit_id == scope.id
    place = func.coalesce(MemberRegistration.grid_id, MemberRegistration.community_id)
    return place.in_(_below(scope))


def _below(scope: Scope) -> Select[int]:
    return select(OrgNode.id).where(OrgNode.path.startswith(scope.path, autoescape=True))


def _live_members(scope: Scope, asked: Subquery) -> Select[Any]:
    """In-service members with a live registration in the scope."""
    return (
        select(asked.c.starts_on, func.count())
        .select_from(asked)
        .join(MemberRegistration, _live(asked))
        .join(Person, Person.id == MemberRegistration.person_id)
        .where(_registered_here(scope), Person.member_type == MemberType.IN_SERVICE)
        .group_by(asked.c.starts_on)
    )


def _taking_part(scope: Scope, period: str, asked: Subquery) -> Select[Any]:
    """How many of them served in the scope, and their visits."""
    key = (TallyHead.scope == scope.kind, TallyHead.scope_id == scope.id, TallyHead.period == period)
    return (
        select(asked.c.starts_on, func.count(), func.sum(TallyHead.visits))
        .select_from(asked)
        .join(MemberRegistration, _live(asked))
        .join(Person, Person.id == MemberRegistration.person_id)
        .join(TallyHead, and_(TallyHead.person_id == Person.id, TallyHead.starts_on == asked.c.starts_on, TallyHead.visits > 0, *key))
        .where(_registered_here(scope), Person.member_type == MemberType.IN_SERVICE)
        .group_by(asked.c.starts_on)
    )


def _listed_members(scope: Scope, asked: Subquery) -> Select[Any]:
    """In-service members on today's rosters, less exempt ones: how many have a live registration anywhere, and how many they are."""
    here = RosterEntry.unit_id == scope.id if scope.kind == "unit" else RosterEntry.community_id.in_(_below(scope))
    if scope.kind == "node" and scope.path.count("/") == 2:  # the county: also those whose community no roster says
        here = or_(here, RosterEntry.community_id.is_(None))
    live = and_(MemberRegistration.person_id == RosterEntry.person_id, _live(asked))
    return (
        select(asked.c.starts_on, func.count(MemberRegistration.id), func.count())
        .select_from(asked)
        .join(RosterEntry, here)
        .outerjoin(MemberRegistration, live)
        .where(RosterEntry.member_type == MemberType.IN_SERVICE, RosterEntry.exempt.is_(None), RosterEntry.state == EntryState.LISTED)
        .group_by(asked.c.starts_on)
    )


def _units(scope: Scope, asked: Subquery) -> Select[Any]:
    """Units on the county's list whose premises are in the scope: how many are accepted, and how many they are."""
    accepted = and_(UnitRegistration.unit_id == Unit.id, UnitRegistration.state.in_(ACCEPTED), UnitRegistration.decided_at < asked.c.until)
    return (
        select(asked.c.starts_on, func.count(UnitRegistration.id), func.count())
        .select_from(asked)
        .join(Unit, and_(Unit.community_id.in_(_below(scope)), Unit.archived_at.is_(None)))
        .outerjoin(UnitRegistration, accepted)
        .group_by(asked.c.starts_on)
    )
