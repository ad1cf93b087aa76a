"""Signing in by scanning the code on the page with the mini-program: ask for a code, watch it, go in (docs/protocol.md §1)."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, render_template, request

from qr import bitmaps
from server import clock
from server.console import look, visitors
from server.console.views import seats
from server.db.base import reading, transaction
from server.domain.problems import Problem
from server.services import desk_sign_ins
from server.services.desk_sign_ins import Asked, Wish
from server.statuses import STATUS

MOST_TIMES = 5  # codes that an open page asks for by itself; then somebody has to be there


def ask() -> Response:
    """A fresh code for this browser; for a script the piece of the page, else the page."""
    browser, now = visitors.browser(), clock.now()
    try:
        visitors.check_csrf(browser)
        with transaction() as session:
            wish = desk_sign_ins.ask(session, browser=browser, label=seats.browser_label(), network=seats.network_label(), now=now)
    except Problem as problem:
        return _piece(None, problem=problem) if _by_script() else _page(None, problem)
    return _piece(wish) if _by_script() else _page(wish)


def see() -> Response:
    """What became of the code: 204 while nothing did."""
    browser = visitors.browser()
    with reading() as session:
        wish = desk_sign_ins.of_browser(session, browser=browser, now=clock.now()) if browser else None
    if wish is not None and request.args.get("shown") == shown(wish):
        return look.answer("", 204)
    return _piece(wish)


def enter() -> Response:
    """The phone agreed: this browser is signed in."""
    browser = visitors.browser()
    try:
        visitors.check_csrf(browser)
        with transaction() as session:
            token = desk_sign_ins.enter(session, browser=browser, label=seats.browser_label(), now=clock.now())
    except Problem as problem:
        with reading() as session:
            wish = desk_sign_ins.of_browser(session, browser=browser, now=clock.now())
        return _page(wish, problem)
    return seats.seated(token)


def shown(wish: Wish) -> str:
    """What a page that shows this need not be told again."""
    return f"{wish.row.id}.{wish.state}"


def _page(wish: Wish | None, problem: Problem | None = None) -> Response:
    status = STATUS[problem.kind] if problem is not None else 200
    values = {"draft": request.form.get("draft", ""), "to": visitors.back("/console"), "problem": problem}
    return look.sign_in(status=status, **values, **_values(wish, ask_again=False))


def _piece(wish: Wish | None, problem: Problem | None = None) -> Response:
    values = _values(wish, ask_again=problem is None) | {"refused": problem.message if problem is not None else ""}
    return look.answer(render_template("console/sign_in/scan.html", **look.shared(None), **values), 200)


def _values(wish: Wish | None, *, ask_again: bool) -> dict[str, Any]:
    """The code while it lives; then an open page asks for another by itself, some times, and after that there is a button."""
    said = request.args.get("times", "0")
    times = int(said) if said.isascii() and said.isdecimal() and len(said) < 3 else MOST_TIMES
    over = wish is None or wish.state is Asked.EXPIRED
    values: dict[str, Any] = {"wish": wish, "times": times + 1 if over else times, "again": ask_again and over and times < MOST_TIMES}
    if wish is not None and wish.state in (Asked.WAITING, Asked.READ):
        link = bitmaps.link(current_app.config["SETTINGS"].web.public_base, wish.token)
        values |= {"picture": bitmaps.data_uri(link), "shown": shown(wish)}
    return values


def _by_script() -> bool:
    return bool(request.headers.get("HX-Request"))
