"""Authenticators and recovery codes: one use each, the neighbours' half minutes, failures that count (docs/rules.md §6)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pyotp
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.people import RecoveryCode, StaffLogin
from server.domain.permissions import SYSTEM, Role
from server.domain.problems import Problem
from server.services import second_factors, staff
from tests.conftest import Time
from tests.factories.people import a_tree, with_role
from tests.factories.staff import code_of, enrolled, without_second_factor

GOOD = "Minsheng-2026"


@pytest.fixture
def login(session: Session, now: datetime) -> StaffLogin:
    person = with_role(session, now, Role.COUNTY, a_tree(session, now).county)
    staff.create(session, person=person, login="county-01", password=GOOD, actor=SYSTEM, now=now)
    found = staff.find(session, "county-01")
    assert found is not None
    return found


def test_codes_are_those_of_the_standard() -> None:
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # RFC 6238, appendix B, the last six digits of SHA-1
    at = datetime.fromisoformat("1970-01-01T00:00:59+00:00")
    assert second_factors.step_of(secret, "287082", at) == 1
    assert second_factors.step_of(secret, "２８７ ０８２", at) == 1
    assert second_factors.step_of(secret, "287083", at) is None


@pytest.mark.parametrize(("seconds", "accepted"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_the_neighbouring_half_minutes_hold_too(session: Session, login: StaffLogin, now: datetime, seconds: int, accepted: bool) -> None:
    secret, _ = enrolled(session, now, login)
    assert second_factors.accept(session, found=login, code=code_of(secret, now + timedelta(seconds=seconds)), now=now) is accepted


def test_a_code_counts_once_and_none_before_it(session: Session, login: StaffLogin, now: datetime) -> None:
    secret, _ = enrolled(session, now, login)
    assert second_factors.accept(session, found=login, code=code_of(secret, now), now=now)
    assert not second_factors.accept(session, found=login, code=code_of(secret, now), now=now)
    assert not second_factors.accept(session, found=login, code=code_of(secret, now - timedelta(seconds=30)), now=now)
    assert second_factors.accept(session, found=login, code=code_of(secret, now + timedelta(seconds=30)), now=now)


def test_the_code_that_enrolled_does_not_sign_in(session: Session, login: StaffLogin, now: datetime) -> None:
    secret = second_factors.new_secret()
    second_factors.enrol(session, found=login, secret=secret, code=code_of(secret, now), actor=SYSTEM, now=now)
    assert not second_factors.accept(session, found=login, code=code_of(secret, now), now=now)


def test_a_recovery_code_counts_once_however_it_is_typed(session: Session, login: StaffLogin, now: datetime) -> None:
    _, codes = enrolled(session, now, login)
    assert len(set(codes)) == 10
    assert second_factors.accept(session, found=login, code=f" {codes[0].lower().replace('-', ' ')} ", now=now)
    assert not second_factors.accept(session, found=login, code=codes[0], now=now)
    assert second_factors.codes_left(session, login) == 9
    fresh = second_factors.new_codes(session, found=login, actor=SYSTEM, now=now)
    assert not second_factors.accept(session, found=login, code=codes[1], now=now)
    assert second_factors.accept(session, found=login, code=fresh[1], now=now)


def test_neither_secret_nor_codes_are_stored_readably(session: Session, login: StaffLogin, now: datetime) -> None:
    secret, codes = enrolled(session, now, login)
    session.refresh(login)
    assert login.totp_secret is not None
    assert secret.encode() not in login.totp_secret
    stored = session.execute(select(RecoveryCode.code_hash)).scalars().all()
    assert not set(stored) & {code for one in codes for code in (one, one.replace("-", ""))}


def test_enrolling_needs_a_code_of_this_very_secret(session: Session, login: StaffLogin, now: datetime) -> None:
    with pytest.raises(Problem, match="CODE_WRONG"):
        second_factors.enrol(
            session, found=login, secret=second_factors.new_secret(), code=code_of(pyotp.random_base32(), now), actor=SYSTEM, now=now
        )


def test_wrong_codes_lock_and_a_right_password_does_not_forget_them(session: Session, login: StaffLogin, now: datetime, time: Time) -> None:
    secret, _ = enrolled(session, now, login)
    found = staff.find(session, "county-01")
    assert found is not None
    told = []
    for _ in range(5):
        assert staff.settle(session, login=found.login, found=found, matched=True, now=now) is None
        told.append(staff.settle_code(session, found=found, code="000000", now=now))
    assert told == ["CODE_WRONG"] * 4 + ["LOGIN_LOCKED"]
    assert staff.settle_code(session, found=found, code=code_of(secret, now), now=now) == "LOGIN_LOCKED"
    later = time.advance(minutes=15)
    assert staff.settle(session, login=found.login, found=found, matched=True, now=later) is None
    assert staff.settle_code(session, found=found, code=code_of(secret, later), now=later) is None


def test_what_is_outstanding(session: Session, login: StaffLogin, now: datetime) -> None:
    assert staff.outstanding(session, login, proven=False, now=now) is staff.Step.ENROL
    without_second_factor(session, now)
    assert staff.outstanding(session, login, proven=False, now=now) is None
    enrolled(session, now, login)
    session.refresh(login)
    assert staff.outstanding(session, login, proven=False, now=now) is staff.Step.SECOND, "who enrolled is asked whatever the policy says"
    assert staff.outstanding(session, login, proven=True, now=now) is None


def test_a_reset_forgets_the_authenticator(session: Session, login: StaffLogin, now: datetime) -> None:
    _, codes = enrolled(session, now, login)
    staff.reset(session, found=login, actor=SYSTEM, now=now)
    session.refresh(login)
    assert login.totp_secret is None
    assert not second_factors.accept(session, found=login, code=codes[0], now=now)
    assert staff.outstanding(session, login, proven=False, now=now) is staff.Step.RENEW
