"""Signing in and out of the console, and the look a person chooses. These are the only addresses of the console without a permission."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template, request

from server import clock
from server.console import look, visitors
from server.console.desk import STATUS, away, signed_in
from server.db.base import reading, transaction
from server.domain.problems import Problem
from server.services import sessions, staff

SECONDS = int(staff.LIFETIME.total_seconds())


def mount(blueprint: Blueprint) -> None:
    """The four addresses."""
    blueprint.add_url_rule("/sign-in", "sign_in", show, methods=["GET"])
    blueprint.add_url_rule("/sign-in", "enter", enter, methods=["POST"])
    blueprint.add_url_rule("/sign-out", "sign_out", sign_out, methods=["POST"])
    blueprint.add_url_rule("/look", "choose_look", choose_look, methods=["POST"])


def show() -> Response:
    """The page."""
    return look.sign_in(to=visitors.back("/console"))


def enter() -> Response:
    """By name and password."""
    draft, to = request.form.get("draft", ""), visitors.back("/console")
    try:
        visitors.check_csrf(visitors.browser())
        token = _token()
    except Problem as problem:
        return look.sign_in(draft=draft, to=to, problem=problem, status=STATUS[problem.kind], login=request.form.get("login", "")[:64])
    return seated(token, draft, to)


def seated(token: str, draft: str, to: str) -> Response:
    """Somebody has signed in: on to the page he wanted, or first to what he had typed."""
    with reading() as session:
        person_id = sessions.owner(session, token=token)
    kept = visitors.open_draft(draft, person_id) if draft and person_id is not None else None
    if kept is None:
        answer = away(to)
    else:
        shown = render_template("console/kept.html", draft=kept, csrf=visitors.csrf(token), **look.shared(clock.now()))
        answer = look.answer(shown, 200)
    visitors.keep(answer, visitors.COOKIE, token, seconds=SECONDS)
    return answer


def sign_out() -> Response:
    """End this session; signing out twice is no mistake."""
    now, token = clock.now(), visitors.token()
    try:
        visitors.check_csrf(token)
        with transaction() as session:
            actor = signed_in(session, token, now)
            if actor.session_id is not None:
                sessions.revoke(session, session_id=actor.session_id, now=now)
    except Problem as problem:
        if problem.code == "FORM_EXPIRED":
            return away("/console")
    answer = away("/console/sign-in")
    visitors.drop(answer, visitors.COOKIE)
    return answer


def choose_look() -> Response:
    """Light or dark, normal or large print; kept in the browser, asked of nobody."""
    theme = request.form.get("theme", "auto")
    size = request.form.get("print", "normal")
    answer = make_response(away(visitors.back("/console")))
    if theme in look.THEMES and size in look.PRINTS:
        visitors.keep(answer, look.LOOK, f"{theme}.{size}", seconds=365 * 86400)
    return answer


def _token() -> str:
    """Raises LOGIN_FAILED, LOGIN_LOCKED."""
    now = clock.now()
    with reading() as session:
        found = staff.find(session, request.form.get("login", "")[:64])
    matched = staff.matches(found, request.form.get("password", ""))
    with transaction() as session:
        refused = staff.settle(session, found=found, matched=matched, now=now)
        if refused is None and found is not None:
            return staff.sign_in(session, found=found, now=now)
    raise Problem(refused or "LOGIN_FAILED")
