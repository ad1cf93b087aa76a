"""The first words of a request, for lists in which one must know what it is about without opening each (docs/console.md).

Whoever may open a request may read them: its place's staff at any time, street and county once it has come up to them and its content was
checked (docs/rules.md §3.3). They are opened per page from columns that the list's own statement brings along.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import case, exists, false
from sqlalchemy.orm import with_expression

from server.db import vault
from server.db.models.media import Media
from server.db.models.requests import Request
from server.domain.media import MediaPurpose, MediaState
from server.domain.permissions import Actor, Permission, may_on_node
from server.domain.requests import CheckState, RequestLevel

LONGEST = 16
CONTENT = "request.content"
SPOKEN_ONLY, UNREADABLE = "语音", "文字打不开，请告诉管理员"
RISEN = (RequestLevel.STREET, RequestLevel.COUNTY)
_NOTES = (Media.subject_kind == "request", Media.subject_id == Request.id, Media.purpose == MediaPurpose.VOICE)
# Is there a voice note and not a word? Asked for only where there are no words.
SPOKEN = case((Request.content.is_(None), exists().where(*_NOTES, Media.state != MediaState.DELETED).correlate(Request)), else_=false())
WITH_SPOKEN = with_expression(Request.spoken, SPOKEN)  # option of a statement that brings whole requests


def shown(row: Any, actor: Actor, path: str) -> str:
    """What the actor is shown of it, '' where nothing: `row` has salt, content, public_id, spoken, level and check_state."""
    return opened(row.salt, row.public_id, row.content, spoken=bool(row.spoken)) if _readable(row, actor, path) else ""


def opened(salt: bytes | None, public_id: str, content: bytes | None, *, spoken: bool) -> str:
    """The first sixteen characters on one line; a row that does not open says so and hides no other row."""
    if content is None:
        return SPOKEN_ONLY if spoken else ""
    try:
        words = " ".join(vault.open_sealed(salt, CONTENT, public_id, content).split())
    except vault.SealBroken:
        return UNREADABLE
    return words if len(words) <= LONGEST else f"{words[:LONGEST]}…"


def _readable(row: Any, actor: Actor, path: str) -> bool:
    if may_on_node(actor, Permission.REQUESTS_READ, path):
        return True
    risen = row.level in RISEN and row.check_state is CheckState.PASSED
    return risen and may_on_node(actor, Permission.REQUESTS_ESCALATED, path)
