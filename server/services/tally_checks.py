"""The figures once more, from the records themselves: `gongjian tally rebuild` and `gongjian tally verify` (mission row F1).

The incremental path goes decision → contribution → drain; this one goes record → figure and knows nothing of contributions. Both must
agree to the last row. A year is held in memory at a time: months, quarters and years all lie within one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import case, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session, aliased

from server.db import statements
from server.db.models.checkins import ServiceRecord
from server.db.models.orgs import OrgNode
from server.db.models.tallies import Contribution, Tally, TallyHead
from server.domain.records import COUNTS
from server.domain.tallies import Figures, Key, Served
from server.services.tallies import LOCK, served_by, waiting

Progress = Callable[[int, int], None]  # years done, years in all
ROWS = 5000


@dataclass(frozen=True)
class Difference:
    """One figure that is not what the records say. `person_id` is set where it is one person's presence under a key."""

    scope: str
    scope_id: int
    period: str
    starts_on: date
    figure: str
    held: int
    rebuilt: int
    person_id: int | None = None


def rebuild(session: Session, *, now: datetime, progress: Progress = lambda _done, _all: None) -> int:
    """Write all tallies afresh from the records that count; returns how many records. Confirmations wait while it runs."""
    statements.one_at_a_time(session, LOCK)
    statements.hold_still(session, Contribution.__tablename__)
    session.execute(delete(TallyHead))
    session.execute(delete(Tally))
    years, records = _years(session), 0
    for done, year in enumerate(years, 1):
        figures = _counted(session, year)
        _write(session, figures)
        records += sum(visits for key, visits in figures.visits.items() if key.scope == "person" and key.period == "year")
        progress(done, len(years))
    session.execute(update(Contribution).where(Contribution.folded_at.is_(None)).values(folded_at=now))
    return records


def verify(session: Session, progress: Progress = lambda _done, _all: None) -> list[Difference]:
    """Every figure held (with what still waits) against the records, and every record against its contributions; [] when all agree.

    Needs a session of its own, in which nothing was read yet: it looks at one moment and stops nobody.
    """
    statements.one_moment(session)
    found = list(_unreconciled(session))
    years = _years(session)
    for done, year in enumerate(years, 1):
        found += _differences(session, year)
        progress(done, len(years))
    return found


def _years(session: Session) -> list[int]:
    """All years in which something was served or is held."""
    spans = [session.execute(select(func.min(day), func.max(day))).one() for day in (ServiceRecord.day, Tally.starts_on, Contribution.day)]
    known = [day.year for span in spans for day in span if day is not None]
    return list(range(min(known), max(known) + 1)) if known else []


def _counted(session: Session, year: int) -> Figures:
    """The figures of a year from the records that count (docs/rules.md R8)."""
    community, grid = aliased(OrgNode), aliased(OrgNode)
    path = func.coalesce(grid.path, community.path)
    key = (ServiceRecord.person_id, ServiceRecord.unit_id, path, ServiceRecord.day)
    counting = (
        select(*key, func.count(), func.sum(ServiceRecord.minutes))
        .join(community, community.id == ServiceRecord.community_id)
        .outerjoin(grid, grid.id == ServiceRecord.grid_id)
        .where(ServiceRecord.state.in_(COUNTS), ServiceRecord.day >= date(year, 1, 1), ServiceRecord.day < date(year + 1, 1, 1))
        .group_by(*key)
    )
    rows = session.execute(counting.execution_options(yield_per=ROWS))
    return Figures(Served(person, unit, where, day, visits, int(minutes)) for person, unit, where, day, visits, minutes in rows)


def _write(session: Session, figures: Figures) -> None:
    counts = figures.head_counts()
    tallies = [
        {**key._asdict(), "visits": figures.visits[key], "minutes": figures.minutes[key], "heads": counts[key]}
        for key in sorted(figures.visits)
    ]
    heads = [
        {**key._asdict(), "person_id": person, "visits": figures.heads[key, person], "minutes": figures.head_minutes[key, person]}
        for key, person in sorted(figures.heads)
    ]
    for table, rows in ((Tally, tallies), (TallyHead, heads)):
        for start in range(0, len(rows), ROWS):
            session.execute(insert(table), rows[start : start + ROWS])


def _differences(session: Session, year: int) -> Iterator[Difference]:
    """What is held for a year, with what waits, against the records. A row of zeros and a missing row are the same: nothing was served."""
    right = _counted(session, year)
    held, counts = _held(session, year)
    listed = held.head_counts()
    for row in session.execute(waiting()):
        if row.day.year == year:
            held.add(served_by(row))
    for figure, ours, theirs in (
        ("visits", held.visits, right.visits),
        ("minutes", held.minutes, right.minutes),
        ("heads", counts, listed),
    ):
        for key in sorted({*ours, *theirs}):
            if ours.get(key, 0) != theirs.get(key, 0):
                yield Difference(*key, figure, ours.get(key, 0), theirs.get(key, 0))
    for figure, ours_by_head, theirs_by_head in (
        ("head", held.heads, right.heads),
        ("head_minutes", held.head_minutes, right.head_minutes),
    ):
        for key, person in sorted({*ours_by_head, *theirs_by_head}):
            before, after = ours_by_head.get((key, person), 0), theirs_by_head.get((key, person), 0)
            if before != after:
                yield Difference(*key, figure, before, after, person)


def _held(session: Session, year: int) -> tuple[Figures, dict[Key, int]]:
    """The tables of a year as figures, and the column `heads` by key."""
    held, counts = Figures(), {}
    first, end = date(year, 1, 1), date(year + 1, 1, 1)
    for row in session.execute(select(*Tally.__table__.c).where(Tally.starts_on >= first, Tally.starts_on < end)):
        key = Key(row.scope, row.scope_id, row.period, row.starts_on)
        held.visits[key], held.minutes[key], counts[key] = row.visits, row.minutes, row.heads
    for row in session.execute(select(*TallyHead.__table__.c).where(TallyHead.starts_on >= first, TallyHead.starts_on < end)):
        head = Key(row.scope, row.scope_id, row.period, row.starts_on), row.person_id
        held.heads[head], held.head_minutes[head] = row.visits, row.minutes
    return held, counts


def _unreconciled(session: Session) -> Iterator[Difference]:
    """Records whose contributions do not add up to one visit and the record's minutes when it counts, to nothing when it does not."""
    counts = ServiceRecord.state.in_(COUNTS)
    visits, minutes = func.coalesce(func.sum(Contribution.visits), 0), func.coalesce(func.sum(Contribution.minutes), 0)
    due_visits, due_minutes = case((counts, 1), else_=0), case((counts, ServiceRecord.minutes), else_=0)
    wrong = (
        select(ServiceRecord.id, ServiceRecord.day, visits, due_visits, minutes, due_minutes)
        .outerjoin(Contribution, Contribution.record_id == ServiceRecord.id)
        .group_by(ServiceRecord.id)
        .having(or_(visits != due_visits, minutes != due_minutes))
        .order_by(ServiceRecord.id)
    )
    for record, day, had, due, had_minutes, due_min in session.execute(wrong):
        if had != due:
            yield Difference("record", record, "day", day, "visits", int(had), due)
        if had_minutes != due_min:
            yield Difference("record", record, "day", day, "minutes", int(had_minutes), due_min)
