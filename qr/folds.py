"""From the scans of one person on one day to records, whatever order they came in (docs/protocol.md §3).

`fold` reads a set: equal sets of scans give equal records. It never looks at when or in which batch a scan arrived;
a late arrival has already lowered the scan's token axis, and that is all it can change.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import reduce
from itertools import combinations, pairwise
from typing import Final

from qr.rules import EXTRA_MINUTES, Evidence, Flag, Place, join, minutes

SAME_TAP: Final = 600  # seconds within which scans of one object in one direction are one tap
CLOSING: Final = EXTRA_MINUTES * 60  # seconds after a session's end in which an out still belongs to it


class Direction(StrEnum):
    """Coming or going."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True)
class Scan:
    """One stored message: `at` is its effective unix second, `t` its token axis (`rules.token_axis`)."""

    mid: str
    obj: int
    direction: Direction
    at: int
    t: int
    flags: frozenset[Flag] = frozenset()
    place: Place = Place.UNKNOWN

    @property
    def order(self) -> tuple[int, bool, str]:
        """The total order of the fold: time, in before out, message id."""
        return self.at, self.direction is Direction.OUT, self.mid


@dataclass(frozen=True)
class Session:
    """What was planned at an object on that day: minutes, and the unix second it ends (None: open all day)."""

    planned_minutes: int
    ends_at: int | None = None


@dataclass(frozen=True)
class Folded:
    """One record of the day.

    `first` is the mid that names it (with person and object): its first scan in, or the out that stands alone.
    `start` and `end` are unix seconds, None where nobody scanned; `evidence` has no witnesses yet; `mids` are sorted.
    """

    first: str
    obj: int
    start: int | None
    end: int | None
    minutes: int
    evidence: Evidence
    flags: frozenset[Flag]
    mids: tuple[str, ...]


@dataclass(frozen=True)
class _Stint:
    """A record being made: its scans in order, the taps it starts and ends with, and its last second to be ended."""

    scans: tuple[Scan, ...]
    start: int | None
    end: int | None
    d: int
    open_until: float
    flags: frozenset[Flag] = frozenset()

    @property
    def first(self) -> Scan:
        return self.scans[0]

    @property
    def span(self) -> tuple[int, int] | None:
        return None if self.start is None or self.end is None else (self.start, self.end)


_UNPLANNED: Final = Session(planned_minutes=0)


def fold(scans: Iterable[Scan], sessions: Mapping[int, Session]) -> tuple[Folded, ...]:
    """The records of one person's local day, in order of time.

    `sessions` maps object handles to the plan of that day; an object without one counts as planned for 0 minutes.
    Scans given twice count once; two different scans with one mid raise ValueError.
    """
    unique = set(scans)
    if len({scan.mid for scan in unique}) != len(unique):
        raise ValueError("two different scans share a mid")
    ordered = sorted(unique, key=lambda scan: scan.order)
    by_object: dict[int, list[Scan]] = defaultdict(list)
    for scan in ordered:
        by_object[scan.obj].append(scan)
    stints = [stint for obj, own in by_object.items() for stint in _stints(own, sessions.get(obj, _UNPLANNED))]
    stints.sort(key=lambda stint: stint.first.order)
    return _counted(_flagged(_moved(stints), ordered), sessions)


def _stints(scans: Sequence[Scan], session: Session) -> list[_Stint]:
    """Rules 1–3 at one object: an in-tap pairs with the out-tap that follows it before the session closes."""
    closes = float("inf") if session.ends_at is None else session.ends_at + CLOSING
    taps = _taps(scans)
    stints: list[_Stint] = []
    for place, tap in enumerate(taps):
        if tap[0].direction is Direction.IN:
            stints.append(_opened(tap, min([closes, *_next_in(taps[place + 1 :])])))
        elif stints and _closes(stints[-1], tap):
            stints[-1] = replace(stints[-1], scans=(*stints[-1].scans, *tap), end=tap[-1].at, d=2)
        else:
            stints.append(_Stint(tuple(tap), None, tap[-1].at, 0, 0))
    return stints


def _taps(scans: Sequence[Scan]) -> list[list[Scan]]:
    """Rule 1: uninterrupted scans in one direction within ten minutes of the first are one tap."""
    taps: list[list[Scan]] = []
    for scan in scans:
        head = taps[-1][0] if taps else None
        if head and head.direction is scan.direction and scan.at - head.at <= SAME_TAP:
            taps[-1].append(scan)
        else:
            taps.append([scan])
    return taps


def _next_in(taps: Sequence[Sequence[Scan]]) -> list[int]:
    return [tap[0].at for tap in taps if tap[0].direction is Direction.IN][:1]


def _opened(tap: Sequence[Scan], open_until: float) -> _Stint:
    return _Stint(tuple(tap), tap[0].at, None, 0, open_until)


def _closes(stint: _Stint, out: Sequence[Scan]) -> bool:
    return stint.end is None and out[0].at < stint.open_until


def _moved(stints: Sequence[_Stint]) -> list[_Stint]:
    """Rule 4: an in without an out ends where the person next scanned in elsewhere while it was still open."""
    return [_left_for(stint, _next_elsewhere(stint, stints)) for stint in stints]


def _next_elsewhere(stint: _Stint, stints: Sequence[_Stint]) -> Scan | None:
    """The next scan in while this stint is open; an in at the same object has closed it by then."""
    later = (other.first for other in stints if other.start is not None and other.first.order > stint.first.order)
    return next((scan for scan in later if scan.at < stint.open_until), None)


def _left_for(stint: _Stint, elsewhere: Scan | None) -> _Stint:
    if stint.end is not None or elsewhere is None:
        return stint
    return replace(stint, end=elsewhere.at, d=1, flags=stint.flags | {Flag.MOVED})


def _flagged(stints: Sequence[_Stint], ordered: Sequence[Scan]) -> list[_Stint]:
    """Rules 5 and 6, and the flags that the scans brought along."""
    tied = _tied(ordered)
    held = {stint for pair in combinations(stints, 2) if _overlap(*pair) for stint in pair}
    return [replace(stint, flags=stint.flags | _flags(stint, stint in held, tied)) for stint in stints]


def _flags(stint: _Stint, held: bool, tied: set[str]) -> frozenset[Flag]:
    brought = frozenset().union(*(scan.flags for scan in stint.scans))
    review = any(scan.mid in tied or scan.place is Place.OUT for scan in stint.scans)
    return brought | ({Flag.HOLD} if held else set()) | ({Flag.REVIEW} if review else set())


def _tied(ordered: Sequence[Scan]) -> set[str]:
    """Mids of scans that nothing but their mid puts in order: same second, same direction, two objects."""
    pairs = ((one, other) for one, other in pairwise(ordered) if one.order[:2] == other.order[:2])
    return {scan.mid for one, other in pairs if one.obj != other.obj for scan in (one, other)}


def _overlap(one: _Stint, other: _Stint) -> bool:
    if one.span is None or other.span is None:
        return False
    return max(one.span[0], other.span[0]) < min(one.span[1], other.span[1])


def _counted(stints: Sequence[_Stint], sessions: Mapping[int, Session]) -> tuple[Folded, ...]:
    """Minutes, each minute of the day at most once: an overlap counts for the record that began first."""
    records: list[Folded] = []
    counted_until = 0
    for stint in stints:
        planned = sessions.get(stint.first.obj, _UNPLANNED).planned_minutes
        start, end = stint.span or (0, 0)
        latest = start + (planned + EXTRA_MINUTES) * 60
        earned = minutes(max(start, counted_until), min(end, latest), planned)
        counted_until = max(counted_until, min(end, latest))
        records.append(_record(stint, earned, too_long=end > latest))
    return tuple(records)


def _record(stint: _Stint, earned: int, *, too_long: bool) -> Folded:
    proof = reduce(join, (Evidence(t=scan.t, place=scan.place) for scan in stint.scans), Evidence(d=stint.d))
    flags = stint.flags | {Flag.REVIEW} if too_long else stint.flags
    mids = tuple(sorted(scan.mid for scan in stint.scans))
    return Folded(stint.first.mid, stint.first.obj, stint.start, stint.end, earned, proof, flags, mids)
