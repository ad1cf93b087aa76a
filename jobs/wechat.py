"""Working on what WeChat pushed."""

from __future__ import annotations

from datetime import datetime

from server import config
from server.db.base import transaction
from server.domain.notices import Template
from server.services import wechat_pushes


def work(now: datetime) -> None:
    """Work on all pushes that wait, a transaction a batch."""
    ids = config.load().wechat.templates
    templates = {ids[template.value]: template for template in Template if ids.get(template.value)}
    while True:
        with transaction() as session:
            done = wechat_pushes.work(session, templates=templates, now=now)
        if done < wechat_pushes.BATCH:
            return
