"""The ledgers, cell by cell, against a model in plain Python: what was done is noted down as it is done, and the model writes the rows.

The model knows nothing of tables: it is given facts (who, when, what) and the rules of docs/rules.md §4.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count as count_up
from typing import Any

import openpyxl
import pytest
from sqlalchemy.orm import Session

from server.db.models.orgs import Unit
from server.db.models.people import Person
from server.domain.ballots import Satisfaction
from server.domain.days import local_day
from server.domain.exports import EXPORTS, ExportKind
from server.domain.figures import span_of
from server.domain.people import Purpose
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.registrations import Source
from server.domain.request_triage import RejectChannel
from server.domain.requests import Channel, RequestState
from server.domain.sign_offs import AgainReason
from server.domain.tasks import TaskKind
from server.domain.wishes import WishState
from server.services import (
    callbacks,
    dispatch,
    endings,
    exports,
    extensions,
    figure_counts,
    figure_sheets,
    handling,
    ledgers,
    registrations,
    sign_offs,
    tallies,
    triage,
    unit_registrations,
    units,
    wish_claims,
    workbooks,
)
from server.services.callbacks import Said
from server.services.receivers import Receiver
from server.services.registrations import Details
from server.services.unit_registrations import Slip
from tests.factories.people import Tree, a_person, a_tree, actor_of, with_role
from tests.factories.records import a_record
from tests.factories.registrations import a_bound_person, a_registration, agree
from tests.factories.requests import a_request
from tests.factories.tasks import a_claim, a_post
from tests.factories.units import a_roster_entry, a_unit, with_unit_role
from tests.factories.wishes import a_wish

PHONES = count_up(13500000001)  # of roster entries that nobody claims


@dataclass
class World:
    """示例社区 with its secretary; a clock that only goes on."""

    session: Session
    tree: Tree
    clerk: Actor
    now: datetime

    def on(self, **by: int) -> datetime:
        """Some time later."""
        self.now += timedelta(**by)
        return self.now


@pytest.fixture
def world(session: Session, now: datetime) -> World:
    """Thursday, the 5th of March, nine o'clock."""
    tree = a_tree(session, now)
    clerk = actor_of(session, with_role(session, now, Role.SECRETARY, tree.community, "李书记"), now)
    return World(session, tree, clerk, now)


def written(world: World, kind: ExportKind, *, who: Actor | None = None, **asked: str) -> list[list[Any]]:
    """The ledger's rows as they stand in the file, its columns and its watermark checked."""
    who = who or world.clerk
    row = exports.ask(world.session, kind=kind, node=world.tree.community, asked=asked, reason="核对台账", actor=who, now=world.now)
    ledger = ledgers.of(world.session, row, actor=who, now=world.now)
    columns = EXPORTS[kind].columns
    data, count = workbooks.write(
        title=EXPORTS[kind].title, columns=columns, rows=ledger.rows, about=ledger.about, watermark=ledger.watermark
    )
    sheet = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]
    rows = [["" if cell is None else cell for cell in line[: len(columns)]] for line in sheet.iter_rows(values_only=True)]
    assert rows[0] == list(columns)
    assert rows[-1][0] == ledger.watermark
    assert count == ledger.total == len(rows) - 2
    return rows[1:-1]


def told(at: datetime | None, *, clock: bool = True) -> str:
    """A moment in Shanghai, eight hours before Greenwich, written by hand."""
    return (at + timedelta(hours=8)).strftime("%Y-%m-%d %H:%M" if clock else "%Y-%m-%d") if at else ""


def percent(numerator: int, denominator: int) -> str:
    """Half up by whole numbers: 2 of 3 are 66.7%."""
    if denominator == 0:
        return "—"
    tenths = (numerator * 1000 * 2 + denominator) // (denominator * 2)
    return f"{tenths // 10}.{tenths % 10}%"


def in_hours(minutes: int) -> str:
    tenths = (minutes * 10 * 2 + 60) // 120
    return f"{tenths // 10}.{tenths % 10}"


QUARTER = {"period": "quarter", "starts_on": "2026-01-01"}


@dataclass
class UnitFact:
    """A unit as somebody would note it on paper."""

    name: str
    superior: str = ""
    accepted: datetime | None = None
    receipt: str = ""
    contact: str = ""
    listed: int = 0
    registered: int = 0
    exempt: int = 0
    waits: str = ""


def test_ledger_1_of_units(world: World) -> None:
    session, tree = world.session, world.tree
    facts: list[UnitFact] = []

    water = a_unit(session, world.now, tree, "示例水务局", superior="县直机关工委")
    units.set_contact(water, contact_name="王联络", contact_phone="13812345678")
    slip = unit_registrations.submit(session, unit=water, slip=Slip(), actor=SYSTEM, now=world.on(hours=1))
    accepted = world.on(days=1)
    unit_registrations.accept(session, slip, opinion="同意接收", actor=world.clerk, now=accepted)
    sent = unit_registrations.send_receipt(session, slip, sent_to=None, actor=world.clerk, now=world.on(hours=2))
    for name in ("张三", "李四"):
        a_registration(session, world.now, a_bound_person(session, world.now, water, name), tree.community)
    a_roster_entry(session, world.now, water, phone=str(next(PHONES)), name="王五")
    a_roster_entry(session, world.now, water, phone=str(next(PHONES)), name="赵六", exempt="长期外派")
    a_roster_entry(session, world.now, water, phone=str(next(PHONES)), name="孙七", member_type="离退休")
    facts.append(UnitFact("示例水务局", "县直机关工委", accepted, sent.receipt_no or "?", "王联络 138****5678", 3, 2, 1))

    school = a_unit(session, world.now, tree, "示例中学")
    unit_registrations.submit(session, unit=school, slip=Slip(), actor=SYSTEM, now=world.now)
    facts.append(UnitFact("示例中学", waits="等待接收"))

    closed = a_unit(session, world.now, tree, "已撤销的单位")
    units.archive(session, unit=closed, actor=SYSTEM, now=world.now)
    a_unit(session, world.now, tree, "邻近社区的单位", community=tree.neighbour)

    bank = a_unit(session, world.now, tree, "示例银行")
    row = unit_registrations.submit(session, unit=bank, slip=Slip(), actor=SYSTEM, now=world.now)
    unit_registrations.accept(session, row, opinion="同意接收", actor=world.clerk, now=world.on(hours=1))
    a_registration(session, world.now, a_bound_person(session, world.now, bank, "钱八"), tree.neighbour)
    facts.append(UnitFact("示例银行", accepted=world.now, listed=1, registered=1))

    assert written(world, ExportKind.UNITS) == [
        [
            number, fact.name, "机关", fact.superior, "示例社区" if fact.accepted else "", told(fact.accepted, clock=False), fact.receipt,
            fact.contact, fact.listed, fact.registered, percent(fact.registered, fact.listed), "",
            "；".join(part for part in (fact.waits, f"另有免报到 {fact.exempt} 人" if fact.exempt else "") if part),
        ]
        for number, fact in enumerate(facts, 1)
    ]  # fmt: skip


@dataclass
class MemberFact:
    """A member as he stands on the card."""

    name: str
    unit: str
    place: str
    skills: str
    posts: list[str]
    on: date | None
    way: str
    state: str
    served: list[int] = field(default_factory=list)  # minutes of what was confirmed this quarter


def test_ledger_2_of_members(world: World) -> None:
    session, tree = world.session, world.tree
    water = a_unit(session, world.now, tree, "示例水务局")
    organiser = with_role(session, world.now, Role.ORGANISER, tree.community, "组织者")
    post = a_post(session, world.now, tree, organiser, title="夜间巡逻")
    facts: list[MemberFact] = []

    def member(name: str, posts: list[str], served: list[int], *, source: Source = Source.SCAN, skills: tuple[str, ...] = ()) -> Person:
        told_branch = (Purpose.PARTY_DATA,) if posts else ()  # who does not agree to that has no branch here (R7)
        person = a_bound_person(session, world.now, water, name, *told_branch)
        details = Details(skills=skills, grid=tree.grid) if "护理" in skills else Details(skills=skills)
        a_registration(session, world.now, person, tree.community, source=source, details=details)
        for _ in posts:
            a_claim(session, world.now, post, person)
        for minutes in served:
            a_record(session, world.now, tree, person, minutes=minutes)
        place = "示例社区/第一网格" if "护理" in skills else "示例社区"
        way = "线上" if source in (Source.SCAN, Source.WEB) else "线下"
        facts.append(MemberFact(name, "示例水务局", place, "、".join(skills), posts, local_day(world.now), way, "已报到", served))
        return person

    zhang = member("张三", ["夜间巡逻"], [90, 45], skills=("护理", "水电"))
    a_record(session, world.now, tree, zhang, minutes=600, day=date(2025, 12, 31))  # another quarter
    world.on(days=1)
    member("李四", [], [], source=Source.WEB)
    member("王五", [], [20], skills=("摄影",))
    retired = a_person(session, world.now, "离休老人", member_type="retired")
    agree(session, world.now, retired)
    registrations.submit(
        session, person=retired, community=tree.community, source=Source.SCAN, details=Details(), actor=Actor(retired.id), now=world.now
    )
    gone = a_bound_person(session, world.now, water, "走了的人")
    row = a_registration(session, world.now, gone, tree.community)
    registrations.end(session, row, reason="调往外地", actor=world.clerk, now=world.now)
    there = a_bound_person(session, world.now, water, "邻近的人")
    a_registration(session, world.now, there, tree.neighbour)
    a_roster_entry(session, world.now, water, phone=str(next(PHONES)), name="没有报到的人")
    stranger = agree(session, world.now, a_person(session, world.now, "等待的人"))
    registrations.submit(
        session, person=stranger, community=tree.community, source=Source.WEB, details=Details(), actor=Actor(stranger.id), now=world.now
    )
    facts.append(MemberFact("等待的人", "", "示例社区", "", [], None, "线上", "等待接收"))
    tallies.drain(session, now=world.now)

    assert written(world, ExportKind.MEMBERS, **QUARTER) == [
        [
            number, fact.name, fact.unit, "第一支部" if fact.posts else "", fact.place, fact.skills, "、".join(fact.posts),
            fact.on.isoformat() if fact.on else "", fact.way, fact.state, len(fact.served), in_hours(sum(fact.served)),
        ]
        for number, fact in enumerate(facts, 1)
    ]  # fmt: skip


@dataclass
class RequestFact:
    """A request as the book at the desk has it; the times are those of the clock on the wall."""

    number: str
    source: str = "小程序"
    kind: str = "公共设施维修"
    grid: str = ""
    sent: datetime | None = None
    triaged: datetime | None = None
    dispatched: datetime | None = None
    accepted: datetime | None = None
    due: str = ""
    finished: datetime | None = None
    extended: bool = False
    handler: str = ""
    result: str = "待研判"
    said: str = "—/—/—"
    rounds: int = 0

    def row(self) -> list[Any]:
        """As the ledger has it."""
        times = [told(at) for at in (self.sent, self.triaged, self.dispatched, self.accepted)]
        end = ["是" if self.extended else "否", self.handler, self.result, self.said, self.rounds]
        return [self.number, self.source, self.kind, self.grid, *times, self.due, told(self.finished), *end]


def the_requests(world: World) -> list[RequestFact]:
    """Six requests and what becomes of them."""
    session, tree = world.session, world.tree
    facts = []

    def sent(**over: Any) -> tuple[Any, RequestFact]:
        request = a_request(session, world.on(minutes=10), tree, **over)
        fact = RequestFact(request.number or "?", sent=world.now)
        facts.append(fact)
        return request, fact

    def triaged(request: Any, fact: RequestFact) -> None:
        fact.triaged = world.on(minutes=20)
        triage.accept(session, request, judgement=triage.Judgement(), actor=world.clerk, now=world.now)

    def accepted(request: Any, fact: RequestFact, to: Receiver, actor: Actor) -> None:
        fact.dispatched = world.on(minutes=5)
        offer = dispatch.dispatch(session, request, to=to, actor=world.clerk, now=world.now)
        fact.accepted = world.on(minutes=30)
        dispatch.accept(session, offer, actor=actor, now=world.now)
        fact.due = "2026-03-11 00:00"  # Thursday before five, three working days: the end of Tuesday, the weekend between

    def finished(request: Any, fact: RequestFact, actor: Actor) -> None:
        handling.start(session, request, actor=actor, now=world.on(minutes=10))
        fact.finished = world.on(minutes=40)
        handling.finish(session, request, result="办好了", actor=actor, now=world.now)
        fact.result = "待签收"

    _, waiting = sent(category="noise", channel=Channel.PHONE)
    waiting.kind, waiting.source = "噪音扰民", "来电来访"

    refused, fact = sent(grid=tree.grid)
    fact.triaged = world.on(minutes=7)
    triage.reject(session, refused, channel=RejectChannel.POLICE, reason="请拨 110", actor=world.clerk, now=world.now)
    fact.grid, fact.result = "第一网格", "不受理"

    water = a_unit(session, world.now, tree, "示例水务局")
    liaison = actor_of(session, with_unit_role(session, world.now, Role.UNIT_LIAISON, water), world.now)
    leak, fact = sent(category="utilities")
    fact.kind, fact.handler = "水电气暖", "示例水务局"
    triaged(leak, fact)
    accepted(leak, fact, Receiver(unit_id=water.id), liaison)
    handling.start(session, leak, actor=liaison, now=world.on(minutes=10))
    until = world.now + timedelta(days=8)
    extensions.ask(session, leak, until=until, reason="等配件", actor=liaison, now=world.now)
    extensions.decide(session, leak, approve=True, note="同意", actor=world.clerk, now=world.on(minutes=5))
    fact.due, fact.extended, fact.result = told(until), True, "办理中"

    person = a_person(session, world.now, "赵师傅")
    lamp, fact = sent()
    triaged(lamp, fact)
    accepted(lamp, fact, Receiver(person_id=person.id), Actor(person.id))
    finished(lamp, fact, Actor(person.id))
    sign_offs.sign(session, lamp, done=True, actor=Actor(lamp.asked_for_id), now=world.on(minutes=5))
    fact.handler, fact.result, fact.said = "赵师傅", "已签收办结", "—/是/—"

    door, fact = sent()
    triaged(door, fact)
    accepted(door, fact, Receiver(person_id=person.id), Actor(person.id))
    finished(door, fact, Actor(person.id))
    fact.handler = "赵师傅"
    again = world.on(minutes=5)
    sign_offs.sign(session, door, done=False, reason=AgainReason.CAME_BACK, actor=Actor(door.asked_for_id), now=again)
    handling.redo(session, door, actor=Actor(person.id), now=world.on(minutes=10))
    fact.finished = world.on(minutes=30)
    handling.finish(session, door, result="又办了一次", actor=Actor(person.id), now=world.now)
    fact.result, fact.rounds = "待签收", 1

    gone, fact = sent()
    endings.withdraw(session, gone, actor=Actor(gone.asked_for_id), now=world.on(minutes=5))
    fact.result = "居民撤回"

    a_request(session, world.now, tree, state=RequestState.DRAFT)
    a_request(session, world.now, tree, community=tree.neighbour)

    world.on(days=11)  # nobody signed for the door: he is called
    said = Said(reached=True, contacted=True, solved=True, satisfaction=Satisfaction.BASIC)
    callbacks.record(session, door, said, actor=world.clerk, now=world.now)
    facts[4].result, facts[4].said = "已签收办结", "是/是/基本满意"
    return facts


def test_ledger_3_of_requests(world: World) -> None:
    facts = the_requests(world)
    assert written(world, ExportKind.REQUESTS, **QUARTER) == [fact.row() for fact in facts]


def test_ledger_3_for_who_may_not_read_names(world: World) -> None:
    """A street reads the same lines; a person who handled is 个人, and what somebody said by name is left out."""
    facts = the_requests(world)
    street = actor_of(world.session, with_role(world.session, world.now, Role.STREET, world.tree.street, "街道干部"), world.now)
    for fact in facts:
        fact.handler = "个人" if fact.handler == "赵师傅" else fact.handler
        fact.said = "—/是/—" if "是" in fact.said else fact.said
    assert written(world, ExportKind.REQUESTS, who=street, **QUARTER) == [fact.row() for fact in facts]


def test_ledger_4_of_wishes(world: World) -> None:
    session, tree = world.session, world.tree
    published = a_wish(session, world.now, tree)
    taken_at = world.on(days=1)
    claimant = a_person(session, world.now, "陈热心")
    fulfilled = a_wish(session, taken_at, tree, WishState.FULFILLED, claimant=claimant)
    by_unit = a_wish(session, world.on(days=1), tree, child=True)
    bank = a_unit(session, world.now, tree, "示例银行")
    liaison = actor_of(session, with_unit_role(session, world.now, Role.UNIT_LIAISON, bank), world.now)
    unit_at = world.on(hours=3)
    wish_claims.claim(session, by_unit, actor=liaison, now=unit_at, unit=bank)
    radio, books = "想要一台声音大、按键大的收音机", "一套五年级的课外书"
    day = told(taken_at, clock=False)
    assert written(world, ExportKind.WISHES, **QUARTER) == [
        [published.number, "孤寡独居老人（银杏奶奶）", radio, "李书记", "", "", "", "", ""],
        [fulfilled.number, "孤寡独居老人（银杏奶奶）", radio, "李书记", "陈热心", day, day, day, ""],
        [by_unit.number, "困境或留守儿童（小树苗）", books, "李书记", "示例银行", told(unit_at, clock=False), "", "", ""],
    ]
    before = {"period": "quarter", "starts_on": "2025-10-01"}
    assert written(world, ExportKind.WISHES, **before) == []


def counted(world: World, period: str, starts_on: date) -> None:
    """As the job does it."""
    tallies.drain(world.session, now=world.now)
    figure_sheets.ask(world.session, period, starts_on, now=world.now)
    for day in (starts_on, figure_sheets.before(period, starts_on)):
        span = span_of(period, day, world.now)
        figure_sheets.keep(world.session, span, figure_counts.counted(world.session, span), now=world.now)


def cells_of(rows: list[list[Any]], name: str) -> dict[str, list[Any]]:
    """By indicator: numerator, denominator, this period, the one before, the change."""
    return {row[2]: row[4:9] for row in rows if row[1] == name}


def pair(numerator: int, denominator: int) -> list[Any]:
    """A rate that was nothing the quarter before."""
    shown = percent(numerator, denominator) if denominator else "—（分母为 0）"
    return [str(numerator), str(denominator), shown, "—（分母为 0）", ""]


def count(number: int | str) -> list[Any]:
    return [str(number), "", str(number), "0" if "." not in str(number) else "0.0", f"+{number}" if number not in (0, "0.0") else "持平"]


def test_ledger_7_says_what_the_requests_say(world: World) -> None:
    facts = the_requests(world)
    counted(world, "quarter", date(2026, 1, 1))
    rows = written(world, ExportKind.SUMMARY, **QUARTER)
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
    assert list(dict.fromkeys(row[1] for row in rows)) == ["示例社区", "第一网格"]
    cells = cells_of(rows, "示例社区")
    gone = [fact for fact in facts if fact.result == "居民撤回"]
    taken_on = [fact for fact in facts if fact.triaged and fact.result != "不受理"]
    done = [fact for fact in taken_on if fact.finished]
    dispatched = [fact for fact in facts if fact.dispatched]
    assert cells["点单数"] == count(len(facts) - len(gone))
    assert cells["撤单"] == count(len(gone))
    assert cells["并案"] == count(0)
    # All that were triaged were so within twenty minutes; the one that waits since the 5th was due the same day.
    assert cells["研判及时率"] == pair(len(taken_on) + 1, len(facts) - len(gone))
    assert cells["接单及时率"] == pair(len(dispatched), len(dispatched))
    assert cells["退单率"] == pair(0, len(dispatched))
    assert cells["办结率"] == pair(len(done), len(taken_on))
    overdue = [fact for fact in taken_on if fact.due and fact.due <= told(world.now)]
    in_time = [fact for fact in overdue if fact.finished and told(fact.finished) <= fact.due]
    assert cells["按时办结率"] == pair(len(in_time), len(overdue))
    assert cells["回访率"] == pair(len(done), len(done))  # one signed, one was called
    assert cells["有效回访"] == count(1)
    assert cells["回炉率"] == pair(1, len(done))
    for name, shown in (("响应率", "100.0%"), ("解决率", "100.0%"), ("满意率", "90.0%"), ("三率综合", "96.0%")):
        assert cells[name][1:3] == ["1", shown], name  # one call, basically satisfied: 0.9, and 10 + 50 + 36
    of_grid = cells_of(rows, "第一网格")
    assert of_grid["点单数"] == count(1)
    assert of_grid["办结率"] == pair(0, 0)


def test_ledger_7_says_what_was_served(world: World) -> None:
    session, tree = world.session, world.tree
    water = a_unit(session, world.now, tree, "示例水务局")
    minutes = {"张三": [90, 45], "李四": [20], "王五": []}
    for name, served in minutes.items():
        person = a_bound_person(session, world.now, water, name, community="示例社区")
        a_registration(session, world.now, person, tree.community)
        for each in served:
            a_record(session, world.now, tree, person, minutes=each, grid=name == "李四")
    guest = a_person(session, world.now, "群众", member_type="non_party")
    a_record(session, world.now, tree, guest, minutes=60)
    a_roster_entry(session, world.now, water, phone=str(next(PHONES)), name="没有报到的人", community="示例社区")
    organiser = with_role(session, world.now, Role.ORGANISER, tree.community, "组织者")
    post = a_post(session, world.now, tree, organiser, title="夜间巡逻", capacity=4)
    a_claim(session, world.now, post, guest)
    a_post(
        session,
        world.now,
        tree,
        organiser,
        title="不是岗位",
        kind=TaskKind.ACTIVITY,
        category="environment",
        ends_at=world.now + timedelta(hours=3),
    )
    a_wish(session, world.now, tree)
    a_wish(session, world.now, tree, WishState.CLAIMED)
    counted(world, "quarter", date(2026, 1, 1))
    cells = cells_of(written(world, ExportKind.SUMMARY, **QUARTER), "示例社区")
    members, served = len(minutes), [each for one in minutes.values() for each in one]
    visits, total = len(served), sum(served)
    assert cells["服务人次"] == count(visits + 1)
    assert cells["参与人数"] == count(3)
    assert cells["服务时长"] == count(in_hours(total + 60))
    assert cells["参与率"] == pair(2, members)
    assert cells["人均次数"] == [str(visits), str(members), in_hours(visits * 60 // members), "—（分母为 0）", ""]
    assert cells["人均时长"] == [in_hours(total), str(members), "0.9", "—（分母为 0）", ""]  # 155 minutes ÷ 60 ÷ 3 = 0.86
    assert cells["党员报到率"][:3] == ["3", "4", "75.0%"]
    assert cells["单位报到率"][:3] == ["0", "1", "0.0%"]
    assert cells["岗位认领率"] == pair(1, 4)
    assert cells["微心愿认领率"] == pair(1, 2)
    assert cells["微心愿实现率"] == pair(0, 1)
    units_ = cells_of(written(world, ExportKind.UNIT_SUMMARY, **QUARTER), "示例水务局")
    assert units_["服务人次"] == count(visits)
    assert units_["参与率"] == pair(2, members)
    assert units_["党员报到率"][:3] == ["3", "4", "75.0%"]


def test_lists_of_tasks_and_records(world: World) -> None:
    session, tree = world.session, world.tree
    unit: Unit = a_unit(session, world.now, tree, "示例水务局")
    person = a_person(session, world.now, "张三", unit_id=unit.id)
    a_record(session, world.now, tree, person, minutes=90)
    a_record(session, world.now, tree, person, minutes=30)
    start, end = told(world.now), told(world.now + timedelta(hours=2))
    assert written(world, ExportKind.TASKS, **QUARTER) == [
        [1, "整理楼道", "活动", "环境整治", "示例社区", "1幢门口", start, end, 500, 0, "已发布", 2, "2.0"]
    ]
    assert written(world, ExportKind.RECORDS, **QUARTER) == [
        [number, "2026-03-05", "张三", "示例水务局", "整理楼道", "示例社区", "本人扫码", "已确认", minutes]
        for number, minutes in enumerate((90, 30), 1)
    ]
