"""Service certificates (landscape) and receipts of registration (portrait), each with a code that a public page verifies.

Heavy (Pillow, fpdf2): for workers and commands. Lengths are in millimetres of an A4 page.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

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
    png_bytes,
    printable,
    width_of,
)
from qr.posters import GREY, INK, RED, RULE
from qr.typesetting import wrap

Kind = Literal["certificate", "receipt"]

_DPI: Final = 200
_SIZES: Final[dict[Kind, tuple[float, float]]] = {"certificate": (297.0, 210.0), "receipt": (210.0, 297.0)}
_CHECK: Final = "扫码核验"
_LEADING: Final = 1.75  # from base line to base line of running text, in ems
_LABEL: Final = 8  # a receipt's line with a colon within so many characters is a field and its value


@dataclass(frozen=True)
class Document:
    """What a certificate or receipt says.

    `lines` are paragraphs; on a receipt a line such as 单位：示例单位 becomes a row. `link` leads to the public page that
    verifies it, `date_text` is the date as it is to be read.
    """

    kind: Kind
    title: str
    lines: tuple[str, ...]
    serial: str
    link: str
    issuer: str
    date_text: str


def png(document: Document) -> bytes:
    """A PNG of the A4 page at 200 dots an inch."""
    width, height = _SIZES[document.kind]
    canvas = Raster(width, height, _DPI / 25.4)
    _draw(canvas, document)
    return png_bytes(canvas.image, dpi=_DPI)


def pdf(document: Document) -> bytes:
    """A one-page A4 PDF, text as text."""
    sheets = Sheets()
    sheets.page(*_SIZES[document.kind])
    _draw(sheets, document)
    return sheets.output()


def _draw(canvas: Canvas, document: Document) -> None:
    if document.kind == "certificate":
        _certificate(canvas, document)
    else:
        _receipt(canvas, document)


def _certificate(canvas: Canvas, document: Document) -> None:
    _frame(canvas, 9, 1.3)
    _frame(canvas, 12, 0.35)
    title = fitted(document.title, 230, (19, 9), 1, "serif")
    centred_lines(canvas, title, 50, 148.5, Style(title.size, RED, "serif", bold=True))
    _ornament(canvas, 148.5, 61)
    _paragraphs(canvas, document.lines, (34, 74, 229, 72), 8.2)
    _seal(canvas, document, 34, 154)


def _receipt(canvas: Canvas, document: Document) -> None:
    issuer = fitted(document.issuer, 170, (8, 4), 1, "serif")
    centred_lines(canvas, issuer, 31, 105, Style(issuer.size, RED, "serif", bold=True))
    canvas.rect(20, 37, 170, 1.1, RED)
    canvas.rect(20, 38.8, 170, 0.35, RED)
    title = fitted(document.title, 170, (14, 7), 2)
    centred_lines(canvas, title, 62, 105, Style(title.size, INK, bold=True))
    _rows(canvas, document.lines, 62 + title.size * (LINE * len(title.lines) - 0.3), 226)
    _seal(canvas, document, 24, 238)


def _frame(canvas: Canvas, inset: float, thick: float) -> None:
    width, height = _SIZES["certificate"]
    for y in (inset, height - inset - thick):
        canvas.rect(inset, y, width - 2 * inset, thick, RED)
    for x in (inset, width - inset - thick):
        canvas.rect(x, inset, thick, height - 2 * inset, RED)


def _ornament(canvas: Canvas, centre: float, y: float) -> None:
    canvas.disc(centre - 1.3, y - 1.3, 2.6, RED)
    for x in (centre - 40, centre + 5):
        canvas.rect(x, y - 0.2, 35, 0.4, RED)


def _paragraphs(canvas: Canvas, texts: tuple[str, ...], box: tuple[float, float, float, float], size: float) -> None:
    """Running text with an indent of two characters in a box (x, y, width, height), as large as fits; a salutation stands flush left."""
    x, y, width, height = box
    lines = _indented(texts, width / size)
    while len(lines) * size * _LEADING > height:
        size *= 0.95
        lines = _indented(texts, width / size)
    base = y + (height - len(lines) * size * _LEADING) / 2 + size * RISE
    for line in lines:
        canvas.text(x, base, line, Style(size, INK, "serif"))
        base += size * _LEADING


def _indented(texts: tuple[str, ...], ems: float) -> list[str]:
    measure = partial(width_of, face="serif")
    plain = [printable(text) for text in texts]
    return [line for text in plain for line in wrap(text, ems, measure, indent=0 if text.endswith("：") else 2)]


def _rows(canvas: Canvas, texts: tuple[str, ...], y: float, bottom: float) -> None:
    """One ruled row for each line, between y and bottom; rows close up and letters shrink when there are many."""
    size = 6.0
    rows = _row_lines(texts, size)
    while sum(_row_height(row, size) for row in rows) > bottom - y:
        size *= 0.95
        rows = _row_lines(texts, size)
    for label, lines in rows:
        height = _row_height((label, lines), size)
        base = y + (height - len(lines) * size * LINE) / 2 + size * (RISE + (LINE - 1) / 2)
        canvas.text(24, base, label, Style(size, GREY))
        for line in lines:
            canvas.text(24 + (44 if label else 0), base, line, Style(size, INK))
            base += size * LINE
        y += height
        canvas.rect(20, y, 170, 0.25, RULE)


def _row_lines(texts: tuple[str, ...], size: float) -> list[tuple[str, list[str]]]:
    split = (_field(printable(text)) for text in texts)
    return [(label, wrap(value, (118 if label else 162) / size, width_of) or [""]) for label, value in split]


def _field(text: str) -> tuple[str, str]:
    label, colon, value = text.partition("：")
    return (label, value.strip()) if colon and len(label) <= _LABEL else ("", text)


def _row_height(row: tuple[str, list[str]], size: float) -> float:
    return size * (LINE * len(row[1]) + 1.1)


def _seal(canvas: Canvas, document: Document, x: float, y: float) -> None:
    """The foot: code and serial on the left, issuer and date on the right, where the stamp goes."""
    width = _SIZES[document.kind][0]
    canvas.code(document.link, x - 3.2, y, 36)  # its quiet zone stands in the margin
    canvas.text(x + 36, y + 26, _CHECK, Style(4.6, INK))
    serial = fitted(f"编号 {document.serial}", 62, (4, 2), 1)
    for line in serial.lines:
        canvas.text(x + 36, y + 32, line, Style(serial.size, GREY))
    centre = width - x - 38
    issuer = fitted(document.issuer, 76, (6.4, 3.4), 2, "serif")
    centred_lines(canvas, issuer, y + 20 - issuer.size * LINE * (len(issuer.lines) - 1), centre, Style(issuer.size, INK, "serif"))
    centred(canvas, centre, y + 31, printable(document.date_text), Style(5.4, INK, "serif"))
