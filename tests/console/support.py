"""What console tests share: counting statements, and what people with bad intentions type."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import event

from server.db import base

# Script, a formula, an end of the right-to-left order, 300 characters.
HOSTILE: Sequence[str] = (
    "<script>alert(1)</script>",
    '=HYPERLINK("http://example.org","点我")',
    "张\u202e三\u200f四",
    "\"><b onmouseover='x'>",
    "长" * 300,
)


def statements(act: Callable[[], object]) -> int:
    """How many statements this takes."""
    sent: list[Any] = []

    def note(*args: Any) -> None:
        sent.append(args[2])

    engine = base.engine()
    event.listen(engine, "before_cursor_execute", note)
    try:
        act()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return len(sent)


def asks_first(html: str, action: str) -> bool:
    """Is the button that posts there behind a question that another button opens?"""
    question = r'<details class="decline sure"><summary[^>]*>[^<]+</summary><div[^>]*><p>[^<]+</p>'
    return re.search(rf'{question}<form[^>]*"{re.escape(action)}"', html) is not None and html.count(f'"{action}"') == 1
