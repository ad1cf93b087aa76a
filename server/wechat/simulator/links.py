"""Ordinary-link codes: which page of the mini-program a URL opens when WeChat's own scanner reads it."""

from typing import Any
from urllib.parse import SplitResult, quote, urlsplit


def match(rules: list[dict[str, Any]], url: str) -> dict[str, Any] | None:
    """The rule that `url` opens, or None for the browser. The longest matching rule decides, even unpublished: it shadows shorter ones."""
    best = max((rule for rule in rules if _covers(rule["rule"], url)), key=lambda rule: len(rule["rule"]), default=None)
    if best is None or not (best.get("released", True) or url in best.get("test_links", [])):
        return None
    return best


def opening(rules: list[dict[str, Any]], url: str, clock: int) -> dict[str, Any]:
    """What WeChat opens for a URL: a page with `q`, the whole URL encoded once, and `scancode_time` in unix seconds; or the browser."""
    rule = match(rules, url)
    if rule is None:
        return {"opens": "browser", "url": url}
    query = {"q": quote(url, safe=""), "scancode_time": str(clock)}
    return {"opens": "page", "scene": 1011, "page": rule["page"], "query": query}


def _covers(rule: str, url: str) -> bool:
    wanted, given = urlsplit(rule), urlsplit(url)
    if _origin(wanted) != _origin(given):
        return False
    if wanted.query:
        return wanted.path == given.path and given.query.startswith(wanted.query)
    # Sub-paths belong to a rule only when it ends in a slash.
    return given.path == wanted.path or (wanted.path.endswith("/") and given.path.startswith(wanted.path))


def _origin(url: SplitResult) -> tuple[str, str]:
    return url.scheme.lower(), url.netloc.lower()
