"""报名审核: who wants to help, with what else he has promised for the same hours."""

from __future__ import annotations

from typing import Any

from server.console.desk import Answer, Call, Desk
from server.console.duty_pages import form_of, queue_page
from server.domain.duties import DutyKind
from server.domain.people import MEMBER_TYPE_NAMES
from server.domain.permissions import Permission as P
from server.domain.tasks import CLAIM_STATE_NAMES
from server.services import claims, duty_cases, people

desk = Desk("claims")
LIST = "console/today/list.html"


@desk.page("/claims", permission=P.CLAIMS_DECIDE)
def list_claims(call: Call) -> Answer:
    """What waits."""
    return queue_page(call, LIST, (DutyKind.CLAIM,), title="报名审核")


@desk.page("/claims/<id>", permission=P.CLAIMS_DECIDE)
def show_claim(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """One, with what is promised for the same hours."""
    case = duty_cases.of_claim(call.session, id, actor=call.actor)
    names: dict[str, Any] = {"state": CLAIM_STATE_NAMES[case.claim.state], "kind": MEMBER_TYPE_NAMES[case.person.member_type]}
    form, reason = form_of(DutyKind.CLAIM, case.claim), claims.reason_of(case.person, case.claim)
    return call.show("console/claims/show.html", case=case, name=people.name_of(case.person), form=form, reason=reason, **names)
