"""The two servers under measurement, started alike: granian, two workers of four blocking threads, four connections a pool."""

from __future__ import annotations

import base64
import os
import secrets
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from server.dev.processes import end, spawn, tail, wait_until

ROOT = Path(__file__).resolve().parents[2]
WORKERS, THREADS = 2, 4


@dataclass(frozen=True)
class Server:
    """A running server on 127.0.0.1."""

    port: int
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End it and all its workers."""
        end(self.process)


def environment(database: str, redis: str, folder: Path) -> dict[str, str]:
    """The service's environment: production, so that every guard is up; secrets are drawn for this run."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("GONGJIAN_", "WECHAT_"))},
        "PYTHONPATH": str(ROOT),
        "GONGJIAN_ENVIRONMENT": "production",
        "GONGJIAN_INSTANCE": "bench",
        "GONGJIAN_WEB_PUBLIC_BASE": "https://bench.example",
        "GONGJIAN_WEB_TRUSTED_PROXIES": "1",
        "GONGJIAN_WECHAT_BASE": "https://api.weixin.qq.com",
        "GONGJIAN_DATABASE_POOL_SIZE": str(THREADS),
        "GONGJIAN_FILES_DATA": str(folder),
        "DATABASE_URL": database,
        "REDIS_URL": redis,
        "GONGJIAN_KEK": base64.b64encode(secrets.token_bytes(32)).decode(),
        "GONGJIAN_SECRET_KEY": secrets.token_hex(32),
        "WECHAT_SECRET": secrets.token_hex(16),
        "WECHAT_PUSH_TOKEN": secrets.token_hex(16),
        "WECHAT_AES_KEY": secrets.token_hex(32)[:43],
    }


def service(env: Mapping[str, str], log: Path) -> Server:
    """The service as deployed; its log goes to a file."""
    return _granian("server.wsgi:app", env, ROOT, log, "/healthz")


def floor(dsn: str, log: Path) -> Server:
    """tests/bench/floor.py on the same server and settings."""
    env = {**os.environ, "FLOOR_DSN": dsn, "FLOOR_POOL": str(THREADS)}
    return _granian("floor:app", env, Path(__file__).parent, log, "/hello")


def worker(env: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """The real job worker."""
    return spawn([sys.executable, "-m", "server", "worker"], log=log, env=env, cwd=ROOT)


def _granian(target: str, env: Mapping[str, str], cwd: Path, log: Path, alive: str) -> Server:
    port = _free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", "--log-level", "warning"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", str(WORKERS), "--blocking-threads", str(THREADS), target]
    process = spawn(command, log=log, env=env, cwd=cwd)
    if not wait_until(lambda: _answers(f"http://127.0.0.1:{port}{alive}"), process, seconds=60):
        end(process)
        raise RuntimeError(f"{target} did not start:\n{tail(log, 40)}")
    return Server(port, process)


def _free_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        port: int = line.getsockname()[1]
        return port


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except OSError:
        return False
