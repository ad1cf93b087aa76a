"""What the routes of handling take and give."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from miniprogram_api.dispatch_schemas import VersionIn
from miniprogram_api.schemas import Id, In, Instant, LongLine, Out, Text, When
from server.db.models.handling import RequestExtension
from server.db.models.orgs import OrgNode
from server.db.models.requests import Request
from server.domain.categories import REQUEST_CATEGORIES
from server.domain.handling import ExtensionState
from server.domain.requests import RequestState, Urgency
from server.services import extensions


class InHandOut(Out):
    """A line of what one has in hand; no words, no place, no phone in lists."""

    id: str
    number: str | None
    category: str
    category_name: str
    urgency: Urgency
    community: str
    state: RequestState
    version: int
    round: int = Field(description="回炉次数")
    due_at: Instant | None
    finish_due_at: Instant | None


class VisitOut(Out):
    """One visit."""

    at: Instant
    note: str


class ExtensionOut(Out):
    """The one extension."""

    state: ExtensionState
    until: Instant
    reason: str
    asked_at: Instant
    decided_at: Instant | None


class TaskInHandOut(InHandOut):
    """What the handler needs for the work."""

    content: str = Field(description="诉求内容")
    place: str = Field(description="地点（不含门牌号）")
    phone: str = Field(description="居民电话（中间四位隐藏）；要拨打请用“查看电话”", examples=["138****5678"])
    again: str | None = Field(description="回炉时要补做什么（不写是谁提的）")
    result: str = Field(description="已填的办理结果")
    visits: list[VisitOut]
    extension: ExtensionOut | None


class PhoneOut(Out):
    """The number to call."""

    phone: str = Field(description="居民电话；没有登记则为空", examples=["13800005678"])


class HandlingReasonIn(In):
    """Why."""

    reason: LongLine = Field(description="原因", examples=["约居民周六在家"])


class VisitIn(In):
    """What was found; may be left out."""

    note: Text | None = Field(None, description="上门情况，可以不写")


class ExtendIn(In):
    """How long, and why."""

    until: When = Field(description="希望延到什么时候", examples=["2026-03-16T16:00:00Z"])
    reason: LongLine = Field(description="延期原因，批准后告知居民", examples=["等配件到货"])


class DecideExtensionIn(In):
    """The community's answer."""

    approve: bool
    note: LongLine = Field(description="审批意见", examples=["同意"])


class FinishIn(VersionIn):
    """The report."""

    result: Text = Field(description="办理结果", examples=["已更换楼道灯管"])
    pictures: list[Id] = Field(default_factory=list, max_length=9, description="照片编号，可以不传")


class DecideExplanationIn(In):
    """The second approver's answer."""

    approve: bool
    reason: LongLine = Field(description="复核意见", examples=["情况属实"])


class ReadingOut(Out):
    """Who read the phone, and when."""

    reader: str
    at: Instant


class ReadingsOut(Out):
    """All readings."""

    items: list[ReadingOut]


def in_hand_fields(request: Request, community: OrgNode) -> dict[str, Any]:
    """The fields of InHandOut."""
    return {
        "id": request.public_id,
        "number": request.number,
        "category": request.category,
        "category_name": REQUEST_CATEGORIES.get(request.category, "其他"),
        "urgency": request.urgency,
        "community": community.name,
        "state": request.state,
        "version": request.version,
        "round": request.round,
        "due_at": request.due_at,
        "finish_due_at": request.finish_due_at,
    }


def extension_out(request: Request, row: RequestExtension) -> ExtensionOut:
    """An extension as JSON."""
    reason = extensions.reason_of(request, row)
    return ExtensionOut(state=row.state, until=row.until, reason=reason, asked_at=row.asked_at, decided_at=row.decided_at)
