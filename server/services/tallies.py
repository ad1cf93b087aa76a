"""Contributions: what a decision adds to or takes from the figures, exactly once by its key (house law 3; docs/rules.md §4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from server import defer
from server.db.models.checkins import ServiceRecord
from server.db.models.tallies import Contribution


def contribute(session: Session, record: ServiceRecord, *, now: datetime, sign: int = 1) -> None:
    """Let a record that has become FINAL count (sign 1), or leave every figure because it became VOID (sign −1).

    The key is the record and the version it has now, so the same decision never counts twice; the figures follow within seconds.
    """
    contribute_all(session, [record], now=now, sign=sign)


def contribute_all(session: Session, records: Sequence[ServiceRecord], *, now: datetime, sign: int = 1) -> None:
    """contribute() for many records in one statement."""
    if not records:
        return
    session.execute(insert(Contribution), [_values(record, sign, now) for record in records])
    defer.wake(session, "tallies.drain")


def _values(record: ServiceRecord, sign: int, now: datetime) -> dict[str, Any]:
    return {
        "source": "record",
        "key": f"{record.id}#{record.version}",
        "record_id": record.id,
        "person_id": record.person_id,
        "community_id": record.community_id,
        "grid_id": record.grid_id,
        "unit_id": record.unit_id,
        "day": record.day,
        "visits": sign,
        "minutes": sign * record.minutes,
        "at": now,
    }
