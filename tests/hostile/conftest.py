"""Hostile tests share one populated instance, built once a session: its database, keys and files are copied for each test."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from server import files, limits
from server.db import base, keys, redis_client, vault
from server.services import codes
from tests import servers
from tests.conftest import START, build_schema
from tests.hostile.world import World, build, finish

KEK = b"k" * 32


@pytest.fixture(scope="session")
def hostile_root(shared_root: Path, redis_url: str) -> Path:
    """The directory of the populated instance: world.db, world.json, keys.json, files/."""
    root = shared_root / "hostile"
    redis_client.connect(redis_url)  # services wake jobs
    with servers.locked(shared_root / "hostile.lock"):
        if not (root / "world.json").exists():
            root.mkdir(exist_ok=True)
            _configure(root)
            _populate(root, f"sqlite:///{root / 'world.db'}", "world.json")
    return root


@pytest.fixture(scope="session")
def world_template(hostile_root: Path, shared_root: Path) -> str:
    """The populated PostgreSQL database that tests copy. Its ids are in postgres.json."""
    _configure(hostile_root)
    server = servers.postgres_server(shared_root)
    return servers.template_database(server, shared_root, "gongjian_hostile", lambda url: _populate(hostile_root, url, "postgres.json"))


def _configure(root: Path) -> None:
    vault.configure(keys.load(root / "keys.json", KEK), "aes")
    codes.configure("demo")
    files.configure(root / "files")


def _populate(root: Path, url: str, name: str) -> None:
    build_schema(url)
    base.connect(url)
    world = build(START - timedelta(hours=2))
    finish(world, START)
    base.dispose()
    (root / name).write_text(json.dumps(asdict(world), ensure_ascii=False))


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path, hostile_root: Path, shared_root: Path, worker_id: str) -> Iterator[Engine]:
    """A copy of the populated database; `postgres` where the test asks for it, else SQLite."""
    if getattr(request, "param", "sqlite") == "sqlite":
        shutil.copy(hostile_root / "world.db", tmp_path / "gongjian.db")
        made = base.connect(f"sqlite:///{tmp_path / 'gongjian.db'}")
        event.listen(made, "connect", lambda line, _record: line.execute("PRAGMA synchronous=OFF"))  # thousands of refusals are kept
    else:
        template = request.getfixturevalue("world_template")
        made = base.connect(
            servers.create_database(servers.postgres_server(shared_root), f"hostile_{worker_id}", template=template), pool_size=12
        )
    yield made
    base.dispose()


@pytest.fixture
def vaulted(tmp_path: Path, hostile_root: Path) -> None:
    """The keys the world was sealed with, a copy of its files."""
    _configure(hostile_root)
    shutil.copytree(hostile_root / "files", tmp_path / "files")
    files.configure(tmp_path / "files")


@pytest.fixture
def world(database: Engine, hostile_root: Path) -> World:
    """The ids and tokens of the populated instance."""
    name = "world.json" if database.dialect.name == "sqlite" else "postgres.json"
    return World(**json.loads((hostile_root / name).read_text()))


@pytest.fixture(autouse=True)
def a_new_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """The world's tokens are the same in all tests: each begins with nothing spent, and leaves nothing spent."""
    monkeypatch.setattr(limits, "_counts", {})


@pytest.fixture
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fuzzer asks more often than a person may."""
    monkeypatch.setattr(limits, "PER_ACCOUNT", 10**9)
    monkeypatch.setattr(limits, "PER_ADDRESS", 10**9)
    monkeypatch.setattr(limits, "SIGN_INS_PER_ADDRESS", 10**9)
