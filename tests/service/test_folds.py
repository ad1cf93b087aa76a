"""The day's records as messages come late, meet human decisions, or meet the organiser's word at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any, NamedTuple

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from qr import rules
from server.db.base import reading, transaction
from server.db.models.checkins import ServiceRecord, Supplement, Witness
from server.db.models.people import Person
from server.db.models.tasks import Task
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.records import Method, RecordState
from server.domain.tasks import TASK_TRANSITIONS, TaskAction
from server.services import attendance, checkins, claims, confirmations, events, evidence, records
from server.services.refusals import ScanRefused
from server.services.scans import Message
from tests.factories.checkins import a_mid, a_scan, message, open_task
from tests.factories.people import Tree, a_person, a_tree, actor_of, with_role
from tests.factories.registrations import registered
from tests.factories.tasks import a_claim, a_post


class Setting(NamedTuple):
    """A rotating task that has begun, a person, the secretary."""

    task: Task
    person: Person
    secretary: Actor
    tree: Tree


def set_up(session: Session, now: datetime) -> Setting:
    tree = a_tree(session, now)
    secretary = with_role(session, now, Role.SECRETARY, tree.community)
    task = open_task(session, now, tree, a_person(session, now, "王五"), rotating=True)
    return Setting(task, registered(session, now, a_person(session, now), tree.community), actor_of(session, secretary, now), tree)


@pytest.fixture
def setting(session: Session, now: datetime) -> Setting:
    """A rotating task that has begun, a person, the secretary."""
    return set_up(session, now)


def rows(session: Session, person: Person) -> list[ServiceRecord]:
    query = select(ServiceRecord).where(ServiceRecord.person_id == person.id).order_by(ServiceRecord.started_at)
    return list(session.execute(query.execution_options(populate_existing=True)).scalars())


def late(session: Session, sent: Message, person: Person, now: datetime) -> checkins.Taken:
    return checkins.take(session, sent, actor=Actor(person.id), now=now, live=False)


def test_an_out_that_stood_alone_becomes_the_end_of_the_in_that_comes_late(session: Session, now: datetime, setting: Setting) -> None:
    task, person, secretary, _ = setting
    came, left = message(session, task, now), message(session, task, now + timedelta(minutes=50), "out")
    at = now + timedelta(hours=5)
    first = late(session, left, person, at)
    evidence.witness(session, rows(session, person)[0], kind=rules.Witness.ORGANISER, actor=secretary, now=at)
    second = late(session, came, person, at)
    (record,) = rows(session, person)
    assert (record.public_id, first.answer["record"], second.answer["record"]) == (first.answer["record"],) * 3
    assert (record.minutes, record.state, record.grade) == (50, RecordState.ENDED, "B")
    assert record.source_key.endswith(came.mid)


def test_a_record_whose_scans_belong_to_a_confirmed_one_goes(session: Session, now: datetime, setting: Setting) -> None:
    """Outs at 13 (confirmed), 4 and 18: the last stands apart until one at 0 shifts the taps; then it belongs to the confirmed one."""
    task, person, secretary, _ = setting
    at = now + timedelta(hours=5)

    def out(minute: int) -> None:
        late(session, message(session, task, now + timedelta(minutes=minute), "out"), person, at)

    out(13)
    final = confirmations.confirm(session, rows(session, person)[0], actor=secretary, now=at)
    out(4)
    out(18)
    apart = rows(session, person)[1]
    evidence.witness(session, apart, kind=rules.Witness.ORGANISER, actor=Actor(task.organiser_id), now=at)
    assert (len(rows(session, person)), apart.started_at) == (2, now + timedelta(minutes=18))
    out(0)
    kept = rows(session, person)
    assert [(row.started_at - now).seconds // 60 for row in kept] == [4, 13]
    assert (kept[1].id, len(kept[1].mids)) == (final.id, 1)
    assert session.execute(select(Witness.person_id).where(Witness.record_id == final.id)).scalars().all() == [
        secretary.person_id, task.organiser_id]  # fmt: skip
    assert len(session.execute(select(Supplement.id).where(Supplement.record_id == final.id)).all()) == 2


def test_what_a_human_confirmed_is_never_edited(session: Session, now: datetime, setting: Setting) -> None:
    task, person, secretary, _ = setting
    a_scan(session, now, task, person)
    a_scan(session, now + timedelta(minutes=60), task, person, "out")
    at = now + timedelta(hours=3)
    record = confirmations.confirm(session, rows(session, person)[0], actor=secretary, now=at)
    before = {name: value for name, value in vars(record).items() if not name.startswith("_")}
    forgotten = message(session, task, now + timedelta(minutes=5))
    for _ in range(2):
        late(session, forgotten, person, at + timedelta(hours=1))
    (record,) = rows(session, person)
    assert {name: value for name, value in vars(record).items() if not name.startswith("_")} == before
    assert session.execute(select(Supplement.record_id)).scalars().all() == [record.id]


def test_a_void_record_takes_no_new_life_from_a_late_scan(session: Session, now: datetime, setting: Setting) -> None:
    task, person, secretary, _ = setting
    a_scan(session, now, task, person)
    records.void(session, rows(session, person)[0], reason="不是本人", actor=secretary, now=now)
    late(session, message(session, task, now + timedelta(minutes=30), "out"), person, now + timedelta(hours=2))
    assert [(row.state, row.minutes) for row in rows(session, person)] == [(RecordState.VOID, 0)]


def test_a_report_stays_with_its_record_when_a_late_scan_comes(session: Session, now: datetime, setting: Setting) -> None:
    task, person, *_ = setting
    a_scan(session, now, task, person)
    records.report(session, rows(session, person)[0], text="搬了三件旧家具", actor=Actor(person.id), now=now)
    late(session, message(session, task, now + timedelta(minutes=45), "out"), person, now + timedelta(hours=2))
    (record,) = rows(session, person)
    assert (record.state, record.minutes, records.report_text(person, record)) == (RecordState.REPORTED, 45, "搬了三件旧家具")


def test_what_was_true_at_the_time_of_the_scan_counts(session: Session, now: datetime, setting: Setting) -> None:
    person = setting.person
    tree = setting.tree
    claimed = open_task(session, now, tree, person, claim_needed=True, starts_at=now + timedelta(minutes=10),
                        ends_at=now + timedelta(hours=2))  # fmt: skip
    claim = a_claim(session, now, claimed, person)
    sent, never = message(session, claimed, now), message(session, claimed, now + timedelta(minutes=30))
    claims.withdraw(session, claim, actor=Actor(person.id), now=now + timedelta(minutes=5))
    assert late(session, sent, person, now + timedelta(hours=6)).answer["state"] == "present"
    cut = now + timedelta(minutes=20)
    events.move(session, claimed, table=TASK_TRANSITIONS, action=TaskAction.CANCEL, actor=SYSTEM, now=cut, note="下雨")
    with pytest.raises(ScanRefused) as caught:
        late(session, never, person, now + timedelta(hours=6))
    assert caught.value.code == "CHECKIN_CANCELLED"


def test_a_standing_post_is_a_new_day_every_day(session: Session, now: datetime, setting: Setting) -> None:
    person = setting.person
    post = a_post(session, now, setting.tree, person, claim_needed=False, starts_at=now, planned_minutes=60)
    for day in (0, 1):
        start = now + timedelta(days=day)
        a_scan(session, start, post, person)
        a_scan(session, start + timedelta(minutes=70), post, person, "out")
    assert [(row.minutes, row.day.day) for row in rows(session, person)] == [(70, 5), (70, 6)]


def at_once(*work: Callable[[Session], Any]) -> list[Any]:
    """Run each in a transaction of its own, begun at the same moment."""
    gate = Barrier(len(work))

    def run(act: Callable[[Session], Any]) -> Any:
        gate.wait()
        with transaction() as opened:
            return act(opened)

    with ThreadPoolExecutor(len(work)) as pool:
        return [one.result() for one in [pool.submit(run, act) for act in work]]


@pytest.mark.parametrize("times", range(4))
def test_a_tick_and_a_scan_at_once_are_one_record(database: object, redis: object, vaulted: None, now: datetime, times: int) -> None:
    with transaction() as opened:
        task, person, secretary, _ = set_up(opened, now)
        sent = message(opened, task, now, mid=a_mid())

    def tick(session: Session) -> object:
        own = session.get_one(Task, task.id)
        ids = [person.public_id]
        return attendance.record(session, own, people=ids, method=Method.TICK, started_at=now, ended_at=None, actor=secretary, now=now)

    at_once(tick, lambda session: checkins.take(session, sent, actor=Actor(person.id), now=now))
    with reading() as session:
        (record,) = rows(session, person)
        stood = session.execute(select(Witness.record_id)).scalars().all()
    assert (record.mids, record.grade, stood) == ([sent.mid], "B", [record.id])
