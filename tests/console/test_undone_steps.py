"""Pages that decide on one thing: the ten seconds stand beside the sentence, and what cannot be taken back asks first."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from server.db.base import reading, transaction
from server.db.models.checkins import ServiceRecord
from server.db.models.notices import Notice
from server.db.models.people import BindingRequest, Person
from server.db.models.requests import Request, RequestOffer
from server.db.models.rosters import RosterEntry
from server.db.models.tasks import Claim, Task
from server.db.models.wishes import Wish
from server.domain.people import BindingState
from server.domain.permissions import Actor, Role
from server.domain.records import RecordState
from server.domain.requests import CheckState, OfferState, RequestState
from server.domain.tasks import ClaimState, TaskState
from server.domain.wishes import WishState
from server.services import binding_requests, claims, records, teams
from tests.conftest import Time
from tests.console.conftest import Seat, seat_of
from tests.factories.people import Tree, a_person
from tests.factories.records import a_record
from tests.factories.registrations import a_unit, agree, an_entry
from tests.factories.requests import a_request
from tests.factories.tasks import a_claim, a_draft, a_task, a_team
from tests.factories.wishes import a_wish

Case = tuple[str, dict[str, Any], Callable[[], Any], Any]


def state_of(model: Any) -> Any:
    with reading() as session:
        return session.execute(select(model.state).order_by(model.id.desc()).limit(1)).scalar_one()


def undo_path(seat: Seat) -> str:
    found = re.search(r'action="(/console/undos/\w+)"', seat.html)
    assert found is not None, seat.said
    return found.group(1)


def asking(tree: Tree, now: datetime) -> tuple[str, str]:
    """A request to be found on a roster, and the entry: their public ids."""
    with transaction() as session:
        entry = an_entry(session, now, a_unit(session, now, tree, "示例县第一小学"), "张三", "")
        person = agree(session, now, a_person(session, now, name="", phone=None))
        row = binding_requests.submit(session, community=tree.community, name="张三", actor=Actor(person.id), now=now)
        return row.public_id, entry.public_id


def a_binding(tree: Tree, now: datetime) -> Case:
    row, entry = asking(tree, now)
    return f"/console/bindings/{row}", {"entry": entry}, lambda: state_of(BindingRequest), BindingState.SUBMITTED


def a_triage(tree: Tree, now: datetime) -> Case:
    with transaction() as session:
        row = a_request(session, now, tree).public_id
    said = {"category": "repairs", "urgency": "normal", "difficulty": "simple", "priority": "0", "level": "community", "grid": ""}
    return f"/console/requests/{row}/triage", said, lambda: state_of(Request), RequestState.SUBMITTED


def many_triaged(tree: Tree, now: datetime) -> Case:
    with transaction() as session:
        rows = [a_request(session, now, tree).public_id for _ in range(3)]
    return "/console/requests/triage", {"ids": rows, "difficulty": "simple"}, lambda: state_of(Request), RequestState.SUBMITTED


def a_publication(tree: Tree, now: datetime) -> Case:
    with transaction() as session:
        row = a_request(session, now, tree, state=RequestState.TRIAGED).public_id
    return f"/console/requests/{row}/publish", {}, lambda: state_of(Request), RequestState.TRIAGED


def a_look(tree: Tree, now: datetime) -> Case:
    with transaction() as session:
        row = a_request(session, now, tree, text_check=CheckState.REVIEW).public_id

    def check() -> CheckState:
        with reading() as session:
            return session.execute(select(Request.check_state)).scalar_one()

    return f"/console/content-checks/{row}", {"decision": "pass", "reason": ""}, check, CheckState.REVIEW


def a_ruling(tree: Tree, now: datetime) -> Case:
    with transaction() as session:
        record = a_record(session, now - timedelta(days=1), tree, a_person(session, now))
        record.confirmed_at = now - timedelta(hours=1)
        records.dispute(session, record, reason="我做了两小时", actor=Actor(record.person_id), now=now)
        row = record.public_id
    return f"/console/records/{row}/uphold", {"reason": "核对过"}, lambda: state_of(ServiceRecord), RecordState.DISPUTED


def a_voiding(tree: Tree, now: datetime) -> Case:
    path, said, read, before = a_ruling(tree, now)
    return path.replace("uphold", "void"), said, read, before


def a_task_out(tree: Tree, now: datetime) -> Case:
    with transaction() as session:
        row = a_draft(session, now, tree, a_person(session, now)).public_id
    return f"/console/tasks/{row}/publish", {}, lambda: state_of(Task), TaskState.DRAFT


def a_wish_out(tree: Tree, now: datetime) -> Case:
    with transaction() as session:
        row = a_wish(session, now, tree, WishState.VERIFIED).public_id
    said = {"alias": "银杏奶奶", "content": "一台按键大的收音机", "value": "120"}
    return f"/console/wishes/{row}/publish", said, lambda: state_of(Wish), WishState.VERIFIED


def an_admission(tree: Tree, now: datetime) -> Case:
    with transaction() as session:
        team, person = a_team(session, now, tree, a_person(session, now, "队长")), a_person(session, now, "新队员")
        teams.join(session, team, person=person, actor=Actor(person.id), now=now)
        path, team_id = f"/console/teams/{team.public_id}/members/{person.public_id}/admit", team.id

    def inside() -> bool:
        with reading() as session:
            return teams.is_member(session, session.get_one(type(team), team_id), person.id)

    return path, {}, inside, False


CASES = [a_binding, a_triage, many_triaged, a_publication, a_look, a_ruling, a_voiding, a_task_out, a_wish_out, an_admission]


@pytest.mark.parametrize("make", CASES)
def test_the_page_says_it_and_offers_to_take_it_back(
    tree: Tree, secretary: Seat, now: datetime, make: Callable[[Tree, datetime], Case]
) -> None:
    path, said, read, before = make(tree, now)
    secretary.post(path, **said, once="one")
    assert (secretary.status, read() != before) == (200, True), secretary.said
    back = undo_path(secretary)
    secretary.post(back, back="/console")
    assert ("已撤销" in secretary.said, read()) == (True, before), secretary.said
    secretary.post(back, back="/console")
    assert "已经撤销过了" in secretary.said


@pytest.mark.parametrize("make", CASES)
def test_after_ten_seconds_it_stands(
    tree: Tree, secretary: Seat, now: datetime, time: Time, make: Callable[[Tree, datetime], Case]
) -> None:
    path, said, read, before = make(tree, now)
    secretary.post(path, **said, once="one")
    after, back = read(), undo_path(secretary)
    time.advance(seconds=11)
    secretary.post(back, back="/console")
    assert ("已超过十秒" in secretary.said, read(), after == before) == (True, after, False)


@pytest.mark.parametrize("make", CASES)
def test_two_clicks_and_two_secretaries_decide_once(
    app: Flask, *, tree: Tree, secretary: Seat, now: datetime, make: Callable[[Tree, datetime], Case]
) -> None:
    path, said, read, before = make(tree, now)
    secretary.post(path, **said, once="one")
    after, back = read(), undo_path(secretary)
    secretary.post(path, **said, once="one")
    assert (secretary.status, read()) == (200, after)
    other = seat_of(app, now, Role.SECRETARY, tree.community, "周副书记")
    other.post(path, **said, once="two")
    assert "/console/undos/" not in other.html
    other.get("/console")
    other.post(back)
    assert (other.status, read(), before == after) == (404, after, False)


def test_who_acted_meanwhile_is_not_untied(tree: Tree, secretary: Seat, now: datetime, time: Time) -> None:
    row, entry = asking(tree, now)
    secretary.post(f"/console/bindings/{row}", entry=entry)
    back, later = undo_path(secretary), time.advance(seconds=3)
    with transaction() as session:
        person = session.execute(select(Person).join(RosterEntry, RosterEntry.person_id == Person.id)).scalar_one()
        team = a_team(session, now, tree, a_person(session, now))
        teams.join(session, team, person=person, actor=Actor(person.id), now=later)
    secretary.post(back, back="/console/bindings")
    assert ("又办了事" in secretary.said, state_of(BindingRequest)) == (True, BindingState.ACCEPTED)


def test_nobody_is_told_who_was_untied_in_time(tree: Tree, secretary: Seat, now: datetime) -> None:
    row, entry = asking(tree, now)
    secretary.post(f"/console/bindings/{row}", entry=entry)
    assert "会告诉本人" in secretary.said
    secretary.post(undo_path(secretary), back="/console/bindings")
    with reading() as session:
        assert session.execute(select(Notice.id)).all() == []
    assert "张三" in secretary.said


def test_an_excuse_is_read_where_the_claim_is_shown(tree: Tree, secretary: Seat, now: datetime) -> None:
    with transaction() as session:
        task = a_task(session, now, tree, a_person(session, now, "王组织"))
        claim = a_claim(session, now, task, a_person(session, now, "赵大"), ClaimState.APPROVED)
        claims.excuse(session, claim, reason="孩子<b>发烧</b>", actor=Actor(claim.person_id), now=now)
        row = claim.public_id
    secretary.get(f"/console/claims/{row}")
    assert ("请假原因 孩子<b>发烧</b>" in secretary.said, state_of(Claim)) == (True, ClaimState.EXCUSED)


def test_a_dispute_is_read_where_it_is_decided(tree: Tree, secretary: Seat, now: datetime) -> None:
    path, *_ = a_ruling(tree, now)
    secretary.get(path.removesuffix("/uphold"))
    assert "本人有异议：我做了两小时" in secretary.said


def test_staff_claim_an_open_request_and_somebody_else_agrees(app: Flask, tree: Tree, secretary: Seat, now: datetime) -> None:
    path, *_ = a_publication(tree, now)
    request = path.removesuffix("/publish")
    secretary.post(path)
    secretary.get(request)
    assert f"{request}/claim" in secretary.html
    secretary.post(f"{request}/claim", once="a")
    assert ("等另一位负责人审核" in secretary.said, f'"{request}/claim"' in secretary.html) == (True, False)
    secretary.get("/console/request-claims")
    assert "没有等待办理的" in secretary.said
    with reading() as session:
        offer = session.execute(select(RequestOffer.public_id)).scalar_one()
    secretary.post(f"{request}/claims/{offer}/approve", once="b", back=request)
    assert ("不能同意自己的认领" in secretary.said, state_of(RequestOffer)) == (True, OfferState.WAITING)
    other = seat_of(app, now, Role.SECRETARY, tree.community, "周副书记")
    other.post(f"{request}/claims/{offer}/approve", once="c", back=request)
    assert (state_of(RequestOffer), state_of(Request)) == (OfferState.ACCEPTED, RequestState.ACCEPTED)


def test_staff_take_their_own_claim_back(tree: Tree, secretary: Seat, now: datetime) -> None:
    path, *_ = a_publication(tree, now)
    request = path.removesuffix("/publish")
    secretary.post(path)
    secretary.post(f"{request}/claim", once="a")
    back = re.search(rf'"({request}/offers/\w+/take-back)"', secretary.html)
    assert back is not None
    secretary.post(back.group(1), once="b")
    assert ("已收回认领" in secretary.said, state_of(RequestOffer)) == (True, OfferState.LAPSED)


def test_staff_claim_a_wish_read_the_contact_and_do_not_confirm_it(tree: Tree, secretary: Seat, now: datetime) -> None:
    with transaction() as session:
        row = a_wish(session, now, tree, WishState.PUBLISHED).public_id
    at = f"/console/wishes/{row}"
    secretary.get(at)
    assert ("我来认领" in secretary.said, "查看联系方式" in secretary.said) == (True, False)
    secretary.post(f"{at}/contact", once="early")
    assert secretary.status == 404
    secretary.get(at)
    for move in ("claim", "contacted", "fulfilled"):
        secretary.post(f"{at}/{move}", once=move)
        if move == "claim":
            secretary.post(f"{at}/contact", once="call")
            assert re.search("王秀英 1360000", secretary.said)
            secretary.get(at)
    assert ("请由另一位同事回访后确认" in secretary.said, state_of(Wish)) == (True, WishState.FULFILLED)
    secretary.post(f"{at}/confirm", via="callback", once="self")
    assert state_of(Wish) is WishState.FULFILLED


def test_what_cannot_be_taken_back_asks_once(tree: Tree, secretary: Seat, now: datetime) -> None:
    """Ending a task, beginning a round: the button opens the question, and only the answer's button posts."""
    with transaction() as session:
        row = a_task(session, now, tree, a_person(session, now)).public_id
    for page, action in ((f"/console/tasks/{row}", f"/console/tasks/{row}/end"), ("/console/wishes", "/console/wishes/round")):
        secretary.get(page)
        question = r'<details class="decline sure"><summary[^>]*>[^<]+</summary><div[^>]*><p>[^<]*不能撤销。</p>'
        assert re.search(rf'{question}<form[^>]*"{action}"', secretary.html) is not None, page
