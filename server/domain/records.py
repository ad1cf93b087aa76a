"""Service records: PRESENT → ENDED → REPORTED → FINAL (docs/rules.md §3.5, docs/protocol.md §2). Only FINAL counts (R8)."""

from collections.abc import Mapping
from enum import StrEnum

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
    (R.PRESENT, RA.CONFIRM): Rule(R.FINAL, P.RECORDS_CONFIRM),
    (R.ENDED, RA.CONFIRM): Rule(R.FINAL, P.RECORDS_CONFIRM),
    (R.REPORTED, RA.CONFIRM): Rule(R.FINAL, P.RECORDS_CONFIRM),
    (R.REPORTED, RA.SEND_BACK): Rule(R.SENT_BACK, P.RECORDS_CONFIRM, needs_note=True),
    (R.FINAL, RA.DISPUTE): Rule(R.DISPUTED, needs_note=True),
    (R.DISPUTED, RA.UPHOLD): Rule(R.FINAL, P.RECORDS_VOID, needs_note=True),
    (R.DISPUTED, RA.VOID): Rule(R.VOID, P.RECORDS_VOID, needs_note=True),
    (R.FINAL, RA.VOID): Rule(R.VOID, P.RECORDS_VOID, needs_note=True),
    (R.PRESENT, RA.VOID): Rule(R.VOID, P.RECORDS_VOID, needs_note=True),
    (R.ENDED, RA.VOID): Rule(R.VOID, P.RECORDS_VOID, needs_note=True),
    (R.REPORTED, RA.VOID): Rule(R.VOID, P.RECORDS_VOID, needs_note=True),
    (R.SENT_BACK, RA.VOID): Rule(R.VOID, P.RECORDS_VOID, needs_note=True),
}
COUNTS = (R.FINAL, R.DISPUTED)  # a disputed record stands until it is decided
