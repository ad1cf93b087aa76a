"""A QR code as a picture of one pixel a module: a few hundred bytes, enlarged by whoever shows it. Light enough for a web process."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Literal

Ecc = Literal["L", "M", "Q", "H"]
QUIET: Final = 4  # modules of white around a code
_LEVELS: Final[dict[Ecc, int]] = {"L": 1, "M": 0, "Q": 3, "H": 2}  # the two bits that the code itself carries
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"


def link(base: str, token: str) -> str:
    """The ordinary link behind a code: WeChat opens the mini program for it, a browser the explaining page."""
    return f"{base.rstrip('/')}/q/{token}"


def modules(text: str, ecc: Ecc) -> Sequence[Sequence[bool]]:
    """The rows of `text` as QR code, True for dark, with the quiet zone. Raises ValueError for a text that is too long."""
    import qrcode  # loaded by those who draw

    code = qrcode.QRCode(error_correction=_LEVELS[ecc], border=QUIET)
    code.add_data(text, optimize=8)  # the token's capitals and digits take 5.5 bits each instead of 8
    code.make(fit=True)
    rows: Sequence[Sequence[bool]] = code.get_matrix()
    return rows


@lru_cache(maxsize=512)
def data_uri(text: str, ecc: Ecc = "M") -> str:
    """`text` as QR code in a PNG of one pixel a module, as a data: address; show it with whole pixels (image-rendering: pixelated)."""
    return "data:image/png;base64," + b64encode(png(modules(text, ecc))).decode()


def png(rows: Sequence[Sequence[bool]]) -> bytes:
    """Black and white pixels as PNG, one bit each."""
    width = len(rows[0])
    lines = b"".join(b"\0" + _packed(row) for row in rows)
    head = struct.pack(">IIBBBBB", width, len(rows), 1, 0, 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(lines, 9)) + _chunk(b"IEND", b"")


def _packed(row: Sequence[bool]) -> bytes:
    """Eight pixels a byte, white is 1."""
    bits = "".join("0" if dark else "1" for dark in row)
    padded = bits.ljust(-(-len(bits) // 8) * 8, "1")
    return int(padded, 2).to_bytes(len(padded) // 8)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
