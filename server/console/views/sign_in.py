"""Signing in and out of the console, and the look a person chooses. These and the steps after a password need no permission."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, request
from flask import session as said

from server import clock, limits
from server.console import look, visitors
from server.console.desk import away, signed_in
from server.console.views import scan_sign_in, sign_in_steps
from server.db.base import reading, transaction
from server.db.models.people import StaffLogin
from server.domain.problems import Problem
from server.services import sessions, staff
from server.statuses import STATUS


def mount(blueprint: Blueprint) -> None:
    """The addresses."""
    blueprint.add_url_rule("/sign-in", "sign_in", show, methods=["GET"])
    blueprint.add_url_rule("/sign-in", "enter", enter, methods=["POST"])
    blueprint.add_url_rule("/sign-in/second", "second", sign_in_steps.second, methods=["POST"])
    blueprint.add_url_rule("/sign-in/renew", "renew", sign_in_steps.renew, methods=["POST"])
    blueprint.add_url_rule("/sign-in/enrol", "enrol", sign_in_steps.enrol, methods=["POST"])
    blueprint.add_url_rule("/sign-in/code", "ask_code", scan_sign_in.ask, methods=["POST"])
    blueprint.add_url_rule("/sign-in/code", "see_code", scan_sign_in.see, methods=["GET"])
    blueprint.add_url_rule("/sign-in/scanned", "scanned", scan_sign_in.enter, methods=["POST"])
    blueprint.add_url_rule("/sign-out", "sign_out", sign_out, methods=["POST"])
    blueprint.add_url_rule("/look", "choose_look", choose_look, methods=["POST"])


def show() -> Response:
    """The page."""
    return look.sign_in(to=visitors.back("/console"))


def enter() -> Response:
    """By name and password."""
    draft, to = request.form.get("draft", ""), visitors.back("/console")
    try:
        limits.spend(f"sign-in:{request.remote_addr}", limits.SIGN_INS_PER_ADDRESS)
        visitors.check_csrf(visitors.browser())
        return sign_in_steps.go_on(_proven(), proven=False)
    except Problem as problem:
        return look.sign_in(draft=draft, to=to, problem=problem, status=STATUS[problem.kind], login=request.form.get("login", "")[:64])


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
    said.clear()  # what was to be told on the next page is not the next person's business
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


def _proven() -> StaffLogin:
    """The login whose password was typed. Raises LOGIN_FAILED, LOGIN_LOCKED."""
    login, device = request.form.get("login", "")[:64], visitors.known()
    with reading() as session:
        found = staff.find(session, login)
    matched = staff.matches(found, request.form.get("password", ""))
    with transaction() as session:
        refused = staff.settle(session, login=login, found=found, matched=matched, now=clock.now(), device=device)
    if refused is not None or found is None:
        raise Problem(refused or "LOGIN_FAILED")
    return found
