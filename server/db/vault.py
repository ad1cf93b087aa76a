"""Sealed columns and look-up hashes (mission row G7).

A sealed value is `version suite kid nonce ciphertext+tag`; its key is HKDF(field ring root, salt = the subject's salt), so forgetting a
person's 32-byte salt destroys all that was sealed for him. AAD = table.column.public_id: a ciphertext cannot be moved to another row.
Values are found by HMAC of the normalised whole. Suite `aes` is AES-256-GCM + HMAC-SHA256, `sm` is SM4-GCM + HMAC-SM3.
"""

from __future__ import annotations

import fcntl
import hashlib
import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from server.db import keys

Suite = Literal["aes", "sm"]
SUITES: dict[Suite, int] = {"aes": 1, "sm": 2}
VERSION = 1
HEADER = 3
NONCE = 12
TAG = 16


class SealBroken(Exception):
    """A ciphertext does not belong to this row, this person or this key ring."""


@dataclass(frozen=True)
class Vault:
    """What a process needs to seal, open and look up: the rings and the suite new values are sealed with."""

    rings: keys.Rings
    suite: Suite


@dataclass(frozen=True)
class KeyFile:
    """Where the rings lie, what wraps them, and which writing of the file they were read from (mtime, inode)."""

    path: Path
    kek: bytes
    read: tuple[int, int]


_vault: Vault | None = None
_file: KeyFile | None = None


def open_file(path: Path, kek: bytes, suite: Suite) -> None:
    """Install the rings of a key file, which `refresh` and `change` then know. Raises KeyFileError."""
    rings = keys.load(path, kek)
    _install(Vault(rings, suite), KeyFile(path, kek, _written(path)))


def refresh() -> None:
    """Read the key file again where another process has written it: edges ask before they work, so a rotation needs no restart."""
    if _file is not None and _written(_file.path) != _file.read:
        open_file(_file.path, _file.kek, current().suite)


def change(step: Callable[[keys.Rings], keys.Rings]) -> None:
    """Change the rings in the file, one process at a time, and here. Raises KeyFileError."""
    if _file is None:
        raise RuntimeError("vault.open_file() first")
    with _file.path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        keys.save(_file.path, _file.kek, step(keys.load(_file.path, _file.kek)))
    refresh()


def configure(rings: keys.Rings, suite: Suite) -> None:
    """Install the process's rings (start-up, and again after a rotation)."""
    _install(Vault(rings, suite), None)


def current() -> Vault:
    """The process's vault; configure() must have been called."""
    if _vault is None:
        raise RuntimeError("vault.configure() first")
    return _vault


def _install(made: Vault, file: KeyFile | None) -> None:
    global _vault, _file
    _vault, _file = made, file
    _derive.cache_clear()


def _written(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_ino


def new_salt() -> bytes:
    """A fresh subject salt, 32 bytes; deleting it is the erasure."""
    return secrets.token_bytes(32)


def seal(salt: bytes, where: str, public_id: str, text: str) -> bytes:
    """Seal `text` for the subject with this salt; `where` is table.column."""
    vault = current()
    key = keys.signing(vault.rings["fields"])
    head = bytes((VERSION, SUITES[vault.suite], key.kid))
    nonce = secrets.token_bytes(NONCE)
    box = _encrypt(vault.suite, _derive(key.root, salt, vault.suite), nonce, text.encode(), _aad(head, where, public_id))
    return head + nonce + box


def open_sealed(salt: bytes | None, where: str, public_id: str, box: bytes | None) -> str:
    """The text of a sealed value; '' for an absent value or an erased subject. Raises SealBroken."""
    if box is None or salt is None:
        return ""
    head, nonce, rest = box[:HEADER], box[HEADER : HEADER + NONCE], box[HEADER + NONCE :]
    suite: Suite = "aes" if head[1] == SUITES["aes"] else "sm"
    root = next((key.root for key in current().rings["fields"] if key.kid == head[2]), None)
    if root is None:
        raise SealBroken(where)
    try:
        return _decrypt(suite, _derive(root, salt, suite), nonce, rest, _aad(head, where, public_id)).decode()
    except InvalidTag:
        raise SealBroken(where) from None


def lookup_hash(kind: str, text: str) -> str:
    """Hex HMAC of the normalised text, to find a row by `kind` (phone, name) without opening any."""
    root = keys.signing(current().rings["lookup"]).root
    algorithm: hashes.HashAlgorithm = hashes.SHA256() if current().suite == "aes" else hashes.SM3()
    mac = hmac.HMAC(root, algorithm)
    mac.update(f"{kind}\0{normalise(text)}".encode())
    return mac.finalize().hex()


def normalise(text: str) -> str:
    """NFKC, no white space: fullwidth digits and spaces inside names must not make two people of one."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def token_hash(token: str) -> str:
    """SHA-256 of a bearer token with 256 random bits; only the hash is stored."""
    return hashlib.sha256(token.encode()).hexdigest()


def _aad(head: bytes, where: str, public_id: str) -> bytes:
    return head + f"{where}.{public_id}".encode()


@lru_cache(maxsize=4096)
def _derive(root: bytes, salt: bytes, suite: Suite) -> bytes:
    length = 32 if suite == "aes" else 16
    return HKDF(hashes.SHA256(), length, salt, b"gongjian/fields/v1").derive(root)


def _encrypt(suite: Suite, key: bytes, nonce: bytes, data: bytes, aad: bytes) -> bytes:
    if suite == "aes":
        return AESGCM(key).encrypt(nonce, data, aad)
    sealer = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
    sealer.authenticate_additional_data(aad)
    return sealer.update(data) + sealer.finalize() + sealer.tag


def _decrypt(suite: Suite, key: bytes, nonce: bytes, box: bytes, aad: bytes) -> bytes:
    if suite == "aes":
        return AESGCM(key).decrypt(nonce, box, aad)
    opener = Cipher(algorithms.SM4(key), modes.GCM(nonce, box[-TAG:])).decryptor()
    opener.authenticate_additional_data(aad)
    return opener.update(box[:-TAG]) + opener.finalize()
