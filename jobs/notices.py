"""Sending the courtesy messages that are due."""

from __future__ import annotations

from datetime import datetime

import structlog

from server import wechat
from server.db.base import reading, transaction
from server.services import notice_pushes
from server.services.notice_pushes import Letter
from server.wechat.port import WechatError, WechatStopped

log = structlog.get_logger()
BATCH = 100
PAGE = "pages/index/index"


def push(now: datetime) -> None:
    """Claim and send what is due, one by one; WeChat is called between two transactions, never inside one."""
    while True:
        with reading() as session:
            ids = notice_pushes.due(session, now=now, limit=BATCH)
        for notice_id in ids:
            if not _push_one(notice_id, now):
                return
        if len(ids) < BATCH:
            return


def _push_one(notice_id: int, now: datetime) -> bool:
    """False where WeChat refuses every call of this kind: the rest waits as well."""
    with transaction() as session:
        letter = notice_pushes.claim(session, notice_id, now=now)
    if letter is None:
        return True
    error = _send(letter)
    with transaction() as session:
        if error is None:
            notice_pushes.sent(session, letter)
        else:
            notice_pushes.refused(session, letter, error, now=now)
    return not isinstance(error, WechatStopped)


def _send(letter: Letter) -> WechatError | None:
    try:
        wechat.current().send_subscribe(letter.openid, letter.template.value, letter.fields, PAGE)
    except WechatError as error:
        log.warning("courtesy message not sent", notice=letter.notice_id, error=error.code)
        return error
    return None
