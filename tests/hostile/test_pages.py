"""What a browser may do with our pages, and that public addresses tell nothing personal."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from server.db.base import transaction
from server.db.models.tasks import Task
from tests.hostile.world import NAME, PHONE, World

PUBLIC = ("/docs", "/openapi.json", "/healthz", "/readyz", "/api/v1/orgs", "/api/v1/consent-texts", "/v/nonsense", "/q/nonsense", "/none")


def document_path(world: World) -> str:
    return world.codes["document"].removeprefix("http://127.0.0.1:8080")


def test_a_page_may_run_nothing_and_stand_in_no_frame(client: FlaskClient, world: World) -> None:
    for path in ("/docs", "/v/nonsense", document_path(world)):
        answer = client.get(path)
        assert answer.mimetype == "text/html", path
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "*" not in policy
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert not re.search(r"<script|javascript:|\son\w+=|\sstyle=", answer.text), path
        assert answer.text.count("<style>") == policy.count("'sha256-"), "each style sheet is named by its hash"


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/api/v1/me", "/api/v1/none", "/none", "/healthz", "/v/x", "/wechat/push"])
def test_every_answer_says_how_it_may_be_used(client: FlaskClient, world: World, path: str) -> None:
    said = client.get(path, headers={"Authorization": f"Bearer {world.tokens['member']}"}).headers
    assert said["X-Content-Type-Options"] == "nosniff"
    assert said["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in said["Content-Security-Policy"]
    assert said["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in said
    assert "Access-Control-Allow-Origin" not in said
    if path.startswith("/api/"):
        assert "private" in said["Cache-Control"]


def test_public_addresses_tell_nothing_personal(client: FlaskClient, world: World) -> None:
    secrets = {NAME, PHONE, "陈同伴", *world.tokens.values()} | {
        world.ids[kind] for kind in ("members", "mate", "records", "media", "notices")
    }
    for path in (*PUBLIC, document_path(world)):
        text = client.get(path).text
        assert not {secret for secret in secrets if secret in text}, path


def test_a_certificate_shows_no_more_than_a_surname(client: FlaskClient, world: World) -> None:
    page = client.get(document_path(world)).text
    assert "真实有效" in page
    assert "陈" in page
    assert "同伴" not in page


@pytest.mark.parametrize("title", ["<script>alert(1)</script>", "\"><img src=x onerror='alert(1)'>", "{{ 7 * 6 }}</h3>"])
def test_what_stands_in_a_title_is_text(client: FlaskClient, world: World, title: str) -> None:
    """An activity with such a title and place stands on the community's board, open to everybody: as text."""
    with transaction() as session:
        task = session.execute(select(Task).where(Task.public_id == world.ids["tasks"])).scalar_one()
        task.title = task.place = title
    page = client.get(f"/board/{world.ids['communities']}").text
    assert title not in page
    assert unescape(page).count(title) == 2, "the page shows the title and the place"


def test_pictures_and_papers_are_never_kept_by_a_cache_nor_shown_as_pages(client: FlaskClient, world: World) -> None:
    said = {"Authorization": f"Bearer {world.tokens['member']}"}
    picture = client.get(f"/api/v1/media/{world.ids['media']}/picture", headers=said)
    assert (picture.status_code, picture.mimetype) == (200, "image/jpeg")
    assert picture.headers["Cache-Control"] == "private, no-store"
    paper = client.get(f"/api/v1/documents/{world.ids['documents']}.pdf", headers={"Authorization": f"Bearer {world.tokens['mate']}"})
    assert paper.headers["Content-Disposition"].startswith("attachment")
