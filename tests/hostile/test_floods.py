"""Ten thousand taps, bombs and forgers against the residents' loop: one request, or one sentence; nothing that was right is lost."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from itertools import count
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, select

from jobs import media as pictures
from server import files
from server.db.base import reading, transaction
from server.db.models.ballots import Envelope
from server.db.models.media import Media
from server.db.models.people import Person
from server.db.models.requests import Request
from server.domain.days import local_day
from server.domain.media import MediaState
from server.domain.permissions import SYSTEM
from server.domain.requests import CheckState, RequestLevel, RequestState
from server.services import media, policies
from tests.factories.people import headers, token_of
from tests.hostile import calls
from tests.hostile.test_bodies import shape
from tests.hostile.test_files import HTML, jpeg, png
from tests.hostile.world import World, picture

TEN_THOUSAND, A_DAY = 10_000, 20
_keys = count(1)


def post(client: FlaskClient, token: str, path: str, body: dict[str, Any] | None = None, **sent: Any) -> Any:
    sent = sent or ({} if body is None else {"json": body})
    return client.post(f"/api/v1{path}", headers=headers(token, f"flood-{next(_keys)}"), **sent)


def wanted(world: World, **more: Any) -> dict[str, Any]:
    return {"community": world.ids["communities"], "category": "repairs", **more}


def written(author: str) -> int:
    with reading() as session:
        mine = select(func.count()).select_from(Request).join(Person, Person.id == Request.author_id)
        return int(session.execute(mine.where(Person.public_id == author)).scalar_one())


def of(public_id: str) -> Request:
    with reading() as session:
        return session.execute(select(Request).where(Request.public_id == public_id)).scalar_one()


def test_ten_thousand_requests_from_one_phone_are_a_days_twenty(client: FlaskClient, world: World, now: datetime) -> None:
    """Refused with a sentence, cheaply; a second sign-in is the same person, and the family behind the same address is not hit."""
    with transaction() as session:
        policies.put(session, key="requests.per_day", value=A_DAY, why="限", valid_from=local_day(now), actor=SYSTEM, now=now)
        mover = session.execute(select(Person).where(Person.public_id == world.ids["mover"])).scalar_one()
        second = token_of(session, mover, now)
    said: Counter[tuple[int, str]] = Counter()
    for number in range(TEN_THOUSAND):
        answer = post(client, world.tokens["mover"], "/requests", wanted(world, place=f"{number}号楼"))
        said[answer.status_code, "" if answer.status_code == 201 else answer.json["error"]["code"]] += 1
        if answer.status_code != 201 and number % 500 == 0:
            shape(answer, number)
    assert said.pop((201, "")) == A_DAY
    assert set(said) == {(429, "REQUEST_TOO_MANY"), (429, "TOO_MANY_REQUESTS")}
    assert said[429, "TOO_MANY_REQUESTS"] > TEN_THOUSAND / 2, "most are refused before anything is looked up"
    assert post(client, second, "/requests", wanted(world)).json["error"]["code"] == "REQUEST_TOO_MANY"
    assert written(world.ids["mover"]) == A_DAY
    assert post(client, world.tokens["mate"], "/requests", wanted(world)).status_code == 201
    assert client.get("/api/v1/ballot-form").status_code == 200


def test_a_photograph_of_fifty_megabytes_costs_the_photograph_alone(client: FlaskClient, world: World) -> None:
    form = calls.multipart({"purpose": "request"}, jpeg() + b"\0" * 50_000_000, "a.jpg")
    answer = post(client, world.tokens["member"], "/media", **form)
    assert (answer.status_code, answer.json["error"]["code"]) == (413, "TOO_LARGE")
    shape(answer, "50 MB")
    draft = client.get(f"/api/v1/requests/{world.ids['request-drafts']}", headers=headers(world.tokens["member"]))
    assert draft.json["state"] == "draft", "what was written before is still there"
    assert post(client, world.tokens["member"], "/requests", wanted(world, place="无图")).status_code == 201


def with_picture(client: FlaskClient, world: World, data: bytes, now: datetime) -> tuple[Request, Media]:
    """A request with this picture on it, after the worker has been at it."""
    token = world.tokens["member"]
    up = post(client, token, "/media", **calls.multipart({"purpose": "request"}, data, "a.jpg"))
    assert up.status_code == 201, up.text
    made = post(client, token, "/requests", wanted(world, media=[up.json["id"]]))
    assert made.status_code == 201, made.text
    with reading() as session:
        row = session.execute(select(Media.id).where(Media.public_id == up.json["id"])).scalar_one()
    pictures.reencode(now, media_id=row)
    with reading() as session:
        return of(made.json["id"]), session.get_one(Media, row)


@pytest.mark.parametrize("data", [b"PK\x03\x04" + b"\0" * 500, HTML, b"GIF89a" + b"\0" * 20, b"%PDF-1.7", b"<svg onload='x'/>"])
def test_what_is_no_picture_never_gets_near_a_request(client: FlaskClient, world: World, data: bytes) -> None:
    answer = post(client, world.tokens["member"], "/media", **calls.multipart({"purpose": "request"}, data, "a.jpg"))
    assert (answer.status_code, answer.json["error"]["code"]) == (422, "MEDIA_NOT_A_PICTURE")


@pytest.mark.parametrize(
    "data",
    [png(50_000, 50_000), png(2**31 - 1, 2**31 - 1), b"\xff\xd8\xff" + HTML, jpeg()[:200]],
    ids=["pixel bomb", "larger bomb", "html", "cut"],
)
def test_a_bomb_on_a_request_is_refused_and_the_request_goes_on(client: FlaskClient, world: World, data: bytes, now: datetime) -> None:
    request, row = with_picture(client, world, data, now)
    assert (row.state, row.check_state) == (MediaState.REFUSED, CheckState.REFUSED)
    assert (request.state, request.check_state) == (RequestState.SUBMITTED, CheckState.PASSED), (
        "it does not wait for a picture that is none"
    )
    with pytest.raises(FileNotFoundError):
        files.get(media.upload_area(row.public_id), row.original)
    told = client.get("/api/v1/notices", headers=headers(world.tokens["member"])).json["items"]
    assert request.public_id in {one["subject_id"] for one in told if "没有通过检查" in one["text"]}


@pytest.mark.parametrize("tail", [b"PK\x03\x04" + b"\0" * 30, HTML, b"%PDF-1.7"], ids=["zip", "html", "pdf"])
def test_a_polyglot_on_a_request_becomes_a_picture_and_nothing_else(client: FlaskClient, world: World, tail: bytes, now: datetime) -> None:
    request, row = with_picture(client, world, picture(tail) + tail, now)
    assert row.state is MediaState.READY
    assert request.state is RequestState.SUBMITTED
    shown = client.get(f"/api/v1/media/{row.public_id}/picture", headers=headers(world.tokens["secretary"]))
    assert (shown.status_code, shown.mimetype, shown.headers["X-Content-Type-Options"]) == (200, "image/jpeg", "nosniff")
    assert tail[:4] not in shown.data


def test_a_page_that_calls_itself_a_voice_note_is_never_a_page(client: FlaskClient, world: World) -> None:
    token = world.tokens["member"]
    up = post(client, token, "/media", **calls.multipart({"purpose": "voice"}, b"#!AMR\n" + HTML, "a.html"))
    made = post(client, token, "/requests", wanted(world, media=[up.json["id"]]))
    assert of(made.json["id"]).check_state is CheckState.REVIEW, "somebody listens before others do"
    heard = client.get(f"/api/v1/media/{up.json['id']}/sound", headers=headers(world.tokens["secretary"]))
    assert (heard.status_code, heard.mimetype, heard.headers["X-Content-Type-Options"]) == (200, "audio/amr", "nosniff")


def test_a_ballot_goes_into_the_cell_of_its_token_or_nowhere(client: FlaskClient, world: World, database: Engine) -> None:
    """Another cell, the vote of a panel, a second ballot: the answer is the same, and one ballot is kept."""

    def waiting() -> int:
        with reading() as session:
            return int(session.execute(select(func.count()).select_from(Envelope)).scalar_one())

    before = waiting()
    answers = {"contacted": True, "solved": True, "satisfaction": "very"}
    rated = {"token": world.codes["ballot"], "cell": world.ids["cells"], "answers": answers}
    voted = {"token": world.codes["vote"], "cell": world.ids["panel_cell"], "votes": {world.ids["vote_item"]: "solved"}}
    astray = [
        client.post("/api/v1/b", json={**rated, "cell": world.ids["panel_cell"]}),
        client.post("/api/v1/b", json={**rated, "cell": "0" * 13}),
        client.post("/api/v1/b", json={**rated, "token": world.codes["vote"], "cell": world.ids["panel_cell"]}),
        client.post("/api/v1/b/votes", json={**voted, "token": world.codes["ballot"], "cell": world.ids["cells"]}),
    ]
    assert waiting() == before
    assert {one.status_code for one in astray} == {200}
    for path, body in (("/b", rated), ("/b", {**rated, "answers": {**answers, "satisfaction": "not"}}), ("/b/votes", voted)):
        assert client.post(f"/api/v1{path}", json=body).status_code == 200
    assert waiting() == before + 2


FORGERS = ("member", "mate", "newcomer", "liaison", "neighbour_secretary", "neighbour_clerk", "neighbour_worker", "stranger")


@pytest.mark.parametrize("path", ["escalate", "explain", "take-up", "hand-down", "explanation/decide"])
def test_nobody_forges_an_escalation(client: FlaskClient, world: World, path: str) -> None:
    """Neither who asked nor who does it nor the neighbour: not up, not down, not explained away."""
    body = {"reason": "上面说的", "approve": True, "person": world.ids["mate"]}
    fields = {"escalate": ("reason",), "explain": ("reason",), "hand-down": ("person",), "explanation/decide": ("approve", "reason")}
    sent = {name: body[name] for name in fields.get(path, ())} or None
    kinds = ("request_triaged", "request_escalated", "request_hopeless", "requests")
    before = {kind: (of(world.ids[kind]).state, of(world.ids[kind]).level) for kind in kinds}
    for kind in kinds:
        for who in FORGERS:
            answer = post(client, world.tokens[who], f"/requests/{world.ids[kind]}/{path}", sent)
            assert answer.status_code in (403, 404), (kind, who, answer.text)
    assert {kind: (of(world.ids[kind]).state, of(world.ids[kind]).level) for kind in kinds} == before


def test_the_community_does_not_act_for_the_street(client: FlaskClient, world: World) -> None:
    raised = f"/requests/{world.ids['request_escalated']}"
    for path, body in (("take-up", None), ("explain", {"reason": "办不了"}), ("hand-down", {"person": world.ids["mate"]})):
        answer = post(client, world.tokens["secretary"], f"{raised}/{path}", body)
        assert (answer.status_code, answer.json["error"]["code"]) == (422, "REQUEST_LEVEL")
    judged = post(client, world.tokens["secretary"], f"/requests/{world.ids['request_submitted']}/triage", {"level": "county"})
    assert (judged.status_code, judged.json["error"]["code"]) == (422, "INVALID")
    for field in ({"level": "county"}, {"state": "escalated"}, {"round": 3}):
        assert post(client, world.tokens["member"], "/requests", wanted(world, **field)).status_code == 422
    assert of(world.ids["request_submitted"]).level is RequestLevel.COMMUNITY


def test_three_times_not_done_takes_three_times_of_doing(client: FlaskClient, world: World) -> None:
    """没办好 said again and again about one and the same round does not lift it over the community's head."""
    path = f"/requests/{world.ids['request_finished']}/sign-off"
    said = [post(client, world.tokens["member"], path, {"done": False, "reason": "came_back"}) for _ in range(3)]
    assert [one.status_code for one in said] == [200, 409, 409]
    assert (of(world.ids["request_finished"]).round, of(world.ids["request_finished"]).level) == (1, RequestLevel.COMMUNITY)
