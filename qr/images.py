"""QR pictures, and the two surfaces that posters and documents are drawn on: pixels (Pillow) and PDF pages (fpdf2).

Heavy: only workers and commands import this module. Lengths are in millimetres of the page, y grows downwards.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from io import BytesIO
from typing import Any, Final, Literal, Protocol

import pylopdf_fonts_zh_cn
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
from fpdf import FPDF
from fpdf.enums import TextMode
from PIL import Image, ImageDraw, ImageFont

from qr import typesetting
from qr.bitmaps import Ecc, modules
from qr.typesetting import Fitted

Face = Literal["sans", "serif"]
LINE: Final = 1.32  # from base line to base line, in ems
RISE: Final = 0.88  # from the top of a line to its base line, in ems

_FONTS: Final[dict[Face, str]] = {
    "sans": str(pylopdf_fonts_zh_cn.sans_path()),
    "serif": str(pylopdf_fonts_zh_cn.serif_path()),
}
_BOLD: Final = 0.028  # stroke around a glyph in ems: the package has regular weights only
_PT: Final = 72 / 25.4
_DRAWN: Final = datetime(2026, 1, 1, tzinfo=UTC)  # the same content gives the same bytes, whenever it is drawn


@dataclass(frozen=True)
class Style:
    """How a line of text looks; `size` is the em in millimetres, `colour` is #RRGGBB."""

    size: float
    colour: str
    face: Face = "sans"
    bold: bool = False


class Canvas(Protocol):
    """What a layout may draw; a position is the top left corner, for text the left end of its base line."""

    def rect(self, x: float, y: float, width: float, height: float, colour: str) -> None: ...
    def disc(self, x: float, y: float, diameter: float, colour: str) -> None: ...
    def text(self, x: float, y: float, line: str, style: Style) -> None: ...
    def picture(self, image: Image.Image, x: float, y: float, side: float) -> None: ...
    def code(self, text: str, x: float, y: float, side: float) -> None: ...


def qr_png(text: str, *, box: int, ecc: Ecc = "M") -> Image.Image:
    """A grey-scale picture of `text` as QR code, `box` pixels a module, with the quiet zone of four modules.

    Level M suits screens, Q paper that gets wet and torn. Raises ValueError when box < 1 or the text is too long.
    """
    if box < 1:
        raise ValueError("box must be at least 1 pixel")
    rows = modules(text, ecc)
    pixels = bytes(0 if dark else 255 for row in rows for dark in row)
    side = len(rows)
    return Image.frombytes("L", (side, side), pixels).resize((side * box, side * box), Image.Resampling.NEAREST)


def png_bytes(image: Image.Image, dpi: int | None = None) -> bytes:
    """The picture as PNG, with its resolution when it is meant for paper."""
    out = BytesIO()
    image.save(out, "PNG", optimize=False, **({"dpi": (dpi, dpi)} if dpi else {}))
    return out.getvalue()


def width_of(text: str, face: Face = "sans") -> float:
    """Width of a text in ems; both surfaces set text with these widths."""
    return sum(_advance(char, face) for char in text)


def printable(text: str) -> str:
    """The text as one line that both fonts can show (see typesetting.clean)."""
    return typesetting.clean(text, lambda char: ord(char) in _glyphs())


class Raster:
    """A page of pixels: `scale` pixels a millimetre."""

    def __init__(self, width: float, height: float, scale: float) -> None:
        self.scale = scale
        self.image = Image.new("RGB", (round(width * scale), round(height * scale)), "#FFFFFF")
        self._draw = ImageDraw.Draw(self.image)

    def rect(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        left, top = self._px(x), self._px(y)
        right, bottom = max(left + 1, self._px(x + width)), max(top + 1, self._px(y + height))
        self._draw.rectangle((left, top, right - 1, bottom - 1), fill=colour)

    def disc(self, x: float, y: float, diameter: float, colour: str) -> None:
        side = self._px(diameter)
        mask = Image.new("L", (side * 4, side * 4))
        ImageDraw.Draw(mask).ellipse((0, 0, side * 4 - 1, side * 4 - 1), fill=255)
        self.image.paste(colour, (self._px(x), self._px(y)), mask.resize((side, side), Image.Resampling.LANCZOS))

    def text(self, x: float, y: float, line: str, style: Style) -> None:
        size = style.size * self.scale
        self._draw.text(
            (x * self.scale, y * self.scale),
            line,
            fill=style.colour,
            font=_font(style.face, size),
            anchor="ls",
            stroke_width=size * _BOLD / 2 if style.bold else 0,
        )

    def picture(self, image: Image.Image, x: float, y: float, side: float) -> None:
        sized = image.convert("RGB").resize((self._px(side), self._px(side)), Image.Resampling.LANCZOS)
        self.image.paste(sized, (self._px(x), self._px(y)))

    def code(self, text: str, x: float, y: float, side: float) -> None:
        room = self._px(side)
        image = qr_png(text, box=max(1, room // len(modules(text, "Q"))), ecc="Q")
        rest = (room - image.width) // 2
        self.image.paste(image, (self._px(x) + rest, self._px(y) + rest))

    def _px(self, length: float) -> int:
        return round(length * self.scale)


class Sheets:
    """A PDF of pages, each drawn in the same millimetres and scaled to its paper."""

    def __init__(self) -> None:
        self._pdf: Any = FPDF(unit="mm")
        self._pdf.set_creation_date(_DRAWN)
        self._pdf.set_auto_page_break(False)
        self._pdf.set_margin(0)
        self._pdf.set_lang("zh-CN")
        self._scale = 1.0
        for face, path in _FONTS.items():
            self._pdf.add_font(face, fname=path)

    def page(self, width: float, height: float, scale: float = 1.0) -> None:
        """Begin a page of `width` × `height` millimetres of the layout, enlarged `scale` times on paper."""
        self._scale = scale
        self._pdf.add_page(format=(width * scale, height * scale))

    def output(self) -> bytes:
        """The finished file."""
        return bytes(self._pdf.output())

    def rect(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        self._pdf.set_fill_color(colour)
        self._pdf.rect(*(length * self._scale for length in (x, y, width, height)), style="F")

    def disc(self, x: float, y: float, diameter: float, colour: str) -> None:
        self._pdf.set_fill_color(colour)
        self._pdf.ellipse(*(length * self._scale for length in (x, y, diameter, diameter)), style="F")

    def text(self, x: float, y: float, line: str, style: Style) -> None:
        points = style.size * self._scale * _PT
        mode = TextMode.FILL_STROKE if style.bold else TextMode.FILL
        with self._pdf.local_context(text_mode=mode, text_color=style.colour, draw_color=style.colour):
            self._pdf.set_font(style.face, size=points)
            self._pdf.set_line_width(points * _BOLD)
            self._pdf.text(x * self._scale, y * self._scale, line)

    def picture(self, image: Image.Image, x: float, y: float, side: float) -> None:
        place = (length * self._scale for length in (x, y, side, side))
        self._pdf.image(image, *place)

    def code(self, text: str, x: float, y: float, side: float) -> None:
        self.picture(qr_png(text, box=12, ecc="Q"), x, y, side)


def centred(canvas: Canvas, centre: float, y: float, line: str, style: Style) -> None:
    """Draw a line around `centre`."""
    canvas.text(centre - width_of(line, style.face) * style.size / 2, y, line, style)


def fitted(text: str, width: float, sizes: tuple[float, float], lines: int, face: Face = "sans", *, keep: float = 0.8) -> Fitted:
    """Clean text in lines of at most `width` millimetres, between two sizes in millimetres (typesetting.fit)."""
    measure = partial(width_of, face=face)
    return typesetting.fit(printable(text), width, sizes, lines, measure=measure, keep=keep)


def height_of(text: Fitted) -> float:
    """Millimetres that the lines take, one below the other."""
    return len(text.lines) * text.size * LINE


def centred_lines(canvas: Canvas, text: Fitted, base: float, centre: float, style: Style) -> None:
    """Draw fitted lines around `centre`, the first on the base line `base`."""
    for line in text.lines:
        centred(canvas, centre, base, line, style)
        base += text.size * LINE


@lru_cache(maxsize=64)
def _font(face: Face, size: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(_FONTS[face], size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=8192)
def _advance(char: str, face: Face) -> float:
    return _font(face, 1000).getlength(char) / 1000


@lru_cache(maxsize=1)
def _glyphs() -> frozenset[int]:
    return frozenset.intersection(*(_glyphs_of(path) for path in _FONTS.values()))


def _glyphs_of(path: str) -> frozenset[int]:
    with TTFont(path, lazy=True) as font:
        return frozenset(font.getBestCmap())
