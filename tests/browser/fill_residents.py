"""Something on every page of 诉求: requests of all kinds and states, wishes, complaints, a panel, care, a mediation, a station."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from server.db.models.people import Person
from server.db.models.requests import Request
from server.domain.days import local_day
from server.domain.feedbacks import FeedbackAbout, FeedbackKind
from server.domain.handling import StationKind
from server.domain.people import ConsentChannel
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.requests import CheckState, RequestState
from server.domain.wishes import WishState, Words
from server.services import (
    care_plans,
    dispatch,
    escalations,
    extensions,
    feedback_entries,
    handling,
    mediations,
    request_claims,
    stations,
)
from server.services.feedbacks import Written
from server.services.intakes import Represented
from server.services.receivers import Receiver
from tests.factories.handling import handled
from tests.factories.people import Tree, a_person, actor_of, with_role
from tests.factories.ratings import a_finished
from tests.factories.registrations import a_member, a_unit
from tests.factories.requests import a_request, a_requester
from tests.factories.reviews import a_closed, a_panel, a_vote, sign_for_slips
from tests.factories.wishes import a_wish

SAID = (
    ("noise", "楼下工地夜里十一点还在施工，孩子睡不着", "2号楼"),
    ("parking", "消防通道又停了车，救护车进不来", "小区北门"),
    ("elder_care", "想请人陪去医院换药，子女都在外地", "5号楼"),
    ("environment", "垃圾桶满了两天没人清，有味道", "小区南门"),
    ("pets", "有人遛狗不拴绳，老人被吓到", "中心花园"),
)


def fill(session: Session, tree: Tree, who: Person, now: datetime) -> Mapping[str, str]:
    """The public ids the addresses need."""
    actor = actor_of(session, who, now)
    for number, (category, content, place) in enumerate(SAID):
        when = now - timedelta(days=number)
        a_request(session, when, tree, a_requester(session, now, "周秀兰"), category=category, content=content, place=place, grid=tree.grid)
    new = a_request(
        session, now, tree, a_requester(session, now, "陈桂英"), grid=tree.building, content="三楼楼道灯坏了一周，老人晚上不敢下楼"
    )
    a_request(session, now, tree, a_requester(session, now, "刘大爷"), grid=tree.building, content="楼道的灯坏了，晚上看不见")
    return {
        "request": new.public_id,
        "request_triaged": _triaged(session, tree, now).public_id,
        "request_open": _open(session, tree, now).public_id,
        "request_mine": _mine(session, tree, who, actor, now).public_id,
        "request_up": _up(session, tree, actor, now).public_id,
        "request_due": a_finished(session, now - timedelta(days=9), tree, a_requester(session, now, "孙奶奶")).public_id,
        "request_check": a_request(session, now, tree, text_check=CheckState.REVIEW, content="物业的张某电话打不通").public_id,
        **_around(session, tree, who, actor, now),
        **_wishes(session, tree, now),
        **_panels(session, tree, actor, now),
    }


def _triaged(session: Session, tree: Tree, now: datetime) -> Request:
    a_member(session, now, tree, "赵建国")
    a_unit(session, now, tree, "示例自来水公司")
    return a_request(session, now, tree, a_requester(session, now, "吴阿姨"), RequestState.TRIAGED, grid=tree.grid)


def _open(session: Session, tree: Tree, now: datetime) -> Request:
    request = a_request(session, now, tree, a_requester(session, now, "郑叔"), RequestState.TRIAGED)
    dispatch.publish(session, request, actor=SYSTEM, now=now)
    by = a_person(session, now, "钱师傅")
    request_claims.claim(session, request, by=Receiver(person_id=by.id), actor=Actor(by.id), now=now)
    return request


def _mine(session: Session, tree: Tree, who: Person, actor: Actor, now: datetime) -> Request:
    """In the secretary's own hands, with a helper called, a visit, an extension asked for."""
    begun = now - timedelta(days=1)
    request, _ = handled(session, begun, tree, handler=who, content="一楼下水道返水，厕所不能用", place="1号楼", grid=tree.building)
    helper = a_person(session, now, "示例物业李工")
    (offer,) = dispatch.whistle(session, request, to=[Receiver(person_id=helper.id)], reason="请带疏通机到场", actor=actor, now=now)
    dispatch.accept(session, offer, actor=Actor(helper.id), now=now)
    dispatch.arrive(session, offer, actor=Actor(helper.id), now=now)
    handling.contact(session, request, actor=actor, now=now)
    handling.visit(session, request, note="主管堵在三楼，要换一段管", actor=actor, now=now)
    until = (request.finish_due_at or now) + timedelta(days=1)
    extensions.ask(session, request, until=until, reason="等管件到货", actor=actor, now=now)
    return request


def _up(session: Session, tree: Tree, actor: Actor, now: datetime) -> Request:
    """Gone up from the grid to the community: the secretary decides."""
    request = a_request(session, now, tree, a_requester(session, now, "马师傅"), content="楼顶漏水，维修资金没人组织")
    request.level = type(request.level).GRID
    session.flush()
    escalations.escalate(session, request, reason="网格办不了，要开业主会", actor=actor, now=now)
    return request


def _around(session: Session, tree: Tree, who: Person, actor: Actor, now: datetime) -> dict[str, str]:
    station = stations.open_one(
        session, community=tree.community, kind=StationKind.REPAIRS, keeper=who, actor=actor, now=now, name="老李维修站"
    )
    queued = a_request(session, now, tree, a_requester(session, now, "何阿姨"), RequestState.TRIAGED)
    stations.put(session, queued, station=station, actor=actor, now=now)
    at_odds = a_request(
        session, now, tree, a_requester(session, now, "高先生"), RequestState.TRIAGED, category="order", content="楼上漏水两家吵架"
    )
    case = mediations.open_case(session, at_odds, parties=["301 户", "401 户"], actor=actor, now=now)
    granny, carer = a_requester(session, now, "王奶奶"), a_person(session, now, "冯护士")
    earlier = now - timedelta(days=20)
    plan = care_plans.create(
        session, community=tree.community, person=granny, carer=carer, what="上门量血压、聊聊天", every_days=3,
        first_on=local_day(earlier), actor=actor, now=earlier,
    )  # fmt: skip
    care_plans.accept(session, plan, actor=Actor(carer.id), now=earlier)
    care_plans.miss_due(session, now=now)
    clerk = actor_of(session, with_role(session, now, Role.CLERK, tree.community, "周干事"), now)
    said = Written(FeedbackKind.SUGGESTION, FeedbackAbout.SERVICE, "活动通知能不能提前三天发，老人要安排时间", tree.community)
    name = Represented("林奶奶", None, ConsentChannel.SPOKEN)
    asked = feedback_entries.enter(session, who=name, written=said, community=tree.community, actor=clerk, now=now)
    other = Represented("蒋大爷", None, ConsentChannel.SPOKEN)
    entered = feedback_entries.enter(session, who=other, written=said, community=tree.community, actor=actor, now=now)
    return {
        "station": station.public_id, "mediation": case.public_id, "care": plan.public_id, "feedback": asked.public_id,
        "feedback_entered": entered.public_id,
    }  # fmt: skip


def _wishes(session: Session, tree: Tree, now: datetime) -> dict[str, str]:
    words = (Words("石榴爷爷", "一副老花镜，三百度", 8_000), Words("小橘子", "一套五年级课外书", 6_000))
    made = [
        a_wish(session, now, tree, state, words=one) for state, one in zip((WishState.COLLECTED, WishState.VERIFIED), words, strict=True)
    ]
    found = [*made, a_wish(session, now, tree, WishState.CLAIMED), a_wish(session, now, tree, WishState.FULFILLED)]
    names = ("wish_new", "wish_verified", "wish", "wish_done")
    return {name: row.public_id for name, row in zip(names, found, strict=True)}


def _panels(session: Session, tree: Tree, actor: Actor, now: datetime) -> dict[str, str]:
    """One that votes, in another quarter one that gathers."""
    a_closed(session, now, tree)
    voting, members = a_vote(session, now, tree, actor, 9)
    sign_for_slips(session, now, voting, members[:6], actor)
    earlier = now - timedelta(days=100)
    gathering, _ = a_panel(session, earlier, tree, actor, 6)
    return {"panel_voting": voting.public_id, "panel": gathering.public_id}
