"""A link to one picture that works for an hour without a login: WeChat fetches from it what it is asked to look at (mission row G2)."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db import vault
from server.db.models.media import Media
from server.domain.media import MediaState
from server.domain.problems import Problem

LASTS = timedelta(hours=1)


def link(base: str, media: Media, *, now: datetime) -> str:
    """The address, under the deployment's public base."""
    until = int((now + LASTS).timestamp())
    return f"{base.rstrip('/')}/api/v1/picture-links/{media.public_id}/{until}/{_signature(media.public_id, until)}"


def opened(session: Session, *, public_id: str, until: str, signature: str, now: datetime) -> Media:
    """The picture of a link. Raises NOT_FOUND for one that is forged or over."""
    if not until.isascii() or not until.isdigit() or int(until) < now.timestamp():
        raise Problem("NOT_FOUND")
    if not hmac.compare_digest(signature.encode(), _signature(public_id, int(until)).encode()):
        raise Problem("NOT_FOUND")
    found = select(Media).where(Media.public_id == public_id, Media.state == MediaState.READY)
    media = session.execute(found).scalar_one_or_none()
    if media is None:
        raise Problem("NOT_FOUND")
    return media


def _signature(public_id: str, until: int) -> str:
    return vault.lookup_hash("picture_link", f"{public_id}:{until}")
