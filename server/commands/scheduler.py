"""`gongjian scheduler`: rouse the periodic jobs."""

from __future__ import annotations

import signal
from threading import Event

import click


@click.command("scheduler")
def command() -> None:
    """运行定时进程：到时间就把该做的任务交给任务进程。"""
    from jobs import schedule
    from server.config import load
    from server.db import redis_client
    from server.process import start_process

    start_process(load())
    ended = Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    signal.signal(signal.SIGINT, lambda *_: ended.set())
    schedule.run(redis_client.client(), stopped=ended.wait)
