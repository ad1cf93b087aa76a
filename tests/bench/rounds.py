"""Measured rounds on one side, every body checked and every accepted scan remembered, so that rows can be counted afterwards."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.bench.load import Loader, Phase
from tests.bench.sides import Shot, Side, plan

MOST_PER_SECOND = 4000  # requests prepared for a second of closed loop; what is not sent costs nobody his scan


@dataclass
class Account:
    """What one side was sent and answered so far; `wrong` are answers that were not what they should be, with an example each."""

    side: Side
    next_person: int = 0
    scanned: int = 0
    refused: int = 0
    lost: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    dice: random.Random = field(default_factory=lambda: random.Random(20260305))

    def closed(self, connections: int, seconds: float, most: int = 0) -> Phase:
        """A closed loop of the mix for `seconds`, or until `most` requests are answered."""
        shots = plan(self.side, self.next_person, most or int(seconds * MOST_PER_SECOND), self.dice)
        loader = Loader(self.side.port, connections)
        try:
            phase = loader.closed_loop([shot.request for shot in shots], seconds)
        finally:
            loader.close()
        self._check(shots[: len(phase.answers)], phase)
        return phase

    def open(self, per_second: int, seconds: int) -> Phase:
        """An open loop of the mix: `per_second` requests a second, whatever the server does."""
        shots = plan(self.side, self.next_person, per_second * seconds, self.dice)
        loader = Loader(self.side.port, 32)
        try:
            phase = loader.open_loop([shot.request for shot in shots], per_second)
        finally:
            loader.close()
        self._check(shots, phase)
        return phase

    def one(self) -> None:
        """A single first scan."""
        shots = [Shot("first", self.next_person, self.side.scan(self.next_person))]
        loader = Loader(self.side.port, 1)
        try:
            phase = loader.open_loop([shots[0].request], 1)
        finally:
            loader.close()
        self._check(shots, phase)

    def faults(self) -> list[str]:
        """What is not as it should be: lost or wrong answers, rows that do not match the answers."""
        rows = self.side.rows()
        expected = {"scans": self.scanned, "records": self.scanned, "events": self.scanned, "refusals": self.refused}
        found = [f"{name}: {count} rows for {expected[name]} answers" for name, count in rows.items() if count != expected[name]]
        found += [f"{what}, {times} times" for what, times in self.wrong.items()]
        found += [f"{self.lost} requests without an answer"] if self.lost else []
        return [f"{self.side.name}: {fault}" for fault in found]

    def _check(self, shots: Sequence[Shot], phase: Phase) -> None:
        """Judge every answer; bodies are parsed here, after the clock has stopped."""
        bodies = [None if answer is None else (answer[0], json.loads(answer[1])) for answer in phase.answers]
        for shot, answer in zip(shots, bodies, strict=True):
            if answer is None:
                self.lost += 1
            elif not self._right(shot, answer, bodies):
                self.wrong[f"{shot.kind} answered {answer[0]} {str(answer[1])[:160]}"] += 1
        self.next_person = max((shot.person + 1 for shot in shots if shot.kind == "first"), default=self.next_person)

    def _right(self, shot: Shot, answer: tuple[int, Any], bodies: Sequence[tuple[int, Any] | None]) -> bool:
        if shot.kind == "first":
            self.scanned += 1
            return self.side.accepted(*answer)
        if shot.kind == "forged":
            self.refused += 1
            return self.side.refused(*answer)
        first = bodies[shot.earlier] if shot.earlier is not None else None
        return first is not None and self.side.repeated(*answer, first[1])
