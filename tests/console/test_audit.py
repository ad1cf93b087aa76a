"""审计日志 at the console: filters, pages, names of who acted; the chain is verified by a job, and a change is found."""

from __future__ import annotations

from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import select, text, update

from jobs import operations as job
from server.db.base import reading, transaction
from server.db.models.platform import Event, Operation
from server.domain.permissions import SYSTEM, Role
from server.services import audit, events, people
from tests.conftest import Time
from tests.console.conftest import Seat, seat_of
from tests.console.support import HOSTILE, statements
from tests.factories.people import Tree, a_person, actor_of


@pytest.fixture
def auditor(app: Flask, tree: Tree, now: datetime) -> Seat:
    return seat_of(app, now, Role.AUDITOR, tree.county, "审计员甲")


@pytest.fixture
def acted(auditor: Seat, secretary: Seat, tree: Tree, now: datetime) -> None:
    """李书记 renamed a place sixty times."""
    with transaction() as session:
        actor = actor_of(session, secretary.person, now)
        for count in range(60):
            events.add(session, tree.grid, action="change", actor=actor, now=now, note=f"第{count}次")


def test_the_log_is_read_page_by_page(auditor: Seat, acted: None) -> None:
    auditor.get("/console/audit")
    assert [word for word in ("李书记", "修改", "组织", "第59次") if word not in auditor.said] == []
    assert "第5次" not in auditor.said.split()
    assert statements(lambda: auditor.get("/console/audit")) <= 12
    following = auditor.html.split('rel="next"')[0].rpartition('href="')[2].split('"')[0].replace("&amp;", "&")
    auditor.get(following)
    assert ("第5次" in auditor.said, "第59次" in auditor.said) == (True, False)


def test_it_is_filtered_by_subject_actor_action_and_time(auditor: Seat, secretary: Seat, acted: None, tree: Tree, now: datetime) -> None:
    auditor.get(f"/console/audit?kind=org_node&subject={tree.street.public_id}")
    assert ("第59次" in auditor.said, "新建" in auditor.said) == (False, True)
    auditor.get(f"/console/audit?actor={secretary.person.public_id}&action=change")
    assert ("第59次" in auditor.said, statements(lambda: auditor.get(f"/console/audit?actor={secretary.person.public_id}")) <= 12) == (
        True,
        True,
    )
    auditor.get("/console/audit?action=grant")
    assert "第59次" not in auditor.said
    auditor.get("/console/audit?first=2026-01-01&last=2026-01-20")
    assert "这段时间没有这样的记录" in auditor.said
    auditor.get("/console/audit?actor=nobody&kind=org_node")
    assert "这段时间没有这样的记录" in auditor.said


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("first=2026-01-01&last=2026-03-05", "一次最多看 31 天"),
        ("first=2026-03-05&last=2026-03-01", "不能早于开始日期"),
        ("subject=abc", "请先选择是哪一类"),
    ],
)
def test_what_cannot_be_looked_for_is_said_in_words(auditor: Seat, query: str, says: str) -> None:
    auditor.get(f"/console/audit?{query}")
    assert (auditor.status, says in auditor.said) == (422, True)


def test_nonsense_in_the_address_does_no_harm(auditor: Seat) -> None:
    for query in ("after=x", "after=99999999999999999999", "first=x&last=y", "kind=none", "action=%3Cscript%3E"):
        auditor.get(f"/console/audit?{query}")
        assert auditor.status == 200, query


@pytest.mark.parametrize("note", HOSTILE)
def test_a_hostile_reason_is_text(auditor: Seat, tree: Tree, now: datetime, note: str) -> None:
    with transaction() as session:
        events.add(session, tree.grid, action="change", actor=SYSTEM, now=now, note=note[:200])
        person = a_person(session, now, note[:60])
        events.add(session, tree.grid, action="change", actor=actor_of(session, person, now), now=now)
        assert people.name_of(person)
    auditor.get("/console/audit")
    assert "<script>alert" not in auditor.html
    assert "<b onmouseover" not in auditor.html


def verified(auditor: Seat, now: datetime) -> Operation:
    auditor.get("/console/audit")
    auditor.post("/console/audit/verify")
    assert "正在核验" in auditor.said
    with reading() as session:
        row = session.execute(select(Operation).order_by(Operation.id.desc()).limit(1)).scalar_one()
    job.verify(now, operation_id=row.id)
    job.verify(now, operation_id=row.id)
    auditor.get(f"/console/audit/verifications/{row.public_id}/progress")
    return row


def test_the_chain_is_verified_by_a_job(auditor: Seat, acted: None, now: datetime, time: Time) -> None:
    later = time.advance(minutes=2)
    with transaction() as session:
        audit.seal(session, now=later, up_to=audit.horizon(session).last_id)
    verified(auditor, later)
    assert ("链条完整" in auditor.said, "<html" in auditor.html) == (True, False)
    auditor.get("/console/audit")
    assert ("审计员甲核验" in auditor.said, "完整" in auditor.said) == (True, True)
    with transaction() as session:
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("SET session_replication_role = replica"))
        session.execute(update(Event).where(Event.note == "第7次").values(note="没有这回事"))
    verified(auditor, later)
    assert ("链条断开" in auditor.said, "内容被改过" in auditor.said) == (True, True)


def test_a_verification_under_way_is_watched_not_started_again(auditor: Seat) -> None:
    auditor.get("/console/audit")
    auditor.post("/console/audit/verify")
    auditor.get("/console/audit")
    auditor.post("/console/audit/verify")
    with reading() as session:
        assert len(session.execute(select(Operation)).all()) == 1


def test_only_the_auditor_reads_it(app: Flask, secretary: Seat, tree: Tree, now: datetime) -> None:
    county = seat_of(app, now, Role.COUNTY, tree.county, "县干部")
    for seat in (secretary, county):
        for path in ("/console/audit", "/console/audit/verifications/0000000000000"):
            seat.get(path)
            assert seat.status == 403
