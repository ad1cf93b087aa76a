"""Verdicts on a scan: is its slot alive, when did it happen, what does it prove (docs/protocol.md §1–§3).

Pure, and ordered by nothing: times are unix seconds of the server's clock (phones speak milliseconds), all given.
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final, Literal

from qr.tokens import Mode, slot_at, slot_start

HOST_SKEW: Final = 2  # seconds by which a screen's host may run ahead of ours
LIVE_GRACE: Final = 30  # seconds after its slot in which a rotating token still counts as live
CLOCK_TOLERANCE: Final = 120  # seconds a phone's clock may differ before it is mentioned or refused
MAX_AGE: Final = 72 * 3600  # seconds a message may wait for a network
EXTRA_MINUTES: Final = 30  # minutes beyond the plan that still count

SlotRefusal = Literal["QR_WINDOW_PAST", "QR_WINDOW_AHEAD"]
TimeRefusal = Literal["FUTURE", "TOO_OLD", "QR_WINDOW_AHEAD"]
Who = int | str  # whatever the caller names persons and sessions by


class Flag(StrEnum):
    """What a person should know about a scan or a record; no flag takes minutes away."""

    CLOCK = "CLOCK"  # the phone's clock disagrees with the token
    MOVED = "MOVED"  # ended by a scan in at another object
    HOLD = "HOLD"  # overlaps another record: somebody decides
    REVIEW = "REVIEW"  # worth a look


class Place(IntEnum):
    """Coarse place, kept as a flag only; the order is the order of joining, not of merit."""

    UNKNOWN = 0
    IN = 1
    OUT = 2


class Witness(StrEnum):
    """Who besides the person himself stands for the record."""

    ORGANISER = "organiser"
    BENEFICIARY = "beneficiary"
    PEER = "peer"


class Grade(StrEnum):
    """How well a record is proven; it steers how often we check, never what is earned beyond B."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"

    @property
    def counts(self) -> bool:
        """Whether hours, points, certificates and statistics may count it (R8: a scan alone earns nothing)."""
        return self <= Grade.B


@dataclass(frozen=True)
class Attestation:
    """One person standing for a record through one login session (None: on paper)."""

    kind: Witness
    person: Who
    session: Who | None


@dataclass(frozen=True)
class Evidence:
    """Four independent axes of proof (docs/protocol.md §2).

    `t` token: 0 none, 1 static or late, 2 rotating and live. `d` duration: 0 none, 1 one side, 2 in and out.
    `witnesses`: what `admissible` left. `Evidence()` is the neutral element of `join`.
    """

    t: int = 0
    witnesses: frozenset[Attestation] = frozenset()
    d: int = 0
    place: Place = Place.UNKNOWN


@dataclass(frozen=True)
class Timing:
    """When a message's fact took place: unix second `at`, late or live, clock mentioned, or refused to the ledger."""

    at: int
    late: bool
    clock_off: bool
    refused: TimeRefusal | None


def live_slot(slot: int, now_s: int, step: int) -> SlotRefusal | None:
    """None when a rotating slot may be scanned at this second, else why not (docs/protocol.md §1).

    Alive are the present slot, the one before, and the next one in the two seconds before it starts here.
    """
    now = slot_at(now_s, step)
    if slot > now:
        ahead = slot_start(slot, step) - now_s
        return None if ahead <= HOST_SKEW else "QR_WINDOW_AHEAD"
    return None if slot >= now - 1 else "QR_WINDOW_PAST"


def is_late(slot: int, step: int, received_at: int) -> bool:
    """Whether a rotating token arrived more than 30 s after its slot ended: it then proves no more than a poster."""
    return received_at > slot_start(slot + 1, step) + LIVE_GRACE


def claimed_at(cap_ms: int, anchor_ms: tuple[int, int] | None) -> int:
    """The unix second a phone claims: its clock, corrected by the (server, device) milliseconds it last heard."""
    server, device = anchor_ms or (0, 0)
    return (cap_ms + server - device) // 1000


def rotating_time(slot: int, step: int, claimed: int, received_at: int, max_age: int = MAX_AGE) -> Timing:
    """Timing of a message with a rotating token: its slot's start, whatever the phone claims (docs/protocol.md §3)."""
    at = slot_start(slot, step)
    refused: TimeRefusal | None = "TOO_OLD" if received_at - at > max_age else None
    if at > received_at + HOST_SKEW:
        refused = "QR_WINDOW_AHEAD"
    return Timing(at, is_late(slot, step, received_at), abs(claimed - at) > CLOCK_TOLERANCE, refused)


def claimed_time(claimed: int, received_at: int, max_age: int = MAX_AGE) -> Timing:
    """Timing of a message with a static token or a tick: the claim, unless it lies ahead or too far back."""
    refused: TimeRefusal | None = "TOO_OLD" if received_at - claimed > max_age else None
    if claimed > received_at + CLOCK_TOLERANCE:
        refused = "FUTURE"
    return Timing(claimed, late=False, clock_off=False, refused=refused)


def token_axis(mode: Mode | None, *, late: bool) -> int:
    """T of one scan: 2 for a rotating token received live, 1 for any other token, 0 without one."""
    if mode is None:
        return 0
    return 2 if mode == Mode.ROTATING and not late else 1


def admissible(given: Iterable[Attestation], *, person: Who, sessions: Set[Who], vouched_for: Set[Who]) -> frozenset[Attestation]:
    """The attestations that may stand for `person` (docs/protocol.md §2, independence).

    Not his own, not from a session through which his own messages came (`sessions`: himself or his proxy), and not a
    peer's for whom he stood himself (`vouched_for`). One by one, so it may be done before or after any join.
    """
    return frozenset(
        one
        for one in given
        if one.person != person
        and (one.session is None or one.session not in sessions)
        and not (one.kind is Witness.PEER and one.person in vouched_for)
    )


def join(one: Evidence, other: Evidence) -> Evidence:
    """Both evidences together: the higher of each axis, all witnesses. Commutative, associative, idempotent."""
    return Evidence(max(one.t, other.t), one.witnesses | other.witnesses, max(one.d, other.d), max(one.place, other.place))


def grade(evidence: Evidence) -> Grade:
    """The first grade that holds (docs/protocol.md §2). No token, duration or place lowers a witness's word."""
    solid = [one for one in evidence.witnesses if one.kind is not Witness.PEER]
    if any(_independent(one, other) for one in solid for other in evidence.witnesses):
        return Grade.A
    if solid:
        return Grade.B
    return Grade.C if evidence.t == 2 else Grade.D


def minutes(start: int, end: int, planned_minutes: int) -> int:
    """Whole minutes between two unix seconds, at most 30 more than planned, never below 0."""
    return max(0, min((end - start) // 60, planned_minutes + EXTRA_MINUTES))


def _independent(one: Attestation, other: Attestation) -> bool:
    same_session = one.session is not None and one.session == other.session
    return one.person != other.person and not same_session
