"""`gongjian jobs`: deferred work that gave up, and trying it again."""

from __future__ import annotations

import sys

import click


@click.group("jobs")
def command() -> None:
    """查看和重试用完次数仍没做成的后台任务。"""
    from server.config import load
    from server.process import start_process

    start_process(load())


@command.command("list")
@click.option("--job", help="只看这一种任务，如 media.reencode。")
def list_(job: str | None) -> None:
    """列出用完次数、不会再自动重试的任务：编号、任务、次数、错误代码、何时提出。"""
    from rich.console import Console
    from rich.table import Table

    from server import clock
    from server.db.base import reading
    from server.services import outbox

    table = Table("编号", "任务", "次数", "错误", "提出于")
    with reading() as session:
        rows = outbox.given_up(session, now=clock.now(), job=job)
        for row in rows:
            table.add_row(str(row.id), row.job, str(row.tries), row.error or "", f"{row.created_at:%Y-%m-%d %H:%M}Z")
    if rows:
        Console().print(table)
    click.echo(f"共 {len(rows)} 项没做成。原因排除后用 gongjian jobs retry 重试。" if rows else "没有放弃的任务。")


@command.command()
@click.argument("ids", type=int, nargs=-1, metavar="[编号]...")
@click.option("--job", help="这一种任务里放弃的全部重试。")
@click.option("--all", "every", is_flag=True, help="放弃的全部重试。")
def retry(ids: tuple[int, ...], job: str | None, every: bool) -> None:
    """重试放弃的任务：给编号，或 --job，或 --all；一分钟内重新开始。做过的、正在做的不受影响，重复运行无妨。"""
    from server import clock
    from server.db.base import transaction
    from server.services import outbox

    if not (ids or job or every):
        raise click.UsageError("请给出编号，或 --job 任务名，或 --all")
    with transaction() as session:
        sent = outbox.retry(session, now=clock.now(), ids=list(ids) or None, job=job)
    missing = sorted(set(ids) - set(sent))
    click.echo(f"已安排重试 {len(sent)} 项。")
    if missing:
        click.echo(f"没有重试：{'、'.join(map(str, missing))}（不存在、已做成、正在做或还会自动重试）。", err=True)
        sys.exit(1)
