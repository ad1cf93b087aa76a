"""The only place that begins and ends transactions, and the only one that knows Flask-SQLAlchemy (house law 1)."""

from __future__ import annotations

import fcntl
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine, MetaData, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Session

from server.domain import ids

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Every model's parent; constraint names follow one convention so that migrations can name them."""

    metadata = MetaData(naming_convention=NAMING)


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})
_engine: Engine | None = None
_writer: Engine | None = None  # the same engine, its connections told that they write
_write_lock: Path | None = None
Hook = Callable[[], None]


def init_app(app: Flask) -> None:
    """Let Flask's own tools find the metadata and the database; requests use transaction(), never db.session (decision 0010)."""
    db.init_app(app)


def connect(url: str, *, pool_size: int = 6) -> Engine:
    """Make the process's engine (SQLite: WAL, FULL, BEGIN IMMEDIATE, write lock; PostgreSQL: psycopg 3)."""
    global _engine, _writer, _write_lock  # noqa: PLW0603 - one engine per process
    dispose()
    if url.startswith("sqlite"):
        _engine, _write_lock = _sqlite(url, pool_size)
    else:
        _write_lock = None
        url = url.replace("postgresql://", "postgresql+psycopg://", 1)
        _engine = create_engine(url, pool_size=pool_size, max_overflow=0, pool_pre_ping=False, pool_recycle=1800, hide_parameters=True)
    _writer = _engine.execution_options(write=True)
    return _engine


def engine() -> Engine:
    """The process's engine; connect() must have been called."""
    if _engine is None:
        raise RuntimeError("connect() first")
    return _engine


def _writing() -> Engine:
    if _writer is None:
        raise RuntimeError("connect() first")
    return _writer


def dispose(*, close: bool = True) -> None:
    """Drop the connections: on shutdown, or (close=False) in a forked child that must not touch its parent's sockets."""
    if _engine is not None:
        _engine.dispose(close=close)


def _sqlite_module() -> Any:
    """SQLite ≥ 3.51.3 (older ones can corrupt a WAL two processes write to), from pysqlite3 where the system's is older."""
    if sqlite3.sqlite_version_info >= (3, 51, 3):
        return sqlite3
    import pysqlite3

    return pysqlite3


def _sqlite(url: str, pool_size: int) -> tuple[Engine, Path]:
    path = Path(url.removeprefix("sqlite:///"))
    path.parent.mkdir(parents=True, exist_ok=True)
    made = create_engine(url, module=_sqlite_module(), pool_size=pool_size, max_overflow=0, hide_parameters=True)

    @event.listens_for(made, "connect")
    def set_up(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(made, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("write") else "BEGIN")

    return made, path.with_suffix(".lock")


@contextmanager
def one_writer() -> Iterator[None]:
    """SQLite's busy handler sleeps with back-off; the kernel's lock queue does not (18-42 times lower p99 with threads)."""
    if _write_lock is None:
        yield
        return
    handle = os.open(_write_lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def after_commit(session: Session, hook: Hook) -> None:
    """Run `hook` once the transaction has committed; on rollback it is dropped."""
    session.info.setdefault("hooks", []).append(hook)


@contextmanager
def transaction() -> Iterator[Session]:
    """One unit of work: commit at the end and then run the hooks, roll back on any exception. Opened by edges only."""
    with one_writer(), Session(_writing(), expire_on_commit=False) as session:
        with session.begin():
            yield session
        hooks = session.info.pop("hooks", [])
    for hook in hooks:
        hook()


@contextmanager
def reading() -> Iterator[Session]:
    """A session for reads: nothing is written, no write lock is taken.

    It ends with a commit, because after a rollback psycopg forgets the connection's prepared statements.
    """
    with Session(engine(), expire_on_commit=False) as session:
        yield session
        session.commit()


def new_public_id() -> str:
    """A fresh random public id."""
    return ids.public_id(secrets.token_bytes(9))
