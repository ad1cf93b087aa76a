"""The records of one person's day: made, kept and merged from its scans (docs/protocol.md §3).

Equal sets of scans give equal records, in whatever order and batches they came. What a human has decided is never edited: a message
that belongs there but came outside what he saw becomes a supplement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, cast

from sqlalchemy import Table, delete, select
from sqlalchemy.orm import Session

from qr import folds, rules
from qr.folds import Direction
from qr.rules import Flag
from qr.tokens import Mode
from server.db.inserts import insert_new
from server.db.models.checkins import Scan, ServiceRecord, Supplement, Witness
from server.db.models.codes import Code
from server.db.models.people import Person
from server.db.models.tasks import Claim, Shift, Task
from server.domain import attendance
from server.domain.attendance import UNDECIDED, UNTOUCHED, Attested, Facts
from server.domain.checkins import place_of, stored_place
from server.domain.permissions import Actor
from server.domain.problems import Problem
from server.domain.records import Method, RecordState
from server.services import events, evidence, record_rows

Plans = Mapping[int, folds.Session]
SCANS = (
    select(
        Scan.id, Scan.mid, Scan.direction, Scan.at, Scan.mode, Scan.late, Scan.flags, Scan.place_in, Scan.task_id, Scan.claim_id,
        Scan.session_id, Scan.person_id, Scan.day, Code.obj, Claim.shift_id, Claim.unit_id.label("claim_unit_id"), Person.unit_id,
        Task.planned_minutes, Task.starts_at, Task.ends_at, Task.grid_id, Task.community_id,
        Shift.starts_at.label("shift_starts_at"), Shift.ends_at.label("shift_ends_at"),
    )
    .join(Code, Code.id == Scan.code_id)
    .join(Task, Task.id == Scan.task_id)
    .join(Person, Person.id == Scan.person_id)
    .outerjoin(Claim, Claim.id == Scan.claim_id)
    .outerjoin(Shift, Shift.id == Claim.shift_id)
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """A record as it should be: its name, the stored row (None: new), its first scan (None: only ticked), its facts."""

    key: str
    row: ServiceRecord | None
    first: Any | None
    fact: Facts


def only_record(seen: Any, scan: Mapping[str, Any], *, public_id: str, grade: str) -> dict[str, Any]:
    """The record of a person's only scan of the day: what `refold` would make of it, without reading anything."""
    coming = scan["direction"] == Direction.IN
    flags = _flags(scan["flags"]) | ({Flag.REVIEW} if scan["place_in"] is False else set())
    return {
        **_fixed(seen, scan["person_id"], scan["day"], 1),
        "public_id": public_id,
        "source_key": attendance.source_key(scan["person_id"], seen.obj, scan["mid"]),
        "state": RecordState.PRESENT if coming else RecordState.ENDED,
        "started_at": scan["at"],
        "ended_at": None if coming else scan["at"],
        "token_axis": rules.token_axis(Mode(scan["mode"]), late=scan["late"]),
        "place_in": scan["place_in"],
        "grade": grade,
        "flags": attendance.words(flags),
        "mids": [scan["mid"]],
    }


def refold(session: Session, *, person_id: int, day: date, actor: Actor, now: datetime) -> Mapping[str, ServiceRecord]:
    """Bring the records of this person's day to what its scans and attestations say. Returns the record of each message.

    Raises STALE when a record was changed meanwhile.
    """
    scans: dict[str, Any] = {scan.mid: scan for scan in session.execute(SCANS.where(Scan.person_id == person_id, Scan.day == day))}
    records = _records(session, person_id, day)
    targets = _targets(person_id, scans, records)
    _merge(session, records, targets)
    given = evidence.of_records(session, [target.row.id for target in targets if target.row is not None])
    through = {scan.session_id for scan in scans.values()}
    result: dict[str, ServiceRecord] = {}
    for target, fact in zip(targets, attendance.held([target.fact for target in targets]), strict=True):
        attested = given[target.row.id] if target.row is not None else []
        grade = evidence.grade(fact.axes, attested, person_id=person_id, sessions=through)
        row = _write(session, replace(target, fact=fact), grade, scans, records, actor=actor, now=now)
        result.update(dict.fromkeys(fact.mids, row))
    return result


def _records(session: Session, person_id: int, day: date) -> list[ServiceRecord]:
    query = select(ServiceRecord).where(ServiceRecord.person_id == person_id, ServiceRecord.day == day).order_by(ServiceRecord.id)
    return list(session.execute(query.execution_options(populate_existing=True)).scalars())


def _targets(person_id: int, scans: Mapping[str, Any], records: Sequence[ServiceRecord]) -> list[Target]:
    """What the day should hold: one target for each folded record, and one for each that only an organiser wrote down."""
    plans = _plans(scans.values())
    folded = [(attendance.source_key(person_id, one.obj, one.first), scans[one.first].task_id, one) for one in
              folds.fold(map(_as_scan, scans.values()), plans)]  # fmt: skip
    rows = [None if place is None else records[place] for place in attendance.match(folded, records)]
    targets = [
        Target(key, row, scans[one.first], attendance.facts(one, _said(row), plans[one.obj]))
        for (key, _, one), row in zip(folded, rows, strict=True)
    ]
    alone = [row for row in records if not row.mids and all(row is not other for other in rows)]
    return targets + [
        Target(row.source_key, row, None, attendance.facts(None, _said(row), folds.Session(row.planned_minutes))) for row in alone
    ]


def _write(
    session: Session,
    target: Target,
    grade: str,
    scans: Mapping[str, Any],
    records: list[ServiceRecord],
    *,
    actor: Actor,
    now: datetime,
) -> ServiceRecord:
    """Insert, change, or leave to a supplement."""
    if target.row is None:
        made = _insert(session, target, grade, records, actor=actor, now=now)
        records.append(made)
        return made
    if target.row.state in UNDECIDED:
        _change(session, target.row, target, grade, actor=actor, now=now)
    else:
        _supplement(session, target.row, [scans[mid].id for mid in target.fact.mids if mid not in target.row.covers], now)
    return target.row


def _insert(
    session: Session, target: Target, grade: str, records: Sequence[ServiceRecord], *, actor: Actor, now: datetime
) -> ServiceRecord:
    first = cast(Any, target.first)
    ordinal = 1 + max((row.ordinal for row in records if row.task_id == first.task_id), default=0)
    values = {**_fixed(first, first.person_id, first.day, ordinal), **_said_by(target, grade), "state": _state(target.fact)}
    record_id = record_rows.insert(session, values, action="scan", actor=actor, now=now)
    if record_id is None:
        raise Problem("STALE")
    return session.get_one(ServiceRecord, record_id)


def _fixed(scan: Any, person_id: int, day: date, ordinal: int) -> dict[str, Any]:
    place, planned = record_rows.place_of_row(scan), record_rows.plan_of(scan).planned_minutes
    return record_rows.columns(place, person_id=person_id, day=day, ordinal=ordinal, method=Method.SCAN, planned_minutes=planned)


def _change(session: Session, row: ServiceRecord, target: Target, grade: str, *, actor: Actor, now: datetime) -> None:
    """Bring an undecided record to the target; nothing is written where nothing differs."""
    wanted = _said_by(target, grade) | ({"method": Method.SCAN} if target.fact.mids else {})
    changes = {name: value for name, value in wanted.items() if getattr(row, name) != value}
    before = row.state
    to = _state(target.fact) if before in UNTOUCHED else before
    if changes or to is not before:
        events.shift(session, row, to=to, **changes)
    if to is not before:
        events.add(session, row, action="fold", actor=actor, now=now, before=before, after=to)


def _supplement(session: Session, row: ServiceRecord, scan_ids: Sequence[int], now: datetime) -> None:
    for scan_id in scan_ids:
        session.execute(insert_new(session, cast(Table, Supplement.__table__)).values(record_id=row.id, scan_id=scan_id, noted_at=now))


def _merge(session: Session, records: list[ServiceRecord], targets: Sequence[Target]) -> None:
    """A record whose messages now belong to another one goes; who stood for it stands for the other."""
    heirs = {mid: target.row for target in targets for mid in target.fact.mids}
    kept = [target.row for target in targets]
    for row in [row for row in records if row.state in UNTOUCHED and all(row is not other for other in kept)]:
        heir = heirs.get(row.mids[0])
        if heir is not None:
            _hand_over(session, row, heir)
        session.execute(delete(Witness).where(Witness.record_id == row.id))
        session.execute(delete(ServiceRecord).where(ServiceRecord.id == row.id).execution_options(synchronize_session=False))
        session.expunge(row)
        records.remove(row)


def _hand_over(session: Session, row: ServiceRecord, heir: ServiceRecord) -> None:
    for one in session.execute(select(Witness).where(Witness.record_id == row.id)).scalars():
        values = {"record_id": heir.id, "kind": one.kind, "person_id": one.person_id, "session_id": one.session_id, "at": one.at}
        session.execute(insert_new(session, cast(Table, Witness.__table__)).values(**values))


def _said_by(target: Target, grade: str) -> dict[str, Any]:
    """The columns that the fold decides."""
    fact = target.fact
    return {
        "source_key": target.key,
        "started_at": datetime.fromtimestamp(fact.start, UTC),
        "ended_at": None if fact.end is None else datetime.fromtimestamp(fact.end, UTC),
        "minutes": fact.minutes,
        "token_axis": fact.axes.t,
        "duration_axis": fact.axes.d,
        "place_in": stored_place(fact.axes.place),
        "grade": grade,
        "flags": attendance.words(fact.flags),
        "mids": list(fact.mids),
    }


def _state(fact: Facts) -> RecordState:
    return RecordState.PRESENT if fact.end is None else RecordState.ENDED


def _said(row: ServiceRecord | None) -> Attested:
    if row is None:
        return Attested()
    return Attested(attendance.seconds(row.attested_start), attendance.seconds(row.attested_end), row.attested_axis)


def _as_scan(row: Any) -> folds.Scan:
    return folds.Scan(
        mid=row.mid,
        obj=row.obj,
        direction=Direction(row.direction),
        at=int(row.at.timestamp()),
        t=rules.token_axis(Mode(row.mode), late=row.late),
        flags=_flags(row.flags),
        place=place_of(row.place_in),
    )


def _flags(words: str) -> frozenset[Flag]:
    return frozenset(Flag(word) for word in words.split())


def _plans(scans: Iterable[Any]) -> Plans:
    """What was planned at each object: the longest and latest of the shifts (or the task) that its scans were made for."""
    plans: dict[int, folds.Session] = {}
    for scan in scans:
        mine, other = record_rows.plan_of(scan), plans.get(scan.obj)
        if other is not None:
            both = None if mine.ends_at is None or other.ends_at is None else max(mine.ends_at, other.ends_at)
            mine = folds.Session(max(mine.planned_minutes, other.planned_minutes), both)
        plans[scan.obj] = mine
    return plans
