"""What WeChat pushed: verified and stored at once, worked on by a job; PushEvent in server/wechat/port.py lists what can come."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from server import defer
from server.db import statements
from server.db.models.people import WechatAccount
from server.db.models.platform import WechatPush
from server.domain.notices import Template
from server.services import notices
from server.wechat.port import PushEvent

BATCH = 100
PARKED = ("wxa_media_check",)  # verdicts on pictures wait for who asked for them


def receive(session: Session, event: PushEvent, *, now: datetime) -> None:
    """Keep a verified push, once however often WeChat sends it, and let the job look at it."""
    row = {"dedupe": event.dedupe_key, "event": event.event[:64], "payload": json.dumps(event.payload), "received_at": now}
    if statements.insert_new(session, WechatPush, row, key=("dedupe",)) is not None:
        defer.wake(session, "wechat.work")


def work(session: Session, *, templates: Mapping[str, Template], now: datetime) -> int:
    """Work on the oldest pushes that wait; `templates` says which of our templates a WeChat id is. Returns how many."""
    statements.one_at_a_time(session, "wechat_pushes")
    wanted = select(WechatPush).where(WechatPush.done_at.is_(None), WechatPush.event.not_in(PARKED))
    rows = session.execute(wanted.order_by(WechatPush.id).limit(BATCH)).scalars().all()
    for row in rows:
        if row.event in WORKS:
            WORKS[row.event](session, json.loads(row.payload), templates)
        row.done_at = now
    return len(rows)


def _refusals(session: Session, payload: dict[str, Any], templates: Mapping[str, Template]) -> None:
    """A no empties the count. A yes was counted when the phone told us (POST /me/subscriptions)."""
    found = select(WechatAccount.person_id).where(WechatAccount.openid == payload["openid"]).limit(1)
    person_id = session.execute(found).scalar()
    said = {
        templates[item["template_id"]]: False
        for item in payload["items"]
        if item["template_id"] in templates and item["status"] != "accept"
    }
    if person_id is not None and said:
        notices.answer(session, answers=said, person_id=person_id)


WORKS: Mapping[str, Callable[[Session, dict[str, Any], Mapping[str, Template]], None]] = {
    "subscribe_msg_change_event": _refusals,
    "subscribe_msg_popup_event": _refusals,
}
