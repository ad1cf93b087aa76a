"""A form that is sent twice (a double click, a reload) is done once; the second gets the first one's answer.

The key is the form's own `once`; what was typed belongs to it: whoever goes back, changes something and sends the same form again is told,
and gets a form with a key of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import cast

from flask import Response, g, make_response, redirect, request
from sqlalchemy.orm import Session

from server.console import visitors
from server.db.base import reading
from server.domain.permissions import Actor
from server.domain.problems import Problem
from server.services import idempotency

FIELD = "once"
LONGEST = 64


def away(to: str) -> Response:
    """Go on to another page; htmx is told so in its own words."""
    if request.headers.get("HX-Request"):
        answer = make_response("", 204)
        answer.headers["HX-Redirect"] = to
        return answer
    return cast(Response, redirect(to, 303))


def answered(session: Session, actor: Actor, view: Callable[[], Response], now: datetime) -> Response:
    """The view's answer, or the one this form got before. Raises IDEMPOTENCY_KEY_REUSED where something else stands in it now."""
    key = _key()
    before = _before(session, actor, key) if key else None
    if before is not None:
        return before
    answer = view()
    to = answer.headers.get("Location") or answer.headers.get("HX-Redirect")
    if key and to:
        kept = idempotency.Answer(answer.status_code, to.encode())
        idempotency.remember(session, actor=_whose(actor), key=key, asked=_asked(), answer=kept, now=now)
    return answer


def claim(session: Session, actor: Actor, now: datetime) -> None:
    """For a view that writes and then shows a page instead of going to one: raises STALE where this form was sent before."""
    key = _key()
    if key and _before(session, actor, key) is None:
        idempotency.remember(session, actor=_whose(actor), key=key, asked=_asked(), answer=idempotency.Answer(200, b""), now=now)


def answered_meanwhile() -> Response | None:
    """Two clicks at the same moment: the slower one gets the quicker one's answer; None where the clash was another."""
    key = _key()
    if "actor" not in g or not key:
        return None
    with reading() as session:
        try:
            return _before(session, g.actor, key)
        except Problem:
            return None


def _before(session: Session, actor: Actor, key: str) -> Response | None:
    stored = idempotency.recall(session, actor=_whose(actor), key=key, asked=_asked())
    if stored is not None and not stored.body:
        raise Problem("STALE", fields={"rows": "这张表刚才已经提交过，请先到“全部诉求”看看收下了哪些"})
    return away(stored.body.decode()) if stored is not None else None


def _key() -> str:
    key = request.form.get(FIELD, "")
    return key if len(key) <= LONGEST and "\0" not in key else ""


def _whose(actor: Actor) -> str:
    return f"console:{actor.id}"


def _asked() -> str:
    """The address and what was typed, without the page's own tokens."""
    typed = sorted((name, value) for name, value in request.form.items(multi=True) if name not in (visitors.CSRF, FIELD))
    return idempotency.request_hash("POST", request.path, json.dumps(typed).encode())
