"""`gongjian audit`: does the chain over all events hold?"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click


@click.group("audit")
def command() -> None:
    """核对审计链。"""
    from server.config import load
    from server.process import start_process

    start_process(load())


@command.command()
@click.option("--json", "as_json", is_flag=True, help="只输出一个 JSON 对象。")
def verify(as_json: bool) -> None:
    """重算审计链；有改动时指出第一处并以 1 退出。最新的校验值请另外抄存。"""
    from server.db.base import reading
    from server.services import audit

    with reading() as session:
        broken = audit.verify(session)
        last, digest = audit.newest(session)
    if as_json:
        click.echo(json.dumps({"holds": broken is None, "broken": asdict(broken) if broken else None, "last_event": last, "hash": digest}))
    elif broken:
        where = f"事件 {broken.first_event_id}–{broken.last_event_id}（封印 {broken.seal_id}）"
        click.echo(f"审计链在{where}处断开：{broken.why}；请保全数据库并报告安全管理员。")
    else:
        click.echo(f"审计链完整，到事件 {last}，最新校验值 {digest}。")
    sys.exit(1 if broken else 0)
