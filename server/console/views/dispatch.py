"""派单: to whom, several at once (吹哨), open for claim; deciding on claims; going up, and what whoever it came up to decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from server.console import request_pages
from server.console.desk import Answer, Call, Desk, away
from server.console.duty_pages import decided_one, queue_page
from server.console.forms import Sheet, choice, choices, text, words
from server.console.request_pages import address
from server.db.models.platform import Undo
from server.db.models.requests import Request
from server.domain.duties import DutyKind
from server.domain.permissions import Permission as P
from server.domain.problems import Problem
from server.services import (
    decisions,
    dispatch,
    dispatch_lists,
    endings,
    escalations,
    receivers,
    request_cases,
    request_moves,
    requests,
    scopes,
    stations,
    suggestions,
)
from server.services.decisions import Pick, Word
from server.services.receivers import Receiver

desk = Desk("dispatch")
KINDS = {"person": "党员", "unit": "单位", "team": "队伍"}
MOST_SUGGESTED = 20


class DispatchSheet(Sheet):
    """Whom to ask."""

    to = choice("派给谁", radio=True, hint="对方同意才算接单；不接不影响任何评价")


class WhistleSheet(Sheet):
    """Whom to call at once."""

    to = choices("请谁一起来（可选多个）")
    reason = words("请来做什么", longest=200)


class ReasonSheet(Sheet):
    """Why."""

    reason = text("原因", longest=200, rows=3)


class VerdictSheet(Sheet):
    """Yes or no, and why."""

    approve = choice("决定", [("yes", "同意"), ("no", "不同意")], radio=True)
    reason = text("意见", longest=200, rows=3)


class StationSheet(Sheet):
    """Which queue."""

    station = choice("服务站", required=False)


@desk.form("/requests/<id>/dispatch", permission=P.REQUESTS_DISPATCH)
def dispatch_one(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """派给一位党员、一个单位或一支队伍."""
    return _to_one(call, _in_reach(call, id), title="派单")


@desk.form("/requests/<id>/hand-down", permission=P.REQUESTS_ESCALATED)
def hand_down(call: Call, id: str) -> Answer:  # noqa: A002
    """升级后由上级派下去."""
    request = request_cases.visible(call.session, id, actor=call.actor)
    request_moves.require_level(call.session, call.actor, request)
    return _to_one(call, request, title="派下去")


@desk.form("/requests/<id>/whistle", permission=P.REQUESTS_DISPATCH)
def whistle(call: Call, id: str) -> Answer:  # noqa: A002
    """吹哨：同时请几个单位到场，最先接单的牵头."""
    request = _in_reach(call, id)
    sheet = WhistleSheet(call.typed)
    sheet.to.choices = _suggested(call, request)

    def act(found: Request) -> Undo:
        to = [_receiver(call, found, one) for one in sheet.to.data]
        if not to:
            raise Problem("INVALID", fields={"to": "请至少选一个"})
        return call.step(found, dispatch.whistle, to=to, reason=sheet.reason.data, seen=call.seen)

    note = "最先接单的牵头；谁什么时候到场都记在单上。"
    return _receivers_page(call, request, sheet, act=act, title="吹哨", button="吹哨", said="已吹哨，等他们答复", note=note)


@desk.action("/requests/<id>/publish", permission=P.REQUESTS_DISPATCH)
def publish(call: Call, id: str) -> Answer:  # noqa: A002
    """公开认领：党员、单位、队伍都可以报名，由书记审核."""
    request = _in_reach(call, id)
    published = call.step(request, dispatch.publish, seen=call.seen)
    return call.done("已公开，等人认领", to=address(request), undo=published)


@desk.page("/request-claims", permission=P.CLAIMS_DECIDE)
def list_claims(call: Call) -> Answer:
    """等审核的诉求认领，先报的在前；和今天一样办."""
    return queue_page(call, "console/today/list.html", (DutyKind.REQUEST_CLAIM,), title="诉求认领审核")


@desk.page("/request-claims/<id>", permission=P.CLAIMS_DECIDE)
def show_claim(call: Call, id: str) -> Answer:  # noqa: A002
    """到这条认领所在的诉求去."""
    offer = dispatch.by_public_id(call.session, id)
    scopes.require(call.session, call.actor, P.CLAIMS_DECIDE, offer.community_id)
    return away(address(dispatch_lists.line_of(call.session, offer).request))


@desk.action("/requests/<id>/claims/<offer>/approve", permission=P.CLAIMS_DECIDE)
def approve_claim(call: Call, id: str, offer: str) -> Answer:  # noqa: A002
    """同意一条认领."""
    dispatch.on_request(call.session, offer, id)
    word = Word(True, None, call.actor, call.now)
    return decided_one(call, DutyKind.REQUEST_CLAIM, offer, word, said="已同意，由他来办", to=f"/console/requests/{id}")


@desk.form("/requests/<id>/claims/<offer>/decline", permission=P.CLAIMS_DECIDE)
def decline_claim(call: Call, id: str, offer: str) -> Answer:  # noqa: A002
    """不同意一条认领，写明原因."""
    sheet = ReasonSheet(call.typed)
    dispatch.on_request(call.session, offer, id)

    def act(_request: Request) -> Undo:
        word = Word(False, sheet.reason.data, call.actor, call.now)
        return decisions.decide_one(call.session, Pick(DutyKind.REQUEST_CLAIM, offer), word)

    note = "他会收到您的说明；没有同意不影响对他的任何评价。"
    return request_pages.step(call, id, sheet, title="不同意认领", button="告诉他", act=act, said="已告诉他", note=note)


@desk.form("/requests/<id>/escalate", permission=P.REQUESTS_DISPATCH)
def escalate(call: Call, id: str) -> Answer:  # noqa: A002
    """升到上一级，写明原因."""
    sheet = ReasonSheet(call.typed)

    def act(request: Request) -> Undo:
        return call.step(request, escalations.escalate, reason=sheet.reason.data, seen=call.seen)

    note = "网格—社区—街道—区县，一次升一级；居民会收到通知。"
    return request_pages.step(call, id, sheet, title="升到上一级", button="升级", act=act, said="已升到上一级", note=note)


@desk.action("/requests/<id>/take-up", permission=P.REQUESTS_ESCALATED)
def take_up(call: Call, id: str) -> Answer:  # noqa: A002
    """升级到本级的，由本人直接办理."""
    request = request_cases.visible(call.session, id, actor=call.actor)
    taken = call.step(request, escalations.take_up)
    return call.done("由您来办，请先联系居民", to=address(request), undo=taken)


@desk.form("/requests/<id>/explain", permission=P.REQUESTS_ESCALATED)
def explain(call: Call, id: str) -> Answer:  # noqa: A002
    """确实办不了：写明原因，由另一位负责人复核."""
    sheet = ReasonSheet(call.typed)

    def act(request: Request) -> Undo:
        return call.step(request, endings.explain, reason=sheet.reason.data)

    note = "写明依据；要由另一位负责人复核，同意后按未解决统计。"
    return request_pages.step(call, id, sheet, title="说明办不了", button="送复核", act=act, said="已送复核", note=note)


@desk.form("/requests/<id>/explanation", permission=P.REQUESTS_ESCALATED)
def decide_explanation(call: Call, id: str) -> Answer:  # noqa: A002
    """复核“办不了”的说明."""
    sheet = VerdictSheet(call.typed)

    def act(request: Request) -> Undo:
        return call.step(request, endings.decide_explanation, approve=sheet.approve.data == "yes", reason=sheet.reason.data)

    note = "同意就说明结案，居民会看到原因，按未解决统计；不同意就继续办。"
    return request_pages.step(call, id, sheet, title="复核办不了的说明", button="复核", act=act, said="已复核", note=note)


@desk.form("/requests/<id>/extension/decide", permission=P.REQUESTS_DISPATCH)
def decide_extension(call: Call, id: str) -> Answer:  # noqa: A002
    """批延期."""
    sheet = VerdictSheet(call.typed)

    def act(request: Request) -> Undo:
        yes = sheet.approve.data == "yes"
        return decisions.extend(call.session, request, approve=yes, note=sheet.reason.data, actor=call.actor, now=call.now)

    note = "一件诉求只能延期一次；批准后居民会收到原因。"
    return request_pages.step(call, id, sheet, title="批延期", button="批复", act=act, said="已批复", note=note)


@desk.form("/requests/<id>/station", permission=P.REQUESTS_DISPATCH)
def put_on_queue(call: Call, id: str) -> Answer:  # noqa: A002
    """放进某个服务站的队列，或移出."""
    request = _in_reach(call, id)
    listed = stations.of_community(call.session, community=request_moves.community_of(call.session, request))
    sheet = StationSheet(call.typed)
    sheet.station.choices = [("", "不放，回到社区"), *((one.public_id, one.name) for one in listed)]

    def act(found: Request) -> None:
        station = stations.by_public_id(call.session, sheet.station.data) if sheet.station.data else None
        stations.put(call.session, found, station=station, actor=call.actor, now=call.now)

    note = "" if listed else "本社区还没有服务站，请先在菜单“服务站”里开一个。"
    return request_pages.step(call, id, sheet, title="放进服务站", button="放进去", act=act, said="已放进队列", note=note)


def _in_reach(call: Call, public_id: str) -> Request:
    """The request, for staff who dispatch there. Raises NOT_FOUND."""
    request = requests.by_public_id(call.session, public_id)
    scopes.require(call.session, call.actor, P.REQUESTS_DISPATCH, request.community_id)
    return request


def _to_one(call: Call, request: Request, *, title: str) -> Answer:
    sheet = DispatchSheet(call.typed)
    sheet.to.choices = _suggested(call, request)

    def act(found: Request) -> Undo:
        to = _receiver(call, found, sheet.to.data)
        return decisions.dispatch(call.session, found, to=to, actor=call.actor, now=call.now, seen=call.seen)

    note = "系统按特长、远近和时间推荐，理由写在后面；这不是排名，由您决定。"
    return _receivers_page(call, request, sheet, act=act, title=title, button=title, said="已派出，等对方答复", note=note)


def _receivers_page(call: Call, request: Request, sheet: Sheet, *, act: Callable[[Request], Any], **shown: str) -> Answer:
    """The form with the request's words beside it and a field to look for a name."""
    template, said = "console/requests/receivers.html", {"words": requests.words(request), "place": requests.place(request)}
    return request_pages.step(call, request.public_id, sheet, act=act, template=template, called=_called(call), **shown, **said)


def _called(call: Call) -> str:
    return (call.typed.get("called") or call.args.get("called", "")).strip()[:40]


def _suggested(call: Call, request: Request) -> list[tuple[str, str]]:
    found = suggestions.of(call.session, request, actor=call.actor, called=_called(call), most=MOST_SUGGESTED)
    return [
        (
            f"{one.suggestion.candidate.kind}:{one.suggestion.candidate.id}",
            f"{KINDS[one.suggestion.candidate.kind]} {one.name}（{'；'.join(one.suggestion.reasons)}）",
        )
        for one in found
    ]


def _receiver(call: Call, request: Request, said: str) -> Receiver:
    kind, _, public_id = said.partition(":")
    return receivers.named(call.session, request, **{kind: public_id})
