"""The fold of one person's day: its six rules; order, batches and repeats change nothing (docs/protocol.md §3)."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qr.folds import Direction, Scan, Session, fold
from qr.rules import Flag, Place

NINE = 1772672400
ONE, TWO = 11, 22
DAY = {ONE: Session(120, NINE + 2 * 3600), TWO: Session(120, NINE + 3 * 3600)}


def scan(mid, direction, minute, obj=ONE, t=2, **more):
    return Scan(mid, obj, Direction(direction), NINE + minute * 60, t, **more)


def day(*scans, sessions=None):
    return fold(scans, DAY if sessions is None else sessions)


def facts(record):
    """Start and end in minutes after nine, minutes counted, duration axis and flags."""
    start, end = ((None if at is None else (at - NINE) // 60) for at in (record.start, record.end))
    return start, end, record.minutes, record.evidence.d, set(record.flags)


def test_in_and_out():
    (record,) = day(scan("a", "in", 0), scan("b", "out", 90))
    assert facts(record) == (0, 90, 90, 2, set())
    assert (record.first, record.obj, record.mids, record.evidence.t) == ("a", ONE, ("a", "b"), 2)


def test_nothing_is_nothing():
    assert day() == ()


def test_double_taps_keep_the_first_in_and_the_last_out():
    (record,) = day(*(scan(mid, *tap) for mid, tap in zip("abcd", [("in", 0), ("in", 10), ("out", 50), ("out", 60)], strict=True)))
    assert facts(record) == (0, 60, 60, 2, set())
    assert (record.first, record.mids) == ("a", ("a", "b", "c", "d"))


def test_a_second_in_after_ten_minutes_is_another_in():
    first, second = day(scan("a", "in", 0), scan("b", "in", 11), scan("c", "out", 60))
    assert facts(first) == (0, None, 0, 0, set())
    assert facts(second) == (11, 60, 49, 2, set())


def test_an_out_between_two_ins_keeps_them_apart():
    first, second = day(scan("a", "in", 0), scan("b", "out", 3), scan("c", "in", 5), scan("d", "out", 60))
    assert (facts(first)[:3], facts(second)[:3]) == ((0, 3, 3), (5, 60, 55))


def test_unpaired_in_and_out_are_kept_without_minutes():
    lone_out, lone_in = day(scan("a", "out", 5), scan("b", "in", 20))
    assert facts(lone_out) == (None, 5, 0, 0, set())
    assert lone_out.first == "a"
    assert facts(lone_in) == (20, None, 0, 0, set())


@pytest.mark.parametrize(("minute", "records"), [(149, 1), (150, 2)])
def test_an_out_belongs_to_the_session_until_half_an_hour_after_it(minute, records):
    assert len(day(scan("a", "in", 0), scan("b", "out", minute))) == records


def test_a_scan_in_elsewhere_ends_an_open_stay():
    first, second = day(scan("a", "in", 0), scan("b", "in", 40, TWO), scan("c", "out", 70, TWO))
    assert facts(first) == (0, 40, 40, 1, {Flag.MOVED})
    assert facts(second) == (40, 70, 30, 2, set())
    assert first.mids == ("a",)


def test_a_stay_that_its_session_has_closed_is_not_moved():
    first, second = day(scan("a", "in", 0), scan("b", "in", 150, TWO), scan("c", "out", 170, TWO))
    assert facts(first) == (0, None, 0, 0, set())
    assert facts(second)[2] == 20


def test_only_the_last_of_two_stays_at_one_object_is_ended_by_moving_on():
    first, second, third = day(scan("a", "in", 0), scan("b", "in", 20), scan("c", "in", 40, TWO))
    assert facts(first) == (0, None, 0, 0, set())
    assert facts(second) == (20, 40, 20, 1, {Flag.MOVED})
    assert facts(third) == (40, None, 0, 0, set())


def test_in_comes_before_out_in_the_same_second():
    (record,) = day(scan("b", "in", 0), scan("a", "out", 0))
    assert facts(record) == (0, 0, 0, 2, set())
    assert record.first == "b"


def test_a_double_tap_in_one_second_needs_no_review():
    (record,) = day(scan("a", "in", 0), scan("b", "in", 0), scan("c", "out", 30))
    assert facts(record) == (0, 30, 30, 2, set())


def test_overlapping_stays_are_held_and_counted_once():
    one, two = day(scan("a", "in", 0), scan("b", "in", 30, TWO), scan("c", "out", 60), scan("d", "out", 100, TWO))
    assert facts(one) == (0, 60, 60, 2, {Flag.HOLD})
    assert facts(two) == (30, 100, 40, 2, {Flag.HOLD})


def test_stays_that_touch_do_not_overlap():
    one, two = day(scan("a", "in", 0), scan("b", "out", 60), scan("c", "in", 60, TWO), scan("d", "out", 90, TWO))
    assert (one.flags, two.flags) == (frozenset(), frozenset())
    assert (one.minutes, two.minutes) == (60, 30)


def test_same_second_at_two_objects_goes_by_mid_and_to_review():
    one, two = day(scan("b", "in", 0, ONE), scan("a", "in", 0, TWO), scan("c", "out", 30, ONE))
    assert facts(one) == (0, 0, 0, 1, {Flag.MOVED, Flag.REVIEW})
    assert one.first == "a"
    assert facts(two) == (0, 30, 30, 2, {Flag.REVIEW})


def test_a_fourteen_hour_stay_counts_the_plan_and_half_an_hour():
    (record,) = day(scan("a", "in", 0), scan("b", "out", 14 * 60), sessions={ONE: Session(60)})
    assert facts(record) == (0, 840, 90, 2, {Flag.REVIEW})


def test_exactly_the_plan_and_half_an_hour_needs_no_review():
    (record,) = day(scan("a", "in", 0), scan("b", "out", 90), sessions={ONE: Session(60)})
    assert facts(record) == (0, 90, 90, 2, set())


def test_an_object_without_a_plan_counts_at_most_half_an_hour():
    (record,) = day(scan("a", "in", 0), scan("b", "out", 45), sessions={})
    assert record.minutes == 30


def test_flags_and_place_come_through():
    (record,) = day(scan("a", "in", 0, flags=frozenset({Flag.CLOCK})), scan("b", "out", 9, place=Place.OUT))
    assert record.flags == {Flag.CLOCK, Flag.REVIEW}
    assert record.evidence.place is Place.OUT
    (inside,) = day(scan("a", "in", 0, place=Place.IN))
    assert (inside.flags, inside.evidence.place) == (frozenset(), Place.IN)


def test_two_scans_with_one_mid_are_an_error():
    with pytest.raises(ValueError, match="mid"):
        day(scan("a", "in", 0), scan("a", "in", 1))


MINUTES = st.one_of(st.integers(0, 240), st.sampled_from([0, 10, 60, 120]))
SCANS = st.lists(
    st.builds(
        Scan,
        st.text("0123456789abcdef", min_size=4, max_size=4),
        st.sampled_from([ONE, TWO, 33]),
        st.sampled_from(Direction),
        MINUTES.map(lambda minute: NINE + minute * 60),
        st.integers(0, 2),
        st.sampled_from([frozenset(), frozenset({Flag.CLOCK})]),
        st.sampled_from(Place),
    ),
    unique_by=lambda one: one.mid,
    max_size=14,
)


@given(SCANS, st.randoms(use_true_random=False))
@settings(max_examples=300)
def test_any_order_and_any_repeats_give_the_same_records(scans, chance):
    again = scans + [one for one in scans if chance.random() < 0.5]
    chance.shuffle(again)
    assert fold(again, DAY) == fold(scans, DAY)


@given(SCANS, st.lists(st.integers(0, 3), min_size=14, max_size=14), st.permutations(range(4)))
def test_any_partition_into_batches_gives_the_same_records(scans, batch_of, order):
    stored: set[Scan] = set()
    seen = ()
    for batch in order:
        stored |= {one for one, its in zip(scans, batch_of, strict=False) if its == batch}
        seen = fold(stored, DAY)
    assert seen == fold(scans, DAY)


@given(SCANS.filter(len), st.data())
@settings(max_examples=300)
def test_late_instead_of_live_lowers_the_token_and_nothing_else(scans, data):
    place = data.draw(st.integers(0, len(scans) - 1))
    live = [*scans[:place], replace(scans[place], t=2), *scans[place + 1 :]]
    late = [*scans[:place], replace(scans[place], t=1), *scans[place + 1 :]]
    before, after = fold(live, DAY), fold(late, DAY)
    assert all(one.evidence.t >= two.evidence.t for one, two in zip(before, after, strict=True))

    def without_token(record):
        return replace(record, evidence=replace(record.evidence, t=0))

    assert [without_token(one) for one in before] == [without_token(two) for two in after]


@given(SCANS)
@settings(max_examples=300)
def test_every_scan_is_in_one_record_and_no_minute_counts_twice(scans):
    records = fold(scans, DAY)
    assert sorted(mid for record in records for mid in record.mids) == sorted(one.mid for one in scans)
    assert len({(record.obj, record.first) for record in records}) == len(records)
    present = set()
    for record in records:
        if record.start is not None and record.end is not None:
            assert record.start <= record.end
            present |= set(range(record.start // 60, record.end // 60))
    assert sum(record.minutes for record in records) <= len(present)


@given(SCANS)
@settings(max_examples=300)
def test_records_that_overlap_are_all_held(scans):
    ended = [record for record in fold(scans, DAY) if record.start is not None and record.end is not None]
    for one in ended:
        clash = any(other is not one and max(one.start, other.start) < min(one.end, other.end) for other in ended)
        assert (Flag.HOLD in one.flags) is clash
