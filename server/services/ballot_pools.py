"""The tokens of a cell: hashes in the pool table, the tokens themselves in Redis alone, sealed under the field keys (docs/protocol.md §4).

Redis writes a file of its own, which would tell who drew what if a token stood in it as it is.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError, WatchError
from sqlalchemy import insert
from sqlalchemy.orm import Session

from server.db import redis_client, vault
from server.db.base import after_commit
from server.db.models.ballots import Cell, PoolToken
from server.domain.problems import Problem

BATCH, LOW, KEPT_S = 64, 8, 600  # a phone whose answer was lost asks again within ten minutes
SALT = b"gongjian ballots, one subject v1"  # ballots belong to nobody: there is no person's salt to seal them under
TOKEN, POOLS, KEPT = "ballot_pool.token", "gongjian:ballots:", "gongjian:ballot-kept:"


def draw(cell: Cell, *, kept: str, fresh: bool) -> str:
    """Pop a token of the cell, or give the one again that is kept under this name. Raises BALLOT_TOKEN_TAKEN (fetched longer ago)."""
    try:
        redis: Any = redis_client.client()
        box = redis.get(kept_key(cell, kept))
        if box is None:
            if not fresh:
                raise Problem("BALLOT_TOKEN_TAKEN")
            box = redis.lpop(pool_key(cell))
            if box is None or not redis.set(kept_key(cell, kept), box, ex=KEPT_S):
                raise Problem("UNAVAILABLE")
    except RedisError:
        raise Problem("UNAVAILABLE") from None
    return vault.open_sealed(SALT, TOKEN, cell.public_id, box)


def stock(session: Session, cell: Cell) -> None:
    """Fill the cell's pool when it runs low: hashes now, tokens into Redis after the commit, each in an order of its own."""
    try:
        left: Any = redis_client.client().llen(pool_key(cell))
    except RedisError:
        raise Problem("UNAVAILABLE") from None
    if left >= LOW:
        return
    tokens = [secrets.token_urlsafe(32) for _ in range(BATCH)]
    rows = [{"token_hash": vault.token_hash(token), "cell_id": cell.id} for token in tokens]
    secrets.SystemRandom().shuffle(rows)
    session.execute(insert(PoolToken), rows)
    boxes = [vault.seal(SALT, TOKEN, cell.public_id, token) for token in tokens]
    after_commit(session, lambda: _push(cell, boxes))


def empty(session: Session, cell: Cell) -> None:
    """Nobody draws from this cell any more: its tokens leave Redis after the commit."""
    after_commit(session, lambda: _drop(cell))


def pool_key(cell: Cell) -> str:
    """The Redis list with the cell's tokens."""
    return f"{POOLS}{cell.public_id}"


def kept_key(cell: Cell, name: str) -> str:
    """Where the token stays for ten minutes that was drawn under this name."""
    return f"{KEPT}{cell.public_id}:{name}"


def sealed(wanted: Callable[[bytes], bool]) -> int:
    """How many tokens in Redis are sealed with a key `wanted` says yes to, by its kid (one byte). Raises RedisError."""
    return sum(sum(wanted(_kid(box)) for box in _boxes(key)) for key in _keys())


def reseal(stale: Callable[[bytes], bool]) -> int:
    """Seal one list (or one kept token) anew that has boxes of a stale key; how many boxes it had, 0 when nothing is left."""
    for key in _keys():
        with suppress(WatchError):  # a token was drawn meanwhile: the next run takes the list again
            done = _reseal(key, stale)
            if done:
                return done
    return 0


def _push(cell: Cell, boxes: list[bytes]) -> None:
    """A push that fails leaves hashes without tokens, which do no harm: the next request for one makes others."""
    with suppress(RedisError):
        redis_client.client().rpush(pool_key(cell), *boxes)


def _drop(cell: Cell) -> None:
    """Tokens that stay behind are good for nothing: their cell is closed."""
    with suppress(RedisError):
        redis_client.client().delete(pool_key(cell))


def _keys() -> Iterator[bytes]:
    redis: Any = redis_client.client()
    for prefix in (POOLS, KEPT):
        yield from redis.scan_iter(match=f"{prefix}*")


def _boxes(key: bytes) -> list[bytes]:
    redis: Any = redis_client.client()
    if key.startswith(POOLS.encode()):
        return list(redis.lrange(key, 0, -1))
    box = redis.get(key)
    return [] if box is None else [box]


def _reseal(key: bytes, stale: Callable[[bytes], bool]) -> int:
    """All or nothing, in the order in which they lay. Raises WatchError when the list changed meanwhile."""
    redis: Any = redis_client.client()
    with redis.pipeline() as pipe:
        pipe.watch(key)
        boxes = _boxes(key)
        if not any(stale(_kid(box)) for box in boxes):
            return 0
        cell = key.decode().split(":")[2]
        fresh = [vault.seal(SALT, TOKEN, cell, vault.open_sealed(SALT, TOKEN, cell, box)) for box in boxes]
        pipe.multi()
        if key.startswith(POOLS.encode()):
            pipe.delete(key)
            pipe.rpush(key, *fresh)
        else:
            pipe.set(key, fresh[0], xx=True, keepttl=True)
        pipe.execute()
    return len(boxes)


def _kid(box: bytes) -> bytes:
    return box[vault.HEADER - 1 : vault.HEADER]
