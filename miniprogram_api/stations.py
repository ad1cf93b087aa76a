"""服务站: a community's desks and their queues."""

from __future__ import annotations

from pydantic import Field

from miniprogram_api.dispatch_schemas import RequestClaimableOut, RequestMovedOut, claimable_out, moved_out
from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import Id, In, Line, Out, Page, PageQuery
from server.db.models.handling import Station
from server.domain.categories import listed
from server.domain.handling import STATION_NAMES, StationKind, StationState
from server.domain.permissions import Permission as P
from server.services import orgs, people, requests
from server.services import stations as service

stations_resource = Resource("stations", "服务站")
KINDS = listed({kind.value: name for kind, name in STATION_NAMES.items()})


class StationIn(In):
    """A new station."""

    kind: StationKind = Field(description=KINDS, examples=["repairs"])
    name: Line | None = Field(None, description="名称，不填用类别名", examples=["老李维修站"])
    keeper: Id | None = Field(None, description="负责人的人员编号")


class StationOut(Out):
    """A station."""

    id: str
    kind: StationKind = Field(description=KINDS)
    name: str
    state: StationState = Field(description="open 开着，closed 已关闭")


class StationsOut(Out):
    """A community's stations."""

    items: list[StationOut]


class StationCloseIn(In):
    """Why it closes, and where its queue goes."""

    reason: Line = Field(description="为什么关闭", examples=["负责人调走，并入助老帮困站"])
    successor: Id | None = Field(None, description="由哪个服务站接着办；不填则回到社区")


class StationClosedOut(StationOut):
    """A closed station."""

    moved: int = Field(description="转走了几件没办结的诉求；每位居民都已收到去向通知")


class QueueIn(In):
    """Which queue."""

    station: Id | None = Field(None, description="服务站编号；为空则移出队列")


@stations_resource.post(
    "/communities/<community_id>/stations",
    permission=P.REQUESTS_DISPATCH,
    body=StationIn,
    answer=StationOut,
    status=201,
    problems=("STATION_EXISTS",),
)
def open_station(call: Call[StationIn], community_id: str) -> StationOut:
    """开设服务站，每类一个."""
    body, community = call.body, orgs.by_public_id(call.session, community_id)
    keeper = people.by_public_id(call.session, body.keeper) if body.keeper else None
    return _out(
        service.open_one(call.session, community=community, kind=body.kind, keeper=keeper, actor=call.actor, now=call.now, name=body.name)
    )


@stations_resource.get("/communities/<community_id>/stations", permission=P.ME, answer=StationsOut)
def list_stations(call: Call[None], community_id: str) -> StationsOut:
    """社区的服务站."""
    community = orgs.by_public_id(call.session, community_id)
    return StationsOut(items=[_out(row) for row in service.of_community(call.session, community=community)])


@stations_resource.get(
    "/stations/<station_id>/queue", permission=P.REQUESTS_HANDLE, query=PageQuery, answer=Page[RequestClaimableOut], etag=True
)
def list_station_queue(call: Call[None], station_id: str) -> Page[RequestClaimableOut]:
    """服务站名下没有办结的诉求，先来的在前（负责人和社区可看）."""
    station = service.by_public_id(call.session, station_id)
    rows, following = service.queue(call.session, station, actor=call.actor, after=call.query.after, limit=call.query.limit)
    return Page[RequestClaimableOut](items=[claimable_out(row) for row in rows], next=following)


@stations_resource.post(
    "/stations/<station_id>/close",
    permission=P.REQUESTS_DISPATCH,
    body=StationCloseIn,
    answer=StationClosedOut,
    problems=("ILLEGAL_MOVE", "STATION_CLOSED"),
)
def close_station(call: Call[StationCloseIn], station_id: str) -> StationClosedOut:
    """关闭服务站；没办结的诉求转到另一个服务站或回到社区，并告诉每位居民."""
    body, station = call.body, service.by_public_id(call.session, station_id)
    successor = service.by_public_id(call.session, body.successor) if body.successor else None
    moved = service.close(call.session, station, reason=body.reason, successor=successor, actor=call.actor, now=call.now)
    return StationClosedOut(**_out(station).model_dump(), moved=moved)


@stations_resource.post(
    "/requests/<request_id>/station",
    permission=P.REQUESTS_DISPATCH,
    body=QueueIn,
    answer=RequestMovedOut,
    problems=("ILLEGAL_MOVE", "STATION_CLOSED"),
)
def queue_request(call: Call[QueueIn], request_id: str) -> RequestMovedOut:
    """把诉求放进某个服务站的队列，或移出."""
    request = requests.by_public_id(call.session, request_id)
    station = service.by_public_id(call.session, call.body.station) if call.body.station else None
    return moved_out(service.put(call.session, request, station=station, actor=call.actor, now=call.now))


def _out(row: Station) -> StationOut:
    return StationOut(id=row.public_id, kind=row.kind, name=row.name, state=row.state)
