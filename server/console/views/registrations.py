"""党员报到审核 and 转出转入: forms that wait, members on the move."""

from __future__ import annotations

from typing import Any

from server.console.desk import Answer, Call, Desk
from server.console.duty_pages import form_of, queue_page
from server.domain.duties import DutyKind
from server.domain.people import MEMBER_TYPE_NAMES
from server.domain.permissions import Permission as P
from server.domain.registrations import MEMBER_STATE_NAMES, SOURCE_NAMES, TRANSFER_REASON_NAMES, TRANSFER_STATE_NAMES
from server.services import duty_cases, people, transfers

desk = Desk("registrations")
LIST = "console/today/list.html"


@desk.page("/registrations", permission=P.REGISTRATIONS_DECIDE)
def list_registrations(call: Call) -> Answer:
    """The forms that wait."""
    return queue_page(call, LIST, (DutyKind.REGISTRATION,), title="党员报到审核")


@desk.page("/registrations/<id>", permission=P.REGISTRATIONS_DECIDE)
def show_registration(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """One form, with what the roster says."""
    case = duty_cases.of_registration(call.session, id, actor=call.actor)
    names: dict[str, Any] = {"state": MEMBER_STATE_NAMES[case.row.state], "kind": MEMBER_TYPE_NAMES[case.person.member_type]}
    more: dict[str, Any] = {
        "source": SOURCE_NAMES[case.row.source],
        "name": people.name_of(case.person),
        "form": form_of(DutyKind.REGISTRATION, case.row),
    }
    return call.show("console/registrations/show.html", case=case, phone=people.masked(people.phone_of(case.person)), **names, **more)


@desk.page("/transfers", permission=P.REGISTRATIONS_DECIDE)
def list_transfers(call: Call) -> Answer:
    """Who waits to be let go, or taken in."""
    return queue_page(call, LIST, (DutyKind.TRANSFER,), title="转出转入")


@desk.page("/transfers/<id>", permission=P.REGISTRATIONS_DECIDE)
def show_transfer(call: Call, id: str) -> Answer:  # noqa: A002
    """One transfer."""
    case = duty_cases.of_transfer(call.session, id, actor=call.actor)
    names: dict[str, Any] = {"state": TRANSFER_STATE_NAMES[case.row.state], "reason": TRANSFER_REASON_NAMES[case.row.reason]}
    more: dict[str, Any] = {"note": transfers.note_of(case.person, case.row), "form": form_of(DutyKind.TRANSFER, case.row)}
    return call.show("console/registrations/transfer.html", case=case, name=people.name_of(case.person), **names, **more)
