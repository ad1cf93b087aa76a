"""The real simulator and the real Redis behind the port."""

from collections.abc import Iterator

import pytest
from redis import Redis

from server.wechat.port import Wechat
from tests.servers import redis_database, redis_server
from tests.service.wechat.support import client
from tests.simulator import Simulator, running_simulator


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    with running_simulator() as running:
        yield running


@pytest.fixture
def wx(simulator: Simulator) -> Simulator:
    simulator.post("reset")
    return simulator


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Redis]:
    root = tmp_path_factory.getbasetemp()
    url = redis_database(redis_server(root if worker_id == "master" else root.parent), worker_id)
    with Redis.from_url(url) as connection:
        connection.flushdb()
        yield connection


@pytest.fixture
def port(wx: Simulator, store: Redis) -> Wechat:
    return client(wx, store)
