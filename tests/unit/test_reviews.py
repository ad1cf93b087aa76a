"""What a panel's decision tells: an attacker who knows who voted, and perhaps his own vote or the slips he typed in."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import product

import pytest

from server.domain.reviews import Verdict, Vote, majority, tells, verdict

S, U, Q = Vote.SOLVED, Vote.UNSOLVED, Vote.UNSURE
SIZES = [(0, 5), (0, 6), (0, 7), (5, 0), (6, 0), (5, 1), (5, 2), (5, 3), (6, 1)]
World = tuple[Vote, ...]


def seen(world: World, typed: int) -> Verdict:
    """What is published of an item: nothing but this (the tests of service, API and console see to it)."""
    return verdict(Counter(world[:typed]), Counter(world[typed:]))


def views(world: World, typed: int) -> Iterator[tuple[object, range | list[int]]]:
    """What each kind of attacker knows of a world, and whose votes he does not know."""
    everybody, said = range(len(world)), seen(world, typed)
    yield ("passer-by", said), everybody
    if typed < len(world):
        yield ("clerk", world[:typed], said), range(typed, len(world))
    for one in everybody:
        yield ("member", one, world[one], said), [other for other in everybody if other != one]


@pytest.mark.parametrize(("typed", "secret"), SIZES)
def test_the_decision_tells_nobody_what_another_one_voted(typed: int, secret: int) -> None:
    """Over every way in which they can vote: no attacker is left with one answer for a voter whose vote he has not seen."""
    possible: dict[tuple[object, int], set[Vote]] = defaultdict(set)
    for world in product(Vote, repeat=typed + secret):
        for known, others in views(world, typed):
            for other in others:
                possible[known, other].add(world[other])
    assert len(possible) > typed + secret
    assert not [known for known, votes in possible.items() if len(votes) == 1]


def test_the_attacker_wins_where_the_rule_is_not_kept() -> None:
    """Else the test above would hold of any rule: by the bare majority the clerk reads a single open vote, by the counts everybody's."""
    slips = Counter({S: 3, U: 3})
    assert [majority(slips + Counter([one])) for one in (S, U, Q)] == [Verdict.SOLVED, Verdict.UNSOLVED, Verdict.UNSOLVED]
    assert tells(slips, 1)
    assert verdict(slips, Counter([S])) is Verdict.TOO_FEW
    assert [world for world in product(Vote, repeat=5) if Counter(world)[U] == 5] == [(U,) * 5]


def test_without_slips_a_panel_always_decides_by_its_majority() -> None:
    for voters in range(5, 52):
        assert not tells({}, voters)
    assert verdict({}, {S: 3, U: 2}) is Verdict.SOLVED
    assert verdict({}, {S: 2, U: 2, Q: 1}) is Verdict.UNSOLVED, "a tie is looked into"
    assert verdict({}, {S: 2, Q: 9}) is Verdict.TOO_FEW


def test_slips_that_leave_the_others_room_are_decided_with_them() -> None:
    assert verdict({S: 5}, {U: 1}) is Verdict.SOLVED
    assert verdict({U: 3, S: 2}, {S: 2, U: 1, Q: 1}) is Verdict.UNSOLVED
    assert verdict({S: 4, U: 1, Q: 1}, {}) is Verdict.SOLVED, "all on paper: nobody is left to be told of"
