"""What the dump game calls a fault; the game itself is played in tests/api/test_ballot_dump.py and by `make ballot-game`."""

from copy import deepcopy
from typing import Any

import pytest

from tests.bench.ballot_game import Guessed, Hits
from tests.bench.ballots import faults

GOOD: dict[str, Any] = {
    "ballots_lost": 0,
    "left_sealed": 0,
    "hits": {8: {"by_time": [98, 140]}, "all": {"by_time": [310, 369]}},
    "answers": {"by_time": [171, 197, True]},
    "leaks": {"timestamp": [430, 369]},
}


def test_chance_is_no_fault() -> None:
    assert faults(GOOD) == []
    assert (Hits(9, 1).bound, Hits(369, 300).holds, Hits(370, 300).holds) == (5, True, False)
    assert (Guessed(212, 197, 100).holds, Guessed(213, 197, 100).holds) == (True, False)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("ballots_lost",), 1),
        (("left_sealed",), 3),
        (("hits", 8, "by_time"), [141, 140]),
        (("hits", "all", "by_time"), [370, 369]),
        (("answers", "by_time"), [230, 197, False]),
        (("leaks", "timestamp"), [369, 369]),
    ],
)
def test_each_figure_past_its_bound_is_one(where: tuple[Any, ...], value: object) -> None:
    figures = deepcopy(GOOD)
    place = figures
    for name in where[:-1]:
        place = place[name]
    place[where[-1]] = value
    assert len(faults(figures)) == 1
