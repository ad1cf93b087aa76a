"""Bearer tokens and what they stand for: one statement for a member, two for somebody with a role (mission row A3)."""

from __future__ import annotations

import secrets
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

_login, _person = cast(Table, LoginSession.__table__), cast(Table, Person.__table__)
FIND = Prebuilt(  # every request pays for it
    select(_login.c.id, _login.c.person_id, _login.c.channel, _person.c.has_grants)
    .join(_person, _person.c.id == _login.c.person_id)
    .where(
        _login.c.token_hash == bindparam("token_hash"),
        _login.c.revoked_at.is_(None),
        _login.c.expires_at > bindparam("now"),
        _person.c.state == PersonState.ACTIVE,
    )
)


def find(session: Session, *, token: str, now: datetime) -> Actor:
    """The actor behind a bearer token. Raises UNAUTHENTICATED for an unknown, expired or revoked one."""
    found = FIND.rows(session, {"token_hash": vault.token_hash(token), "now": now})
    if not found:
        raise Problem("UNAUTHENTICATED")
    row = found[0]
    grants = grants_of(session, person_id=row.person_id, today=local_day(now)) if row.has_grants else ()
    return Actor(row.person_id, row.id, grants, row.channel)


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


def start(session: Session, *, person_id: int, channel: str, now: datetime, lifetime: timedelta) -> str:
    """Open a session. Returns the bearer token (256 random bits); only its hash is stored."""
    token = secrets.token_urlsafe(32)
    session.add(
        LoginSession(
            public_id=new_public_id(),
            token_hash=vault.token_hash(token),
            person_id=person_id,
            channel=channel,
            created_at=now,
            expires_at=now + lifetime,
        )
    )
    session.flush()
    return token


def revoke(session: Session, *, session_id: int, now: datetime) -> None:
    """End one session; ending it again changes nothing."""
    session.execute(update(LoginSession).where(LoginSession.id == session_id, LoginSession.revoked_at.is_(None)).values(revoked_at=now))


def revoke_all(session: Session, *, person_id: int, now: datetime, keep: int | None = None) -> None:
    """End all of a person's sessions, but the one to keep."""
    ended = update(LoginSession).where(LoginSession.person_id == person_id, LoginSession.revoked_at.is_(None))
    if keep is not None:
        ended = ended.where(LoginSession.id != keep)
    session.execute(ended.values(revoked_at=now))
