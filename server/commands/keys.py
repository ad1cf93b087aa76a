"""`gongjian keys`: the key rings, and everything sealed anew after a rotation (docs/operations.md)."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Mapping

import click

from server.config import Settings
from server.db import keys

RING = click.argument("ring", type=click.Choice(keys.RINGS))
KID = click.argument("kid", type=int)
STATES: Mapping[str, str] = {"sign": "在用", "verify": "只验证", "retired": "已停用"}


@click.group("keys")
def command() -> None:
    """密钥环：新建 KEK、查看、添加、启用、停用，轮换后重新加密。"""


@command.command("new-kek")
def new_kek() -> None:
    """生成一把密钥加密密钥（KEK），放进环境变量 GONGJIAN_KEK，另存一份在保险柜。"""
    click.echo(base64.b64encode(secrets.token_bytes(32)).decode())


@command.command("list")
def list_keys() -> None:
    """列出三个密钥环的编号和状态；从不显示密钥本身。"""
    _start()
    from server.db import vault

    for ring, places in vault.current().rings.items():
        for place in places:
            click.echo(f"{ring:<7} {place.kid:>2} 号  {STATES[place.state]}")


@command.command("add")
@RING
def add(ring: keys.RingName) -> None:
    """第一步：添加一把只验证的新密钥；一分钟后再启用。"""
    _change(lambda rings: keys.add(rings, ring))
    click.echo("已添加，各个进程一分钟内都会读到，之后用 gongjian keys promote 启用。")


@command.command("promote")
@RING
@KID
def promote(ring: keys.RingName, kid: int) -> None:
    """第二步：用这把密钥签发新的，原来的改为只验证，已贴的海报继续有效。"""
    if ring == "lookup":
        raise click.ClickException("查找环一换，按姓名和手机号就查不到已有的人，本版本不支持轮换，请勿启用")
    _change(lambda rings: keys.promote(rings, ring, kid))
    click.echo(f"{ring} 环已改用 {kid} 号密钥。")


@command.command("retire")
@RING
@KID
@click.option("--yes", is_flag=True, help="不再询问。")
def retire(ring: keys.RingName, kid: int, yes: bool) -> None:
    """停用一把密钥：用它签发的全部失效；密钥泄露时立即执行。先列出要重印的海报。"""
    settings = _start()
    if ring == "qr":
        _list_posters()
    if ring == "fields":
        _refuse_if_sealed(kid)
    if not yes:
        click.confirm(f"停用 {ring} 环的 {kid} 号密钥后，用它签发的全部失效，确定吗？", abort=True)
    _store(settings, lambda rings: keys.retire(rings, ring, kid))
    click.echo("已停用。")


@command.command("reseal")
def reseal() -> None:
    """用现在的字段密钥重新加密全部内容；可以中断，再运行会接着做。"""
    _start()
    from server import clock
    from server.db.base import reading, transaction
    from server.services import reseals

    with reading() as session:
        total = reseals.waiting(session)
    done = 0
    with click.progressbar(length=total, label="重新加密", show_pos=True) as bar:
        while True:
            with transaction() as session:
                step = reseals.some(session, now=clock.now())
            if not step:
                break
            done += step
            bar.update(step)
    click.echo(f"已重新加密 {done} 项。")


def _start() -> Settings:
    from server.config import load
    from server.process import start_process

    settings = load()
    start_process(settings)
    return settings


def _change(change: Callable[[keys.Rings], keys.Rings]) -> None:
    _store(_start(), change)


def _store(settings: Settings, change: Callable[[keys.Rings], keys.Rings]) -> None:
    """Read, change and write the key file; the message of a refusal says what to do."""
    kek, path = base64.b64decode(settings.secrets.kek.get_secret_value()), settings.data_dir / "keys.json"
    try:
        keys.save(path, kek, change(keys.load(path, kek)))
    except keys.KeyFileError as error:
        raise click.ClickException(str(error)) from None


def _list_posters() -> None:
    from server.db.base import reading
    from server.services import code_lists

    with reading() as session:
        rows = code_lists.printed(session)
    for community, kind, label, serial in rows:
        click.echo(f"重印：{community} · {kind} · {label} · 编号 {serial}")
    click.echo(f"共 {len(rows)} 张海报要重印（印得比启用新密钥还晚的除外）。")


def _refuse_if_sealed(kid: int) -> None:
    from server.db.base import reading
    from server.services import reseals

    with reading() as session:
        left = reseals.sealed_with(session, kid)
    if left:
        raise click.ClickException(f"还有 {left} 项内容用 {kid} 号密钥加密，请先 gongjian keys promote 新密钥并 gongjian keys reseal")
