"""Slots, effective time, evidence and grade at their edges (docs/protocol.md §1–§3)."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qr.rules import (
    Attestation,
    Evidence,
    Grade,
    Place,
    Timing,
    Witness,
    admissible,
    claimed_at,
    claimed_time,
    grade,
    is_late,
    join,
    live_slot,
    minutes,
    rotating_time,
    token_axis,
)
from qr.tokens import Mode

SLOT, START = 59089080, 1772672400  # thirty-second slot, 2026-03-05 09:00:00 in Shanghai
HOUR = 3600


@pytest.mark.parametrize(
    ("now", "verdict"),
    [
        (START - 3, "QR_WINDOW_AHEAD"),
        (START - 2, None),
        (START, None),
        (START + 29, None),
        (START + 59, None),
        (START + 60, "QR_WINDOW_PAST"),
        (START + 86400, "QR_WINDOW_PAST"),
        (START - 86400, "QR_WINDOW_AHEAD"),
    ],
)
def test_a_slot_lives_for_itself_and_the_next(now, verdict):
    assert live_slot(SLOT, now, 30) == verdict


def test_personal_slots_live_ten_minutes():
    assert [live_slot(100, second, 300) for second in (29997, 29998, 30599, 30600)] == [
        "QR_WINDOW_AHEAD",
        None,
        None,
        "QR_WINDOW_PAST",
    ]


@given(st.integers(0, 2**31), st.sampled_from([30, 300]))
def test_bits_of_a_live_slot_are_younger_than_two_steps_and_the_skew(now, step):
    alive = [slot for slot in range(now // step - 3, now // step + 4) if live_slot(slot, now, step) is None]
    assert all(-2 <= now - slot * step < 2 * step for slot in alive)
    assert {now // step - 1, now // step} <= set(alive)


def test_late_begins_thirty_seconds_after_the_slot():
    assert [is_late(SLOT, 30, START + second) for second in (0, 60, 61)] == [False, False, True]


def test_claim_is_corrected_by_the_last_server_time_heard():
    assert claimed_at(1_000_999, None) == 1000
    assert claimed_at(1_000_000, (5_000_000, 999_000)) == 5001


@pytest.mark.parametrize(
    ("claimed", "received", "timing"),
    [
        (START, START + 60, Timing(START, False, False, None)),
        (START + 120, START + 61, Timing(START, True, False, None)),
        (START + 121, START, Timing(START, False, True, None)),
        (START - 86400, START, Timing(START, False, True, None)),
        (START + 86400, START + 72 * HOUR, Timing(START, True, True, None)),
        (START, START + 72 * HOUR + 1, Timing(START, True, False, "TOO_OLD")),
        (START, START - 2, Timing(START, False, False, None)),
        (START, START - 3, Timing(START, False, False, "QR_WINDOW_AHEAD")),
    ],
)
def test_a_rotating_token_dates_itself(claimed, received, timing):
    assert rotating_time(SLOT, 30, claimed, received) == timing


@pytest.mark.parametrize(
    ("claimed", "received", "refused"),
    [
        (START, START, None),
        (START + 120, START, None),
        (START + 121, START, "FUTURE"),
        (START, START + 72 * HOUR, None),
        (START, START + 72 * HOUR + 1, "TOO_OLD"),
    ],
)
def test_a_static_token_is_dated_by_the_phone(claimed, received, refused):
    assert claimed_time(claimed, received) == Timing(claimed, False, False, refused)


def test_maximum_age_is_a_setting():
    assert claimed_time(START, START + HOUR, max_age=HOUR - 1).refused == "TOO_OLD"
    assert rotating_time(SLOT, 30, START, START + HOUR, max_age=HOUR - 1).refused == "TOO_OLD"


def test_token_axis():
    assert token_axis(None, late=False) == 0
    assert token_axis(Mode.STATIC, late=False) == 1
    assert token_axis(Mode.ROTATING, late=True) == 1
    assert token_axis(Mode.ROTATING, late=False) == 2


ORGANISER = Attestation(Witness.ORGANISER, "o", "so")
OTHER_ORGANISER = Attestation(Witness.ORGANISER, "o2", "so2")
BENEFICIARY = Attestation(Witness.BENEFICIARY, "b", "sb")
PEER = Attestation(Witness.PEER, "p", "sp")
PEER2 = Attestation(Witness.PEER, "p2", "sp2")
PAPER = Attestation(Witness.BENEFICIARY, "b", None)


@pytest.mark.parametrize(
    ("t", "witnesses", "wanted"),
    [
        (0, [], Grade.D),
        (1, [], Grade.D),
        (2, [], Grade.C),
        (1, [PEER], Grade.D),
        (2, [PEER, PEER2], Grade.C),
        (0, [ORGANISER], Grade.B),
        (0, [BENEFICIARY], Grade.B),
        (0, [PAPER], Grade.B),
        (2, [ORGANISER], Grade.B),
        (0, [ORGANISER, BENEFICIARY], Grade.A),
        (0, [ORGANISER, PAPER], Grade.A),
        (0, [ORGANISER, PEER], Grade.A),
        (0, [ORGANISER, OTHER_ORGANISER], Grade.A),
        (2, [ORGANISER, Attestation(Witness.ORGANISER, "o", "another session")], Grade.B),
        (2, [ORGANISER, Attestation(Witness.BENEFICIARY, "b", "so")], Grade.B),
        (2, [ORGANISER, Attestation(Witness.PEER, "o", "sp")], Grade.B),
        (0, [PAPER, Attestation(Witness.ORGANISER, "o", None)], Grade.A),
    ],
)
def test_grades(t, witnesses, wanted):
    for order in permutations(witnesses):
        assert grade(Evidence(t, frozenset(order))) is wanted
    assert wanted.counts is (wanted in {"A", "B"})


def test_who_may_not_stand_for_a_person():
    own = Attestation(Witness.ORGANISER, "me", "console")
    through_proxy = Attestation(Witness.BENEFICIARY, "b", "mine")
    given_to = {ORGANISER, own, through_proxy, PAPER, PEER, PEER2}
    kept = admissible(given_to, person="me", sessions={"mine"}, vouched_for={"p", "o"})
    assert kept == {ORGANISER, PAPER, PEER2}


WITNESSES = st.frozensets(
    st.builds(Attestation, st.sampled_from(Witness), st.sampled_from("abc"), st.sampled_from(["x", "y", None])),
    max_size=4,
)
EVIDENCE = st.builds(Evidence, st.integers(0, 2), WITNESSES, st.integers(0, 2), st.sampled_from(Place))


@given(EVIDENCE, EVIDENCE, EVIDENCE)
def test_join_is_a_semilattice(one, two, three):
    assert join(one, two) == join(two, one)
    assert join(join(one, two), three) == join(one, join(two, three))
    assert join(one, one) == one == join(one, Evidence())


@given(EVIDENCE, EVIDENCE)
def test_more_evidence_never_lowers_a_grade(one, two):
    assert grade(join(one, two)) <= grade(one)


@given(EVIDENCE, st.integers(0, 2), st.integers(0, 2), st.sampled_from(Place))
def test_no_token_duration_or_place_is_needed_once_somebody_stands_for_it(evidence, t, d, place):
    if grade(evidence).counts:
        assert grade(Evidence(t, evidence.witnesses, d, place)) is grade(evidence)


@given(WITNESSES, WITNESSES)
def test_independence_may_be_judged_before_or_after_joining(one, two):
    about = {"person": "a", "sessions": {"x"}, "vouched_for": {"b"}}
    assert admissible(one | two, **about) == admissible(one, **about) | admissible(two, **about)


@pytest.mark.parametrize(
    ("seconds", "planned", "counted"),
    [
        (0, 60, 0),
        (59, 60, 0),
        (60, 60, 1),
        (5399, 60, 89),
        (5400, 60, 90),
        (14 * HOUR, 60, 90),
        (-60, 60, 0),
        (1900, 0, 30),
    ],
)
def test_minutes_are_whole_capped_and_never_negative(seconds, planned, counted):
    assert minutes(START, START + seconds, planned) == counted
