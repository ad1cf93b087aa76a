"""身份核对: who could not be found by his phone is found on a roster by hand."""

from __future__ import annotations

from server.console.desk import Answer, Call, Desk
from server.console.duty_pages import form_of, queue_page
from server.domain.duties import DutyKind
from server.domain.permissions import Permission as P
from server.services import binding_requests, bindings, decisions, duty_cases, people

desk = Desk("bindings")
REASON_NAMES = {"same_name": "姓名相同", "same_phone": "手机号相同", "same_unit": "单位相符", "same_community": "名册上住本社区"}


@desk.page("/bindings", permission=P.BINDINGS_DECIDE)
def list_bindings(call: Call) -> Answer:
    """Who waits."""
    return queue_page(call, "console/today/list.html", (DutyKind.BINDING,), title="身份核对")


@desk.form("/bindings/<id>", permission=P.BINDINGS_DECIDE)
def show_binding(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """One request and who it may be; posting says which."""
    if call.posted:
        row, entry = binding_requests.by_public_id(call.session, id), bindings.entry(call.session, call.typed.get("entry"))
        act = decisions.bind(call.session, row, entry=entry, actor=call.actor, now=call.now)
        return call.done("核对好了，会告诉本人", to="/console/bindings", undo=act)
    case = duty_cases.of_binding(call.session, id, actor=call.actor, now=call.now)
    phone = people.masked(people.phone_of(case.person))
    chosen = call.typed.get("entry", "")
    form = form_of(DutyKind.BINDING, case.row)
    return call.show("console/bindings/show.html", case=case, phone=phone, form=form, reasons=REASON_NAMES, chosen=chosen)
