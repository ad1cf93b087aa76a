"""Check-in, live: what is stored, what is answered, what is refused and why."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, select
from sqlalchemy.orm import Session

from server.db import prebuilt
from server.db.base import reading, transaction
from server.db.models.checkins import RefusedScan, Scan, ServiceRecord
from server.db.models.codes import Code
from server.db.models.people import Person
from server.db.models.platform import Event
from server.db.models.tasks import Task
from server.domain.permissions import SYSTEM, Actor
from server.domain.records import RecordState
from server.domain.tasks import TASK_TRANSITIONS, ClaimState, TaskAction, TaskKind
from server.services import checkins, codes, events, policies, refusals
from server.services.refusals import ScanRefused
from tests.factories.checkins import a_mid, a_scan, code_of, message, open_task
from tests.factories.people import Tree, a_person, a_tree
from tests.factories.tasks import a_claim

Setting = tuple[Tree, Task, Person]


@pytest.fixture
def setting(session: Session, now: datetime) -> Setting:
    """A rotating task that has begun, open to whoever comes, and a person."""
    tree = a_tree(session, now)
    return tree, open_task(session, now, tree, a_person(session, now, "王五"), rotating=True), a_person(session, now)


def told(act: Callable[[], object], session: Session) -> str:
    """The code of a refusal, which is written to the ledger as the edge does."""
    with pytest.raises(ScanRefused) as caught:
        act()
    if caught.value.entry is not None:
        refusals.note(session, caught.value.entry)
    return caught.value.code


def record_of(session: Session, person: Person) -> ServiceRecord:
    return session.execute(select(ServiceRecord).where(ServiceRecord.person_id == person.id)).scalar_one()


def test_a_first_scan_is_present_and_only_scanned(session: Session, now: datetime, setting: Setting) -> None:
    tree, task, person = setting
    taken = a_scan(session, now, task, person)
    record = record_of(session, person)
    assert (taken.title, taken.at, taken.answer["state"], taken.answer["grade"]) == (task.title, now, "present", "C")
    assert (record.public_id, record.state, record.minutes, record.grade) == (taken.answer["record"], RecordState.PRESENT, 0, "C")
    assert (record.community_id, record.token_axis, record.duration_axis) == (tree.community.id, 2, 0)
    scan = session.execute(select(Scan)).scalar_one()
    assert (record.source_key, record.mids) == (f"{person.id}:{code_of(session, task).obj}:{scan.mid}", [scan.mid])
    assert session.execute(select(Event.to_state).where(Event.subject_kind == "service_record")).scalars().all() == ["present"]


def test_a_poster_proves_less_and_works_the_same(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    task, person = open_task(session, now, tree, a_person(session, now, "王五")), a_person(session, now)
    assert a_scan(session, now, task, person).answer["grade"] == "D"


def test_scanning_out_gives_true_minutes(session: Session, now: datetime, setting: Setting) -> None:
    _, task, person = setting
    came = a_scan(session, now, task, person)
    left = a_scan(session, now + timedelta(minutes=95), task, person, "out")
    record = record_of(session, person)
    assert left.answer == {"record": came.answer["record"], "state": "ended", "grade": "C", "minutes": 95, "paired": True}
    assert (record.state, record.minutes, record.duration_axis, record.ended_at) == (
        RecordState.ENDED, 95, 2, now + timedelta(minutes=95))  # fmt: skip


def test_an_out_without_an_in_is_kept_with_no_minutes(session: Session, now: datetime, setting: Setting) -> None:
    _, task, person = setting
    left = a_scan(session, now, task, person, "out")
    assert (left.answer["state"], left.answer["minutes"], left.answer["paired"]) == ("ended", 0, False)


def test_a_retry_gets_the_first_answer_for_ever(session: Session, now: datetime, setting: Setting) -> None:
    _, task, person = setting
    sent = message(session, task, now)
    first = checkins.take(session, sent, actor=Actor(person.id), now=now)
    a_scan(session, now + timedelta(minutes=60), task, person, "out")
    code = code_of(session, task)
    codes.revoke(session, code, reason="换码", actor=SYSTEM, now=now + timedelta(minutes=61))
    for minute in range(50):
        again = checkins.take(session, sent, actor=Actor(person.id), now=now + timedelta(hours=2, minutes=minute))
        assert again == replace(first, replay=True)
    assert session.execute(select(func.count()).select_from(Scan)).scalar() == 2
    assert record_of(session, person).minutes == 60


def test_two_spellings_of_a_token_are_one_message(session: Session, now: datetime, setting: Setting) -> None:
    _, task, person = setting
    sent = message(session, task, now)
    checkins.take(session, sent, actor=Actor(person.id), now=now)
    spelt = replace(sent, text=f"https://gongjian.example/q/{sent.text.lower()}?from=x")
    assert checkins.take(session, spelt, actor=Actor(person.id), now=now).replay


def test_a_mid_with_another_body_is_refused(session: Session, now: datetime, setting: Setting) -> None:
    _, task, person = setting
    sent = message(session, task, now)
    checkins.take(session, sent, actor=Actor(person.id), now=now)
    changed = replace(sent, direction="out")
    assert told(lambda: checkins.take(session, changed, actor=Actor(person.id), now=now), session) == "MID_REUSED"
    assert session.execute(select(RefusedScan.code, RefusedScan.mid)).all() == [("MID_REUSED", None)]


def test_a_double_tap_with_two_mids_is_one_fact(session: Session, now: datetime, setting: Setting) -> None:
    _, task, person = setting
    first, second = message(session, task, now, mid=a_mid(9)), message(session, task, now, mid=a_mid(8))
    told_first = checkins.take(session, first, actor=Actor(person.id), now=now)
    for minutes in (0, 5):  # its own retry, too, after the slot is gone
        told_second = checkins.take(session, second, actor=Actor(person.id), now=now + timedelta(minutes=minutes))
        assert (told_second.answer, told_second.at) == (told_first.answer, told_first.at)
    record = record_of(session, person)
    assert record.mids == sorted([first.mid, second.mid])
    assert record.source_key.endswith(second.mid)  # the smaller mid names it, whichever came first


def test_two_people_with_one_mid_do_not_meet(session: Session, now: datetime, setting: Setting) -> None:
    _, task, person = setting
    other = a_person(session, now, "李四")
    a_scan(session, now, task, person, mid=a_mid(5))
    assert not a_scan(session, now, task, other, mid=a_mid(5)).replay


def test_moving_on_to_another_task_ends_the_first(session: Session, now: datetime, setting: Setting) -> None:
    tree, task, person = setting
    other = open_task(session, now, tree, person, title="陪伴老人", category="elder_care", rotating=True)
    a_scan(session, now, task, person)
    a_scan(session, now + timedelta(minutes=30), other, person)
    first, second = session.execute(select(ServiceRecord).order_by(ServiceRecord.started_at)).scalars()
    assert (first.minutes, first.duration_axis, first.flags, first.state) == (30, 1, "MOVED", RecordState.ENDED)
    assert (second.minutes, second.state) == (0, RecordState.PRESENT)


def test_place_out_is_marked_for_a_look_and_not_refused(session: Session, now: datetime, setting: Setting) -> None:
    _, task, person = setting
    a_scan(session, now, task, person, inside=False)
    record = record_of(session, person)
    assert (record.place_in, record.flags, record.grade) == (False, "REVIEW", "C")


def refusal(session: Session, now: datetime, task: Task, person: Person, **over: object) -> str:
    return told(lambda: a_scan(session, now, task, person, **over), session)  # type: ignore[arg-type]


def test_every_refusal_is_in_the_ledger(session: Session, now: datetime, setting: Setting) -> None:
    tree, task, person = setting
    good = codes.token_of(code_of(session, task), now=now)
    hello = codes.for_subject(session, kind=codes.Kind.COMMUNITY, subject_kind="community", subject_id=tree.community.id,
                              community_id=tree.community.id, label="示例社区", mode=codes.Mode.STATIC, now=now)  # fmt: skip
    gone = open_task(session, now, tree, person, title="已取消的活动")
    events.move(session, gone, table=TASK_TRANSITIONS, action=TaskAction.CANCEL, actor=SYSTEM, now=now, note="下雨")
    early = open_task(session, now, tree, person, starts_at=now + timedelta(minutes=31), ends_at=now + timedelta(hours=3))
    claimed = open_task(session, now, tree, person, claim_needed=True)
    old = codes.make(session, kind=codes.Kind.TASK, subject_kind="task", subject_id=-1, community_id=None, label="x",
                     mode=codes.Mode.STATIC, now=now)  # fmt: skip
    worthless = codes.token_of(old, now=now)
    codes.revoke(session, old, reason="丢了", actor=SYSTEM, now=now)
    got = {
        refusal(session, now, task, person, text=good[:5]),
        refusal(session, now, task, person, text="A" + good[1:]),
        refusal(session, now, task, person, text=good[:-1] + ("0" if good[-1] != "0" else "1")),
        refusal(session, now, task, person, text=worthless),
        refusal(session, now, task, person, text=codes.token_of(hello, now=now)),
        refusal(session, now, task, person, text=codes.token_of(code_of(session, task), now=now - timedelta(seconds=60))),
        refusal(session, now, task, person, text=codes.token_of(code_of(session, task), now=now + timedelta(seconds=60))),
        refusal(session, now, gone, person),
        refusal(session, now, early, person),
        refusal(session, now + timedelta(hours=2, minutes=31), task, person),
        refusal(session, now, claimed, person),
        refusal(session, now, open_task(session, now, tree, person), person, cap=int(now.timestamp() * 1000) + 121_000),
        refusal(session, now, open_task(session, now, tree, person), person, cap=int(now.timestamp() * 1000) - 73 * 3_600_000),
    }
    expected = {
        "QR_FORMAT", "QR_VERSION", "QR_FORGED", "QR_REVOKED", "QR_WRONG_KIND", "QR_WINDOW_PAST", "QR_WINDOW_AHEAD",
        "CHECKIN_CANCELLED", "CHECKIN_EARLY", "CHECKIN_CLOSED", "CHECKIN_NOT_CLAIMED", "FUTURE", "TOO_OLD",
    }  # fmt: skip
    assert got == expected
    rows = session.execute(select(RefusedScan)).scalars().all()
    assert {row.code for row in rows} == expected
    assert {row.reason for row in rows if row.code == "QR_FORGED"} == {"mac"}
    assert all(row.person_id == person.id and len(row.text_hash) == 64 for row in rows)
    assert session.execute(select(func.count()).select_from(ServiceRecord)).scalar() == 0


def test_a_refused_message_stays_refused_and_is_one_row(session: Session, now: datetime, setting: Setting) -> None:
    tree, _, person = setting
    task = open_task(session, now, tree, person, starts_at=now + timedelta(minutes=31), ends_at=now + timedelta(hours=3))
    sent = message(session, task, now)
    for minutes in (0, 5):
        at = now + timedelta(minutes=minutes)
        assert told(lambda at=at: checkins.take(session, sent, actor=Actor(person.id), now=at), session) == "CHECKIN_EARLY"  # type: ignore[misc]
    assert session.execute(select(func.count()).select_from(RefusedScan)).scalar() == 1
    assert a_scan(session, now + timedelta(minutes=5), task, person).answer["state"] == "present"


def test_the_wrong_kind_says_where_to_scan_it(session: Session, now: datetime, setting: Setting) -> None:
    _, task, person = setting
    card = codes.card_of(codes.of_person(session, person_id=person.id, now=now))
    with pytest.raises(ScanRefused) as caught:
        a_scan(session, now, task, person, text=card)
    assert (caught.value.code, caught.value.data) == ("QR_WRONG_KIND", {"advice": checkins.ADVICE[codes.Kind.PERSON]})


@pytest.mark.parametrize("state", [ClaimState.PENDING, ClaimState.APPROVED])
def test_only_an_approved_claim_lets_in(session: Session, now: datetime, setting: Setting, state: ClaimState) -> None:
    tree, _, person = setting
    task = open_task(session, now, tree, person, claim_needed=True)
    claim = a_claim(session, now, task, person, state)
    if state is ClaimState.PENDING:
        assert refusal(session, now, task, person) == "CHECKIN_NOT_CLAIMED"
    else:
        a_scan(session, now, task, person)
        assert record_of(session, person).claim_id == claim.id


def test_a_policy_moves_the_window(session: Session, now: datetime, setting: Setting) -> None:
    tree, _, person = setting
    task = open_task(session, now, tree, person, starts_at=now + timedelta(minutes=50), ends_at=now + timedelta(hours=3))
    assert refusal(session, now, task, person) == "CHECKIN_EARLY"
    policies.put(session, key="checkin.before_minutes", value=60, why="大型活动", valid_from=now.date(), actor=SYSTEM, now=now,
                 node_id=tree.community.id)  # fmt: skip
    later = now + timedelta(seconds=31)
    assert a_scan(session, later, task, person).answer["state"] == "present"


def test_an_activity_has_a_code_of_its_kind(session: Session, now: datetime, setting: Setting) -> None:
    tree, _, person = setting
    task = open_task(session, now, tree, person, kind=TaskKind.ACTIVITY, category="party_education")
    assert session.execute(select(Code.kind).where(Code.subject_id == task.id, Code.subject_kind == "task")).scalar() == 3
    assert a_scan(session, now, task, person).answer["state"] == "present"


class Counter:
    """How many statements the engine ran, and how many went past it to the driver."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        event.listen(engine, "before_cursor_execute", self._more)
        run = prebuilt._run
        monkeypatch.setattr(prebuilt, "_run", lambda *args: (self._more(), run(*args))[1])

    def _more(self, *_: object) -> None:
        self.count += 1


@pytest.fixture
def stage(database: Engine, redis: object, vaulted: None, now: datetime) -> tuple[Engine, Task, Person]:
    """The same setting, committed, for tests that open transactions of their own."""
    with transaction() as opened:
        tree = a_tree(opened, now)
        return database, open_task(opened, now, tree, a_person(opened, now, "王五"), rotating=True), a_person(opened, now)


def test_a_scan_costs_the_same_few_statements_however_many_came_before(
    stage: tuple[Engine, Task, Person], now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, task, person = stage
    with transaction() as opened:
        people = [person, *(a_person(opened, now, f"党员{number}") for number in range(12))]
    counter, spent = Counter(engine, monkeypatch), []
    for one in people:
        with transaction() as opened:
            sent = message(opened, task, now)
            counter.count = 0
            checkins.take(opened, sent, actor=Actor(one.id), now=now)
            spent.append(counter.count)
            counter.count = 0
            checkins.take(opened, sent, actor=Actor(one.id), now=now)
            assert counter.count == 1  # a retry is one look
    each = 2 if engine.dialect.name == "postgresql" else 4  # one look; scan, record and event in one statement, or in three
    assert spent == [each + 1] + [each] * 12  # the first reads the policies; the session's look-up makes one more of each


def at_once(*work: Callable[[Session], Any]) -> list[Any]:
    """Run each in a transaction of its own, begun at the same moment."""
    gate = threading.Barrier(len(work))

    def run(act: Callable[[Session], Any]) -> Any:
        gate.wait()
        with transaction() as opened:
            return act(opened)

    with ThreadPoolExecutor(len(work)) as pool:
        return [one.result() for one in [pool.submit(run, act) for act in work]]


@pytest.mark.parametrize("times", range(3))
def test_the_same_message_twice_at_once_is_one(stage: tuple[Engine, Task, Person], now: datetime, times: int) -> None:
    _, task, person = stage
    with transaction() as opened:
        sent = message(opened, task, now)
    answers = at_once(*[lambda opened: checkins.take(opened, sent, actor=Actor(person.id), now=now)] * 4)
    assert sorted(answer.replay for answer in answers) == [False, True, True, True]
    assert len({str(answer.answer) for answer in answers}) == 1
    with reading() as opened:
        assert opened.execute(select(func.count()).select_from(ServiceRecord)).scalar() == 1


@pytest.mark.parametrize("times", range(3))
def test_two_scans_at_once_are_folded_together(stage: tuple[Engine, Task, Person], now: datetime, times: int) -> None:
    _, task, person = stage
    at = now + timedelta(seconds=30)
    with transaction() as opened:
        sent = [message(opened, task, now + timedelta(seconds=step)) for step in (0, 0, 30)]
    at_once(*[lambda opened, one=one: checkins.take(opened, one, actor=Actor(person.id), now=at) for one in sent])
    with reading() as opened:
        record = record_of(opened, person)
    assert (record.started_at, record.mids) == (now, sorted(one.mid for one in sent))
