"""Staff who sign in by name and password (mission row G3; docs/rules.md §6): argon2id, five failures lock for fifteen minutes.

Signing in takes three steps, because hashing costs tens of milliseconds and no transaction may be open meanwhile: `find` (reading),
`matches` (no session), `settle` (writing, counts the failure and decides). All three cost and answer the same for a login that does not
exist. Then `settle_code` where an authenticator is enrolled, and `outstanding` says what is still to be done before `sign_in`.

Who signs in with a WeChat account of his own makes his login himself (`set_own`); nobody else makes or resets it, because whoever does
sees the first password and could be him (docs/decisions/0012-sign-in-of-staff.md). Locks are taken in this order: person, login, counter.
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
from sqlalchemy import delete, insert, or_, select
from sqlalchemy.orm import Session

from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import Person, RoleGrant, SignInCounter, StaffLogin, StaffPassword
from server.domain import passwords
from server.domain.days import local_day
from server.domain.permissions import SYSTEM, Actor, may_appoint
from server.domain.problems import Problem
from server.services import events, people, second_factors, sessions, sign_in_counters

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
    LOGIN_OF_HIS_OWN, LOGIN_TAKEN, INVALID for a login of other characters.
    """
    _require_charge(session, person, actor, now)
    made = _made(session, person, login)
    plain = password if password is not None else _generated()
    _set(session, made, hashed(made.login, plain, own=password is not None), now)
    events.add(session, made, action="create", actor=actor, now=now)
    return plain


def reset(session: Session, *, found: StaffLogin, actor: Actor, now: datetime) -> str:
    """A new generated password, the lock lifted, the authenticator forgotten, all sessions ended.

    Raises NOT_FOUND and LOGIN_OF_HIS_OWN as `create` does.
    """
    _require_charge(session, session.get_one(Person, found.person_id), actor, now)
    password = _generated()
    _set(session, found, hashed(found.login, password, own=False), now)
    _begin_anew(session, found, now)
    events.add(session, found, action="reset", actor=actor, now=now)
    return password


def set_own(session: Session, *, person: Person, login: str, password: Hashed, actor: Actor, now: datetime) -> StaffLogin:
    """His own login with a password of his choice, or a new one for a login he has; he needs no old one, but has just signed in.

    Lock and authenticator are forgotten, his other sessions end. Raises SIGN_IN_AGAIN, NOT_FOUND where he signs in by no account of his
    own, LOGIN_TAKEN and INVALID as `create` does.
    """
    sessions.require_fresh(session, actor, now)
    people.hold(session, person)
    if not people.has_account(session, person):
        raise Problem("NOT_FOUND")
    found = of_person(session, person.id) or _made(session, person, login)
    _set(session, found, password, now)
    _begin_anew(session, found, now, keep=actor.session_id)
    events.add(session, found, action="change", actor=actor, now=now, after="own")
    return found


def close(session: Session, *, person: Person, actor: Actor, now: datetime) -> bool:
    """Nobody knows the password of his login from now on, its sessions are over: its owner sets one himself. False where he has none."""
    found = of_person(session, person.id)
    if found is None:
        return False
    found.password_hash, found.password_set_at = _nobody(), None
    session.flush()
    _begin_anew(session, found, now)
    events.add(session, found, action="close", actor=actor, now=now)
    return True


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


def still(session: Session, found: StaffLogin) -> StaffLogin:
    """The login as it is now, held until the transaction ends. Raises LOGIN_FAILED where the password was replaced since it was proven."""
    row = _held(session, found)
    if row.password_hash != found.password_hash:
        raise Problem("LOGIN_FAILED")
    return row


def by_id(session: Session, login_id: int) -> StaffLogin | None:
    """The login by its row."""
    return session.get(StaffLogin, login_id)


def matches(found: StaffLogin | None, password: str) -> bool:
    """Is this the password? Costs one hash whether the login exists or not; call it outside of any transaction."""
    return _is(found.password_hash if found is not None else _nobody(), password) and found is not None


def settle(session: Session, *, login: str, found: StaffLogin | None, matched: bool, now: datetime, device: str = "") -> str | None:
    """Count what `matches` found for the typed `login`. Returns the refusal's code (LOGIN_FAILED, LOGIN_LOCKED) or None; never raises, so
    that the count stays.

    The lock is read here: of many guesses sent at once, no more than five are answered. Where a code is still to come, a right password
    does not forget the failures: whoever knows it cannot guess codes for ever. `device`: as in `sign_in_counters.hold`.
    """
    counter = sign_in_counters.hold(session, login=passwords.login_name(login), device=device, now=now)
    present = session.execute(select(StaffLogin.password_hash).where(StaffLogin.id == (found.id if found is not None else 0))).scalar()
    right = matched and found is not None and present == found.password_hash
    forget = found is not None and found.totp_secret is None
    return _decide(session, counter, found, right=right, forget=forget, refusal="LOGIN_FAILED", now=now)


def settle_code(session: Session, *, found: StaffLogin, code: str, now: datetime, device: str = "") -> str | None:
    """The second factor, counted like a password. Returns CODE_WRONG, LOGIN_LOCKED or None; never raises."""
    row = _held(session, found)
    counter = sign_in_counters.hold(session, login=row.login, device=device, now=now)
    right = not sign_in_counters.is_locked(counter, now) and second_factors.accept(session, found=row, code=code, now=now)
    return _decide(session, counter, row, right=right, forget=True, refusal="CODE_WRONG", now=now)


def outstanding(session: Session, found: StaffLogin, *, proven: bool, now: datetime) -> Step | None:
    """What is left to do after the right password; `proven`: the authenticator's code was given, too."""
    if found.totp_secret is not None and not proven:
        return Step.SECOND
    if passwords.worn(found.password_set_at, now):
        return Step.RENEW
    if found.totp_secret is None and second_factors.required(session, local_day(now)):
        return Step.ENROL
    return None


def sign_in(session: Session, *, found: StaffLogin, now: datetime, browser: str = "", device: str = "") -> str:
    """A bearer token of eight hours, when nothing is outstanding. The browser with this `device` is known from now on."""
    if device:
        sign_in_counters.know(session, found, device, now)
    events.add(session, found, action="sign_in", actor=Actor(found.person_id), now=now, after="password")
    return sessions.start(session, person_id=found.person_id, channel=sessions.STAFF, now=now, lifetime=LIFETIME, browser=browser)


def _held(session: Session, found: StaffLogin) -> StaffLogin:
    mine = select(StaffLogin).where(StaffLogin.id == found.id).with_for_update()
    return session.execute(mine.execution_options(populate_existing=True)).scalar_one()


def _decide(
    session: Session, counter: SignInCounter, found: StaffLogin | None, *, right: bool, forget: bool, refusal: str, now: datetime
) -> str | None:
    if sign_in_counters.is_locked(counter, now):
        return "LOGIN_LOCKED"
    if right:
        if forget:
            sign_in_counters.forget(session, counter, now)
        return None
    full = sign_in_counters.fail(session, counter, now)
    if found is not None:
        events.add(session, found, action="lock" if full else "sign_in_failed", actor=SYSTEM, now=now)
    return "LOGIN_LOCKED" if full else refusal


def _made(session: Session, person: Person, login: str) -> StaffLogin:
    """A login that nobody can use yet. Raises INVALID, LOGIN_TAKEN."""
    login = passwords.login_name(login)
    if not passwords.LOGIN.fullmatch(login):
        raise Problem("INVALID", fields={"login": "登录名请用 3 到 32 位小写字母、数字、点、横线，并以字母或数字开头"})
    if session.execute(select(StaffLogin.id).where(or_(StaffLogin.login == login, StaffLogin.person_id == person.id))).first():
        raise Problem("LOGIN_TAKEN")
    made = StaffLogin(person_id=person.id, login=login, password_hash="")
    session.add(made)
    session.flush()
    return made


def _begin_anew(session: Session, found: StaffLogin, now: datetime, keep: int | None = None) -> None:
    """What held under the old password holds no more."""
    second_factors.drop(session, found)
    sign_in_counters.drop(session, found)
    sessions.revoke_all(session, person_id=found.person_id, now=now, keep=keep)


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


def _require_charge(session: Session, person: Person, actor: Actor, now: datetime) -> None:
    """The actor must be one who may appoint every role the person holds; he must hold one, and sign in by no account of his own."""
    held = session.execute(
        select(RoleGrant.role, OrgNode.path)
        .outerjoin(Unit, Unit.id == RoleGrant.unit_id)
        .join(OrgNode, or_(OrgNode.id == RoleGrant.node_id, OrgNode.id == Unit.community_id))
        .where(RoleGrant.person_id == person.id, or_(RoleGrant.valid_to.is_(None), RoleGrant.valid_to > local_day(now)))
    ).all()
    if not held or not all(may_appoint(actor, row.role, row.path) for row in held):
        raise Problem("NOT_FOUND")
    people.hold(session, person)
    if people.has_account(session, person):
        raise Problem("LOGIN_OF_HIS_OWN")


@cache
def _nobody() -> str:
    """The hash of a password nobody knows, so that an unknown login costs what a known one costs."""
    return HASHER.hash(secrets.token_urlsafe(16))
