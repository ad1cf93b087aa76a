"""`gongjian worker`: run the jobs."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from types import FrameType

import click

from server import defer


@click.command("worker")
@click.option("--queues", default=",".join(defer.QUEUES), show_default=True, help="只处理这些队列，用逗号分开；每个队列一个进程。")
@click.option("--burst", is_flag=True, help="做完现有的任务就退出（一个进程，按队列先后）。")
def command(queues: str, burst: bool) -> None:
    """运行任务进程。快队列（通知、统计）与慢队列（打印、图片）各用一个进程，互不等待。"""
    from jobs import workers
    from server.config import load
    from server.process import start_process

    names = [name.strip() for name in queues.split(",") if name.strip()]
    unknown = sorted(set(names) - set(defer.QUEUES))
    if unknown or not names:
        raise click.BadParameter(
            f"没有这个队列：{'、'.join(unknown) or '（空）'}，可用的是 {'、'.join(defer.QUEUES)}", param_hint="--queues"
        )
    start_process(load())
    workers.preload()
    if burst or len(names) == 1:
        workers.work(names, burst=burst)
        return
    sys.exit(_watch({_fork(partial(workers.work, [name], burst=False)) for name in names}))


def _fork(work: Callable[[], None]) -> int:
    """A process for one queue; returns its id."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid


def _watch(children: set[int]) -> int:
    """Hand SIGTERM and SIGINT on; when a child ends by itself end the others too, so that whoever supervises us starts all anew."""
    asked = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        _end(children)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while children:
        pid, _status = os.wait()
        children.discard(pid)
        if not asked:
            _end(children)
    return 0 if asked else 1


def _end(children: set[int]) -> None:
    for pid in children:
        os.kill(pid, signal.SIGTERM)
