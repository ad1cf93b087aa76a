"""Volunteer teams."""

from __future__ import annotations

from pydantic import Field

from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import Done, Id, In, Line, Out, Page, PageQuery
from server.db.models.people import Person
from server.domain.categories import TEAM_CATEGORIES, listed
from server.domain.permissions import Permission as P
from server.services import members, orgs, people, units
from server.services import teams as service
from server.services.teams import TeamLine

teams = Resource("teams", "志愿服务队")


class TeamIn(In):
    """A new team."""

    community: Id = Field(description="社区编号")
    name: Line = Field(description="队名", examples=["红马甲服务队"])
    category: Line = Field(description=f"类别：{listed(TEAM_CATEGORIES)}", examples=["environment"])
    leader: Id = Field(description="队长的人员编号，要已在社区报到")
    unit: Id | None = Field(None, description="单位自建的队填单位编号")


class TeamOut(Out):
    """A team as the list shows it."""

    id: str
    name: str
    category: str
    category_name: str
    members: int = Field(description="人数")
    mine: bool = Field(description="本人是否在队")
    asked: bool = Field(description="本人已申请，等队长或社区同意")


class TeamQuery(PageQuery):
    """Which teams."""

    community: Id | None = Field(None, description="社区编号，不填为全区县")


class AdmitIn(In):
    """Yes or no to somebody who asks to join."""

    accept: bool = Field(description="同意加入")


class LeaderIn(In):
    """Who leads from now on."""

    leader: Id = Field(description="新队长的人员编号，要已在队里")


class MateOut(Out):
    """A member, for his team-mates."""

    id: str
    name: str
    leader: bool


class MatesOut(Out):
    """All members."""

    items: list[MateOut]


@teams.get("/teams", permission=P.ME, query=TeamQuery, answer=Page[TeamOut], etag=True)
def list_teams(call: Call[None]) -> Page[TeamOut]:
    """志愿服务队."""
    asked: TeamQuery = call.query
    community_id = orgs.by_public_id(call.session, asked.community).id if asked.community else None
    after = service.by_public_id(call.session, asked.after) if asked.after else None
    lines = service.listed(call.session, community_id=community_id, actor=call.actor, after=after, limit=asked.limit + 1)
    page = lines[: asked.limit]
    return Page[TeamOut](items=[_out(line) for line in page], next=page[-1].team.public_id if len(lines) > asked.limit else None)


@teams.post("/teams", permission=P.TEAMS_MANAGE, body=TeamIn, answer=TeamOut, status=201, problems=("NOT_FOUND",))
def create_team(call: Call[TeamIn]) -> TeamOut:
    """社区建一支志愿服务队并定队长."""
    body, session = call.body, call.session
    leader = members.one(session, body.leader, actor=call.actor, permission=P.TEAMS_MANAGE).person  # a list of mates tells their names
    made = service.create(
        session,
        community=orgs.by_public_id(session, body.community),
        name=body.name,
        category=body.category,
        leader=leader,
        unit_id=units.of_actor(session, body.unit, call.actor).id if body.unit else None,
        actor=call.actor,
        now=call.now,
    )
    return _out(TeamLine(made, 1, leader.id == call.actor.person_id))


@teams.get("/teams/<team_id>/members", permission=P.ME, answer=MatesOut)
def list_team_members(call: Call[None], team_id: str) -> MatesOut:
    """队员名单：本队队员和本社区工作人员可看."""
    mates = service.mates(call.session, service.by_public_id(call.session, team_id), actor=call.actor)
    return MatesOut(items=[MateOut.model_validate(mate) for mate in mates])


@teams.post("/teams/<team_id>/join", permission=P.CLAIMS_CREATE, answer=Done)
def join_team(call: Call[None], team_id: str) -> Done:
    """本人申请加入一支志愿服务队；队长或社区同意后才在队里."""
    person = call.session.get_one(Person, call.actor.id)
    service.join(call.session, service.by_public_id(call.session, team_id), person=person, actor=call.actor, now=call.now)
    return Done()


@teams.get("/teams/<team_id>/asking", permission=P.ME, answer=MatesOut)
def list_team_asking(call: Call[None], team_id: str) -> MatesOut:
    """谁在申请加入：队长和本社区工作人员可看."""
    rows = service.asking(call.session, service.by_public_id(call.session, team_id), actor=call.actor)
    return MatesOut(items=[MateOut.model_validate(row) for row in rows])


@teams.post("/teams/<team_id>/asking/<person_id>", permission=P.ME, body=AdmitIn, answer=Done, problems=("NOT_FOUND",))
def admit_to_team(call: Call[AdmitIn], team_id: str, person_id: str) -> Done:
    """同意或谢绝一位申请人：队长或本社区工作人员."""
    team, person = service.by_public_id(call.session, team_id), people.by_public_id(call.session, person_id)
    service.admit(call.session, team, person=person, admits=call.body.accept, actor=call.actor, now=call.now)
    return Done()


@teams.post("/teams/<team_id>/leader", permission=P.TEAMS_MANAGE, body=LeaderIn, answer=Done, problems=("NOT_FOUND", "STALE"))
def change_team_leader(call: Call[LeaderIn], team_id: str) -> Done:
    """社区给队伍换队长：从队员里选，原队长仍是队员."""
    team, leader = service.by_public_id(call.session, team_id), people.by_public_id(call.session, call.body.leader)
    service.hand_over(call.session, team, leader=leader, actor=call.actor, now=call.now)
    return Done()


@teams.post("/teams/<team_id>/archive", permission=P.TEAMS_MANAGE, answer=Done, problems=("NOT_FOUND", "STALE", "TEAM_BUSY"))
def archive_team(call: Call[None], team_id: str) -> Done:
    """社区停用一支队伍：历史都保留，不再出现在列表里."""
    service.archive(call.session, service.by_public_id(call.session, team_id), actor=call.actor, now=call.now)
    return Done()


@teams.post("/teams/<team_id>/leave", permission=P.CLAIMS_CREATE, answer=Done, problems=("TEAM_LEADER",))
def leave_team(call: Call[None], team_id: str) -> Done:
    """本人退出或撤回申请；队长要先请社区换人."""
    person = call.session.get_one(Person, call.actor.id)
    service.leave(call.session, service.by_public_id(call.session, team_id), person=person, actor=call.actor, now=call.now)
    return Done()


def _out(line: TeamLine) -> TeamOut:
    team = line.team
    return TeamOut(
        id=team.public_id,
        name=team.name,
        category=team.category,
        category_name=TEAM_CATEGORIES.get(team.category, team.category),
        members=line.members,
        mine=line.mine,
        asked=line.asked,
    )
