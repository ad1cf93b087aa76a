"""Notices: kinds, texts and quiet hours (mission row G1; R1: at most one reminder an event, and it can be turned off)."""

from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

from server.domain.days import SHANGHAI

QUIET_FROM, QUIET_TO = time(20), time(8)


class NoticeKind(StrEnum):
    BINDING_DECIDED = "binding_decided"
    CLAIM_DECIDED = "claim_decided"
    RECORD_CONFIRMED = "record_confirmed"
    RECORD_SENT_BACK = "record_sent_back"
    RECORD_VOIDED = "record_voided"
    REGISTRATION_DECIDED = "registration_decided"
    REMINDER = "reminder"
    STAND_IN = "stand_in"
    TASK_CANCELLED = "task_cancelled"
    TRANSFER_DECIDED = "transfer_decided"
    UNIT_DECIDED = "unit_decided"


class PushState(StrEnum):
    """What became of the courtesy message."""

    NONE = "none"
    WAITING = "waiting"
    SENT = "sent"
    NO_QUOTA = "no_quota"
    FAILED = "failed"
    UNKNOWN = "unknown"


def quiet_until(at: datetime) -> datetime:
    """When a courtesy message may leave: now, or at eight in the morning if it is between 20:00 and 08:00 in Shanghai."""
    local = at.astimezone(SHANGHAI)
    if QUIET_TO <= local.time() < QUIET_FROM:
        return at
    morning = datetime.combine(local.date(), QUIET_TO, SHANGHAI)
    return (morning if local.time() < QUIET_TO else morning + timedelta(days=1)).astimezone(UTC)
