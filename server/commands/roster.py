"""`gongjian roster`: import units and members from Excel or CSV, download a template."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TaskID, TimeElapsedColumn
from rich.table import Table

from server import clock
from server.config import load
from server.db.base import reading, transaction
from server.domain.permissions import SYSTEM
from server.domain.problems import Problem
from server.domain.rosters import RosterKind
from server.process import start_process
from server.services import orgs, roster_files, rosters
from server.services.roster_plans import Progress as Report
from server.services.roster_plans import Supply

KIND = click.Choice([kind.value for kind in RosterKind])
SHOWN = 50  # errors on a screen


@click.group()
def command() -> None:
    """导入单位名册和党员名册，下载模板。"""


@command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--kind", type=KIND, required=True, help="members 党员，units 单位。")
@click.option("--node", required=True, help="为哪个组织导入：代码或编号，ROOT 为全县。")
@click.option("--supplied-by", required=True, help="名册由谁提供。")
@click.option("--basis", required=True, help="依据什么提供。")
@click.option("--valid-until", type=click.DateTime(["%Y-%m-%d"]), help="名册有效期至，如 2026-12-31。")
@click.option("--dry-run", is_flag=True, help="只核对，不写入。")
def import_(file: Path, kind: str, node: str, supplied_by: str, basis: str, valid_until: datetime | None, dry_run: bool) -> None:  # noqa: PLR0917 - click's options
    """导入 FILE（xlsx 或 CSV）；同一份名册可以重复导入。有错的行列出来，其余照常导入，退出码为 2。"""
    console = Console()
    supply = Supply(supplied_by, basis, valid_until.date() if valid_until else None)
    try:
        preview = _import(file, RosterKind(kind), node, supply, dry_run, console)
    except Problem as problem:
        raise click.ClickException("；".join([problem.message, *problem.fields.values()])) from None
    _report(console, preview, dry_run)
    raise SystemExit(2 if preview.errors else 0)


@command.command()
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--kind", type=KIND, required=True, help="members 党员，units 单位。")
def template(out: Path, kind: str) -> None:
    """把空白名册写到 OUT（xlsx）。"""
    out.write_bytes(roster_files.template(RosterKind(kind)))
    click.echo(f"模板已写到 {out}，填好后用 gongjian roster import 导入")


def _import(file: Path, kind: RosterKind, place: str, supply: Supply, dry_run: bool, console: Console) -> rosters.Preview:  # noqa: PLR0917
    data = file.read_bytes()
    sheets = roster_files.read_file(data, file.name)
    start_process(load())
    now = clock.now()
    with _bars(console) as report, reading() if dry_run else transaction() as session:
        node = orgs.by_code_or_id(session, place)
        preview = rosters.check(
            session, kind=kind, node=node, sheets=sheets, supply=supply, actor=SYSTEM, now=now, progress=report
        )  # fmt: skip
        if not dry_run:
            rosters.apply(
                session,
                preview=preview,
                node=node,
                filename=file.name,
                sha256=rosters.hash_of(data),
                supply=supply,
                actor=SYSTEM,
                now=now,
                progress=report,
            )
    return preview


@contextmanager
def _bars(console: Console) -> Iterator[Report]:
    """One bar a stage, shown as soon as the stage reports."""
    tasks: dict[str, TaskID] = {}
    with Progress(*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeElapsedColumn(), console=console) as bars:

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield report


def _report(console: Console, preview: rosters.Preview, dry_run: bool) -> None:
    head = "核对（没有写入）" if dry_run else "导入完成"
    if preview.errors:
        table = Table("单元格", "要改什么", title=f"{preview.sheet}：{len(preview.errors)} 处要改")
        for error in preview.errors[:SHOWN]:
            table.add_row(error.cell, error.message)
        console.print(table)
    if preview.ignored:
        console.print(f"没有用到的列：{'、'.join(preview.ignored)}", markup=False)
    console.print(
        f"{head}：共 {preview.rows} 行，新增 {preview.created}，更新 {preview.updated}，"
        f"不变 {preview.unchanged}，有错 {preview.failed}",
        soft_wrap=True, highlight=False,
    )  # fmt: skip
