"""岗位与活动 at the console: drafting to ending, stale and doubled forms, the month, the sheet of who came."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import event, func, select

from server.db.base import engine, reading, transaction
from server.db.models.checkins import ServiceRecord
from server.db.models.people import Person
from server.db.models.tasks import Claim, Shift, Task
from server.domain.permissions import SYSTEM, Role
from server.domain.tasks import ClaimState, TaskState
from server.services import people, tasks
from tests.conftest import Time
from tests.console.conftest import Seat, seat_of, sit_down
from tests.factories.people import Tree, a_person
from tests.factories.registrations import a_member
from tests.factories.tasks import a_claim, a_draft, a_post, a_shift, a_task

HOSTILE = "<script>alert(1)</script>=1+1\u202e" + "长" * 20
FORM = {
    "kind": "activity",
    "mode": "menu",
    "title": "清理楼道",
    "category": "environment",
    "five_help": "",
    "content": "搬走楼道里的旧家具",
    "place": "示例小区 1 幢门口",
    "starts_at": "2026-03-07T09:00",
    "ends_at": "2026-03-07T11:00",
    "planned_minutes": "120",
    "capacity": "10",
    "unit": "",
    "grid": "",
    "skills": "木工、搬运",
    "risk_note": "注意脚下",
    "claim_needed": "y",
}


def seated_again(seat: Seat, time: Time) -> Seat:
    """The same person, signed in again: a session that rests for half an hour ends."""
    with transaction() as session:
        seat = sit_down(seat.client.application, session, seat.person, time.now)
    seat.get("/console")
    return seat


def only_task() -> Task:
    """The task the test made."""
    with reading() as session:
        return session.execute(select(Task).order_by(Task.id.desc()).limit(1)).scalar_one()


def statements_of(act: Callable[[], object]) -> int:
    """How many statements the database saw."""
    said: list[str] = []

    def note(*args: object) -> None:
        said.append(str(args[2]))

    event.listen(engine(), "before_cursor_execute", note)
    act()
    event.remove(engine(), "before_cursor_execute", note)
    return len(said)


def test_a_draft_is_written_published_and_ended(secretary: Seat) -> None:
    secretary.get("/console/tasks/new")
    secretary.post("/console/tasks/new", **FORM, organiser=secretary.person.public_id)
    task = only_task()
    assert (task.state, task.skills, task.rotating, task.approval_needed) == (TaskState.DRAFT, ["木工", "搬运"], False, False)
    assert task.starts_at.isoformat() == "2026-03-07T01:00:00+00:00"
    assert "清理楼道" in secretary.said
    secretary.post(f"/console/tasks/{task.public_id}/publish")
    assert (only_task().state, "已发布" in secretary.said) == (TaskState.PUBLISHED, True)
    secretary.post(f"/console/tasks/{task.public_id}/end")
    assert only_task().state is TaskState.ENDED


def test_a_refused_form_keeps_what_was_typed_and_says_what_is_wrong(secretary: Seat) -> None:
    secretary.get("/console/tasks/new")
    typed = {**FORM, "mode": "pair", "title": HOSTILE, "ends_at": "2026-03-07T08:00", "organiser": secretary.person.public_id}
    secretary.post("/console/tasks/new", **typed)
    assert secretary.status == 422
    assert "结束时间要晚于开始时间" in secretary.said
    assert "结对任务要选定一个单位" in secretary.said
    assert "&lt;script&gt;" in secretary.html
    assert "<script>alert" not in secretary.html
    assert 'value="2026-03-07T08:00"' in secretary.html
    secretary.post("/console/tasks/new", **{**FORM, "title": "", "organiser": secretary.person.public_id})
    assert (secretary.status, "请填写这一项" in secretary.said) == (422, True)
    with reading() as session:
        assert session.execute(select(func.count(Task.id))).scalar_one() == 0


def test_a_doubled_form_makes_one_task(secretary: Seat) -> None:
    secretary.get("/console/tasks/new")
    for _ in range(2):
        secretary.post("/console/tasks/new", **FORM, organiser=secretary.person.public_id, once="abc")
    with reading() as session:
        assert session.execute(select(func.count(Task.id))).scalar_one() == 1


def test_a_stale_form_is_shown_again_with_what_both_wrote(secretary: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        task = a_draft(session, now, tree, secretary.person)
        tasks.edit(session, task, actor=SYSTEM, now=now, place="同事改的地方")
    page = f"/console/tasks/{task.public_id}/edit"
    secretary.get(page)
    kept = {name: FORM[name] for name in FORM if name not in ("kind", "mode", "unit", "grid")}
    secretary.post(page, **{**kept, "title": "我写的标题"}, seen="0")
    assert secretary.status == 409
    assert "别人刚刚处理过" in secretary.said
    assert 'value="我写的标题"' in secretary.html
    assert "集合地点： 同事改的地方" in secretary.said
    seen = secretary.html.split('name="seen" value="')[1].split('"')[0]
    secretary.post(page, **{**kept, "title": "我写的标题"}, seen=seen)
    assert (only_task().title, only_task().place) == ("我写的标题", FORM["place"])


def test_of_a_published_task_only_some_fields_change(secretary: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        task = a_task(session, now, tree, secretary.person)
    page = f"/console/tasks/{task.public_id}/edit"
    secretary.get(page)
    assert 'name="title"' not in secretary.html
    secretary.post(page, content="改过的内容", capacity="12", skills="", risk_note="注意", title="偷改的标题", seen=str(task.version))
    assert (only_task().content, only_task().capacity, only_task().title) == ("改过的内容", 12, "清理楼道杂物")


def test_cancelling_a_published_task_needs_a_reason(secretary: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        task = a_task(session, now, tree, secretary.person)
    at = f"/console/tasks/{task.public_id}"
    secretary.get(at)
    secretary.post(f"{at}/cancel", reason=" ", back=at)
    assert (only_task().state, "请写明原因" in secretary.said) == (TaskState.PUBLISHED, True)
    secretary.post(f"{at}/cancel", reason="下雨改期", back=at)
    assert (only_task().state, "下雨改期" in secretary.said) == (TaskState.CANCELLED, True)


def test_an_earlier_one_is_copied_to_the_same_weekday_ahead(secretary: Seat, tree: Tree, now: datetime, time: Time) -> None:
    with transaction() as session:
        task = a_task(session, now, tree, secretary.person, title="周四义诊")
    time.advance(days=20)
    later = seated_again(secretary, time)
    later.get(f"/console/tasks/new?copy={task.public_id}")
    assert 'value="周四义诊"' in later.html
    assert 'name="starts_at" required type="datetime-local" value="2026-03-26T10:00"' in later.html


def test_a_shift_is_added_to_a_post_alone(secretary: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        post, task = a_post(session, now, tree, secretary.person), a_task(session, now, tree, secretary.person)
    secretary.get(f"/console/tasks/{post.public_id}/shifts")
    window = {"starts_at": "2026-03-06T19:00", "ends_at": "2026-03-06T21:00", "capacity": "2"}
    secretary.post(f"/console/tasks/{post.public_id}/shifts", **window)
    assert "登记 3月6日 到场" in secretary.said
    secretary.post(f"/console/tasks/{post.public_id}/shifts", **{**window, "ends_at": "2036-03-06T21:00"})
    assert (secretary.status, "班次要在岗位的起止时间以内" in secretary.said) == (422, True)
    secretary.post(f"/console/tasks/{task.public_id}/shifts", **window)
    assert "只有岗位可以排班" in secretary.said
    with reading() as session:
        assert session.execute(select(func.count(Shift.id))).scalar_one() == 1


def test_the_list_is_filtered_and_pages(secretary: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        for number in range(52):
            a_draft(session, now, tree, secretary.person, title=f"草稿{number}")
        a_task(session, now, tree, secretary.person, title="义诊_100%")
    secretary.get("/console/tasks")
    assert "义诊_100%" in secretary.said
    assert "草稿0 " not in secretary.said
    following = secretary.html.split('class="button quiet" href="')[-1].split('"')[0].replace("&amp;", "&")
    secretary.get(following)
    assert "草稿0 " in secretary.said
    secretary.get("/console/tasks?q=_1&state=published&kind=task")
    assert ("义诊_100%" in secretary.said, "草稿1" in secretary.said) == (True, False)
    secretary.get("/console/tasks?state=nonsense")
    assert secretary.status == 404


def test_the_list_costs_the_same_few_statements_whatever_its_rows(secretary: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        for number in range(50):
            a_draft(session, now, tree, secretary.person, title=f"草稿{number}")
        member = a_person(session, now)
        task = a_task(session, now, tree, secretary.person)
        a_claim(session, now, task, member)
    for path in (
        "/console/tasks",
        "/console/tasks/month",
        f"/console/tasks/{task.public_id}",
        f"/console/tasks/{task.public_id}/attendance",
    ):
        assert statements_of(lambda path=path: secretary.get(path)) <= 12, path
        assert secretary.status == 200
        assert len(secretary.html.encode()) < 150_000


def test_the_month_shows_tasks_and_shifts_on_their_days(secretary: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        a_task(session, now, tree, secretary.person, title="今天的活动")
        post = a_post(session, now, tree, secretary.person, title="长期岗位")
        a_shift(session, now, post, in_hours=48)
    secretary.get("/console/tasks/month?m=2026-03")
    day = secretary.html.split('datetime="2026-03-07"')[1].split("</td>")[0]
    assert "长期岗位" in day
    assert "今天的活动" in secretary.html.split('datetime="2026-03-05"')[1].split("</td>")[0]
    assert "这个月一直开着的岗位" in secretary.said
    secretary.get("/console/tasks/month?m=2026-05")
    assert ("长期岗位" in secretary.said, "今天的活动" in secretary.said) == (True, False)


def test_the_other_community_finds_nothing(secretary: Seat, stranger: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        task = a_task(session, now, tree, secretary.person)
        claim = a_claim(session, now, task, a_person(session, now))
    at = f"/console/tasks/{task.public_id}"
    for path in (at, f"{at}/edit", f"{at}/shifts", f"{at}/attendance", f"{at}/paper", f"{at}/claims/{claim.public_id}/stand-in"):
        stranger.get(path)
        assert stranger.status == 404, path
        assert task.title not in stranger.html
    stranger.get(f"/console/tasks?at={tree.community.public_id}")
    assert stranger.status == 404
    stranger.get(f"/console/tasks/new?copy={task.public_id}")
    assert stranger.status == 404
    for action in ("publish", "end", "cancel", "no-shows", "no-shows/undo"):
        stranger.get("/console")
        stranger.post(f"{at}/{action}", reason="x", claim=claim.public_id)
        assert stranger.status == 404, action
    assert only_task().state is TaskState.PUBLISHED


def test_a_grid_worker_sees_tasks_and_changes_none(app: Flask, secretary: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        task = a_task(session, now, tree, secretary.person)
    worker = seat_of(app, now, Role.GRID_WORKER, tree.community, "网格员")
    worker.get(f"/console/tasks/{task.public_id}")
    assert (worker.status, "修改" in worker.said) == (200, False)
    worker.get("/console/tasks/new")
    assert worker.status == 403


def test_a_grid_worker_keeps_attendance_of_what_is_placed_in_his_grid(app: Flask, secretary: Seat, tree: Tree, now: datetime) -> None:
    """A role covers its node and all below it: a building of his grid, too, and nothing of the community beside it."""
    with transaction() as session:
        member, hours = a_person(session, now, "王小明"), {"starts_at": now, "ends_at": now + timedelta(hours=2)}
        placed, beside = (
            a_task(session, now, tree, a_person(session, now, "周组织"), title=title, grid_id=grid, **hours)
            for title, grid in (("楼道清理", tree.building.id), ("全社区义诊", None))
        )
        a_claim(session, now, placed, member)
    worker = seat_of(app, now, Role.GRID_WORKER, tree.grid, "吴网格")
    worker.get("/console/tasks")
    assert (worker.status, "楼道清理" in worker.said, "全社区义诊" in worker.said) == (200, True, False)
    assert "/console/tasks/new" not in worker.html
    worker.get("/console/tasks/month")
    assert (worker.status, "楼道清理" in worker.said, "全社区义诊" in worker.said) == (200, True, False)
    worker.get(f"/console/tasks/{placed.public_id}")
    assert worker.status == 200
    to = f"/console/tasks/{placed.public_id}/attendance"
    worker.get(to)
    worker.post(to, people=[member.public_id], do="tick", started_at="2026-03-05T09:00", ended_at="", once="x")
    assert "已登记 1 人到场" in worker.said
    for page in ("", "/attendance", "/paper"):
        worker.get(f"/console/tasks/{beside.public_id}{page}")
        assert worker.status == 404, page
    elsewhere = seat_of(app, now, Role.GRID_WORKER, tree.neighbour, "钱网格")
    elsewhere.get(to)
    assert elsewhere.status == 404


# the sheet of who came


@pytest.fixture
def begun(secretary: Seat, tree: Tree, now: datetime) -> tuple[Task, list[Person]]:
    """An activity that began at nine, with two approved claims; the organiser is a third person."""
    with transaction() as session:
        members = [a_person(session, now, name) for name in ("王小明", "<b>陈红</b>")]
        task = a_task(session, now, tree, a_person(session, now, "周组织"), starts_at=now, ends_at=now + timedelta(hours=2))
        for member in members:
            a_claim(session, now, task, member)
    return task, members


def test_ticking_writes_down_who_came_and_counts_them(
    secretary: Seat, begun: tuple[Task, list[Person]], tree: Tree, now: datetime, time: Time
) -> None:
    task, members = begun
    page = f"/console/tasks/{task.public_id}/attendance"
    secretary.get(page)
    assert "到场 0 人" in secretary.said
    assert "&lt;b&gt;陈红&lt;/b&gt;" in secretary.html
    time.advance(minutes=5)
    people = [member.public_id for member in members]
    for _ in range(2):  # a second press changes nothing
        secretary.post(page, people=people, do="tick", started_at="2026-03-05T09:00", ended_at="")
        assert "到场 2 人" in secretary.said
    time.advance(minutes=60)
    secretary = seated_again(secretary, time)
    secretary.post(page, people=people[:1], do="end", started_at="", ended_at="2026-03-05T10:00")
    assert "09:00 至 10:00" in secretary.said
    with reading() as session:
        assert sorted(session.execute(select(ServiceRecord.minutes)).scalars()) == [0, 60]


def test_a_refused_tick_keeps_the_ticks(secretary: Seat, begun: tuple[Task, list[Person]], now: datetime) -> None:
    task, members = begun
    page = f"/console/tasks/{task.public_id}/attendance"
    secretary.get(page)
    secretary.post(page, people=[members[0].public_id], do="tick", started_at="2026-03-05T23:00", ended_at="")
    assert (secretary.status, "时间要在现在之前" in secretary.said) == (422, True)
    assert f'value="{members[0].public_id}" checked' in secretary.html
    secretary.post(page, do="tick", started_at="2026-03-05T09:00")
    assert "请先在名单里勾选" in secretary.said
    secretary.post(page, people=[members[0].public_id], do="end", started_at="2026-03-05T09:00", ended_at="")
    assert "请填写离开时间" in secretary.said


def test_a_paper_list_is_taken_whole_or_not_at_all(
    secretary: Seat, begun: tuple[Task, list[Person]], tree: Tree, now: datetime, time: Time
) -> None:
    task, _ = begun
    with transaction() as session:
        phone = people.phone_of([a_member(session, now, tree, "李同名") for _ in range(2)][1])
    time.advance(minutes=30)
    secretary = seated_again(secretary, time)
    page = f"/console/tasks/{task.public_id}/paper"
    secretary.get(page)
    hours = {"started_at": "2026-03-05T09:00", "ended_at": "2026-03-05T09:30"}
    secretary.post(page, names="王小明\n李同名\n没有此人", **hours)
    assert secretary.status == 422
    assert "第 2 行有同名的人" in secretary.said
    assert "第 3 行没有找到" in secretary.said
    assert "王小明\n李同名" in secretary.html
    secretary.post(page, names=f"王小明\n\n李同名 {phone}", **hours)
    assert "已按纸质名单登记 2 人" in secretary.said
    assert "没有报名，直接到场" in secretary.said
    assert "到场 2 人" in secretary.said


def test_no_show_after_the_end_and_back(secretary: Seat, begun: tuple[Task, list[Person]], now: datetime, time: Time) -> None:
    task, members = begun
    page = f"/console/tasks/{task.public_id}/attendance"
    with reading() as session:
        claim = session.execute(select(Claim).where(Claim.person_id == members[0].id)).scalar_one()
    secretary.get(page)
    secretary.post(f"/console/tasks/{task.public_id}/no-shows", claim=claim.public_id, back=page)
    assert "活动结束后才能登记未到" in secretary.said
    time.advance(hours=3)
    secretary = seated_again(secretary, time)
    secretary.post(f"/console/tasks/{task.public_id}/no-shows", claim=claim.public_id, back=page)
    assert "撤销王小明未到" in secretary.html
    secretary.post(f"/console/tasks/{task.public_id}/no-shows/undo", claim=claim.public_id, back=page)
    with reading() as session:
        assert session.get_one(Claim, claim.id).state is ClaimState.APPROVED


def test_a_stand_in_agreed_by_word_of_mouth(secretary: Seat, begun: tuple[Task, list[Person]], tree: Tree, now: datetime) -> None:
    task, members = begun
    with transaction() as session:
        other = a_member(session, now, tree, "孙顶班")
    with reading() as session:
        claim = session.execute(select(Claim).where(Claim.person_id == members[0].id)).scalar_one()
    page = f"/console/tasks/{task.public_id}/claims/{claim.public_id}/stand-in"
    secretary.get(page)
    secretary.post(page, name="查无此人")
    assert (secretary.status, "没有找到" in secretary.said) == (422, True)
    secretary.post(page, name="王小明")
    assert "不能请自己顶班" in secretary.said
    secretary.post(page, name="孙顶班")
    assert "替王小明顶班" in secretary.said
    with reading() as session:
        states = {one.person_id: one.state for one in session.execute(select(Claim)).scalars()}
    assert states[members[0].id] is ClaimState.HANDED_OVER
    assert states[other.id] is ClaimState.APPROVED
