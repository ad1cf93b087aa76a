"""The clock of requests and of care: dunning, escalation, missed visits (mission rows C6, C13). Each run finds its work in the tables."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from server.db.base import transaction
from server.services import care_plans, escalations


def escalate(now: datetime) -> None:
    """Go on with what waited long enough, remind of what has run out, take what is overdue one level up; a transaction a batch."""
    _drain(escalations.resume_due, now, escalations.BATCH)
    _drain(escalations.dun_due, now, escalations.BATCH)
    _drain(escalations.escalate_due, now, escalations.BATCH)


def miss_care(now: datetime) -> None:
    """Note the visits that were missed, and alarm after three in a row."""
    _drain(care_plans.miss_due, now, care_plans.BATCH)


def _drain(step: Callable[..., Any], now: datetime, batch: int) -> None:
    while True:
        with transaction() as session:
            done = step(session, now=now)
        if done < batch:
            return
