"""Money as people write it: whole 分 inside, yuan with at most two decimals outside. No floats."""

from __future__ import annotations

import re

YUAN = re.compile(r"(\d{1,7})(?:\.(\d{1,2}))?")


def yuan(fen: int) -> str:
    """12000 → "120", 12050 → "120.50"; the amount is not negative."""
    whole, rest = divmod(fen, 100)
    return f"{whole}.{rest:02d}" if rest else str(whole)


def fen(text: str) -> int | None:
    """What was typed: "120" → 12000, "120.5" → 12050; None for what is no amount of money."""
    match = YUAN.fullmatch(text.strip()) if text.isascii() else None
    return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0")) if match else None
