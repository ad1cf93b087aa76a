"""漏斗: where every request of a period ended up, and which ones they are."""

from __future__ import annotations

from pydantic import Field

from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import Day, In, Instant, Out, Page, PageQuery
from server.domain.categories import REQUEST_CATEGORIES, listed
from server.domain.funnels import BUCKET_NAMES, NOT_CARRIED_ON, Bucket
from server.domain.permissions import Permission as P
from server.domain.requests import RequestState
from server.services import funnels as service
from server.services import orgs

funnels_resource = Resource("funnels", "诉求漏斗")
BUCKETS = listed({bucket.value: name for bucket, name in BUCKET_NAMES.items()})


class FunnelQuery(In):
    """The period, half open: from the first day, up to but without `to`."""

    from_: Day = Field(alias="from", description="提交日期从这一天起", examples=["2026-01-01"])
    to: Day = Field(description="到这一天之前", examples=["2026-04-01"])


class DrillQuery(FunnelQuery, PageQuery):
    """A bucket's requests, page by page."""


class BucketOut(Out):
    """One bucket."""

    bucket: Bucket = Field(description=BUCKETS)
    name: str
    count: int
    carried_on: bool = Field(description="是否转入办理（并案、拆分、不受理、撤回为否）")


class ChannelOut(Out):
    """Where the rejected were sent."""

    channel: str = Field(description="告知的渠道，如 110、12345；空为未写", examples=["12345"])
    count: int


class FunnelOut(Out):
    """All buckets; their counts add up to the total."""

    total: int = Field(description="期内提交的诉求", examples=[73])
    carried_on: int = Field(description="其中转入办理的", examples=[56])
    buckets: list[BucketOut]
    channels: list[ChannelOut]


class FunnelRequestOut(Out):
    """One request of a bucket; neither words nor person."""

    id: str
    number: str | None
    category_name: str
    state: RequestState
    round: int
    submitted_at: Instant | None
    closed_at: Instant | None
    reason: str | None = Field(description="不受理、说明结案等的原因")


@funnels_resource.get("/orgs/<org_id>/funnel", permission=P.TALLIES_READ, query=FunnelQuery, answer=FunnelOut)
def show_funnel(call: Call[None], org_id: str) -> FunnelOut:
    """社区、街道或区县一段时间的诉求漏斗：每件只在一格，各格相加等于总数."""
    node, asked = orgs.by_public_id(call.session, org_id), call.query
    found = service.of(call.session, node=node, begin=asked.from_, end=asked.to, actor=call.actor)
    return FunnelOut(
        total=found.total,
        carried_on=found.carried_on,
        buckets=[
            BucketOut(bucket=bucket, name=BUCKET_NAMES[bucket], count=count, carried_on=bucket not in NOT_CARRIED_ON)
            for bucket, count in found.buckets.items()
        ],
        channels=[ChannelOut(channel=channel, count=count) for channel, count in sorted(found.channels.items())],
    )


@funnels_resource.get("/orgs/<org_id>/funnel/<bucket>", permission=P.TALLIES_READ, query=DrillQuery, answer=Page[FunnelRequestOut])
def list_funnel_requests(call: Call[None], org_id: str, bucket: str) -> Page[FunnelRequestOut]:
    """漏斗里一格的诉求，先来的在前."""
    node, asked = orgs.by_public_id(call.session, org_id), call.query
    rows, following = service.drill(
        call.session,
        node=node,
        begin=asked.from_,
        end=asked.to,
        bucket=service.bucket_named(bucket),
        actor=call.actor,
        after=asked.after,
        limit=asked.limit,
    )
    items = [
        FunnelRequestOut(
            id=row.public_id,
            number=row.number,
            category_name=REQUEST_CATEGORIES.get(row.category, "其他"),
            state=row.state,
            round=row.round,
            submitted_at=row.submitted_at,
            closed_at=row.closed_at,
            reason=row.closed_reason,
        )
        for row in rows
    ]
    return Page[FunnelRequestOut](items=items, next=following)
