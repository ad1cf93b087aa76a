"""Signing in through WeChat, the phone, and what a person says about himself (mission row A3).

WeChat is asked before the transaction begins; what comes here is its answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.people import Person, WechatAccount
from server.domain.days import local_day
from server.domain.people import Purpose
from server.domain.permissions import Actor
from server.domain.problems import Problem
from server.services import bindings, consents, events, merges, people, policies, sessions
from server.services.bindings import Outcome


@dataclass(frozen=True)
class SignedIn:
    """A fresh session: the bearer token (told once), when it ends, and whose it is."""

    token: str
    expires_at: datetime
    person: Person


def sign_in(session: Session, *, appid: str, openid: str, now: datetime) -> SignedIn:
    """Open a session for a WeChat account; an account seen for the first time gets a person without a name.

    Raises IntegrityError when two first sign-ins of one account meet: do it again.
    """
    account = _account(session, appid, openid) or _first_account(session, appid, openid, now)
    account.last_seen_at = now
    lifetime = timedelta(days=policies.value(session, "sessions.days", today=local_day(now)))
    token = sessions.start(session, person_id=account.person_id, channel="app", now=now, lifetime=lifetime)
    return SignedIn(token, now + lifetime, session.get_one(Person, account.person_id))


def openid_of(session: Session, *, person_id: int, appid: str) -> str:
    """The WeChat account he signs in with. Raises NOT_FOUND where he has none."""
    wanted = select(WechatAccount.openid).where(WechatAccount.person_id == person_id, WechatAccount.appid == appid)
    openid = session.execute(wanted.order_by(WechatAccount.last_seen_at.desc())).scalars().first()
    if openid is None:
        raise Problem("NOT_FOUND")
    return openid


def take_phone(session: Session, *, person: Person, phone: str, actor: Actor, now: datetime) -> tuple[Person, Outcome]:
    """Keep the phone WeChat vouched for and look the person up on the rosters. Returns who he is now and what came of it.

    Somebody the community entered before, with this phone and no account, turns out to be him. Raises CONSENT_REQUIRED, and PHONE_TAKEN
    where the phone belongs to somebody who signs in himself.
    """
    consents.require(session, person_id=person.id, purpose=Purpose.SERVICE)
    known = people.by_phone(session, phone)
    if known is not None and known.id != person.id:
        if people.has_account(session, known) or not merges.is_empty(session, person):
            raise Problem("PHONE_TAKEN")
        merges.absorb(session, empty=person, into=known, actor=actor, now=now)
        person = known
    else:
        people.set_phone(session, person, phone)
        events.add(session, person, action="phone", actor=actor, now=now)
    return person, bindings.by_phone(session, person=person, actor=actor, now=now)


def describe(session: Session, *, person: Person, actor: Actor, now: datetime, name: str | None = None, elder: bool | None = None) -> None:
    """Change what a person says of himself. Raises CONSENT_REQUIRED, and NAME_ON_ROSTER where his unit's roster names him."""
    if name is not None and name != people.name_of(person):
        consents.require(session, person_id=person.id, purpose=Purpose.SERVICE)
        if bindings.of(session, person_id=person.id) is not None:
            raise Problem("NAME_ON_ROSTER")
        people.set_name(person, name)
    if elder is not None:
        person.elder = elder
    session.flush()
    events.add(session, person, action="describe", actor=actor, now=now)


def _account(session: Session, appid: str, openid: str) -> WechatAccount | None:
    found = select(WechatAccount).where(WechatAccount.appid == appid, WechatAccount.openid == openid)
    return session.execute(found).scalar_one_or_none()


def _first_account(session: Session, appid: str, openid: str, now: datetime) -> WechatAccount:
    person = people.create(session, created_via="wechat", now=now)
    made = WechatAccount(appid=appid, openid=openid, person_id=person.id, created_at=now, last_seen_at=now)
    session.add(made)
    session.flush()
    return made
