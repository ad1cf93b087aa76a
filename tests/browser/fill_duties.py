"""A desk on a busy morning: something of every kind that waits, with names and words as people write them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from qr.rules import Flag
from server.db.models.checkins import ServiceRecord
from server.db.models.people import Person
from server.db.models.tasks import Claim
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.records import RECORD_TRANSITIONS, RecordAction, RecordState
from server.domain.registrations import TransferReason
from server.domain.requests import RequestState
from server.domain.tasks import ClaimState
from server.services import binding_requests, events, records, registrations, transfers, unit_registrations
from server.services.unit_registrations import Slip
from tests.factories.people import Tree, a_person, actor_of, with_role
from tests.factories.records import a_record
from tests.factories.registrations import a_member, a_registration, a_unit, agree, an_entry
from tests.factories.requests import a_request
from tests.factories.tasks import a_claim, a_task

NAMES = (
    "赵建国", "钱秀英", "孙伟", "李桂兰", "周明", "吴丽华", "郑强", "王玉珍", "冯涛", "陈小红", "褚卫东",
    "卫芳", "蒋志刚", "沈梅", "韩磊", "杨淑芬", "朱勇", "秦雪", "尤军", "许静", "何平", "吕燕",
)  # fmt: skip
REPORTS = (
    "和三位邻居一起把三号楼一到六层的杂物搬到了清运点，请物业第二天拉走。",
    "陪独居的老人去卫生院取药，路上走得慢，来回两个小时。",
    "检查了十二个楼道的灭火器，有两只过期，已告诉社区。",
)


def fill(session: Session, tree: Tree, secretary: Person, now: datetime) -> Mapping[str, str]:
    """Twenty-two claims, registrations, a transfer each way, a binding, units, records, requests."""
    made: dict[str, str] = {}
    clean = a_task(
        session,
        now - timedelta(days=2),
        tree,
        secretary,
        title="清理三号楼楼道",
        starts_at=now + timedelta(hours=5),
        ends_at=now + timedelta(hours=7),
        capacity=40,
    )
    river = a_task(
        session, now, tree, secretary, title="河道巡查", starts_at=now + timedelta(hours=6), ends_at=now + timedelta(hours=8), capacity=40
    )
    rows: list[Claim] = []
    for number, name in enumerate(NAMES):
        person = a_person(session, now, name)
        rows.append(a_claim(session, now - timedelta(hours=30 - number), clean, person, ClaimState.PENDING))
        if number < 3:
            a_claim(session, now - timedelta(hours=1), river, person, ClaimState.APPROVED)
    made["duty_claim"] = rows[0].public_id
    form = a_registration(session, now - timedelta(days=8), agree(session, now, a_person(session, now, "施晓东")), tree.community)
    made["duty_registration"] = form.public_id
    made["duty_transfer"] = _moving_in(session, tree, now)
    made["duty_binding"] = _binding(session, tree, now)
    made["duty_unit_registration"] = _slip(session, tree, now)
    made["duty_record"] = _records(session, tree, now)
    a_request(session, now - timedelta(hours=3), tree, state=RequestState.SUBMITTED)
    a_request(session, now - timedelta(hours=5), tree, state=RequestState.TRIAGED)
    return made


def _moving_in(session: Session, tree: Tree, now: datetime) -> str:
    person = a_member(session, now - timedelta(days=20), tree, "孔令辉", community=tree.neighbour)
    live = registrations.live_of(session, person_id=person.id)
    assert live is not None
    at = now - timedelta(days=3)
    row = transfers.request(
        session, live, to=tree.community, reason=TransferReason.MOVED_HOUSE, actor=Actor(person.id), now=at, note="上月搬到三号楼"
    )
    transfers.release(session, row, actor=SYSTEM, now=at + timedelta(days=1))
    return row.public_id


def _binding(session: Session, tree: Tree, now: datetime) -> str:
    unit = a_unit(session, now, tree, "示例县审计局")
    for phone in ("13711110001", "13711110002"):
        an_entry(session, now, unit, "曹雪", phone)
    person = agree(session, now, a_person(session, now, "曹雪"))
    at, me = now - timedelta(days=1), Actor(person.id)
    row = binding_requests.submit(
        session, community=tree.community, name="曹雪", unit_name="税务局", note="换过手机号，名册里是旧号", actor=me, now=at
    )
    return row.public_id


def _slip(session: Session, tree: Tree, now: datetime) -> str:
    clerk = actor_of(session, with_role(session, now, Role.CLERK, tree.community, "小严"), now)
    accepted = unit_registrations.submit(
        session, unit=a_unit(session, now, tree, "示例县图书馆"), slip=Slip("馆长", "小华"), actor=clerk, now=now - timedelta(days=4)
    )
    unit_registrations.accept(session, accepted, opinion="同意接收", actor=clerk, now=now - timedelta(days=2))
    slip = Slip("金主任", "魏联络员", ("会议室每周三开放", "法律咨询一名"))
    return unit_registrations.submit(
        session, unit=a_unit(session, now, tree, "示例县司法局"), slip=slip, actor=clerk, now=now - timedelta(days=1)
    ).public_id


def _records(session: Session, tree: Tree, now: datetime) -> str:
    made: list[ServiceRecord] = []
    for number, words in enumerate(REPORTS * 5):
        person = a_person(session, now, NAMES[number])
        record = a_record(
            session, now, tree, person, state=RecordState.ENDED, minutes=90 + number, day=(now - timedelta(days=1 + number % 4)).date()
        )
        record.grade = "ABCD"[number % 4]
        record.flags = Flag.HOLD.value if number == 1 else ""
        session.flush()
        records.report(session, record, text=words, actor=Actor(person.id), now=now - timedelta(hours=number))
        made.append(record)
    disputed = a_record(session, now, tree, a_person(session, now, "陶然"), day=(now - timedelta(days=5)).date())
    events.move(session, disputed, table=RECORD_TRANSITIONS, action=RecordAction.DISPUTE, actor=SYSTEM, now=now, note="时间记少了")
    return made[0].public_id
