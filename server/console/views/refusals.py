"""What the console answers where no page is, and when something breaks: a page that says what to do, never JSON."""

from __future__ import annotations

import structlog
from flask import Blueprint, Response, request
from sqlalchemy import exc
from werkzeug.exceptions import HTTPException

from server import clock
from server.console import look, visitors
from server.console.desk import lost
from server.domain.problems import Problem
from server.statuses import STATUS
from server.wechat.port import WechatError

log = structlog.get_logger()
CODES = {404: "NOT_FOUND", 405: "NOT_FOUND", 413: "TOO_LARGE", 429: "TOO_MANY_REQUESTS"}


def mount(blueprint: Blueprint) -> None:
    """Catch what no page caught."""
    blueprint.add_url_rule("/<path:rest>", "nowhere", _nowhere, methods=["GET", "POST"])
    blueprint.register_error_handler(Problem, _shown)
    blueprint.register_error_handler(WechatError, lambda _error: _shown(Problem("UNAVAILABLE")))
    blueprint.register_error_handler(exc.DataError, lambda _error: _shown(Problem("INVALID")))
    blueprint.register_error_handler(exc.OperationalError, lambda _error: _shown(Problem("UNAVAILABLE")))
    blueprint.register_error_handler(HTTPException, _http)
    blueprint.register_error_handler(Exception, _fault)


def _nowhere(rest: str) -> Response:
    return lost(Problem("NOT_FOUND"), visitors.token(), clock.now())


def _shown(problem: Problem) -> Response:
    return look.answer(look.refusal(problem), STATUS[problem.kind])


def _http(error: HTTPException) -> Response:
    if error.code is not None and error.code < 400:
        return error.get_response()  # type: ignore[return-value]
    return _shown(Problem(CODES.get(error.code or 500, "INTERNAL")))


def _fault(error: Exception) -> Response:
    log.error("unhandled", path=request.url_rule.rule if request.url_rule else "", exc_info=error)
    return _shown(Problem("INTERNAL"))
