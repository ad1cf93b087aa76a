"""What a browser carries: the session's cookie, a token against forged forms, and what was typed when the session ended.

The session cookie is HttpOnly and holds the bearer token; every form holds a token made of it, which another site cannot know. A form that
was posted after the session had ended travels, encrypted, through the sign-in page, and is offered again to the one who typed it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet, InvalidToken
from flask import Response, current_app, request

from server.domain.problems import Problem

COOKIE = "gj_desk"
BROWSER = "gj_browser"  # known before anybody signed in: sign-in forms and sign-in codes are bound to it
KNOWN = "gj_known"  # a random name that outlives sessions: where a login signed in before, strangers' failures do not lock it
KNOWN_S = 180 * 86400
CSRF = "csrf"
HIDDEN = frozenset({CSRF, "once", "draft", "back"})  # fields of ours, not of the person
DRAFT_S = 1800
LONGEST_DRAFT = 64 * 1024


@dataclass(frozen=True)
class Draft:
    """A form that was posted in vain: who typed it, where it belongs, its fields in order."""

    person_id: int
    path: str
    fields: list[tuple[str, str]]


def token() -> str:
    """The bearer token of this browser, '' where nobody signed in."""
    return request.cookies.get(COOKIE, "")


def browser() -> str:
    """The random name of this browser, '' at its first visit."""
    return request.cookies.get(BROWSER, "")


def known() -> str:
    """The random name under which logins know this browser, '' where none signed in by password."""
    return request.cookies.get(KNOWN, "")[:64]


def keep(answer: Response, name: str, value: str, *, seconds: int | None = None) -> None:
    """Set one of our cookies: not readable by scripts, not sent by other sites' forms, over TLS only where we speak TLS."""
    secure = current_app.config["SETTINGS"].web.public_base.startswith("https:")
    answer.set_cookie(name, value, max_age=seconds, httponly=True, secure=secure, samesite="Lax", path="/console")


def drop(answer: Response, name: str) -> None:
    """Delete one of our cookies."""
    answer.delete_cookie(name, path="/console", httponly=True, samesite="Lax")


def new_browser() -> str:
    """A fresh name for a browser."""
    return secrets.token_urlsafe(24)


def csrf(of: str) -> str:
    """The token that forms of this session (or, before sign-in, of this browser) carry."""
    return hmac.new(_secret(b"csrf"), of.encode(), hashlib.sha256).hexdigest()[:32]


def check_csrf(of: str) -> None:
    """Raise FORM_EXPIRED unless the posted form (or the script's header) carries the token of this session."""
    said = request.form.get(CSRF) or request.headers.get("X-CSRF", "")
    if not of or not hmac.compare_digest(said.encode(), csrf(of).encode()):
        raise Problem("FORM_EXPIRED")


def seal_draft(person_id: int) -> str:
    """What was just posted, but no password, for the person whose session it was; '' where there is nothing to keep or too much of it."""
    fields = [(name, value) for name, value in request.form.items(multi=True) if name not in HIDDEN and "password" not in name]
    text = json.dumps([person_id, request.full_path.rstrip("?"), fields]).encode()
    return Fernet(_fernet_key()).encrypt(text).decode() if fields and len(text) <= LONGEST_DRAFT else ""


def open_draft(text: str, person_id: int) -> Draft | None:
    """The draft, if it is this person's and no older than half an hour."""
    try:
        draft = Draft(*json.loads(Fernet(_fernet_key()).decrypt(text.encode(), ttl=DRAFT_S)))
    except (InvalidToken, ValueError):
        return None
    return draft if draft.person_id == person_id else None


def seal(use: str, *values: Any) -> str:
    """Values that a form carries and that nobody but us can read or make; only this browser may hand them back."""
    return _box(use).encrypt(json.dumps([browser() or token(), *values]).encode()).decode()


def opened(use: str, text: str, *, seconds: int) -> list[Any] | None:
    """The values again; None for what is older, forged, of another use or of another browser."""
    try:
        of, *values = json.loads(_box(use).decrypt(text.encode(), ttl=seconds))
    except (InvalidToken, ValueError):
        return None
    return values if of and hmac.compare_digest(str(of).encode(), (browser() or token()).encode()) else None


def back(default: str) -> str:
    """Where the form says to return to: a path of the console, never another site."""
    return own(request.form.get("back") or request.args.get("back", ""), default)


def here() -> str:
    """The page a person looks at: of a fragment that htmx asks for, the page around it."""
    shown = urlsplit(request.headers.get("HX-Current-URL", ""))
    whole = f"{shown.path}?{shown.query}" if shown.query else shown.path
    return own(whole, "/console") if request.headers.get("HX-Request") else request.full_path.rstrip("?")


def own(said: str, default: str) -> str:
    """A path of the console, never another site."""
    return said if said.startswith("/console") and "//" not in said and "\\" not in said and said.isprintable() else default


def _secret(use: bytes) -> bytes:
    return hmac.new(current_app.config["SECRET_KEY"].encode(), b"gongjian/console/" + use, hashlib.sha256).digest()


def _fernet_key() -> bytes:
    return base64.urlsafe_b64encode(_secret(b"draft"))


def _box(use: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(_secret(use.encode())))
