"""单位报到: the slip, the community's opinion, the receipt."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import In, Instant, Line, LongLine, Out, Page, PageQuery, Reason
from server.db.models.orgs import OrgNode, Unit
from server.db.models.registrations import UnitRegistration
from server.domain.permissions import Permission as P
from server.domain.registrations import UnitState
from server.services import places, unit_registrations, units
from server.services.unit_registrations import Slip

unit_registrations_resource = Resource("unit_registrations", "单位报到")


class SlipIn(In):
    """报到单."""

    leader: Line | None = Field(None, description="负责人", examples=["王校长"])
    liaison: Line | None = Field(None, description="联络员", examples=["李老师"])
    offers: Annotated[list[Line], Field(max_length=20)] = Field(
        [], description="单位能提供什么", examples=[["操场周末开放", "书法老师两名"]]
    )


class UnitRegistrationOut(Out):
    """一份单位报到."""

    id: str
    unit_id: str
    unit: str
    community_id: str
    community: str
    slip_no: str = Field(description="报到单编号", examples=["BD-110101001001-2026-00001"])
    state: UnitState = Field(description="submitted 待接收，accepted 已接收，returned 被退回，receipt_sent 已发回执，ended 已结束")
    leader: str | None
    liaison: str | None
    offers: list[str]
    opinion: str | None = Field(description="接收意见，或退回、结束的原因")
    receipt_no: str | None = Field(description="回执编号", examples=["DW-110101001001-2026-00001"])
    receipt_sent_to: str | None = Field(description="回执发给哪个工委")
    submitted_at: Instant
    decided_at: Instant | None


class QueueQuery(PageQuery):
    state: UnitState = UnitState.SUBMITTED


class DecideIn(In):
    """社区的决定."""

    action: Literal["accept", "return", "send_receipt", "end"] = Field(
        description="accept 接收（写接收意见），return 退回，send_receipt 发回执，end 结束"
    )
    text: Reason | None = Field(None, description="接收意见，或退回、结束的原因；发回执时不用", examples=["同意接收，欢迎参与共建"])
    sent_to: LongLine | None = Field(None, description="回执发给哪个工委；不填用单位登记的所属工委")


@unit_registrations_resource.post(
    "/units/<id>/registrations",
    permission=P.UNIT_REGISTRATIONS_SUBMIT,
    body=SlipIn,
    answer=UnitRegistrationOut,
    status=201,
    problems=("UNIT_REGISTERED",),
)
def register_unit(call: Call[SlipIn], id: str) -> UnitRegistrationOut:  # noqa: A002 - the URL's word
    """单位报到：联络员自己办，或社区代办."""
    unit = units.by_public_id(call.session, id)
    row = unit_registrations.submit(call.session, unit=unit, slip=_slip(call.body), actor=call.actor, now=call.now)
    return _out(row, unit, call.session.get_one(OrgNode, row.community_id))


@unit_registrations_resource.get("/unit-registrations/<id>", permission=P.UNIT_REGISTRATIONS_SUBMIT, answer=UnitRegistrationOut)
def unit_registration(call: Call[None], id: str) -> UnitRegistrationOut:  # noqa: A002
    """一份单位报到."""
    row, unit = unit_registrations.readable(call.session, id, actor=call.actor)
    return _out(row, unit, call.session.get_one(OrgNode, row.community_id))


@unit_registrations_resource.get(
    "/communities/<id>/unit-registrations", permission=P.UNIT_REGISTRATIONS_DECIDE, query=QueueQuery, answer=Page[UnitRegistrationOut]
)
def unit_registration_queue(call: Call[None], id: str) -> Page[UnitRegistrationOut]:  # noqa: A002
    """社区的单位报到，按状态，先来的在前."""
    community, query = places.node(call.session, id), call.query
    rows, following = unit_registrations.queue(
        call.session, community=community, state=query.state, actor=call.actor, after=query.after, limit=query.limit
    )
    return Page[UnitRegistrationOut](items=[_out(row, unit, community) for row, unit in rows], next=following)


@unit_registrations_resource.post(
    "/unit-registrations/<id>/resubmit",
    permission=P.UNIT_REGISTRATIONS_SUBMIT,
    body=SlipIn,
    answer=UnitRegistrationOut,
    problems=("ILLEGAL_MOVE",),
)
def resubmit_unit_registration(call: Call[SlipIn], id: str) -> UnitRegistrationOut:  # noqa: A002
    """被退回后改好再交."""
    row, unit = unit_registrations.readable(call.session, id, actor=call.actor)
    unit_registrations.resubmit(call.session, row, slip=_slip(call.body), actor=call.actor, now=call.now)
    return _out(row, unit, call.session.get_one(OrgNode, row.community_id))


@unit_registrations_resource.post(
    "/unit-registrations/<id>/decision",
    permission=P.UNIT_REGISTRATIONS_DECIDE,
    body=DecideIn,
    answer=UnitRegistrationOut,
    problems=("ILLEGAL_MOVE", "NOTE_REQUIRED"),
)
def decide_unit_registration(call: Call[DecideIn], id: str) -> UnitRegistrationOut:  # noqa: A002
    """社区接收、退回、发回执或结束."""
    row, unit = unit_registrations.readable(call.session, id, actor=call.actor)
    _decide(call, row)
    return _out(row, unit, call.session.get_one(OrgNode, row.community_id))


def _decide(call: Call[DecideIn], row: UnitRegistration) -> None:
    body, who = call.body, {"actor": call.actor, "now": call.now}
    if body.action == "accept":
        unit_registrations.accept(call.session, row, opinion=body.text, **who)  # type: ignore[arg-type]
    elif body.action == "send_receipt":
        unit_registrations.send_receipt(call.session, row, sent_to=body.sent_to, **who)  # type: ignore[arg-type]
    else:
        decide = unit_registrations.send_back if body.action == "return" else unit_registrations.end
        decide(call.session, row, reason=body.text, **who)  # type: ignore[arg-type]


def _slip(body: SlipIn) -> Slip:
    return Slip(body.leader, body.liaison, body.offers)


def _out(row: UnitRegistration, unit: Unit, community: OrgNode) -> UnitRegistrationOut:
    slip = unit_registrations.slip_of(unit, row)
    return UnitRegistrationOut(
        id=row.public_id,
        unit_id=unit.public_id,
        unit=unit.name,
        community_id=community.public_id,
        community=community.name,
        slip_no=row.slip_no,
        state=row.state,
        leader=slip.leader,
        liaison=slip.liaison,
        offers=list(slip.offers),
        opinion=row.opinion,
        receipt_no=row.receipt_no,
        receipt_sent_to=row.receipt_sent_to,
        submitted_at=row.submitted_at,
        decided_at=row.decided_at,
    )
