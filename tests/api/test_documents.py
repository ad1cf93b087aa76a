"""Receipts and certificates: issued, printed by the job, verified by anybody."""

import io
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
import zxingcpp
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select
from werkzeug.test import TestResponse

from jobs import documents as printing
from server.db.base import reading, transaction
from server.db.models.people import Person
from server.db.models.platform import Outbox
from server.db.models.registrations import Document
from server.domain.permissions import Role
from server.domain.records import RecordState
from server.services import registrations
from tests.factories.people import a_person, a_tree, headers, token_of, with_role
from tests.factories.records import a_record
from tests.factories.registrations import a_member, a_unit, of_unit

PERIOD = {"first": "2026-01-01", "last": "2026-03-05"}


@dataclass
class Scene:
    """张三 served 2 h 30 min in two communities; the secretaries of both, a liaison, and somebody who never served."""

    community: str
    neighbour: str
    person: str
    person_row: int
    registration: str
    unit: str
    member: str
    secretary: str
    foreign: str
    liaison: str
    newcomer: str


@pytest.fixture
def scene(client: FlaskClient, now: datetime) -> Scene:
    with transaction() as session:
        tree = a_tree(session, now)
        unit = a_unit(session, now, tree, "示例县第一小学")
        member = a_member(session, now, tree, "张三", unit=unit)
        a_record(session, now, tree, member, minutes=90)
        a_record(session, now, tree, member, minutes=60, neighbour=True)
        a_record(session, now, tree, member, minutes=500, state=RecordState.VOID)
        row = registrations.live_of(session, person_id=member.id)
        assert row is not None
        people = (
            member,
            with_role(session, now, Role.SECRETARY, tree.community),
            with_role(session, now, Role.SECRETARY, tree.neighbour),
            of_unit(session, now, Role.UNIT_LIAISON, unit),
            a_person(session, now, "李四"),
        )
        ids = (tree.community.public_id, tree.neighbour.public_id, member.public_id, member.id, row.public_id, unit.public_id)
        return Scene(*ids, *(token_of(session, person, now) for person in people))


def post(client: FlaskClient, token: str, path: str, key: str | None = None, /, **body: Any) -> TestResponse:
    return client.post(f"/api/v1{path}", json=body, headers=headers(token, key or path[-40:]))


def code(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.json["error"]["code"]


def print_all(now: datetime) -> int:
    """What the worker does with the outbox; returns how many documents were printed."""
    with reading() as session:
        waiting = session.execute(select(Outbox.args).where(Outbox.job == "documents.render")).scalars().all()
    for args in waiting:
        printing.render(now, **args)
    return len(waiting)


def page_of(client: FlaskClient, link: str) -> TestResponse:
    return client.get(link.removeprefix("http://127.0.0.1:8080"))


def test_a_certificate_counts_what_is_final(client: FlaskClient, scene: Scene) -> None:
    made = post(client, scene.member, "/me/certificates", **PERIOD)
    assert made.status_code == 201
    row = made.json
    assert (row["kind"], row["serial"], row["issuer"]) == ("service_certificate", f"ZM-{scene.community}-2026-00001", "示例社区")
    assert (row["visits"], row["minutes"], row["ready"]) == (2, 150, False)
    assert row["lines"][0] == "兹证明张三同志自2026年1月1日至2026年3月5日，参加社区志愿服务2次，服务时长共计2小时30分钟。"
    assert client.get("/api/v1/me/documents", headers=headers(scene.member)).json["items"] == [row]
    assert post(client, scene.member, "/me/certificates", "again", **PERIOD).json["serial"].endswith("00002")


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ({"first": "2026-03-05", "last": "2026-03-04"}, "INVALID"),
        ({"first": "2026-03-05", "last": "2026-03-06"}, "INVALID"),
        ({"first": "2026-02-30", "last": "2026-03-05"}, "INVALID"),
        ({"first": "2025-01-01", "last": "2025-12-31"}, "CERTIFICATE_EMPTY"),
    ],
)
def test_periods_that_cannot_be_certified(client: FlaskClient, scene: Scene, body: dict[str, str], refused: str) -> None:
    assert code(post(client, scene.member, "/me/certificates", **body)) == (422, refused)


def test_nothing_served_nothing_certified(client: FlaskClient, scene: Scene) -> None:
    assert code(post(client, scene.newcomer, "/me/certificates", **PERIOD)) == (422, "CERTIFICATE_EMPTY")
    assert client.post("/api/v1/me/certificates", json=PERIOD, headers={"Idempotency-Key": "k"}).status_code == 401


def test_the_clerk_prints_it_for_him(client: FlaskClient, scene: Scene) -> None:
    path = f"/communities/{scene.community}/members/{scene.person}/certificates"
    assert post(client, scene.secretary, path, "a", **PERIOD).json["minutes"] == 150
    assert code(post(client, scene.foreign, path, "b", **PERIOD)) == (404, "NOT_FOUND")
    assert code(post(client, scene.foreign, path.replace(scene.community, scene.neighbour), "c", **PERIOD)) == (404, "NOT_FOUND")
    assert code(post(client, scene.member, path, "d", **PERIOD)) == (403, "FORBIDDEN")


def test_a_receipt_is_one_and_the_same(client: FlaskClient, scene: Scene) -> None:
    path = f"/registrations/{scene.registration}/receipt"
    first, second = post(client, scene.member, path, "a"), post(client, scene.secretary, path, "b")
    assert (first.status_code, first.json["id"]) == (201, second.json["id"])
    assert first.json["lines"][:4] == ["姓名：张三", "工作单位：示例县第一小学", "报到社区：示例社区", "报到日期：2026年3月5日"]
    assert code(post(client, scene.foreign, path, "c")) == (404, "NOT_FOUND")
    assert code(post(client, scene.newcomer, path, "d")) == (404, "NOT_FOUND")


def test_a_unit_gets_its_receipt_once_it_was_sent(client: FlaskClient, scene: Scene) -> None:
    row = post(client, scene.liaison, f"/units/{scene.unit}/registrations", liaison="李老师").json
    path = f"/unit-registrations/{row['id']}"
    assert code(post(client, scene.liaison, f"{path}/receipt", "a")) == (409, "ILLEGAL_MOVE")
    for key, body in (("b", {"action": "accept", "text": "同意接收"}), ("c", {"action": "send_receipt"})):
        assert post(client, scene.secretary, f"{path}/decision", key, **body).status_code == 200
    made = post(client, scene.liaison, f"{path}/receipt", "d").json
    assert made["lines"][:4] == ["单位：示例县第一小学", "报到社区：示例社区", "接收意见：同意接收", "主送：示例街道工委"]
    assert "示例县第一小学" in page_of(client, made["link"]).text
    assert client.get(f"/api/v1/documents/{made['id']}", headers=headers(scene.liaison)).json == made
    assert client.get(f"/api/v1/documents/{made['id']}", headers=headers(scene.member)).status_code == 404


def test_printed_by_the_job_twice_and_read_from_the_pixels(client: FlaskClient, scene: Scene, now: datetime) -> None:
    made = post(client, scene.member, "/me/certificates", **PERIOD).json
    paths = [f"/api/v1/documents/{made['id']}.{form}" for form in ("png", "pdf")]
    for path in paths:
        waiting = client.get(path, headers=headers(scene.member))
        assert (waiting.status_code, waiting.json, waiting.headers["Retry-After"]) == (202, {"ready": False}, "2")
    assert (print_all(now), print_all(now)) == (1, 1)
    assert client.get(f"/api/v1/documents/{made['id']}", headers=headers(scene.member)).json["ready"] is True
    png, pdf = (client.get(path, headers=headers(scene.member)) for path in paths)
    assert (png.mimetype, pdf.mimetype, pdf.data[:5]) == ("image/png", "application/pdf", b"%PDF-")
    assert png.headers["Content-Disposition"] == f'attachment; filename="{made["serial"]}.png"'
    found = zxingcpp.read_barcodes(Image.open(io.BytesIO(png.data)))
    assert [one.text for one in found] == [made["link"]]
    assert client.get(paths[0], headers=headers(scene.foreign)).status_code == 404
    assert client.get(paths[0], headers=headers(scene.secretary)).status_code == 200
    assert client.get(paths[0]).status_code == 401


def test_what_lies_on_the_disk_names_nobody(client: FlaskClient, scene: Scene, now: datetime) -> None:
    made = post(client, scene.member, "/me/certificates", **PERIOD).json
    print_all(now)
    with transaction() as session:
        row = session.execute(select(Document)).scalar_one()
        assert "张三".encode() not in row.facts
        session.get_one(Person, scene.person_row).salt = None
    assert client.get(f"/api/v1/documents/{made['id']}.pdf", headers=headers(scene.secretary)).status_code == 404
    page = page_of(client, made["link"])
    assert (page.status_code, "真实有效" in page.text, "本人信息已按其要求删除" in page.text) == (200, True, True)


def test_anybody_verifies_and_sees_no_whole_name(client: FlaskClient, scene: Scene) -> None:
    made = post(client, scene.member, "/me/certificates", **PERIOD).json
    page = page_of(client, made["link"])
    assert page.status_code == 200
    for shown in ("真实有效", "张**", made["serial"], "2小时30分钟", "2026年1月1日 至 2026年3月5日", "2 次", "示例社区"):
        assert shown in page.text
    assert "张三" not in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_a_revoked_document_says_so(client: FlaskClient, scene: Scene) -> None:
    made = post(client, scene.member, "/me/certificates", **PERIOD).json
    path = f"/documents/{made['id']}/revoke"
    assert code(post(client, scene.foreign, path, "a", reason="有误")) == (404, "NOT_FOUND")
    assert code(post(client, scene.member, path, "b", reason="有误")) == (403, "FORBIDDEN")
    assert code(post(client, scene.secretary, path, "c", reason=" ")) == (422, "NOTE_REQUIRED")
    assert post(client, scene.secretary, path, "d", reason="姓名有误").json["revoked_at"] == "2026-03-05T01:00:00Z"
    assert code(post(client, scene.secretary, path, "e", reason="姓名有误")) == (409, "ILLEGAL_MOVE")
    page = page_of(client, made["link"])
    assert (page.status_code, "已经作废" in page.text, "真实有效" in page.text) == (200, True, False)


def test_a_forged_code_proves_nothing(client: FlaskClient, scene: Scene) -> None:
    link = post(client, scene.member, "/me/certificates", **PERIOD).json["link"]
    token = link.rsplit("/", 1)[1]
    for forged in (token[:-1] + ("0" if token[-1] != "0" else "1"), "x", "0" * 32, "<script>alert(1)", "张三"):
        page = client.get(f"/v/{forged}")
        assert (page.status_code, "无法核实" in page.text, "<script" in page.text) == (404, True, False)
