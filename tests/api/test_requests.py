"""Requests over HTTP: asking, drafts, for others, triage, contents that wait, and the refusals of each family."""

import io
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

import pytest
from flask.testing import FlaskClient
from openpyxl import Workbook

from server.db.base import transaction
from server.db.models.people import Person, WechatAccount
from server.domain.permissions import Role
from server.domain.request_words import CHECKS, STATES
from tests.conftest import Time
from tests.factories.people import Tree, a_person, a_tree, headers, token_of, with_role
from tests.factories.requests import agree
from tests.simulator import Simulator

_keys = count(1)
AMR = b"#!AMR\n" + b"\x3c" * 400


@dataclass
class World:
    """示例社区 with a resident, a clerk, a grid worker and strangers, each with a token."""

    client: FlaskClient
    simulator: Simulator
    tree: Tree
    resident: str
    resident_row: Person
    other: str
    clerk: str
    grid_worker: str
    foreign: str
    street: str

    def send(self, method: str, path: str, token: str, body: Any = None, key: str | None = None) -> Any:
        """A keyed write."""
        return self.client.open(f"/api/v1{path}", method=method, json=body or {}, headers=headers(token, key or f"k{next(_keys)}"))

    def post(self, path: str, token: str, body: Any = None, key: str | None = None) -> Any:
        """A POST."""
        return self.send("POST", path, token, body, key)

    def get(self, path: str, token: str) -> Any:
        """A read."""
        return self.client.get(f"/api/v1{path}", headers=headers(token))

    def upload(self, path: str, token: str, data: bytes, name: str, **form: str) -> Any:
        """A keyed upload."""
        body = {**form, "file": (io.BytesIO(data), name)}
        return self.client.post(f"/api/v1{path}", data=body, headers=headers(token, f"k{next(_keys)}"))

    def body(self, **over: Any) -> dict[str, Any]:
        """What a resident's phone sends."""
        return {"community": self.tree.community.public_id, "category": "repairs", **over}

    def made(self, **over: Any) -> str:
        """The id of a resident's request."""
        return str(self.post("/requests", self.resident, self.body(**over)).json["id"])


@pytest.fixture
def world(client: FlaskClient, simulator: Simulator, now: datetime) -> World:
    """示例社区, ready; WeChat's clock says that everybody has just opened the mini-program."""
    openid = simulator.user("王阿姨")
    simulator.post("visit", user="王阿姨")
    with transaction() as session:
        tree = a_tree(session, now)
        resident, other = a_person(session, now, "王阿姨"), a_person(session, now, "李叔")
        agree(session, now, resident), agree(session, now, other)
        session.add(WechatAccount(appid="a", openid=openid, person_id=resident.id, created_at=now, last_seen_at=now))
        staff = [
            with_role(session, now, Role.CLERK, tree.community),
            with_role(session, now, Role.GRID_WORKER, tree.grid),
            with_role(session, now, Role.CLERK, tree.neighbour),
            with_role(session, now, Role.STREET, tree.street),
        ]
        tokens = [token_of(session, person, now) for person in staff]
        return World(client, simulator, tree, token_of(session, resident, now), resident, token_of(session, other, now), *tokens)


def code_of(answer: Any) -> tuple[int, str]:
    """Status and code of a refusal."""
    return answer.status_code, answer.json["error"]["code"]


def test_a_category_and_a_tap(world: World) -> None:
    made = world.post("/requests", world.resident, world.body())
    assert (made.status_code, made.json["state"], made.json["short"], made.json["check_state"]) == (
        201,
        "submitted",
        "社区正在看",
        "passed",
    )
    assert (made.json["content"], made.json["place"], made.json["category_name"]) == ("", "", "公共设施维修")
    assert made.json["number"].startswith("SQ-")
    assert [step["sentence"] for step in made.json["timeline"]] == ["提交了诉求"]
    mine = world.get("/me/requests", world.resident).json["items"]
    assert [one["id"] for one in mine] == [made.json["id"]]
    assert "content" not in mine[0]
    assert "place" not in mine[0]


def test_who_may_ask_and_who_may_look(world: World) -> None:
    assert code_of(world.client.post("/api/v1/requests", json={})) == (401, "UNAUTHENTICATED")
    made = world.made(content="3号楼楼道灯不亮", place="3号楼")
    path = f"/requests/{made}"
    assert [world.get(path, token).status_code for token in (world.resident, world.clerk)] == [200, 200]
    for token in (world.other, world.foreign, world.street, world.grid_worker):
        assert code_of(world.get(path, token)) == (404, "NOT_FOUND")
    assert code_of(world.post(f"{path}/withdraw", world.other)) == (404, "NOT_FOUND")
    assert code_of(world.post(f"{path}/supplements", world.clerk, {"text": "补充"})) == (404, "NOT_FOUND")
    assert code_of(world.get(f"{path}/triage-hints", world.resident)) == (403, "FORBIDDEN")


def test_what_is_wrong_is_said_in_a_sentence(world: World) -> None:
    for wrong in ({"category": "x"}, {"content": "字" * 2001}, {"urgency": "very"}, {"media": ["x"]}, {"grid": "x"}, {"surplus": 1}):
        assert code_of(world.post("/requests", world.resident, world.body(**wrong))) == (422, "INVALID")
    assert code_of(world.post("/requests", world.resident, world.body(media=["0000000000000"]))) == (422, "MEDIA_UNFIT")
    street = world.body(community=world.tree.street.public_id)
    assert code_of(world.post("/requests", world.resident, street)) == (422, "NOT_COMMUNITY")


def test_twenty_times_the_same_is_one(world: World) -> None:
    same_key = {world.post("/requests", world.resident, world.body(content="灯坏了"), key="same").json["id"] for _ in range(10)}
    new_keys = {world.post("/requests", world.resident, world.body(content="灯坏了")).json["id"] for _ in range(10)}
    assert same_key == new_keys
    assert len(world.get("/me/requests", world.resident).json["items"]) == 1
    assert len(world.simulator.requests("/wxa/msg_sec_check")) == 11, "a repeated key is not checked again"


def test_a_flood_ends_with_a_sentence(world: World) -> None:
    answers = [world.post("/requests", world.resident, world.body(content=f"第{number}件")) for number in range(22)]
    assert [answer.status_code for answer in answers] == [201] * 20 + [429] * 2
    assert code_of(answers[-1]) == (429, "REQUEST_TOO_MANY")
    assert world.post("/requests", world.other, world.body()).status_code == 201, "a neighbour behind the same address is not hit"


def test_words_wechat_refuses_or_doubts(world: World) -> None:
    world.simulator.post("settings", words={"坏词": ["risky", 20001], "疑词": ["review", 21000]})
    assert code_of(world.post("/requests", world.resident, world.body(content="坏词"))) == (422, "CONTENT_REFUSED")
    assert world.get("/me/requests", world.resident).json["items"] == []
    doubted = world.post("/requests", world.resident, world.body(content="疑词"))
    assert (doubted.status_code, doubted.json["check_state"], doubted.json["check_name"]) == (201, "review", "等社区看内容")
    queue = f"/communities/{world.tree.community.public_id}/content-checks"
    assert [one["id"] for one in world.get(queue, world.clerk).json["items"]] == [doubted.json["id"]]
    assert code_of(world.get(queue, world.foreign)) == (404, "NOT_FOUND")
    decision = f"/content-checks/{doubted.json['id']}/decision"
    assert code_of(world.post(decision, world.foreign, {"passes": True})) == (404, "NOT_FOUND")
    assert code_of(world.post(decision, world.clerk, {"passes": False})) == (422, "NOTE_REQUIRED")
    assert world.post(decision, world.clerk, {"passes": True}).json["check_state"] == "passed"
    assert code_of(world.post(decision, world.clerk, {"passes": True})) == (409, "ILLEGAL_MOVE")
    assert world.get(queue, world.clerk).json["items"] == []


def test_a_voice_note_waits_for_who_listens(world: World) -> None:
    note = world.upload("/media", world.resident, AMR, "voice.amr", purpose="voice")
    assert (note.status_code, note.json["state"], note.json["check_state"]) == (201, "ready", "review")
    made = world.made(media=[note.json["id"]])
    assert world.get(f"/requests/{made}", world.resident).json["media"] == [
        {"id": note.json["id"], "kind": "voice", "check_state": "review", "seen_before": False}
    ]
    heard = world.get(f"/media/{note.json['id']}/sound", world.clerk)
    assert (heard.data, heard.mimetype) == (AMR, "audio/amr")
    assert world.get(f"/media/{note.json['id']}/sound", world.other).status_code == 404
    typed = world.post(f"/requests/{made}/transcript", world.clerk, {"content": "楼道灯不亮"})
    assert (typed.json["content"], typed.json["check_state"]) == ("楼道灯不亮", "passed")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"MZ" + b"\0" * 100, (422, "VOICE_FORMAT")),
        (b"\xff\xd8\xff" + b"\0" * 100, (422, "VOICE_FORMAT")),
    ],
    ids=["program", "picture"],
)
def test_what_is_no_voice_note(world: World, data: bytes, code: tuple[int, str]) -> None:
    assert code_of(world.upload("/media", world.resident, data, "voice.amr", purpose="voice")) == code


@pytest.mark.parametrize(
    "data",
    [b"\0\0\0\x20ftypM4A \0\0\0\0", b"ID3\x04" + b"\0" * 9, b"\xff\xf1\x50\x80", b"\xff\xfb\x90\x64", b"\x02#!SILK_V3\0"],
    ids=["m4a", "mp3 with a tag", "aac", "mp3", "silk"],
)
def test_what_phones_record_is_taken(world: World, data: bytes) -> None:
    assert world.upload("/media", world.resident, data, "voice", purpose="voice").status_code == 201


def test_a_draft_until_it_is_sent(world: World) -> None:
    draft = world.post("/request-drafts", world.resident, world.body(content="灯坏了")).json
    assert (draft["state"], draft["number"]) == ("draft", None)
    path = f"/request-drafts/{draft['id']}"
    assert code_of(world.get(f"/requests/{draft['id']}", world.clerk)) == (404, "NOT_FOUND")
    changed = world.send("PUT", path, world.resident, {"category": "noise", "version": draft["version"]})
    assert (changed.status_code, changed.json["category"], changed.json["content"]) == (200, "noise", "")
    assert code_of(world.send("PUT", path, world.resident, {"category": "noise", "version": 0})) == (409, "STALE")
    assert code_of(world.send("PUT", path, world.other, {"category": "noise", "version": 1})) == (404, "NOT_FOUND")
    assert world.post(f"{path}/submit", world.resident).json["state"] == "submitted"
    assert code_of(world.post(f"{path}/submit", world.resident)) == (409, "ILLEGAL_MOVE")


def test_a_child_asks_for_her_mother(world: World) -> None:
    mother = {"name": "王奶奶", "relation": "child", "elder": True}
    made = world.post("/requests", world.resident, world.body(for_other=mother))
    assert (made.status_code, made.json["person_name"], made.json["relation"], made.json["channel"]) == (201, "王奶奶", "child", "proxy")
    wrong = {"name": "王奶奶", "relation": "clerk"}
    assert code_of(world.post("/requests", world.resident, world.body(for_other=wrong, category="noise"))) == (422, "INVALID")


def test_adding_to_a_request_and_taking_it_back(world: World) -> None:
    made = world.made(content="灯坏了")
    assert code_of(world.post(f"/requests/{made}/supplements", world.resident)) == (422, "INVALID")
    added = world.post(f"/requests/{made}/supplements", world.resident, {"text": "二楼的也坏了"})
    assert (added.status_code, [one["text"] for one in added.json["supplements"]]) == (201, ["二楼的也坏了"])
    gone = world.post(f"/requests/{made}/withdraw", world.resident, {"reason": "修好了"})
    assert (gone.json["state"], gone.json["may_withdraw"], gone.json["may_supplement"]) == ("withdrawn", False, False)
    assert code_of(world.post(f"/requests/{made}/withdraw", world.resident)) == (409, "ILLEGAL_MOVE")
    assert code_of(world.post(f"/requests/{made}/supplements", world.resident, {"text": "还没好"})) == (409, "ILLEGAL_MOVE")


def test_the_clerk_s_queue_and_what_she_decides(world: World, time: Time) -> None:
    first, second = world.made(content="3号楼楼道灯不亮", place="3号楼"), world.made(content="三号楼的楼道灯坏了", place="3幢")
    urgent = world.made(urgency="urgent", category="safety")
    queue = f"/communities/{world.tree.community.public_id}/requests"
    assert [one["id"] for one in world.get(queue, world.clerk).json["items"]] == [urgent, first, second]
    assert code_of(world.get(queue, world.foreign)) == (404, "NOT_FOUND")
    assert code_of(world.get(queue, world.resident)) == (403, "FORBIDDEN")
    hints = world.get(f"/requests/{second}/triage-hints", world.clerk).json
    assert [(one["request"]["id"], [reason["field"] for reason in one["reasons"]]) for one in hints["similar"]] == [
        (first, ["submitted_at", "place", "content", "category"])
    ]
    merged = world.post(f"/requests/{second}/merge", world.clerk, {"into": first}).json
    assert (merged["state"], merged["merged_into"]) == ("merged", first)
    assert world.get(f"/requests/{second}", world.resident).json["merged_into"] is None, "a requester does not learn whose it was"
    said = {"difficulty": "simple", "priority": 5, "level": "grid", "version": world.get(f"/requests/{first}", world.clerk).json["version"]}
    assert code_of(world.post(f"/requests/{first}/triage", world.foreign, said)) == (404, "NOT_FOUND")
    taken = world.post(f"/requests/{first}/triage", world.clerk, said).json
    assert (taken["state"], taken["difficulty"], taken["level_name"], taken["merged"]) == ("triaged", "simple", "网格", 1)
    assert code_of(world.post(f"/requests/{first}/triage", world.clerk, said)) == (409, "ILLEGAL_MOVE")
    assert code_of(world.post(f"/requests/{urgent}/reject", world.clerk, {"channel": "119", "reason": ""})) == (422, "NOTE_REQUIRED")
    rejected = world.post(f"/requests/{urgent}/reject", world.clerk, {"channel": "119", "reason": "正在起火"}).json
    assert "119" in rejected["go_to"]


def test_many_at_once_and_one_into_several(world: World) -> None:
    ids = [world.made(content=f"第{number}件") for number in range(3)]
    outcome = world.post("/requests/triage", world.clerk, {"ids": [*ids, "0000000000000"], "category": "noise"}).json
    assert (outcome["done"], [one["code"] for one in outcome["failed"]]) == (ids, ["NOT_FOUND"])
    whole = world.made(content="灯坏了，还有人占车位")
    parts = [{"category": "repairs"}, {"category": "parking", "content": "有人占车位"}]
    made = world.post(f"/requests/{whole}/split", world.clerk, {"parts": parts}).json["items"]
    assert [one["category"] for one in made] == ["repairs", "parking"]
    assert code_of(world.post(f"/requests/{whole}/split", world.clerk, {"parts": parts})) == (409, "ILLEGAL_MOVE")
    lines = world.get(f"/nodes/{world.tree.street.public_id}/requests?category=noise&state=triaged", world.street).json["items"]
    assert {one["id"] for one in lines} == set(ids)
    assert code_of(world.get(f"/requests/{ids[0]}", world.street)) == (404, "NOT_FOUND")


def test_the_clerk_notes_a_call_and_the_grid_worker_a_round(world: World) -> None:
    community, grid = world.tree.community.public_id, world.tree.grid.public_id
    entry = {"category": "repairs", "content": "楼道灯不亮", "person": {"name": "赵大爷"}}
    noted = world.post("/request-entries", world.clerk, {**entry, "community": community})
    assert (noted.status_code, noted.json["channel"], noted.json["check_state"]) == (201, "phone", "passed")
    assert code_of(world.post("/request-entries", world.resident, {**entry, "community": community})) == (403, "FORBIDDEN")
    assert code_of(world.post("/request-entries", world.grid_worker, {**entry, "community": community})) == (404, "NOT_FOUND")
    entries = [{**entry, "grid": grid}, {**entry, "grid": grid, "person": {"name": "钱阿姨"}, "category": "x"}]
    done = world.post("/request-rounds", world.grid_worker, {"community": community, "entries": entries})
    assert (done.status_code, len(done.json["made"]), [one["index"] for one in done.json["refused"]]) == (201, 1, [1])
    assert done.json["made"][0]["check_state"] == "review", "nobody has looked at a grid worker's words without an account"
    assert code_of(world.post("/request-rounds", world.clerk, {"community": community, "entries": entries * 26})) == (422, "INVALID")


def test_a_sheet_from_a_round(world: World) -> None:
    book = Workbook()
    for row in (("姓名", "手机号", "类别", "诉求内容"), ("王奶奶", "", "", "电梯坏了"), ("李叔", "12", "", "太吵")):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    done = world.upload("/request-imports", world.clerk, out.getvalue(), "走访.xlsx", community=world.tree.community.public_id)
    assert (done.status_code, done.json["made"], done.json["failed"]) == (201, 1, 1)
    assert [error["cell"] for error in done.json["errors"]] == ["B3"]
    broken = world.upload("/request-imports", world.clerk, b"PKnothing", "x.xlsx", community=world.tree.community.public_id)
    assert code_of(broken) == (422, "ROSTER_UNREADABLE")
    assert world.get("/request-template", world.clerk).data[:2] == b"PK"


def test_every_state_has_a_short_label_and_a_plain_sentence() -> None:
    assert all(1 <= len(plain.short) <= 12 and plain.sentence for plain in STATES.values())
    assert len({plain.short for plain in STATES.values()}) == len(STATES)
    assert all(len(name) <= 12 for name in CHECKS.values())
