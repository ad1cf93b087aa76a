"""What job tests share: dying half-way, and a real worker process."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from server.db import base

ROOT = Path(__file__).resolve().parents[2]


def dies(act: Callable[[], object]) -> None:
    """Run `act` in a child that must be killed by SIGKILL on the way."""
    pid = os.fork()
    if pid == 0:
        base.dispose(close=False)
        try:
            act()
        finally:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status), status
    assert os.WTERMSIG(status) == signal.SIGKILL


def suicide(*_args: object, **_named: object) -> None:
    """Put this where the child shall die."""
    os.kill(os.getpid(), signal.SIGKILL)


def gongjian(*words: str, data: Path, redis_url: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """A gongjian command on this test's database and Redis, to its end."""
    env = environment(data, redis_url)
    return subprocess.run(command(*words), cwd=ROOT, env=env, capture_output=True, text=True, timeout=timeout, check=False)


def beside(*words: str, data: Path, redis_url: str) -> subprocess.Popen[bytes]:
    """A gongjian command that goes on running; end() it."""
    with (data / f"{words[0]}.log").open("wb") as log:
        return subprocess.Popen(command(*words), cwd=ROOT, env=environment(data, redis_url), stderr=log)


def end(process: subprocess.Popen[bytes]) -> int:
    """SIGTERM, and the exit code; one that does not end is killed, which is a negative code."""
    process.terminate()
    try:
        return process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "server", *words]


def environment(data: Path, redis_url: str) -> dict[str, str]:
    return {
        **os.environ,
        "GONGJIAN_ENVIRONMENT": "test",
        "GONGJIAN_FILES_DATA": str(data),
        "GONGJIAN_KEK": base64.b64encode(b"k" * 32).decode(),  # the fixture `vaulted` made keys.json with it
        "REDIS_URL": redis_url,
        "DATABASE_URL": base.engine().url.render_as_string(hide_password=False),
    }
