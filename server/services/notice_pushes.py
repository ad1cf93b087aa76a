"""The courtesy message of a notice: at most one, in waking hours, while the person allows it (mission row G1; docs/rules.md R1).

A message cannot be called back and must not be sent twice, so a notice is claimed before WeChat is called: from then on it counts as
`unknown`, and stays so when the sender dies. What WeChat answered is written down afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from server.db.models.notices import Notice, Subscription
from server.db.models.people import WechatAccount
from server.domain.notices import TEMPLATES, PushState, Template, message, quiet_until
from server.wechat.port import WechatError, WechatRetryLater, WechatStopped, WechatUnknown

TRIES = 5
PAUSES_S = (60, 300, 1800, 3600)
STOPPED = timedelta(hours=1)  # WeChat refuses every call of this kind: an operator must act first
STALE = timedelta(hours=24)  # later than this it is no courtesy any more; the inbox has it


@dataclass(frozen=True)
class Letter:
    """A claimed message: whom it goes to, which template, which fields."""

    notice_id: int
    person_id: int
    openid: str = field(repr=False)
    template: Template
    fields: dict[str, str | int | datetime] = field(repr=False)


def due(session: Session, *, now: datetime, limit: int) -> Sequence[int]:
    """Ids of notices whose courtesy message may leave; none in quiet hours."""
    if quiet_until(now) > now:
        return []
    wanted = select(Notice.id).where(Notice.push_state == PushState.WAITING, Notice.push_after <= now)
    return session.execute(wanted.order_by(Notice.push_after, Notice.id).limit(limit)).scalars().all()


def claim(session: Session, notice_id: int, *, now: datetime) -> Letter | None:
    """Take one notice for sending and spend one of the person's messages; None where there is nothing to send (the row says why)."""
    if not _turn(session, notice_id, PushState.WAITING, PushState.UNKNOWN, pushed_at=now):
        return None  # somebody else has it
    notice = session.get_one(Notice, notice_id, populate_existing=True)
    template, fields, openid = TEMPLATES[notice.kind], message(notice.kind, notice.facts), _openid(session, notice.person_id)
    if fields is None or openid is None or notice.created_at < now - STALE or _muted(session, notice.person_id, template):
        _turn(session, notice_id, PushState.UNKNOWN, PushState.NONE, pushed_at=None)
        return None
    if not _spend(session, notice.person_id, template):
        _turn(session, notice_id, PushState.UNKNOWN, PushState.NO_QUOTA, pushed_at=None)
        return None
    return Letter(notice_id, notice.person_id, openid, template, fields)


def sent(session: Session, letter: Letter) -> None:
    """WeChat took the message."""
    _turn(session, letter.notice_id, PushState.UNKNOWN, PushState.SENT)


def refused(session: Session, letter: Letter, error: WechatError, *, now: datetime) -> None:
    """WeChat did not take it: try later, or never. An answer that was lost stays `unknown` and is never sent again."""
    if isinstance(error, WechatUnknown):
        _turn(session, letter.notice_id, PushState.UNKNOWN, PushState.UNKNOWN, push_error=error.code)
        return
    if error.code == "WECHAT_NOT_SUBSCRIBED":  # our count was wrong: WeChat's holds
        _subscription(session, letter, left=0)
        _turn(session, letter.notice_id, PushState.UNKNOWN, PushState.NO_QUOTA, push_error=error.code)
        return
    _subscription(session, letter, left=Subscription.left + 1)
    tries = session.get_one(Notice, letter.notice_id, populate_existing=True).push_tries + 1
    values: dict[str, Any] = {"push_error": error.code, "push_tries": tries, "pushed_at": None}
    if isinstance(error, WechatRetryLater | WechatStopped) and tries < TRIES:
        pause = STOPPED if isinstance(error, WechatStopped) else timedelta(seconds=PAUSES_S[tries - 1])
        _turn(session, letter.notice_id, PushState.UNKNOWN, PushState.WAITING, push_after=quiet_until(now + pause), **values)
    else:
        _turn(session, letter.notice_id, PushState.UNKNOWN, PushState.FAILED, **values)


def _turn(session: Session, notice_id: int, before: PushState, after: PushState, **values: Any) -> bool:
    """The guarded UPDATE; False where the notice was not in the state `before`."""
    guarded = update(Notice).where(Notice.id == notice_id, Notice.push_state == before).values(push_state=after, **values)
    done: Any = session.execute(guarded.execution_options(synchronize_session=False))
    return bool(done.rowcount == 1)


def _openid(session: Session, person_id: int) -> str | None:
    """The account the person used last."""
    accounts = select(WechatAccount.openid).where(WechatAccount.person_id == person_id)
    return session.execute(accounts.order_by(WechatAccount.last_seen_at.desc()).limit(1)).scalar()


def _muted(session: Session, person_id: int, template: Template) -> bool:
    said = select(Subscription.muted).where(Subscription.person_id == person_id, Subscription.kind == template)
    return bool(session.execute(said).scalar())


def _spend(session: Session, person_id: int, template: Template) -> bool:
    """Take one of the messages the person allows; False when none is left."""
    mine = (Subscription.person_id == person_id, Subscription.kind == template)
    taking = update(Subscription).where(*mine, Subscription.left > 0).values(left=Subscription.left - 1)
    done: Any = session.execute(taking.execution_options(synchronize_session=False))
    return bool(done.rowcount == 1)


def _subscription(session: Session, letter: Letter, **values: Any) -> None:
    mine = (Subscription.person_id == letter.person_id, Subscription.kind == letter.template)
    session.execute(update(Subscription).where(*mine).values(**values).execution_options(synchronize_session=False))
