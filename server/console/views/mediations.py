"""矛盾调解: cases on requests, who is at odds and what came of it."""

from __future__ import annotations

from urllib.parse import urlencode

from server.console import places, request_pages
from server.console.desk import Answer, Call, Desk
from server.console.forms import Sheet, choice, text
from server.db.models.requests import Request
from server.domain.handling import MEDIATION_ACTION_NAMES, MEDIATION_STATE_NAMES, MediationAction, MediationState
from server.domain.permissions import Permission as P
from server.services import mediations, people

desk = Desk("mediations")
MOST_PARTIES = 10
LONGEST_PARTY = 100
TONES = {MediationState.OPEN: "wait", MediationState.AGREED: "good", MediationState.NOT_AGREED: "bad", MediationState.REFERRED: "plain"}


class OpenSheet(Sheet):
    """Who is at odds."""

    parties = text("当事人（一行一方，至少两方）", longest=1000, rows=3, hint="如：301 户，换行，401 户")


class CloseSheet(Sheet):
    """What came of it."""

    action = choice("结果", [(one.value, name) for one, name in MEDIATION_ACTION_NAMES.items()], radio=True)
    result = text("怎么说定的", longest=2000)


@desk.page("/mediations", permission=P.REQUESTS_READ)
def list_mediations(call: Call) -> Answer:
    """本社区的调解记录，新的在前."""
    here, after = places.chosen(call, P.REQUESTS_READ), call.args.get("after") or None
    rows, following = mediations.of_community(call.session, community=here.here, actor=call.actor, after=after, limit=request_pages.LINES)
    lines = [
        {"case": case, "request": request, "category": request_pages.category(request), "mediator": people.name_of(person),
         "state": MEDIATION_STATE_NAMES[case.state], "tone": TONES[case.state]}
        for case, request, person in rows
    ]  # fmt: skip
    more = f"?{urlencode({'at': here.here.public_id, 'after': following})}" if following else ""
    return call.show("console/mediations/list.html", places=here, lines=lines, more=more)


@desk.form("/requests/<id>/mediation", permission=P.REQUESTS_DISPATCH)
def open_case(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """为一件诉求建调解记录；建的人是调解员."""
    sheet = OpenSheet(call.typed)

    def act(request: Request) -> None:
        parties = [line.strip()[:LONGEST_PARTY] for line in sheet.parties.data.splitlines() if line.strip()][:MOST_PARTIES]
        mediations.open_case(call.session, request, parties=parties, actor=call.actor, now=call.now)

    note = "您就是调解员；只有您和本社区工作人员看得到。"
    return request_pages.step(call, id, sheet, title="建调解记录", button="开始调解", act=act, said="调解记录已建", note=note)


@desk.page("/mediations/<id>", permission=P.REQUESTS_READ)
def show_mediation(call: Call, id: str) -> Answer:  # noqa: A002
    """一件调解记录."""
    case = mediations.visible(call.session, id, actor=call.actor)
    request = call.session.get_one(Request, case.request_id)
    return call.show(
        "console/mediations/one.html",
        case=case,
        request=request,
        parties=mediations.parties_of(case),
        result=mediations.result_of(case),
        state=MEDIATION_STATE_NAMES[case.state],
        tone=TONES[case.state],
        mine=case.mediator_id == call.actor.person_id and case.state is MediationState.OPEN,
    )


@desk.form("/mediations/<id>/close", permission=P.REQUESTS_READ)
def close_case(call: Call, id: str) -> Answer:  # noqa: A002
    """调解员填写结果并结束调解."""
    case, sheet = mediations.visible(call.session, id, actor=call.actor), CloseSheet(call.typed)
    if call.posted and sheet.validate():
        action = MediationAction(sheet.action.data)
        mediations.close(call.session, case, action=action, result=sheet.result.data, actor=call.actor, now=call.now)
        return call.done("调解结束", to=f"/console/mediations/{id}")
    return call.show("console/mediations/close.html", 422 if call.posted else 200, case=case, sheet=sheet)
