"""What a staff password must be (docs/rules.md §6): at least ten characters of three classes, a new one every ninety days."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta

LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{2,31}")
SHORTEST = 10
LONGEST = 128
CLASSES = 3
AGE = timedelta(days=90)
REMEMBERED = 5  # of the last ones none may come again
# Without characters that are mistaken for one another when a password is read out or copied from paper.
ALPHABETS = ("ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnpqrstuvwxyz", "23456789")
GENERATED = 16


def login_name(text: str) -> str:
    """A login as it is stored: NFKC, lower case, no blanks around it."""
    return unicodedata.normalize("NFKC", text).strip().lower()


def strong(password: str, login: str) -> bool:
    """Long enough, of three of the four classes (upper, lower, digit, other), and not built around the login."""
    if not SHORTEST <= len(password) <= LONGEST or login in password.lower():
        return False
    return len({_class(char) for char in password}) >= CLASSES


def worn(set_at: datetime | None, now: datetime) -> bool:
    """Does he have to choose a new one: somebody else gave it to him, or it has served its time?"""
    return set_at is None or now - set_at >= AGE


def generated(random_bytes: bytes) -> str:
    """A password from at least sixteen random bytes (the caller draws them): the three alphabets in turn, 70 bits."""
    return "".join(_pick(ALPHABETS[place % 3], byte) for place, byte in enumerate(random_bytes[:GENERATED]))


def _pick(alphabet: str, byte: int) -> str:
    return alphabet[byte * len(alphabet) >> 8]


def _class(char: str) -> str:
    if char.isupper():
        return "upper"
    if char.islower():
        return "lower"
    return "digit" if char.isdigit() else "other"
