"""Chinese text into lines: clean, break, shrink. Pure; widths come from the caller's `measure`."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

Measure = Callable[[str], float]  # width of a text at size 1

_OPENING: Final = re.escape("（〔［｛《〈「『【“‘([{<")
_CLOSING: Final = re.escape("，。、；：？！…—）〕］｝》〉」』】”’,.;:?!)]}>%％℃")
# One unit is not broken: a short quotation, a word or number, or one character, with the marks that stay with it.
_UNIT: Final = re.compile(
    rf"(?:“[^“”]{{1,8}}”|《[^《》]{{1,8}}》|[{_OPENING}]*(?:[A-Za-z0-9][A-Za-z0-9.:/@_+-]*|[^{_OPENING}]))[{_CLOSING}]*|."
)
_BLANK: Final = "\u3000"
_SHRINK: Final = 0.96


@dataclass(frozen=True)
class Fitted:
    """Lines and the size at which each of them fits."""

    lines: tuple[str, ...]
    size: float


def clean(text: str, has_glyph: Callable[[str], bool]) -> str:
    """One printable line: white space collapsed, control and format characters gone, unknown letters as 〓.

    Symbols without a glyph (emoji) are dropped; a name keeps a mark where a rare character is missing.
    """
    spaced = re.sub(r"\s+", " ", unicodedata.normalize("NFC", text))
    kept = (char for char in spaced if unicodedata.category(char)[0] != "C")
    return "".join(_shown(char, has_glyph) for char in kept).strip()


def wrap(text: str, width: float, measure: Measure, indent: int = 0) -> list[str]:
    """Lines of at most `width` (in ems); no line begins with a closing mark or ends with an opening one.

    The first line begins with `indent` full-width blanks.
    """
    lines = [_BLANK * indent]
    for unit in _units(text, width, measure):
        if lines[-1].strip() and measure((lines[-1] + unit).rstrip()) > width:
            lines.append("")
        lines[-1] += unit if lines[-1] else unit.lstrip()
    return [line.rstrip() for line in lines if line.strip()]


def fit(text: str, width: float, sizes: tuple[float, float], max_lines: int, *, measure: Measure, keep: float) -> Fitted:
    """The text at the largest of `sizes` (largest, smallest) that needs at most `max_lines`, in lines of like length.

    One line fewer is preferred while it costs no more than shrinking to `keep` of the largest size. A text too long
    even at the smallest size ends in an ellipsis.
    """
    choices = [_largest(text, width, sizes, count, measure) for count in range(1, max_lines + 1)]
    good = next((size for size in choices if size >= sizes[0] * keep), choices[-1])
    size = max(good, sizes[1])
    return Fitted(tuple(_trimmed(_balanced(text, width / size, measure), max_lines)), size)


def _shown(char: str, has_glyph: Callable[[str], bool]) -> str:
    if has_glyph(char):
        return char
    return "〓" if unicodedata.category(char)[0] == "L" else ""


def _units(text: str, width: float, measure: Measure) -> list[str]:
    found = _UNIT.findall(text)
    return [piece for unit in found for piece in ([unit] if measure(unit) <= width else unit)]


def _largest(text: str, width: float, sizes: tuple[float, float], count: int, measure: Measure) -> float:
    size, smallest = sizes
    while size >= smallest:
        if len(wrap(text, width / size, measure)) <= count:
            return size
        size *= _SHRINK
    return 0.0


def _balanced(text: str, width: float, measure: Measure) -> list[str]:
    lines = wrap(text, width, measure)
    low, high = width / 2, width
    for _ in range(8 if len(lines) > 1 else 0):
        middle = (low + high) / 2
        low, high = (low, middle) if len(wrap(text, middle, measure)) == len(lines) else (middle, high)
    return wrap(text, high, measure)


def _trimmed(lines: list[str], max_lines: int) -> list[str]:
    if len(lines) <= max_lines:
        return lines
    return [*lines[: max_lines - 1], lines[max_lines - 1][:-1] + "…"]
