"""服务站: a community's desks, their queues, opening and closing one."""

from __future__ import annotations

from urllib.parse import urlencode

from server.console import places, request_pages
from server.console.desk import Answer, Call, Desk
from server.console.forms import Sheet, blame, choice, text, words
from server.console.person_fields import mobile_of, person_phone
from server.db.models.handling import Station
from server.db.models.orgs import OrgNode
from server.domain.handling import STATION_NAMES, STATION_STATE_NAMES, StationKind, StationState
from server.domain.permissions import Permission as P
from server.domain.permissions import may_on_node
from server.domain.problems import Problem
from server.services import people, request_desks, scopes, stations

desk = Desk("stations")


class OpenSheet(Sheet):
    """A new station."""

    kind = choice("哪一类", [(one.value, name) for one, name in STATION_NAMES.items()], hint="一类只开一个")
    name = words("名称", longest=100, required=False, hint="不填就用类别名")
    keeper_phone = person_phone("负责人手机号", hint="可以不填")


class CloseSheet(Sheet):
    """Why, and where its queue goes."""

    reason = text("为什么关闭", longest=100, rows=2)
    successor = choice("没办结的转到哪里", required=False, hint="每位居民都会收到去向通知")


@desk.page("/stations", permission=P.REQUESTS_READ)
def list_stations(call: Call) -> Answer:
    """本社区开着的服务站和各自的队列."""
    here = places.chosen(call, P.REQUESTS_READ)
    rows = stations.of_community(call.session, community=here.here)
    waiting = stations.waiting(call.session, community=here.here)
    names = request_desks.people_named(call.session, {row.keeper_id for row in rows})
    lines = [(row, STATION_NAMES[row.kind], names.get(row.keeper_id or 0, ""), waiting.get(row.id, 0)) for row in rows]
    may = may_on_node(call.actor, P.REQUESTS_DISPATCH, here.here.path)
    return call.show("console/stations/list.html", places=here, lines=lines, may=may)


@desk.form("/stations/new", permission=P.REQUESTS_DISPATCH)
def open_station(call: Call) -> Answer:
    """开设服务站."""
    here, sheet = places.chosen(call, P.REQUESTS_DISPATCH), OpenSheet(call.typed)
    if call.posted and sheet.validate():
        phone = mobile_of(sheet.keeper_phone.data)
        keeper = people.by_phone(call.session, phone) if phone else None
        if phone and keeper is None:
            raise Problem("INVALID", fields={"keeper_phone": "没有找到登记这个手机号的人，请核对"})
        kind, name = StationKind(sheet.kind.data), sheet.name.data or None
        made = stations.open_one(call.session, community=here.here, kind=kind, keeper=keeper, name=name, actor=call.actor, now=call.now)
        return call.done(f"{made.name}开了", to=_address(made))
    blame(sheet, call.problem)
    return call.show("console/stations/new.html", 422 if call.posted else 200, places=here, sheet=sheet)


@desk.page("/stations/<id>", permission=P.REQUESTS_READ)
def show_station(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """服务站名下没有办结的诉求，先来的在前."""
    station, after = stations.by_public_id(call.session, id), call.args.get("after") or None
    rows, following = stations.queue(call.session, station, actor=call.actor, after=after, limit=request_pages.LINES)
    path = scopes.path_of(call.session, station.community_id)
    open_ = station.state is StationState.OPEN
    may = open_ and may_on_node(call.actor, P.REQUESTS_DISPATCH, path)
    more = f"?{urlencode({'after': following})}" if following else ""
    state, lines = STATION_STATE_NAMES[station.state], request_pages.lines(call, rows)
    return call.show("console/stations/one.html", station=station, open=open_, state=state, lines=lines, may=may, more=more)


@desk.form("/stations/<id>/close", permission=P.REQUESTS_DISPATCH)
def close_station(call: Call, id: str) -> Answer:  # noqa: A002
    """关闭服务站；没办结的诉求转走，并告诉每位居民."""
    station = stations.by_public_id(call.session, id)
    scopes.require(call.session, call.actor, P.REQUESTS_DISPATCH, station.community_id)
    listed = stations.of_community(call.session, community=call.session.get_one(OrgNode, station.community_id))
    sheet = CloseSheet(call.typed)
    sheet.successor.choices = [("", "回到社区"), *((one.public_id, one.name) for one in listed if one.id != station.id)]
    if call.posted and sheet.validate():
        successor = stations.by_public_id(call.session, sheet.successor.data) if sheet.successor.data else None
        moved = stations.close(call.session, station, reason=sheet.reason.data, successor=successor, actor=call.actor, now=call.now)
        return call.done(f"{station.name}已关闭，转走 {moved} 件", to="/console/stations")
    blame(sheet, call.problem)
    return call.show("console/stations/close.html", 422 if call.posted else 200, station=station, sheet=sheet)


def _address(station: Station) -> str:
    return f"/console/stations/{station.public_id}"
