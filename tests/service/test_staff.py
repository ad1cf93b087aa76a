"""Staff logins: strong passwords, lock-out, no way to a greater role than one's own (mission row G3)."""

from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from server.domain import passwords
from server.domain.permissions import SYSTEM, Role
from server.domain.problems import Problem
from server.services import sessions, staff
from tests.conftest import Time
from tests.factories.people import a_person, a_tree, actor_of, token_of, with_role

GOOD = "Minsheng-2026"


def attempt(session: Session, login: str, password: str, now: datetime) -> str | None:
    """All three steps; the refusal's code or None."""
    found = staff.find(session, login)
    return staff.settle(session, found=found, matched=staff.matches(found, password), now=now)


@pytest.mark.parametrize("password", ["Short-1", "alllowercase1", "ALLUPPER12345", "1234567890", "County-01-x"])
def test_weak_passwords_are_refused(session: Session, now: datetime, password: str) -> None:
    person = with_role(session, now, Role.COUNTY, a_tree(session, now).county)
    with pytest.raises(Problem, match="PASSWORD_WEAK"):
        staff.create(session, person=person, login="county-01", password=password, actor=SYSTEM, now=now)


def test_generated_passwords_are_strong() -> None:
    for seed in (bytes(16), b"\xff" * 16, bytes(range(16))):
        made = passwords.generated(seed)
        assert len(made) == 16
        assert passwords.strong(made, "county-01")


def test_the_right_password_opens_a_session_of_eight_hours(session: Session, now: datetime, time: Time) -> None:
    person = with_role(session, now, Role.COUNTY, a_tree(session, now).county)
    password = staff.create(session, person=person, login="County-01", actor=SYSTEM, now=now)
    assert attempt(session, "ｃounty-01 ", password, now) is None
    found = staff.find(session, "county-01")
    assert found is not None
    assert password not in found.password_hash
    token = staff.sign_in(session, found=found, now=now)
    assert sessions.find(session, token=token, now=now).channel == "staff"
    with pytest.raises(Problem, match="UNAUTHENTICATED"):
        sessions.find(session, token=token, now=time.advance(hours=8))


def test_five_failures_lock_for_fifteen_minutes(session: Session, now: datetime, time: Time) -> None:
    person = with_role(session, now, Role.COUNTY, a_tree(session, now).county)
    staff.create(session, person=person, login="county-01", password=GOOD, actor=SYSTEM, now=now)
    told = [attempt(session, "county-01", "wrong", now) for _ in range(5)]
    assert told == ["LOGIN_FAILED"] * 4 + ["LOGIN_LOCKED"]
    assert attempt(session, "county-01", GOOD, time.advance(minutes=14)) == "LOGIN_LOCKED"
    assert attempt(session, "county-01", GOOD, time.advance(minutes=1)) is None


def test_a_success_forgets_the_failures(session: Session, now: datetime) -> None:
    person = with_role(session, now, Role.COUNTY, a_tree(session, now).county)
    staff.create(session, person=person, login="county-01", password=GOOD, actor=SYSTEM, now=now)
    for password in ("wrong",) * 4 + (GOOD,) + ("wrong",) * 4:
        attempt(session, "county-01", password, now)
    assert attempt(session, "county-01", GOOD, now) is None


def test_guesses_sent_at_once_are_answered_five_times_at_most(session: Session, now: datetime) -> None:
    person = with_role(session, now, Role.COUNTY, a_tree(session, now).county)
    staff.create(session, person=person, login="county-01", password=GOOD, actor=SYSTEM, now=now)
    found = staff.find(session, "county-01")  # all of them read before any was counted
    told = [staff.settle(session, found=found, matched=False, now=now) for _ in range(8)]
    assert told.count("LOGIN_FAILED") == 4
    assert staff.settle(session, found=found, matched=True, now=now) == "LOGIN_LOCKED"


def test_an_unknown_login_is_told_the_same(session: Session, now: datetime) -> None:
    assert attempt(session, "nobody", GOOD, now) == "LOGIN_FAILED"


def test_logins_are_unique_and_one_a_person(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    first, second = with_role(session, now, Role.CLERK, tree.community), with_role(session, now, Role.CLERK, tree.community)
    staff.create(session, person=first, login="clerk", actor=SYSTEM, now=now)
    for person, login in ((second, "CLERK"), (first, "clerk-2")):
        with pytest.raises(Problem, match="LOGIN_TAKEN"):
            staff.create(session, person=person, login=login, actor=SYSTEM, now=now)
    with pytest.raises(Problem, match="INVALID"):
        staff.create(session, person=second, login="名字", actor=SYSTEM, now=now)


def test_no_login_for_somebody_above_or_beside(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    secretary = actor_of(session, with_role(session, now, Role.SECRETARY, tree.community), now)
    strangers = (
        with_role(session, now, Role.COUNTY, tree.county),
        with_role(session, now, Role.CLERK, tree.neighbour),
        a_person(session, now),
    )
    for number, person in enumerate(strangers):
        with pytest.raises(Problem, match="NOT_FOUND"):
            staff.create(session, person=person, login=f"taken-{number}", actor=secretary, now=now)
    own = with_role(session, now, Role.CLERK, tree.community)
    assert staff.create(session, person=own, login="clerk", actor=secretary, now=now)


def test_a_reset_ends_the_sessions_and_the_lock(session: Session, now: datetime) -> None:
    person = with_role(session, now, Role.COUNTY, a_tree(session, now).county)
    staff.create(session, person=person, login="county-01", password=GOOD, actor=SYSTEM, now=now)
    token = token_of(session, person, now)
    for _ in range(5):
        attempt(session, "county-01", "wrong", now)
    found = staff.find(session, "county-01")
    assert found is not None
    password = staff.reset(session, found=found, actor=SYSTEM, now=now)
    assert attempt(session, "county-01", GOOD, now) == "LOGIN_FAILED"
    assert attempt(session, "county-01", password, now) is None
    with pytest.raises(Problem, match="UNAUTHENTICATED"):
        sessions.find(session, token=token, now=now)


def test_changing_keeps_this_session_and_ends_the_others(session: Session, now: datetime) -> None:
    person = with_role(session, now, Role.COUNTY, a_tree(session, now).county)
    staff.create(session, person=person, login="county-01", password=GOOD, actor=SYSTEM, now=now)
    other, mine = token_of(session, person, now), token_of(session, person, now)
    actor = sessions.find(session, token=mine, now=now)
    found = staff.of_person(session, person.id)
    assert found is not None
    staff.change(session, found=found, password="Xiangjian-2027", actor=actor, now=now)
    assert sessions.find(session, token=mine, now=now).person_id == person.id
    with pytest.raises(Problem, match="UNAUTHENTICATED"):
        sessions.find(session, token=other, now=now)
