"""One running instance per data directory: its lock, its ports, its development secrets, and how others find it.

In the data directory: run.lock (held by the supervisor; JSON {"pid", "base"} while it runs), dev-secrets.env (made
once, 0600), run.env (the addresses of the running parts, so that a command in a second terminal reaches them) and
demo/console.env (name and password of the demonstration's secretary at the console, of this instance alone).
"""

from __future__ import annotations

import base64
import errno
import fcntl
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

LOCK = "run.lock"
SECRETS = "dev-secrets.env"
ADDRESSES = "run.env"
CONSOLE = "demo/console.env"


class InstanceError(Exception):
    """The instance cannot start; the text says in one Chinese sentence what to do."""


class AlreadyRunningError(InstanceError):
    """Another supervisor holds this data directory."""


@contextmanager
def only_one(data: Path, base: str) -> Iterator[bool]:
    """Hold the data directory; yields whether an earlier supervisor was killed and may still be dying.

    Raises AlreadyRunningError with the other's pid and address.
    """
    handle = os.open(data / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        left = os.pread(handle, 4096, 0)
        _lock(handle, left)
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({"pid": os.getpid(), "base": base}).encode(), 0)
        yield bool(left)
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _lock(handle: int, said: bytes) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        other = json.loads(said or b"{}")
        raise AlreadyRunningError(
            f"已经在运行了：{other.get('base', '地址未知')}（进程 {other.get('pid', '未知')}），要重新启动请先在它的终端按 Ctrl-C。"
        ) from None


def require_free_port(host: str, port: int, variable: str, *, patience: float = 0.0) -> None:
    """Raise InstanceError naming the port and the variable that changes it; wait `patience` seconds for it first."""
    deadline = time.monotonic() + patience
    while not _is_free(host, port):
        if time.monotonic() >= deadline:
            raise InstanceError(f"端口 {port} 被别的程序占用了，请关掉那个程序，或换一个端口：{variable}={port + 100} make run。")
        time.sleep(0.1)


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT can be listened on
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise InstanceError(f"不能监听 {host}:{port}（{error.strerror}），请换一个地址或端口。") from None
    return True


def free_port(host: str = "127.0.0.1") -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def development_secrets(data: Path) -> dict[str, str]:
    """GONGJIAN_KEK (32 bytes, base64) and GONGJIAN_SECRET_KEY of this data directory, made when first asked."""
    file = data / SECRETS
    if not file.exists():
        made = {
            "GONGJIAN_KEK": base64.b64encode(os.urandom(32)).decode(),
            "GONGJIAN_SECRET_KEY": secrets.token_urlsafe(32),
        }
        write_env(file, made)
    return read_env(file)


def write_env(file: Path, values: Mapping[str, str]) -> None:
    """Write NAME=value lines for our eyes only; whole or not at all."""
    draft = file.with_suffix(".tmp")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as lines:
        lines.writelines(f"{name}={value}\n" for name, value in values.items())
    draft.replace(file)


def read_env(file: Path) -> dict[str, str]:
    """The NAME=value lines of a file, none where it does not exist."""
    if not file.exists():
        return {}
    return dict(line.split("=", 1) for line in file.read_text(encoding="utf-8").splitlines() if "=" in line)


def environment_of(data: Path) -> dict[str, str]:
    """What a command in a second terminal needs to reach the instance of `data`: its secrets and its addresses."""
    return read_env(data / SECRETS) | read_env(data / ADDRESSES)
