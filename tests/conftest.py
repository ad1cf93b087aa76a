"""What every test may ask for: both databases, a real Redis, the application, the time.

`tests/service`, `tests/api`, `tests/jobs` and `tests/console` run on SQLite and on PostgreSQL; `tests/unit` and `tests/house` need neither.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from server import clock, files, limits
from server import wechat as port
from server.config import DEVELOPMENT_SECRETS, Settings, load
from server.db import base, keys, redis_client, vault
from server.services import codes
from server.wechat.port import Wechat
from server.wechat.simulator.serving import beside
from server.wechat.simulator.world import Options
from tests import servers
from tests.simulator import Simulator

ON_BOTH = ("service", "api", "jobs", "console")
START = datetime(2026, 3, 5, 1, 0, tzinfo=UTC)  # Thursday, 09:00 in Shanghai


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what needs a database on both of them."""
    if "database" in metafunc.fixturenames and Path(str(metafunc.definition.path)).parent.name in ON_BOTH:
        metafunc.parametrize("database", ["sqlite", "postgres"], indirect=True)


class Time:
    """The present of a test; it stands still until it is moved."""

    def __init__(self, at: datetime) -> None:
        self.now = at

    def advance(self, **by: int) -> datetime:
        """Move on by hours=…, minutes=…, days=…"""
        self.now += timedelta(**by)
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """The clock port, standing still at START."""
    stopped = Time(START)
    monkeypatch.setattr(clock, "now", lambda: stopped.now)
    return stopped


@pytest.fixture
def now(time: Time) -> datetime:
    """The present at the beginning of the test."""
    return time.now


@pytest.fixture(scope="session")
def shared_root(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """One directory for all xdist workers of this session."""
    root = tmp_path_factory.getbasetemp()
    return root if worker_id == "master" else root.parent


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    """`gw0` … under xdist, `master` without."""
    return str(getattr(request.config, "workerinput", {}).get("workerid", "master"))


def build_schema(url: str) -> None:
    """Bring an empty database to the newest schema, as a deployment does."""
    from server.db import schema

    schema.upgrade(base.connect(url))
    base.dispose()


@pytest.fixture(scope="session")
def sqlite_template(shared_root: Path) -> Path:
    """A migrated SQLite file, copied for each test."""
    path = shared_root / "template.db"
    with servers.locked(shared_root / "template.lock"):
        if not path.exists():
            making = shared_root / "making.db"
            build_schema(f"sqlite:///{making}")
            making.rename(path)
    return path


@pytest.fixture(scope="session")
def postgres_database(shared_root: Path, worker_id: str) -> str:
    """This worker's PostgreSQL database; emptied after each test that used it."""
    url = servers.postgres_server(shared_root)
    template = servers.template_database(url, shared_root, "gongjian_template", build_schema)
    return servers.create_database(url, f"test_{worker_id}", template=template)


@pytest.fixture(scope="session")
def redis_url(shared_root: Path, worker_id: str) -> str:
    """This worker's database of the session's real Redis."""
    return servers.redis_database(servers.redis_server(shared_root), worker_id)


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A migrated, empty database of the kind the test is run for."""
    kind = getattr(request, "param", "sqlite")
    if kind == "sqlite":
        path = tmp_path / "gongjian.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield base.connect(f"sqlite:///{path}")
    else:
        made = base.connect(request.getfixturevalue("postgres_database"))
        yield made
        _empty(made)
    base.dispose()


def _empty(made: Engine) -> None:
    """DELETE what has rows and begin its ids anew; a TRUNCATE writes every table that refers to them, too: half a second."""
    tables = base.Base.metadata.sorted_tables
    with made.begin() as connection:
        ask = " UNION ALL ".join(f"SELECT '{table.name}' WHERE EXISTS (SELECT 1 FROM {table.name})" for table in tables)  # noqa: S608 - ours
        used = [row[0] for row in connection.execute(text(ask))]
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # no order among them, no triggers
        for name in used:
            connection.execute(text(f"DELETE FROM {name}"))  # noqa: S608 - our own names
        numbered = [table.name for table in tables if table.name in used and "id" in table.columns]
        if numbered:
            anew = ", ".join(f"setval(pg_get_serial_sequence('{name}', 'id'), 1, false)" for name in numbered)
            connection.execute(text(f"SELECT {anew}"))


@pytest.fixture
def redis(redis_url: str) -> Iterator[Any]:
    """The real Redis, empty."""
    client = redis_client.connect(redis_url)
    client.flushdb()
    yield client
    client.close()


@pytest.fixture
def vaulted(tmp_path: Path) -> None:
    """Fresh key rings, the instance's name, an empty files store."""
    vault.configure(keys.load(tmp_path / "keys.json", b"k" * 32), "aes")
    codes.configure("demo")
    files.configure(tmp_path / "files")


@pytest.fixture
def session(database: Engine, redis: Any, vaulted: None, time: Time) -> Iterator[Session]:
    """An open transaction for service tests; what it did is committed at the end, so that constraints speak."""
    with base.transaction() as opened:
        yield opened


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    """Settings of a test: the development secrets, everything in a temporary directory."""
    return load(env={"GONGJIAN_ENVIRONMENT": "test", "GONGJIAN_FILES_DATA": str(tmp_path), "REDIS_URL": redis_url})


@pytest.fixture(scope="session")
def running_simulator() -> Iterator[Simulator]:
    """One WeChat simulator for the whole session, in a thread; `simulator` is it, as at its start."""
    given = {name: DEVELOPMENT_SECRETS[name] for name in ("push_token", "aes_key")}
    with beside(Options(secret=DEVELOPMENT_SECRETS["wechat_secret"], settings=given)) as running:
        yield Simulator(running.url)


@pytest.fixture
def simulator(running_simulator: Simulator) -> Simulator:
    """The simulated WeChat and the phones in it (docs/simulator.md), emptied."""
    running_simulator.post("reset")
    return running_simulator


@pytest.fixture
def wechat(simulator: Simulator, settings: Settings, redis: Any) -> Wechat:
    """The real client on the simulator, over HTTP; it is the process's client."""
    aimed = settings.model_copy(update={"wechat": settings.wechat.model_copy(update={"base": simulator.base})})
    port.configure(lambda: port.from_settings(aimed, redis))
    return port.current()


@pytest.fixture(scope="session")
def built_app() -> Flask:
    """The web application, built once a worker: its five hundred routes cost a third of a second."""
    from server.app import create_app

    return create_app(load(env={"GONGJIAN_ENVIRONMENT": "test"}))


@pytest.fixture
def app(built_app: Flask, database: Engine, vaulted: None, settings: Settings, time: Time, wechat: Wechat) -> Flask:  # noqa: PLR0917
    """The whole web application on this test's database, Redis, WeChat, settings and clock."""
    built_app.config["SETTINGS"] = settings
    limits._counts = {}  # the minute's requests of the tests before
    return built_app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """HTTP without a socket."""
    return app.test_client()
