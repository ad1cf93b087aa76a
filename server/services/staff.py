"""Staff who sign in by name and password (mission row G3; docs/rules.md §2): argon2id, five failures lock for fifteen minutes.

Signing in takes three steps, because hashing costs tens of milliseconds and no transaction may be open meanwhile: `find` (reading),
`matches` (no session), `settle` (writing, counts the failure and decides). All three cost the same for a login that does not exist.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import Person, RoleGrant, StaffLogin
from server.domain import passwords
from server.domain.days import local_day
from server.domain.permissions import Actor, may_appoint
from server.domain.problems import Problem
from server.services import events, sessions

FAILURES = 5
LOCKED = timedelta(minutes=15)
LIFETIME = timedelta(hours=8)
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)  # 19 MiB: the web process keeps its memory bound


def create(session: Session, *, person: Person, login: str, actor: Actor, now: datetime, password: str | None = None) -> str:
    """A login for a person with a role; returns the password (a generated one where none is given), which is stored only as its hash.

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
    password = _set(made, password)
    session.add(made)
    session.flush()
    events.add(session, made, action="create", actor=actor, now=now)
    return password


def reset(session: Session, *, found: StaffLogin, actor: Actor, now: datetime) -> str:
    """A new generated password, the lock lifted, all sessions ended. Raises NOT_FOUND as `create` does."""
    _require_charge(session, session.get_one(Person, found.person_id), actor, now)
    password = _set(found, None)
    found.failures, found.locked_until = 0, None
    session.flush()
    sessions.revoke_all(session, person_id=found.person_id, now=now)
    events.add(session, found, action="reset", actor=actor, now=now)
    return password


def change(session: Session, *, found: StaffLogin, password: str, actor: Actor, now: datetime) -> None:
    """His own new password (the old one was settled before); his other sessions end. Raises PASSWORD_WEAK."""
    _set(found, password)
    session.flush()
    sessions.revoke_all(session, person_id=found.person_id, now=now, keep=actor.session_id)
    events.add(session, found, action="change", actor=actor, now=now)


def find(session: Session, login: str) -> StaffLogin | None:
    """The login by its name."""
    return session.execute(select(StaffLogin).where(StaffLogin.login == passwords.login_name(login))).scalar_one_or_none()


def of_person(session: Session, person_id: int) -> StaffLogin | None:
    """The person's own login."""
    return session.execute(select(StaffLogin).where(StaffLogin.person_id == person_id)).scalar_one_or_none()


def matches(found: StaffLogin | None, password: str) -> bool:
    """Is this the password? Costs one hash whether the login exists or not; call it outside of any transaction."""
    try:
        return HASHER.verify(found.password_hash if found is not None else _nobody(), password[: passwords.LONGEST]) and found is not None
    except (VerificationError, InvalidHashError):
        return False


def settle(session: Session, *, found: StaffLogin | None, matched: bool, now: datetime) -> str | None:
    """Count what `matches` found. Returns the refusal's code (LOGIN_FAILED, LOGIN_LOCKED) or None; never raises, so that the count stays.

    The lock is read again here: of many guesses sent at once, no more than five are answered.
    """
    if found is None:
        return "LOGIN_FAILED"
    row = session.execute(
        select(StaffLogin).where(StaffLogin.id == found.id).with_for_update().execution_options(populate_existing=True)
    ).scalar_one()
    if row.locked_until is not None and row.locked_until > now:
        return "LOGIN_LOCKED"
    if matched and row.password_hash == found.password_hash:
        _count(session, row, failures=0, locked_until=None)
        return None
    failures = row.failures + 1
    full = failures >= FAILURES
    _count(session, row, failures=0 if full else failures, locked_until=now + LOCKED if full else None)
    return "LOGIN_LOCKED" if full else "LOGIN_FAILED"


def sign_in(session: Session, *, found: StaffLogin, now: datetime) -> str:
    """A bearer token of eight hours, after `settle` said None."""
    return sessions.start(session, person_id=found.person_id, channel="staff", now=now, lifetime=LIFETIME)


def _set(login: StaffLogin, password: str | None) -> str:
    password = password if password is not None else passwords.generated(secrets.token_bytes(passwords.GENERATED))
    if not passwords.strong(password, login.login):
        raise Problem("PASSWORD_WEAK")
    login.password_hash = HASHER.hash(password)
    return password


def _count(session: Session, row: StaffLogin, *, failures: int, locked_until: datetime | None) -> None:
    session.execute(update(StaffLogin).where(StaffLogin.id == row.id).values(failures=failures, locked_until=locked_until))


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
