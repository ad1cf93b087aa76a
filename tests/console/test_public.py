"""Pages without sign-in: verifying a paper, the notice board, the privacy rules, who runs this; no script, no names, nothing kept."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server.db.base import transaction
from server.db.models.registrations import Document
from server.domain.consents import TEXTS
from server.domain.permissions import SYSTEM
from server.services import documents
from tests.console.support import HOSTILE, statements
from tests.factories.checkins import a_scan, open_task
from tests.factories.people import Tree, a_person, actor_of
from tests.factories.registrations import a_member, a_registration, a_unit
from tests.factories.tasks import a_task

PAGES = ("/", "/about", "/privacy", "/verify", "/board")


@pytest.fixture
def outside(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def paper(app: Flask, tree: Tree, now: datetime) -> tuple[Document, str]:
    """欧阳示例's receipt and the link of its code."""
    from server.services import registrations

    with transaction() as session:
        person = a_member(session, now, tree, "欧阳示例", unit=a_unit(session, now, tree, "示例水务局"))
        row = registrations.live_of(session, person_id=person.id) or a_registration(session, now, person, tree.community)
        made = documents.member_receipt(session, row, actor=actor_of(session, person, now), base="http://127.0.0.1:8080", now=now)
        return made, documents.facts_of(session, made)["link"]


def check(outside: FlaskClient, **typed: str) -> tuple[int, str]:
    answer = outside.post("/verify", data=typed)
    return answer.status_code, answer.text


@pytest.mark.parametrize("path", PAGES)
def test_a_public_page_runs_nothing_keeps_nothing_and_is_linked(outside: FlaskClient, tree: Tree, path: str) -> None:
    answer = outside.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert answer.status_code == 200
    assert ("default-src 'none'" in policy, "script" in policy, "unsafe" in policy) == (True, False, False)
    assert not re.search(r"<script|\son\w+=|\sstyle=", answer.text)
    assert "Set-Cookie" not in answer.headers
    assert [link for link in ("/board", "/verify", "/privacy", "/about") if f'href="{link}"' not in answer.text] == []
    assert answer.text.count("<h1>") == 1


def test_large_print_goes_on_from_page_to_page(outside: FlaskClient, tree: Tree) -> None:
    page = outside.get("/about?print=large&theme=dark&evil=%22%3E").text
    assert ('data-print="large"' in page, 'data-theme="dark"' in page, "evil" in page) == (True, True, False)
    assert 'href="/board?theme=dark&amp;print=large"' in page
    assert 'data-print="normal"' in outside.get("/about?print=huge").text


def test_a_paper_is_verified_by_number_and_name(outside: FlaskClient, paper: tuple[Document, str]) -> None:
    row, link = paper
    status, page = check(outside, paper=f" {row.serial} ", name="欧阳 示例")
    assert (status, "真实有效" in page, "欧阳示例" in page) == (200, True, False)
    status, page = check(outside, paper=link, name="")
    assert (status, "真实有效" in page) == (200, True)
    with transaction() as session:
        documents.revoke(session, session.get_one(Document, row.id), reason="填错", actor=SYSTEM, now=row.issued_at)
    assert "已经作废" in check(outside, paper=row.serial, name="欧阳示例")[1]


def test_numbers_cannot_be_tried_out(outside: FlaskClient, paper: tuple[Document, str]) -> None:
    """A right number with a wrong name is answered like a wrong number."""
    row, _ = paper
    answers = [
        check(outside, paper=number, name=name) for number, name in ((row.serial, "张三"), (row.serial, ""), ("HZ-0-2026-1", "张三"))
    ]
    assert {status for status, _ in answers} == {404}
    assert len({page for _, page in answers}) == 1
    assert "示例社区" not in answers[0][1]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_typed_is_text(outside: FlaskClient, app: Flask, tree: Tree, text: str) -> None:
    status, page = check(outside, paper=text, name=text)
    assert (status, "<script>alert" in page, "<b onmouseover" in page) == (404, False, False)
    status, page = check(outside, paper="", name=text)
    assert (status, "请填写编号" in page, "<b onmouseover" in page) == (200, True, False)


def test_a_board_shows_what_is_coming_and_what_was_done_without_names(outside: FlaskClient, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        organiser = a_person(session, now, "周组织")
        a_scan(session, now, open_task(session, now, tree, organiser, title="清理楼道<b>"), a_person(session, now, "王小明"))
        a_task(session, now, tree, organiser, title="下周义诊", starts_at=now + timedelta(days=7), ends_at=now + timedelta(days=7, hours=2))
        a_task(session, now, tree, organiser, title="明年的", starts_at=now + timedelta(days=99), ends_at=now + timedelta(days=99, hours=2))
        open_task(session, now, tree, organiser, title="邻居的", community=tree.neighbour)
    listed = outside.get("/board").text
    assert ("示例社区" in listed, "邻近社区" in listed) == (True, True)
    path = f"/board/{tree.community.public_id}"
    page = outside.get(path).text
    assert ("清理楼道&lt;b&gt;" in page, "下周义诊" in page, "还能报" in page) == (True, True, True)
    assert not [word for word in ("王小明", "周组织", "明年的", "邻居的") if word in page]
    assert statements(lambda: outside.get(path)) <= 12


def test_a_board_that_is_not_there_says_so(outside: FlaskClient, tree: Tree) -> None:
    for node in ("0000000000000", tree.street.public_id, tree.grid.public_id, "x" * 5000, "张"):
        answer = outside.get(f"/board/{node}")
        assert (answer.status_code, "没有找到这个社区" in answer.text) == (404, True)


def test_the_privacy_rules_are_those_people_agree_to(outside: FlaskClient, tree: Tree) -> None:
    page: Any = outside.get("/privacy").text
    for text in TEXTS.values():
        assert [part for part in (text.title, text.purpose, text.data, text.retention, text.rights) if part not in page] == []
    assert "登录 30 天有效" in page
    assert "示例县（演示）" in page


def test_the_landing_page_has_the_common_look(outside: FlaskClient, tree: Tree, now: datetime) -> None:
    from server.services import codes
    from tests.factories.checkins import code_of

    with transaction() as session:
        token = codes.token_of(code_of(session, open_task(session, now, tree, a_person(session, now), title="清理楼道")), now=now)
    answer = outside.get(f"/q/{token}")
    assert (answer.status_code, "清理楼道" in answer.text, 'href="/about"' in answer.text) == (200, True, True)
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Robots-Tag"] == "noindex"


def test_an_address_that_is_not_there_is_a_page_for_a_browser_and_a_refusal_for_a_phone(outside: FlaskClient) -> None:
    page = outside.get("/nothing", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (page.status_code, "没有这一页" in page.text, "/about" in page.text) == (404, True, True)
    for path, wanted in (("/nothing", "*/*"), ("/api/v1/nothing", "text/html")):
        refusal = outside.get(path, headers={"Accept": wanted})
        assert (refusal.status_code, refusal.json["error"]["code"]) == (404, "NOT_FOUND")
