"""Sealing events into the audit chain."""

from __future__ import annotations

import time
from datetime import datetime

from server.db.base import reading, transaction
from server.services import audit

LOOKS, PAUSE_S = 20, 0.5


def seal(now: datetime) -> None:
    """Seal once nobody is still writing an event below the newest id; with a long import under way the next run will."""
    with reading() as session:
        seen = audit.horizon(session)
    if not _settles(seen):
        return
    with transaction() as session:
        audit.seal(session, now=now, up_to=seen.last_id)


def _settles(seen: audit.Horizon) -> bool:
    for _ in range(LOOKS):
        with reading() as session:
            if audit.settled(session, seen):
                return True
        time.sleep(PAUSE_S)
    return False
