"""The org tree: public names for choosing one's community, and its upkeep by the county."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from pydantic import Field

from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import Day, Id, In, Line, Out
from server.db.models.orgs import OrgNode
from server.domain.days import local_day
from server.domain.orgs import LEVEL_NAMES, Level
from server.domain.permissions import Permission as P
from server.services import orgs

orgs_resource = Resource("orgs", "组织：区县、街道、社区、小区、网格、楼栋")


class OrgsQuery(In):
    under: Id | None = Field(None, description="只要这个组织及其下级", examples=["1A2B3C4D5E6F7"])
    deepest: Level = Field(Level.COMMUNITY, description="到哪一级为止")
    on: Day | None = Field(None, description="哪一天的组织，默认今天", examples=["2026-03-05"])


class OrgOut(Out):
    id: str = Field(examples=["1A2B3C4D5E6F7"])
    parent: str | None = Field(description="上级的编号；所列最上一级为 null")
    level: Level
    name: str = Field(examples=["示例社区"])


class OrgsOut(Out):
    items: list[OrgOut] = Field(description="先上级后下级")


class ChainLinkOut(Out):
    """责任链上的一级."""

    id: str
    level: Level
    level_name: str = Field(examples=["社区"])
    name: str
    contact_post: str | None = Field(description="联系岗位，不是人名", examples=["社区党委书记"])


class OrgDetailOut(Out):
    id: str
    level: Level
    name: str
    code: str | None
    valid_from: date
    valid_to: date | None = Field(description="从这一天起不再存在；null 为现存")
    chain: list[ChainLinkOut] = Field(description="五级联动：从区县到本级")


class OrgIn(In):
    """新设组织."""

    parent: Id = Field(description="上级的编号")
    level: Level
    name: Line = Field(examples=["示例社区"])
    code: str | None = Field(None, description="代码，全县唯一", pattern=r"^[0-9A-Za-z_-]{1,32}$", examples=["SL001"])
    contact_post: Line | None = Field(None, description="联系岗位，不写人名", examples=["社区党委书记"])
    valid_from: Day | None = Field(None, description="从哪一天起，默认今天")


class OrgChangeIn(In):
    """改名或改联系岗位；不写的不变."""

    name: Line | None = None
    contact_post: Line | None = None


class OrgEndIn(In):
    """撤销：合并时先设新组织，再撤销旧的."""

    on: Day = Field(description="从这一天起不再存在", examples=["2026-07-01"])


class OrgEndedOut(Out):
    ended: int = Field(description="连同下级一共撤销几个")


@orgs_resource.get("/orgs", public=True, query=OrgsQuery, answer=OrgsOut, etag=True, problems=("NOT_FOUND",))
def list_orgs(call: Call[None]) -> OrgsOut:
    """组织树，供选择自己的社区（公开，只有名称）."""
    root = orgs.by_public_id(call.session, call.query.under) if call.query.under else None
    on = call.query.on or local_day(call.now)
    return _tree(orgs.subtree(call.session, on=on, root=root, deepest=call.query.deepest))


@orgs_resource.get("/orgs/<org_id>", public=True, answer=OrgDetailOut, etag=True)
def read_org(call: Call[None], org_id: str) -> OrgDetailOut:
    """一个组织和它的责任链（公开，只有岗位）."""
    return _detail(call, orgs.by_public_id(call.session, org_id))


@orgs_resource.post(
    "/orgs",
    permission=P.ORGS_MANAGE,
    body=OrgIn,
    answer=OrgDetailOut,
    status=201,
    problems=("NOT_FOUND", "ORG_LEVEL", "ORG_ENDED", "ORG_EXISTS"),
)
def create_org(call: Call[OrgIn]) -> OrgDetailOut:
    """新设一个组织."""
    given = call.body.model_dump(exclude={"parent", "valid_from"})
    node = orgs.create(
        call.session,
        parent=orgs.by_public_id(call.session, call.body.parent),
        valid_from=call.body.valid_from or local_day(call.now),
        actor=call.actor,
        now=call.now,
        **given,
    )
    return _detail(call, node)


@orgs_resource.put("/orgs/<org_id>", permission=P.ORGS_MANAGE, body=OrgChangeIn, answer=OrgDetailOut, problems=("ORG_ENDED", "ORG_EXISTS"))
def change_org(call: Call[OrgChangeIn], org_id: str) -> OrgDetailOut:
    """改名或改联系岗位，原名留在记录里."""
    node = orgs.by_public_id(call.session, org_id)
    return _detail(call, orgs.change(call.session, node=node, actor=call.actor, now=call.now, **call.body.model_dump()))


@orgs_resource.post("/orgs/<org_id>/end", permission=P.ORGS_MANAGE, body=OrgEndIn, answer=OrgEndedOut, problems=("ORG_ENDED",))
def end_org(call: Call[OrgEndIn], org_id: str) -> OrgEndedOut:
    """撤销一个组织及其下级，历史数字不变."""
    node = orgs.by_public_id(call.session, org_id)
    return OrgEndedOut(ended=orgs.end(call.session, node=node, on=call.body.on, actor=call.actor, now=call.now))


def _tree(nodes: Sequence[OrgNode]) -> OrgsOut:
    names = {node.id: node.public_id for node in nodes}
    return OrgsOut(
        items=[OrgOut(id=node.public_id, parent=names.get(node.parent_id or 0), level=node.level, name=node.name) for node in nodes]
    )


def _detail(call: Call[Any], node: OrgNode) -> OrgDetailOut:
    links = [
        ChainLinkOut(
            id=link.public_id, level=link.level, level_name=LEVEL_NAMES[link.level], name=link.name, contact_post=link.contact_post
        )
        for link in orgs.chain(call.session, node)
    ]
    return OrgDetailOut(
        id=node.public_id,
        level=node.level,
        name=node.name,
        code=node.code,
        valid_from=node.valid_from,
        valid_to=node.valid_to,
        chain=links,
    )
