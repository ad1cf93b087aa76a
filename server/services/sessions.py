"""Bearer tokens and what they stand for: one statement for a member, two for somebody with a role (mission row A3).

A session of staff ends after fifteen idle minutes and after eight hours whatever happens (docs/rules.md §6); a member's has thirty days.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import cast

from sqlalchemy import Table, bindparam, or_, select, update
from sqlalchemy.orm import Session

from server.db import vault
from server.db.base import new_public_id
from server.db.models.orgs import OrgNode
from server.db.models.people import LoginSession, Person, RoleGrant
from server.db.prebuilt import Prebuilt
from server.domain.days import local_day
from server.domain.people import PersonState
from server.domain.permissions import Actor, Grant
from server.domain.problems import Problem
from server.services import people

STAFF = "staff"  # the channel of sessions at a desk
IDLE = timedelta(minutes=15)
FRESH = timedelta(minutes=10)
MOST = 100  # sessions in a list; nobody has so many phones
NOTED = timedelta(minutes=1)  # how exactly last_seen_at is kept
_login, _person = cast(Table, LoginSession.__table__), cast(Table, Person.__table__)
FIND = Prebuilt(  # every request pays for it
    select(_login.c.id, _login.c.person_id, _login.c.channel, _login.c.last_seen_at, _person.c.has_grants)
    .join(_person, _person.c.id == _login.c.person_id)
    .where(
        _login.c.token_hash == bindparam("token_hash"),
        _login.c.revoked_at.is_(None),
        _login.c.expires_at > bindparam("now"),
        _person.c.state == PersonState.ACTIVE,
    )
)


def find(session: Session, *, token: str, now: datetime) -> Actor:
    """The actor behind a bearer token. Raises UNAUTHENTICATED for an unknown, expired or revoked one, or staff's idle one."""
    found = FIND.rows(session, {"token_hash": vault.token_hash(token), "now": now})
    if not found:
        raise Problem("UNAUTHENTICATED")
    row = found[0]
    at_desk = row.channel == STAFF
    if at_desk and now - row.last_seen_at >= IDLE:
        raise Problem("UNAUTHENTICATED")
    grants = grants_of(session, person_id=row.person_id, today=local_day(now)) if row.has_grants else ()
    return Actor(row.person_id, row.id, grants, row.channel, row.last_seen_at if at_desk else None)


def due(actor: Actor, now: datetime) -> bool:
    """Is it time to note that this member of staff is there? Never for a member's session."""
    return actor.seen_at is not None and now - actor.seen_at >= NOTED


def note(session: Session, actor: Actor, now: datetime) -> None:
    """He is there: the idle minutes begin anew."""
    session.execute(update(LoginSession).where(LoginSession.id == actor.session_id).values(last_seen_at=now))


def owner(session: Session, *, token: str) -> int | None:
    """Whose session this is or was; an ended one still tells who typed a form."""
    return session.execute(select(LoginSession.person_id).where(LoginSession.token_hash == vault.token_hash(token))).scalar()


def grants_of(session: Session, *, person_id: int, today: date) -> tuple[Grant, ...]:
    """The roles a person holds today."""
    rows = session.execute(
        select(RoleGrant.role, OrgNode.path, RoleGrant.unit_id)
        .outerjoin(OrgNode, OrgNode.id == RoleGrant.node_id)
        .where(
            RoleGrant.person_id == person_id,
            RoleGrant.valid_from <= today,
            or_(RoleGrant.valid_to.is_(None), RoleGrant.valid_to > today),
        )
    )
    return tuple(Grant(row.role, row.path, row.unit_id) for row in rows)


def start(session: Session, *, person_id: int, channel: str, now: datetime, lifetime: timedelta, browser: str = "") -> str:
    """Open a session. Returns the bearer token (256 random bits); only its hash is stored."""
    token = secrets.token_urlsafe(32)
    session.add(
        LoginSession(
            public_id=new_public_id(),
            token_hash=vault.token_hash(token),
            person_id=person_id,
            channel=channel,
            browser=browser,
            created_at=now,
            last_seen_at=now,
            expires_at=now + lifetime,
        )
    )
    session.flush()
    return token


def require_own_phone(actor: Actor) -> None:
    """Raise FORBIDDEN at a desk: who gives somebody a login sees its first password, so what is secret goes to the phone alone."""
    if actor.channel == STAFF:
        raise Problem("FORBIDDEN")


def is_himself(session: Session, actor: Actor) -> bool:
    """Is it surely he: on a phone, or at a desk with a WeChat account of his own? Else whoever gave him the password may sit there."""
    return actor.channel != STAFF or people.has_account(session, session.get_one(Person, actor.id))


def require_fresh(session: Session, actor: Actor, now: datetime) -> None:
    """Raise SIGN_IN_AGAIN unless he signed in within the last ten minutes: nobody sets a password at a desk that its owner left."""
    if not is_fresh(session, actor, now):
        raise Problem("SIGN_IN_AGAIN")


def is_fresh(session: Session, actor: Actor, now: datetime) -> bool:
    """Did this session begin within the last ten minutes?"""
    since = select(LoginSession.id).where(LoginSession.id == actor.session_id, LoginSession.created_at > now - FRESH)
    return session.execute(since).first() is not None


def revoke(session: Session, *, session_id: int, now: datetime) -> None:
    """End one session; ending it again changes nothing."""
    session.execute(update(LoginSession).where(LoginSession.id == session_id, LoginSession.revoked_at.is_(None)).values(revoked_at=now))


def revoke_all(session: Session, *, person_id: int, now: datetime, keep: int | None = None) -> None:
    """End all of a person's sessions, but the one to keep."""
    ended = update(LoginSession).where(LoginSession.person_id == person_id, LoginSession.revoked_at.is_(None))
    if keep is not None:
        ended = ended.where(LoginSession.id != keep)
    session.execute(ended.values(revoked_at=now))


def open_of(session: Session, *, person_id: int, now: datetime) -> Sequence[LoginSession]:
    """A person's sessions that a request would still be answered in, newest first."""
    mine = select(LoginSession).where(
        LoginSession.person_id == person_id,
        LoginSession.revoked_at.is_(None),
        LoginSession.expires_at > now,
        or_(LoginSession.channel != STAFF, LoginSession.last_seen_at > now - IDLE),
    )
    return session.execute(mine.order_by(LoginSession.id.desc()).limit(MOST)).scalars().all()


def end_own(session: Session, public_id: str, *, actor: Actor, now: datetime) -> None:
    """End one session of the actor's own. Raises NOT_FOUND for anybody else's."""
    found = session.execute(
        select(LoginSession.id).where(LoginSession.public_id == public_id, LoginSession.person_id == actor.id)
    ).scalar_one_or_none()
    if found is None:
        raise Problem("NOT_FOUND")
    revoke(session, session_id=found, now=now)
