"""Staff who sign in by name and password (mission row G3; docs/rules.md §6): argon2id, five failures lock for fifteen minutes.

Signing in takes three steps, because hashing costs tens of milliseconds and no transaction may be open meanwhile: `find` (reading),
`matches` (no session), `settle` (writing, counts the failure and decides). All three cost the same for a login that does not exist.
Then `settle_code` where an authenticator is enrolled, and `outstanding` says what is still to be done before `sign_in`.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.orm import Session

from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import Person, RoleGrant, StaffLogin, StaffPassword
from server.domain import passwords
from server.domain.days import local_day
from server.domain.permissions import SYSTEM, Actor, may_appoint
from server.domain.problems import Problem
from server.services import events, second_factors, sessions

FAILURES = 5
LOCKED = timedelta(minutes=15)
LIFETIME = timedelta(hours=8)
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)  # 19 MiB: the web process keeps its memory bound


class Step(StrEnum):
    """What a person has to do after his password was right."""

    SECOND = "second"  # the authenticator's code
    RENEW = "renew"  # a password of his own
    ENROL = "enrol"  # an authenticator


@dataclass(frozen=True)
class Hashed:
    """A password that may be used, hashed outside of any transaction; `own`: chosen by the person himself."""

    text: str
    own: bool


def create(session: Session, *, person: Person, login: str, actor: Actor, now: datetime, password: str | None = None) -> str:
    """A login for a person with a role; returns the password, which is stored only as its hash.

    A generated one (none is given) has to be changed at the first sign-in.

    Raises NOT_FOUND unless the actor may appoint every role the person holds (else a clerk could sign in as the county), PASSWORD_WEAK,
    LOGIN_TAKEN, INVALID for a login of other characters.
    """
    login = passwords.login_name(login)
    if not passwords.LOGIN.fullmatch(login):
        raise Problem("INVALID", fields={"login": "登录名请用 3 到 32 位小写字母、数字、点、横线，并以字母或数字开头"})
    _require_charge(session, person, actor, now)
    if session.execute(select(StaffLogin.id).where(or_(StaffLogin.login == login, StaffLogin.person_id == person.id))).first():
        raise Problem("LOGIN_TAKEN")
    made = StaffLogin(person_id=person.id, login=login, password_hash="")
    session.add(made)
    session.flush()
    plain = password if password is not None else _generated()
    _set(session, made, hashed(login, plain, own=password is not None), now)
    events.add(session, made, action="create", actor=actor, now=now)
    return plain


def reset(session: Session, *, found: StaffLogin, actor: Actor, now: datetime) -> str:
    """A new generated password, the lock lifted, the authenticator forgotten, all sessions ended. Raises NOT_FOUND as `create` does."""
    _require_charge(session, session.get_one(Person, found.person_id), actor, now)
    password = _generated()
    _set(session, found, hashed(found.login, password, own=False), now)
    _count(session, found, failures=0, locked_until=None)
    second_factors.drop(session, found)
    sessions.revoke_all(session, person_id=found.person_id, now=now)
    events.add(session, found, action="reset", actor=actor, now=now)
    return password


def hashed(login: str, password: str, used: Sequence[str] = (), *, own: bool = True) -> Hashed:
    """The password ready to be set; call it outside of any transaction. Raises PASSWORD_WEAK, PASSWORD_USED (`used`: earlier hashes)."""
    if not passwords.strong(password, login):
        raise Problem("PASSWORD_WEAK")
    if any(_is(old, password) for old in used):
        raise Problem("PASSWORD_USED")
    return Hashed(HASHER.hash(password), own)


def used(session: Session, found: StaffLogin) -> Sequence[str]:
    """The hashes of the last passwords, none of which may come again."""
    rows = select(StaffPassword.password_hash).where(StaffPassword.login_id == found.id).order_by(StaffPassword.id.desc())
    return session.execute(rows.limit(passwords.REMEMBERED)).scalars().all()


def change(session: Session, *, found: StaffLogin, password: Hashed, actor: Actor, now: datetime) -> None:
    """His own new password (the old one was settled before); his other sessions end."""
    _set(session, found, password, now)
    sessions.revoke_all(session, person_id=found.person_id, now=now, keep=actor.session_id)
    events.add(session, found, action="change", actor=actor, now=now)


def find(session: Session, login: str) -> StaffLogin | None:
    """The login by its name."""
    return session.execute(select(StaffLogin).where(StaffLogin.login == passwords.login_name(login))).scalar_one_or_none()


def of_person(session: Session, person_id: int) -> StaffLogin | None:
    """The person's own login."""
    return session.execute(select(StaffLogin).where(StaffLogin.person_id == person_id)).scalar_one_or_none()


def by_id(session: Session, login_id: int) -> StaffLogin | None:
    """The login by its row."""
    return session.get(StaffLogin, login_id)


def matches(found: StaffLogin | None, password: str) -> bool:
    """Is this the password? Costs one hash whether the login exists or not; call it outside of any transaction."""
    return _is(found.password_hash if found is not None else _nobody(), password) and found is not None


def settle(session: Session, *, found: StaffLogin | None, matched: bool, now: datetime) -> str | None:
    """Count what `matches` found. Returns the refusal's code (LOGIN_FAILED, LOGIN_LOCKED) or None; never raises, so that the count stays.

    The lock is read again here: of many guesses sent at once, no more than five are answered. Where a code is still to come, a right
    password does not forget the failures: whoever knows it cannot guess codes for ever.
    """
    if found is None:
        return "LOGIN_FAILED"
    row = _locked(session, found)
    right = matched and row.password_hash == found.password_hash
    return _decide(session, row, right=right, forget=row.totp_secret is None, refusal="LOGIN_FAILED", now=now)


def settle_code(session: Session, *, found: StaffLogin, code: str, now: datetime) -> str | None:
    """The second factor, counted like a password. Returns CODE_WRONG, LOGIN_LOCKED or None; never raises."""
    row = _locked(session, found)
    right = not _is_locked(row, now) and second_factors.accept(session, found=row, code=code, now=now)
    return _decide(session, row, right=right, forget=True, refusal="CODE_WRONG", now=now)


def outstanding(session: Session, found: StaffLogin, *, proven: bool, now: datetime) -> Step | None:
    """What is left to do after the right password; `proven`: the authenticator's code was given, too."""
    if found.totp_secret is not None and not proven:
        return Step.SECOND
    if passwords.worn(found.password_set_at, now):
        return Step.RENEW
    if found.totp_secret is None and second_factors.required(session, local_day(now)):
        return Step.ENROL
    return None


def sign_in(session: Session, *, found: StaffLogin, now: datetime, browser: str = "") -> str:
    """A bearer token of eight hours, when nothing is outstanding."""
    events.add(session, found, action="sign_in", actor=Actor(found.person_id), now=now, after="password")
    return sessions.start(session, person_id=found.person_id, channel=sessions.STAFF, now=now, lifetime=LIFETIME, browser=browser)


def _locked(session: Session, found: StaffLogin) -> StaffLogin:
    mine = select(StaffLogin).where(StaffLogin.id == found.id).with_for_update()
    return session.execute(mine.execution_options(populate_existing=True)).scalar_one()


def _is_locked(row: StaffLogin, now: datetime) -> bool:
    return row.locked_until is not None and row.locked_until > now


def _decide(session: Session, row: StaffLogin, *, right: bool, forget: bool, refusal: str, now: datetime) -> str | None:
    if _is_locked(row, now):
        return "LOGIN_LOCKED"
    if right:
        if forget:
            _count(session, row, failures=0, locked_until=None)
        return None
    failures = row.failures + 1
    full = failures >= FAILURES
    _count(session, row, failures=0 if full else failures, locked_until=now + LOCKED if full else None)
    events.add(session, row, action="lock" if full else "sign_in_failed", actor=SYSTEM, now=now)
    return "LOGIN_LOCKED" if full else refusal


def _set(session: Session, login: StaffLogin, password: Hashed, now: datetime) -> None:
    login.password_hash, login.password_set_at = password.text, now if password.own else None
    session.flush()
    session.execute(insert(StaffPassword).values(login_id=login.id, password_hash=password.text, set_at=now))
    kept = select(StaffPassword.id).where(StaffPassword.login_id == login.id).order_by(StaffPassword.id.desc()).limit(passwords.REMEMBERED)
    newest = session.execute(kept).scalars().all()
    session.execute(delete(StaffPassword).where(StaffPassword.login_id == login.id, StaffPassword.id < min(newest)))


def _generated() -> str:
    return passwords.generated(secrets.token_bytes(passwords.GENERATED))


def _is(stored: str, password: str) -> bool:
    try:
        return HASHER.verify(stored, password[: passwords.LONGEST])
    except (VerificationError, InvalidHashError):
        return False


def _count(session: Session, row: StaffLogin, *, failures: int, locked_until: datetime | None) -> None:
    changes = update(StaffLogin).where(StaffLogin.id == row.id).values(failures=failures, locked_until=locked_until)
    session.execute(changes.execution_options(synchronize_session="evaluate"))


def _require_charge(session: Session, person: Person, actor: Actor, now: datetime) -> None:
    """The actor must be one who may appoint every role the person holds, and the person must hold one."""
    held = session.execute(
        select(RoleGrant.role, OrgNode.path)
        .outerjoin(Unit, Unit.id == RoleGrant.unit_id)
        .join(OrgNode, or_(OrgNode.id == RoleGrant.node_id, OrgNode.id == Unit.community_id))
        .where(RoleGrant.person_id == person.id, or_(RoleGrant.valid_to.is_(None), RoleGrant.valid_to > local_day(now)))
    ).all()
    if not held or not all(may_appoint(actor, row.role, row.path) for row in held):
        raise Problem("NOT_FOUND")


@cache
def _nobody() -> str:
    """The hash of a password nobody knows, so that an unknown login costs what a known one costs."""
    return HASHER.hash(secrets.token_urlsafe(16))
