"""A second client, generated from openapi.json alone, plays the demonstration's story (mission row H3).

It knows no address: what it calls, sends and reads is what the document says, and every request and answer is held to its schemas.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from flask.testing import FlaskClient

from jobs import tallies
from server.db.base import transaction
from server.domain.permissions import Role
from tests.conftest import Time
from tests.factories.people import a_tree, token_of, with_role
from tests.factories.registrations import a_unit, an_entry
from tests.generated_client import Declined, Generated
from tests.simulator import Simulator

PHONE = "13800138000"
NOBODYS = "0000000000000"
FOREIGN = "40GG0000002D4000000E657HB44X51QB"  # docs/protocol.md §1, a vector of another instance's ring


@pytest.fixture
def second(client: FlaskClient) -> Generated:
    """The generated client, before anybody signed in."""

    def send(method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str, bytes]:
        answer = client.open(path, method=method, headers=dict(headers), data=body)
        return answer.status_code, answer.content_type, answer.get_data()

    return Generated(client.get("/openapi.json").json, send)


@dataclass(frozen=True)
class Stage:
    """Who plays: 张三, signed in, matched with his roster and reported in; his secretary; a task she published."""

    member: Generated
    secretary: Generated
    community: str
    task: str


@pytest.fixture
def stage(second: Generated, simulator: Simulator, now: datetime) -> Stage:
    """The county, the roster and the secretary's role come from the services; all else from the generated client."""
    with transaction() as session:
        tree = a_tree(session, now)
        an_entry(session, now, a_unit(session, now, tree), phone=PHONE)
        secretary = second.as_person(token_of(session, with_role(session, now, Role.SECRETARY, tree.community), now))
        community = tree.community.public_id
    member = registered(second, simulator)
    return Stage(member, secretary, community, a_published_task(secretary, community, now))


def registered(second: Generated, simulator: Simulator) -> Generated:
    simulator.user("张三", phone=PHONE)
    member = second.as_person(second.sign_in(body={"code": simulator.login_code("张三")})["token"])
    text = next(one for one in member.consent_texts()["items"] if one["purpose"] == "service")
    member.give_consent(body={"purpose": "service", "version": text["version"]})
    assert member.take_phone(body={"code": simulator.phone_code("张三")})["bound"]
    home = next(node for node in member.list_orgs()["items"] if node["name"] == "示例社区")
    assert member.register(body={"community": home["id"]})["state"] == "active"
    return member


def a_published_task(secretary: Generated, community: str, now: datetime) -> str:
    starts, ends = now + timedelta(minutes=10), now + timedelta(hours=2, minutes=10)
    body = {
        "community": community, "kind": "task", "title": "清理楼道杂物", "category": "environment", "content": "搬走旧家具",
        "place": "1幢门口", "starts_at": starts.isoformat(), "ends_at": ends.isoformat(), "planned_minutes": 120, "capacity": 2,
        "risk_note": "注意脚下",
    }  # fmt: skip
    draft = secretary.create_task(body=body)
    assert secretary.publish_task(draft["id"])["state"] == "published"
    return str(draft["id"])


def approved(stage: Stage) -> str:
    """张三 has a place; the text of the task's code."""
    claim = stage.member.claim_task(stage.task, body={})
    assert claim["state"] == "pending"
    assert [one["id"] for one in stage.secretary.list_claims(state="pending")["items"]] == [claim["id"]]
    assert stage.secretary.decide_claims(body={"ids": [claim["id"]], "approve": True})["done"] == [claim["id"]]
    return str(stage.secretary.task_code(stage.task)["token"])


def scan(token: str, direction: str, at: datetime) -> dict[str, Any]:
    return {"tok": token, "dir": direction, "cap": int(at.timestamp() * 1000)}


def test_it_plays_the_main_job(stage: Stage, time: Time) -> None:
    member, secretary = stage.member, stage.secretary
    assert stage.task in [one["id"] for one in member.list_tasks()["items"]]
    token = approved(stage)
    here = member.check_in(body=scan(token, "in", time.advance(minutes=10)))
    assert (here["state"], here["state_text"]) == ("present", "仅签到")
    assert member.check_in(body=scan(token, "out", time.advance(hours=2)))["minutes"] == 120
    member.report_record(here["record"], body={"text": "搬走三件旧家具"})
    tallies.drain(time.now)
    assert member.my_tally()["year"]["service_visits"] == 0, "nothing counts before somebody confirms it"
    assert secretary.confirm_record(here["record"], body={})["state"] == "final"
    tallies.drain(time.now)
    assert member.my_tally()["year"]["service_minutes"] == 120
    figures = secretary.tally_figures(scope="node", id=stage.community, period="year")["items"][0]
    assert (figures["service_visits"], figures["service_minutes"], figures["service_heads"]) == (1, 120, 1)
    assert {one["kind"] for one in member.my_notices()["items"]} == {"registration_decided", "claim_decided", "record_confirmed"}


def test_a_retry_is_the_same_answer(stage: Stage, time: Time) -> None:
    key, token = "6f1c1d0e-4b7a-4a5e-9a55-0d8f3a1b2c3d", approved(stage)
    body = scan(token, "in", time.advance(minutes=10))
    answers = [stage.member.check_in(body=body, key=key) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert len(stage.member.my_records()["items"]) == 1


def test_refusals_are_those_the_document_lists(stage: Stage, second: Generated, now: datetime) -> None:
    """The generated client takes no refusal whose status, code and shape the document does not promise."""
    member, secretary, token = stage.member, stage.secretary, stage.secretary.task_code(stage.task)["token"]
    for act, code in (
        (second.who_am_i, "UNAUTHENTICATED"),
        (partial(member.publish_task, stage.task), "FORBIDDEN"),
        (partial(member.show_task, NOBODYS), "NOT_FOUND"),
        (partial(member.register, body={"community": stage.community}), "REGISTRATION_EXISTS"),
        (partial(member.check_in, body=scan(FOREIGN, "in", now)), "QR_FORGED"),
        (partial(member.check_in, body=scan(token, "in", now)), "CHECKIN_NOT_CLAIMED"),
        (partial(secretary.confirm_record, NOBODYS, body={}), "NOT_FOUND"),
    ):
        with pytest.raises(Declined) as declined:
            act()
        assert declined.value.code == code
    assert [one["code"] for one in member.my_refused_scans()["items"]] == ["CHECKIN_NOT_CLAIMED", "QR_FORGED"]


def test_scans_kept_offline_are_sent_later(stage: Stage, time: Time) -> None:
    token, sub = approved(stage), stage.member.who_am_i()["id"]
    came = scan(token, "in", time.advance(minutes=10))
    went = scan(token, "out", time.advance(hours=2))
    kept = [{"v": 1, "mid": f"6f1c1d0e-4b7a-4a5e-9a55-0d8f3a1b2c3{number}", "sub": sub, **one} for number, one in enumerate((went, came))]
    time.advance(hours=6)
    results = [one for _ in range(2) for one in stage.member.upload_scans(body={"messages": kept})["results"]]
    assert [one["status"] for one in results] == ["accepted"] * 4
    assert [(one["state"], one["minutes"]) for one in stage.member.my_records()["items"]] == [("ended", 120)]


def test_a_file_that_a_worker_still_draws_is_promised_as_such(stage: Stage) -> None:
    code = stage.secretary.task_code(stage.task)["id"]
    for form in ("png_phone", "pdf_a3"):
        told = stage.secretary.poster(code, format=form)
        assert (told["state"], told["format"]) == ("waiting", form)
    mine = stage.member.my_registrations()["items"][0]["id"]
    receipt = stage.member.member_receipt(mine)
    assert stage.member.document_png(receipt["id"]) == stage.member.document_pdf(receipt["id"]) == {"ready": False}


def test_every_operation_has_a_name_to_call(second: Generated) -> None:
    assert {"sign_in", "check_in", "confirm_record", "my_tally"} <= second.operations.keys()
    for name, operation in second.operations.items():
        assert name.isidentifier()
        in_path = [one["name"] for one in operation.parameters if one["in"] == "path"]
        assert in_path == re.findall(r"\{(\w+)\}", operation.path), name
        assert any(status.startswith("2") for status in operation.responses), name
