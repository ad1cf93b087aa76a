"""Staff who work with a password's token stay signed in while they work (docs/rules.md §6); a member's session costs nothing."""

from __future__ import annotations

from datetime import datetime

from flask import Response, g

from server.db.base import transaction
from server.services import sessions


def noted(answer: Response, now: datetime) -> Response:
    """The answer; that its caller is there is written once a minute at most, and for staff only."""
    if "actor" in g and sessions.due(g.actor, now):
        with transaction() as session:
            sessions.note(session, g.actor, now)
    return answer
