"""/healthz (the process lives) and /readyz (its parts answer), both public and without personal data."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from server import clock, defer
from server.db.base import reading
from server.db.models.platform import Outbox

OUTBOX_AGE_LIMIT_S = 900


def blueprint() -> Blueprint:
    """The two routes."""
    made = Blueprint("health", __name__)
    made.add_url_rule("/healthz", "alive", lambda: jsonify(ok=True))
    made.add_url_rule("/readyz", "ready", ready)
    return made


def ready() -> Response:
    """Database, Redis, queue depth and outbox age; 503 when the database does not answer.

    Redis down is `degraded`, not unready: nothing is lost without it.
    """
    parts: dict[str, Any] = {"database": _database(), "redis": _redis()}
    answer = jsonify(ok=parts["database"]["ok"], degraded=not all(part["ok"] for part in parts.values()), **parts)
    answer.status_code = 200 if parts["database"]["ok"] else 503
    return answer


def _database() -> dict[str, Any]:
    try:
        with reading() as session:
            oldest = session.execute(select(func.min(Outbox.not_before)).where(Outbox.done_at.is_(None))).scalar()
    except SQLAlchemyError:
        return {"ok": False}
    age = max(0, int((clock.now() - oldest).total_seconds())) if oldest else 0
    return {"ok": True, "outbox_age_s": age, "outbox_late": age > OUTBOX_AGE_LIMIT_S}


def _redis() -> dict[str, Any]:
    queues = defer.queued()
    return {"ok": False} if queues is None else {"ok": True, "queues": queues}
