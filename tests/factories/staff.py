"""Logins of staff and their authenticators, made through the services."""

from __future__ import annotations

from datetime import datetime, timedelta

import pyotp
from sqlalchemy.orm import Session

from server.db.models.people import Person, StaffLogin, WechatAccount
from server.domain.days import local_day
from server.domain.permissions import SYSTEM, Actor
from server.services import policies, second_factors, staff


def without_second_factor(session: Session, now: datetime) -> None:
    """The county leaves the second factor off, as the demonstration community does."""
    policies.put(session, key=second_factors.POLICY, value=0, why="测试", valid_from=local_day(now), actor=SYSTEM, now=now)


def its_own_account(session: Session, now: datetime, person: Person) -> None:
    """The person signs in by the mini-program with a WeChat account of his own."""
    session.add(WechatAccount(appid="wx", openid=f"o{person.id}", person_id=person.id, created_at=now, last_seen_at=now))
    session.flush()


def an_authenticator(session: Session, now: datetime, login: str) -> tuple[str, list[str]]:
    """The login has an authenticator since an hour: (secret, recovery codes)."""
    found = staff.find(session, login)
    assert found is not None
    return enrolled(session, now, found)


def enrolled(session: Session, now: datetime, found: StaffLogin) -> tuple[str, list[str]]:
    """The same for a row."""
    before, secret = now - timedelta(hours=1), second_factors.new_secret()
    return secret, second_factors.enrol(
        session, found=found, secret=secret, code=code_of(secret, before), actor=Actor(found.person_id), now=before
    )


def code_of(secret: str, at: datetime) -> str:
    """What the authenticator shows at this moment."""
    return pyotp.TOTP(secret).at(at)
