"""The files port: bytes by content hash in areas, in a local directory (house decision "Files"; docs/operations.md).

An area is a short path such as `media` or `uploads/<public id>`. The row that owns a file holds its hash; a file nobody's row holds is
litter that a sweep may delete, never the other way round: bytes are on the disk before the row is committed.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from pathlib import Path

AREA = re.compile(r"[a-z]+(?:/[0-9A-Za-z]+)?")
_root: Path | None = None


def configure(root: Path) -> None:
    """Name the directory that holds all files of this deployment."""
    global _root  # noqa: PLW0603 - one store per process
    _root = root


def put(area: str, data: bytes) -> str:
    """Keep the bytes; returns their SHA-256 in hex. Keeping the same bytes again changes nothing."""
    digest = hashlib.sha256(data).hexdigest()
    path = _path(area, digest)
    if path.exists():
        return digest
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{digest}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)
    return digest


def get(area: str, digest: str) -> bytes:
    """The bytes. Raises FileNotFoundError."""
    return _path(area, digest).read_bytes()


def delete(area: str, digest: str) -> None:
    """Forget the bytes; forgetting them again changes nothing."""
    _path(area, digest).unlink(missing_ok=True)


def _path(area: str, digest: str) -> Path:
    if _root is None:
        raise RuntimeError("files.configure() first")
    if not AREA.fullmatch(area) or not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise ValueError("no such place for a file")
    return _root / area / digest[:2] / digest
