"""Rate limits per account, never per address alone: a family behind one router is not punished (docs/protocol.md §1).

Counted in the web process, so a deployment with n processes allows up to n times as much: these limits stop runaway clients, not attackers
with many accounts. The limit on forged codes is counted in Redis, for the whole instance.
"""

from __future__ import annotations

import time
from threading import Lock

from redis.exceptions import RedisError

from server.db import redis_client
from server.domain.problems import Problem

WINDOW_S = 60
PER_ACCOUNT = 240  # requests a minute and process
PER_ADDRESS = 1200  # requests without a token, a minute and process
SIGN_INS_PER_ADDRESS = 60  # passwords tried, a minute and process: an office behind one address stays below, spraying does not
BAD_CODES_PER_ACCOUNT = 20
BAD_CODES_PER_INSTANCE = 2000

_counts: dict[str, int] = {}
_window = 0
_lock = Lock()


def spend(key: str, limit: int) -> None:
    """Count one request of `key` in this minute. Raises TOO_MANY_REQUESTS past the limit."""
    global _counts, _window
    window = int(time.monotonic()) // WINDOW_S
    with _lock:
        if window != _window:
            _counts, _window = {}, window
        count = _counts.get(key, 0) + 1
        _counts[key] = count
    if count > limit:
        raise Problem("TOO_MANY_REQUESTS")


def note_bad_code(person_id: int) -> None:
    """Count a forged or malformed code. Raises QR_THROTTLED past 20 a minute for the account or 2,000 for the instance."""
    minute = int(time.time()) // WINDOW_S
    keys = (f"gongjian:bad:{person_id}:{minute}", f"gongjian:bad:all:{minute}")
    try:
        with redis_client.client().pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.incr(key)
                pipe.expire(key, 2 * WINDOW_S)
            mine, _, everyone, _ = pipe.execute()
    except RedisError:
        return
    if mine > BAD_CODES_PER_ACCOUNT or everyone > BAD_CODES_PER_INSTANCE:
        raise Problem("QR_THROTTLED")
