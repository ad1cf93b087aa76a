"""`gongjian phone`: a phone on the command line. It talks to the public API and the simulator's device API, nothing else."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import requests

from server.demo import phones, pictures, posters, story
from server.demo.client import Refused
from server.demo.devices import Device, DeviceError
from server.demo.phones import Json, Phone
from server.domain.days import SHANGHAI
from server.domain.tasks import CLAIM_STATE_NAMES, ClaimState

COMMUNITY, TASK, ACTIVITY = 1, 2, 3
LONGEST_WAIT_S = 6.0
NEXT = {
    "CONSENT_REQUIRED": "先看说明并同意：gongjian phone agree --as {name}",
    "CHECKIN_NOT_CLAIMED": "先报名：gongjian phone tasks --as {name}，再 gongjian phone claim 任务编号 --as {name}",
    "CHECKIN_EARLY": "看看什么时候开始：gongjian phone tasks --as {name}",
    "RECORD_HOLD": "核实后写明情况：gongjian phone confirm 记录编号 --as {name} --note 我在现场看到",
}


@click.group()
def command() -> None:
    """命令行里的一部手机：登录、看任务、报名、扫码签到、回报、确认。

    --as 是模拟微信里的用户名，同一个名字永远是同一个人。make run 演出的示例社区里有：张三、陈晓燕 等党员，李书记（社区书记）、
    陈组长（组织者）、王干事（干事）。

    \b
    试一试（另一个终端里先 make run）：
      gongjian phone scan var/demo/poster.png --as 张三     从图片像素读码并签到
      gongjian phone confirm 记录编号 --as 李书记           组织者确认，从此计入
      gongjian phone me --as 张三                           看记录和统计
    """


def as_someone(act: Callable[..., None]) -> Callable[..., None]:
    """The options of every command, the phone switched on and signed in, and refusals told in one sentence."""

    @click.option("--as", "name", required=True, metavar="名字", help="模拟微信用户，如 张三。")
    @click.option("--base", help="服务的地址，默认是正在运行的实例。")
    @click.option("--sim", help="模拟微信的地址，默认是正在运行的实例。")
    @functools.wraps(act)
    def run(name: str, base: str | None, sim: str | None, **words: Any) -> None:
        try:
            act(_switch_on(name, base, sim), **words)
        except Refused as refused:
            hint = NEXT.get(refused.code, "").format(name=name)
            told = "；".join([refused.message, *refused.fields.values()])
            raise click.ClickException(f"{told}（{refused.code}）" + (f"\n{hint}" if hint else "")) from None
        except (requests.ConnectionError, DeviceError) as lost:
            raise click.ClickException(f"连不上服务或模拟微信，请先在另一个终端运行 make run（{type(lost).__name__}）") from None

    return run


def _switch_on(name: str, base: str | None, sim: str | None) -> Phone:
    from server import config

    settings = config.load()
    device = Device(sim or settings.wechat.base)
    phone = phones.buy(name, (base or settings.web.public_base).rstrip("/"), device, number=phones.number_of(name))
    phone.clock = lambda: int(device.get("clock")["now"]) * 1000
    phones.sign_in(phone)
    return phone


@command.command()
@click.argument("picture", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="图片")
@click.option("--out", is_flag=True, help="签退；不写是签到。")
@as_someone
def scan(phone: Phone, picture: Path, out: bool) -> None:
    """扫一张图片（海报、截屏）里的码：任务和活动签到，社区码报到。"""
    text = _text_of(phone, picture.read_bytes())
    seen = phone.api.get("/codes/read", tok=text)
    click.echo(f"扫到：{seen['kind_text']}「{seen['title']}」")
    if seen["kind"] in (TASK, ACTIVITY):
        _check_in(phone, text, "out" if out else "in")
    elif seen["kind"] == COMMUNITY:
        row = phone.api.post("/registrations", {"token": text})
        click.echo("报到成功，已生效。" if row["state"] == "active" else "已提交，等社区书记接收。")
    else:
        click.echo("这个码不是签到用的：个人码请组织者来扫，证明上的码请用浏览器打开核验。")


def _text_of(phone: Phone, data: bytes) -> str:
    """From the pixels: our own decoder for a link, the simulated WeChat scanner for its mini-program code."""
    text = pictures.read(data)
    if text is None:
        raise click.ClickException("图片里没有找到二维码，请换一张清楚的图片再扫")
    if text.startswith("wxsim:"):
        return str(phone.sim.scan_picture(data).get("path") or text)
    return text


def _check_in(phone: Phone, text: str, direction: str) -> None:
    said = phones.check(phone, text, direction)
    click.echo(f"{said['message']}（{said['state_text']}，证据等级 {said['grade']}）")
    click.echo(said["next_step"])
    click.echo(f"记录编号 {said['record']}，组织者确认：gongjian phone confirm {said['record']} --as {story.SECRETARY}")
    _show_tally(phone)


@command.command()
@as_someone
def me(phone: Phone) -> None:
    """我是谁、我的服务记录和统计。"""
    person = phone.api.get("/me")
    where = person["registration"]["community"] if person["registration"] else "还没有报到"
    click.echo(f"{person['name'] or phone.name}（{person['unit'] or '没有单位'}，{where}）")
    records = list(phone.api.pages("/me/records"))
    for row in records[:10]:
        reason = f"，{row['reason']}" if row["reason"] else ""
        click.echo(f"  {row['id']}  {row['day']}  {row['title']}  {row['state_text']}  {row['minutes']} 分钟  {row['grade_text']}{reason}")
    _wait_for_tally(phone, records)
    _show_tally(phone)


def _wait_for_tally(phone: Phone, records: list[Json]) -> None:
    """A confirmed record is counted by a worker within seconds."""
    year = f"{datetime.fromtimestamp(phone.clock() / 1000, SHANGHAI):%Y}"
    counted = sum(row["state"] in ("final", "disputed") and row["day"].startswith(year) for row in records)
    posters.until(lambda: phone.api.get("/me/tally")["year"]["service_visits"], lambda visits: visits >= counted, LONGEST_WAIT_S)


def _show_tally(phone: Phone) -> None:
    tally = phone.api.get("/me/tally")
    month, year = tally["month"], tally["year"]
    click.echo(
        f"统计：本月 {month['service_visits']} 次 {month['service_minutes']} 分钟，"
        f"本年 {year['service_visits']} 次 {year['service_minutes']} 分钟（只算已确认的）"
    )


@command.command()
@as_someone
def tasks(phone: Phone) -> None:
    """可以报名或正在进行的岗位、任务和活动。"""
    for row in phone.api.pages("/tasks"):
        mine = f"，我的报名：{CLAIM_STATE_NAMES[ClaimState(row['my_claim'])]}" if row["my_claim"] else ""
        click.echo(f"{row['id']}  {_local(row['starts_at'])}  {row['title']}  {row['place']}  余 {row['places_left']} 名{mine}")
        for shift in phone.api.get(f"/tasks/{row['id']}")["shifts"]:
            click.echo(f"    班次 {shift['id']}  {_local(shift['starts_at'])}  余 {shift['places_left']} 名")


def _local(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone(SHANGHAI):%m-%d %H:%M}"


@command.command()
@click.argument("task", metavar="任务编号")
@click.option("--shift", help="岗位的班次编号。")
@as_someone
def claim(phone: Phone, task: str, shift: str | None) -> None:
    """报名（认领）一项任务。"""
    made = phone.api.post(f"/tasks/{task}/claims", {"shift": shift} if shift else {})
    click.echo(f"「{made['task_title']}」{made['state_name']}，报名编号 {made['id']}")
    if made["state"] == "pending":
        click.echo(f"书记审核：gongjian phone approve {made['id']} --as {story.SECRETARY}")
    for title in made["overlaps"]:
        click.echo(f"提醒：同一时间您还报了「{title}」")


@command.command()
@click.argument("claims", nargs=-1, required=True, metavar="报名编号…")
@as_someone
def approve(phone: Phone, claims: tuple[str, ...]) -> None:
    """书记通过报名，可以一次几条；没办成的逐条说明。"""
    _show_outcome(phone.api.post("/claims/decide", {"ids": list(claims), "approve": True}), "通过")


@command.command()
@as_someone
def waiting(phone: Phone) -> None:
    """等我处理的：报名、服务记录（书记、组织者）。"""
    for row in phone.api.pages("/claims", state="pending"):
        click.echo(f"报名 {row['id']}  {row['person_name']}  {row['task_title']}")
    for row in phone.api.pages("/records/waiting"):
        click.echo(
            f"记录 {row['id']}  {row['person_name']}  {row['task_title']}  {row['state_name']}  {row['minutes']} 分钟  {row['report']}"
        )


@command.command()
@click.argument("records", nargs=-1, required=True, metavar="记录编号…")
@click.option("--note", help="需要核实的记录（如深夜、时间重叠），写明怎样核实的。")
@as_someone
def confirm(phone: Phone, records: tuple[str, ...], note: str | None) -> None:
    """组织者确认服务记录，从此计入；没有签退的以现在为结束时间。"""
    now = datetime.fromtimestamp(phone.clock() / 1000, UTC)
    word = {"ended_at": now.isoformat(), **({"despite_hold": True, "note": note} if note else {})}
    for record in records:
        row = phone.api.post(f"/records/{record}/confirm", word)
        click.echo(f"已确认：{row['person_name']}，{row['task_title']}，{row['minutes']} 分钟，证据等级 {row['grade']}")
        click.echo(f"看统计：gongjian phone me --as {row['person_name']}")


@command.command()
@click.argument("record", metavar="记录编号")
@click.argument("text", metavar="做了什么")
@click.option("--photo", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="照片，可不传。")
@as_someone
def report(phone: Phone, record: str, text: str, photo: Path | None) -> None:
    """服务后回报，一句话即可。"""
    media = [phone.api.upload("/media", photo.name, photo.read_bytes())["id"]] if photo else []
    row = phone.api.post(f"/records/{record}/report", {"text": text, "media": media})
    click.echo(f"已回报：{row['task_title']}，{row['state_name']}")


@command.command()
@click.argument("task", metavar="任务编号")
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path), metavar="文件")
@click.option("--wxa", is_flag=True, help="用小程序码，不用普通二维码。")
@as_someone
def poster(phone: Phone, task: str, out: Path, wxa: bool) -> None:
    """取一项任务的海报（书记、干事、组织者）：.png 或 .pdf。"""
    form = "pdf_a4" if out.suffix.lower() == ".pdf" else "png_phone"
    code = posters.code_of(phone.api, task)
    data = posters.printed(phone.api, code["id"], form=form, style="wxa" if wxa else "link")
    if not posters.is_file(data):
        raise click.ClickException("海报还没有印好，请过一会儿再取")
    out.write_bytes(data)
    click.echo(f"海报「{code['label']}」已存为 {out}")


@command.command()
@as_someone
def agree(phone: Phone) -> None:
    """看个人信息使用说明并同意“报到与服务记录”，再授权手机号。"""
    for text in phone.api.get("/consent-texts")["items"]:
        if text["purpose"] == "service":
            click.echo(f"{text['title']}：{text['why']}用到{text['data']}{text['rights']}")
    phones.agree(phone)
    said = phones.give_number(phone) or {}
    if not phone.person.get("name"):
        phone.api.put("/me", {"name": phone.name})
    click.echo("已同意。" + ("已与单位名册核对上。" if said.get("bound") else "名册里没有这个手机号，可以自己报到，等社区书记核对。"))


def _show_outcome(outcome: Json, done: str) -> None:
    click.echo(f"{done} {len(outcome['done'])} 条")
    for one in outcome["failed"]:
        click.echo(f"没办成 {one['id']}：{one['message']}（{one['code']}）")
