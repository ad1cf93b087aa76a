"""/screen/<token> and /hall/<token>: what a screen shows that nobody sits at; its address holds a token of its own that can be revoked.

Both pages look again by themselves: static/screens.js fetches the same piece of HTML (`…/now`) and puts it in place of the old one. The
codes come as pictures for ten minutes ahead, so that a screen without network goes on (docs/protocol.md §1); no key leaves the server.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, current_app, render_template, request
from itsdangerous import BadSignature, Signer

from qr import bitmaps
from server import clock
from server.console import look
from server.db.base import reading
from server.db.models.codes import HallLink
from server.domain.days import SHANGHAI
from server.domain.posters import when_and_where
from server.domain.problems import Kind, Problem
from server.services import halls, screens, task_calendars
from server.statuses import STATUS

PAGE = 3  # activities that are readable at once from five metres
FIRST_CATEGORIES = 3
WEEKDAYS = "一二三四五六日"


def blueprint() -> Blueprint:
    """Four addresses."""
    made = Blueprint("screens", __name__, template_folder="../templates")
    made.add_url_rule("/screen/<token>", "screen", lambda token: _answer("screen", token))
    made.add_url_rule("/screen/<token>/now", "screen_now", lambda token: _answer("screen", token, piece=True))
    made.add_url_rule("/hall/<token>", "hall", lambda token: _answer("hall", token))
    made.add_url_rule("/hall/<token>/now", "hall_now", lambda token: _answer("hall", token, piece=True))
    return made


def address_of(link: HallLink) -> str:
    """The hall's page behind a link: its public id and our signature."""
    return f"/hall/{_signer().sign(link.public_id).decode()}"


def _answer(kind: str, token: str, *, piece: bool = False) -> Response:
    try:
        shown = _screen(token) if kind == "screen" else _hall(token)
    except Problem as problem:
        status = 404 if problem.kind is Kind.UNAUTHENTICATED else STATUS[problem.kind]
        return _sealed(render_template("public/screens/ended.html", problem=problem, piece=piece), status)
    about = current_app.config["SETTINGS"].about
    template = f"public/screens/{kind}{'_now' if piece else ''}.html"
    theme = request.args.get("theme", "")
    return _sealed(render_template(template, about=about, theme=theme if theme in look.THEMES else "auto", here=request.path, **shown), 200)


def _screen(token: str) -> dict[str, Any]:
    """Raises SCREEN_ENDED."""
    now = clock.now()
    with reading() as session:
        shown = screens.slots(session, token=token, now=now)
    task = shown.task
    return {
        "now_ms": int(now.timestamp() * 1000),
        "step": shown.step,
        "title": task.title if task is not None else shown.code.label,
        "place": task.place if task is not None else "",
        "hours": when_and_where("", task.starts_at, task.ends_at).strip() if task is not None else "",
        "slots": _pictures(shown.slots),
        "present": shown.present,
        "came": shown.came,
    }


def _hall(token: str) -> dict[str, Any]:
    """Raises HALL_ENDED."""
    now = clock.now()
    try:
        public_id = _signer().unsign(token).decode()
    except (BadSignature, UnicodeError):
        raise Problem("HALL_ENDED") from None
    with reading() as session:
        hall = halls.shown(session, public_id, now=now)
    local = now.astimezone(SHANGHAI)
    activities = [
        {
            "task": one.task,
            "slots": _pictures(one.slots),
            "rotating": one.rotating,
            "came": one.came,
            "stands": task_calendars.stands(one.task),
        }
        for one in hall.activities
    ]
    listed = list(hall.week.categories.items())
    return {
        "now_ms": int(now.timestamp() * 1000),
        "step": hall.step,
        "hall": hall,
        "date": f"{local.month}月{local.day}日 星期{WEEKDAYS[local.weekday()]}",
        "hour": f"{local:%H:%M}",
        "pages": [activities[at : at + PAGE] for at in range(0, len(activities), PAGE)],
        "categories": listed[:FIRST_CATEGORIES],
        "further": sum(count for _, count in listed[FIRST_CATEGORIES:]),
    }


def _pictures(slots: Sequence[tuple[int, str]]) -> dict[str, str]:
    """The present picture, and all as JSON: [millisecond it begins, picture]."""
    base = current_app.config["SETTINGS"].web.public_base
    made = [(start * 1000, bitmaps.data_uri(bitmaps.link(base, token))) for start, token in slots]
    return {"first": made[0][1], "all": json.dumps(made)}


def _signer() -> Signer:
    return Signer(current_app.config["SECRET_KEY"], salt="hall")


def _sealed(page: str, status: int) -> Response:
    answer = look.answer(page, status)
    answer.headers["Referrer-Policy"] = "no-referrer"  # the address is the key
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer
