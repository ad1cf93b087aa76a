"""What the tests ask about processes, read from /proc."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path


def alive(pid: int) -> bool:
    """Whether the process runs; one that ended and waits to be collected does not."""
    with contextlib.suppress(OSError):
        return _fields(Path(f"/proc/{pid}/stat"))[0] != "Z"
    return False


def children(parent: int) -> set[int]:
    """The living children of a process."""
    return {pid for pid, fields in _living() if int(fields[1]) == parent}


def session_members(leader: int) -> set[int]:
    """The living processes of a session."""
    return {pid for pid, fields in _living() if int(fields[3]) == leader}


def family(parent: int) -> set[int]:
    """Everything in the sessions that a process started."""
    return {member for child in children(parent) for member in session_members(child)}


def eventually(holds: Callable[[], bool], seconds: float = 15) -> bool:
    """Poll until it holds; whether it did."""
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds()


def _living() -> Iterator[tuple[int, list[str]]]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = _fields(stat)
            if fields[0] != "Z":
                yield int(stat.parent.name), fields


def _fields(stat: Path) -> list[str]:
    """State, parent, process group, session, … of a process."""
    return stat.read_text(errors="replace").rpartition(")")[2].split()
