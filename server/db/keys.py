"""Key rings in a file, every root wrapped by the key-encryption key from the environment (docs/decisions/0004-keys.md).

Three rings, never mixed: `qr` (codes' MACs, 32 places, docs/protocol.md §1), `lookup` (HMAC to find a name or a phone), `fields` (sealed
columns). Each key is `sign` (exactly one per ring), `verify` or `retired`; a kid is never reused.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

RingName = Literal["qr", "lookup", "fields"]
KeyState = Literal["sign", "verify", "retired"]
RINGS: tuple[RingName, ...] = ("qr", "lookup", "fields")
PLACES = 32


class KeyFileError(Exception):
    """The key file cannot be opened; the message says what to do."""


@dataclass(frozen=True)
class Key:
    """One root of a ring: 32 bytes and what it may still do."""

    kid: int
    root: bytes
    state: KeyState


Rings = Mapping[RingName, tuple[Key, ...]]


def signing(keys: tuple[Key, ...]) -> Key:
    """The ring's one key that makes new things."""
    return next(key for key in keys if key.state == "sign")


def load(path: Path, kek: bytes) -> Rings:
    """Open the key file; make it with one key a ring where there is none. Raises KeyFileError."""
    if not path.exists():
        fresh: Rings = {ring: (Key(1, secrets.token_bytes(32), "sign"),) for ring in RINGS}
        save(path, kek, fresh, only_new=True)
    stored = json.loads(path.read_text())
    return {ring: tuple(_unwrap(kek, ring, row) for row in stored[ring]) for ring in RINGS}


def save(path: Path, kek: bytes, rings: Rings, *, only_new: bool = False) -> None:
    """Write the rings atomically, readable by the owner alone; only_new leaves a file another process made first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({ring: [_wrap(kek, ring, key) for key in keys] for ring, keys in rings.items()}, indent=1)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    try:
        if only_new:
            os.link(temporary, path)
        else:
            os.replace(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink(missing_ok=True)


def add(rings: Rings, ring: RingName) -> Rings:
    """First step of a rotation: a new key that everywhere verifies before anything is made with it."""
    kid = max(key.kid for key in rings[ring]) + 1
    if kid >= PLACES:
        raise KeyFileError("这个密钥环已用满 32 个位置，请按运维手册换新的部署名")
    return {**rings, ring: (*rings[ring], Key(kid, secrets.token_bytes(32), "verify"))}


def promote(rings: Rings, ring: RingName, kid: int) -> Rings:
    """Second step: `kid` makes new things, the former one only verifies."""
    if not any(key.kid == kid and key.state == "verify" for key in rings[ring]):
        raise KeyFileError(f"密钥环 {ring} 里没有可启用的 {kid} 号密钥，请先 gongjian keys add")
    states: dict[int, KeyState] = {key.kid: key.state for key in rings[ring]}
    states[signing(rings[ring]).kid], states[kid] = "verify", "sign"
    return {**rings, ring: tuple(Key(key.kid, key.root, states[key.kid]) for key in rings[ring])}


def retire(rings: Rings, ring: RingName, kid: int) -> Rings:
    """Last step, or the first for a compromised key: nothing made with `kid` is accepted any more."""
    if signing(rings[ring]).kid == kid:
        raise KeyFileError("正在使用的密钥不能停用，请先启用另一把")
    return {**rings, ring: tuple(Key(k.kid, k.root, "retired" if k.kid == kid else k.state) for k in rings[ring])}


def _wrap(kek: bytes, ring: str, key: Key) -> dict[str, str | int]:
    nonce = secrets.token_bytes(12)
    box = AESGCM(kek).encrypt(nonce, key.root, f"{ring}/{key.kid}".encode())
    return {"kid": key.kid, "state": key.state, "root": base64.b64encode(nonce + box).decode()}


def _unwrap(kek: bytes, ring: str, row: dict[str, str | int]) -> Key:
    box = base64.b64decode(str(row["root"]))
    try:
        root = AESGCM(kek).decrypt(box[:12], box[12:], f"{ring}/{row['kid']}".encode())
    except InvalidTag:
        raise KeyFileError("密钥文件与 GONGJIAN_KEK 对不上，请换回当初的 KEK") from None
    state = str(row["state"])
    if state not in ("sign", "verify", "retired"):
        raise KeyFileError(f"密钥状态 {state} 不认识，请恢复密钥文件的备份")
    return Key(int(row["kid"]), root, state)  # type: ignore[arg-type]
