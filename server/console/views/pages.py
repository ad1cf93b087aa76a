"""HTML answers that anybody may read: nothing runs, nothing is fetched from elsewhere, no other page frames them."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

from flask import Response, current_app, make_response, render_template, request

from server import VERSION
from server.console import look

STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
POLICY = "default-src 'none'; img-src data:; style-src {styles}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
PUBLIC = "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"


def readable(page: str, status: int = 200) -> Response:
    """The page with a policy that names each of its own style sheets by its hash, so that no injected one counts."""
    answer = make_response(page, status)
    hashes = [base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() for style in STYLE.findall(page)]
    answer.headers["Content-Security-Policy"] = POLICY.format(styles=" ".join(f"'sha256-{one}'" for one in hashes) or "'none'")
    return answer


def public(template: str, status: int = 200, *, private: bool = False, **values: Any) -> Response:
    """A page in the public frame; `private`: what it shows is for who holds the paper, no cache and no search engine keeps it.

    Colours and print are chosen by the address (`?print=large`, `?theme=dark`), which every link carries on: no cookie, no script.
    """
    chosen = {
        name: request.args[name] for name, known in (("theme", look.THEMES), ("print", look.PRINTS)) if request.args.get(name) in known
    }
    tail = "&".join(f"{name}={value}" for name, value in chosen.items())
    other = "&".join(
        f"{name}={value}" for name, value in {**chosen, "print": "normal" if chosen.get("print") == "large" else "large"}.items()
    )
    about = current_app.config["SETTINGS"].about
    frame = {"theme": chosen.get("theme", "auto"), "print_size": chosen.get("print", "normal"), "tail": f"?{tail}" if tail else ""}
    shown = render_template(template, **frame, other=f"?{other}", private=private, about=about, version=VERSION, **values)
    answer = make_response(shown, status)
    answer.headers["Content-Security-Policy"] = PUBLIC
    answer.headers["Cache-Control"] = "private, no-store" if private else "no-cache"
    if private:
        answer.headers["X-Robots-Tag"] = "noindex"
    return answer
