"""Messages and their rows: one look at everything a scan is judged by, one insert (docs/protocol.md §3).

The statements are built once and take parameters: they are what a check-in costs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, cast

from sqlalchemy import BindParameter, Table, and_, bindparam, exists, func, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from qr import rules, tokens
from qr.rules import Timing
from qr.tokens import Mode, Token
from server.db.models.checkins import RefusedScan, Scan, ServiceRecord
from server.db.models.codes import Code
from server.db.models.people import Person
from server.db.models.tasks import Claim, Shift, Task
from server.db.prebuilt import Prebuilt
from server.domain.days import local_day

Looked = Sequence[Any]


@dataclass(frozen=True)
class Message:
    """What a phone captured: `cap` and the anchor (server, device) in milliseconds, `inside` the coarse place."""

    mid: str
    direction: str
    text: str = field(repr=False)
    cap: int
    anchor: tuple[int, int] | None = None
    inside: bool | None = None

    def body_hash(self, token: Token | None) -> str:
        """SHA-256 of what the message says; two spellings of one token are the same (docs/protocol.md §1)."""
        code = token.raw.hex() if token is not None else tokens.fingerprint(self.text)
        said = (code, self.direction, str(self.cap), str(self.anchor), str(self.inside))
        return hashlib.sha256("\0".join(said).encode()).hexdigest()


def timing_of(message: Message, token: Token, now: datetime, max_age: int = rules.MAX_AGE) -> Timing:
    """When the message's fact took place, from the message alone."""
    received, claimed = int(now.timestamp()), rules.claimed_at(message.cap, message.anchor)
    if token.mode is Mode.ROTATING:
        return rules.rotating_time(token.slot, tokens.step_of(token.kind), claimed, received, max_age)
    return rules.claimed_time(claimed, received, max_age)


def moment(second: int, fallback: datetime) -> datetime:
    """A unix second as aware UTC; `fallback` where a phone claims a time no calendar has."""
    try:
        return datetime.fromtimestamp(second, UTC)
    except (ValueError, OverflowError, OSError):
        return fallback


def _table(model: Any) -> Table:
    return cast(Table, model.__table__)


_code, _task, _claim, _shift, _person = (_table(model) for model in (Code, Task, Claim, Shift, Person))
_own, _twin, _refused = _table(Scan).alias("own"), _table(Scan).alias("twin"), _table(RefusedScan)
_day, _record = _table(Scan).alias("of_day"), _table(ServiceRecord)
_who: BindParameter[int] = bindparam("person_id")

LOOK = Prebuilt(
    select(
        _code.c.id, _code.c.kind, _code.c.mode, _code.c.epoch, _code.c.retired_at, _code.c.obj,
        _task.c.id.label("task_id"), _task.c.public_id.label("task"), _task.c.title, _task.c.place, _task.c.state.label("task_state"),
        _task.c.starts_at, _task.c.ends_at, _task.c.planned_minutes, _task.c.claim_needed, _task.c.grid_id, _task.c.community_id,
        _claim.c.id.label("claim_id"), _claim.c.state.label("claim_state"), _claim.c.unit_id.label("claim_unit_id"),
        _claim.c.shift_id, _shift.c.starts_at.label("shift_starts_at"), _shift.c.ends_at.label("shift_ends_at"),
        _person.c.unit_id,
        _own.c.id.label("own_id"), _own.c.body_hash.label("own_hash"), _own.c.at.label("own_at"), _own.c.answer.label("own_answer"),
        _own.c.late.label("own_late"), _own.c.flags.label("own_flags"),
        _twin.c.id.label("twin_id"), _twin.c.at.label("twin_at"), _twin.c.answer.label("twin_answer"),
        _twin.c.late.label("twin_late"), _twin.c.flags.label("twin_flags"),
        _refused.c.code.label("refused_code"), _refused.c.body_hash.label("refused_hash"),
        select(func.coalesce(func.max(_day.c.seq), 0))
        .where(_day.c.person_id == _who, _day.c.day == bindparam("day")).scalar_subquery().label("scans"),
        exists().where(_record.c.person_id == _who, _record.c.day == bindparam("day")).label("has_records"),
    )
    .select_from(
        _code.join(_person, _person.c.id == _who)
        .outerjoin(_task, and_(_code.c.subject_kind == literal_column("'task'"), _task.c.id == _code.c.subject_id))
        .outerjoin(_claim, and_(_claim.c.task_id == _task.c.id, _claim.c.person_id == _who))
        .outerjoin(_shift, _shift.c.id == _claim.c.shift_id)
        .outerjoin(_own, and_(_own.c.person_id == _who, _own.c.mid == bindparam("mid")))
        .outerjoin(_twin, and_(_twin.c.person_id == _who, _twin.c.code_id == _code.c.id, _twin.c.direction == bindparam("direction"),
                               _twin.c.slot == bindparam("slot"), _twin.c.mode == literal_column("1"), ~_twin.c.again))
        .outerjoin(_refused, and_(_refused.c.person_id == _who, _refused.c.mid == bindparam("mid")))
    )
    .where(_code.c.obj == bindparam("obj"))
)  # fmt: skip

_INSERT = {
    "postgresql": postgresql.insert(_table(Scan)).on_conflict_do_nothing().returning(Scan.__table__.c.id),
    "sqlite": sqlite.insert(_table(Scan)).on_conflict_do_nothing().returning(Scan.__table__.c.id),
}


def look(session: Session, message: Message, token: Token, *, person_id: int, day: date) -> Looked:
    """Everything a scan is judged by, one row for each claim of the person on the task; no row for an unknown object."""
    asked = {"person_id": person_id, "mid": message.mid, "obj": token.obj, "slot": token.slot, "direction": message.direction, "day": day}
    return LOOK.rows(session, asked)


def insert(session: Session, row: Mapping[str, Any]) -> int | None:
    """Store the message. None when its mid, its slot or its place in the day was taken meanwhile: look again."""
    connection = session.connection()
    return cast("int | None", connection.execute(_INSERT[connection.dialect.name], row).scalar())


def row_of(
    message: Message, token: Token, timing: Timing, seen: Any, *, person_id: int, session_id: int | None, now: datetime
) -> dict[str, Any]:
    """The scan's columns, but its answer."""
    at = moment(timing.at, now)
    return {
        "person_id": person_id,
        "mid": message.mid,
        "body_hash": message.body_hash(token),
        "code_id": seen.id,
        "task_id": seen.task_id,
        "claim_id": seen.claim_id,
        "direction": message.direction,
        "mode": int(token.mode),
        "slot": token.slot,
        "at": at,
        "day": local_day(at),
        "seq": seen.scans + 1,
        "again": seen.twin_id is not None,
        "received_at": now,
        "late": timing.late,
        "place_in": message.inside,
        "flags": "CLOCK" if timing.clock_off else "",
        "session_id": session_id,
    }
