"""Which figures one contribution touches (mission row F1; docs/rules.md §4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

from server.domain.days import PERIODS, period_start


class Key(NamedTuple):
    """One row of the tally: scope person, unit or node; period month, quarter or year, by its first day."""

    scope: str
    scope_id: int
    period: str
    starts_on: date


class Served(NamedTuple):
    """What counts: visits of a person (negative: taken away again) and their minutes, on a local day, for his unit and a place."""

    person_id: int
    unit_id: int | None
    path: str
    day: date
    visits: int
    minutes: int


def keys_of(served: Served) -> Iterator[Key]:
    """The person's, his unit's, and every node's on the path from the root down to the grid or building; each in three periods."""
    nodes = sorted({int(part) for part in served.path.split("/") if part})
    scopes = [("person", served.person_id), *(("node", node) for node in nodes)]
    if served.unit_id is not None:
        scopes.append(("unit", served.unit_id))
    for scope, scope_id in scopes:
        for period in PERIODS:
            yield Key(scope, scope_id, period, period_start(period, served.day))


class Figures:
    """Sums of what was served: visits and minutes by key, and by key and person. Entries may be negative, and cancel out."""

    def __init__(self, served: Iterable[Served] = ()) -> None:
        self.visits: dict[Key, int] = {}
        self.minutes: dict[Key, int] = {}
        self.heads: dict[tuple[Key, int], int] = {}
        self.head_minutes: dict[tuple[Key, int], int] = {}
        for one in served:
            self.add(one)

    def add(self, served: Served) -> None:
        """Count one."""
        for key in keys_of(served):
            self.visits[key] = self.visits.get(key, 0) + served.visits
            self.minutes[key] = self.minutes.get(key, 0) + served.minutes
            head = (key, served.person_id)
            self.heads[head] = self.heads.get(head, 0) + served.visits
            self.head_minutes[head] = self.head_minutes.get(head, 0) + served.minutes

    def head_counts(self) -> dict[Key, int]:
        """Distinct persons with at least one visit, by key."""
        counts: dict[Key, int] = {}
        for (key, _person), visits in self.heads.items():
            if visits > 0:
                counts[key] = counts.get(key, 0) + 1
        return counts
