"""回访: whom to call today, what to say, what was said. What is said on the telephone is named, and the script says so first."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from server.console import places, request_pages
from server.console.desk import Answer, Call, Desk
from server.console.forms import Sheet, blame, choice
from server.console.request_pages import address
from server.db.models.requests import Request
from server.domain.ballots import SATISFACTION_NAMES, Satisfaction
from server.domain.permissions import Permission as P
from server.domain.sign_offs import REASONS, AgainReason
from server.services import callbacks, people, requests
from server.services.callbacks import Said

desk = Desk("callbacks")
YES_NO = {"yes": True, "no": False}


class CallbackSheet(Sheet):
    """What the call brought; he need not answer."""

    reached = choice("打通了吗", [("yes", "打通，说上话了"), ("no", "没有打通")], radio=True)
    contacted = choice("一、办理前有人联系过吗", [("", "没说"), ("yes", "联系过"), ("no", "没有")], required=False, radio=True, default="")
    solved = choice("二、事情办好了吗", [("", "没说"), ("yes", "办好了"), ("no", "没办好")], required=False, radio=True, default="")
    reason = choice("没办好的原因", [("", "办好了，不用选"), *((key.value, name) for key, name in REASONS.items())], required=False)
    satisfaction = choice(
        "三、满意吗",
        [("", "没说"), *((key.value, name) for key, name in SATISFACTION_NAMES.items())],
        required=False,
        radio=True,
        default="",
    )


@desk.page("/callbacks", permission=P.REQUESTS_CALL_BACK)
def list_callbacks(call: Call) -> Answer:
    """今天要回访的：签收期里没有签收的，下一个工作日起打电话."""
    here, after = places.chosen(call, P.REQUESTS_CALL_BACK), call.args.get("after") or None
    rows, following = callbacks.queue(
        call.session, community=here.here, actor=call.actor, now=call.now, after=after, limit=request_pages.LINES
    )
    lines = [
        {"due": row, "name": people.name_of(row.person), "phone": people.masked(people.phone_of(row.person)), "category": _category(row)}
        for row in rows
    ]
    more = f"?{urlencode({'at': here.here.public_id, 'after': following})}" if following else ""
    return call.show("console/callbacks/list.html", places=here, lines=lines, more=more, words=request_pages.words_of(call))


@desk.form("/requests/<id>/callback", permission=P.REQUESTS_CALL_BACK)
def record_callback(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """登记一次回访."""
    return _page(call, id)


@desk.action("/requests/<id>/callback/number", permission=P.REQUESTS_CALL_BACK)
def read_number(call: Call, id: str) -> Answer:  # noqa: A002
    """取回访用的电话；每次读取都会记下."""
    request = requests.by_public_id(call.session, id)
    phone = callbacks.number_of(call.session, request, actor=call.actor, now=call.now)
    return call.show("console/callbacks/call.html", **_shown(call, request, CallbackSheet()), phone=phone, read=True)


def _page(call: Call, public_id: str) -> Answer:
    request, sheet = requests.by_public_id(call.session, public_id), CallbackSheet(call.typed)
    shown = _shown(call, request, sheet)
    if call.posted and sheet.validate():
        callbacks.record(call.session, request, _said(sheet), actor=call.actor, now=call.now)
        return call.done("已登记回访", to="/console/callbacks")
    blame(sheet, call.problem)
    return call.show("console/callbacks/call.html", 422 if call.posted else 200, read=False, **shown)


def _shown(call: Call, request: Request, sheet: CallbackSheet) -> dict[str, Any]:
    due = callbacks.due_of(call.session, request, actor=call.actor, now=call.now)
    if not due.ask_satisfaction:
        del sheet.satisfaction
    phone = people.masked(people.phone_of(due.person))
    return {
        "sheet": sheet,
        "due": due,
        "request": request,
        "name": people.name_of(due.person),
        "masked": phone,
        "category": request_pages.category(request),
        "to": address(request, "callback"),
    }


def _said(sheet: Any) -> Said:
    satisfaction = sheet.satisfaction.data if "satisfaction" in sheet else ""
    return Said(
        reached=sheet.reached.data == "yes",
        contacted=YES_NO.get(sheet.contacted.data),
        solved=YES_NO.get(sheet.solved.data),
        satisfaction=Satisfaction(satisfaction) if satisfaction else None,
        reason=AgainReason(sheet.reason.data) if sheet.reason.data else None,
    )


def _category(row: Any) -> str:
    return request_pages.category(row.request)
