"""The same button pressed by several hands at once, on the database that lets them in together."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from server.db.base import reading, transaction
from server.db.models.ballots import Envelope
from server.db.models.checkins import ServiceRecord
from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import LoginSession, Person, RoleGrant
from server.db.models.platform import Event
from server.db.models.registrations import MemberRegistration
from server.db.models.requests import Request, RequestOffer
from server.db.models.reviews import ReviewMember, ReviewPanel
from server.db.models.rosters import RosterEntry
from server.db.models.sign_offs import SignOff
from server.db.models.tallies import Contribution
from server.db.models.tasks import Claim, Task
from server.domain.permissions import Actor
from server.domain.registrations import LIVE
from server.domain.tasks import HOLDS_PLACE
from server.services import binding_requests
from tests.factories.people import Tree, a_person, headers, token_of
from tests.factories.registrations import a_bound_person, agree
from tests.factories.tasks import a_task
from tests.hostile.world import World

pytestmark = [pytest.mark.usefixtures("unlimited"), pytest.mark.parametrize("database", ["postgres"], indirect=True)]
HANDS = 8
EXTENSION = {"until": "2026-03-12T16:00:00Z", "reason": "等配件到货"}
_keys = count(1)


def at_once(app: Flask, asks: list[tuple[str, str, dict[str, Any]]]) -> Counter[int]:
    """POST (token, path, body) all at once, each with a key of its own; how often which status came back."""

    def ask(asked: tuple[str, str, dict[str, Any]]) -> int:
        token, path, body = asked
        answer = app.test_client().post(f"/api/v1{path}", json=body, headers=headers(token, f"race-{next(_keys)}"))
        assert answer.status_code < 500, answer.text
        return answer.status_code

    with ThreadPoolExecutor(len(asks)) as pool:
        return Counter(pool.map(ask, asks))


def how_many(what: Any, *where: Any) -> int:
    with reading() as session:
        return int(session.execute(select(func.count()).select_from(what).where(*where)).scalar_one())


def one(model: Any, public_id: str) -> Any:
    with reading() as session:
        return session.execute(select(model).where(model.public_id == public_id)).scalar_one()


def test_the_last_places_are_taken_once(app: Flask, world: World, now: datetime) -> None:
    with transaction() as session:
        nodes = {
            kind: session.execute(select(OrgNode).where(OrgNode.public_id == world.ids[kind])).scalar_one()
            for kind in ("communities", "grid")
        }
        here = nodes["communities"]
        tree = Tree(here, here, here, here, here, nodes["grid"], nodes["grid"])
        organiser = session.get_one(Person, one(Task, world.ids["tasks"]).organiser_id)
        task = a_task(session, now, tree, organiser, capacity=3, starts_at=now + timedelta(hours=1), ends_at=now + timedelta(hours=2))
        tokens = [token_of(session, a_person(session, now, f"争{name}"), now) for name in "甲乙丙丁戊己庚辛"]
    said = at_once(app, [(token, f"/tasks/{task.public_id}/claims", {}) for token in tokens])
    assert said == {201: 3, 409: HANDS - 3}
    assert how_many(Claim, Claim.task_id == task.id, Claim.state.in_(HOLDS_PLACE)) == 3


def test_one_person_claims_once(app: Flask, world: World) -> None:
    said = at_once(app, [(world.tokens["stranger"], f"/tasks/{world.ids['tasks']}/claims", {})] * HANDS)
    assert said == {201: 1, 409: HANDS - 1}


def test_one_person_registers_once(app: Flask, world: World, now: datetime) -> None:
    with transaction() as session:
        unit = session.execute(select(Unit).where(Unit.public_id == world.ids["units"])).scalar_one()
        person = a_bound_person(session, now, unit, "争先")
        token = token_of(session, person, now)
    places = [world.ids["communities"], world.ids["neighbour"]] * (HANDS // 2)
    said = at_once(app, [(token, "/registrations", {"community": place}) for place in places])
    assert said[201] == 1, said
    assert how_many(MemberRegistration, MemberRegistration.person_id == person.id, MemberRegistration.state.in_(LIVE)) == 1


def test_a_registration_is_accepted_once(app: Flask, world: World) -> None:
    row = one(MemberRegistration, world.ids["waiting"])
    path = f"/registrations/{row.public_id}/decision"
    said = at_once(app, [(world.tokens[who], path, {"action": "accept"}) for who in ("secretary", "clerk") * (HANDS // 2)])
    assert said[200] == 1, said
    assert how_many(Event, Event.subject_kind == "member_registration", Event.subject_id == row.id, Event.action == "accept") == 1


def test_two_requests_for_one_entry_bind_one_person(app: Flask, world: World, now: datetime) -> None:
    with transaction() as session:
        here = session.execute(select(OrgNode).where(OrgNode.public_id == world.ids["communities"])).scalar_one()
        asked = []
        for name in "甲乙丙丁":
            person = agree(session, now, a_person(session, now, f"冒{name}"))
            asked.append(binding_requests.submit(session, community=here, name="吕名册", actor=Actor(person.id), now=now).public_id)
    body = {"action": "accept", "entry": world.ids["entry"]}
    said = at_once(
        app, [(world.tokens[who], f"/binding-requests/{one_id}/decision", body) for one_id in asked for who in ("secretary", "clerk")]
    )
    assert said[200] == 1, said
    assert one(RosterEntry, world.ids["entry"]).person_id is not None
    assert how_many(Person, Person.unit_id.is_not(None), Person.id.in_(_asking(asked))) == 1


def _asking(asked: list[str]) -> Any:
    from server.db.models.people import BindingRequest

    return select(BindingRequest.person_id).where(BindingRequest.public_id.in_(asked))


def test_a_record_is_confirmed_once_and_counts_once(app: Flask, world: World) -> None:
    record = one(ServiceRecord, world.ids["records"])
    asks = [(world.tokens[who], f"/records/{record.public_id}/confirm", {}) for who in ("organiser", "secretary", "clerk") * 3]
    said = at_once(app, asks)
    assert said[200] == 1, said
    assert how_many(Contribution, Contribution.record_id == record.id) == 1


def test_a_confirmed_record_is_voided_once(app: Flask, world: World) -> None:
    record = one(ServiceRecord, world.ids["final"])
    said = at_once(app, [(world.tokens["secretary"], f"/records/{record.public_id}/void", {"reason": "重复"})] * HANDS)
    assert said[200] == 1, said
    assert how_many(Contribution, Contribution.record_id == record.id) == 2


def test_a_code_is_revoked_and_a_role_ends_without_a_fault(app: Flask, world: World) -> None:
    said = at_once(app, [(world.tokens["secretary"], f"/codes/{world.ids['codes']}/revoke", {"reason": "被撕"})] * HANDS)
    assert set(said) <= {200, 409}
    said = at_once(app, [(world.tokens["secretary"], f"/role-grants/{world.ids['role-grants']}/end", {})] * HANDS)
    assert set(said) <= {200, 409}
    assert how_many(RoleGrant, RoleGrant.public_id == world.ids["role-grants"], RoleGrant.valid_to.is_not(None)) == 1
    ends = how_many(Event, Event.subject_kind == "role_grant", Event.action == "end")
    assert ends == 1, "one end, one event"


def test_a_transfer_is_released_and_accepted_once(app: Flask, world: World) -> None:
    path = f"/transfers/{world.ids['transfers']}/decision"
    assert at_once(app, [(world.tokens["secretary"], path, {"action": "release"})] * HANDS)[200] == 1
    assert at_once(app, [(world.tokens["neighbour_secretary"], path, {"action": "accept"})] * HANDS)[200] == 1


def test_a_certificate_number_is_given_once(app: Flask, world: World) -> None:
    from server.db.models.registrations import Document

    at_once(app, [(world.tokens["mate"], "/me/certificates", {"first": "2026-02-20", "last": "2026-03-05"})] * HANDS)
    with reading() as session:
        serials = session.execute(select(Document.serial)).scalars().all()
    assert len(serials) == len(set(serials)) == HANDS + 1


def test_a_first_sign_in_of_one_account_makes_one_person(app: Flask, world: World, simulator: Any) -> None:
    simulator.user("并发", phone="13500006666")
    before = how_many(Person, Person.created_via == "wechat")
    codes = [simulator.login_code("并发") for _ in range(HANDS)]

    def ask(code: str) -> int:
        return app.test_client().post("/api/v1/sessions", json={"code": code}).status_code

    with ThreadPoolExecutor(HANDS) as pool:
        said = list(pool.map(ask, codes))
    assert set(said) == {201}, said
    assert how_many(Person, Person.created_via == "wechat") == before + 1
    newest = select(func.max(Person.id)).where(Person.created_via == "wechat").scalar_subquery()
    assert how_many(LoginSession, LoginSession.person_id == newest) == HANDS


def test_a_round_is_signed_once(app: Flask, world: World) -> None:
    path, body = f"/requests/{world.ids['request_finished']}/sign-off", {"done": False, "reason": "came_back"}
    said = at_once(app, [(world.tokens["member"], path, body), (world.tokens["member"], path, {"done": True})] * (HANDS // 2))
    assert said == {200: 1, 409: HANDS - 1}
    assert how_many(SignOff, SignOff.request_id == one(Request, world.ids["request_finished"]).id) == 1


def test_one_token_is_fetched_and_one_ballot_kept(app: Flask, world: World) -> None:
    """Eight hands fetch and eight post: a phone that taps twice is no second voter."""
    path = f"/api/v1/requests/{world.ids['request_finished']}/ballot-token"

    def fetch(_: int) -> tuple[str, str]:
        answer = app.test_client().post(path, headers=headers(world.tokens["member"]))
        assert answer.status_code == 200, answer.text
        return answer.json["token"], answer.json["cell"]

    def cast(ticket: tuple[str, str]) -> int:
        answers = {"contacted": True, "solved": True, "satisfaction": "very"}
        return app.test_client().post("/api/v1/b", json={"token": ticket[0], "cell": ticket[1], "answers": answers}).status_code

    before = how_many(Envelope)
    with ThreadPoolExecutor(HANDS) as pool:
        tickets = list(pool.map(fetch, range(HANDS)))
        assert set(pool.map(cast, tickets)) == {200}
    assert len(set(tickets)) == 1
    assert how_many(Envelope) == before + 1


def test_a_request_is_taken_on_once(app: Flask, world: World) -> None:
    request = one(RequestOffer, world.ids["offers"]).request_id
    said = at_once(app, [(world.tokens["mate"], f"/offers/{world.ids['offers']}/answer", {"accept": True})] * HANDS)
    assert said == {200: 1, 409: HANDS - 1}
    assert how_many(Event, Event.subject_kind == "request", Event.subject_id == request, Event.action == "accept") == 1


def test_a_claim_is_approved_once(app: Flask, world: World) -> None:
    body = {"ids": [world.ids["request_claim"]], "approve": True}
    at_once(app, [(world.tokens["secretary"], "/request-claims/decide", body)] * HANDS)
    request = one(Request, world.ids["request_open"])
    assert how_many(Event, Event.subject_kind == "request", Event.subject_id == request.id, Event.action == "claim") == 1


def test_a_request_is_finished_or_withdrawn_not_both(app: Flask, world: World) -> None:
    path = f"/requests/{world.ids['requests']}"
    ends = [(world.tokens["mate"], f"{path}/finish", {"result": "换了灯管"}), (world.tokens["member"], f"{path}/withdraw", {})]
    said = at_once(app, ends * (HANDS // 2))
    assert said[200] == 1, said
    assert set(said) <= {200, 404, 409}, said


def test_a_wish_is_claimed_once(app: Flask, world: World) -> None:
    hands = ("mate", "mover", "member", "stranger") * (HANDS // 4)
    said = at_once(app, [(world.tokens[who], f"/wishes/{world.ids['wishes']}/claim", {}) for who in hands])
    assert said == {200: 1, 409: HANDS - 1}


def test_a_kind_of_station_is_opened_once(app: Flask, world: World) -> None:
    path = f"/communities/{world.ids['communities']}/stations"
    said = at_once(app, [(world.tokens["secretary"], path, {"kind": "legal"})] * HANDS)
    assert said == {201: 1, 409: HANDS - 1}


def test_a_quarter_has_one_panel_and_a_volunteer_one_seat(app: Flask, world: World) -> None:
    body = {"community": world.ids["communities"], "day": "2026-11-30"}
    said = at_once(app, [(world.tokens["secretary"], "/reviews", body)] * HANDS)
    assert said == {201: 1, 409: HANDS - 1}
    panel = one(ReviewPanel, world.ids["reviews"])
    before = how_many(ReviewMember, ReviewMember.panel_id == panel.id)
    assert set(at_once(app, [(world.tokens["mate"], f"/reviews/{panel.public_id}/volunteers", {})] * HANDS)) <= {200, 409}
    assert how_many(ReviewMember, ReviewMember.panel_id == panel.id) == before + 1


def test_a_mediation_an_extension_a_visit_once(app: Flask, world: World) -> None:
    mate = world.tokens["mate"]
    opened = at_once(app, [(mate, f"/requests/{world.ids['request_accepted']}/mediation", {"parties": ["301户", "401户"]})] * HANDS)
    assert opened == {201: 1, 409: HANDS - 1}
    asked = at_once(app, [(mate, f"/requests/{world.ids['request_accepted']}/extension", EXTENSION)] * HANDS)
    assert asked == {201: 1, 409: HANDS - 1}
    assert at_once(app, [(mate, f"/care-plans/{world.ids['care-plans']}/visits", {})] * HANDS) == {201: 1, 409: HANDS - 1}


def test_a_draft_is_sent_once(app: Flask, world: World) -> None:
    row = one(Request, world.ids["request-drafts"])
    said = at_once(app, [(world.tokens["member"], f"/request-drafts/{row.public_id}/submit", {})] * HANDS)
    assert said == {200: 1, 409: HANDS - 1}
    assert how_many(Event, Event.subject_kind == "request", Event.subject_id == row.id, Event.action == "submit") == 1


def test_twenty_taps_with_twenty_keys_are_one_request(app: Flask, world: World) -> None:
    before = how_many(Request)
    body = {"community": world.ids["communities"], "category": "noise"}
    said = at_once(app, [(world.tokens["mover"], "/requests", body)] * 20)
    assert said == {201: 20}
    assert how_many(Request) == before + 1
