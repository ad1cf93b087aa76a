"""The clock port: the one place that reads the time. Edges read it and hand `now` down (docs/decisions/0002-clock.md).

Outside production an offset in seconds may stand in <data>/clock-offset, so that web, worker and scheduler play a week in a minute.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

_offset_file: Path | None = None
_cached: tuple[int, timedelta] = (-1, timedelta())


def configure(offset_file: Path | None) -> None:
    """Name the offset file; None (production) makes the offset impossible."""
    global _offset_file, _cached
    _offset_file, _cached = offset_file, (-1, timedelta())


def now() -> datetime:
    """The present, aware UTC, with the development offset where there is one."""
    return datetime.now(UTC) + offset()


def offset() -> timedelta:
    """The development offset; read again only when its file changed."""
    global _cached  # noqa: PLW0603 - one clock per process
    if _offset_file is None:
        return timedelta()
    try:
        stamp = _offset_file.stat().st_mtime_ns
    except FileNotFoundError:
        return timedelta()
    if stamp != _cached[0]:
        _cached = (stamp, timedelta(seconds=int(_offset_file.read_text() or 0)))
    return _cached[1]


def set_offset(seconds: int) -> datetime:
    """Set the offset for every process that shares the data directory. Raises PermissionError in production."""
    if _offset_file is None:
        raise PermissionError("the clock of a production system cannot be moved")
    _offset_file.parent.mkdir(parents=True, exist_ok=True)
    temporary = _offset_file.with_suffix(".new")
    temporary.write_text(str(seconds))
    temporary.replace(_offset_file)
    return now()
