"""Child processes: started so that they die with us, ended by pid, with their last words at hand.

Linux does all of it. Elsewhere a child outlives a parent that was killed with SIGKILL; everything else holds.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def spawn(
    command: Sequence[str],
    *,
    log: Path | None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: int | None = None,
    death_signal: int = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, its output appended to `log`; it gets `death_signal` when we die.

    Without a log its output goes where ours goes.
    `user` (only as root) is the uid and gid it runs as, without further groups. Call it from the main thread: Linux
    ties the death signal to the thread that started the child. Raises OSError when the command cannot be run.
    """
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(log.open("ab")) if log else None
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT if sink else None,
            env=env,
            cwd=cwd,
            start_new_session=True,  # a terminal's Ctrl-C reaches us alone, and we end the children in order
            preexec_fn=_die_with(os.getpid(), death_signal),  # noqa: PLW1509  (two system calls, no lock taken)
            **identity(user),
        )


class Identity(TypedDict, total=False):
    """The arguments of subprocess that say who a child runs as."""

    user: int
    group: int
    extra_groups: list[int]


def identity(user: int | None) -> Identity:
    """Run as `user`, alone in its group; for None the child stays who we are."""
    return {} if user is None else {"user": user, "group": user, "extra_groups": []}


def _die_with(parent: int, death_signal: int) -> Callable[[], None]:
    def prepare() -> None:
        if _libc is None:
            return
        _libc.prctl(PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:  # we died between fork and here: nobody would ever send the signal
            os._exit(1)

    return prepare


def end(process: subprocess.Popen[bytes], *, ask: int = signal.SIGTERM, grace: float = 10.0) -> int:
    """Ask the child to stop, wait `grace` seconds, kill what is left of its session; returns its exit code."""
    if process.poll() is None:
        process.send_signal(ask)
        try:
            process.wait(timeout=grace)
        except subprocess.TimeoutExpired:
            process.kill()
    code = process.wait()
    kill_session(process.pid)
    return code


def kill_session(leader: int) -> None:
    """Kill what a dead session leader left behind, such as a job's process whose worker was killed."""
    for pid in _session_members(leader):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _session_members(leader: int) -> Iterator[int]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = stat.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:  # it ended while we were looking
            continue
        state, session = after_name[0], int(after_name[3])
        if session == leader and state != "Z":
            yield int(stat.parent.name)


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], *, seconds: float) -> bool:
    """Poll `ready` until it holds (True), or until the process ended or the time is over (False)."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        if ready():
            return True
        time.sleep(0.01)
    return False


def tail(log: Path, lines: int = 15) -> str:
    """The last `lines` lines of a log, "" when there is none."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
