"""The 20-byte token inside every code: mint it, read it, or say why not (docs/protocol.md §1).

Pure: object handles, slots, nonces and the time are arguments. Only the server holds keys, so only the server verifies.
"""

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal
from urllib.parse import unquote

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

VERSION: Final = 1
TOKEN_BYTES: Final = 20
MAX_EPOCH: Final = 255
STEP: Final = MappingProxyType({"screen": 30, "person": 300})  # seconds a slot lives

_INFO: Final = b"gongjian/qr/v1"
_BODY: Final = 12
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SHAPE: Final = re.compile(f"[{_ALPHABET}]{{32}}")
_TO_PYTHON: Final = str.maketrans(_ALPHABET, "0123456789ABCDEFGHIJKLMNOPQRSTUV")
_LOOKALIKES: Final = str.maketrans("OIL", "011")
_QUERY: Final = re.compile(r"(?:^|[?&])(?:t|scene)=([^&#]*)", re.IGNORECASE)
_MAX_TEXT: Final = 2048  # longer input is no link of ours, and is not worth normalising
_DUMMY_ROOT: Final = bytes(32)  # costs an unknown key id the same time as a known one; never accepted


class Mode(IntEnum):
    """How long one token of a code lives."""

    STATIC = 0
    ROTATING = 1
    ONE_TIME = 2


class Kind(IntEnum):
    """What a code stands for."""

    COMMUNITY = 1
    TASK = 2
    ACTIVITY = 3
    VENUE = 4
    PERSON = 5
    MEETING = 6
    STATION = 7
    SHIFT = 8
    CERTIFICATE = 9
    AGREEMENT = 10
    CONSOLE_LOGIN = 11
    WRITE_OFF = 12


_FIXED: Final = frozenset({Mode.STATIC})
_EITHER: Final = frozenset({Mode.STATIC, Mode.ROTATING})
_ONCE: Final = frozenset({Mode.ONE_TIME})

ALLOWED_MODES: Final[Mapping[Kind, frozenset[Mode]]] = MappingProxyType(
    {
        Kind.COMMUNITY: _FIXED,
        Kind.TASK: _EITHER,
        Kind.ACTIVITY: _EITHER,
        Kind.VENUE: _FIXED,
        Kind.PERSON: _EITHER,
        Kind.MEETING: _EITHER,
        Kind.STATION: _FIXED,
        Kind.SHIFT: _EITHER,
        Kind.CERTIFICATE: _FIXED,
        Kind.AGREEMENT: _FIXED,
        Kind.CONSOLE_LOGIN: _ONCE,
        Kind.WRITE_OFF: _ONCE,
    }
)

_PAIRS: Final = frozenset((int(kind), int(mode)) for kind, modes in ALLOWED_MODES.items() for mode in modes)

KeyState = Literal["sign", "verify", "retired"]
Refusal = Literal["QR_FORMAT", "QR_VERSION", "QR_FORGED", "QR_KEY_RETIRED"]


class BadToken(Exception):
    """A text that is no token of this instance.

    `code` may be shown outside; `reason` (length, alphabet, version, unknown_kid, mac, retired_kid, mode, slot) is for
    the refused-scan ledger only, because it would tell a forger how far he got.
    """

    def __init__(self, code: Refusal, reason: str) -> None:
        super().__init__(code)
        self.code: Refusal = code
        self.reason = reason


@dataclass(frozen=True)
class RingKey:
    """One place of the key ring: 32 bytes or more of secret, and what it may still do."""

    root: bytes = field(repr=False)
    state: KeyState


@dataclass(frozen=True)
class KeyRing:
    """The keys of one instance by key id (0–31), of which exactly one signs.

    Raises ValueError when a place is out of range, a root is shorter than 32 bytes, or not exactly one key signs.
    """

    instance: str
    keys: Mapping[int, RingKey]

    def __post_init__(self) -> None:
        if not 1 <= len(self.instance.encode()) <= 255:
            raise ValueError("instance name must be 1 to 255 bytes")
        if any(not 0 <= kid < 32 or len(key.root) < 32 for kid, key in self.keys.items()):
            raise ValueError("key ids are 0 to 31 and roots at least 32 bytes")
        if sum(key.state == "sign" for key in self.keys.values()) != 1:
            raise ValueError("exactly one key must be in state sign")

    @property
    def signing_kid(self) -> int:
        """The id of the one key that signs."""
        return next(kid for kid, key in self.keys.items() if key.state == "sign")


@dataclass(frozen=True)
class Token:
    """The fields of a token whose MAC was right; `raw` (20 bytes) is what uniqueness and idempotency use."""

    mode: Mode
    kind: Kind
    kid: int
    epoch: int
    obj: int
    slot: int
    raw: bytes


def mint(ring: KeyRing, *, mode: Mode, kind: Kind, epoch: int, obj: int, slot: int = 0) -> str:
    """The 32-character token, signed by the ring's signing key.

    `obj` is the code's random 40-bit handle; `slot` is 0 (static), the time slot (rotating) or a 32-bit nonce
    (one-time). Raises ValueError for a mode the kind may not use or a field out of range (docs/protocol.md §1).
    """
    if (kind, mode) not in _PAIRS:
        raise ValueError(f"{kind!r} codes may not be {mode!r}")
    if not (0 <= epoch <= MAX_EPOCH and 0 <= obj < 1 << 40 and 0 <= slot < 1 << 32):
        raise ValueError("epoch, obj or slot out of range")
    if mode == Mode.STATIC and slot:
        raise ValueError("a static token has slot 0")
    kid = ring.signing_kid
    head = VERSION << 13 | mode << 11 | kind << 5 | kid
    body = (head << 80 | epoch << 72 | obj << 32 | slot).to_bytes(_BODY)
    return scene_text(body + _mac(ring.keys[kid].root, ring.instance, body))


def read(ring: KeyRing, text: str) -> Token:
    """The token in a scanned or typed text (a bare token, a link to it, or a mini-program scene).

    Raises BadToken. The MAC is computed for every well-formed text, with a dummy key where the key id is unknown.
    """
    raw = _unpack(normalise(text))
    bits = int.from_bytes(raw[:_BODY])
    if bits >> 93 != VERSION:
        raise BadToken("QR_VERSION", "version")
    kid = bits >> 80 & 0x1F
    _check_mac(ring, kid, raw)
    mode, kind, slot = bits >> 91 & 3, bits >> 85 & 0x3F, bits & 0xFFFFFFFF
    if (kind, mode) not in _PAIRS:
        raise BadToken("QR_FORGED", "mode")
    if mode == Mode.STATIC and slot:
        raise BadToken("QR_FORGED", "slot")
    return Token(Mode(mode), Kind(kind), kid, bits >> 72 & 0xFF, bits >> 32 & 0xFF_FFFF_FFFF, slot, raw)


def normalise(text: str) -> str:
    """The bare token text of a link, scene or typed code: strip, percent-decode once, NFKC, upper case, O→0, I and L→1.

    Raises BadToken QR_FORMAT when the input is longer than 2,048 characters.
    """
    if len(text) > _MAX_TEXT:
        raise BadToken("QR_FORMAT", "length")
    text = text.strip()
    query = _QUERY.search(text)
    piece = query[1] if query else re.split(r"[?#]", text, maxsplit=1)[0].rstrip("/").rpartition("/")[2]
    return unicodedata.normalize("NFKC", unquote(piece)).upper().translate(_LOOKALIKES)


def scene_text(raw: bytes) -> str:
    """The 32 characters of 20 bytes: what a link ends with and what a mini-program code carries as `scene`.

    Raises ValueError when `raw` is not 20 bytes.
    """
    if len(raw) != TOKEN_BYTES:
        raise ValueError("a token is 20 bytes")
    bits = int.from_bytes(raw)
    return "".join(_ALPHABET[bits >> shift & 31] for shift in range(155, -1, -5))


def fingerprint(text: str) -> str:
    """SHA-256 (hex) of a refused text as it came: the ledger keeps this and never the text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def step_of(kind: Kind) -> int:
    """Seconds a rotating slot of this kind lives: 300 for a personal code, 30 for everything on a screen."""
    return STEP["person" if kind is Kind.PERSON else "screen"]


def slot_at(now_s: int, step: int) -> int:
    """The slot of a unix time in seconds."""
    return now_s // step


def slot_start(slot: int, step: int) -> int:
    """The unix second at which a slot begins."""
    return slot * step


def _unpack(text: str) -> bytes:
    if len(text) != 32:
        raise BadToken("QR_FORMAT", "length")
    if not _SHAPE.fullmatch(text):
        raise BadToken("QR_FORMAT", "alphabet")
    return int(text.translate(_TO_PYTHON), 32).to_bytes(TOKEN_BYTES)


def _check_mac(ring: KeyRing, kid: int, raw: bytes) -> None:
    key = ring.keys.get(kid)
    wanted = _mac(key.root if key else _DUMMY_ROOT, ring.instance, raw[:_BODY])
    same = hmac.compare_digest(wanted, raw[_BODY:])
    if key is None:
        raise BadToken("QR_FORGED", "unknown_kid")
    if not same:
        raise BadToken("QR_FORGED", "mac")
    if key.state == "retired":  # said only to a code that we did sign: its poster has to be printed again
        raise BadToken("QR_KEY_RETIRED", "retired_kid")


def _mac(root: bytes, instance: str, body: bytes) -> bytes:
    name = instance.encode()
    return hmac.digest(_derived(root), _INFO + b"\0" + bytes([len(name)]) + name + body, "sha256")[:8]


@lru_cache(maxsize=64)
def _derived(root: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=bytes(32), info=_INFO).derive(root)
