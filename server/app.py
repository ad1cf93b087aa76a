"""create_app: wiring, nothing else."""

from __future__ import annotations

import secrets
import time

import structlog
from flask import Flask, Response, g, request
from werkzeug.middleware.proxy_fix import ProxyFix

import miniprogram_api
from miniprogram_api import errors, wechat_push
from server import console, health
from server.config import Settings
from server.console.views import api_docs, landing, public, screens, slip_votes
from server.db import base, vault
from server.dev import routes as dev_routes
from server.domain.problems import Problem

log = structlog.get_logger()
# What a browser must not do with any answer of ours; a page names its own style sheets in a policy of its own.
GUARDS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def create_app(settings: Settings) -> Flask:
    """The web application; server.process.start_process() must have run in this process."""
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=settings.secrets.secret_key.get_secret_value(),
        MAX_CONTENT_LENGTH=settings.web.max_body_kb * 1024,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SESSION_COOKIE_NAME="gj_said",  # what the next page of the console tells; signed, holds no secret
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/console",
        SESSION_COOKIE_SECURE=settings.web.public_base.startswith("https:"),
        SETTINGS=settings,
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    if settings.web.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.web.trusted_proxies, x_proto=1)  # type: ignore[method-assign]
    base.init_app(app)
    app.before_request(_begin)
    app.after_request(_finish)
    errors.register(app)
    app.register_error_handler(404, _nowhere)
    app.register_blueprint(health.blueprint())
    app.register_blueprint(miniprogram_api.blueprint(), url_prefix="/api/v1")
    app.register_blueprint(miniprogram_api.document_blueprint())
    app.register_blueprint(api_docs.blueprint(miniprogram_api.document))
    app.register_blueprint(wechat_push.blueprint())
    app.register_blueprint(public.blueprint())
    app.register_blueprint(landing.blueprint())
    app.register_blueprint(screens.blueprint())
    app.register_blueprint(console.blueprint())
    if not settings.production:
        app.register_blueprint(dev_routes.blueprint())
    return app


def _nowhere(_error: Exception) -> Response:
    """An address that is not there: a page for a browser, the one shape of refusals for everything else."""
    page = request.accept_mimetypes.best_match(("application/json", "text/html")) == "text/html"
    return public.nowhere() if page and not request.path.startswith("/api/") else errors.respond(Problem("NOT_FOUND"))


def _begin() -> None:
    vault.refresh()
    g.request_id = secrets.token_hex(8)
    g.started = time.perf_counter()


def _finish(response: Response) -> Response:
    """Every answer carries its request id; one log line a request, by route, never by path or body.

    A ballot leaves neither: when it came would tell who sent it (docs/protocol.md §4).
    """
    for name, value in GUARDS.items():
        response.headers.setdefault(name, value)
    if request.path.startswith("/api/"):
        response.headers.setdefault("Cache-Control", "private, no-cache")
    if request.url_rule is not None and request.url_rule.rule in (*miniprogram_api.UNLOGGED, slip_votes.ADDRESS):
        return response
    response.headers["X-Request-Id"] = g.request_id
    log.info(
        "request",
        id=g.request_id,
        method=request.method,
        route=request.url_rule.rule if request.url_rule else "",
        status=response.status_code,
        ms=round((time.perf_counter() - g.started) * 1000, 1),
        person=g.actor.person_id if "actor" in g else None,
    )
    return response
