"""The real PostgreSQL and Redis of a test session: one of each, shared by the xdist workers, gone with the last.

The first process that asks starts a keeper, a process that starts the server and then waits for an exclusive lock on
a file that every user of the server holds shared. The kernel drops a lock with its process, however that ended: so
the keeper stops the server after the last user, be it done, interrupted or killed, and nobody has to remember it.
"""

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

if __name__ == "__main__":  # the keeper is this file as a script; the project may not be on its path
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from server.dev import embedded

_held: dict[Path, int] = {}  # our shared locks, kept open until this process ends


def postgres_server(tmp_root: Path) -> str:
    """SQLAlchemy url of the session's PostgreSQL, started when first asked; its database is "postgres"."""
    return _shared("postgres", tmp_root)


def redis_server(tmp_root: Path) -> str:
    """Url of the session's Redis, database 0; take `redis_database` of it."""
    return _shared("redis", tmp_root)


def redis_database(url: str, worker_id: str) -> str:
    """The database of one xdist worker ("gw3" → 4; "master", without xdist → 1); empty it before use."""
    number = int(worker_id.removeprefix("gw")) + 1 if worker_id.startswith("gw") else 1
    assert number < embedded.REDIS_DATABASES, worker_id
    return f"{url.partition('?')[0]}?db={number}"


def create_database(url: str, name: str, *, template: str = "template1") -> str:
    """A fresh database `name` on the server of `url`, dropping an old one, copied from `template`; returns its url.

    Nobody may be connected to the template.
    """
    import psycopg
    from psycopg import sql

    with psycopg.connect(libpq(url), autocommit=True) as line:
        line.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        line.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
    return database_url(url, name)


def template_database(url: str, tmp_root: Path, name: str, build: Callable[[str], None]) -> str:
    """Make the template `name` once a session: the first worker calls `build(its url)`, the others wait.

    `build` migrates the empty database and closes every connection to it. Returns `name`, for `create_database`.
    """
    with locked(tmp_root / f"template-{name}.lock"):
        done = tmp_root / f"template-{name}.done"
        if not (done.exists() and done.read_text() == url):
            build(create_database(url, name))
            done.write_text(url)
    return name


def database_url(url: str, name: str) -> str:
    """`url` with another database on the same server."""
    server, _, query = url.partition("?")
    return f"{server.rpartition('/')[0]}/{name}?{query}"


def libpq(url: str) -> str:
    """What psycopg.connect takes, of SQLAlchemy's url."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process of the test session at a time."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _shared(kind: str, tmp_root: Path) -> str:
    url_file, users = tmp_root / f"{kind}.url", tmp_root / f"{kind}.users"
    with locked(tmp_root / f"{kind}.lock"):
        if users not in _held:
            _held[users] = os.open(users, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(_held[users], fcntl.LOCK_SH)  # waits while an old keeper, without users, stops its server
        if not url_file.exists():
            _start_keeper(kind, tmp_root)
        return url_file.read_text()


def _start_keeper(kind: str, tmp_root: Path) -> None:
    command = [sys.executable, str(Path(__file__).resolve()), kind, str(tmp_root)]
    started = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if started.returncode != 0:
        raise RuntimeError(f"{kind} did not start: {started.stdout}{started.stderr}")


def _keep(kind: str, tmp_root: Path) -> None:
    """Start the server from a process of its own session, report, and stay until the last user has gone."""
    reader, writer = os.pipe()
    if os.fork():
        os.close(writer)
        said = os.read(reader, 65536).decode()
        sys.exit(None if said == "ready" else said or "it ended without a word")  # None is code 0, a text is code 1
    os.setsid()  # a Ctrl-C in the terminal is for pytest; we notice when it has gone
    _redirect_output(tmp_root / f"{kind}.log")
    try:
        running = _start(kind, tmp_root)
    except BaseException as error:
        os.write(writer, f"{type(error).__name__}: {error}".encode())
        raise
    (tmp_root / f"{kind}.url").write_text(running.url)
    os.write(writer, b"ready")
    os.close(writer)
    _stay(kind, tmp_root, running)


def _start(kind: str, tmp_root: Path) -> embedded.Running:
    if kind == "postgres":
        return embedded.start_postgres(durable=False)
    return embedded.start_redis(tmp_root / "redis")


def _stay(kind: str, tmp_root: Path, running: embedded.Running) -> None:
    users = os.open(tmp_root / f"{kind}.users", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(users, fcntl.LOCK_EX)
    (tmp_root / f"{kind}.url").unlink(missing_ok=True)
    running.stop()


def _redirect_output(log: Path) -> None:
    null, sink = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number, target in ((0, null), (1, sink), (2, sink)):
        os.dup2(target, number)


if __name__ == "__main__":
    _keep(sys.argv[1], Path(sys.argv[2]))
