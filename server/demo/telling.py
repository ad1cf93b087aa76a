"""What the demonstration says while it plays, and the counts it is held to."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from rich.console import Console
from rich.progress import track
from rich.table import Table

from server.domain.days import SHANGHAI

DAYS = "一二三四五六日"
T = TypeVar("T")


@dataclass
class Telling:
    """The story so far: lines for people, counts for the check.

    `expected` names each count in Chinese and says what it must be; it is empty where a story is told that nobody checks.
    """

    expected: Mapping[str, tuple[str, int]]
    got: dict[str, int] = field(default_factory=dict)
    facts: dict[str, bool] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    console: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True))

    def say(self, at: datetime, text: str) -> None:
        """One line of the story at its hour."""
        local = at.astimezone(SHANGHAI)
        self.console.print(f"[dim]周{DAYS[local.weekday()]} {local:%H:%M}[/dim]  {text}")

    def count(self, name: str, number: int = 1) -> None:
        """Something happened so many times."""
        if self.expected and name not in self.expected:
            raise KeyError(name)
        self.got[name] = self.got.get(name, 0) + number

    def each(self, items: Iterable[T], text: str) -> Iterator[T]:
        """Go through them, under a progress bar where somebody watches."""
        if not self.console.is_terminal:
            return iter(items)
        return iter(track(list(items), description=text, console=self.console, transient=True))

    def wrong(self) -> list[str]:
        """The counts that are not what the story says."""
        return [name for name, (_, wanted) in self.expected.items() if self.got.get(name, 0) != wanted]

    def finish(self, **facts: bool) -> int:
        """The table, then one JSON line. Returns the exit code: 0 only if every count is what the story says and every fact is true."""
        bad = self.wrong()
        self.console.print(self._table(bad))
        known = {**self.facts, **facts}
        ok = not bad and all(known.values())
        said = {"ok": ok, **known, "counts": {name: self.got.get(name, 0) for name in self.expected}}
        seconds = round(time.monotonic() - self.began)
        print(json.dumps({**said, "seconds": seconds}, ensure_ascii=False), flush=True)
        return 0 if ok else 1

    def _table(self, bad: list[str]) -> Table:
        made = Table(title="这一周", title_justify="left")
        for title in ("事项", "应为", "实为", ""):
            made.add_column(title, justify="right" if title in ("应为", "实为") else "left")
        for name, (title, wanted) in self.expected.items():
            made.add_row(title, str(wanted), str(self.got.get(name, 0)), "[red]不符[/red]" if name in bad else "[green]✓[/green]")
        return made
