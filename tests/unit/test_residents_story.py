"""The residents' weeks hold together before they are played: forty requests, nine residents, and buckets that add up."""

from collections import Counter

from server.demo import plan, residents_plan, residents_quarter, residents_ratings, story
from server.demo.residents_plan import ASKS, EXPECTED, FATES, Fate
from server.demo.residents_ratings import OWN, PUBLISHED, RATED, SIGNED, ballot_of, figures, unit_of
from server.domain.ballots import LEAST, WITHHELD
from server.domain.categories import REQUEST_CATEGORIES
from server.domain.funnels import Bucket
from server.domain.wishes import details_in


def test_forty_requests_of_nine_residents_and_two_who_enter_for_others() -> None:
    assert (len(ASKS), len({ask.who for ask in ASKS})) == (40, 9)
    assert {ask.who for ask in ASKS} == set(residents_plan.RESIDENTS)
    assert {ask.by for ask in ASKS if ask.by} == {residents_plan.DAUGHTER, story.GRID_WORKER, story.CLERK}
    assert {ask.category for ask in ASKS} <= set(REQUEST_CATEGORIES)


def test_every_fate_happens_and_each_that_is_told_of_once_happens_once() -> None:
    assert set(FATES) == set(Fate)
    once = (Fate.SPLIT, Fate.REWORK, Fate.ESCALATED, Fate.EXPLAINED, Fate.CALLED_BACK, Fate.UNREACHED)
    assert all(FATES[fate] == 1 for fate in once)


def test_the_expected_buckets_add_up_to_the_total() -> None:
    buckets = {name: number for name, (_, number) in EXPECTED.items() if name.removeprefix("funnel_") in set(Bucket)}
    assert sum(buckets.values()) == EXPECTED["funnel_total"][1] == 42
    left_out = sum(buckets[f"funnel_{name}"] for name in ("merged", "split", "rejected", "withdrawn"))
    assert EXPECTED["funnel_carried_on"][1] == EXPECTED["funnel_total"][1] - left_out


def test_what_is_signed_and_rated_is_what_the_funnel_calls_solved() -> None:
    assert len(SIGNED) + FATES[Fate.CALLED_BACK] == EXPECTED["funnel_solved"][1]
    assert len(RATED) == len(SIGNED) - sum(bool(ask.by) for ask in ASKS) == 25


def test_three_units_are_published_and_one_job_is_too_few() -> None:
    """Published: five ballots and more that differ (docs/protocol.md §4); one unit's all say solved, so it has no gap to show."""
    assert [(one.ballots, one.solved, one.signed, one.signed_done) for one in PUBLISHED.values()] == [
        (11, 8, 13, 13),
        (8, 7, 12, 11),
        (5, None, 7, 7),
    ]
    assert all(len({ballot_of(number)["satisfaction"] for number in RATED if unit_of(number) == unit}) > 1 for unit in PUBLISHED)
    assert 0 < figures(OWN).ballots < LEAST == residents_ratings.LEAST
    assert sum(one.ballots for one in PUBLISHED.values()) + figures(OWN).ballots == len(RATED)
    assert residents_quarter.WITHHELD == WITHHELD


def test_counts_of_both_stories_have_names_of_their_own() -> None:
    names = Counter([*plan.EXPECTED, *EXPECTED, *residents_ratings.EXPECTED])
    assert [name for name, number in names.items() if number > 1] == []


def test_nobody_is_told_where_somebody_lives() -> None:
    assert not [ask.words for ask in ASKS if ask.by and details_in(ask.words)]
