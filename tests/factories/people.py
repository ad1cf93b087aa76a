"""People and places of the tests, made through the services. 示例社区 and 邻近社区 are in one street, so scopes can be tried."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count

from sqlalchemy.orm import Session

from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.domain.days import local_day
from server.domain.orgs import Level
from server.domain.people import MemberType
from server.domain.permissions import SYSTEM, Actor, Role
from server.services import orgs, people, roles, sessions

_phones = count(13900000001)


@dataclass(frozen=True)
class Tree:
    """A county with one street and two communities; the first has an estate, a grid and a building."""

    county: OrgNode
    street: OrgNode
    community: OrgNode
    neighbour: OrgNode
    estate: OrgNode
    grid: OrgNode
    building: OrgNode


def a_tree(session: Session, now: datetime) -> Tree:
    """The county every test lives in."""

    def add(parent: OrgNode | None, level: Level, name: str) -> OrgNode:
        return orgs.create(session, parent=parent, level=level, name=name, valid_from=date(2026, 1, 1), actor=SYSTEM, now=now)

    county = add(None, Level.COUNTY, "示例县")
    street = add(county, Level.STREET, "示例街道")
    community = add(street, Level.COMMUNITY, "示例社区")
    estate = add(community, Level.ESTATE, "示例小区")
    grid = add(estate, Level.GRID, "第一网格")
    return Tree(county, street, community, add(street, Level.COMMUNITY, "邻近社区"), estate, grid, add(grid, Level.BUILDING, "1幢"))


def a_person(session: Session, now: datetime, name: str = "张三", **over: object) -> Person:
    """A person with a name and a phone of his own."""
    values: dict[str, object] = {"phone": str(next(_phones)), "member_type": MemberType.IN_SERVICE, **over}
    return people.create(session, created_via="test", now=now, name=name, **values)  # type: ignore[arg-type]


def with_role(session: Session, now: datetime, role: Role, node: OrgNode, name: str = "李书记") -> Person:
    """A person who holds a role on a node."""
    person = a_person(session, now, name, member_type=MemberType.RESIDENT_PARTY)
    roles.grant(session, person=person, role=role, node=node, actor=SYSTEM, now=now)
    return person


def actor_of(session: Session, person: Person, now: datetime) -> Actor:
    """The person, signed in (a real login session, his grants of today)."""
    token = token_of(session, person, now)
    return sessions.find(session, token=token, now=now)


def token_of(session: Session, person: Person, now: datetime) -> str:
    """A bearer token of the person, for tests through HTTP."""
    return sessions.start(session, person_id=person.id, channel="app", now=now, lifetime=timedelta(days=30))


def headers(token: str, key: str | None = None) -> dict[str, str]:
    """Authorization, and an Idempotency-Key where the request writes."""
    return {"Authorization": f"Bearer {token}", **({"Idempotency-Key": key} if key else {})}


def today(now: datetime) -> date:
    """The local day."""
    return local_day(now)
