"""Content security of pictures: asking WeChat to look, and giving up waiting (mission row G2)."""

from __future__ import annotations

from datetime import datetime

from server import config, wechat
from server.db.base import reading, transaction
from server.db.models.media import Media
from server.domain.media import MediaState
from server.domain.requests import CheckState
from server.services import content_checks, picture_links
from server.services.content_checks import SCENE
from server.wechat.port import WechatError, WechatRetryLater


def check_picture(now: datetime, *, media_id: int) -> None:
    """Job media.check: ask outside any transaction, note the trace; where WeChat cannot look, a human does."""
    with reading() as session:
        media = session.get_one(Media, media_id)
        openid = content_checks.openid_of(session, media.owner_id)
    if media.check_state is not CheckState.CHECKING or media.check_trace is not None or media.state is not MediaState.READY:
        return
    trace = _asked(openid, picture_links.link(config.load().web.public_base, media, now=now))
    with transaction() as session:
        media = session.get_one(Media, media_id)
        if trace is None:
            content_checks.picture_judged(session, media, CheckState.REVIEW, now=now)
        else:
            content_checks.note_trace(session, media, trace, now=now)


def lapse(now: datetime) -> None:
    """Pictures WeChat said nothing about go to a human."""
    with transaction() as session:
        content_checks.lapse_due(session, now=now)


def _asked(openid: str | None, url: str) -> str | None:
    """WeChat's trace id; None where a human must look. Raises WechatRetryLater: the outbox tries again."""
    if openid is None:
        return None
    try:
        return wechat.current().submit_image_check(openid, SCENE, url)
    except WechatRetryLater:
        raise
    except WechatError:
        return None
