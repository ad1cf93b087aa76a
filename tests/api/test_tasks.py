"""Tasks, claims, teams and records over HTTP: the story of one task, and the refusals of each family."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from flask.testing import FlaskClient

from server.db.base import transaction
from server.db.models.people import Person
from server.domain.permissions import Actor, Role
from server.domain.requests import RequestState
from server.services import dispatch, teams
from server.services.receivers import Receiver
from tests.conftest import Time
from tests.factories.checkins import a_scan
from tests.factories.people import Tree, a_person, a_tree, actor_of, headers, token_of, with_role
from tests.factories.registrations import registered
from tests.factories.requests import a_request
from tests.factories.tasks import a_claim, a_draft, a_post, a_shift, a_task

_keys = count(1)


@dataclass
class World:
    """A community with a secretary, a member and a neighbour's secretary, each with a token."""

    client: FlaskClient
    tree: Tree
    organiser: Person
    secretary: str
    member: str
    foreign: str
    member_row: Person

    def post(self, path: str, token: str, body: dict[str, Any] | None = None) -> Any:
        """A keyed write."""
        return self.client.post(f"/api/v1{path}", json=body or {}, headers=headers(token, f"k{next(_keys)}"))

    def get(self, path: str, token: str, **more: str) -> Any:
        """A read."""
        return self.client.get(f"/api/v1{path}", headers={**headers(token), **more})


@pytest.fixture
def world(client: FlaskClient, now: datetime) -> World:
    """示例社区, ready."""
    with transaction() as session:
        tree = a_tree(session, now)
        organiser, member = a_person(session, now, "王组长"), a_person(session, now, "张三")
        secretary = token_of(session, with_role(session, now, Role.SECRETARY, tree.community), now)
        foreign = token_of(session, with_role(session, now, Role.SECRETARY, tree.neighbour), now)
        return World(client, tree, organiser, secretary, token_of(session, member, now), foreign, member)


def a_body(world: World, now: datetime, **over: Any) -> dict[str, Any]:
    """What a secretary's phone sends for a draft."""
    return {
        "community": world.tree.community.public_id,
        "kind": "task",
        "title": "清理楼道杂物",
        "category": "environment",
        "content": "搬走三楼以下楼道里的旧家具",
        "place": "示例小区 1 幢门口",
        "starts_at": (now + timedelta(hours=1)).isoformat(),
        "ends_at": (now + timedelta(hours=3)).isoformat(),
        "planned_minutes": 120,
        "capacity": 2,
        "risk_note": "搬重物时注意脚下",
        "organiser": world.organiser.public_id,
        **over,
    }


def published(world: World, now: datetime, **over: Any) -> str:
    """The id of a task published over HTTP."""
    made = world.post("/tasks", world.secretary, a_body(world, now, **over)).json["id"]
    assert world.post(f"/tasks/{made}/publish", world.secretary).status_code == 200
    return str(made)


def code_of(answer: Any) -> tuple[int, str]:
    """Status and code of a refusal."""
    return answer.status_code, answer.json["error"]["code"]


def test_a_task_from_draft_to_confirmed_record(world: World, time: Time) -> None:
    made = world.post("/tasks", world.secretary, a_body(world, time.now))
    assert (made.status_code, made.json["state"], made.json["organiser_name"]) == (201, "draft", "王组长")
    task = made.json["id"]
    assert world.get("/tasks", world.member).json["items"] == []
    assert code_of(world.get(f"/tasks/{task}", world.member)) == (404, "NOT_FOUND")
    world.post(f"/tasks/{task}/publish", world.secretary)
    claim = world.post(f"/tasks/{task}/claims", world.member)
    assert (claim.status_code, claim.json["state"], claim.json["overlaps"]) == (201, "pending", [])
    assert world.get(f"/tasks/{task}", world.member).json["my_claim"] == "pending"
    waiting = world.get("/claims", world.secretary).json["items"]
    assert [(one["id"], one["person_name"]) for one in waiting] == [(claim.json["id"], "张三")]
    decided = world.post("/claims/decide", world.secretary, {"ids": [claim.json["id"]], "approve": True})
    assert decided.json == {"done": [claim.json["id"]], "failed": []}
    now = time.advance(hours=1)
    with transaction() as session:
        from server.services import tasks

        a_scan(session, now, tasks.by_public_id(session, task), session.get_one(Person, world.member_row.id))
    record = world.get("/records/waiting", world.secretary).json["items"][0]
    assert (record["state"], record["person_name"]) == ("present", "张三")
    reported = world.post(f"/records/{record['id']}/report", world.member, {"text": "清运了三车杂物"})
    assert (reported.json["state"], reported.json["report"]) == ("reported", "清运了三车杂物")
    end = time.advance(minutes=90)
    with transaction() as session:
        organiser = token_of(session, session.get_one(Person, world.organiser.id), end)
    confirmed = world.post(f"/records/{record['id']}/confirm", organiser, {"ended_at": end.isoformat()})
    assert (confirmed.status_code, confirmed.json["state"], confirmed.json["minutes"]) == (200, "final", 90)
    assert world.get("/me/claims", world.member).json["items"][0]["state"] == "done"
    void = world.post(f"/records/{record['id']}/void", world.secretary, {"reason": "重复登记"})
    assert void.json["state"] == "void"


def test_the_same_claim_sent_twice_is_one(world: World, now: datetime) -> None:
    task, again = published(world, now), headers(world.member, "same")
    answers = [world.client.post(f"/api/v1/tasks/{task}/claims", json={}, headers=again) for _ in range(2)]
    assert answers[0].json["id"] == answers[1].json["id"]
    assert world.get(f"/tasks/{task}", world.member).json["places_left"] == 1


def test_the_list_pages_by_start_filters_and_answers_304(world: World, now: datetime) -> None:
    for hours in (5, 2, 2, 9):
        published(
            world,
            now,
            title=f"+{hours}",
            starts_at=(now + timedelta(hours=hours)).isoformat(),
            ends_at=(now + timedelta(hours=20)).isoformat(),
        )
    first = world.get("/tasks?limit=3", world.member)
    second = world.get(f"/tasks?limit=3&after={first.json['next']}", world.member)
    assert [one["title"] for one in first.json["items"] + second.json["items"]] == ["+2", "+2", "+5", "+9"]
    assert second.json["next"] is None
    assert world.get("/tasks?limit=3", world.member, **{"If-None-Match": first.headers["ETag"]}).status_code == 304
    assert world.get("/tasks?kind=post", world.member).json["items"] == []
    assert len(world.get("/tasks?category=environment", world.member).json["items"]) == 4
    assert world.get("/tasks?day=2026-03-09", world.member).json["items"] == []
    near = f"/tasks?community={world.tree.neighbour.public_id}"
    assert world.get(near, world.member).json["items"] == []
    assert len(world.get(f"{near}&nearby=true", world.member).json["items"]) == 4


def test_bulk_decisions_name_each_failure(world: World, time: Time) -> None:
    with transaction() as session:
        task = a_task(session, time.now, world.tree, world.organiser)
        good = a_claim(session, time.now, task, a_person(session, time.now), _pending())
        gone = a_claim(session, time.now, task, a_person(session, time.now))
    asked = {"ids": [good.public_id, gone.public_id, "0000000000000"], "approve": False, "reason": "人已够"}
    outcome = world.post("/claims/decide", world.secretary, asked).json
    assert outcome["done"] == [good.public_id]
    assert [(one["id"], one["code"]) for one in outcome["failed"]] == [(gone.public_id, "ILLEGAL_MOVE"), ("0000000000000", "NOT_FOUND")]


def _pending() -> Any:
    from server.domain.tasks import ClaimState

    return ClaimState.PENDING


def test_shifts_of_a_post(world: World, now: datetime) -> None:
    with transaction() as session:
        post = a_post(session, now, world.tree, world.organiser)
        shift = a_shift(session, now, post, capacity=1)
    assert code_of(world.post(f"/tasks/{post.public_id}/claims", world.member)) == (422, "SHIFT_REQUIRED")
    claimed = world.post(f"/tasks/{post.public_id}/claims", world.member, {"shift": shift.public_id})
    assert claimed.json["shift"] == shift.public_id
    assert world.get(f"/tasks/{post.public_id}", world.member).json["shifts"][0]["places_left"] == 0


def test_withdrawing_excusing_and_standing_in(world: World, now: datetime) -> None:
    task = published(world, now, approval_needed=False)
    claim = world.post(f"/tasks/{task}/claims", world.member).json["id"]
    with transaction() as session:
        friend = a_person(session, now, "李四")
        token = token_of(session, friend, now)
    asked = world.post(f"/claims/{claim}/stand-in", world.member, {"person": friend.public_id})
    assert asked.json["stand_in_asked"] is True
    taken = world.post(f"/claims/{claim}/stand-in/answer", token, {"accept": True})
    assert (taken.json["person_name"], taken.json["state"]) == ("李四", "approved")
    assert world.get(f"/claims/{claim}", world.member).json["state"] == "handed_over"
    assert world.post(f"/claims/{taken.json['id']}/excuse", token, {"reason": "孩子生病"}).json["state"] == "excused"
    back = world.post(f"/tasks/{task}/claims", world.member).json["id"]
    assert world.post(f"/claims/{back}/withdraw", world.member).json["state"] == "withdrawn"


def ask_and_be_let_in(world: World, team: str, leader: str) -> None:
    """Asking alone opens no list of names; the leader says who comes in."""
    answer = f"/teams/{team}/asking/{world.member_row.public_id}"
    assert code_of(world.post(answer, leader, {"accept": True})) == (404, "NOT_FOUND")
    assert world.post(f"/teams/{team}/join", world.member).status_code == 200
    assert code_of(world.get(f"/teams/{team}/members", world.member)) == (404, "NOT_FOUND")
    assert [(one["mine"], one["asked"], one["members"]) for one in world.get("/teams", world.member).json["items"]] == [(False, True, 1)]
    assert code_of(world.get(f"/teams/{team}/asking", world.member)) == (404, "NOT_FOUND")
    assert code_of(world.post(answer, world.member, {"accept": True})) == (404, "NOT_FOUND")
    assert code_of(world.post(answer, world.foreign, {"accept": True})) == (404, "NOT_FOUND")
    assert world.post(answer, world.secretary, {"accept": False}).status_code == 200
    assert world.post(f"/teams/{team}/join", world.member).status_code == 200
    assert [one["name"] for one in world.get(f"/teams/{team}/asking", leader).json["items"]] == ["张三"]
    assert world.post(answer, leader, {"accept": True}).status_code == 200


def test_a_team_claims_together(world: World, now: datetime) -> None:
    with transaction() as session:
        leader = registered(session, now, a_person(session, now, "赵队长"), world.tree.community)
        stranger = registered(session, now, a_person(session, now, "邻队长"), world.tree.neighbour)
        token = token_of(session, leader, now)
    body = {"community": world.tree.community.public_id, "name": "红马甲", "category": "environment", "leader": leader.public_id}
    assert code_of(world.post("/teams", world.secretary, body | {"leader": stranger.public_id})) == (404, "NOT_FOUND")
    team = world.post("/teams", world.secretary, body).json["id"]
    ask_and_be_let_in(world, team, token)
    assert [one["name"] for one in world.get(f"/teams/{team}/members", world.member).json["items"]] == ["赵队长", "张三"]
    assert code_of(world.get(f"/teams/{team}/members", world.foreign)) == (404, "NOT_FOUND")
    task = published(world, now, mode="team")
    members = [leader.public_id, world.member_row.public_id]
    made = world.post(f"/tasks/{task}/team-claims", token, {"team": team, "members": members})
    assert sorted(one["person_name"] for one in made.json["items"]) == ["张三", "赵队长"]
    assert world.post(f"/teams/{team}/leave", world.member).status_code == 200
    assert code_of(world.post(f"/teams/{team}/leave", token)) == (422, "TEAM_LEADER")
    listed = world.get(f"/teams?community={body['community']}", world.member).json["items"]
    assert [(one["members"], one["mine"]) for one in listed] == [(1, False)]


def test_a_team_changes_hands_and_is_archived(world: World, now: datetime) -> None:
    with transaction() as session:
        leader, stranger = registered(session, now, a_person(session, now, "赵队长"), world.tree.community), a_person(session, now, "路人")
        token = token_of(session, leader, now)
    body = {"community": world.tree.community.public_id, "name": "红马甲", "category": "environment", "leader": leader.public_id}
    team = world.post("/teams", world.secretary, body).json["id"]
    ask_and_be_let_in(world, team, token)
    new = {"leader": world.member_row.public_id}
    for who, said, answer in (("nobody", new, 401), (token, new, 403), (world.foreign, new, 404), (world.secretary, {}, 422)):
        assert world.post(f"/teams/{team}/leader", who, said).status_code == answer
    assert code_of(world.post(f"/teams/{team}/leader", world.secretary, {"leader": stranger.public_id})) == (404, "NOT_FOUND")
    assert world.post(f"/teams/{team}/leader", world.secretary, new).status_code == 200
    assert world.post(f"/teams/{team}/leave", token).status_code == 200
    assert code_of(world.post(f"/teams/{team}/leave", world.member)) == (422, "TEAM_LEADER")
    with transaction() as session:
        request = a_request(session, now, world.tree, state=RequestState.TRIAGED)
        secretary = actor_of(session, with_role(session, now, Role.SECRETARY, world.tree.community, "孙书记"), now)
        kept = teams.by_public_id(session, team)
        offer = dispatch.dispatch(session, request, to=Receiver(team_id=kept.id), actor=secretary, now=now)
    assert code_of(world.post(f"/teams/{team}/archive", world.secretary)) == (409, "TEAM_BUSY")
    with transaction() as session:
        asked = dispatch.by_public_id(session, offer.public_id)
        dispatch.decline(session, asked, reason="人手不够", actor=Actor(world.member_row.id), now=now)
    assert world.post(f"/teams/{team}/archive", world.secretary).status_code == 200
    assert world.get("/teams", world.member).json["items"] == []
    assert code_of(world.get(f"/teams/{team}/members", world.member)) == (404, "NOT_FOUND")
    assert code_of(world.post(f"/teams/{team}/join", world.member)) == (404, "NOT_FOUND")


def test_editing_and_cancelling(world: World, now: datetime) -> None:
    task = world.post("/tasks", world.secretary, a_body(world, now)).json
    edited = world.post(f"/tasks/{task['id']}/edit", world.secretary, {"title": "打扫花坛", "version": task["version"]})
    assert (edited.json["title"], edited.json["version"]) == ("打扫花坛", task["version"] + 1)
    assert code_of(world.post(f"/tasks/{task['id']}/edit", world.secretary, {"title": "又改", "version": 0})) == (409, "STALE")
    world.post(f"/tasks/{task['id']}/publish", world.secretary)
    assert code_of(world.post(f"/tasks/{task['id']}/edit", world.secretary, {"place": "别处"})) == (409, "TASK_FIXED")
    assert world.post(f"/tasks/{task['id']}/cancel", world.secretary, {"reason": "下雨"}).json["closed_reason"] == "下雨"
    assert code_of(world.post(f"/tasks/{task['id']}/claims", world.member)) == (422, "CLAIM_CLOSED")


def test_strangers_members_and_neighbours_are_kept_out(world: World, now: datetime) -> None:
    with transaction() as session:
        draft = a_draft(session, now, world.tree, world.organiser).public_id
    assert world.client.get("/api/v1/tasks").status_code == 401
    assert world.client.post(f"/api/v1/tasks/{draft}/publish").status_code == 401
    assert code_of(world.post("/tasks", world.member, a_body(world, now))) == (403, "FORBIDDEN")
    assert code_of(world.post(f"/tasks/{draft}/publish", world.foreign)) == (404, "NOT_FOUND")
    assert code_of(world.get(f"/tasks/{draft}", world.foreign)) == (404, "NOT_FOUND")
    assert code_of(world.post("/tasks", world.foreign, a_body(world, now))) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"capacity": 0}, "capacity"),
        ({"capacity": "十"}, "capacity"),
        ({"starts_at": "2026-03-07T09:00:00"}, "starts_at"),
        ({"title": "a\u0000b"}, "title"),
        ({"nonsense": 1}, "nonsense"),
        ({"category": "nonsense"}, "category"),
        ({"kind": "party"}, "kind"),
    ],
)
def test_a_bad_draft_is_a_422_that_names_the_field(world: World, now: datetime, over: dict[str, Any], field: str) -> None:
    answer = world.post("/tasks", world.secretary, a_body(world, now, **over))
    assert code_of(answer) == (422, "INVALID")
    assert field in answer.json["error"]["fields"]


def test_a_record_of_another_community_is_not_found(world: World, time: Time) -> None:
    from tests.factories.checkins import open_task

    with transaction() as session:
        task = open_task(session, time.now, world.tree, session.get_one(Person, world.organiser.id))
        a_scan(session, time.now, task, session.get_one(Person, world.member_row.id))
    record = world.get("/records/waiting", world.secretary).json["items"][0]["id"]
    assert code_of(world.get(f"/records/{record}", world.foreign)) == (404, "NOT_FOUND")
    assert code_of(world.post(f"/records/{record}/confirm", world.foreign, {})) == (404, "NOT_FOUND")
    assert code_of(world.post(f"/records/{record}/void", world.member, {"reason": "不要"})) == (403, "FORBIDDEN")
    assert code_of(world.post(f"/records/{record}/confirm", world.secretary, {})) == (422, "END_REQUIRED")
    assert code_of(world.post(f"/records/{record}/dispute", world.member, {"reason": "不对"})) == (409, "ILLEGAL_MOVE")
    assert world.get("/records/waiting/counts", world.secretary).json["present"] == 1
    assert world.get("/records/waiting/counts", world.foreign).json["present"] == 0
