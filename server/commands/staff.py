"""`gongjian staff`: the first county login, further roles, a forgotten password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import click
from sqlalchemy.orm import Session

from server import clock
from server.config import load
from server.db.base import transaction
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.domain.days import local_day
from server.domain.orgs import Level
from server.domain.permissions import SYSTEM, Role
from server.domain.problems import Problem
from server.process import start_process
from server.services import orgs, people, roles, staff, units

ROLE = click.Choice([role.value for role in Role])


@click.group()
def command() -> None:
    """开工作人员登录名、授予角色、重置密码。"""


@command.command()
@click.option("--login", required=True, help="登录名：小写字母、数字、点、横线。")
@click.option("--name", required=True, help="姓名。")
@click.option("--role", type=ROLE, default=Role.COUNTY.value, show_default=True)
@click.option("--node", default="ROOT", show_default=True, help="组织的代码或编号，ROOT 为区县。")
@click.option("--county-name", help="组织树还是空的时候，新建这个区县。")
def create(login: str, name: str, role: str, node: str, county_name: str | None) -> None:
    """新建一个人，授予角色，开登录名，并显示一次密码。"""
    with _work() as (session, now):
        place = _place(session, node, county_name, now)
        person = people.create(session, created_via="staff", now=now, name=name)
        roles.grant(session, person=person, role=Role(role), node=place, actor=SYSTEM, now=now)
        password = staff.create(session, person=person, login=login, actor=SYSTEM, now=now)
    click.echo(f"登录名 {login}，密码 {password}（只显示这一次，本人首次登录时要换成自己的）")


@command.command()
@click.option("--login", help="已有登录名的人。")
@click.option("--phone", help="或者：用手机号找人。")
@click.option("--role", type=ROLE, required=True)
@click.option("--node", help="组织的代码或编号，ROOT 为区县。")
@click.option("--unit", help="单位的编号（联络员、支部角色）。")
def grant(login: str | None, phone: str | None, role: str, node: str | None, unit: str | None) -> None:
    """给已有的人再授一个角色。"""
    with _work() as (session, now):
        person = _person(session, login, phone)
        roles.grant(
            session,
            person=person,
            role=Role(role),
            node=orgs.by_code_or_id(session, node) if node else None,
            unit=units.by_public_id(session, unit) if unit else None,
            actor=SYSTEM,
            now=now,
        )
    click.echo("已授权，从今天起有效")


@command.command()
@click.option("--login", required=True)
def reset(login: str) -> None:
    """重置密码并解锁，解除验证器，显示一次新密码；有自己微信的人请本人扫码登录后自己设。"""
    with _work() as (session, now):
        found = staff.find(session, login)
        if found is None:
            raise Problem("NOT_FOUND")
        password = staff.reset(session, found=found, actor=SYSTEM, now=now)
    click.echo(f"登录名 {login}，新密码 {password}（只显示这一次，本人首次登录时要换成自己的）")


@contextmanager
def _work() -> Iterator[tuple[Session, datetime]]:
    """A transaction on the configured database; a refusal is one sentence and exit code 1."""
    start_process(load())
    try:
        with transaction() as session:
            yield session, clock.now()
    except Problem as problem:
        raise click.ClickException("；".join([problem.message, *problem.fields.values()])) from None


def _place(session: Session, node: str, county_name: str | None, now: datetime) -> OrgNode:
    if county_name and not orgs.subtree(session, on=local_day(now), deepest=Level.COUNTY):
        return orgs.create(session, parent=None, level=Level.COUNTY, name=county_name, valid_from=local_day(now), actor=SYSTEM, now=now)
    return orgs.by_code_or_id(session, node)


def _person(session: Session, login: str | None, phone: str | None) -> Person:
    if (login is None) is (phone is None):
        raise click.UsageError("请用 --login 或 --phone 其中一个指明是谁")
    found = staff.find(session, login) if login else None
    person = session.get_one(Person, found.person_id) if found else people.by_phone(session, phone or "")
    if person is None:
        raise Problem("NOT_FOUND")
    return person
