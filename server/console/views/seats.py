"""What follows when somebody is signed in: his cookie, and first of all what he had typed when his last session ended."""

from __future__ import annotations

from flask import Response, render_template, request
from flask import session as said

from server import clock
from server.console import look, visitors
from server.console.desk import away
from server.console.visitors import Draft
from server.db.base import reading
from server.domain import browsers
from server.services import sessions, staff

SECONDS = int(staff.LIFETIME.total_seconds())


def browser_label() -> str:
    """This browser as people know it."""
    return browsers.label(request.headers.get("User-Agent", ""))


def network_label() -> str:
    """Roughly where it is."""
    return browsers.network(request.remote_addr)


def seated(token: str, *, known: str = "") -> Response:
    """On to the page he wanted, or to the form that was posted in vain."""
    kept = kept_draft(token)
    shown = away(visitors.back("/console")) if kept is None else page("console/kept.html", token, draft=kept)
    return with_cookie(shown, token, known=known)


def kept_draft(token: str) -> Draft | None:
    """The form that the person of this session had posted in vain, where there is one."""
    sealed = request.form.get("draft", "")
    with reading() as session:
        person_id = sessions.owner(session, token=token) if sealed else None
    return visitors.open_draft(sealed, person_id) if person_id is not None else None


def page(template: str, token: str, **values: object) -> Response:
    """A page for somebody who is signed in by this very answer."""
    return look.answer(render_template(template, csrf=visitors.csrf(token), **look.shared(clock.now()), **values), 200)


def with_cookie(answer: Response, token: str, *, known: str = "") -> Response:
    """The answer that seats him; what was to be told to whoever sat here before is forgotten. `known`: the name his login knows it by."""
    said.clear()
    if known:
        visitors.keep(answer, visitors.KNOWN, known, seconds=visitors.KNOWN_S)
    visitors.keep(answer, visitors.COOKIE, token, seconds=SECONDS)
    return answer
