"""Codes through HTTP: lists, previews, personal codes, screens, posters, the page behind an ordinary link."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from server.db.base import reading, transaction
from server.db.models.codes import Code, PosterPrint
from server.db.models.platform import Outbox
from server.db.models.tasks import Task
from server.domain.permissions import Actor, Role
from server.services import checkins, codes
from tests.conftest import Time
from tests.factories.checkins import a_mid, code_of, message, open_task
from tests.factories.people import a_person, a_tree, headers, token_of, with_role

API = "/api/v1"


@dataclass
class Scene:
    """Two tasks in 示例社区 (a rotating one, one with a poster), their organiser, a clerk, a clerk of the next community, a member."""

    client: FlaskClient
    community: str
    rotating: str
    poster: str
    tokens: dict[str, str]

    def get(self, path: str, who: str = "clerk") -> TestResponse:
        return self.client.get(API + path, headers=headers(self.tokens[who]))

    def post(self, path: str, body: dict[str, Any], who: str = "clerk") -> TestResponse:
        return self.client.post(API + path, json=body, headers=headers(self.tokens[who], a_mid()))

    def code(self, task: str, who: str = "organiser") -> dict[str, Any]:
        got: dict[str, Any] = self.get(f"/tasks/{task}/code", who).json
        return got


@pytest.fixture
def scene(client: FlaskClient, now: datetime) -> Scene:
    with transaction() as session:
        tree = a_tree(session, now)
        people = {
            "organiser": a_person(session, now, "王五"),
            "clerk": with_role(session, now, Role.CLERK, tree.community, "赵干事"),
            "stranger": with_role(session, now, Role.CLERK, tree.neighbour, "邻社区干部"),
            "member": a_person(session, now),
        }
        rotating = open_task(session, now, tree, people["organiser"], rotating=True, title="大屏活动")
        poster = open_task(session, now, tree, people["organiser"])
        tokens = {name: token_of(session, person, now) for name, person in people.items()}
        return Scene(client, tree.community.public_id, rotating.public_id, poster.public_id, tokens)


def test_a_community_gets_its_code_when_it_is_asked_for(scene: Scene) -> None:
    url = f"/codes?community={scene.community}"
    first, second = scene.get(url).json["items"], scene.get(url).json["items"]
    assert first == second
    assert {row["kind_text"] for row in first} == {"社区报到码", "任务签到码"}
    rotating = next(row for row in first if row["rotating"])
    assert (rotating["token"], rotating["link"], rotating["task"]) == (None, None, scene.rotating)
    community = next(row for row in first if row["kind"] == 1)
    assert community["link"] == f"http://127.0.0.1:8080/q/{community['token']}"


def test_who_sees_codes(scene: Scene) -> None:
    url = f"/codes?community={scene.community}"
    assert scene.get(url, "stranger").status_code == 404
    assert scene.get(url, "member").status_code == 403
    assert scene.client.get(API + url).status_code == 401
    assert scene.get(f"/tasks/{scene.poster}/code", "member").status_code == 404


def test_a_phone_learns_what_a_code_is(scene: Scene) -> None:
    seen = scene.get(f"/codes/read?tok={scene.code(scene.poster)['token']}", "member").json
    assert (seen["kind_text"], seen["title"], seen["task"], seen["community"]) == (
        "任务签到码", "清理楼道杂物", scene.poster, scene.community)  # fmt: skip
    mine = scene.get("/me/codes", "member").json
    card = scene.get(f"/codes/read?tok={mine['card']}", "organiser").json
    assert (card["kind"], card["title"], card["task"]) == (5, "个人码", None)  # says nothing of the person
    wrong = scene.get("/codes/read?tok=abc", "member")
    assert (wrong.status_code, wrong.json["error"]["code"]) == (422, "QR_FORMAT")
    assert scene.get("/me/refused-scans", "member").json["items"][0]["code"] == "QR_FORMAT"


def test_personal_codes_for_a_day_without_network(scene: Scene, now: datetime) -> None:
    mine = scene.get("/me/codes", "member").json
    assert (len(mine["slots"]), mine["step"], mine["slots"][0]["at"], mine["slots"][-1]["at"]) == (
        288, 300, "2026-03-05T01:00:00Z", "2026-03-06T00:55:00Z")  # fmt: skip
    assert len({slot["token"] for slot in mine["slots"]}) == 288


def test_revoking_makes_the_poster_worthless(scene: Scene) -> None:
    before = scene.code(scene.poster)
    assert scene.post(f"/codes/{before['id']}/revoke", {"reason": ""}).status_code == 422
    assert scene.post(f"/codes/{before['id']}/revoke", {"reason": "被撕"}, "stranger").status_code == 404
    after = scene.post(f"/codes/{before['id']}/revoke", {"reason": "被撕"}).json
    assert (after["epoch"], after["token"] != before["token"]) == (1, True)
    assert scene.get(f"/codes/read?tok={before['token']}", "member").json["error"]["code"] == "QR_REVOKED"


def test_a_screen_shows_ten_minutes_and_no_key(scene: Scene, now: datetime, time: Time) -> None:
    code = scene.code(scene.rotating)["id"]
    opened = scene.post("/screens", {"code": code}, "organiser").json
    with transaction() as session:
        row = session.execute(select(Code).where(Code.public_id == code)).scalar_one()
        assert row.label == "大屏活动"
        person = a_person(session, now, "李四")
        task = session.get_one(Task, row.subject_id)
        checkins.take(session, message(session, task, now), actor=Actor(person.id), now=now)
    shown = scene.client.get(f"{API}/screens/slots", headers=headers(opened["token"])).json
    assert (len(shown["slots"]), shown["step"], shown["present"], shown["came"]) == (20, 30, 1, 1)
    with reading() as session:
        assert shown["slots"][0]["token"] == codes.token_of(code_of(session, task), now=now)
    assert scene.client.delete(f"{API}/screens/{opened['id']}", headers=headers(scene.tokens["stranger"])).status_code == 404
    assert scene.client.delete(f"{API}/screens/{opened['id']}", headers=headers(scene.tokens["organiser"])).status_code == 200
    ended = scene.client.get(f"{API}/screens/slots", headers=headers(opened["token"]))
    assert (ended.status_code, ended.json["error"]["code"]) == (401, "SCREEN_ENDED")


def test_a_screen_ends_by_itself_and_a_login_is_no_screen(scene: Scene, time: Time) -> None:
    opened = scene.post("/screens", {"code": scene.code(scene.rotating)["id"]}, "organiser").json
    assert scene.client.get(f"{API}/screens/slots", headers=headers(scene.tokens["clerk"])).status_code == 401
    time.advance(hours=12)
    assert scene.client.get(f"{API}/screens/slots", headers=headers(opened["token"])).status_code == 401


def test_who_opens_a_screen_and_for_what(scene: Scene) -> None:
    assert scene.post("/screens", {"code": scene.code(scene.poster)["id"]}).json["error"]["code"] == "SCREEN_STATIC"
    for who in ("stranger", "member"):
        assert scene.post("/screens", {"code": scene.code(scene.rotating)["id"]}, who).status_code == 404


def test_a_poster_is_asked_for_once_and_drawn_by_a_job(scene: Scene) -> None:
    url = f"/codes/{scene.code(scene.poster)['id']}/poster?format=png_a4"
    first, second = scene.get(url), scene.get(url)
    assert (first.status_code, first.json, first.headers["Retry-After"]) == (202, second.json, "2")
    with reading() as session:
        jobs = session.execute(select(Outbox.job, Outbox.args)).all()
        prints = session.execute(select(PosterPrint.id)).scalars().all()
    assert jobs == [("posters.print", {"print_id": prints[0]})]
    assert scene.get(url, "stranger").status_code == 404
    assert scene.get(f"/prints/{first.json['id']}", "stranger").status_code == 404
    early = scene.get(f"/prints/{first.json['id']}/file")
    assert (early.status_code, early.json["error"]["code"]) == (409, "POSTER_NOT_READY")


def test_what_cannot_be_printed(scene: Scene) -> None:
    rotating = scene.get(f"/codes/{scene.code(scene.rotating)['id']}/poster")
    assert rotating.json["error"]["code"] == "POSTER_ROTATING"
    picture = scene.post(f"/communities/{scene.community}/posters", {"format": "png_a4"})
    assert (picture.status_code, list(picture.json["error"]["fields"])) == (422, ["format"])
    assert scene.get(f"/codes/{scene.code(scene.poster)['id']}/poster?format=gif").status_code == 422
    assert scene.post(f"/communities/{scene.community}/posters", {}, "stranger").status_code == 404
    assert scene.post(f"/communities/{scene.community}/posters", {}, "member").status_code == 403


def test_the_web_process_does_not_load_what_draws(app: Flask) -> None:
    heavy = ("PIL", "fpdf", "qrcode", "openpyxl", "imagehash")
    script = f"import sys; import server.app; print([name for name in {heavy!r} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_the_page_behind_a_code_says_what_the_poster_says(scene: Scene) -> None:
    page = scene.client.get(f"/q/{scene.code(scene.poster)['token']}")
    assert page.status_code == 200
    assert "清理楼道杂物" in page.text
    assert "扫一扫" in page.text
    assert "script-src" not in page.headers["Content-Security-Policy"]
    assert "<script" not in page.text
    card = scene.client.get(f"/q/{scene.get('/me/codes', 'member').json['card']}")
    assert (card.status_code, "张三" in card.text) == (200, False)
    assert scene.client.get("/q/nonsense").status_code == 404
    assert "不是共建系统的码" in scene.client.get("/q/nonsense").text


def test_wechat_finds_the_file_that_proves_the_domain(app: Flask) -> None:
    settings = app.config["SETTINGS"]
    named = settings.wechat.model_copy(update={"verify_file_name": "AbC123.txt", "verify_file_text": "proof"})
    app.config["SETTINGS"] = settings.model_copy(update={"wechat": named})
    client = app.test_client()
    found = client.get("/q/AbC123.txt")
    assert (found.status_code, found.text, found.mimetype) == (200, "proof", "text/plain")
    assert client.get("/q/other.txt").status_code == 404
