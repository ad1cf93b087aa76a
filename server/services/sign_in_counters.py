"""Wrong passwords and codes in a row: five lock for fifteen minutes (docs/rules.md §6, docs/decisions/0012-sign-in-of-staff.md).

They are counted by the name that was typed, whether such a login exists or not, so that the answers tell nobody which ones do. A browser
where a login signed in before has a counter of its own for it: what strangers try elsewhere does not lock her out there.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Table, delete, or_, select, update
from sqlalchemy.orm import Session

from server.db import vault
from server.db.inserts import insert_new
from server.db.models.people import SignInCounter, StaffLogin

FAILURES = 5
LOCKED = timedelta(minutes=15)
FORGOTTEN = timedelta(hours=1)  # failures further apart do not add up; it keeps the table small, whatever strangers type
KNOWN = timedelta(days=180)  # so long after the last sign-in there a browser is known


def hold(session: Session, *, login: str, device: str, now: datetime) -> SignInCounter:
    """The counter of this attempt, locked until the transaction ends. `device`: what the browser's cookie says, '' where it has none."""
    known = _held(session, _of_device(login, device)) if device else None
    if known is not None and known.last_at > now - KNOWN:
        return known
    row = None
    while row is None:  # again only where the row was pruned between the two statements
        _insert(session, _of_name(login), now)
        row = _held(session, _of_name(login))
    return row


def is_locked(row: SignInCounter, now: datetime) -> bool:
    """Is nobody let in by it at this moment?"""
    return row.locked_until is not None and row.locked_until > now


def fail(session: Session, row: SignInCounter, now: datetime) -> bool:
    """One more. True where that was the fifth."""
    failures = 1 + (row.failures if row.last_at > now - FORGOTTEN else 0)
    full = failures >= FAILURES
    _set(session, row, failures=0 if full else failures, locked_until=now + LOCKED if full else None, last_at=now)
    return full


def forget(session: Session, row: SignInCounter, now: datetime) -> None:
    """It was he after all."""
    _set(session, row, failures=0, locked_until=None, last_at=now)


def know(session: Session, found: StaffLogin, device: str, now: datetime) -> None:
    """This login signed in at this browser."""
    key = _of_device(found.login, device)
    _insert(session, key, now, login_id=found.id)
    session.execute(update(SignInCounter).where(SignInCounter.key == key).values(last_at=now).execution_options(synchronize_session=False))


def drop(session: Session, found: StaffLogin) -> None:
    """Begin anew: no lock, no failures, no browser known."""
    mine = or_(SignInCounter.login_id == found.id, SignInCounter.key == _of_name(found.login))
    session.execute(delete(SignInCounter).where(mine).execution_options(synchronize_session=False))


def locked(session: Session, found: StaffLogin, now: datetime) -> bool:
    """Is this login locked for browsers that it never signed in at?"""
    until = select(SignInCounter.id).where(SignInCounter.key == _of_name(found.login), SignInCounter.locked_until > now)
    return session.execute(until).first() is not None


def prune(session: Session, *, now: datetime) -> None:
    """Forget names an hour after their last failure, browsers half a year after their last sign-in."""
    names = (SignInCounter.login_id.is_(None)) & (SignInCounter.last_at <= now - FORGOTTEN)
    session.execute(delete(SignInCounter).where(or_(names, SignInCounter.last_at <= now - KNOWN)))


def _held(session: Session, key: str) -> SignInCounter | None:
    mine = select(SignInCounter).where(SignInCounter.key == key).with_for_update()
    return session.execute(mine.execution_options(populate_existing=True)).scalar_one_or_none()


def _insert(session: Session, key: str, now: datetime, login_id: int | None = None) -> None:
    row = {"key": key, "login_id": login_id, "failures": 0, "last_at": now}
    session.execute(insert_new(session, cast(Table, SignInCounter.__table__)).values(**row))


def _set(session: Session, row: SignInCounter, *, failures: int, locked_until: datetime | None, last_at: datetime) -> None:
    changes = update(SignInCounter).where(SignInCounter.id == row.id)
    changes = changes.values(failures=failures, locked_until=locked_until, last_at=last_at)
    session.execute(changes.execution_options(synchronize_session="evaluate"))


def _of_name(login: str) -> str:
    return vault.lookup_hash("login", login)


def _of_device(login: str, device: str) -> str:
    return vault.lookup_hash("device", f"{login}/{device}")
