"""Who was taken for somebody else is himself again: the list at the desk and the undo of its own (mission row A3)."""

from __future__ import annotations

from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import select

from server.db.base import reading, transaction
from server.db.models.people import Person, PersonMerge
from server.domain.people import PersonState
from server.domain.permissions import SYSTEM, Role
from server.services import merges, people
from tests.console.conftest import Seat, seat_of
from tests.console.support import HOSTILE
from tests.factories.people import Tree
from tests.factories.registrations import a_member

LIST = "/console/merges"


@pytest.fixture
def taken(tree: Tree, now: datetime) -> str:
    """An account was taken for the 张三 of the roster."""
    with transaction() as session:
        stays = a_member(session, now, tree, "张三<b>")
        account = people.create(session, created_via="wechat", now=now)
        return merges.absorb(session, empty=account, into=stays, actor=SYSTEM, now=now).public_id


def merge_and_account() -> tuple[PersonMerge, Person]:
    with reading() as session:
        merge = session.execute(select(PersonMerge)).scalar_one()
        return merge, session.get_one(Person, merge.from_id)


def test_they_are_two_again_with_a_reason(secretary: Seat, taken: str) -> None:
    secretary.get(LIST)
    assert "张三<b>" not in secretary.html
    assert f"{LIST}/{taken}/undo" in secretary.html
    secretary.get(f"{LIST}/{taken}/undo")
    secretary.post(f"{LIST}/{taken}/undo", reason=" ")
    assert "请填写这一项" in secretary.said
    assert merge_and_account()[0].undone_at is None
    secretary.post(f"{LIST}/{taken}/undo", reason=HOSTILE[0], once="good")
    assert "两个人各是各的" in secretary.said
    merge, account = merge_and_account()
    assert merge.undone_at is not None
    assert account.state is PersonState.ACTIVE
    secretary.get(LIST)
    assert "已撤销" in secretary.said
    assert f"{taken}/undo" not in secretary.html


def test_a_second_tab_is_told_that_it_was_done(secretary: Seat, taken: str) -> None:
    for once in ("one", "two"):
        secretary.get(f"{LIST}/{taken}/undo")
        secretary.post(f"{LIST}/{taken}/undo", reason=f"同名的两个人 {once}", once=once)
    assert "当前状态不能这样操作" in secretary.said


def test_the_county_reads_all_and_strangers_none(app: Flask, tree: Tree, now: datetime, stranger: Seat, taken: str) -> None:
    stranger.get(LIST)
    assert taken not in stranger.html
    assert stranger.get(f"{LIST}/{taken}/undo").status_code == 404
    assert stranger.post(f"{LIST}/{taken}/undo", reason="不是我的").status_code == 404
    assert merge_and_account()[0].undone_at is None
    county = seat_of(app, now, Role.COUNTY, tree.county, "县管理员")
    county.get(LIST)
    assert taken in county.html
    auditor = seat_of(app, now, Role.AUDITOR, tree.county, "审计员")
    assert auditor.get(LIST).status_code == 403
