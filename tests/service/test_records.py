"""Records after presence: report, confirm in ones and hundreds, hold, send back, dispute, void, correct."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from server.db.models.checkins import ServiceRecord, Witness
from server.db.models.notices import Notice
from server.db.models.people import Person
from server.db.models.platform import Event
from server.db.models.tallies import Contribution
from server.db.models.tasks import Claim, Task
from server.domain.notices import NoticeKind
from server.domain.permissions import Actor, Role
from server.domain.problems import Problem
from server.domain.records import RecordState
from server.domain.tasks import ClaimState
from server.services import claims, confirmations, records
from tests.conftest import Time
from tests.factories.checkins import a_scan, open_task
from tests.factories.people import Tree, a_person, a_tree, actor_of, with_role
from tests.factories.tasks import a_claim, a_task


def code_of(call: Any) -> str:
    """The code a call is refused with."""
    with pytest.raises(Problem) as refusal:
        call()
    return refusal.value.code


def net(session: Session) -> tuple[int, int]:
    """Visits and minutes that count, over all contributions."""
    row = session.execute(select(func.sum(Contribution.visits), func.sum(Contribution.minutes))).one()
    return row[0] or 0, row[1] or 0


def record_of(session: Session, person: Person) -> ServiceRecord:
    """The person's newest record."""
    return session.execute(
        select(ServiceRecord).where(ServiceRecord.person_id == person.id).order_by(ServiceRecord.id.desc()).limit(1)
    ).scalar_one()


def present(session: Session, time: Time, task: Task, person: Person, *, minutes: int | None = 60) -> ServiceRecord:
    """The person scans in and, where minutes are given, out again; the clock moves on."""
    a_scan(session, time.now, task, person)
    if minutes is not None:
        time.advance(minutes=minutes)
        a_scan(session, time.now, task, person, "out")
    return record_of(session, person)


@pytest.fixture
def tree(session: Session, now: datetime) -> Tree:
    """The county."""
    return a_tree(session, now)


@pytest.fixture
def organiser(session: Session, now: datetime) -> Person:
    """An organiser without any role: the task names him."""
    return a_person(session, now, "王组长")


@pytest.fixture
def task(session: Session, now: datetime, tree: Tree, organiser: Person) -> Task:
    """A task that has just begun, two hours, no claim needed."""
    return open_task(session, now, tree, organiser)


@pytest.fixture
def by(session: Session, now: datetime, organiser: Person) -> Actor:
    """The organiser, signed in."""
    return actor_of(session, organiser, now)


def test_confirming_makes_it_final_with_a_witness_and_counts_once(session: Session, time: Time, task: Task, by: Actor) -> None:
    person = a_person(session, time.now)
    record = present(session, time, task, person)
    confirmations.confirm(session, record, actor=by, now=time.now)
    assert (record.state, record.minutes, record.grade, record.confirmed_by) == (RecordState.FINAL, 60, "B", by.person_id)
    assert record.covers == sorted(record.mids)
    witness = session.execute(select(Witness)).scalar_one()
    assert (witness.kind, witness.person_id, witness.session_id) == ("organiser", by.person_id, by.session_id)
    assert net(session) == (1, 60)
    assert session.execute(select(Notice.kind).where(Notice.person_id == person.id)).scalars().all() == [NoticeKind.RECORD_CONFIRMED]
    assert code_of(lambda: confirmations.confirm(session, record, actor=by, now=time.now)) == "ILLEGAL_MOVE"


def test_where_nobody_scanned_out_the_organiser_says_when_it_ended(session: Session, time: Time, task: Task, by: Actor) -> None:
    record = present(session, time, task, a_person(session, time.now), minutes=None)
    start, now = time.now, time.advance(minutes=90)

    def confirm(ended_at: datetime | None) -> ServiceRecord:
        return confirmations.confirm(session, record, actor=by, now=now, ended_at=ended_at)

    assert code_of(lambda: confirm(None)) == "END_REQUIRED"
    assert code_of(lambda: confirm(now + timedelta(minutes=1))) == "END_WRONG"
    assert code_of(lambda: confirm(start - timedelta(minutes=1))) == "END_WRONG"
    confirm(start + timedelta(minutes=45))
    assert (record.minutes, record.duration_axis, record.ended_at) == (45, 1, start + timedelta(minutes=45))


def test_a_scanned_end_is_not_overwritten(session: Session, time: Time, task: Task, by: Actor) -> None:
    record = present(session, time, task, a_person(session, time.now), minutes=30)
    confirmations.confirm(session, record, actor=by, now=time.now, ended_at=time.now - timedelta(minutes=20))
    assert record.minutes == 30


def test_nobody_confirms_himself_and_strangers_find_nothing(
    session: Session, time: Time, tree: Tree, task: Task, organiser: Person
) -> None:
    record = present(session, time, task, organiser)
    foreign = actor_of(session, with_role(session, time.now, Role.SECRETARY, tree.neighbour), time.now)
    assert code_of(lambda: confirmations.confirm(session, record, actor=Actor(organiser.id), now=time.now)) == "CONFIRM_SELF"
    assert code_of(lambda: confirmations.confirm(session, record, actor=foreign, now=time.now)) == "NOT_FOUND"


def test_who_wrote_the_presence_down_does_not_confirm_it(session: Session, time: Time, task: Task, by: Actor) -> None:
    record = present(session, time, task, a_person(session, time.now))
    record.recorder_id = by.person_id
    session.flush()
    assert code_of(lambda: confirmations.confirm(session, record, actor=by, now=time.now)) == "RECORDER_CONFIRMS"


def test_the_beneficiary_does_not_confirm_it(session: Session, time: Time, task: Task, by: Actor) -> None:
    record = present(session, time, task, a_person(session, time.now))
    session.add(Witness(record_id=record.id, kind="beneficiary", person_id=by.id, at=time.now))
    session.flush()
    assert code_of(lambda: confirmations.confirm(session, record, actor=by, now=time.now)) == "CONFIRM_SELF"


def test_a_beneficiary_and_an_organiser_make_grade_a(session: Session, time: Time, task: Task, by: Actor) -> None:
    record = present(session, time, task, a_person(session, time.now))
    session.add(Witness(record_id=record.id, kind="beneficiary", person_id=a_person(session, time.now).id, at=time.now))
    session.flush()
    assert confirmations.confirm(session, record, actor=by, now=time.now).grade == "A"


def test_the_login_the_scan_came_through_cannot_confirm_it(session: Session, time: Time, task: Task, by: Actor) -> None:
    from server.services import checkins
    from tests.factories.checkins import message

    elder = a_person(session, time.now, "赵奶奶")
    through_organiser = Actor(elder.id, by.session_id)
    checkins.take(session, message(session, task, time.now), actor=through_organiser, now=time.now)
    now = time.advance(minutes=30)
    record = record_of(session, elder)
    assert code_of(lambda: confirmations.confirm(session, record, actor=by, now=now, ended_at=now)) == "CONFIRM_DEPENDENT"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"flags": "HOLD"}, "flagged"),
        ({"flags": "CLOCK REVIEW"}, "flagged"),
        ({"place_in": False}, "out_of_place"),
        ({"planned_minutes": 10}, "too_long"),
    ],
)
def test_what_is_held_needs_somebody_to_look(
    session: Session, *, time: Time, task: Task, by: Actor, change: dict[str, Any], reason: str
) -> None:
    record = present(session, time, task, a_person(session, time.now))
    for name, value in change.items():
        setattr(record, name, value)
    session.flush()
    with pytest.raises(Problem) as refusal:
        confirmations.confirm(session, record, actor=by, now=time.now, despite_hold=True)
    assert (refusal.value.code, refusal.value.data) == ("RECORD_HOLD", {"reasons": [reason]})
    confirmations.confirm(session, record, actor=by, now=time.now, despite_hold=True, note="当面核实过")
    assert (record.state, record.reason) == (RecordState.FINAL, "当面核实过")


def test_a_service_in_the_night_is_held(session: Session, time: Time, tree: Tree, organiser: Person, by: Actor) -> None:
    time.advance(hours=14)  # 23:00 in Shanghai
    patrol = open_task(session, time.now, tree, organiser)
    record = present(session, time, patrol, a_person(session, time.now))
    assert code_of(lambda: confirmations.confirm(session, record, actor=by, now=time.now)) == "RECORD_HOLD"


def test_minutes_of_two_overlapping_records_count_once(
    session: Session, *, time: Time, tree: Tree, task: Task, organiser: Person, by: Actor
) -> None:
    person = a_person(session, time.now)
    first = present(session, time, task, person)
    second = present(session, time, open_task(session, time.now, tree, organiser), person)
    second.started_at = first.started_at + timedelta(minutes=20)  # as a clerk's paper would say: 20 to 120 of the same hours
    session.flush()
    ids = [first.public_id, second.public_id]
    outcome = confirmations.confirm_many(session, ids, actor=by, now=time.now)
    assert ([one.id for one in outcome.done], outcome.failed[0].reasons) == ([first.id], ("overlap",))
    confirmations.confirm(session, second, actor=by, now=time.now, despite_hold=True, note="两处都去了")
    assert net(session) == (2, 60 + 60)


def test_of_fifty_where_three_fail_forty_seven_stand_in_few_statements(
    session: Session, *, time: Time, tree: Tree, task: Task, organiser: Person, by: Actor
) -> None:
    people = [a_person(session, time.now) for _ in range(48)]
    for person in people:
        a_scan(session, time.now, task, person)
    own = present(session, time, task, organiser, minutes=None)
    abroad = present(
        session, time, open_task(session, time.now, tree, people[0], community=tree.neighbour), a_person(session, time.now), minutes=None
    )
    now = time.advance(minutes=60)
    made = [record_of(session, person) for person in people]
    made[7].flags = "HOLD"
    session.flush()
    ids = [record.public_id for record in made] + [own.public_id, abroad.public_id]
    statements: list[str] = []
    connection = session.connection()

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    outcome = confirmations.confirm_many(session, ids, actor=by, now=now, ended_at=now)
    session.flush()
    event.remove(connection, "before_cursor_execute", note)
    assert len(outcome.done) == 47
    assert [(one.id, one.code) for one in outcome.failed] == [
        (made[7].public_id, "RECORD_HOLD"),
        (own.public_id, "CONFIRM_SELF"),
        (abroad.public_id, "NOT_FOUND"),
    ]
    assert net(session) == (47, 47 * 60)
    assert len(statements) <= 15


def test_no_more_than_two_hundred_at_once(session: Session, time: Time, by: Actor) -> None:
    ids = [f"{number:013d}" for number in range(201)]
    assert code_of(lambda: confirmations.confirm_many(session, ids, actor=by, now=time.now)) == "INVALID"


def test_a_confirmed_one_off_claim_is_done(session: Session, time: Time, tree: Tree, organiser: Person, by: Actor) -> None:
    person = a_person(session, time.now)
    task = a_task(session, time.now, tree, organiser, starts_at=time.now, ends_at=time.now + timedelta(hours=2))
    claim = a_claim(session, time.now, task, person)
    confirmations.confirm(session, present(session, time, task, person), actor=by, now=time.now)
    session.refresh(claim)
    assert claim.state is ClaimState.DONE
    assert session.execute(select(Task.taken).where(Task.id == task.id)).scalar_one() == 1


def test_a_report_is_sealed_and_can_be_sent_back_and_mended(session: Session, time: Time, task: Task, by: Actor) -> None:
    person = a_person(session, time.now)
    record, me = present(session, time, task, person), Actor(person.id)
    records.report(session, record, text="清运了三车杂物", actor=me, now=time.now)
    assert record.state is RecordState.REPORTED
    assert record.report is not None
    assert "杂物".encode() not in record.report
    assert records.report_text(person, record) == "清运了三车杂物"
    assert code_of(lambda: records.send_back(session, record, reason="", actor=by, now=time.now)) == "NOTE_REQUIRED"
    records.send_back(session, record, reason="请写明楼栋", actor=by, now=time.now)
    assert code_of(lambda: confirmations.confirm(session, record, actor=by, now=time.now)) == "ILLEGAL_MOVE"
    records.report(session, record, text="清运了 1 幢三车杂物", actor=me, now=time.now)
    confirmations.confirm(session, record, actor=by, now=time.now)
    assert net(session) == (1, 60)


def test_only_the_person_reports_and_disputes(session: Session, time: Time, task: Task, by: Actor) -> None:
    record = present(session, time, task, a_person(session, time.now))
    assert code_of(lambda: records.report(session, record, text="替他写", actor=by, now=time.now)) == "NOT_FOUND"
    confirmations.confirm(session, record, actor=by, now=time.now)
    assert code_of(lambda: records.dispute(session, record, reason="不对", actor=by, now=time.now)) == "NOT_FOUND"


def test_a_disputed_record_stands_until_it_is_decided(session: Session, time: Time, tree: Tree, task: Task, by: Actor) -> None:
    person = a_person(session, time.now)
    record, secretary = (
        present(session, time, task, person),
        actor_of(session, with_role(session, time.now, Role.SECRETARY, tree.community), time.now),
    )
    confirmations.confirm(session, record, actor=by, now=time.now)
    late = time.now + timedelta(days=30, seconds=1)
    assert code_of(lambda: records.dispute(session, record, reason="分钟少了", actor=Actor(person.id), now=late)) == "DISPUTE_LATE"
    records.dispute(session, record, reason="分钟少了", actor=Actor(person.id), now=time.now)
    assert (records.reason_of(person, record), record.reason) == ("分钟少了", None)
    disputed = select(Event.note).where(Event.subject_kind == "service_record", Event.action == "dispute")
    assert session.execute(disputed).scalars().all() == [None]
    assert net(session) == (1, 60)
    assert code_of(lambda: records.uphold(session, record, reason="已核对", actor=by, now=time.now)) == "NOT_FOUND"
    records.uphold(session, record, reason="已核对", actor=secretary, now=time.now)
    assert (record.state, net(session)) == (RecordState.FINAL, (1, 60))


def test_a_void_record_leaves_every_figure(session: Session, time: Time, tree: Tree, task: Task, by: Actor) -> None:
    person = a_person(session, time.now)
    record, secretary = (
        present(session, time, task, person),
        actor_of(session, with_role(session, time.now, Role.SECRETARY, tree.community), time.now),
    )
    confirmations.confirm(session, record, actor=by, now=time.now)
    assert code_of(lambda: records.void(session, record, reason="重复", actor=by, now=time.now)) == "NOT_FOUND"
    assert code_of(lambda: records.void(session, record, reason=" ", actor=secretary, now=time.now)) == "NOTE_REQUIRED"
    records.void(session, record, reason="重复登记", actor=secretary, now=time.now)
    assert (record.state, net(session)) == (RecordState.VOID, (0, 0))
    assert code_of(lambda: records.void(session, record, reason="再来", actor=secretary, now=time.now)) == "ILLEGAL_MOVE"


def test_a_void_record_that_never_counted_takes_nothing_away(session: Session, time: Time, tree: Tree, task: Task) -> None:
    record = present(session, time, task, a_person(session, time.now))
    secretary = actor_of(session, with_role(session, time.now, Role.SECRETARY, tree.community), time.now)
    records.void(session, record, reason="扫错了", actor=secretary, now=time.now)
    assert session.execute(select(func.count()).select_from(Contribution)).scalar_one() == 0


def test_a_correction_takes_two_members_of_staff(session: Session, time: Time, tree: Tree, task: Task, by: Actor) -> None:
    person = a_person(session, time.now)
    record, secretary = (
        present(session, time, task, person),
        actor_of(session, with_role(session, time.now, Role.SECRETARY, tree.community), time.now),
    )
    confirmations.confirm(session, record, actor=by, now=time.now)
    start = record.started_at
    made = records.correct(
        session, record, started_at=start, ended_at=start + timedelta(minutes=50), reason="早退十分钟", actor=secretary, now=time.now
    )
    assert (record.state, made.state, made.minutes, net(session)) == (RecordState.VOID, RecordState.ENDED, 50, (0, 0))
    assert code_of(lambda: confirmations.confirm(session, made, actor=secretary, now=time.now)) == "RECORDER_CONFIRMS"
    confirmations.confirm(session, made, actor=by, now=time.now)
    assert net(session) == (1, 50)


def test_each_organiser_sees_what_waits_for_him(
    session: Session, *, time: Time, tree: Tree, task: Task, organiser: Person, by: Actor
) -> None:
    waiting = present(session, time, task, a_person(session, time.now, "张三"))
    other = open_task(session, time.now, tree, a_person(session, time.now), community=tree.neighbour)
    present(session, time, other, a_person(session, time.now))
    rows, following = records.queue(session, actor=by, after=None, limit=20)
    assert ([row[0].id for row in rows], following) == ([waiting.id], None)
    secretary = actor_of(session, with_role(session, time.now, Role.SECRETARY, tree.community), time.now)
    assert records.counts(session, actor=secretary)[waiting.state] == 1
    assert sum(records.counts(session, actor=Actor(a_person(session, time.now).id)).values()) == 0


def test_a_no_show_keeps_its_record_of_nothing(session: Session, time: Time, tree: Tree, organiser: Person, by: Actor) -> None:
    task = a_task(session, time.now, tree, organiser)
    claim = a_claim(session, time.now, task, a_person(session, time.now))
    claims.mark_no_show(session, claim, actor=by, now=task.ends_at)
    assert session.execute(select(func.count()).select_from(ServiceRecord)).scalar_one() == 0
    assert session.get_one(Claim, claim.id).state is ClaimState.NO_SHOW
