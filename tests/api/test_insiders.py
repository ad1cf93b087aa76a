"""Who appoints somebody sees the first password: he must not become, by it, a person who signs in himself (docs/decisions/0012)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from server.db.base import reading, transaction
from server.db.models.people import Person
from server.domain.feedbacks import FeedbackAbout, FeedbackKind
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.problems import Problem
from server.services import feedbacks, merges, people, sessions, staff
from server.services.feedbacks import Written
from tests.api.test_accounts import agree, give_phone, sign_in
from tests.factories.people import Tree, a_tree, headers, token_of, with_role
from tests.factories.staff import its_own_account, without_second_factor
from tests.simulator import Simulator

PHONE = "13800138000"
HIS = "网格员收了我家的钱"
OWN = "Minsheng-2026"


@dataclass
class Insider:
    """The secretary of 示例社区, who may appoint grid workers."""

    client: FlaskClient
    tree: Tree
    token: str

    def post(self, path: str, key: str, **body: Any) -> tuple[int, Any]:
        answer = self.client.post(f"/api/v1{path}", json=body, headers=headers(self.token, key))
        return answer.status_code, answer.json

    def appoint(self, person: str) -> None:
        """Anybody can be made a grid worker; nobody asks him."""
        assert self.post("/role-grants", f"g{person}", person=person, role="grid_worker", node=self.tree.community.public_id)[0] == 201

    def enter(self, login: str, password: str, **more: str) -> str:
        """A token by name and password, '' where they are refused."""
        body = {"login": login, "password": password, **more}
        answer = self.client.post("/api/v1/staff-sessions", json=body)
        return str(answer.json["token"]) if answer.status_code == 201 else ""


@pytest.fixture
def insider(client: FlaskClient, now: datetime) -> Insider:
    with transaction() as session:
        without_second_factor(session, now)
        tree = a_tree(session, now)
        token = token_of(session, with_role(session, now, Role.SECRETARY, tree.community), now)
    return Insider(client, tree, token)


def desk_of(session: Session, person: Person, now: datetime) -> Actor:
    """The person at a desk, just signed in by scan."""
    token = sessions.start(session, person_id=person.id, channel=sessions.STAFF, now=now, lifetime=staff.LIFETIME)
    return sessions.find(session, token=token, now=now)


def complain(client: FlaskClient, token: str) -> None:
    body = {"kind": "complaint", "about": "staff", "text": HIS}
    assert client.post("/api/v1/feedbacks", json=body, headers=headers(token, "complain")).status_code == 201


def words(client: FlaskClient, token: str) -> str:
    """All that a token reads of a person's own."""
    paths = ("/me", "/me/feedbacks", "/me/requests", "/notices")
    return "".join(client.get(f"/api/v1{path}", headers=headers(token)).get_data(as_text=True) for path in paths)


def test_nobody_opens_a_login_for_somebody_who_signs_in_himself(client: FlaskClient, simulator: Simulator, insider: Insider) -> None:
    victim = sign_in(client, simulator)
    agree(client, victim["token"])
    complain(client, victim["token"])
    insider.appoint(victim["person"]["id"])
    status, said = insider.post("/staff-logins", "l", person=victim["person"]["id"], login="wangge-01")
    token = insider.enter("wangge-01", said.get("password", ""), new=OWN) if status == 201 else ""
    assert HIS not in words(client, token)
    assert (status, said["error"]["code"]) == (409, "LOGIN_OF_HIS_OWN")
    assert "请本人扫码登录" in said["error"]["message"]


def test_nobody_resets_his_login_either(client: FlaskClient, simulator: Simulator, insider: Insider, now: datetime) -> None:
    victim = sign_in(client, simulator)
    insider.appoint(victim["person"]["id"])
    with transaction() as session:
        person = people.by_public_id(session, victim["person"]["id"])
        own = staff.hashed("wangge-01", OWN)
        staff.set_own(session, person=person, login="wangge-01", password=own, actor=desk_of(session, person, now), now=now)
    status, said = insider.post("/staff-logins/reset", "r", login="wangge-01")
    assert (status, said["error"]["code"]) == (409, "LOGIN_OF_HIS_OWN")
    assert insider.enter("wangge-01", OWN), "his own password holds"


def test_the_login_ends_when_the_person_binds_his_own_wechat(
    client: FlaskClient, simulator: Simulator, insider: Insider, now: datetime
) -> None:
    """The insider was first: password of his choice, sessions, all before the person ever came."""
    with transaction() as session:
        clerk = with_role(session, now, Role.GRID_WORKER, insider.tree.community, "张三")
        people.set_phone(session, clerk, PHONE)
    _, said = insider.post("/staff-logins", "l", person=clerk.public_id, login="wangge-01")
    held = insider.enter("wangge-01", said["password"], new=OWN)
    assert client.get("/api/v1/me", headers=headers(held)).status_code == 200
    mine = sign_in(client, simulator)["token"]
    agree(client, mine)
    assert give_phone(client, simulator, mine).json["person_id"] == clerk.public_id
    complain(client, mine)
    assert client.get("/api/v1/me", headers=headers(held)).status_code == 401
    assert insider.enter("wangge-01", OWN) == ""
    assert insider.enter("wangge-01", said["password"], new="Xiangjian-2027") == ""
    assert insider.post("/staff-logins/reset", "r", login="wangge-01")[0] == 409
    told = client.get("/api/v1/notices", headers=headers(mine)).get_data(as_text=True)
    assert "别人替您开的密码登录已停用" in told
    assert client.get("/api/v1/me", headers=headers(mine)).status_code == 200, "his own phone stays signed in"


def test_a_login_made_in_the_moment_of_binding_opens_nothing(insider: Insider, now: datetime) -> None:
    """Whoever of the two comes first: afterwards no password of another's holds."""
    for number in range(4):
        with transaction() as session:
            person = with_role(session, now, Role.GRID_WORKER, insider.tree.community, "张三")
            empty = people.create(session, created_via="wechat", now=now)
            its_own_account(session, now, empty)

        def make(login: str = f"wangge-0{number}", who: int = person.id) -> None:
            with suppress(Problem), transaction() as session:
                staff.create(session, person=session.get_one(Person, who), login=login, password=OWN, actor=SYSTEM, now=now)

        def bind(who: int = empty.id, into: int = person.id) -> None:
            with transaction() as session:
                pair = session.get_one(Person, who), session.get_one(Person, into)
                merges.absorb(session, empty=pair[0], into=pair[1], actor=SYSTEM, now=now)

        with ThreadPoolExecutor(2) as pool:
            for done in (pool.submit(make), pool.submit(bind)):
                done.result()
        with reading() as session:
            assert not staff.matches(staff.find(session, f"wangge-0{number}"), OWN)


def test_what_was_complained_of_on_paper_is_not_read_by_a_password(client: FlaskClient, insider: Insider, now: datetime) -> None:
    """He has no phone; a clerk of another place wrote it down for him, and the secretary makes a login for him."""
    with transaction() as session:
        person = with_role(session, now, Role.GRID_WORKER, insider.tree.community, "张三")
        written = Written(FeedbackKind.COMPLAINT, FeedbackAbout.STAFF, HIS)
        row = feedbacks.submit(session, written=written, actor=Actor(person.id), now=now)
    _, said = insider.post("/staff-logins", "l", person=person.public_id, login="wangge-01")
    held = insider.enter("wangge-01", said["password"], new=OWN)
    assert client.get("/api/v1/me", headers=headers(held)).status_code == 200
    assert HIS not in words(client, held)
    assert client.get(f"/api/v1/feedbacks/{row.public_id}", headers=headers(held)).status_code == 404
    with transaction() as session:
        its_own_account(session, now, person)
        desk = sessions.start(session, person_id=person.id, channel=sessions.STAFF, now=now, lifetime=staff.LIFETIME)
    assert HIS in words(client, desk), "at a desk that his own phone opened he reads it"
