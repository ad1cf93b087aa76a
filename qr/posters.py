"""Posters for a code: phone picture, A4 picture, and PDF in A4 or A3, all from one layout.

Heavy (Pillow, fpdf2): for workers and commands. Every length is in millimetres of a page 210 wide; A3 enlarges A4.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import pairwise
from typing import Final, Literal

from PIL import Image

from qr.images import (
    LINE,
    RISE,
    Canvas,
    Raster,
    Sheets,
    Style,
    centred,
    centred_lines,
    fitted,
    height_of,
    png_bytes,
    printable,
    width_of,
)
from qr.typesetting import Fitted

Paper = Literal["A4", "A3"]
Progress = Callable[[int, int], None]

WIDTH: Final = 210.0
_MIDDLE: Final = WIDTH / 2
RED, INK, GREY, RULE = "#C8102E", "#1F1F1F", "#5C5F66", "#DADADA"
HELP: Final = "不方便扫码？请找现场工作人员登记，效果一样。"
_PAPER_SCALE: Final[dict[Paper, float]] = {"A4": 1.0, "A3": 2**0.5}
_A4_DPI: Final = 200
_GAP: Final = 0.026  # least gap between two blocks, as a share of the height
_SMALLER: Final = 0.97


@dataclass(frozen=True)
class Poster:
    """What a poster says. Texts may be of any length: they are wrapped, shrunk and, at the very end, cut.

    `link` is what the code holds (`bitmaps.link`); `picture` replaces it by the bytes of a mini-program code.
    `purpose` says in one line what scanning does.
    """

    title: str
    place: str
    purpose: str
    steps: tuple[str, ...]
    link: str
    issuer: str
    serial: str
    picture: bytes | None = None
    help: str = HELP


@dataclass(frozen=True)
class _Page:
    """Sizes of one page form: ems for text, otherwise lengths."""

    height: float
    margin: float
    issuer: float
    title: tuple[float, float]
    title_lines: int
    place: float
    code: float
    call: float
    purpose: float
    step: float
    in_columns: bool
    fine: float


@dataclass(frozen=True)
class _Block:
    """A part of the page: its height, and how to draw it below a given y."""

    height: float
    draw: Callable[[Canvas, float], None]


_A4: Final = _Page(297, 20, 7.4, (16, 8), 3, 7, 114, 11, 6.4, 5, True, 3.7)
_PHONE: Final = _Page(210 * 1920 / 1080, 17, 8.4, (20, 10), 3, 8.6, 150, 13, 7.8, 6.8, False, 5)


def png_phone(poster: Poster) -> bytes:
    """A 1080 × 1920 PNG for chat groups and phone screens."""
    return png_bytes(_raster(poster, _PHONE, 1080 / WIDTH))


def png_a4(poster: Poster) -> bytes:
    """A PNG of an A4 page at 200 dots an inch (1654 × 2339)."""
    return png_bytes(_raster(poster, _A4, _A4_DPI / 25.4), dpi=_A4_DPI)


def pdf(poster: Poster, paper: Paper = "A4") -> bytes:
    """A one-page PDF, text as text."""
    return pdf_many([poster], paper)


def pdf_many(posters: Sequence[Poster], paper: Paper = "A4", progress: Progress | None = None) -> bytes:
    """One PDF with a page for each poster; `progress(done, total)` is called after each page.

    Raises ValueError when there is nothing to print.
    """
    if not posters:
        raise ValueError("no posters to print")
    sheets = Sheets()
    for done, poster in enumerate(posters, 1):
        sheets.page(WIDTH, _A4.height, _PAPER_SCALE[paper])
        _draw(sheets, poster, _A4)
        if progress:
            progress(done, len(posters))
    return sheets.output()


def corners(canvas: Canvas, x: float, y: float, side: float) -> None:
    """Four red angles at the edge of a code's quiet zone, as a camera shows where to aim."""
    arm, thick = side * 0.1, side * 0.012
    for left in (x, x + side - arm):
        for top in (y, y + side - thick):
            canvas.rect(left, top, arm, thick, RED)
    for left in (x, x + side - thick):
        for top in (y, y + side - arm):
            canvas.rect(left, top, thick, arm, RED)


def _raster(poster: Poster, page: _Page, scale: float) -> Image.Image:
    canvas = Raster(WIDTH, page.height, scale)
    _draw(canvas, poster, page)
    return canvas.image


def _draw(canvas: Canvas, poster: Poster, page: _Page) -> None:
    top = _header(canvas, poster, page)
    bottom = _footer(canvas, poster, page)
    blocks, gap = _spread(poster, page, bottom - top)
    for block in blocks:
        top += gap
        block.draw(canvas, top)
        top += block.height


def _spread(poster: Poster, page: _Page, room: float) -> tuple[list[_Block], float]:
    """The blocks and the equal gaps between them; everything gets a little smaller until the gaps are wide enough."""
    while True:
        makers = [_title, _code, _call, *([_steps] if _said(poster) else [])]
        blocks = [make(poster, page) for make in makers]
        gap = (room - sum(block.height for block in blocks)) / (len(blocks) + 1)
        if gap >= page.height * _GAP:
            return blocks, gap
        page = _smaller(page)


def _smaller(page: _Page) -> _Page:
    largest, smallest = page.title
    return replace(
        page,
        title=(largest * _SMALLER, smallest * _SMALLER),
        place=page.place * _SMALLER,
        code=page.code * _SMALLER,
        call=page.call * _SMALLER,
        purpose=page.purpose * _SMALLER,
        step=page.step * _SMALLER,
    )


def _header(canvas: Canvas, poster: Poster, page: _Page) -> float:
    """The issuer in red over a double line, as official papers open; returns where it ends."""
    inner = WIDTH - 2 * page.margin
    head = fitted(poster.issuer, inner, (page.issuer, page.issuer / 2), 1, "serif")
    base = page.margin + page.issuer * RISE
    centred_lines(canvas, head, base, _MIDDLE, Style(head.size, RED, "serif", bold=True))
    rule = base + page.issuer * 0.62
    canvas.rect(page.margin, rule, inner, 1.1, RED)
    canvas.rect(page.margin, rule + 1.8, inner, 0.35, RED)
    return rule + 2.2


def _footer(canvas: Canvas, poster: Poster, page: _Page) -> float:
    """Help and serial over the lower margin; returns where it begins."""
    inner = WIDTH - 2 * page.margin
    base = page.height - page.margin
    serial = printable(f"编号 {poster.serial}")
    room = inner - (width_of(serial) + 2) * page.fine
    note = fitted(poster.help, room, (page.fine, page.fine * 0.6), 1)
    top = base - page.fine * 2
    canvas.rect(page.margin, top, inner, 0.25, RULE)
    for line in note.lines:
        canvas.text(page.margin, base, line, Style(note.size, GREY))
    right = WIDTH - page.margin - width_of(serial) * page.fine
    canvas.text(right, base, serial, Style(page.fine, GREY))
    return top


def _title(poster: Poster, page: _Page) -> _Block:
    inner = WIDTH - 2 * page.margin
    title = fitted(poster.title, inner, page.title, page.title_lines)
    place = fitted(poster.place, inner * 0.92, (page.place, page.place * 0.6), 2)
    head = height_of(title)

    def draw(canvas: Canvas, y: float) -> None:
        centred_lines(canvas, title, y + title.size * RISE, _MIDDLE, Style(title.size, INK, bold=True))
        centred_lines(canvas, place, y + head + page.place * 0.45 + place.size * RISE, _MIDDLE, Style(place.size, GREY))

    return _Block(head + page.place * 0.45 + height_of(place), draw)


def _code(poster: Poster, page: _Page) -> _Block:
    frame = page.code * 0.018  # the angles stand outside the quiet zone
    x, side = (WIDTH - page.code) / 2, page.code - 2 * frame

    def draw(canvas: Canvas, y: float) -> None:
        corners(canvas, x, y, page.code)
        if poster.picture is None:
            canvas.code(poster.link, x + frame, y + frame, side)
        else:
            canvas.picture(Image.open(BytesIO(poster.picture)), x + frame, y + frame, side)

    return _Block(page.code, draw)


def _call(poster: Poster, page: _Page) -> _Block:
    purpose = fitted(poster.purpose, WIDTH - 2 * page.margin, (page.purpose, page.purpose * 0.6), 2)
    head = page.call * 1.55

    def draw(canvas: Canvas, y: float) -> None:
        centred(canvas, _MIDDLE, y + page.call * RISE, "微信扫一扫", Style(page.call, RED, bold=True))
        centred_lines(canvas, purpose, y + head + purpose.size * RISE, _MIDDLE, Style(purpose.size, INK))

    return _Block(head + height_of(purpose), draw)


def _steps(poster: Poster, page: _Page) -> _Block:
    return (_step_columns if page.in_columns else _step_list)(_said(poster), page)


def _said(poster: Poster) -> list[str]:
    return [step for step in poster.steps if printable(step)]


def _step_columns(steps: Sequence[str], page: _Page) -> _Block:
    inner = WIDTH - 2 * page.margin
    pitch = inner / len(steps)
    texts = _alike(steps, pitch * 0.86, page.step, 3)
    disc = page.step * 1.75
    centres = [page.margin + pitch * (place + 0.5) for place in range(len(steps))]

    def draw(canvas: Canvas, y: float) -> None:
        for left, right in pairwise(centres):
            canvas.rect(left + disc, y + disc / 2, right - left - 2 * disc, 0.25, RULE)
        for place, (centre, text) in enumerate(zip(centres, texts, strict=True), 1):
            _number(canvas, place, centre - disc / 2, y, disc)
            centred_lines(canvas, text, y + disc * 1.3 + text.size * RISE, centre, Style(text.size, INK))

    return _Block(disc * 1.3 + max(height_of(text) for text in texts), draw)


def _step_list(steps: Sequence[str], page: _Page) -> _Block:
    disc = page.step * 1.6
    room = WIDTH - 2 * page.margin - disc * 1.5
    texts = _alike(steps, room, page.step, 2)
    widest = max(width_of(line) * text.size for text in texts for line in text.lines)
    x = (WIDTH - widest - disc * 1.5) / 2
    heights = [max(disc, height_of(text)) + page.step * 0.55 for text in texts]

    def draw(canvas: Canvas, y: float) -> None:
        for place, (text, height) in enumerate(zip(texts, heights, strict=True), 1):
            _number(canvas, place, x, y, disc)
            base = y + disc / 2 + text.size * 0.36
            for line in text.lines:
                canvas.text(x + disc * 1.5, base, line, Style(text.size, INK))
                base += text.size * LINE
            y += height

    return _Block(sum(heights), draw)


def _alike(steps: Sequence[str], width: float, size: float, lines: int) -> list[Fitted]:
    """All steps in the one size that suits the longest."""
    common = min(fitted(step, width, (size, size * 0.6), lines, keep=1).size for step in steps)
    return [fitted(step, width, (common, common), lines) for step in steps]


def _number(canvas: Canvas, number: int, x: float, y: float, disc: float) -> None:
    canvas.disc(x, y, disc, RED)
    size = disc * 0.62
    centred(canvas, x + disc / 2, y + disc / 2 + size * 0.36, str(number), Style(size, "#FFFFFF", bold=True))
