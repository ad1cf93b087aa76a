"""The pages of what is to be decided, kind by kind: they show what one decides by, and what was decided there stands."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select

from server.db.base import engine, reading, transaction
from server.db.models.checkins import ServiceRecord
from server.db.models.people import BindingRequest, Person
from server.db.models.registrations import MemberRegistration, Transfer, UnitRegistration
from server.db.models.rosters import RosterEntry
from server.db.models.tasks import Task
from server.domain.people import BindingState
from server.domain.permissions import Role
from server.domain.records import RecordState
from server.domain.registrations import MemberState, TransferState, UnitState
from tests.browser.fill_duties import fill
from tests.console.conftest import Seat, seat_of
from tests.factories.people import Tree, a_person
from tests.factories.records import a_record

LISTS = (
    "/console/claims",
    "/console/records",
    "/console/registrations",
    "/console/transfers",
    "/console/bindings",
    "/console/unit-registrations",
)


@pytest.fixture
def ids(tree: Tree, secretary: Seat, now: datetime) -> dict[str, str]:
    """A busy morning."""
    with transaction() as session:
        made = fill(session, tree, session.get_one(Person, secretary.person.id), now)
        return {name.removeprefix("duty_"): public_id for name, public_id in made.items()}


PAGES = {
    "claim": "/console/claims/",
    "record": "/console/records/",
    "registration": "/console/registrations/",
    "transfer": "/console/transfers/",
    "binding": "/console/bindings/",
    "unit_registration": "/console/unit-registrations/",
}


def one(model: Any, **found: object) -> Any:
    with reading() as session:
        return session.execute(select(model).filter_by(**found)).scalar_one()


def test_every_page_opens_and_is_nothing_for_another_community(secretary: Seat, stranger: Seat, ids: dict[str, str]) -> None:
    for kind, path in PAGES.items():
        secretary.get(path + ids[kind])
        assert secretary.status == 200, path
        stranger.get(path + ids[kind])
        assert (stranger.status, ids[kind] in stranger.said) == (404, False), path
    for path in LISTS:
        secretary.get(path)
        assert secretary.status == 200, path
        stranger.get(path)
        assert (stranger.status, "赵建国" in stranger.said) == (200, False), path


def test_who_may_not_decide_does_not_see_the_page(app: Flask, tree: Tree, now: datetime, ids: dict[str, str]) -> None:
    clerk, auditor = (seat_of(app, now, role, tree.community, "小严") for role in (Role.CLERK, Role.AUDITOR))
    assert clerk.client.get("/console/claims").status_code == 403
    assert clerk.client.get("/console/registrations").status_code == 200
    for path in LISTS:
        assert auditor.client.get(path).status_code == 403, path


def test_lists_cost_few_statements(secretary: Seat, ids: dict[str, str]) -> None:
    for path in LISTS:
        seen: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_: object, seen: list[str] = seen) -> None:
            seen.append(statement)

        event.listen(engine(), "before_cursor_execute", note)
        secretary.get(path)
        event.remove(engine(), "before_cursor_execute", note)
        assert len([text for text in seen if not text.startswith(("BEGIN", "COMMIT"))]) <= 12, (path, seen)
        assert len(secretary.html.encode()) <= 150_000, path


def test_a_claim_is_shown_with_what_is_promised_for_the_same_hours(secretary: Seat, ids: dict[str, str]) -> None:
    secretary.get(f"/console/claims/{ids['claim']}")
    assert "赵建国" in secretary.said
    assert "同一时间还报了" in secretary.said
    assert "河道巡查" in secretary.said


def test_a_form_is_accepted_from_its_page_and_its_receipt_taken_back(secretary: Seat, ids: dict[str, str]) -> None:
    secretary.get(f"/console/registrations/{ids['registration']}")
    assert "名册里没有找到" in secretary.said
    secretary.post("/console/decide", pick=f"registration.{ids['registration']}.0", answer="approve", back="/console/registrations")
    assert "已接收 1 条" in secretary.said
    row = one(MemberRegistration, public_id=ids["registration"])
    assert (row.state, row.receipt_no is None) == (MemberState.ACTIVE, False)


def test_a_transfer_is_taken_in(secretary: Seat, ids: dict[str, str]) -> None:
    secretary.get(f"/console/transfers/{ids['transfer']}")
    assert "上月搬到三号楼" in secretary.said
    secretary.post("/console/decide", pick=f"transfer.{ids['transfer']}.1", answer="approve", back="/console/transfers")
    assert one(Transfer, public_id=ids["transfer"]).state is TransferState.ACCEPTED


def test_a_binding_needs_somebody_chosen_from_the_roster(secretary: Seat, ids: dict[str, str]) -> None:
    path = f"/console/bindings/{ids['binding']}"
    secretary.get(path)
    assert secretary.said.count("姓名相同") == 2
    secretary.post("/console/decide", pick=f"binding.{ids['binding']}.0", answer="approve", back="/console/bindings")
    assert "选定名册里的人" in secretary.said
    secretary.get(path)
    secretary.post(path)
    assert (secretary.status, "核对“曹雪”" in secretary.said) == (422, True)
    with reading() as session:
        entry = session.execute(select(RosterEntry.public_id).order_by(RosterEntry.id.desc()).limit(1)).scalar_one()
    secretary.post(path, entry=entry)
    assert "核对好了" in secretary.said
    assert one(BindingRequest, public_id=ids["binding"]).state is BindingState.ACCEPTED


def test_a_slip_is_accepted_with_an_opinion_and_its_receipt_sent(secretary: Seat, ids: dict[str, str]) -> None:
    path = f"/console/unit-registrations/{ids['unit_registration']}"
    secretary.get(path)
    secretary.post(path, seen="0", opinion="欢迎报到，请每月来一次")
    secretary.get(path)
    secretary.post(path, seen="0", sent_to="别的工委")
    assert (secretary.status, "别人刚刚处理过" in secretary.said, "别的工委" in secretary.html) == (409, True, True)
    secretary.post(path, seen="1", sent_to="示例街道工委")
    row = one(UnitRegistration, public_id=ids["unit_registration"])
    assert (row.state, row.opinion, row.receipt_sent_to) == (UnitState.RECEIPT_SENT, "欢迎报到，请每月来一次", "示例街道工委")


def test_records_are_twelve_a_page_with_what_was_reported(secretary: Seat, ids: dict[str, str]) -> None:
    secretary.get("/console/records")
    assert secretary.html.count("<article") == 12
    assert "有两只过期，已告诉社区" in secretary.said
    assert "A 互证" in secretary.said


def test_a_flagged_record_wants_to_hear_how_it_was_checked(tree: Tree, secretary: Seat, now: datetime) -> None:
    with transaction() as session:
        held = a_record(session, now, tree, a_person(session, now, "赵大"), state=RecordState.ENDED, day=(now - timedelta(days=1)).date())
        held.flags = "HOLD"
    path = f"/console/records/{held.public_id}"
    secretary.post("/console/decide", pick=f"record.{held.public_id}.0", answer="approve", back="/console/records")
    assert "系统有提示" in secretary.said
    secretary.get(path)
    secretary.post(path, seen="0")
    assert (secretary.status, "请写明怎样核对的" in secretary.said) == (409, True)
    secretary.post(path, seen="0", note="问过组织者，两处都去了")
    assert "已确认" in secretary.said
    assert one(ServiceRecord, public_id=held.public_id).state is RecordState.FINAL


def test_who_did_not_sign_out_gets_his_end_from_the_confirmer(tree: Tree, secretary: Seat, now: datetime) -> None:
    with transaction() as session:
        there = a_record(
            session, now, tree, a_person(session, now, "赵大"), state=RecordState.PRESENT, day=(now - timedelta(days=1)).date()
        )
        there.ended_at = None
        task = session.get_one(Task, there.task_id)
        task.starts_at, task.ends_at = there.started_at, there.started_at + timedelta(hours=2)
    path = f"/console/records/{there.public_id}"
    secretary.get("/console/records")
    assert "填写结束时间" in secretary.said
    secretary.get(path)
    secretary.get(path)
    assert re.search("没有签退，由您说几点结束；活动原定 [0-9]+月[0-9]+日 [0-9:]{5} 结束", secretary.said)
    secretary.post(path, seen="0", ended_at="2026-03-04T10:00")
    assert "已确认" in secretary.said
    row = one(ServiceRecord, public_id=there.public_id)
    assert (row.state, row.minutes) == (RecordState.FINAL, 60)


def test_a_disputed_record_is_upheld_or_voided_with_a_reason(tree: Tree, secretary: Seat, now: datetime) -> None:
    with transaction() as session:
        rows = [a_record(session, now, tree, a_person(session, now), state=RecordState.DISPUTED) for _ in range(2)]
    for row, act, state in zip(rows, ("uphold", "void"), (RecordState.FINAL, RecordState.VOID), strict=True):
        secretary.get(f"/console/records/{row.public_id}")
        secretary.post(f"/console/records/{row.public_id}/{act}", reason=" ", back="/console/records")
        assert "请写明原因" in secretary.said
        secretary.post(f"/console/records/{row.public_id}/{act}", reason="核对了签到表")
        assert one(ServiceRecord, public_id=row.public_id).state is state
