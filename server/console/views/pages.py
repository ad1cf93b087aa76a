"""HTML answers that a browser may only read: nothing runs, nothing is fetched, no other page frames them."""

from __future__ import annotations

import base64
import hashlib
import re

from flask import Response, make_response

STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
POLICY = "default-src 'none'; img-src data:; style-src {styles}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


def readable(page: str, status: int = 200) -> Response:
    """The page with a policy that names each of its own style sheets by its hash, so that no injected one counts."""
    answer = make_response(page, status)
    hashes = [base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() for style in STYLE.findall(page)]
    answer.headers["Content-Security-Policy"] = POLICY.format(styles=" ".join(f"'sha256-{one}'" for one in hashes) or "'none'")
    return answer
