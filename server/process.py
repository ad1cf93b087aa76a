"""What a process of ours begins with. It knows neither routes nor pages: a command or a worker starts without loading them."""

from __future__ import annotations

import base64

from server import clock, files, logs, wechat
from server.config import Settings
from server.db import base, redis_client, vault
from server.services import codes
from server.wechat.guard import check_aes_key, check_base


def start_process(settings: Settings) -> None:
    """What every process (web, worker, scheduler, command) needs before it works: logs, clock, database, Redis, keys."""
    logs.configure()
    clock.configure(None if settings.production else settings.data_dir / "clock-offset")
    base.connect(settings.database_url, pool_size=settings.database.pool_size)
    redis_client.connect(settings.redis.url or f"unix://{settings.data_dir / 'valkey-9' / 's.sock'}?db=0")
    kek = base64.b64decode(settings.secrets.kek.get_secret_value())
    vault.open_file(settings.data_dir / "keys.json", kek, settings.crypto.suite)
    codes.configure(settings.instance)
    files.configure(settings.data_dir / "files")
    check_base(settings.wechat.base, settings.production)  # now, not at the first login
    check_aes_key(settings.secrets.aes_key.get_secret_value(), settings.production)
    wechat.configure(lambda: wechat.from_settings(settings, redis_client.client()))
