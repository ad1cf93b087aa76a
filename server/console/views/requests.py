"""诉求: the community's list, where they are, what has come up to street and county, and one request with all that happened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from server.console import look, places, request_pages, request_steps
from server.console.desk import Answer, Call, Desk
from server.console.intake_places import highest, indented
from server.console.look import when
from server.console.request_steps import HANDLER
from server.db.models.orgs import OrgNode
from server.domain.categories import REQUEST_CATEGORIES
from server.domain.days import local_day
from server.domain.handling import EXTENSION_STATE_NAMES
from server.domain.media import MediaPurpose
from server.domain.permissions import Permission as P
from server.domain.permissions import may_on_node
from server.domain.problems import Problem
from server.domain.request_desk import (
    CHANNEL_NAMES,
    IN_YOUR_HANDS,
    NEXT,
    OFFER_KIND_NAMES,
    OFFER_STATE_NAMES,
    OPEN_STATES,
    RELATION_NAMES,
    REQUEST_STATE_NAMES,
    deadline,
)
from server.domain.request_triage import LEVEL_NAMES
from server.domain.request_words import CHECKS, DIFFICULTIES, URGENCIES
from server.domain.requests import Channel, CheckState, RequestState
from server.domain.sign_offs import REASONS, SOURCE_NAMES
from server.services import handling, orgs, request_cases, request_desks, request_lists, requests, scopes, triage, workdays
from server.services.request_cases import Case
from server.services.request_desks import Wanted

desk = Desk("requests")
CATEGORIES = tuple(REQUEST_CATEGORIES.items())
STATES = tuple((state.value, name) for state, name in REQUEST_STATE_NAMES.items() if state is not RequestState.DRAFT)
CHANNELS = tuple((channel.value, name) for channel, name in CHANNEL_NAMES.items())
ENDED = "ended"
DAILY = (RequestState.SUBMITTED, RequestState.TRIAGED, RequestState.IN_PROGRESS, RequestState.FINISHED)  # a tab each
QUERY = ("at", "state", "category", "place", "channel", "number", "overdue")
KIN = {"merged": "并进来的", "split": "拆出的", "into": "并入了", "from": "来自", "reopened": "回炉后重新立的"}


@desk.page("/requests", permission=P.REQUESTS_READ)
def list_requests(call: Call) -> Answer:
    """本社区的诉求，先到期的在前."""
    here = places.chosen(call, P.REQUESTS_READ)
    asked = {name: call.args.get(name, "").strip()[:40] for name in QUERY}
    below = orgs.subtree(call.session, on=local_day(call.now), root=here.here)
    rows, following = request_desks.listed(
        call.session,
        community=here.here,
        wanted=_wanted(asked, {node.public_id: node for node in below}),
        actor=call.actor,
        now=call.now,
        after=call.args.get("after") or None,
        limit=request_pages.LINES,
    )
    counts = request_desks.counts(call.session, community=here.here, actor=call.actor, now=call.now)
    return call.show("console/requests/list.html", places=here, following=following, **_list_page(call, asked, below, counts, rows))


@desk.page("/requests/places", permission=P.REQUESTS_READ)
def places_of_requests(call: Call) -> Answer:
    """没办结的诉求在哪个小区、网格、楼栋."""
    here = places.chosen(call, P.REQUESTS_READ)
    spots, nowhere = request_desks.places(call.session, community=here.here, actor=call.actor, now=call.now)
    return call.show("console/requests/places.html", places=here, spots=spots, nowhere=nowhere)


@desk.page("/requests/escalated", permission=P.REQUESTS_ESCALATED)
def list_escalated(call: Call) -> Answer:
    """升级到本级、等决定的诉求；也可以按类别和状态看下级的."""
    asked = {name: call.args.get(name, "") for name in ("category", "state")}
    after, limit = call.args.get("after") or None, request_pages.LINES
    if all(asked.values()):
        node = highest(call, P.REQUESTS_ESCALATED)
        state = _member(RequestState, asked["state"])
        rows, following = request_lists.of_county(
            call.session, node=node, category=asked["category"], state=state, actor=call.actor, after=after, limit=limit
        )
        caption = f"{node.name}：{REQUEST_CATEGORIES.get(asked['category'], '')} {REQUEST_STATE_NAMES[state]}，新的在前"
    else:
        rows, following = request_desks.escalated(call.session, actor=call.actor, after=after, limit=limit)
        caption = "等这一级决定的，先到期的在前"
    more = f"?{urlencode({**asked, 'after': following})}" if following else ""
    filters = (("category", "类别", "请选择", CATEGORIES), ("state", "状态", "请选择", STATES))
    lines = request_pages.lines(call, rows)
    return call.show("console/requests/escalated.html", lines=lines, filters=filters, chosen=asked, caption=caption, more=more)


@desk.page("/requests/<id>", permission=P.ME)
def show_request(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """一条诉求：下一步、内容、期限、派给谁、办理经过."""
    case = request_cases.of(call.session, id, actor=call.actor, now=call.now)
    return call.show("console/requests/detail.html", case=case, **_detail(call, case))


@desk.page("/requests/<id>/readings", permission=P.REQUESTS_READ)
def show_readings(call: Call, id: str) -> Answer:  # noqa: A002
    """谁在什么时候看过居民电话."""
    request = requests.by_public_id(call.session, id)
    scopes.require(call.session, call.actor, P.REQUESTS_READ, request.community_id)
    return call.show("console/requests/readings.html", request=request, readings=handling.readings_named(call.session, request))


def _wanted(asked: Mapping[str, str], nodes: Mapping[str, OrgNode]) -> Wanted:
    if asked["place"] and asked["place"] not in nodes:
        raise Problem("NOT_FOUND")
    if asked["state"] == ENDED:
        states = [state for state in RequestState if state not in (*OPEN_STATES, RequestState.DRAFT)]
    else:
        states = [_member(RequestState, asked["state"])] if asked["state"] else []
    channel = _member(Channel, asked["channel"]) if asked["channel"] else None
    place = nodes[asked["place"]] if asked["place"] else None
    return Wanted(states, asked["category"] or None, place, bool(asked["overdue"]), channel, asked["number"])


def _member(kind: Any, value: str) -> Any:
    try:
        return kind(value)
    except ValueError:
        raise Problem("NOT_FOUND") from None


def _list_page(call: Call, asked: Mapping[str, str], below: Any, counts: Mapping[str, int], rows: Any) -> dict[str, Any]:
    narrowed = any(asked[name] for name in ("category", "place", "channel", "number", "overdue"))
    tabs = [("", "没办结", sum(counts.values()) - counts["overdue"])]
    tabs += [(state.value, REQUEST_STATE_NAMES[state], counts.get(state.value, 0)) for state in DAILY]
    spots = indented(node for node in below if node.path != below[0].path)
    may_triage = any(may_on_node(call.actor, P.REQUESTS_TRIAGE, node.path) for node in below[:1])
    return {
        "lines": request_pages.lines(call, rows, near=below),
        "chosen": asked,
        "narrowed": narrowed,
        "late": counts["overdue"],
        "tabs": [*tabs, (ENDED, "已结束", None)],
        "filters": (
            ("state", "状态", "没办结", _states(counts)),
            ("category", "类别", "全部", CATEGORIES),
            ("place", "地点", "全部", spots),
            ("channel", "来源", "全部", CHANNELS),
        ),
        "caption": "没办结的诉求，先到期的在前" if asked["state"] != ENDED else "已结束的诉求，新的在前",
        "bulk": asked["state"] == RequestState.SUBMITTED.value and may_triage,
        "categories": CATEGORIES,
        "difficulties": [(one.value, name) for one, name in DIFFICULTIES.items()],
        "url": lambda **over: urlencode({name: value for name, value in {**asked, **over}.items() if value}),
    }


def _states(counts: Mapping[str, int]) -> list[tuple[str, str]]:
    """All one may look at, with how many there are; the tabs are those of every day."""
    said = [(state.value, REQUEST_STATE_NAMES[state], counts.get(state.value)) for state in OPEN_STATES]
    return [*((value, f"{name}（{count}）" if count else name) for value, name, count in said), (ENDED, "已结束")]


def _detail(call: Call, case: Case) -> dict[str, Any]:
    request, path = case.request, case.community.path
    steps, beside = request_steps.buttons(case, call.actor)
    own = workdays.overrides(call.session, since=local_day(call.now) - workdays.HORIZON / 2)
    waiting = request.check_state in (CheckState.REVIEW, CheckState.CHECKING)
    return {
        "category": request_pages.category(request),
        "state": REQUEST_STATE_NAMES[request.state],
        "tone": request_pages.tone(request.state),
        "due": deadline(request.state, request.due_at, call.now, own),
        "next": (IN_YOUR_HANDS if HANDLER in case.roles else NEXT).get(request.state, NEXT[request.state]),
        "until": look.until,
        "unchecked": waiting and request.state in OPEN_STATES and may_on_node(call.actor, P.REQUESTS_TRIAGE, path),
        "steps": steps,
        "beside": beside,
        "words": requests.words(request),
        "place": requests.place(request),
        "voices": [one for one in case.media if one.purpose is MediaPurpose.VOICE],
        "pictures": [one for one in case.media if one.purpose is not MediaPurpose.VOICE],
        "result": handling.result_of(request),
        "elsewhere": triage.elsewhere(request),
        "rows": _facts(case, own, call),
        "kin": [(words, case.kin[key]) for key, words in KIN.items() if case.kin[key]],
        "phone_known": bool(case.phone),
        "may_read": may_on_node(call.actor, P.REQUESTS_READ, path),
        "may_dispatch": may_on_node(call.actor, P.REQUESTS_DISPATCH, path),
        "may_decide": may_on_node(call.actor, P.CLAIMS_DECIDE, path),
        "kinds": OFFER_KIND_NAMES,
        "offer_states": OFFER_STATE_NAMES,
        "extension_states": EXTENSION_STATE_NAMES,
        "sources": SOURCE_NAMES,
        "reasons": REASONS,
    }


def _facts(case: Case, own: Any, call: Call) -> list[tuple[str, str]]:
    """Label and value, the most important first; empty ones are left out by the page."""
    request = case.request
    finish = deadline(request.state, request.finish_due_at, call.now, own).words if request.finish_due_at else ""
    proxied = request.asked_for_id != request.author_id
    return [
        ("本人", case.asked_for),
        ("电话", case.phone or "没有登记电话"),
        ("谁提交的", f"{case.author}（{RELATION_NAMES[request.relation]}）" if proxied else "本人"),
        ("来源", CHANNEL_NAMES[request.channel]),
        ("地点", case.grid.name if case.grid is not None else case.community.name),
        ("承办", case.handler or "还没有人接"),
        ("缓急", URGENCIES[request.urgency]),
        ("难易", DIFFICULTIES[request.difficulty]),
        ("优先级", f"{request.priority}（0 到 9，大的先办）" if request.priority else ""),
        ("哪一级负责", LEVEL_NAMES[request.level]),
        ("服务站", case.station.name if case.station is not None else ""),
        ("提交时间", when(request.submitted_at)),
        ("办结期限", f"{look.until(request.finish_due_at)} 前，{finish}" if finish else ""),
        ("计时", f"{when(request.paused_at)} 起停下，等居民回话" if request.paused_at else ""),
        ("延期", "已延期一次" if request.extensions else ""),
        ("内容检查", CHECKS[request.check_state]),
    ]
