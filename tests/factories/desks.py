"""A browser that shows a code, and the phone that reads it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from server.services import desk_sign_ins
from server.services.desk_sign_ins import Wish

BROWSER = "the-cookie-of-a-desktop"


def a_wish_to_sign_in(session: Session, now: datetime, *, browser: str = BROWSER, network: str = "203.0.*.*") -> Wish:
    """The desktop shows its code."""
    return desk_sign_ins.ask(session, browser=browser, label="Windows · Edge", network=network, now=now)


def wrong(wish: Wish) -> int:
    """A number that the phone shows and the desktop does not."""
    return next(int(number) for number in wish.row.numbers if number != wish.row.number)
