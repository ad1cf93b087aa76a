"""Service records: PRESENT → ENDED → REPORTED → FINAL (docs/rules.md §3.5, docs/protocol.md §2). Only FINAL counts (R8)."""

from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from enum import StrEnum

from server.domain.days import SHANGHAI
from server.domain.permissions import Permission as P
from server.domain.states import Rule


class Method(StrEnum):
    """How presence was written down; all count the same (R1)."""

    SCAN = "scan"  # the person scanned the place's code
    ORGANISER_SCAN = "organiser_scan"  # the organiser scanned the person's code
    TICK = "tick"
    PAPER = "paper"


class RecordState(StrEnum):
    PRESENT = "present"
    ENDED = "ended"
    REPORTED = "reported"
    SENT_BACK = "sent_back"
    FINAL = "final"
    DISPUTED = "disputed"
    VOID = "void"


class RecordAction(StrEnum):
    END = "end"
    REPORT = "report"
    CONFIRM = "confirm"
    SEND_BACK = "send_back"
    DISPUTE = "dispute"
    UPHOLD = "uphold"
    VOID = "void"


R, RA = RecordState, RecordAction
RECORD_TRANSITIONS: Mapping[tuple[RecordState, RecordAction], Rule[RecordState]] = {
    (R.PRESENT, RA.END): Rule(R.ENDED),
    (R.PRESENT, RA.REPORT): Rule(R.REPORTED),
    (R.ENDED, RA.REPORT): Rule(R.REPORTED),
    (R.SENT_BACK, RA.REPORT): Rule(R.REPORTED),
    # A person who never opens the mini-program is confirmed from presence alone (R6).
    (R.PRESENT, RA.CONFIRM): Rule(R.FINAL, P.RECORDS_CONFIRM, undo=True),
    (R.ENDED, RA.CONFIRM): Rule(R.FINAL, P.RECORDS_CONFIRM, undo=True),
    (R.REPORTED, RA.CONFIRM): Rule(R.FINAL, P.RECORDS_CONFIRM, undo=True),
    (R.REPORTED, RA.SEND_BACK): Rule(R.SENT_BACK, P.RECORDS_CONFIRM, needs_note=True, undo=True),
    (R.FINAL, RA.DISPUTE): Rule(R.DISPUTED, needs_note=True),
    (R.DISPUTED, RA.UPHOLD): Rule(R.FINAL, P.RECORDS_VOID, needs_note=True, undo=True),
    (R.DISPUTED, RA.VOID): Rule(R.VOID, P.RECORDS_VOID, needs_note=True, undo=True),
    (R.FINAL, RA.VOID): Rule(R.VOID, P.RECORDS_VOID, needs_note=True, undo=True),
    (R.PRESENT, RA.VOID): Rule(R.VOID, P.RECORDS_VOID, needs_note=True, undo=True),
    (R.ENDED, RA.VOID): Rule(R.VOID, P.RECORDS_VOID, needs_note=True, undo=True),
    (R.REPORTED, RA.VOID): Rule(R.VOID, P.RECORDS_VOID, needs_note=True, undo=True),
    (R.SENT_BACK, RA.VOID): Rule(R.VOID, P.RECORDS_VOID, needs_note=True, undo=True),
}
COUNTS = (R.FINAL, R.DISPUTED)  # a disputed record stands until it is decided
DISPUTE_WITHIN = timedelta(days=30)  # of the confirmation
WAITING = (R.PRESENT, R.ENDED, R.REPORTED)  # what an organiser can confirm
NIGHT_FROM, NIGHT_TO = time(23), time(5)

METHOD_NAMES = {
    Method.SCAN: "本人扫码",
    Method.ORGANISER_SCAN: "组织者扫码",
    Method.TICK: "组织者登记",
    Method.PAPER: "纸质补录",
}
RECORD_STATE_NAMES = {
    R.PRESENT: "已签到",
    R.ENDED: "已签退",
    R.REPORTED: "待确认",
    R.SENT_BACK: "请补充",
    R.FINAL: "已确认",
    R.DISPUTED: "有异议",
    R.VOID: "已作废",
}


class HoldReason(StrEnum):
    """Why a person must look before confirming (docs/protocol.md §2, last table)."""

    FLAGGED = "flagged"
    NIGHT = "night"
    OUT_OF_PLACE = "out_of_place"
    OVERLAP = "overlap"
    TOO_LONG = "too_long"


def at_night(start: datetime, end: datetime) -> bool:
    """Does the service begin or end between 23:00 and 05:00 in Shanghai?"""
    return any(at >= NIGHT_FROM or at < NIGHT_TO for at in (moment.astimezone(SHANGHAI).time() for moment in (start, end)))


def uncounted_minutes(start: datetime, end: datetime, counted: Iterable[tuple[datetime, datetime]]) -> int:
    """Whole minutes of [start, end) that no counted interval holds: minutes count once at most (docs/protocol.md §3, fold rule 5)."""
    free, at = timedelta(), start
    for from_, to in sorted(counted):
        if from_ >= end:
            break
        free += max(timedelta(), from_ - at)
        at = max(at, to)
    return int((free + max(timedelta(), end - at)).total_seconds()) // 60
