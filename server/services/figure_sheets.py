"""Figures as they were last counted: keeping an edition of a period, and reading the sheet of a place without counting a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from sqlalchemy import Select, and_, bindparam, delete, insert, or_, select, tuple_, update
from sqlalchemy.orm import Session

from server import defer
from server.db import statements
from server.db.models.figures import FigureEdition, FigureRow
from server.db.models.orgs import OrgNode, Unit
from server.domain.days import PERIODS, local_day, period_start
from server.domain.figures import RULE_VERSION, Counts, Span
from server.domain.orgs import Level
from server.domain.permissions import Actor, Grant, Permission
from server.domain.problems import Problem
from server.services import lists, orgs, scopes

LOCK = "figures"
FRESH = timedelta(minutes=10)
KEY = ("period", "starts_on")
SHOWN = (Level.COUNTY, Level.STREET, Level.COMMUNITY)
MOST = 800  # places to choose from: a county's streets and communities
OLDEST = 12  # years back
EDITIONS = select(FigureEdition).where(
    FigureEdition.period == bindparam("period"), FigureEdition.starts_on.in_(bindparam("days", expanding=True))
)
SHEETS = select(FigureRow.edition_id, FigureRow.scope_id, FigureRow.counts).where(
    FigureRow.edition_id.in_(bindparam("editions", expanding=True)),
    FigureRow.scope == bindparam("scope"),
    FigureRow.scope_id.in_(bindparam("ids", expanding=True)),
)


@dataclass(frozen=True)
class Sheet:
    """The counts of a scope in a period and the one before; None where the edition was never made."""

    now: Counts | None
    before: Counts | None


def places(session: Session, *, actor: Actor, today: date) -> Sequence[OrgNode]:
    """County, streets and communities whose figures the actor may read, in the order of the register."""
    return session.execute(_places(actor.grants), {"on": today}).scalars().all()


@lru_cache(maxsize=512)  # putting a statement together costs more than running it
def _places(grants: tuple[Grant, ...]) -> Select[OrgNode]:
    mine = scopes.nodes(Actor(None, grants=grants), Permission.TALLIES_READ)
    here = select(OrgNode).where(mine, OrgNode.level.in_(SHOWN), orgs.holds_on(bindparam("on")))
    return here.order_by(OrgNode.path).limit(MOST)


def place(session: Session, public_id: str, *, actor: Actor, permission: Permission = Permission.TALLIES_READ) -> OrgNode:
    """The place. Raises NOT_FOUND outside of what the actor may do this for."""
    node = session.execute(select(OrgNode).where(OrgNode.public_id == public_id)).scalar_one_or_none()
    if node is None:
        raise Problem("NOT_FOUND")
    scopes.require(session, actor, permission, node.id)
    return node


def asked_period(period: str, day: str, today: date) -> tuple[str, date]:
    """The period and its first day, from what an address says; the present quarter where it says nothing. Raises NOT_FOUND."""
    try:
        on = min(date.fromisoformat(day), today) if day else today
    except ValueError:
        raise Problem("NOT_FOUND") from None
    if (period or "quarter") not in PERIODS or on.year < today.year - OLDEST:
        raise Problem("NOT_FOUND")
    return period or "quarter", period_start(period or "quarter", on)


def before(period: str, starts_on: date) -> date:
    """The first day of the period before."""
    return period_start(period, starts_on - timedelta(days=1))


def editions(session: Session, period: str, starts_on: date) -> tuple[FigureEdition | None, FigureEdition | None]:
    """The edition of the period and of the one before; None for one nobody asked for yet."""
    days = (starts_on, before(period, starts_on))
    found = {row.starts_on: row for row in session.execute(EDITIONS, {"period": period, "days": days}).scalars()}
    return found.get(days[0]), found.get(days[1])


def sheets(
    session: Session, pair: tuple[FigureEdition | None, FigureEdition | None], scope: str, ids: Sequence[int]
) -> Mapping[int, Sheet]:
    """The sheets of these nodes or units, in one statement."""
    made = [one.id if one is not None and one.made_at is not None else 0 for one in pair]
    rows = session.execute(SHEETS, {"editions": made, "scope": scope, "ids": ids})
    found = {(row[0], row[1]): row[2] for row in rows}

    def of(edition: int, scope_id: int) -> Counts | None:
        return found.get((edition, scope_id), {}) if edition else None

    return {each: Sheet(of(made[0], each), of(made[1], each)) for each in ids}


def below(session: Session, node: OrgNode) -> Sequence[OrgNode]:
    """The places one step below, in the order of the register; of a community its grids, wherever they hang."""
    today_or_not = OrgNode.valid_to.is_(None)
    if node.level is Level.COMMUNITY:
        under = and_(OrgNode.path.startswith(node.path, autoescape=True), OrgNode.level == Level.GRID)
    else:
        under = OrgNode.parent_id == node.id
    return session.execute(select(OrgNode).where(under, today_or_not).order_by(OrgNode.id).limit(MOST)).scalars().all()


def units_of(session: Session, node: OrgNode) -> Sequence[Unit]:
    """The units whose premises are below, in the order of the register."""
    inside = select(OrgNode.id).where(OrgNode.path.startswith(node.path, autoescape=True))
    wanted = select(Unit).where(Unit.community_id.in_(inside), Unit.archived_at.is_(None))
    return session.execute(wanted.order_by(Unit.id)).scalars().all()


def unit_page(session: Session, node: OrgNode, *, after: str | None, limit: int) -> tuple[list[Unit], str | None]:
    """A page of them, and the next `after`. Raises INVALID for a cursor that is none."""
    inside = select(OrgNode.id).where(OrgNode.path.startswith(node.path, autoescape=True))
    wanted = select(Unit).where(Unit.community_id.in_(inside), Unit.archived_at.is_(None))
    rows, following = lists.page(session, wanted, Unit, after=after, limit=limit)
    return [row[0] for row in rows], following


def ask(session: Session, period: str, starts_on: date, *, now: datetime) -> None:
    """Have this period (and the one before, where there is none) counted anew."""
    for day in (starts_on, before(period, starts_on)):
        _open(session, period, day, now)
    again = update(FigureEdition).where(FigureEdition.period == period, FigureEdition.starts_on == starts_on).values(asked_at=now)
    session.execute(again.execution_options(synchronize_session=False))
    defer.wake(session, "figures.count")


def standing(session: Session, *, now: datetime) -> None:
    """What everybody looks at is there: this month, quarter and year, and the ones before."""
    today = local_day(now)
    for period in PERIODS:
        first = period_start(period, today)
        for day in (first, before(period, first)):
            _open(session, period, day, now)


def due(session: Session, *, now: datetime) -> list[tuple[str, date]]:
    """The periods to count: asked for since they were made, made by older rules, or standing ones that are no longer fresh."""
    today = local_day(now)
    firsts = [(period, period_start(period, today)) for period in PERIODS]
    kept = tuple_(FigureEdition.period, FigureEdition.starts_on).in_([*firsts, *((period, before(period, day)) for period, day in firsts)])
    stale = or_(
        FigureEdition.made_at.is_(None),
        FigureEdition.asked_at > FigureEdition.made_at,
        FigureEdition.rule_version != RULE_VERSION,
        and_(kept, FigureEdition.made_at <= now - FRESH),
        FigureEdition.made_at > now,  # the development clock was put back
    )
    rows = session.execute(select(FigureEdition.period, FigureEdition.starts_on).where(stale).order_by(FigureEdition.id))
    return [(row[0], row[1]) for row in rows]


def keep(session: Session, span: Span, counts: Mapping[tuple[str, int], Counts], *, now: datetime) -> None:
    """Put these counts in the place of the edition's former ones."""
    statements.one_at_a_time(session, LOCK)
    mine = FigureEdition.period == span.period, FigureEdition.starts_on == span.starts_on
    edition = session.execute(select(FigureEdition.id).where(*mine)).scalar_one()
    session.execute(delete(FigureRow).where(FigureRow.edition_id == edition))
    rows = [{"edition_id": edition, "scope": scope, "scope_id": each, "counts": row} for (scope, each), row in sorted(counts.items())]
    if rows:
        session.execute(insert(FigureRow), rows)
    made = update(FigureEdition).where(*mine).values(made_at=now, as_of=span.as_of, rule_version=RULE_VERSION)
    session.execute(made.execution_options(synchronize_session=False))


def _open(session: Session, period: str, starts_on: date, now: datetime) -> None:
    row = {"period": period, "starts_on": starts_on, "rule_version": RULE_VERSION, "asked_at": now}
    statements.insert_new(session, FigureEdition, row, key=KEY)
