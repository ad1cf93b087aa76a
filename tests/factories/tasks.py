"""Tasks and claims of the tests, made through the services. A task starts in an hour and lasts two, unless said otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from server.db.models.people import Person
from server.db.models.tasks import Claim, Shift, Task, VolunteerTeam
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.tasks import CLAIM_TRANSITIONS, ClaimAction, ClaimState, TaskKind, TaskMode
from server.services import claims, events, tasks, teams
from tests.factories.people import Tree, actor_of, with_role


def a_draft(session: Session, now: datetime, tree: Tree, organiser: Person, **over: Any) -> Task:
    """A draft in 示例社区, written by a secretary of its own."""
    values: dict[str, Any] = {
        "kind": TaskKind.TASK,
        "mode": TaskMode.MENU,
        "title": "清理楼道杂物",
        "category": "environment",
        "content": "搬走三楼以下楼道里的旧家具，手套由社区提供",
        "place": "示例小区 1 幢门口",
        "starts_at": now + timedelta(hours=1),
        "ends_at": now + timedelta(hours=3),
        "planned_minutes": 120,
        "capacity": 10,
        "risk_note": "搬重物时注意脚下，不要一个人搬",
        "community": tree.community,
        **over,
    }
    secretary = actor_of(session, with_role(session, now, Role.SECRETARY, values["community"]), now)
    return tasks.create(session, organiser=organiser, actor=secretary, now=now, **values)


def a_task(session: Session, now: datetime, tree: Tree, organiser: Person, **over: Any) -> Task:
    """A published task in 示例社区; `over` replaces any field of tasks.create."""
    return tasks.publish(session, a_draft(session, now, tree, organiser, **over), actor=SYSTEM, now=now)


def a_post(session: Session, now: datetime, tree: Tree, organiser: Person, **over: Any) -> Task:
    """A published post (岗位) that stands for ninety days."""
    values = {"kind": TaskKind.POST, "category": "safety_patrol", "ends_at": now + timedelta(days=90), **over}
    return a_task(session, now, tree, organiser, **values)


def a_shift(session: Session, now: datetime, post: Task, *, capacity: int = 2, in_hours: int = 2) -> Shift:
    """A two-hour shift of a post."""
    start = now + timedelta(hours=in_hours)
    return tasks.add_shift(session, post, starts_at=start, ends_at=start + timedelta(hours=2), capacity=capacity, actor=SYSTEM, now=now)


def a_claim(
    session: Session, now: datetime, task: Task, person: Person, state: ClaimState = ClaimState.APPROVED, *, shift: Shift | None = None
) -> Claim:
    """The person's claim, PENDING or APPROVED by the community."""
    claim = claims.claim(session, task, person=person, actor=Actor(person.id), now=now, shift=shift)
    if state is ClaimState.APPROVED and claim.state is ClaimState.PENDING:
        events.move(session, claim, table=CLAIM_TRANSITIONS, action=ClaimAction.APPROVE, actor=SYSTEM, now=now, decided_at=now)
    if claim.state is not state:
        raise ValueError(f"a claim cannot be made {state}")
    return claim


def a_team(session: Session, now: datetime, tree: Tree, leader: Person, members: Sequence[Person] = ()) -> VolunteerTeam:
    """A team of 示例社区 with its leader and members."""
    team = teams.create(
        session, community=tree.community, name="红马甲服务队", category="environment", leader=leader, actor=SYSTEM, now=now
    )
    for person in members:
        teams.join(session, team, person=person, actor=Actor(person.id), now=now)
        teams.admit(session, team, person=person, admits=True, actor=Actor(leader.id), now=now)
    return team
