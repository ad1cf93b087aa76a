"""What goes up at the desk, and a request that the secretary handles herself."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import BytesIO

from flask import Flask

from server.db.base import transaction
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.requests import CheckState, Relation, RequestState
from server.services import dispatch, media, requests
from server.services.receivers import Receiver
from tests.console.conftest import Seat, seat_of
from tests.console.test_intakes import a_photo
from tests.console.test_requests import address, made, state_of, statements
from tests.factories.handling import handled
from tests.factories.people import Tree, a_person
from tests.factories.ratings import a_finished


def test_what_goes_up_is_decided_there(app: Flask, secretary: Seat, tree: Tree, now: datetime) -> None:
    request = made(now, tree, RequestState.TRIAGED)
    street, other = (seat_of(app, now, Role.STREET, tree.street, name) for name in ("钱主任", "孙主任"))
    street.get(address(request))
    assert street.status == 404
    secretary.get(address(request, "escalate"))
    secretary.post(address(request, "escalate"), reason="涉及市政管网")
    assert "已升到上一级" in secretary.said
    street.get("/console/requests/escalated")
    assert str(request.number) in street.said
    street.get(address(request))
    assert "派下去" in street.said
    street.get(address(request, "hand-down"))
    assert street.status == 200
    street.get(address(request, "explain"))
    street.post(address(request, "explain"), reason="管网改造列入明年计划")
    assert state_of(request) is RequestState.EXPLAINING
    street.get(address(request, "explanation"))
    street.post(address(request, "explanation"), approve="yes", reason="属实")
    assert (street.status, "不能复核自己提出的说明" in street.said, "属实" in street.html) == (422, True, True)
    other.get(address(request, "explanation"))
    other.post(address(request, "explanation"), approve="yes", reason="属实")
    assert state_of(request) is RequestState.CLOSED_EXPLAINED


def test_the_secretary_who_takes_it_up_finishes_it(app: Flask, secretary: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        request, _ = handled(session, now, tree, handler=secretary.person, state=RequestState.DISPATCHED)
        offer_id = session.connection().exec_driver_sql("SELECT public_id FROM request_offer").scalar_one()
    secretary.get("/console/requests/mine")
    assert "请您答复的" in secretary.said
    secretary.get(address(request))
    secretary.post(address(request, f"offers/{offer_id}/accept"))
    assert "已接单" in secretary.said
    assert statements(lambda: secretary.get("/console/requests/mine")) <= 12
    assert str(request.number) in secretary.said
    secretary.get(address(request))
    secretary.post(address(request, "contact"))
    assert "这次查看已经记下" in secretary.said
    secretary.get(address(request, "readings"))
    assert "李书记" in secretary.said
    secretary.get(address(request))
    secretary.post(address(request, "start"))
    for step, fields in {
        "visit": {"note": "看过现场"},
        "extension": {"until": (now + timedelta(days=6)).strftime("%Y-%m-%dT%H:%M"), "reason": "等配件"},
        "pause": {"reason": "等居民在家"},
    }.items():
        secretary.get(address(request, step))
        assert secretary.status == 200, step
        secretary.post(address(request, step), **fields)
        assert secretary.status == 200, (step, secretary.said)
    assert "计时已停" in secretary.said
    secretary.get(address(request, "extension/decide"))
    secretary.post(address(request, "extension/decide"), approve="yes", reason="同意")
    assert "已延期一次" in secretary.said
    secretary.post(address(request, "resume"))
    secretary.get(address(request, "finish"))
    secretary.post(address(request, "finish"), result="换了灯管<b>", photos=[(BytesIO(b"MZ"), "1.jpg")])
    assert (secretary.status, "换了灯管&lt;b&gt;" in secretary.html) == (422, True)
    assert state_of(request) is RequestState.IN_PROGRESS
    secretary.post(address(request, "finish"), result="换了灯管", photos=[(BytesIO(a_photo()), "1.jpg")])
    with transaction() as session:
        assert [one.check_state for one in media.of_subject(session, "request", request.id)] == [CheckState.PASSED]
    assert state_of(request) is RequestState.FINISHED
    for words in ("看过现场", "换了灯管", "报办结", "接着办，期限顺延"):
        assert words in secretary.said


def test_a_request_s_page_costs_the_same_however_much_happened(secretary: Seat, tree: Tree, now: datetime) -> None:
    request = made(now, tree, RequestState.TRIAGED)
    few = statements(lambda: secretary.get(address(request)))
    with transaction() as session:
        people = [a_person(session, now, f"师傅{number}") for number in range(6)]
        mine = requests.by_public_id(session, request.public_id)
        to = [Receiver(person_id=person.id) for person in people]
        for offer in dispatch.whistle(session, mine, to=to, reason="请到场", actor=SYSTEM, now=now):
            dispatch.accept(session, offer, actor=Actor(offer.person_id), now=now)
    assert statements(lambda: secretary.get(address(request))) <= few + 3


def test_a_colleague_enters_the_sign_off_of_somebody_without_a_phone(app: Flask, secretary: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        gone, elder = a_person(session, now, "周干事"), a_person(session, now, "王奶奶")
        request = a_finished(session, now, tree, gone, asked_for=elder, relation=Relation.CLERK)
        own = a_finished(session, now, tree, elder)
    secretary.get(address(own))
    assert "代他签收" not in secretary.said
    secretary.get(address(request))
    assert "代他签收" in secretary.said
    secretary.get(address(request, "sign-off"))
    secretary.post(address(request, "sign-off"), answer="done", on_word="yes")
    assert state_of(request) is RequestState.CLOSED
    assert "代签（已问过本人），王奶奶的话，李书记登记" in secretary.said


def test_a_step_s_page_says_who_runs_it_like_every_page(secretary: Seat, tree: Tree, now: datetime) -> None:
    request = made(now, tree)
    secretary.get(address(request, "triage"))
    assert "主办单位：示例县" in secretary.said
    secretary.get(address(request, "reject"))
    assert "主办单位：示例县" in secretary.said
