"""The second factor of staff who sign in by password: an authenticator (RFC 6238), ten recovery codes on paper (docs/rules.md §6).

A code holds for its half minute and the one before and after, and is accepted once. Failures are counted by `staff.settle_code`.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, cast

import pyotp
from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from server.db import vault
from server.db.models.people import Person, RecoveryCode, StaffLogin
from server.domain.permissions import Actor
from server.domain.problems import Problem
from server.services import events, policies

POLICY = "staff.second_factor"
STEP_S, DIGITS = 30, 6
WINDOW = (0, -1, 1)
CODES = 10
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
GROUPS, GROUP = 4, 4  # four groups of four: 80 bits
SEALED = "staff_login.totp_secret"


def required(session: Session, today: date) -> bool:
    """Does the county ask for a second factor? (On unless its policy says otherwise.)"""
    return bool(policies.value(session, POLICY, today=today))


def new_secret() -> str:
    """160 random bits in base32, as authenticators take them."""
    return pyotp.random_base32()


def link(secret: str, login: str) -> str:
    """What the authenticator scans."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name="共建")


def enrol(session: Session, *, found: StaffLogin, secret: str, code: str, actor: Actor, now: datetime) -> list[str]:
    """The authenticator is his from now on; returns ten recovery codes, shown once. Raises CODE_WRONG when `code` is not of this secret."""
    step = step_of(secret, code, now)
    person = session.get_one(Person, found.person_id)
    if step is None or person.salt is None:
        raise Problem("CODE_WRONG")
    box = vault.seal(person.salt, SEALED, found.login, secret)
    changes = {"totp_secret": box, "totp_since": now, "totp_step": step}
    session.execute(update(StaffLogin).where(StaffLogin.id == found.id).values(**changes))
    events.add(session, found, action="enrol", actor=actor, now=now)
    return new_codes(session, found=found, actor=actor, now=now)


def accept(session: Session, *, found: StaffLogin, code: str, now: datetime) -> bool:
    """Is this the authenticator's present code, or a recovery code? Either is used up by it."""
    code = vault.normalise(code).upper()
    if len(code) == DIGITS:
        return _accept_step(session, found, code, now)
    mine = update(RecoveryCode).where(
        RecoveryCode.login_id == found.id, RecoveryCode.code_hash == _hash(code), RecoveryCode.used_at.is_(None)
    )
    return bool(cast(Any, session.execute(mine.values(used_at=now))).rowcount == 1)


def new_codes(session: Session, *, found: StaffLogin, actor: Actor, now: datetime) -> list[str]:
    """Ten fresh recovery codes; the old ones die."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.login_id == found.id))
    made = [_new_code() for _ in range(CODES)]
    session.execute(insert(RecoveryCode), [{"login_id": found.id, "code_hash": _hash(code), "made_at": now} for code in made])
    events.add(session, found, action="new_codes", actor=actor, now=now)
    return made


def codes_left(session: Session, found: StaffLogin) -> int:
    """How many recovery codes are unused."""
    left = select(func.count()).where(RecoveryCode.login_id == found.id, RecoveryCode.used_at.is_(None))
    return session.execute(left).scalar_one()


def drop(session: Session, found: StaffLogin) -> None:
    """Forget authenticator and codes (the phone was lost): he enrols anew."""
    session.execute(update(StaffLogin).where(StaffLogin.id == found.id).values(totp_secret=None, totp_since=None, totp_step=None))
    session.execute(delete(RecoveryCode).where(RecoveryCode.login_id == found.id))


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """The half minute whose code this is, the present one or a neighbour; None where it is none of them."""
    code = vault.normalise(code)
    made, present = pyotp.TOTP(secret), int(now.timestamp()) // STEP_S
    steps: Sequence[int] = [present + by for by in WINDOW]
    return next((step for step in steps if hmac.compare_digest(made.generate_otp(step).encode(), code.encode())), None)


def _accept_step(session: Session, found: StaffLogin, code: str, now: datetime) -> bool:
    """Guarded by the last accepted half minute: of two who send one code, one gets in."""
    person = session.get_one(Person, found.person_id)
    secret = vault.open_sealed(person.salt, SEALED, found.login, found.totp_secret)
    step = step_of(secret, code, now) if secret else None
    if step is None:
        return False
    fresh = or_(StaffLogin.totp_step.is_(None), StaffLogin.totp_step < step)
    accepted = update(StaffLogin).where(StaffLogin.id == found.id, fresh).values(totp_step=step)
    return bool(cast(Any, session.execute(accepted.execution_options(synchronize_session=False))).rowcount == 1)


def _new_code() -> str:
    groups = ["".join(secrets.choice(ALPHABET) for _ in range(GROUP)) for _ in range(GROUPS)]
    return "-".join(groups)


def _hash(code: str) -> str:
    """What is typed from paper: dashes do not matter, O is 0, I and L are 1."""
    plain = code.replace("-", "").translate(str.maketrans("OIL", "011"))
    return vault.token_hash(plain)
