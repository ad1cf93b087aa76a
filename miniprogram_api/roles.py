"""Granting and ending roles."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import Day, Done, Id, In, Out, Page, PageQuery, Phone
from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import Person, RoleGrant
from server.domain.days import local_day
from server.domain.permissions import Permission as P
from server.domain.permissions import Role
from server.domain.problems import Problem
from server.services import orgs, people, roles, units

roles_resource = Resource("roles", "角色授权")


class RoleGrantIn(In):
    """授权：人（编号或手机号二选一）、角色、在哪里（组织或单位二选一）."""

    person: Id | None = Field(None, description="人的编号")
    phone: Phone | None = Field(None, description="人的手机号", examples=["13900000000"])
    role: Role = Field(description="unit_liaison 和 unit_branch 授在单位上，其余授在组织上")
    node: Id | None = Field(None, description="组织的编号")
    unit: Id | None = Field(None, description="单位的编号")
    valid_to: Day | None = Field(None, description="到这一天为止（不含），默认一直有效")


class RoleGrantsQuery(PageQuery):
    person: Id | None = Field(None, description="只要这个人的")


class RoleGrantOut(Out):
    id: str
    person: str
    person_name: str
    role: Role
    node: str | None = Field(description="组织的编号；授在单位上时为 null")
    unit: str | None = Field(description="单位的编号；授在组织上时为 null")
    place: str = Field(description="组织或单位的名称", examples=["示例社区"])
    valid_from: date
    valid_to: date | None


@roles_resource.get("/role-grants", permission=P.ROLES_GRANT, query=RoleGrantsQuery, answer=Page[RoleGrantOut], problems=("NOT_FOUND",))
def list_role_grants(call: Call[None]) -> Page[RoleGrantOut]:
    """自己范围内现有的授权，新的在前."""
    query, today = call.query, local_day(call.now)
    person = people.by_public_id(call.session, query.person) if query.person else None
    rows, following = roles.page(call.session, actor=call.actor, today=today, after=query.after, limit=query.limit, person=person)
    return Page[RoleGrantOut](items=[_shown(*row) for row in rows], next=following)


@roles_resource.post(
    "/role-grants",
    permission=P.ROLES_GRANT,
    body=RoleGrantIn,
    answer=RoleGrantOut,
    status=201,
    problems=("NOT_FOUND", "ROLE_HELD", "ROLE_PLACE", "ROLE_SELF", "ROLE_SPLIT"),
)
def grant_role(call: Call[RoleGrantIn]) -> RoleGrantOut:
    """授予角色，从今天起."""
    body = call.body
    person = _person(call)
    node = orgs.by_public_id(call.session, body.node) if body.node else None
    unit = units.by_public_id(call.session, body.unit) if body.unit else None
    made = roles.grant(
        call.session, person=person, role=body.role, node=node, unit=unit, valid_to=body.valid_to, actor=call.actor, now=call.now
    )
    return _shown(made, person, node, unit)


@roles_resource.post("/role-grants/<grant_id>/end", permission=P.ROLES_GRANT, answer=Done)
def end_role(call: Call[None], grant_id: str) -> Done:
    """收回角色，从今天起；再次收回没有变化."""
    roles.end(call.session, granted=roles.by_public_id(call.session, grant_id), actor=call.actor, now=call.now)
    return Done()


def _person(call: Call[RoleGrantIn]) -> Person:
    if (call.body.person is None) is (call.body.phone is None):
        raise Problem("INVALID", fields={"person": "请填人的编号或手机号其中一项"})
    if call.body.person is not None:
        return people.by_public_id(call.session, call.body.person)
    found = people.by_phone(call.session, call.body.phone or "")
    if found is None:
        raise Problem("NOT_FOUND")
    return found


def _shown(granted: RoleGrant, person: Person, node: OrgNode | None, unit: Unit | None) -> RoleGrantOut:
    return RoleGrantOut(
        id=granted.public_id,
        person=person.public_id,
        person_name=people.name_of(person),
        role=granted.role,
        node=node.public_id if node else None,
        unit=unit.public_id if unit else None,
        place=node.name if node else unit.name if unit else "",
        valid_from=granted.valid_from,
        valid_to=granted.valid_to,
    )
