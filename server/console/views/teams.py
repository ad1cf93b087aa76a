"""志愿队伍: the community's teams and who is in them (mission row A7)."""

from __future__ import annotations

from typing import Any

from server.console import forms, places
from server.console.desk import Answer, Call, Desk
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.domain.categories import TEAM_CATEGORIES
from server.domain.permissions import Permission as P
from server.domain.problems import Problem
from server.services import decisions, members, people, scopes, teams
from server.services.members import Filter

desk = Desk("teams")
MOST = 200  # teams of a community on a page


class TeamSheet(forms.Sheet):
    """A new team; its leader is a registered member."""

    name = forms.words("队伍名称", longest=60)
    category = forms.choice("类别", list(TEAM_CATEGORIES.items()))
    leader = forms.words("队长", longest=60, hint="本社区报到的人：写完整的姓名；有同名的写手机号")


class MateSheet(forms.Sheet):
    """Somebody who joins by word of mouth."""

    who = forms.words("加入的人", longest=60, hint="本社区报到的人：写完整的姓名；有同名的写手机号")


@desk.page("/teams", permission=P.TEAMS_MANAGE)
def list_teams(call: Call) -> Answer:
    """The community's teams, the oldest first."""
    where = places.chosen(call, P.TEAMS_MANAGE)
    lines = teams.listed(call.session, community_id=where.here.id, actor=call.actor, after=None, limit=MOST)
    return call.show("console/teams/list.html", places=where, lines=lines, categories=TEAM_CATEGORIES)


@desk.form("/teams/new", permission=P.TEAMS_MANAGE)
def new_team(call: Call) -> Answer:
    """Found a team."""
    where = places.chosen(call, P.TEAMS_MANAGE)
    sheet = TeamSheet(call.typed or None)
    if call.posted and sheet.validate():
        leader = _member(call, where.here, sheet.leader.data, "leader")
        values: dict[str, Any] = {"name": sheet.name.data, "category": sheet.category.data, "leader": leader}
        made = teams.create(call.session, community=where.here, actor=call.actor, now=call.now, **values)
        return call.done(f"{made.name}已成立", to=f"/console/teams/{made.public_id}")
    forms.blame(sheet, call.problem)
    return call.show("console/teams/new.html", 422 if call.posted else 200, places=where, sheet=sheet)


@desk.form("/teams/<id>", permission=P.TEAMS_MANAGE)
def show_team(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """Who is in it and who asks; adding somebody who said so."""
    team = teams.by_public_id(call.session, id)
    scopes.require(call.session, call.actor, P.TEAMS_MANAGE, team.community_id)
    community = call.session.get_one(OrgNode, team.community_id)
    sheet = MateSheet(call.typed or None)
    if call.posted and sheet.validate():
        person = _member(call, community, sheet.who.data, "who")
        if not teams.is_member(call.session, team, person.id):
            teams.join(call.session, team, person=person, actor=call.actor, now=call.now)
            teams.admit(call.session, team, person=person, admits=True, actor=call.actor, now=call.now)
        return call.done(f"{people.name_of(person)}已加入", to=f"/console/teams/{id}")
    forms.blame(sheet, call.problem)
    mates, asking = teams.mates(call.session, team, actor=call.actor), teams.asking(call.session, team, actor=call.actor)
    shown: dict[str, Any] = {"team": team, "community": community, "mates": mates, "asking": asking, "sheet": sheet}
    return call.show("console/teams/show.html", 422 if call.posted else 200, categories=TEAM_CATEGORIES, **shown)


@desk.action("/teams/<id>/members/<person>/<act>", permission=P.TEAMS_MANAGE)
def change_mate(call: Call, id: str, person: str, act: str) -> Answer:  # noqa: A002
    """Let in, turn down, take out, or make the leader."""
    team = teams.by_public_id(call.session, id)
    scopes.require(call.session, call.actor, P.TEAMS_MANAGE, team.community_id)
    mate, made = people.by_public_id(call.session, person), None
    if act == "leave":
        teams.leave(call.session, team, person=mate, actor=call.actor, now=call.now)
    elif act in ("admit", "decline"):
        made = decisions.admit(call.session, team, person=mate, admits=act == "admit", actor=call.actor, now=call.now)
    elif act == "lead":
        teams.hand_over(call.session, team, leader=mate, actor=call.actor, now=call.now)
    else:
        raise Problem("NOT_FOUND")
    said = {"leave": "已退出队伍", "admit": "已加入", "decline": "没有加入", "lead": "已换队长"}[act]
    return call.done(said, to=f"/console/teams/{id}", undo=made)


@desk.action("/teams/<id>/archive", permission=P.TEAMS_MANAGE)
def archive_team(call: Call, id: str) -> Answer:  # noqa: A002
    """Take it out of every list; its history stays."""
    team = teams.by_public_id(call.session, id)
    teams.archive(call.session, team, actor=call.actor, now=call.now)
    return call.done(f"{team.name}已停用，历史都保留", to="/console/teams")


def _member(call: Call, community: OrgNode, word: str, field: str) -> Person:
    """The one member of this community with this name or phone. Raises INVALID at the field."""
    lines, _ = members.page(call.session, community=community, wanted=Filter(word), actor=call.actor, after=None, limit=2)
    if len(lines) != 1:
        why = "有同名的人，请改写手机号" if lines else "没有找到，请写完整的姓名或手机号；他要先在本社区报到"
        raise Problem("INVALID", fields={field: why})
    return people.by_public_id(call.session, lines[0].id)
