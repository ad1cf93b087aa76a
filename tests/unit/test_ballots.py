"""Ballots as they are packed, and what of them may be shown."""

from hypothesis import given
from hypothesis import strategies as st

from server.domain.ballots import (
    LEAST,
    LONGEST_COMMENT,
    PADDED,
    Answers,
    Counts,
    Group,
    Satisfaction,
    Signed,
    Tag,
    pack,
    partition,
    points,
    pressure,
    publishable,
    unpack,
)
from server.domain.rates import Rate
from server.domain.satisfaction import Answered, rates

ballots = st.builds(
    Answers,
    st.booleans(),
    st.booleans(),
    st.sampled_from(Satisfaction),
    st.lists(st.sampled_from(sorted(Tag)), unique=True).map(lambda tags: tuple(sorted(tags))),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=LONGEST_COMMENT),
)
counts = st.integers(0, 12).flatmap(
    lambda n: st.tuples(st.integers(0, n), st.integers(0, n), st.integers(0, n)).map(
        lambda parts: Counts(n, parts[0], parts[1], parts[2], min(parts[0], n - parts[2]))
    )
)


@given(ballots)
def test_every_ballot_has_one_size_and_comes_back(answers: Answers) -> None:
    packed = pack(answers)
    assert len(packed.encode()) == PADDED
    assert unpack(packed) == answers


@given(st.dictionaries(st.integers(1, 9), counts, max_size=9))
def test_what_is_shown_is_a_partition_into_groups_of_five_or_more_that_differ(cells: dict[int, Counts]) -> None:
    groups, left = partition(cells, pool=9)
    together = [cell for group in groups for cell in group.cells] + list(left)
    assert sorted(together) == sorted(set(together))
    assert {cell for cell, one in cells.items() if one.ballots} == set(together)
    assert all(publishable(group.counts) and group.counts.ballots >= LEAST for group in groups)
    assert sum(group.counts.ballots for group in groups) + sum(cells[cell].ballots for cell in left) == sum(
        one.ballots for one in cells.values()
    )


def test_four_ballots_and_a_unanimous_cell_are_merged() -> None:
    few, unanimous, good = Counts(4, 4, 4, 2, 2), Counts(6, 6, 6, 6, 0), Counts(5, 5, 4, 4, 1)
    # who typed in the slips of a cell can take them away again: what is secret has to stand without them
    assert partition({1: unanimous.plus(Counts(5, 5, 5, 0, 0))}, pool=0, secret={1: unanimous}) == ([], (1,))
    assert partition({1: good.plus(few)}, pool=0, secret={1: few}) == ([], (1,))
    assert partition({1: good}, pool=0, secret={})[1] == ()
    groups, left = partition({1: few, 2: unanimous, 3: good}, pool=0)
    assert [(group.cells, group.counts.ballots, group.merged) for group in groups] == [((3,), 5, False), ((1, 2), 10, True)]
    assert not left
    assert partition({1: few, 3: good}, pool=0)[1] == (1,)


def alone(counts: Counts, secret: Counts | None = None) -> Group:
    return Group((1,), counts, False, counts if secret is None else secret)


def test_a_question_is_shown_only_where_the_secret_ballots_alone_differ_in_it() -> None:
    """Five phones that all say solved and five slips that all say not: whoever typed the slips would only have to subtract them."""
    secret, slips = Counts(5, 3, 5, 4, 1), Counts(5, 2, 0, 1, 1)
    (group,) = partition({1: secret.plus(slips)}, pool=0, secret={1: secret})[0]
    assert (group.counts.ballots, group.contacted, group.solved) == (10, 5, None)
    assert pressure(Signed(4, 3), group) is None
    (merged,) = partition({1: secret.plus(slips)}, pool=1, secret={1: secret})[0]
    assert (merged.merged, merged.contacted, merged.solved) == (True, 5, None)
    (paper,) = partition({1: slips.plus(secret)}, pool=0, secret={})[0]
    assert (paper.contacted, paper.solved) == (5, 5), "with no secret ballot there is nothing to uncover"


@given(counts, counts)
def test_what_is_left_without_slips_differs_in_every_question_shown(secret: Counts, slips: Counts) -> None:
    for group in partition({1: secret.plus(slips)}, pool=0, secret={1: secret})[0]:
        assert group.contacted is None or not secret.ballots or 0 < secret.contacted < secret.ballots
        assert group.solved is None or not secret.ballots or 0 < secret.solved < secret.ballots


def test_the_gauge_is_what_is_signed_less_what_is_said_in_secret() -> None:
    eight = alone(Counts(8, 8, 6, 5, 2))
    shown = [points(gap) for gap in (pressure(Signed(10, done), eight) for done in (10, 5, 7)) if gap is not None]
    assert shown == ["25.0", "-25.0", "-5.0"]
    assert (points(Rate(-1, 5000)), points(Rate(1, 3))) == ("0.0", "33.3")


def test_without_signatures_or_where_all_say_the_same_there_is_no_gauge() -> None:
    assert pressure(Signed(0, 0), alone(Counts(8, 8, 6, 5, 2))) is None
    assert [pressure(Signed(9, 8), alone(Counts(8, 8, solved, 5, 2))) for solved in (0, 8)] == [None, None]


def test_the_worked_example() -> None:
    """40 valid answers, 38 contacted, 30 solved, 24 satisfied, 10 basically (docs/rules.md §4)."""
    shown = [rate.percent for rate in rates(Answered(40, 38, 30, 24, 10)) if rate is not None]
    assert shown == ["95.0", "75.0", "82.5", "85.0", "80.0"]


def test_nobody_answered_is_no_rate() -> None:
    assert set(rates(Answered(0, 0, 0, 0, 0))) == {None}
