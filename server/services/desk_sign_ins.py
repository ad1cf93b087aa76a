"""Signing a browser in by a phone: a one-time code on the page, read by a member of staff, who picks the number he sees there.

The code is bound to the browser that asked, by the cookie it had before anybody signed in (docs/protocol.md §1): only that browser is
signed in, so a code sent to somebody else's screen opens nothing but the sender's own page, and that only if the number is picked right
out of three. A number is picked once, right or wrong. What this does not stop: an accomplice who tells the number while it is asked for.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from qr import tokens
from qr.tokens import Kind, Mode
from server.db import vault
from server.db.models.codes import DeskSignIn, OneTimeCode
from server.domain.permissions import Actor
from server.domain.problems import Problem
from server.services import codes, events, one_time_codes, sessions, staff
from server.services.codes import CodeRefused

LIFETIME = timedelta(seconds=120)
MOST_LIVE = 100  # codes at once from one network: a building full of offices needs fewer
KEPT = timedelta(days=30)
CHOICES = 3
NOT_ME = 0
PHONE = "app"  # the channel of sessions on a phone
LOWEST, NUMBERS = 10, 90


class Asked(StrEnum):
    """Where a browser's wish stands."""

    WAITING = "waiting"
    READ = "read"  # a phone shows the three numbers
    AGREED = "agreed"
    REFUSED = "refused"  # a wrong number, or 不是我
    USED = "used"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Wish:
    """A browser's last code and what became of it."""

    row: DeskSignIn
    code: OneTimeCode
    state: Asked

    @property
    def token(self) -> str:
        """The 32 characters inside the QR code."""
        return tokens.mint(codes.ring(), mode=Mode.ONE_TIME, kind=Kind.CONSOLE_LOGIN, epoch=0, obj=self.code.obj, slot=self.code.nonce)


def ask(session: Session, *, browser: str, label: str, network: str, now: datetime) -> Wish:
    """A fresh code for this browser, `browser` being its cookie; its earlier ones die. Raises TOO_MANY_REQUESTS."""
    if _live(session, network, now) >= MOST_LIVE:
        raise Problem("TOO_MANY_REQUESTS")
    bound = vault.token_hash(browser)
    mine = update(OneTimeCode).where(OneTimeCode.bound_to == bound, OneTimeCode.used_at.is_(None), OneTimeCode.expires_at > now)
    session.execute(mine.values(expires_at=now).execution_options(synchronize_session=False))
    text = one_time_codes.issue(session, kind=Kind.CONSOLE_LOGIN, bound_to=bound, subject_id=None, lifetime=LIFETIME, now=now)
    token, numbers = codes.read(text), _numbers()
    code = session.execute(select(OneTimeCode).where(OneTimeCode.obj == token.obj, OneTimeCode.nonce == token.slot)).scalar_one()
    shown = secrets.choice(numbers)
    row = DeskSignIn(code_id=code.id, number=shown, numbers=numbers, browser=label, network=network, asked_at=now)
    session.add(row)
    session.flush()
    return Wish(row, code, Asked.WAITING)


def of_browser(session: Session, *, browser: str, now: datetime) -> Wish | None:
    """What the browser asked for last; None where it never did."""
    last = select(DeskSignIn, OneTimeCode).join(OneTimeCode, OneTimeCode.id == DeskSignIn.code_id)
    mine = last.where(OneTimeCode.bound_to == vault.token_hash(browser)).order_by(OneTimeCode.id.desc()).limit(1)
    found = session.execute(mine.execution_options(populate_existing=True)).first()
    return Wish(found[0], found[1], state_of(found[0], found[1], now)) if found is not None else None


def state_of(row: DeskSignIn, code: OneTimeCode, now: datetime) -> Asked:
    """Where it stands at this moment."""
    if code.used_at is not None:
        return Asked.USED
    if row.picked is not None and row.picked != row.number:
        return Asked.REFUSED
    if code.expires_at <= now:
        return Asked.EXPIRED
    if row.picked == row.number:
        return Asked.AGREED
    return Asked.WAITING if row.read_by is None else Asked.READ


def read(session: Session, text: str, *, actor: Actor, now: datetime) -> Wish:
    """A phone scans the code: which browser asks, from where, since when. It is his from now on.

    Raises FORBIDDEN (not staff, or not on a phone), CodeRefused: QR_… of an unreadable code, QR_WRONG_KIND, QR_UNKNOWN, QR_NOT_YOURS
    (somebody else was first), QR_USED, QR_EXPIRED.
    """
    wish = _found(session, text, actor, now)
    first = update(DeskSignIn).where(DeskSignIn.id == wish.row.id, DeskSignIn.read_by.is_(None)).values(read_by=actor.id)
    session.execute(first.execution_options(synchronize_session=False))
    session.refresh(wish.row)
    _require_reader(wish, actor)
    if wish.state not in (Asked.WAITING, Asked.READ, Asked.AGREED):
        raise _dead(wish)
    return wish


def pick(session: Session, text: str, number: int, *, actor: Actor, now: datetime) -> str | None:
    """He picks a number, once. Returns the refusal's code (SIGN_IN_NUMBER) or None; never raises for it, so that the code stays dead.

    The same pick again has the same answer. Raises as `read` does, STALE where he picked another one before.
    """
    wish = _found(session, text, actor, now)
    _require_reader(wish, actor)
    if wish.row.picked is None:
        if wish.state is not Asked.READ:
            raise _dead(wish)
        _pick(session, wish, number, actor, now)
    if wish.row.picked != number:
        raise Problem("STALE")
    return None if number in (wish.row.number, NOT_ME) else "SIGN_IN_NUMBER"


def enter(session: Session, *, browser: str, label: str, now: datetime) -> str:
    """The browser whose code was agreed to is signed in: the code is spent, the bearer token returned.

    Raises SIGN_IN_WAITING (nobody agreed yet), SIGN_IN_REFUSED, CodeRefused: QR_USED, QR_EXPIRED.
    """
    wish = of_browser(session, browser=browser, now=now)
    if wish is None:
        raise Problem("QR_EXPIRED")
    if wish.state in (Asked.WAITING, Asked.READ):
        raise Problem("SIGN_IN_WAITING")
    if wish.state is Asked.REFUSED:
        raise Problem("SIGN_IN_REFUSED")
    person_id = cast(int, wish.row.read_by)
    token, bound = codes.read(wish.token), vault.token_hash(browser)
    one_time_codes.spend(session, token=token, bound_to=bound, person_id=person_id, key=secrets.token_hex(8), now=now)
    events.add(session, wish.row, action="sign_in", actor=Actor(person_id), now=now, after="scan")
    return sessions.start(session, person_id=person_id, channel=sessions.STAFF, now=now, lifetime=staff.LIFETIME, browser=label)


def prune(session: Session, *, now: datetime) -> None:
    """Forget what was asked more than thirty days ago."""
    old = select(DeskSignIn.code_id).where(DeskSignIn.asked_at < now - KEPT)
    dead = session.execute(old).scalars().all()
    session.execute(delete(DeskSignIn).where(DeskSignIn.code_id.in_(dead)))
    session.execute(delete(OneTimeCode).where(OneTimeCode.id.in_(dead)))


def _found(session: Session, text: str, actor: Actor, now: datetime) -> Wish:
    token = codes.read(text)
    if token.kind is not Kind.CONSOLE_LOGIN:
        raise CodeRefused("QR_WRONG_KIND", "kind")
    if actor.channel != PHONE or not actor.grants:
        raise Problem("FORBIDDEN")
    both = select(DeskSignIn, OneTimeCode).join(OneTimeCode, OneTimeCode.id == DeskSignIn.code_id)
    mine = both.where(OneTimeCode.obj == token.obj, OneTimeCode.nonce == token.slot)
    found = session.execute(mine.execution_options(populate_existing=True)).first()
    if found is None:
        raise CodeRefused("QR_UNKNOWN", "object")
    return Wish(found[0], found[1], state_of(found[0], found[1], now))


def _require_reader(wish: Wish, actor: Actor) -> None:
    if wish.row.read_by not in (None, actor.id):
        raise CodeRefused("QR_NOT_YOURS", "read_by")


def _dead(wish: Wish) -> Problem:
    if wish.state in (Asked.WAITING, Asked.EXPIRED):  # a number for a code that was never read is no answer to it
        return CodeRefused("QR_EXPIRED", "expired")
    return CodeRefused("QR_USED", "used")


def _pick(session: Session, wish: Wish, number: int, actor: Actor, now: datetime) -> None:
    """The first pick stands; a wrong one kills the code with it."""
    chosen = update(DeskSignIn).where(DeskSignIn.id == wish.row.id, DeskSignIn.picked.is_(None)).values(picked=number, picked_at=now)
    done = cast(Any, session.execute(chosen.execution_options(synchronize_session=False))).rowcount == 1
    session.refresh(wish.row)
    if done and number != wish.row.number:
        one_time_codes.kill(session, token=codes.read(wish.token), now=now)
    if done:
        after = "agreed" if number == wish.row.number else "refused"
        events.add(session, wish.row, action="answer", actor=actor, now=now, after=after)


def _live(session: Session, network: str, now: datetime) -> int:
    since = now - LIFETIME
    return session.execute(select(func.count()).where(DeskSignIn.asked_at > since, DeskSignIn.network == network)).scalar_one()


def _numbers() -> list[int]:
    """Three different numbers of two digits, in order; which of them is shown is drawn apart."""
    drawn: set[int] = set()
    while len(drawn) < CHOICES:
        drawn.add(LOWEST + secrets.randbelow(NUMBERS))
    return sorted(drawn)
