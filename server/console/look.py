"""What every page shares: the frame with its navigation, the look a person chose, headers, and the sign-in page."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import structlog
from flask import Response, current_app, g, make_response, render_template, request
from markupsafe import Markup
from sqlalchemy.orm import Session

from server import VERSION, clock
from server.console import navigation, visitors
from server.db.base import reading
from server.domain.days import SHANGHAI
from server.domain.permissions import Actor
from server.domain.problems import Kind, Problem
from server.services import duties

log = structlog.get_logger()
STATIC = Path(__file__).parent / "static"
LOOK = "gj_look"
THEMES = {"auto": "跟随系统", "light": "浅色", "dark": "深色"}
PRINTS = {"normal": "标准字号", "large": "大字号"}
SIGNS = {"good": "✓", "wait": "◷", "bad": "✕"}
BADGE = Markup('<span class="badge {}"><span aria-hidden="true">{}</span> {}</span>')
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def page(template: str, *, session: Session | None, actor: Actor, now: datetime, problem: Problem | None = None, **values: Any) -> str:
    """A page inside the frame. One statement for the frame itself: the name, and how much waits."""
    name = ""
    if session is not None:
        name, values["duty_counts"] = duties.at_desk(session, actor=actor, now=now)
    frame = {
        "me": name,
        "menu": navigation.for_actor(actor, request.path, values.get("duty_counts", {})),
        "csrf": visitors.csrf(visitors.token()),
        "problem": problem,
    }
    return render_template(template, **frame, **shared(now), **values)


def fragment(template: str, *, now: datetime, **values: Any) -> str:
    """A piece of a page."""
    return render_template(template, csrf=visitors.csrf(visitors.token()), **shared(now), **values)


def refusal(problem: Problem) -> str:
    """The page that says why there is nothing to see, and what to do next; with the menu for who is known to sit there.

    It never fails: where the fault may lie in the database nothing is read, and where the menu cannot be drawn the page comes without it.
    """
    lost = problem.code == "NOT_FOUND" and request.method in ("GET", "HEAD")  # an address, typed or old: there is no page to go back to
    values = {"problem": None if lost else problem, "kind": problem.kind.value, "lost": lost}
    if "actor" in g:
        try:
            return _refusal_in_frame(problem, values)
        except Exception as error:
            log.error("refusal", exc_info=error)
    return render_template("console/refusal.html", **values, **shared(None))


def _refusal_in_frame(problem: Problem, values: dict[str, Any]) -> str:
    now = clock.now()
    if problem.kind in (Kind.FAULT, Kind.UNAVAILABLE):
        return page("console/refusal.html", session=None, actor=g.actor, now=now, **values)
    with reading() as session:
        return page("console/refusal.html", session=session, actor=g.actor, now=now, **values)


def sign_in(*, status: int = 200, **values: Any) -> Response:
    """The sign-in page."""
    return entrance("console/sign_in.html", status=status, **{"wish": None, "times": 0, "again": True, **values})


def entrance(template: str, *, status: int = 200, **values: Any) -> Response:
    """A page before anybody is signed in; a browser without a name gets one, for forms and codes are bound to it.

    Each carries where to go afterwards (`to`) and the sealed form that was posted in vain (`draft`).
    """
    browser = visitors.browser() or visitors.new_browser()
    given = {"draft": "", "to": "/console", "problem": None, **values}
    made = answer(render_template(template, csrf=visitors.csrf(browser), **shared(None), **given), status)
    visitors.keep(made, visitors.BROWSER, browser)
    return made


def sign_in_address(to: str) -> str:
    """Where to sign in so that one comes back to this page."""
    return f"/console/sign-in?back={quote(to)}"


def answer(shown: str, status: int) -> Response:
    """HTML that only our own scripts and sheets touch, and that no cache keeps."""
    made = make_response(shown, status)
    made.headers["Content-Security-Policy"] = POLICY
    made.headers["Cache-Control"] = "private, no-store"
    made.headers["Referrer-Policy"] = "same-origin"
    return made


def asset(name: str) -> str:
    """The address of one of our files, which changes with its content."""
    return f"/console/static/{name}?v={_digest(name)}"


def when(at: datetime | None, form: str = "%m月%d日 %H:%M") -> str:
    """A moment as people here read it: 3月5日, not 03月05日."""
    if at is None:
        return ""
    local = at.astimezone(SHANGHAI)
    return local.strftime(form.replace("%m月%d日", f"{local.month}月{local.day}日"))


def until(at: datetime | None) -> str:
    """The end of a limit: midnight is the end of the day before."""
    if at is None:
        return ""
    whole = at.astimezone(SHANGHAI).time() == time()
    return when(at - timedelta(seconds=1), "%m月%d日 24:00") if whole else when(at)


def between(start: datetime, end: datetime) -> str:
    """From one moment to another, the day only once where both are on it."""
    same = start.astimezone(SHANGHAI).date() == end.astimezone(SHANGHAI).date()
    return f"{when(start)} 至 {when(end, '%H:%M') if same else when(end)}"


@lru_cache(maxsize=1024, typed=True)  # a list has a hundred, of a dozen kinds; HTML and text that look alike are kept apart
def badge(words: str, tone: str = "plain") -> Markup:
    """A state as a word with a sign, never by colour alone; tone: plain, good, wait or bad."""
    return BADGE.format(tone, SIGNS.get(tone, "•"), words)


@cache
def _digest(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def shared(now: datetime | None) -> Mapping[str, Any]:
    """What every template may use."""
    theme, _, print_size = request.cookies.get(LOOK, "").partition(".")
    return {
        "now": now,
        "once": secrets.token_urlsafe(12),
        "theme": theme if theme in THEMES else "auto",
        "print_size": print_size if print_size in PRINTS else "normal",
        "themes": THEMES,
        "prints": PRINTS,
        "here": request.full_path.rstrip("?"),
        "about": current_app.config["SETTINGS"].about,
        "version": VERSION,
    }
