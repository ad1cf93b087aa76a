"""What WeChat pushed: verified and stored at once, worked on by a job; PushEvent in server/wechat/port.py lists what can come."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from server import defer
from server.db import statements
from server.db.models.media import Media
from server.db.models.people import WechatAccount
from server.db.models.platform import WechatPush
from server.domain.notices import Template
from server.services import content_checks, notices
from server.wechat.port import PushEvent

BATCH = 100
VERDICT = "wxa_media_check"
PARKED = timedelta(hours=1)  # a verdict that comes before we noted its trace waits so long; then it is nobody's
MOST_PARKED = 1000


def receive(session: Session, event: PushEvent, *, now: datetime) -> None:
    """Keep a verified push, once however often WeChat sends it, and let the job look at it."""
    row = {"dedupe": event.dedupe_key, "event": event.event[:64], "payload": json.dumps(event.payload), "received_at": now}
    if statements.insert_new(session, WechatPush, row, key=("dedupe",)) is not None:
        defer.wake(session, "wechat.work")


def work(session: Session, *, templates: Mapping[str, Template], now: datetime) -> int:
    """Work on the oldest pushes that wait; `templates` says which of our templates a WeChat id is. Returns how many."""
    statements.one_at_a_time(session, "wechat_pushes")
    _verdicts(session, now)
    wanted = select(WechatPush).where(WechatPush.done_at.is_(None), WechatPush.event != VERDICT)
    rows = session.execute(wanted.order_by(WechatPush.id).limit(BATCH)).scalars().all()
    for row in rows:
        if row.event in WORKS:
            WORKS[row.event](session, json.loads(row.payload), templates)
        row.done_at = now
    return len(rows)


def _verdicts(session: Session, now: datetime) -> None:
    """What WeChat says of pictures, matched by trace alone; one whose picture is not known yet stays parked."""
    wanted = select(WechatPush).where(WechatPush.done_at.is_(None), WechatPush.event == VERDICT)
    said = {row: json.loads(row.payload) for row in session.execute(wanted.order_by(WechatPush.id).limit(MOST_PARKED)).scalars()}
    traces = [payload["trace_id"] for payload in said.values()]
    known = {media.check_trace: media for media in session.execute(select(Media).where(Media.check_trace.in_(traces))).scalars()}
    for row, payload in said.items():
        media = known.get(payload["trace_id"])
        if media is not None:
            content_checks.picture_judged(session, media, content_checks.verdict_of(payload["suggest"]), now=now)
        if media is not None or row.received_at <= now - PARKED:
            row.done_at = now


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
