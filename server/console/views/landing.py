"""/q/<token>: where an ordinary-link code leads a browser that is not WeChat, and the file by which WeChat proves the domain.

Says what the code is and what to do, no more than the poster itself; nothing about a person, no script, no sign-in.
"""

from __future__ import annotations

from flask import Blueprint, Response, current_app

from qr.tokens import Kind
from server import clock
from server.console.views import pages
from server.db.base import reading
from server.domain.checkins import ADVICE_IN_BROWSER
from server.domain.problems import PROBLEMS
from server.services import previews
from server.services.codes import CodeRefused


def blueprint() -> Blueprint:
    """The landing page and the verification file."""
    made = Blueprint("landing", __name__, template_folder="../templates")

    @made.get("/q/<path:rest>")
    def landing(rest: str) -> Response:
        wechat = current_app.config["SETTINGS"].wechat
        if wechat.verify_file_name and rest == wechat.verify_file_name:
            return Response(wechat.verify_file_text, mimetype="text/plain")
        return _page(rest)

    return made


def _page(text: str) -> Response:
    """A poster's code is explained; a personal code only by its kind; anything else by the one sentence of its refusal."""
    try:
        with reading() as session:
            seen = previews.of_text(session, text, clock.now())
    except CodeRefused as refused:
        said = PROBLEMS[refused.code][1]
        return pages.public("public/landing.html", 404, private=True, kind="二维码", title="", advice=said, good=False)
    title = "" if seen.kind is Kind.PERSON else seen.title
    advice = ADVICE_IN_BROWSER.get(seen.kind, ADVICE_IN_BROWSER[Kind.TASK])
    return pages.public("public/landing.html", private=True, kind=seen.kind_name, title=title, advice=advice, good=True)
