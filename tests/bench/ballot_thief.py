"""The thief of the dump game (docs/protocol.md §4): what he took, and each way in which he pairs raters with ballots.

He knows who fetched a token and in which order, and every value of every table in the order in which the rows lie. By chance one pair a
run is right, whatever the number of raters.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

ANSWERS = ("comment", "tags", "satisfaction", "contacted", "solved")
WORD, TOKEN = re.compile(r"[\w-]{12,}"), 20

Row = dict[str, Any]
Guess = list[tuple[str, str]]  # rater (his request's public id), ballot key


@dataclass
class Run:
    """One cell: its raters in the order in which they fetched their tokens, and what each of them said."""

    unit_id: int
    raters: list[str] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Loot:
    """What he took away: every table as its rows lie, Redis (a line a key, a line a command of its file), the log lines."""

    tables: Mapping[str, list[Row]]
    redis: Sequence[str]
    logs: Sequence[str]

    @cached_property
    def ballots(self) -> dict[int, list[Row]]:
        """Ballots by the rated unit, as they lie."""
        units = {row["id"]: row["unit_id"] for row in self.tables["ballot_cell"]}
        return _by(self.tables["ballot"], lambda row: units[row["cell_id"]])

    @cached_property
    def requests(self) -> dict[int, list[Row]]:
        """Requests by the unit that handled them."""
        return _by(self.tables["request"], lambda row: row["handler_unit_id"])

    @cached_property
    def issued(self) -> dict[int, int]:
        """Where a request stands in the list of fetched tokens."""
        return {row["request_id"]: place for place, row in enumerate(self.tables["ballot_issued"])}

    @cached_property
    def pool(self) -> dict[int, list[str]]:
        """The pool's hashes that were spent, by unit, as they lie: what Redis still holds was never drawn."""
        units = {row["id"]: row["unit_id"] for row in self.tables["ballot_cell"]}
        rows = _by(self.tables["ballot_pool"], lambda row: units[row["cell_id"]])
        return {unit: [row["token_hash"] for row in mine if row["token_hash"] in self.spent] for unit, mine in rows.items()}

    @cached_property
    def spent(self) -> dict[str, int]:
        """Where a hash stands in the list of spent ones."""
        return {row["token_hash"]: place for place, row in enumerate(self.tables["ballot_spent"])}

    @cached_property
    def beside(self) -> dict[str, set[str]]:
        """Ballot key → every word that stands in one line with it, or with its sealed comment, anywhere but in its own row."""
        seals = {_text(row["comment"]): row["key"] for row in self.tables["ballot"]}
        known = {row["key"]: row["key"] for row in self.tables["ballot"]} | seals
        found: dict[str, set[str]] = {}
        for line in self.lines():
            words = set(WORD.findall(line))
            for word in words & known.keys():
                found.setdefault(known[word], set()).update(words)
        return found

    @cached_property
    def hashes(self) -> dict[str, list[str]]:
        """Request's public id → spent hashes of which the token itself stands in one line with it."""
        raters = {row["public_id"] for row in self.tables["request"]}
        found: dict[str, list[str]] = {}
        for line in self.lines():
            words = WORD.findall(line)
            near = [word for word in words if word in raters]
            for word in words if near else ():
                digest = hashlib.sha256(word.encode()).hexdigest()
                if len(word) >= TOKEN and digest in self.spent:
                    found.setdefault(near[0], []).append(digest)
        return found

    def lines(self) -> Iterator[str]:
        """Everything but the ballots, a row, a key or a log line at a time."""
        for name, rows in self.tables.items():
            if name != "ballot":
                yield from (" ".join(_text(value) for value in row.values()) for row in rows)
        yield from self.redis
        yield from self.logs


def by_row_order(stolen: Loot, run: Run) -> Guess:
    """Rows of the issued list and rows of the ballots as they lie."""
    mine = sorted(stolen.requests[run.unit_id], key=lambda row: stolen.issued[row["id"]])
    return _paired([row["public_id"] for row in mine], stolen.ballots[run.unit_id])


def by_time(stolen: Loot, run: Run) -> Guess:
    """Who fetched when (access log, events) against whatever in a ballot's row can be sorted and is not the answer."""
    rows = stolen.ballots[run.unit_id]
    columns = [name for name in rows[0] if name not in (*ANSWERS, "key")]
    return _paired(run.raters, sorted(rows, key=lambda row: [str(row[name]) for name in columns]))


def by_rank(stolen: Loot, run: Run) -> Guess:
    """The order of fetching against the order of the random keys."""
    return _paired(run.raters, sorted(stolen.ballots[run.unit_id], key=lambda row: str(row["key"])))


def by_hash(stolen: Loot, run: Run) -> Guess:
    """A token beside the rater in Redis, a log or another table, whose hash was spent: its place among the cell's; else the pool."""
    places, rows = _places(stolen, run), stolen.ballots[run.unit_id]
    near = {rater: [one for one in stolen.hashes.get(rater, ()) if one in places] for rater in run.raters}
    return [(rater, rows[places[found[0]]]["key"]) for rater, found in near.items() if found] or by_pool(stolen, run)


def by_pool(stolen: Loot, run: Run) -> Guess:
    """The pool's order, less what Redis still holds, against the order of fetching, through the spent list to the ballots."""
    places, rows = _places(stolen, run), stolen.ballots[run.unit_id]
    return [(rater, rows[places[digest]]["key"]) for rater, digest in zip(run.raters, stolen.pool[run.unit_id], strict=False)]


def by_grep(stolen: Loot, run: Run) -> Guess:
    """A ballot's key or sealed comment that turns up beside a rater's id, or a ballot's row that names him itself."""
    ids = {row["public_id"]: row["id"] for row in stolen.requests[run.unit_id]}
    guess: Guess = []
    for row in stolen.ballots[run.unit_id]:
        near = stolen.beside.get(row["key"], set())
        named = {str(row[name]) for name in ("request_id", "asked_for_id", "token_hash") if name in row}
        guess += [(rater, row["key"]) for rater in run.raters if rater in near or str(ids[rater]) in named]
    return guess


ATTACKS: tuple[Callable[[Loot, Run], Guess], ...] = (by_row_order, by_time, by_rank, by_hash, by_pool, by_grep)


def _places(stolen: Loot, run: Run) -> dict[str, int]:
    """The cell's spent hashes → their places among themselves."""
    mine = sorted(stolen.pool[run.unit_id], key=lambda digest: stolen.spent[digest])
    return {digest: place for place, digest in enumerate(mine)}


def _paired(raters: Sequence[str], rows: Sequence[Row]) -> Guess:
    return list(zip(raters, [row["key"] for row in rows], strict=False))


def _by(rows: Sequence[Row], unit: Callable[[Row], int]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(unit(row), []).append(row)
    return found


def _text(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
