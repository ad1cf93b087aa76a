"""Routes of a development or demonstration instance only: the clock port over HTTP. Production does not register them."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from server import clock
from server.domain.problems import Problem

LIMIT_S = 5 * 366 * 24 * 3600


def blueprint() -> Blueprint:
    """GET tells the present; POST {"advance": s} or {"set_offset": s} moves it for web, worker and scheduler alike."""
    made = Blueprint("dev", __name__)
    made.add_url_rule("/__dev__/clock", "clock", read_clock, methods=["GET"])
    made.add_url_rule("/__dev__/clock", "move_clock", move_clock, methods=["POST"])
    return made


def read_clock() -> Response:
    """The present and the offset in seconds."""
    return jsonify(now=clock.now().isoformat(), offset=int(clock.offset().total_seconds()))


def move_clock() -> Response:
    """Move the present of the whole instance."""
    asked = request.get_json(silent=True)
    way, seconds = next(iter(asked.items()), ("", None)) if isinstance(asked, dict) else ("", None)
    if way not in ("advance", "set_offset") or type(seconds) is not int or abs(seconds) > LIMIT_S:
        raise Problem("INVALID", fields={"advance": "请填整数秒"})
    start = int(clock.offset().total_seconds()) if way == "advance" else 0
    clock.set_offset(start + seconds)
    return read_clock()
