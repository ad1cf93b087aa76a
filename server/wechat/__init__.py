"""The process's WeChat client. Light to import: the client library is loaded when the first call is due."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from server.wechat.port import Wechat

if TYPE_CHECKING:
    from redis import Redis

    from server.config import Settings

_factory: Callable[[], Wechat] | None = None
_client: Wechat | None = None


def configure(factory: Callable[[], Wechat]) -> None:
    """Say how this process makes its client; start-up calls it, the first use makes it."""
    global _factory, _client
    _factory, _client = factory, None


def current() -> Wechat:
    """The process's client; configure() must have been called."""
    global _client  # noqa: PLW0603 - one client per process
    if _factory is None:
        raise RuntimeError("wechat.configure() first")
    if _client is None:
        _client = _factory()
    return _client


def from_settings(settings: Settings, redis: Redis) -> Wechat:
    """The client for a deployment's mini-program account. Raises ValueError for an address or key it must not use."""
    from server.wechat.client import make_client
    from server.wechat.guard import check_aes_key, check_base

    chosen, aes_key = settings.wechat, settings.secrets.aes_key.get_secret_value()
    check_aes_key(aes_key, settings.production)
    return make_client(
        appid=chosen.appid,
        secret=settings.secrets.wechat_secret.get_secret_value(),
        base=check_base(chosen.base, settings.production),
        redis=redis,
        push_token=settings.secrets.push_token.get_secret_value(),
        aes_key=aes_key,
        env_version=chosen.env_version,
        mp_state=chosen.mp_state,
        templates=chosen.templates,
    )
