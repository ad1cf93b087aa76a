"""What a camera sees: codes read from the pixels of a PNG, JPEG or PDF, and a code drawn as a screen would show it."""

from __future__ import annotations

import io
from typing import Any


def read(picture: bytes) -> str | None:
    """The text of the first code in the picture, from its pixels; None when there is none or it is no picture."""
    if picture.startswith(b"%PDF"):
        return next(iter(read_pdf(picture) or []), None)
    seen = _gray(picture)
    return None if seen is None else next(iter(_decode(seen)), None)


def read_pdf(pdf: bytes) -> list[str] | None:
    """The codes of all its pages, from their pixels; None where no rasteriser is installed (it is in development)."""
    try:
        import pypdfium2  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        return None
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [text for page in document for text in _decode(page.render(scale=2).to_pil().convert("L"))]
    finally:
        document.close()


def _decode(seen: Any) -> list[str]:
    import zxingcpp

    return [str(code.text) for code in zxingcpp.read_barcodes(seen)]


def screen(text: str) -> bytes:
    """A PNG of the text as a code on a screen."""
    import qrcode

    drawn = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, box_size=6, border=4)
    drawn.add_data(text)
    made = io.BytesIO()
    drawn.make_image().save(made, "PNG")
    return made.getvalue()


def photo(seed: int, size: tuple[int, int] = (640, 480)) -> bytes:
    """A JPEG as a phone would take it: another seed is another picture to the eye, with a position in its EXIF that must not survive."""
    import random

    from PIL import Image

    chance = random.Random(seed)
    coarse = Image.new("RGB", (8, 6))
    coarse.putdata([(chance.randrange(256), chance.randrange(256), chance.randrange(256)) for _ in range(48)])
    drawn = coarse.resize(size, Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x010E] = "示例照片"
    exif.get_ifd(0x8825)[1] = "N"
    made = io.BytesIO()
    drawn.save(made, "JPEG", quality=85, exif=exif)
    return made.getvalue()


def has_exif(picture: bytes) -> bool:
    """Does the picture carry more than pixels: a camera, a time, a position?"""
    from PIL import Image

    with Image.open(io.BytesIO(picture)) as opened:
        return bool(opened.getexif())


def _gray(picture: bytes) -> Any:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(picture)) as opened:
            clear = opened.convert("RGBA")
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    paper = Image.new("RGBA", clear.size, "white")
    paper.alpha_composite(clear)
    return paper.convert("L")
