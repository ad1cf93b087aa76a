"""单位报到审核: the slip, the community's opinion, the receipt to the superior committee."""

from __future__ import annotations

from typing import Any

from server.console.desk import Answer, Call, Desk
from server.console.duty_pages import decided_one, form_of, queue_page
from server.console.forms import Sheet, text
from server.domain.duties import OPINION, DutyKind
from server.domain.permissions import Permission as P
from server.domain.registrations import UNIT_STATE_NAMES, UnitState
from server.services import duty_cases, unit_registrations
from server.services.decisions import Word

desk = Desk("unit_registrations")
ENDS = (UnitState.ACCEPTED, UnitState.RECEIPT_SENT)


class EndSheet(Sheet):
    """Why it ends."""

    reason = text("为什么结束", longest=200, rows=3, hint="例如：单位迁走")


@desk.page("/unit-registrations", permission=P.UNIT_REGISTRATIONS_DECIDE)
def list_unit_registrations(call: Call) -> Answer:
    """The slips that wait, and the receipts to be sent."""
    return queue_page(call, "console/today/list.html", (DutyKind.UNIT_REGISTRATION,), title="单位报到审核")


@desk.form("/unit-registrations/<id>", permission=P.UNIT_REGISTRATIONS_DECIDE)
def show_unit_registration(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """One slip; posting accepts it with an opinion, or sends its receipt."""
    if call.posted:
        opinion, sent_to = (call.typed.get(name, "").strip()[:200] or None for name in ("opinion", "sent_to"))
        word = Word(True, opinion, call.actor, call.now, sent_to=sent_to)
        return decided_one(call, DutyKind.UNIT_REGISTRATION, id, word, said="已办好", to="/console/unit-registrations")
    case = duty_cases.of_unit_registration(call.session, id, actor=call.actor)
    typed = {"opinion": call.typed.get("opinion", OPINION), "sent_to": call.typed.get("sent_to", case.unit.superior or "")}
    form = form_of(DutyKind.UNIT_REGISTRATION, case.row)
    shown: dict[str, Any] = {
        "case": case,
        "state": UNIT_STATE_NAMES[case.row.state],
        "form": form,
        "typed": typed,
        "ends": case.row.state in ENDS,
    }
    return call.show("console/unit_registrations/show.html", **shown)


@desk.form("/unit-registrations/<id>/end", permission=P.UNIT_REGISTRATIONS_DECIDE)
def end_unit_registration(call: Call, id: str) -> Answer:  # noqa: A002
    """结束报到，写明原因；单位以后可以重新报到."""
    case, sheet = duty_cases.of_unit_registration(call.session, id, actor=call.actor), EndSheet(call.typed)
    if call.posted and sheet.validate():
        unit_registrations.end(call.session, case.row, reason=sheet.reason.data, actor=call.actor, now=call.now)
        return call.done("报到已结束", to=f"/console/units/{case.unit.public_id}")
    return call.show("console/unit_registrations/end.html", 422 if call.posted else 200, case=case, sheet=sheet)
