"""The residents' weeks hold together before they are played: forty requests, nine residents, and buckets that add up."""

from collections import Counter

from server.demo import plan, residents_plan, story
from server.demo.residents_plan import ASKS, EXPECTED, FATES, Fate
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


def test_counts_of_both_stories_have_names_of_their_own() -> None:
    names = Counter([*plan.EXPECTED, *EXPECTED])
    assert [name for name, number in names.items() if number > 1] == []


def test_nobody_is_told_where_somebody_lives() -> None:
    assert not [ask.words for ask in ASKS if ask.by and details_in(ask.words)]
