"""Staff logins: strong passwords, lock-out, no way to a greater role than one's own (mission row G3)."""

from datetime import datetime, timedelta

import pytest
from argon2 import extract_parameters
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from server.db.models.people import SignInCounter, StaffLogin
from server.db.models.platform import Event
from server.domain import passwords
from server.domain.permissions import SYSTEM, Role
from server.domain.problems import Problem
from server.services import sessions, sign_in_counters, staff
from tests.conftest import Time
from tests.factories.people import a_person, a_tree, actor_of, token_of, with_role
from tests.factories.staff import without_second_factor

GOOD = "Minsheng-2026"


def attempt(session: Session, login: str, password: str, now: datetime, device: str = "") -> str | None:
    """The three steps of a password; the refusal's code or None."""
    found = staff.find(session, login)
    return staff.settle(session, login=login, found=found, matched=staff.matches(found, password), now=now, device=device)


def the_county_s(session: Session, now: datetime) -> StaffLogin:
    """county-01, whose password is GOOD."""
    person = with_role(session, now, Role.COUNTY, a_tree(session, now).county)
    staff.create(session, person=person, login="county-01", password=GOOD, actor=SYSTEM, now=now)
    found = staff.find(session, "county-01")
    assert found is not None
    return found


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
    told = [staff.settle(session, login="county-01", found=found, matched=False, now=now) for _ in range(8)]
    assert told.count("LOGIN_FAILED") == 4
    assert staff.settle(session, login="county-01", found=found, matched=True, now=now) == "LOGIN_LOCKED"


def test_a_login_that_does_not_exist_answers_like_one_that_does(session: Session, now: datetime, time: Time) -> None:
    """The same codes at the same attempts, whatever time lies between them and however the name is written."""
    person = with_role(session, now, Role.COUNTY, a_tree(session, now).county)
    staff.create(session, person=person, login="county-01", password=GOOD, actor=SYSTEM, now=now)
    pauses = [0] * 7 + [14, 1, 1, 0, 61, 0, 0, 59, 59, 0, 10_000, 0, 0, 0, 0, 0]  # minutes before each attempt
    told: list[tuple[str | None, str | None]] = []
    for pause in pauses:
        at = time.advance(minutes=pause)
        told.append((attempt(session, "County-01 ", "wrong", at), attempt(session, "Ｎobody-01", "wrong", at)))
    assert [known for known, _ in told] == [unknown for _, unknown in told]
    assert {known for known, _ in told} == {"LOGIN_FAILED", "LOGIN_LOCKED"}


def test_it_costs_the_same_work(session: Session, now: datetime, database: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """One hash with the same parameters; the same statements, but for the line in the history of a login that there is."""
    person = with_role(session, now, Role.COUNTY, a_tree(session, now).county)
    staff.create(session, person=person, login="county-01", password=GOOD, actor=SYSTEM, now=now)
    attempt(session, "warm-up", "wrong", now)
    work: dict[str, list[str]] = {}
    for login in ("county-01", "nobody"):
        said = work.setdefault(login, [])
        with monkeypatch.context() as watched:
            verify = staff.HASHER.verify
            watched.setattr(staff.PasswordHasher, "verify", lambda _, stored, typed, said=said, verify=verify: (  # type: ignore[misc]
                said.append(str(extract_parameters(stored))), verify(stored, typed)))  # fmt: skip
            listen = lambda _c, _k, text, *_, said=said: said.append(text)  # noqa: E731
            event.listen(database, "before_cursor_execute", listen)
            attempt(session, login, "wrong", now)
            event.remove(database, "before_cursor_execute", listen)
    assert [one for one in work["county-01"] if not one.startswith("INSERT INTO event")] == work["nobody"]
    assert sum(one.startswith("Parameters") for one in work["nobody"]) == 1


def test_a_browser_where_she_signed_in_is_not_locked_by_strangers(session: Session, now: datetime, time: Time) -> None:
    found = the_county_s(session, now)
    staff.sign_in(session, found=found, now=now, device="her office")
    for _ in range(5):
        attempt(session, "county-01", "wrong", now, "made up")
    assert attempt(session, "county-01", GOOD, now) == "LOGIN_LOCKED"
    assert attempt(session, "county-01", GOOD, now, "made up") == "LOGIN_LOCKED"
    assert attempt(session, "county-01", GOOD, now, "her office") is None
    told = [attempt(session, "county-01", "wrong", now, "her office") for _ in range(5)]
    assert told == ["LOGIN_FAILED"] * 4 + ["LOGIN_LOCKED"], "who sits there may guess five times, too"
    assert attempt(session, "county-01", GOOD, time.advance(minutes=15), "her office") is None


def test_a_browser_is_known_by_the_logins_that_used_it(session: Session, now: datetime, time: Time) -> None:
    tree = a_tree(session, now)
    for login in ("county-01", "county-02"):
        person = with_role(session, now, Role.COUNTY, tree.county)
        staff.create(session, person=person, login=login, password=GOOD, actor=SYSTEM, now=now)
    first = staff.find(session, "county-01")
    assert first is not None
    staff.sign_in(session, found=first, now=now, device="office")
    later = time.advance(days=180)
    for login in ("county-01", "county-02"):
        for _ in range(5):
            attempt(session, login, "wrong", later - timedelta(seconds=1))
    seconds = later - timedelta(seconds=1)
    assert attempt(session, "county-02", GOOD, seconds, "office") == "LOGIN_LOCKED", "she never signed in there"
    assert attempt(session, "county-01", GOOD, seconds, "office") is None
    sign_in_counters.prune(session, now=seconds)
    assert attempt(session, "county-01", GOOD, seconds, "office") is None


def test_half_a_year_later_it_is_a_stranger_s(session: Session, now: datetime, time: Time) -> None:
    found = the_county_s(session, now)
    staff.sign_in(session, found=found, now=now, device="office")
    later = time.advance(days=180)
    for _ in range(5):
        attempt(session, "county-01", "wrong", later)
    assert attempt(session, "county-01", GOOD, later, "office") == "LOGIN_LOCKED"
    sign_in_counters.prune(session, now=later)
    left = session.execute(select(SignInCounter.login_id)).scalars().all()
    assert left == [None], "the browser is forgotten, the lock is not"
    sign_in_counters.prune(session, now=later + timedelta(hours=1))
    assert session.execute(select(SignInCounter.id)).first() is None


def test_a_reset_forgets_the_browsers(session: Session, now: datetime) -> None:
    found = the_county_s(session, now)
    staff.sign_in(session, found=found, now=now, device="office")
    for _ in range(5):
        attempt(session, "county-01", "wrong", now, "office")
    password = staff.reset(session, found=found, actor=SYSTEM, now=now)
    assert attempt(session, "county-01", password, now, "office") is None
    for _ in range(5):
        attempt(session, "county-01", "wrong", now)
    assert attempt(session, "county-01", password, now, "office") == "LOGIN_LOCKED"


def test_a_password_that_was_replaced_meanwhile_opens_nothing(session: Session, now: datetime) -> None:
    """It was right when it was asked; between that and the sign-in it was reset."""
    found = the_county_s(session, now)
    session.expunge(found)  # as it was read, in a session of its own
    again = staff.find(session, "county-01")
    assert again is not None
    assert staff.still(session, found).id == again.id
    staff.reset(session, found=again, actor=SYSTEM, now=now)
    with pytest.raises(Problem, match="LOGIN_FAILED"):
        staff.still(session, found)
    assert staff.settle(session, login="county-01", found=found, matched=True, now=now) == "LOGIN_FAILED"


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
    staff.change(session, found=found, password=staff.hashed("county-01", "Xiangjian-2027"), actor=actor, now=now)
    assert sessions.find(session, token=mine, now=now).person_id == person.id
    with pytest.raises(Problem, match="UNAUTHENTICATED"):
        sessions.find(session, token=other, now=now)


def test_none_of_the_last_five_passwords_comes_again(session: Session, now: datetime) -> None:
    person = with_role(session, now, Role.COUNTY, a_tree(session, now).county)
    staff.create(session, person=person, login="county-01", password=GOOD, actor=SYSTEM, now=now)
    found = staff.find(session, "county-01")
    assert found is not None
    for number in range(1, 6):
        with pytest.raises(Problem, match="PASSWORD_USED"):
            staff.hashed("county-01", GOOD, staff.used(session, found))
        password = staff.hashed("county-01", f"Xiangjian-203{number}", staff.used(session, found))
        staff.change(session, found=found, password=password, actor=actor_of(session, person, now), now=now)
    assert len(staff.used(session, found)) == 5
    assert staff.hashed("county-01", GOOD, staff.used(session, found)).own


def test_a_password_of_somebody_else_or_of_ninety_days_has_to_be_changed(session: Session, now: datetime, time: Time) -> None:
    without_second_factor(session, now)
    tree = a_tree(session, now)
    given = with_role(session, now, Role.COUNTY, tree.county)
    staff.create(session, person=given, login="given", actor=SYSTEM, now=now)
    staff.create(session, person=with_role(session, now, Role.COUNTY, tree.county), login="own", password=GOOD, actor=SYSTEM, now=now)
    first, own = staff.find(session, "given"), staff.find(session, "own")
    assert first is not None
    assert own is not None
    assert staff.outstanding(session, first, proven=False, now=now) is staff.Step.RENEW
    assert staff.outstanding(session, own, proven=False, now=now) is None
    assert staff.outstanding(session, own, proven=False, now=time.advance(days=89)) is None
    assert staff.outstanding(session, own, proven=False, now=time.advance(days=1)) is staff.Step.RENEW
    staff.change(session, found=first, password=staff.hashed("given", GOOD), actor=actor_of(session, given, now), now=now)
    assert staff.outstanding(session, first, proven=False, now=now) is None


def test_sign_ins_and_failures_are_in_the_history(session: Session, now: datetime) -> None:
    person = with_role(session, now, Role.COUNTY, a_tree(session, now).county)
    staff.create(session, person=person, login="county-01", password=GOOD, actor=SYSTEM, now=now)
    found = staff.find(session, "county-01")
    assert found is not None
    for _ in range(5):
        attempt(session, "county-01", "wrong", now)
    staff.sign_in(session, found=found, now=now, browser="Windows · Edge")
    rows = session.execute(select(Event).where(Event.subject_kind == "staff_login").order_by(Event.id)).scalars().all()
    assert [row.action for row in rows] == ["create", *["sign_in_failed"] * 4, "lock", "sign_in"]
    assert rows[-1].actor_id == person.id


def test_fifteen_idle_minutes_end_a_session_at_a_desk_and_no_member_s(session: Session, now: datetime, time: Time) -> None:
    person = with_role(session, now, Role.COUNTY, a_tree(session, now).county)
    desk = sessions.start(session, person_id=person.id, channel="staff", now=now, lifetime=staff.LIFETIME)
    phone = token_of(session, person, now)
    actor = sessions.find(session, token=desk, now=time.advance(seconds=59))
    assert not sessions.due(actor, time.now)
    later = time.advance(minutes=13)
    actor = sessions.find(session, token=desk, now=later)
    assert sessions.due(actor, later)
    sessions.note(session, actor, later)
    assert sessions.find(session, token=desk, now=time.advance(minutes=14)).person_id == person.id
    with pytest.raises(Problem, match="UNAUTHENTICATED"):
        sessions.find(session, token=desk, now=time.advance(minutes=1))
    member = sessions.find(session, token=phone, now=time.advance(days=1))
    assert not sessions.due(member, time.now)


def test_one_ends_one_s_own_sessions_only(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    mine, other = with_role(session, now, Role.COUNTY, tree.county), with_role(session, now, Role.COUNTY, tree.county)
    actor, stranger = actor_of(session, mine, now), actor_of(session, other, now)
    (row,) = sessions.open_of(session, person_id=mine.id, now=now)
    with pytest.raises(Problem, match="NOT_FOUND"):
        sessions.end_own(session, row.public_id, actor=stranger, now=now)
    sessions.end_own(session, row.public_id, actor=actor, now=now)
    assert not sessions.open_of(session, person_id=mine.id, now=now)
