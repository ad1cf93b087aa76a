"""Units and their branches, kept by the community's staff."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import Done, Id, In, Line, LongLine, Out, Page, PageQuery, Phone
from server.db.models.orgs import Unit
from server.domain.orgs import UnitCategory
from server.domain.permissions import Permission as P
from server.domain.problems import Problem
from server.domain.roster_cells import CellRefusal, uscc
from server.services import orgs, people, units

units_resource = Resource("units", "单位与支部")
Uscc = Annotated[str, StringConstraints(pattern=r"^[0-9A-HJ-NPQRTUWXY]{18}$")]
Short = Annotated[Line, StringConstraints(max_length=64)]


class UnitsQuery(PageQuery):
    community: Id = Field(description="社区的编号")


class UnitIn(In):
    """登记单位."""

    community: Id = Field(description="单位所在社区的编号")
    name: Line = Field(examples=["示例水务局"])
    category: UnitCategory = Field(
        description="agency 机关，institution 事业，state_firm 国企，school 高校，new_org 两新，army 部队，other 其他"
    )
    uscc: Uscc | None = Field(None, description="统一社会信用代码", examples=["91350100M000100Y43"])
    address: LongLine | None = Field(None, examples=["示例路1号"])
    superior: LongLine | None = Field(None, description="所属工委")
    contact_name: Line | None = Field(None, description="联系人")
    contact_phone: Phone | None = Field(None, description="联系人手机", examples=["13900000000"])


class UnitChangeIn(In):
    """修改单位；不写的不变，写 null 的清空."""

    name: Line = "-"
    category: UnitCategory = UnitCategory.OTHER
    uscc: Uscc | None = Field(None, description="统一社会信用代码", examples=["91350100M000100Y43"])
    address: LongLine | None = None
    superior: LongLine | None = None
    contact_name: Line | None = None
    contact_phone: Phone | None = None


class UnitOut(Out):
    id: str
    name: str
    category: UnitCategory
    uscc: str | None
    address: str | None
    superior: str | None
    contact_name: str = Field(description="联系人，没有为空")
    contact_phone: str = Field(description="打码的电话", examples=["139****0000"])


class BranchOut(Out):
    id: str
    name: str


class UnitDetailOut(UnitOut):
    branches: list[BranchOut]


class BranchIn(In):
    """登记支部."""

    name: Short = Field(examples=["第一支部"])


class ContactOut(Out):
    name: str
    phone: str = Field(description="完整电话；每次查看都有记录")


@units_resource.get("/units", permission=P.UNITS_MANAGE, query=UnitsQuery, answer=Page[UnitOut], problems=("NOT_FOUND",))
def list_units(call: Call[None]) -> Page[UnitOut]:
    """一个社区的单位."""
    community = orgs.by_public_id(call.session, call.query.community)
    rows, following = units.page(call.session, community=community, actor=call.actor, after=call.query.after, limit=call.query.limit)
    return Page[UnitOut](items=[UnitOut(**_shown(unit)) for unit in rows], next=following)


@units_resource.post(
    "/units",
    permission=P.UNITS_MANAGE,
    body=UnitIn,
    answer=UnitDetailOut,
    status=201,
    problems=("NOT_FOUND", "ORG_LEVEL", "UNIT_EXISTS"),
)
def create_unit(call: Call[UnitIn]) -> UnitDetailOut:
    """登记一个单位."""
    _check_code(call.body.uscc)
    community = orgs.by_public_id(call.session, call.body.community)
    given = call.body.model_dump(exclude={"community"})
    return _detail(call, units.create(call.session, community=community, actor=call.actor, now=call.now, **given))


@units_resource.get("/units/<unit_id>", permission=P.UNITS_MANAGE, answer=UnitDetailOut)
def read_unit(call: Call[None], unit_id: str) -> UnitDetailOut:
    """一个单位和它的支部."""
    return _detail(call, units.of_actor(call.session, unit_id, call.actor))


@units_resource.put("/units/<unit_id>", permission=P.UNITS_MANAGE, body=UnitChangeIn, answer=UnitDetailOut, problems=("UNIT_EXISTS",))
def change_unit(call: Call[UnitChangeIn], unit_id: str) -> UnitDetailOut:
    """修改单位：只改写了的项."""
    _check_code(call.body.uscc)
    unit = units.of_actor(call.session, unit_id, call.actor)
    return _detail(call, units.change(call.session, unit=unit, actor=call.actor, now=call.now, **call.body.model_dump(exclude_unset=True)))


@units_resource.delete("/units/<unit_id>", permission=P.UNITS_MANAGE, answer=Done)
def archive_unit(call: Call[None], unit_id: str) -> Done:
    """停用单位，历史保留；再次停用没有变化."""
    units.archive(call.session, unit=units.of_actor(call.session, unit_id, call.actor), actor=call.actor, now=call.now)
    return Done()


@units_resource.post(
    "/units/<unit_id>/branches", permission=P.UNITS_MANAGE, body=BranchIn, answer=BranchOut, status=201, problems=("BRANCH_EXISTS",)
)
def create_branch(call: Call[BranchIn], unit_id: str) -> BranchOut:
    """登记单位的支部."""
    unit = units.of_actor(call.session, unit_id, call.actor)
    branch = units.add_branch(call.session, unit=unit, name=call.body.name, actor=call.actor, now=call.now)
    return BranchOut(id=branch.public_id, name=branch.name)


@units_resource.post("/units/<unit_id>/contact-views", permission=P.UNITS_MANAGE, answer=ContactOut, status=201)
def view_contact(call: Call[None], unit_id: str) -> ContactOut:
    """查看单位联系人的完整电话，留有记录."""
    unit = units.of_actor(call.session, unit_id, call.actor)
    contact = units.read_contact(call.session, unit=unit, actor=call.actor, now=call.now)
    return ContactOut(name=contact.name, phone=contact.phone)


def _shown(unit: Unit) -> dict[str, Any]:
    contact = units.contact_of(unit)
    plain = {key: getattr(unit, key) for key in units.CHANGEABLE}
    return {**plain, "id": unit.public_id, "contact_name": contact.name, "contact_phone": people.masked(contact.phone)}


def _detail(call: Call[Any], unit: Unit) -> UnitDetailOut:
    branches = [BranchOut(id=branch.public_id, name=branch.name) for branch in units.branches(call.session, unit)]
    return UnitDetailOut(**_shown(unit), branches=branches)


def _check_code(code: str | None) -> None:
    try:
        uscc(code or "")
    except CellRefusal as refusal:
        raise Problem("INVALID", fields={"uscc": str(refusal)}) from None
