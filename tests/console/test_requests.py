"""诉求 at the desk: the list, the places, one request from triage to what goes up, and what strangers and forged forms get."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import event, select

from server.db import base
from server.db.base import transaction
from server.db.models.requests import Request, RequestOffer
from server.domain.handling import StationKind
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.requests import RequestState
from server.services import dispatch, request_claims, requests, stations
from server.services.receivers import Receiver
from tests.conftest import Time
from tests.console.conftest import Seat, seat_of, sit_down
from tests.factories.handling import handled
from tests.factories.people import Tree, a_person
from tests.factories.registrations import a_member
from tests.factories.requests import a_request

HOSTILE = "<script>alert(1)</script>=cmd|'/c'!A1"


def statements(act: Callable[[], object]) -> int:
    """How many statements this takes."""
    said: list[str] = []

    def note(*args: object) -> None:
        said.append(str(args[2]))

    event.listen(base.engine(), "before_cursor_execute", note)
    act()
    event.remove(base.engine(), "before_cursor_execute", note)
    return len(said)


def made(now: datetime, tree: Tree, state: RequestState = RequestState.SUBMITTED, **over: object) -> Request:
    with transaction() as session:
        return a_request(session, now, tree, state=state, **over)


def address(request: Request, step: str = "") -> str:
    return f"/console/requests/{request.public_id}" + (f"/{step}" if step else "")


def state_of(request: Request) -> RequestState:
    with transaction() as session:
        return requests.by_public_id(session, request.public_id).state


def test_the_list_tells_what_is_due_and_opens_one(secretary: Seat, tree: Tree, now: datetime) -> None:
    request = made(now, tree)
    secretary.get("/console/requests")
    assert request.number is not None
    assert request.number in secretary.said
    for words in ("公共设施维修", "待研判", "还有 1 个工作日", "小程序"):
        assert words in secretary.said
    secretary.get(address(request))
    for words in ("下一步", "研判受理", "3号楼楼道灯不亮", "王阿姨", "139****", "提交"):
        assert words in secretary.said


def test_the_list_is_narrowed(secretary: Seat, tree: Tree, now: datetime, time: Time) -> None:
    lamp, noise = made(now, tree, grid=tree.grid), made(now, tree, category="noise", content="夜里施工")
    assert lamp.number is not None
    assert noise.number is not None

    def shown(query: str) -> tuple[bool, bool]:
        secretary.get(f"/console/requests?{query}")
        assert secretary.status == 200, query
        return str(lamp.number) in secretary.said, str(noise.number) in secretary.said

    assert shown("category=noise") == (False, True)
    assert shown(f"place={tree.estate.public_id}") == (True, False)
    assert shown(f"number={lamp.number[-5:]}") == (True, False)
    assert shown("channel=phone") == (False, False)
    assert shown("state=triaged") == (False, False)
    assert shown("overdue=1") == (False, False)
    assert shown("state=ended") == (False, False)
    time.advance(days=10)
    with transaction() as session:
        secretary.client = sit_down(secretary.client.application, session, secretary.person, time.now).client
    assert shown("overdue=1") == (True, True)
    assert "逾期" in secretary.said


def test_an_unknown_filter_is_no_page(secretary: Seat) -> None:
    for query in ("state=nonsense", "channel=x", "place=0000000000000", "at=0000000000000"):
        secretary.get(f"/console/requests?{query}")
        assert secretary.status == 404, query


def test_the_list_costs_the_same_with_many(secretary: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        for number in range(3):
            handled(session, now, tree, handler=a_person(session, now, f"师傅{number}"), grid=tree.grid)
        a_request(session, now, tree)
    few = statements(lambda: secretary.get("/console/requests"))
    with transaction() as session:
        for number in range(9):
            handled(session, now, tree, handler=a_person(session, now, f"工人{number}"), grid=tree.building)
    assert statements(lambda: secretary.get("/console/requests")) == few <= 12
    assert statements(lambda: secretary.get("/console/requests/places")) <= 12
    assert statements(lambda: secretary.get("/console/requests/escalated")) <= 12
    assert statements(lambda: secretary.get("/console/request-claims")) <= 12


def test_places_add_up(secretary: Seat, tree: Tree, now: datetime) -> None:
    for grid in (tree.grid, tree.building, None):
        made(now, tree, grid=grid)
    secretary.get("/console/requests/places")
    assert "示例小区 0 2 第一网格 1 2 1幢 1 1 没有写明地点 1 1" in secretary.said


def test_triage_dispatch_and_the_timeline_in_words(secretary: Seat, tree: Tree, now: datetime) -> None:
    request = made(now, tree, category="other")
    with transaction() as session:
        person = a_member(session, now, tree)
    secretary.get(address(request, "triage"))
    for words in ("凭“", "办结期限", "可能是同一件事"):
        assert words in secretary.said
    form = {"category": "repairs", "urgency": "urgent", "difficulty": "simple", "priority": "3", "level": "community", "grid": ""}
    secretary.post(address(request, "triage"), **form, seen="1")
    assert (secretary.status, "已受理，请接着派单" in secretary.said, "待派单" in secretary.said) == (200, True, True)
    secretary.get(address(request, "dispatch"))
    choice = f"person:{person.public_id}"
    assert choice in secretary.html
    secretary.post(address(request, "dispatch"), to=choice)
    assert "已派出，等对方答复" in secretary.said
    assert state_of(request) is RequestState.DISPATCHED
    for words in ("研判，受理", "派单", "李书记", "待答复"):
        assert words in secretary.said


def test_a_stale_triage_keeps_what_was_typed(secretary: Seat, tree: Tree, now: datetime) -> None:
    request = made(now, tree)
    secretary.get(address(request, "triage"))
    form = {"category": "noise", "urgency": "urgent", "difficulty": "simple", "priority": "7", "level": "community", "grid": ""}
    secretary.post(address(request, "triage"), **form, seen="0")
    assert (secretary.status, "别人刚刚处理过" in secretary.said, 'value="7"' in secretary.html) == (409, True, True)
    assert state_of(request) is RequestState.SUBMITTED


def test_rejecting_needs_a_reason_and_hostile_words_stay_words(secretary: Seat, tree: Tree, now: datetime) -> None:
    request = made(now, tree, content=HOSTILE, place=HOSTILE[:30])
    secretary.get(address(request))
    assert "<script>alert" not in secretary.html
    assert "alert(1)" in secretary.said
    secretary.get(address(request, "reject"))
    secretary.post(address(request, "reject"), channel="12315", reason="")
    assert (secretary.status, "请填写这一项" in secretary.said) == (422, True)
    secretary.post(address(request, "reject"), channel="12315", reason=HOSTILE)
    assert "12315" in secretary.said
    assert "<script>alert" not in secretary.html
    assert state_of(request) is RequestState.REJECTED


def test_a_duplicate_names_the_fields_and_is_merged(secretary: Seat, tree: Tree, now: datetime) -> None:
    first, second = made(now, tree), made(now, tree)
    secretary.get(address(second, "merge"))
    for words in ("地点：地点相同", "文字：文字有 100% 相同", "提交日期：同一天提交"):
        assert words in secretary.said
    secretary.post(address(second, "merge"), into=first.public_id)
    assert state_of(second) is RequestState.MERGED
    secretary.get(address(first))
    assert f"并进来的： {second.number}" in secretary.said
    secretary.post(address(first, "merge"), number="SQ-none")
    assert (secretary.status, "本社区没有这个单号" in secretary.said) == (422, True)


def test_splitting_makes_requests_of_their_own(secretary: Seat, tree: Tree, now: datetime) -> None:
    request = made(now, tree)
    secretary.get(address(request, "split"))
    secretary.post(address(request, "split"), **{"parts-0-category": "repairs"})
    assert secretary.status == 422
    fields = {"parts-0-category": "repairs", "parts-1-category": "parking", "parts-1-content": "有人占车位"}
    secretary.post(address(request, "split"), **fields)
    assert "拆出的" in secretary.said
    assert state_of(request) is RequestState.SPLIT


def test_many_are_taken_on_at_once(secretary: Seat, tree: Tree, now: datetime) -> None:
    rows = [made(now, tree) for _ in range(3)]
    secretary.get("/console/requests?state=submitted")
    secretary.post("/console/requests/triage", ids=[row.public_id for row in rows], difficulty="simple", category="")
    assert "受理了 3 条" in secretary.said


def test_open_claim_and_the_secretary_s_word(secretary: Seat, tree: Tree, now: datetime) -> None:
    request = made(now, tree, RequestState.TRIAGED)
    secretary.get(address(request))
    secretary.post(address(request, "publish"))
    assert "已公开，等人认领" in secretary.said
    with transaction() as session:
        who = a_person(session, now, "赵师傅")
        mine = requests.by_public_id(session, request.public_id)
        offer = request_claims.claim(session, mine, by=Receiver(person_id=who.id), actor=Actor(who.id), now=now)
    secretary.get("/console/request-claims")
    assert "赵师傅" in secretary.said
    secretary.get(address(request))
    secretary.post(address(request, f"claims/{offer.public_id}/approve"))
    assert state_of(request) is RequestState.ACCEPTED
    assert "首接负责" in secretary.said


def test_a_whistle_shows_who_came(secretary: Seat, tree: Tree, now: datetime) -> None:
    request = made(now, tree, RequestState.TRIAGED)
    with transaction() as session:
        person = a_member(session, now, tree)
    secretary.get(address(request, "whistle"))
    secretary.post(address(request, "whistle"), to=[f"person:{person.public_id}"], reason="水管爆裂，请到场")
    assert "已吹哨" in secretary.said
    with transaction() as session:
        called = session.execute(select(RequestOffer)).scalar_one()
        dispatch.accept(session, called, actor=Actor(person.id), now=now)
        dispatch.arrive(session, called, actor=Actor(person.id), now=now)
    secretary.get(address(request))
    assert "3月5日 09:00 无" in secretary.said


@pytest.mark.parametrize(
    "step",
    ["", "triage", "reject", "merge", "split", "transcript", "supplement", "dispatch", "hand-down", "whistle", "escalate", "explain",
     "explanation", "extension/decide", "station", "pause", "visit", "extension", "finish", "sign-off", "withdraw", "readings"],
)  # fmt: skip
def test_a_stranger_finds_nothing(stranger: Seat, tree: Tree, now: datetime, step: str) -> None:
    request = made(now, tree)
    stranger.get(address(request, step))
    assert stranger.status == 404
    assert "王阿姨" not in stranger.said


@pytest.mark.parametrize("step", ["publish", "take-up", "contact", "start", "redo", "resume"])
def test_a_stranger_s_clicks_do_nothing(stranger: Seat, tree: Tree, now: datetime, step: str) -> None:
    request = made(now, tree, RequestState.TRIAGED)
    stranger.post(address(request, step))
    assert stranger.status == 404
    assert state_of(request) is RequestState.TRIAGED


def test_a_grid_worker_has_no_list(app: Flask, tree: Tree, now: datetime) -> None:
    worker = seat_of(app, now, Role.GRID_WORKER, tree.grid, "吴网格")
    worker.get("/console/requests")
    assert worker.status == 403


def test_supplement_transcript_and_station(secretary: Seat, tree: Tree, now: datetime) -> None:
    request = made(now, tree, RequestState.TRIAGED)
    secretary.get(address(request, "supplement"))
    secretary.post(address(request, "supplement"), content="二楼的灯也不亮")
    assert "二楼的灯也不亮" in secretary.said
    secretary.get(address(request, "transcript"))
    assert "3号楼楼道灯不亮" in secretary.said
    secretary.post(address(request, "transcript"), content="楼道灯不亮，老人摔过一次")
    assert "老人摔过一次" in secretary.said
    secretary.get(address(request, "station"))
    assert "不放，回到社区" in secretary.said
    with transaction() as session:
        care = stations.open_one(session, community=tree.community, kind=StationKind.REPAIRS, keeper=None, actor=SYSTEM, now=now)
    secretary.post(address(request, "station"), station=care.public_id)
    assert "服务站 便民维修站" in secretary.said


def test_claims_are_decided_as_on_today(secretary: Seat, stranger: Seat, tree: Tree, now: datetime) -> None:
    request = made(now, tree, RequestState.TRIAGED)
    secretary.post(address(request, "publish"))
    with transaction() as session:
        who = a_person(session, now, "赵师傅")
        mine = requests.by_public_id(session, request.public_id)
        offer = request_claims.claim(session, mine, by=Receiver(person_id=who.id), actor=Actor(who.id), now=now)
    secretary.get("/console/request-claims")
    assert ("同意所选" in secretary.said, "不同意所选" in secretary.said) == (True, True)
    there = f"/console/request-claims/{offer.public_id}"
    assert f'href="{there}"' in secretary.html
    secretary.get(there)
    assert request.number in secretary.said
    stranger.get(there)
    assert stranger.status == 404
    secretary.post("/console/decide", pick=f"request_claim.{offer.public_id}.0", answer="approve", back="/console/request-claims", once="x")
    assert ("已同意 1 条" in secretary.said, state_of(request)) == (True, RequestState.ACCEPTED)


def test_a_state_without_a_tab_is_chosen_in_the_list(secretary: Seat, tree: Tree, now: datetime) -> None:
    made(now, tree, RequestState.TRIAGED)
    secretary.get("/console/requests?state=triaged")
    tabs = secretary.html.partition('<ul class="tabs">')[2].partition("</ul>")[0]
    assert tabs.count("<li>") == 7
    assert '<option value="triaged" selected>待派单（1）</option>' in secretary.html
    assert 'name="state" value=' not in secretary.html
    secretary.get("/console/requests?state=open")
    assert "没有要办的诉求" in secretary.said
