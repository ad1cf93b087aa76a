"""A day's records from scans and from what organisers said: pure (docs/protocol.md §2, §3; docs/rules.md §3.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations
from typing import Protocol

from qr.folds import Folded, Session
from qr.rules import EXTRA_MINUTES, Evidence, Flag, minutes
from server.domain.records import RecordState

Named = tuple[str, int, Folded]  # source key, task id, record of the fold
UNDECIDED = (RecordState.PRESENT, RecordState.ENDED, RecordState.REPORTED, RecordState.SENT_BACK)
UNTOUCHED = (RecordState.PRESENT, RecordState.ENDED)


@dataclass(frozen=True)
class Attested:
    """What an organiser said of a record: unix seconds, and the T axis of a personal code he scanned."""

    start: int | None = None
    end: int | None = None
    t: int = 0


@dataclass(frozen=True)
class Facts:
    """What a record says: unix seconds, whole minutes, the axes, the flags, the messages (sorted)."""

    start: int
    end: int | None
    minutes: int
    axes: Evidence
    flags: frozenset[Flag]
    mids: tuple[str, ...] = ()

    @property
    def span(self) -> tuple[int, int] | None:
        """Where both ends are known."""
        return None if self.end is None or self.end <= self.start else (self.start, self.end)


class Matchable(Protocol):
    """A stored record, as far as matching asks."""

    @property
    def source_key(self) -> str: ...
    @property
    def state(self) -> RecordState: ...
    @property
    def task_id(self) -> int: ...
    @property
    def mids(self) -> Sequence[str]: ...


def source_key(person_id: int, obj: int, first_mid: str) -> str:
    """What names a record that was folded from scans."""
    return f"{person_id}:{obj}:{first_mid}"


def facts(folded: Folded | None, said: Attested, plan: Session) -> Facts:
    """Scans come first; what they leave open the organiser's word fills in (D 1). One of the two must be there."""
    if folded is None:
        start = said.start or 0
        return _filled(Facts(start, None, 0, Evidence(t=said.t), frozenset()), said.end, plan)
    axes = replace(folded.evidence, t=max(folded.evidence.t, said.t))
    base = Facts(folded.start or folded.end or 0, folded.end, folded.minutes, axes, folded.flags, folded.mids)
    if folded.start is None and said.start is not None and said.start < base.start:
        return _filled(replace(base, start=said.start), folded.end, plan)
    if folded.evidence.d < 2 and folded.start is not None:
        return _filled(base, said.end, plan)
    return base


def held(all_facts: Sequence[Facts]) -> list[Facts]:
    """Overlapping records are all on HOLD, whoever wrote them down."""
    spans = [one.span for one in all_facts]
    clashing = {
        place
        for one, other in combinations(range(len(spans)), 2)
        if (a := spans[one]) and (b := spans[other]) and max(a[0], b[0]) < min(a[1], b[1])
        for place in (one, other)
    }
    return [replace(one, flags=one.flags | {Flag.HOLD}) if place in clashing else one for place, one in enumerate(all_facts)]


def match(folded: Sequence[Named], stored: Sequence[Matchable]) -> list[int | None]:
    """For each (key, task id, folded) the place in `stored` of the record that it is, or None for a new one.

    A record a human has decided keeps its messages; then the same name; then common messages; then a tick without messages.
    """
    taken: dict[int, int] = {}
    for wish in (_decided, _same_name, _common, _only_ticked):
        for place, wanted in enumerate(folded):
            if place not in taken:
                free = (n for n, row in enumerate(stored) if n not in taken.values() and wish(wanted, row))
                found = next(free, None)
                if found is not None:
                    taken[place] = found
    return [taken.get(place) for place in range(len(folded))]


def _decided(wanted: Named, row: Matchable) -> bool:
    return row.state not in UNDECIDED and _common(wanted, row)


def _same_name(wanted: Named, row: Matchable) -> bool:
    return row.source_key == wanted[0]


def _common(wanted: Named, row: Matchable) -> bool:
    return bool(set(row.mids) & set(wanted[2].mids))


def _only_ticked(wanted: Named, row: Matchable) -> bool:
    return row.task_id == wanted[1] and not row.mids and row.state in UNDECIDED


def words(flags: frozenset[Flag]) -> str:
    """Flags as the table keeps them."""
    return " ".join(sorted(flag.value for flag in flags))


def seconds(at: datetime | None) -> int | None:
    """A moment as unix second."""
    return None if at is None else int(at.timestamp())


def _filled(base: Facts, end: int | None, plan: Session) -> Facts:
    """The record with an end that the organiser knows; MOVED no longer says how it ended."""
    if end is None or end < base.start:
        return base
    flags = base.flags - {Flag.MOVED}
    if end - base.start > (plan.planned_minutes + EXTRA_MINUTES) * 60:
        flags |= {Flag.REVIEW}
    counted = minutes(base.start, end, plan.planned_minutes)
    return replace(base, end=end, minutes=counted, axes=replace(base.axes, d=1), flags=flags)
