"""What the import of units and that of members share: the plan, batches, and finding a community by the word in a cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from server.domain.rosters import CellError

T = TypeVar("T")
BATCH = 1000  # rows a statement: below every database's limit on parameters
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Supply:
    """Who supplied a roster, on what basis, and until when it holds."""

    by: str
    basis: str
    valid_until: date | None = None


@dataclass(frozen=True)
class Plan:
    """Rows to insert and to update (each with its `id`), how many stay as they are, and what was wrong."""

    inserts: tuple[Mapping[str, Any], ...]
    updates: tuple[Mapping[str, Any], ...]
    unchanged: int
    errors: tuple[CellError, ...]


def silent(_stage: str, _done: int, _total: int) -> None:
    """No progress shown."""


def batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Slices of at most BATCH."""
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]


def community_of(word: str, communities: Mapping[str, frozenset[int]]) -> tuple[int | None, str]:
    """The community's id, or None and why."""
    found = communities.get(word) or communities.get(word.removesuffix("社区"), frozenset())
    if len(found) == 1:
        return next(iter(found)), ""
    return None, "有重名的社区，请改填社区代码" if found else "没有找到这个社区，请核对名称或改填社区代码"
