"""定期照护, 矛盾调解, 服务站 and 漏斗 at the desk."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select

from server.db.base import transaction
from server.db.models.care import CarePlan
from server.db.models.handling import Mediation, Station
from server.domain.days import local_day
from server.domain.handling import CarePlanState, MediationState, StationState
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.requests import RequestState
from server.services import care_plans, people, requests, stations
from tests.conftest import Time
from tests.console.conftest import Seat, seat_of
from tests.console.test_requests import statements
from tests.factories.people import Tree, a_person
from tests.factories.requests import a_request, a_requester


def one(model: Any) -> Any:
    with transaction() as session:
        return session.execute(select(model)).scalar_one()


def test_a_plan_for_somebody_without_a_phone_comes_from_his_request(
    app: Flask, secretary: Seat, tree: Tree, now: datetime, time: Time
) -> None:
    with transaction() as session:
        request = a_request(session, now, tree, state=RequestState.TRIAGED)
        carer = a_person(session, now, "赵师傅")
        phone = people.phone_of(carer)
    to = f"/console/requests/{request.public_id}/care"
    secretary.get(to)
    day = (local_day(now) + timedelta(days=1)).isoformat()
    plan = {"what": "上门量血压", "every_days": "2", "first_on": day}
    secretary.post(to, carer_phone="13000000000", **plan)
    assert (secretary.status, "没有找到登记这个手机号的人" in secretary.said, "上门量血压" in secretary.html) == (422, True, True)
    secretary.post(to, carer_phone=phone, **plan)
    assert "等他同意" in secretary.said
    made = one(CarePlan)
    with transaction() as session:
        care_plans.accept(session, session.get_one(CarePlan, made.id), actor=Actor(carer.id), now=now)
    time.advance(days=9)
    with transaction() as session:
        care_plans.miss_due(session, now=time.now)
    secretary = seat_of(app, time.now, Role.SECRETARY, tree.community, "周书记")
    secretary.get("/console/care")
    assert "请关心" in secretary.said
    secretary.get(f"/console/care/{made.public_id}")
    for words in ("提醒了 赵师傅", "未上门", "请联系照护人和老人"):
        assert words in secretary.said
    with transaction() as session:
        other = people.phone_of(a_person(session, now, "钱阿姨"))
    secretary.get(f"/console/care/{made.public_id}/hand-over")
    secretary.post(f"/console/care/{made.public_id}/hand-over", carer_phone=other)
    assert "等他同意" in secretary.said
    secretary.get(f"/console/care/{made.public_id}/end")
    secretary.post(f"/console/care/{made.public_id}/end", reason="搬到女儿家")
    assert one(CarePlan).state is CarePlanState.ENDED


def test_a_plan_by_telephone_number_and_what_strangers_see(secretary: Seat, stranger: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        granny, carer = a_requester(session, now, "王奶奶"), a_person(session, now, "赵师傅")
        phones = [people.phone_of(one) for one in (granny, carer)]
    secretary.get("/console/care/new")
    fields = {"what": "聊聊天", "every_days": "7", "first_on": local_day(now).isoformat()}
    secretary.post("/console/care/new", person_phone=phones[0], carer_phone=phones[1], **fields)
    assert "王奶奶" in secretary.said
    made = one(CarePlan)
    for page in ("", "/hand-over", "/end", "/visit"):
        stranger.get(f"/console/care/{made.public_id}{page}")
        assert stranger.status == 404
    assert statements(lambda: secretary.get("/console/care")) <= 12


def test_a_mediation_from_the_request_to_its_result(secretary: Seat, stranger: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        request = a_request(session, now, tree, state=RequestState.TRIAGED, category="order")
    to = f"/console/requests/{request.public_id}/mediation"
    secretary.get(to)
    secretary.post(to, parties="301 户")
    assert (secretary.status, "至少两方" in secretary.said, "301 户" in secretary.html) == (422, True, True)
    secretary.post(to, parties="301 户\n<b>401 户</b>")
    secretary.get("/console/mediations")
    assert str(request.number) in secretary.said
    page = f"/console/mediations/{one(Mediation).public_id}"
    secretary.get(page)
    assert "301 户；<b>401 户</b>" in secretary.said
    for address in (page, f"{page}/close"):
        stranger.get(address)
        assert stranger.status == 404
    secretary.get(f"{page}/close")
    secretary.post(f"{page}/close", action="agree", result="晚十点后不用洗衣机")
    assert "晚十点后不用洗衣机" in secretary.said
    assert one(Mediation).state is MediationState.AGREED
    assert statements(lambda: secretary.get("/console/mediations")) <= 12


def test_a_station_opens_queues_and_closes(secretary: Seat, stranger: Seat, tree: Tree, now: datetime) -> None:
    secretary.get("/console/stations/new")
    secretary.post("/console/stations/new", kind="repairs", name="老李维修站", keeper_phone="")
    assert "老李维修站开了" in secretary.said
    secretary.post("/console/stations/new", kind="repairs", name="", keeper_phone="")
    assert (secretary.status, "已有同类服务站" in secretary.said) == (409, True)
    made = one(Station)
    with transaction() as session:
        request = a_request(session, now, tree, state=RequestState.TRIAGED)
        mine = requests.by_public_id(session, request.public_id)
        stations.put(session, mine, station=session.get_one(Station, made.id), actor=SYSTEM, now=now)
    secretary.get("/console/stations")
    assert "没有登记 1" in secretary.said
    secretary.get(f"/console/stations/{made.public_id}")
    assert str(request.number) in secretary.said
    for page in ("", "/close"):
        stranger.get(f"/console/stations/{made.public_id}{page}")
        assert stranger.status == 404
    secretary.get(f"/console/stations/{made.public_id}/close")
    secretary.post(f"/console/stations/{made.public_id}/close", reason="负责人调走", successor="")
    assert "转走 1 件" in secretary.said
    assert one(Station).state is StationState.CLOSED


def test_the_funnel_adds_up_and_opens_each_bucket(app: Flask, secretary: Seat, stranger: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        rows = [a_request(session, now, tree, state=RequestState.TRIAGED if n % 2 else RequestState.SUBMITTED) for n in range(5)]
    secretary.get(f"/console/requests/{rows[0].public_id}/reject")
    secretary.post(f"/console/requests/{rows[0].public_id}/reject", channel="12315", reason="消费纠纷")
    secretary.get("/console/funnel")
    assert "5 件 → 4 件" in secretary.said
    counts = [int(count) for count in re.findall(r'data-label="件数">(\d+)', secretary.html.split("</table>")[0])]
    assert sum(counts) == 5
    assert "12315 消费投诉 1" in secretary.said
    (to,) = re.findall(r'href="(/console/funnel/to_dispatch[^"]*)"', secretary.html)
    secretary.get(to.replace("&amp;", "&"))
    assert secretary.said.count("SQ-") == 2
    secretary.get("/console/funnel?from=x")
    assert secretary.status == 422
    secretary.get("/console/funnel/nonsense")
    assert secretary.status == 404
    stranger.get(f"/console/funnel?at={tree.community.public_id}")
    assert stranger.status == 404
    county = seat_of(app, now, Role.COUNTY, tree.county, "县里")
    county.get("/console/funnel")
    assert "示例县" in county.said
    assert "5 件 → 4 件" in county.said
    assert statements(lambda: secretary.get("/console/funnel")) <= 12
