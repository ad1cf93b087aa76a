"""The access token of one mini-program, shared by every process through Redis.

One process fetches, under a lock and after looking again; the others read what it stored. A refused token is replaced
only while it is still the stored one, and the old one stays until the new one is there.
"""

from collections.abc import Callable

from redis import Redis
from redis.exceptions import RedisError

from server.wechat.errcodes import BUSY
from server.wechat.port import WechatRetryLater

MARGIN = 200  # seconds; WeChat renews within the last 300, an earlier call returns the old token again
SHORTEST = 30  # seconds
_LOCK_LIFE = 20  # seconds; longer than one fetch can take
_LOCK_WAIT = 15  # seconds


class StableToken:
    """``fetch`` returns (token, seconds to live) or raises WechatError."""

    def __init__(self, redis: Redis, appid: str, fetch: Callable[[], tuple[str, int]]) -> None:
        self._redis = redis
        self._key = f"wx:{appid}:stable_token"
        self._fetch = fetch

    def current(self) -> str:
        """The stored token, else a new one."""
        return _reached(lambda: self._stored() or self._renew(None))

    def renewed(self, stale: str) -> str:
        """A token other than ``stale``, unless WeChat itself still hands out that one."""
        return _reached(lambda: self._renew(stale))

    def _stored(self) -> str | None:
        value = self._redis.get(self._key)
        return value.decode() if isinstance(value, bytes) else value

    def _renew(self, stale: str | None) -> str:
        with self._redis.lock(f"{self._key}:lock", timeout=_LOCK_LIFE, blocking_timeout=_LOCK_WAIT) as lock:
            stored = self._stored()
            if stored and stored != stale:
                return stored
            token, seconds = self._fetch()
            if lock.owned():  # a fetch that outlived its lock must not replace a newer token
                self._redis.set(self._key, token, ex=max(seconds - MARGIN, SHORTEST))
            return token


def _reached(find: Callable[[], str]) -> str:
    try:
        return find()
    except RedisError as error:
        _, code, message = BUSY
        raise WechatRetryLater(None, code, message, f"redis: {type(error).__name__}") from None
