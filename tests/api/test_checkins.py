"""扫码签到 through HTTP: the first answer, the same answer, refusals in the ledger, batches from offline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from server.db.base import reading, transaction
from server.db.models.checkins import RefusedScan, Scan, ServiceRecord
from server.db.models.people import Person
from server.db.models.tasks import Task
from server.domain.permissions import SYSTEM, Role
from server.services import codes
from tests.conftest import Time
from tests.factories.checkins import a_mid, code_of, millis, open_task
from tests.factories.people import a_person, a_tree, headers, token_of, with_role

URL = "/api/v1/checkins"


@dataclass
class Scene:
    """A rotating task that has begun, a second one with a poster, a member and his token, the organiser's, a stranger clerk's."""

    client: FlaskClient
    task: Task
    poster: Task
    person: Person
    token: str
    organiser: str
    stranger: str

    def body(self, at: datetime, direction: str = "in", task: Task | None = None, **over: Any) -> dict[str, Any]:
        """What a phone sends for a scan of the task's code at this moment."""
        with reading() as session:
            text = codes.token_of(code_of(session, task or self.task), now=at)
        return {"tok": text, "dir": direction, "cap": millis(at), "anc": None, "place": None, **over}

    def scan(self, at: datetime, direction: str = "in", *, mid: str | None = None, **over: Any) -> TestResponse:
        """POST /checkins."""
        return self.client.post(URL, json=self.body(at, direction, **over), headers=headers(self.token, mid or a_mid()))

    def message(self, at: datetime, direction: str = "in", *, mid: str | None = None, **over: Any) -> dict[str, Any]:
        """The same as an offline message."""
        return {"v": 1, "mid": mid or a_mid(), "sub": self.person.public_id, **self.body(at, direction), **over}

    def upload(self, *messages: dict[str, Any]) -> TestResponse:
        """POST /checkins/batch."""
        return self.client.post(f"{URL}/batch", json={"messages": list(messages)}, headers=headers(self.token))


@pytest.fixture
def scene(client: FlaskClient, now: datetime) -> Scene:
    with transaction() as session:
        tree = a_tree(session, now)
        organiser, person = a_person(session, now, "王五"), a_person(session, now)
        clerk = with_role(session, now, Role.CLERK, tree.neighbour, "邻社区干部")
        task = open_task(session, now, tree, organiser, rotating=True)
        poster = open_task(session, now, tree, organiser, title="陪伴老人")
        return Scene(client, task, poster, person, *(token_of(session, one, now) for one in (person, organiser, clerk)))


def test_the_first_answer_says_all(scene: Scene, now: datetime) -> None:
    answer = scene.scan(now)
    assert (answer.status_code, answer.json["state"], answer.json["state_text"], answer.json["grade"]) == (201, "present", "仅签到", "C")
    assert answer.json["message"] == "签到成功：清理楼道杂物，09:00"
    assert answer.json["next_step"] == "结束时请再扫一次签退，组织者确认后才计入服务时长"
    assert "Idempotent-Replay" not in answer.headers


def test_fifty_retries_are_one_record_and_one_answer(scene: Scene, now: datetime, time: Time) -> None:
    mid, body = a_mid(), scene.body(now)
    first = scene.client.post(URL, json=body, headers=headers(scene.token, mid))
    for _ in range(50):
        time.advance(minutes=3)
        again = scene.client.post(URL, json=body, headers=headers(scene.token, mid))
        assert (again.status_code, again.data, again.headers["Idempotent-Replay"]) == (201, first.data, "true")
    with reading() as session:
        assert [session.execute(select(func.count()).select_from(model)).scalar() for model in (Scan, ServiceRecord)] == [1, 1]


def test_scanning_out_tells_the_minutes(scene: Scene, now: datetime, time: Time) -> None:
    scene.scan(now)
    answer = scene.scan(time.advance(minutes=61), "out")
    assert (answer.json["minutes"], answer.json["message"]) == (61, "签退成功：清理楼道杂物，10:01，共 61 分钟")
    alone = scene.scan(time.advance(minutes=1), "out", task=scene.poster)
    assert (alone.json["minutes"], alone.json["next_step"]) == (0, "请组织者补记到场时间")


def test_nobody_scans_without_signing_in_or_with_a_bad_key(scene: Scene, now: datetime) -> None:
    body = scene.body(now)
    assert scene.client.post(URL, json=body).status_code == 401
    missing = scene.client.post(URL, json=body, headers=headers(scene.token))
    assert (missing.status_code, missing.json["error"]["code"]) == (400, "IDEMPOTENCY_KEY_MISSING")
    strange = scene.client.post(URL, json=body, headers=headers(scene.token, "not-a-uuid"))
    assert (strange.status_code, strange.json["error"]["fields"]) == (422, {"mid": "格式不对，请重新填写"})


@pytest.mark.parametrize(
    "wrong", [{"dir": "sideways"}, {"cap": "soon"}, {"cap": -1}, {"place": "31.2,121.4"}, {"lat": 31.2}, {"tok": ""}, {"anc": {"srv": 1}}]
)
def test_a_wrong_body_is_named(scene: Scene, now: datetime, wrong: dict[str, Any]) -> None:
    answer = scene.scan(now, **wrong)
    assert (answer.status_code, answer.json["error"]["code"]) == (422, "INVALID")


def test_a_mid_with_another_body_is_409(scene: Scene, now: datetime) -> None:
    mid = a_mid()
    scene.scan(now, mid=mid)
    answer = scene.scan(now, "out", mid=mid)
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "MID_REUSED")


def test_a_photographed_code_is_refused_and_the_person_reads_why(scene: Scene, now: datetime, time: Time) -> None:
    body = scene.body(now)
    time.advance(minutes=1)
    answer = scene.client.post(URL, json=body, headers=headers(scene.token, a_mid()))
    assert (answer.status_code, answer.json["error"]["code"]) == (422, "QR_WINDOW_PAST")
    mine = scene.client.get("/api/v1/me/refused-scans", headers=headers(scene.token)).json["items"]
    assert [(row["code"], row["message"], row["title"]) for row in mine] == [
        ("QR_WINDOW_PAST", "这个码已经换了，请对着屏幕再扫一次", "清理楼道杂物")
    ]


def test_the_organiser_sees_who_was_refused_and_a_stranger_does_not(scene: Scene, now: datetime, time: Time) -> None:
    body = scene.body(now)
    time.advance(minutes=1)
    scene.client.post(URL, json=body, headers=headers(scene.token, a_mid()))
    url = f"/api/v1/tasks/{scene.task.public_id}/refused-scans"
    rows = scene.client.get(url, headers=headers(scene.organiser)).json["items"]
    assert [(row["person"], row["name"], row["reason"]) for row in rows] == [(scene.person.public_id, "张三", "slot")]
    for token in (scene.stranger, scene.token):
        assert scene.client.get(url, headers=headers(token)).status_code == 404


def test_the_ledger_is_read_page_by_page(scene: Scene, now: datetime) -> None:
    for _ in range(3):
        scene.scan(now, tok="你好")
    first = scene.client.get("/api/v1/me/refused-scans?limit=2", headers=headers(scene.token)).json
    rest = scene.client.get(f"/api/v1/me/refused-scans?limit=2&after={first['next']}", headers=headers(scene.token)).json
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (2, 1, None)


def test_twenty_forged_codes_a_minute_are_enough(scene: Scene, now: datetime) -> None:
    good = scene.body(now)["tok"]
    forged = good[:-1] + ("0" if good[-1] != "0" else "1")
    answers = [scene.scan(now, tok=forged).json["error"]["code"] for _ in range(22)]
    assert answers == ["QR_FORGED"] * 20 + ["QR_THROTTLED"] * 2
    assert scene.scan(now).status_code == 201  # a good code is never locked out


@pytest.mark.parametrize("text", ["５１ＧＧ", "扫我", "\u202e😀" * 10, "x" * 300, "http://", "/q/?t=&scene=", "%E4%BD%A0%%"])
def test_any_text_gets_a_sentence(scene: Scene, now: datetime, text: str) -> None:
    answer = scene.scan(now, tok=text)
    assert (answer.status_code, answer.json["error"]["code"]) == (422, "QR_FORMAT")


def test_offline_messages_get_one_result_each(scene: Scene, now: datetime, time: Time) -> None:
    came, left = scene.message(now), scene.message(now + timedelta(minutes=90), "out")
    forged = scene.message(now, tok="A" * 32)
    foreign = scene.message(now, sub="0123456789ABC")
    time.advance(hours=8)
    results = scene.upload(left, came, forged, foreign).json["results"]
    assert [(one["status"], one["code"]) for one in results] == [
        ("accepted", None), ("accepted", None), ("refused", "QR_VERSION"), ("refused", "NOT_YOUR_MESSAGE")]  # fmt: skip
    assert [one["mid"] for one in results] == [one["mid"] for one in (left, came, forged, foreign)]
    assert (results[1]["checkin"]["minutes"], results[1]["checkin"]["grade"], results[1]["checkin"]["late"]) == (90, "D", True)
    mine = scene.client.get("/api/v1/me/refused-scans", headers=headers(scene.token)).json["items"]
    assert {row["code"] for row in mine} == {"QR_VERSION", "NOT_YOUR_MESSAGE"}


@pytest.mark.parametrize("wrong", [{"v": 2}, {"note": "x"}, {"mid": "1"}, {"dir": None}, {"anc": 5}])
def test_a_message_of_another_format_is_a_400(scene: Scene, now: datetime, wrong: dict[str, Any]) -> None:
    answer = scene.upload({**scene.message(now), **wrong})
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "BAD_MESSAGE")


def test_at_most_two_hundred_messages(scene: Scene, now: datetime) -> None:
    one = scene.message(now)
    assert scene.upload(*[one] * 201).status_code == 400
    assert scene.upload().status_code == 400


def test_live_and_then_offline_is_the_same_message(scene: Scene, now: datetime, time: Time) -> None:
    """The answer was lost: the phone keeps the message and uploads it hours later."""
    mid = a_mid()
    live = scene.scan(now, mid=mid)
    time.advance(hours=5)
    later = scene.upload(scene.message(now, mid=mid)).json["results"]
    assert later[0]["checkin"] == live.json


def test_a_live_scan_refused_as_past_is_still_a_fact_when_it_comes_offline(scene: Scene, now: datetime, time: Time) -> None:
    mid, body = a_mid(), scene.body(now)
    time.advance(minutes=2)
    refused = scene.client.post(URL, json=body, headers=headers(scene.token, mid))
    assert refused.json["error"]["code"] == "QR_WINDOW_PAST"
    result = scene.upload(scene.message(now, mid=mid)).json["results"][0]
    assert (result["status"], result["checkin"]["grade"], result["checkin"]["at"]) == ("accepted", "D", "2026-03-05T01:00:00Z")


def test_the_phone_clock_is_a_claim(scene: Scene, now: datetime, time: Time) -> None:
    day = timedelta(days=1)
    static = scene.message(now, **scene.body(now, task=scene.poster))
    wrong = [
        scene.message(now, cap=millis(now - day)),
        {**static, "mid": a_mid(), "cap": millis(now + day)},
        {**static, "mid": a_mid(), "cap": millis(now - 4 * day)},
        {**static, "mid": a_mid(), "cap": millis(now - day), "anc": {"srv": millis(now), "dev": millis(now - day)}},
    ]
    results = scene.upload(*wrong).json["results"]
    assert [one["code"] for one in results] == [None, "FUTURE", "TOO_OLD", None]
    assert results[0]["checkin"]["flags"] == ["手机时间与现场码不一致"]
    assert {one["checkin"]["at"] for one in results if one["checkin"]} == {"2026-03-05T01:00:00Z"}


def test_history_judges_late_messages(scene: Scene, now: datetime, time: Time) -> None:
    """A code revoked and a task cancelled after the scan do not undo it; one captured afterwards is refused."""
    before = scene.message(now)
    cut = time.advance(minutes=20)
    with transaction() as session:
        codes.revoke(session, code_of(session, scene.task), reason="换码", actor=SYSTEM, now=cut)
    old_epoch = dict(before, mid=a_mid(), tok=_old_token(scene, cut + timedelta(minutes=5)))
    time.advance(hours=3)
    results = scene.upload(before, old_epoch).json["results"]
    assert [one["code"] for one in results] == [None, "QR_REVOKED"]


def _old_token(scene: Scene, at: datetime) -> str:
    from qr import tokens

    with reading() as session:
        code = code_of(session, scene.task)
        kind = tokens.Kind(code.kind)
        return tokens.mint(codes.ring(), mode=tokens.Mode.ROTATING, kind=kind, epoch=0, obj=code.obj, slot=int(at.timestamp()) // 30)


def facts_of(person: Person) -> list[tuple[Any, ...]]:
    """All that the fold decides of the person's records."""
    with reading() as session:
        rows = session.execute(select(ServiceRecord).where(ServiceRecord.person_id == person.id)).scalars()
        return sorted(
            (row.source_key, row.task_id, row.started_at, row.ended_at, row.minutes, row.grade, row.token_axis, row.duration_axis,
             row.flags, tuple(row.mids), row.state.value, row.place_in)
            for row in rows
        )  # fmt: skip


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), split=st.integers(1, 9))
def test_any_order_partition_and_repetition_gives_the_same_rows(scene: Scene, now: datetime, time: Time, seed: int, split: int) -> None:
    """The same nine messages for a fresh person each time; only his id differs."""
    random = Random(seed)
    time.now = now
    with transaction() as session:
        person = a_person(session, now, "李四")
        token = token_of(session, person, now)
    minutes = [(0, "in"), (0, "in"), (4, "in"), (40, "out"), (44, "out"), (60, "in"), (75, "in"), (100, "out"), (110, "out")]
    tasks = [scene.task] * 6 + [scene.poster] * 2 + [scene.task]
    messages = []
    for number, ((minute, direction), task) in enumerate(zip(minutes, tasks, strict=True)):
        at = now + timedelta(minutes=minute)
        messages.append({"v": 1, "mid": a_mid(number), "sub": person.public_id, **scene.body(at, direction, task)})
    shuffled = [*messages, *random.sample(messages, 3)]
    random.shuffle(shuffled)
    time.advance(hours=6)
    for start in range(0, len(shuffled), split):
        scene.client.post(f"{URL}/batch", json={"messages": shuffled[start : start + split]}, headers=headers(token))
    got = [(row[0].partition(":")[2], *row[1:]) for row in facts_of(person)]
    first = REFERENCE.setdefault((id(scene)), got)
    assert got == first
    assert [(row[4], row[8]) for row in sorted(got, key=lambda row: row[2])] == [(44, ""), (50, "HOLD"), (0, "HOLD")]


REFERENCE: dict[int, list[tuple[Any, ...]]] = {}


def test_my_records_and_why_they_are_proven(scene: Scene, now: datetime, time: Time) -> None:
    record = scene.scan(now).json["record"]
    scene.scan(time.advance(minutes=30), "out")
    rows = scene.client.get("/api/v1/me/records", headers=headers(scene.token)).json["items"]
    assert [(row["id"], row["state_text"], row["grade_text"], row["minutes"]) for row in rows] == [(record, "已签退", "现场码", 30)]
    detail = scene.client.get(f"/api/v1/me/records/{record}", headers=headers(scene.token)).json
    assert detail["evidence"] == [
        "现场扫了动态码", "到场和离开都扫了码", "还没有别人作证", "组织者确认后才计入服务时长；没有扫码不影响确认"]  # fmt: skip
    assert scene.client.get(f"/api/v1/me/records/{record}", headers=headers(scene.organiser)).status_code == 404
    assert scene.client.get("/api/v1/me/records").status_code == 401


def test_nothing_of_the_code_is_kept_in_the_ledger(scene: Scene, now: datetime) -> None:
    scene.scan(now, tok="SECRET-LOOKING-TEXT")
    with reading() as session:
        row = session.execute(select(RefusedScan)).scalar_one()
    assert "SECRET" not in str(vars(row))
