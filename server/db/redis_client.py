"""The process's Redis connection: transport for jobs, counters and locks; never the only place where something is known."""

from __future__ import annotations

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

_client: Redis | None = None
_url = ""


def connect(url: str) -> Redis:
    """Make the process's client (lazy: nothing is sent yet). Short timeouts: Redis may be down and nothing is lost."""
    global _client, _url  # noqa: PLW0603 - one client per process
    _url = url
    _client = Redis.from_url(url, socket_timeout=3, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0))
    return _client


def client() -> Redis:
    """The process's client; connect() must have been called."""
    if _client is None:
        raise RuntimeError("connect() first")
    return _client


def patient() -> Redis:
    """A client of its own for who waits long for an answer: a worker that listens for jobs. connect() must have been called."""
    return Redis.from_url(_url, socket_connect_timeout=1)
