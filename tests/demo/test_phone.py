"""`gongjian phone` against the service and the simulator over sockets: what a stranger types, and what he reads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import select
from werkzeug.serving import make_server

from jobs import tallies
from server.commands.phone import command
from server.db.base import transaction
from server.db.models.orgs import OrgNode
from server.db.models.people import WechatAccount
from server.demo import pictures
from server.demo.phones import number_of
from server.domain.permissions import SYSTEM, Role
from server.services import codes, roles, tasks
from tests.conftest import Time
from tests.factories.people import a_person, a_tree
from tests.factories.registrations import a_unit, an_entry
from tests.factories.tasks import a_task
from tests.simulator import Simulator

Type = Callable[..., Result]


@pytest.fixture
def base(app: Flask) -> Iterator[str]:
    """The application on a port of its own."""
    served = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    thread.join()
    served.server_close()


@pytest.fixture
def type_(base: str, simulator: Simulator, time: Time) -> Type:
    """Type a command of the phone; the simulated clock is set to the test's."""

    def run(*words: str, name: str) -> Result:
        shown = simulator.get("clock")
        simulator.post("clock", set_offset=round(time.now.timestamp()) - int(shown["now"]) + int(shown["offset"]))
        return CliRunner().invoke(command, [*words, "--as", name, "--base", base, "--sim", simulator.base])

    return run


@pytest.fixture
def poster(app: Flask, now: datetime, tmp_path: Path) -> Path:
    """A picture of the code of a task that is open now; 李书记 publishes, 张三 is on the roster."""
    with transaction() as session:
        tree = a_tree(session, now)
        secretary = a_person(session, now, "李书记", phone=number_of("李书记"))
        roles.grant(session, person=secretary, role=Role.SECRETARY, node=tree.community, actor=SYSTEM, now=now)
        an_entry(session, now, a_unit(session, now, tree), phone=number_of("张三"))
        task = a_task(session, now, tree, secretary, starts_at=now, ends_at=now + timedelta(hours=2))
        code = codes.of_subject(session, kind=codes.Kind.TASK, subject_kind="task", subject_id=task.id)
        assert code is not None
        text = f"http://127.0.0.1/q/{codes.token_of(code, now=now)}"
        (tmp_path / "task.txt").write_text(task.public_id)
    file = tmp_path / "poster.png"
    file.write_bytes(pictures.screen(text))
    return file


def task_of(poster: Path) -> str:
    return (poster.parent / "task.txt").read_text()


def register(type_: Type, name: str = "张三") -> None:
    assert type_("agree", name=name).exit_code == 0


def test_a_scan_a_confirmation_and_the_tally(type_: Type, poster: Path, time: Time) -> None:
    for name in ("张三", "李书记"):
        register(type_, name)
    claimed = type_("claim", task_of(poster), name="张三").output
    claim = claimed.split("报名编号 ")[1].split()[0]
    assert "通过 1 条" in type_("approve", claim, name="李书记").output
    came = type_("scan", str(poster), name="张三")
    assert "仅签到" in came.output
    record = came.output.split("记录编号 ")[1].split("，")[0]
    time.advance(hours=1, seconds=30)  # the simulated clock runs on between two commands: a second may be lost
    assert "共 60 分钟" in type_("scan", str(poster), "--out", name="张三").output
    assert "已回报" in type_("report", record, "清扫了楼道", name="张三").output
    assert record in type_("waiting", name="李书记").output
    assert "已确认：张三" in type_("confirm", record, name="李书记").output
    tallies.drain(time.now)
    assert "本年 1 次 60 分钟" in type_("me", name="张三").output


def test_a_refusal_is_one_sentence_and_what_to_type_next(type_: Type, poster: Path) -> None:
    register(type_)
    refused = type_("scan", str(poster), name="张三")
    assert refused.exit_code == 1
    assert "CHECKIN_NOT_CLAIMED" in refused.output
    assert "gongjian phone claim" in refused.output


def test_a_picture_without_a_code_is_told(type_: Type, poster: Path) -> None:
    poster.write_bytes(b"no picture")
    told = type_("scan", str(poster), name="张三")
    assert told.exit_code == 1
    assert "没有找到二维码" in told.output


def test_the_community_s_code_registers(type_: Type, poster: Path, now: datetime) -> None:
    with transaction() as session:
        node = session.execute(select(OrgNode).where(OrgNode.name == "示例社区")).scalar_one()
        code = codes.for_subject(
            session, kind=codes.Kind.COMMUNITY, subject_kind="community", subject_id=node.id, community_id=node.id, label=node.name,
            mode=codes.Mode.STATIC, now=now,
        )  # fmt: skip
        poster.write_bytes(pictures.screen(codes.token_of(code, now=now)))
    assert "gongjian phone agree" in type_("scan", str(poster), name="张三").output
    register(type_)
    assert "报到成功" in type_("scan", str(poster), name="张三").output


def test_the_same_name_is_the_same_person_after_the_simulator_forgot_everybody(type_: Type, poster: Path, simulator: Simulator) -> None:
    register(type_)
    claim = type_("claim", task_of(poster), name="张三")
    simulator.post("reset")
    assert claim.exit_code == 0
    assert "张三（示例单位" in type_("me", name="张三").output
    assert "我的报名：待审核" in type_("tasks", name="张三").output
    with transaction() as session:
        accounts = session.execute(select(WechatAccount.openid)).scalars().all()
    assert accounts == [simulator.user("张三")]


def test_nobody_answers(simulator: Simulator) -> None:
    silent = CliRunner().invoke(command, ["me", "--as", "张三", "--base", "http://127.0.0.1:9", "--sim", simulator.base])
    assert silent.exit_code == 1
    assert "make run" in silent.output


def test_tasks_lists_what_is_open(type_: Type, poster: Path) -> None:
    listed = type_("tasks", name="张三").output
    assert task_of(poster) in listed
    with transaction() as session:
        assert tasks.by_public_id(session, task_of(poster)).title in listed
