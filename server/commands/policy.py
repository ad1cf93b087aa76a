"""`gongjian policy`: show and set the county's rules and limits."""

from __future__ import annotations

from datetime import datetime

import click
from rich.console import Console
from rich.table import Table

from server import clock
from server.config import load
from server.db.base import reading, transaction
from server.domain.days import local_day
from server.domain.permissions import SYSTEM
from server.domain.problems import Problem
from server.process import start_process
from server.services import orgs, policies


@click.group()
def command() -> None:
    """查看和设定规则与限额；每次设定都留下原因。"""


@command.command("list")
@click.option("--node", help="对哪个组织：代码或编号，默认全县。")
def list_(node: str | None) -> None:
    """列出今天有效的全部规则。"""
    start_process(load())
    with reading() as session:
        try:
            node_id = orgs.by_code_or_id(session, node).id if node else None
        except Problem as problem:
            raise click.ClickException(problem.message) from None
        values = policies.table(session, today=local_day(clock.now()), node_id=node_id)
    table = Table("规则", "今天的值", "默认", "范围", "含义")
    for key, value in values.items():
        policy = policies.POLICIES[key]
        table.add_row(key, str(value), str(int(policy.default)), f"{policy.low}–{policy.high}", policy.meaning)
    Console().print(table)


@command.command()
@click.argument("key")
def show(key: str) -> None:
    """一项规则的全部历史。"""
    start_process(load())
    with reading() as session:
        try:
            rows = policies.history(session, key)
        except Problem as problem:
            raise click.ClickException(problem.message) from None
    table = Table("从哪天起", "值", "范围", "原因", title=f"{key}：{policies.POLICIES[key].meaning}")
    for row, _node, name in rows:
        table.add_row(f"{row.valid_from:%Y-%m-%d}", str(row.value), name or "全县", row.why)
    table.add_row("（默认）", str(int(policies.POLICIES[key].default)), "全县", "")
    Console().print(table)


@command.command("set")
@click.argument("key")
@click.argument("value", type=int)
@click.option("--why", required=True, help="原因。")
@click.option("--node", help="对哪个组织及其下级，默认全县。")
@click.option("--from", "valid_from", type=click.DateTime(["%Y-%m-%d"]), help="从哪天起，默认今天。")
def set_(key: str, value: int, why: str, node: str | None, valid_from: datetime | None) -> None:
    """把 KEY 设为 VALUE（开关为 0 或 1）。"""
    start_process(load())
    now = clock.now()
    day = valid_from.date() if valid_from else local_day(now)
    try:
        with transaction() as session:
            node_id = orgs.by_code_or_id(session, node).id if node else None
            policies.put(session, key=key, value=value, why=why, valid_from=day, node_id=node_id, actor=SYSTEM, now=now)
    except Problem as problem:
        raise click.ClickException("；".join([problem.message, *problem.fields.values()])) from None
    click.echo(f"已设定 {key} = {value}，从 {day:%Y-%m-%d} 起")
