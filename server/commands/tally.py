"""`gongjian tally`: the figures once more, from the records themselves."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click

SHOWN = 20


@click.group("tally")
def command() -> None:
    """重算统计，或核对逐笔累计与重算是否一致。"""
    from server.config import load
    from server.process import start_process

    start_process(load())


@command.command()
@click.option("--json", "as_json", is_flag=True, help="只输出一个 JSON 对象。")
def rebuild(as_json: bool) -> None:
    """按服务记录重算全部统计；运行期间确认记录会稍等。"""
    from server import clock
    from server.db.base import transaction
    from server.services import tally_checks

    with transaction() as session, _progress("重算", show=not as_json) as step:
        records = tally_checks.rebuild(session, now=clock.now(), progress=step)
    click.echo(json.dumps({"records": records}) if as_json else f"已按 {records} 条有效服务记录重算统计。")


@command.command()
@click.option("--json", "as_json", is_flag=True, help="只输出一个 JSON 对象。")
def verify(as_json: bool) -> None:
    """核对统计：逐笔累计 = 按服务记录重算。不一致时列出并以 1 退出。"""
    from server.db.base import reading
    from server.services import tally_checks

    with reading() as session, _progress("核对", show=not as_json) as step:
        found = tally_checks.verify(session, step)
    if as_json:
        click.echo(json.dumps({"equal": not found, "differences": [asdict(one) for one in found]}, default=str))
    else:
        for one in found[:SHOWN]:
            person = f" 人员#{one.person_id}" if one.person_id else ""
            click.echo(f"{one.scope}#{one.scope_id} {one.period} {one.starts_on}{person} {one.figure}：现为 {one.held}，应为 {one.rebuilt}")
        click.echo(f"共 {len(found)} 处不一致，请运行 gongjian tally rebuild 重算。" if found else "统计一致：逐笔累计与重算完全相同。")
    sys.exit(1 if found else 0)


@contextmanager
def _progress(what: str, *, show: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar over the years, on the terminal's error stream; nothing where a program reads us."""
    if not show:
        yield lambda _done, _all: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, years: bar.update(task, completed=done, total=years)
