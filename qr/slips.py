"""Paper slips of a secret vote: an A4 sheet to cut, two slips to a page or one, each with a one-time code.

Heavy (Pillow, fpdf2). Lengths are in millimetres of an A4 page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from qr.images import RISE, Canvas, Sheets, Style, centred_lines, fitted
from qr.posters import GREY, INK, RED, RULE

WIDTH: Final = 210.0
HEIGHT: Final = 297.0
_LEFT, _RIGHT = 16.0, 194.0
_ON_HALF: Final = 8  # questions that are easily read on half a page
_FOOT: Final = 30.0
_HEAD: Final = 34.0


@dataclass(frozen=True)
class Ballot:
    """What every slip says: whose vote, how to use it, the questions and the answers to tick, and where its code can be typed in."""

    title: str
    advice: str
    questions: tuple[str, ...]
    answers: tuple[str, ...]
    link: str


def pdf(ballot: Ballot, codes: Sequence[str]) -> bytes:
    """One slip for each code, in the order of the codes. Raises ValueError where there is none."""
    if not codes:
        raise ValueError("no slips to print")
    sheets, each = Sheets(), 2 if len(ballot.questions) <= _ON_HALF else 1
    height = HEIGHT / each
    for number, code in enumerate(codes):
        place = number % each
        if place == 0:
            sheets.page(WIDTH, HEIGHT)
        else:
            _cut(sheets, place * height)
        _slip(sheets, ballot, code, place * height, height)
    return sheets.output()


def spaced(code: str) -> str:
    """A code as it is read aloud: groups of four."""
    return " ".join(code[place : place + 4] for place in range(0, len(code), 4))


def _slip(canvas: Canvas, ballot: Ballot, code: str, top: float, height: float) -> None:
    title = fitted(ballot.title, _RIGHT - _LEFT, (7, 4), 1, "serif")
    centred_lines(canvas, title, top + 17, WIDTH / 2, Style(title.size, RED, "serif", bold=True))
    advice = fitted(ballot.advice, _RIGHT - _LEFT, (3.7, 2.8), 3)
    for number, line in enumerate(advice.lines):
        canvas.text(_LEFT, top + 24 + number * advice.size * 1.4, line, Style(advice.size, GREY))
    room = height - _HEAD - _FOOT - 6
    each = min(13.0, room / len(ballot.questions))
    for number, question in enumerate(ballot.questions):
        _question(canvas, f"{number + 1}. {question}", ballot.answers, top + _HEAD + 6 + number * each, each)
    _foot(canvas, ballot, code, top + height - _FOOT)


def _question(canvas: Canvas, question: str, answers: Sequence[str], y: float, height: float) -> None:
    """A line with a box before each answer."""
    canvas.rect(_LEFT, y, _RIGHT - _LEFT, 0.2, RULE)
    words = fitted(question, 104, (min(4.6, height * 0.5), 2.4), 2)
    base = y + height / 2 + words.size * RISE / 2 - (len(words.lines) - 1) * words.size * 0.65
    for number, line in enumerate(words.lines):
        canvas.text(_LEFT, base + number * words.size * 1.3, line, Style(words.size, INK))
    side = min(5.0, height * 0.6)
    for number, answer in enumerate(answers):
        x = _LEFT + 108 + number * 24
        _box(canvas, x, y + (height - side) / 2, side)
        canvas.text(x + side + 1.2, y + height / 2 + 1.5, answer, Style(4, INK))


def _box(canvas: Canvas, x: float, y: float, side: float) -> None:
    canvas.rect(x, y, side, side, INK)
    canvas.rect(x + 0.4, y + 0.4, side - 0.8, side - 0.8, "#FFFFFF")


def _foot(canvas: Canvas, ballot: Ballot, code: str, y: float) -> None:
    canvas.code(ballot.link, _RIGHT - 22, y - 1, 22)
    canvas.text(_LEFT, y + 6, "一次性编号", Style(3.7, GREY))
    canvas.text(_LEFT, y + 14, spaced(code), Style(7.4, INK, bold=True))
    link = fitted(f"自己填：{ballot.link}", 150, (3.7, 2.4), 1)
    canvas.text(_LEFT, y + 20, link.lines[0], Style(link.size, GREY))


def _cut(canvas: Canvas, y: float) -> None:
    for x in range(6, 204, 6):
        canvas.rect(x, y, 3, 0.25, GREY)
