"""One-time codes: console sign-in (kind 11) and 核销 (kind 12), spent by one guarded UPDATE (docs/protocol.md §1)."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Table, select, update
from sqlalchemy.orm import Session

from qr import tokens
from qr.tokens import Kind, Mode, Token
from server.db.inserts import insert_new
from server.db.models.codes import OneTimeCode
from server.domain.problems import Problem
from server.services import codes
from server.services.codes import CodeRefused


def issue(session: Session, *, kind: Kind, bound_to: str, subject_id: int | None, lifetime: timedelta, now: datetime) -> str:
    """A fresh one-time token, bound to a browser, shop or person; it dies after `lifetime` or with its first use."""
    table = cast(Table, OneTimeCode.__table__)
    for _ in range(codes.TRIES):
        obj, nonce = codes.new_handle(), secrets.randbits(32)
        row = {"obj": obj, "nonce": nonce, "kind": int(kind), "bound_to": bound_to, "subject_id": subject_id, "expires_at": now + lifetime}
        if session.execute(insert_new(session, table).values(**row).returning(OneTimeCode.id)).scalar() is not None:
            return tokens.mint(codes.ring(), mode=Mode.ONE_TIME, kind=kind, epoch=0, obj=obj, slot=nonce)
    raise RuntimeError("no free handle in so many draws: the random source is broken")


def spend(session: Session, *, token: Token, bound_to: str, person_id: int, key: str, now: datetime) -> OneTimeCode:
    """Use the code up. The same idempotency `key` again gives the same row.

    Raises CodeRefused: QR_UNKNOWN, QR_NOT_YOURS (bound to another), QR_USED, QR_EXPIRED.
    """
    mine = (OneTimeCode.obj == token.obj, OneTimeCode.nonce == token.slot, OneTimeCode.kind == int(token.kind))
    spent = (
        update(OneTimeCode)
        .where(*mine, OneTimeCode.used_at.is_(None), OneTimeCode.expires_at > now, OneTimeCode.bound_to == bound_to)
        .values(used_at=now, used_by=person_id, used_key=key)
        .execution_options(synchronize_session=False)
    )
    done = cast(Any, session.execute(spent)).rowcount == 1
    row = session.execute(select(OneTimeCode).where(*mine).execution_options(populate_existing=True)).scalar_one_or_none()
    if row is None:
        raise CodeRefused("QR_UNKNOWN", "object")
    if not done and (row.used_by, row.used_key) != (person_id, key):
        raise _refusal(row, bound_to)
    return row


def kill(session: Session, *, token: Token, now: datetime) -> None:
    """Let an unspent code die at once (a wrong number was picked)."""
    dead = update(OneTimeCode).where(OneTimeCode.obj == token.obj, OneTimeCode.nonce == token.slot, OneTimeCode.used_at.is_(None))
    session.execute(dead.values(expires_at=now).execution_options(synchronize_session=False))


def _refusal(row: OneTimeCode, bound_to: str) -> Problem:
    if row.bound_to != bound_to:
        return CodeRefused("QR_NOT_YOURS", "bound_to")
    if row.used_at is not None:
        return CodeRefused("QR_USED", "used")
    return CodeRefused("QR_EXPIRED", "expired")
