"""Which buttons a request has: by its state, by what the person may do there and by what he is to it. The service decides again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from server.domain.permissions import Actor, may_on_node
from server.domain.permissions import Permission as P
from server.domain.requests import CheckState, OfferState, RequestState
from server.services.request_cases import Case

HANDLER, OWN, LEVEL, CALL, WORD = "handler", "own", "level", "call", "word"


@dataclass(frozen=True)
class Button:
    """A step one may take: its words, its address below the request's, who may (a permission there, or a role in it), a click or a page."""

    words: str
    path: str
    who: P | str
    click: bool = False
    first: bool = False


TRIAGE = Button("研判受理", "triage", P.REQUESTS_TRIAGE, first=True)
REJECT = Button("不归社区办", "reject", P.REQUESTS_TRIAGE)
MERGE = Button("并到另一件", "merge", P.REQUESTS_TRIAGE)
SPLIT = Button("拆成几件", "split", P.REQUESTS_TRIAGE)
DISPATCH = Button("派单", "dispatch", P.REQUESTS_DISPATCH, first=True)
PUBLISH = Button("公开认领", "publish", P.REQUESTS_DISPATCH, click=True)
WHISTLE = Button("吹哨", "whistle", P.REQUESTS_DISPATCH)
CLAIM = Button("我来认领", "claim", P.REQUESTS_READ, click=True)
ESCALATE = Button("升到上一级", "escalate", P.REQUESTS_DISPATCH)
STATION = Button("放进服务站", "station", P.REQUESTS_DISPATCH)
MEDIATE = Button("建调解记录", "mediation", P.REQUESTS_DISPATCH)
CARE = Button("建照护计划", "care", P.REQUESTS_DISPATCH)
CONTACT = Button("查看电话", "contact", HANDLER, click=True)
VISIT = Button("记一次上门", "visit", HANDLER)
SUPPLEMENT = Button("补充情况", "supplement", P.REQUESTS_ENTER)
TYPE_OUT = Button("写下文字", "transcript", P.REQUESTS_TRIAGE)
WITHDRAW = Button("替他撤回", "withdraw", OWN)
S = RequestState
STEPS: Mapping[RequestState, Sequence[Button]] = {
    S.SUBMITTED: (TRIAGE, REJECT, MERGE, SPLIT, ESCALATE),
    S.TRIAGED: (DISPATCH, PUBLISH, WHISTLE, MERGE, SPLIT, REJECT, ESCALATE),
    S.OPEN: (DISPATCH, CLAIM, WHISTLE, MERGE, ESCALATE),
    S.DISPATCHED: (ESCALATE,),
    S.ACCEPTED: (replace(CONTACT, first=True), Button("开始办理", "start", HANDLER, click=True, first=True), VISIT, WHISTLE, ESCALATE),
    S.IN_PROGRESS: (
        Button("报办结", "finish", HANDLER, first=True),
        CONTACT,
        VISIT,
        Button("等居民回话", "pause", HANDLER),
        WHISTLE,
        ESCALATE,
    ),
    S.WAITING: (
        Button("接着办", "resume", HANDLER, click=True, first=True),
        Button("居民已回话，接着办", "resume", OWN, click=True, first=True),
        CONTACT,
        VISIT,
        WHISTLE,
    ),
    S.FINISHED: (
        Button("登记回访", "callback", P.REQUESTS_CALL_BACK, first=True),
        Button("代他签收", "sign-off", WORD),
    ),
    S.REWORK: (DISPATCH, WHISTLE, Button("重新办理", "redo", HANDLER, click=True, first=True), ESCALATE),
    S.ESCALATED: (
        Button("派下去", "hand-down", LEVEL, first=True),
        Button("自己办", "take-up", LEVEL, click=True),
        Button("说明办不了", "explain", LEVEL),
        ESCALATE,
    ),
    S.EXPLAINING: (Button("复核", "explanation", LEVEL, first=True), ESCALATE),
}
BESIDE = (SUPPLEMENT, TYPE_OUT, STATION, MEDIATE, CARE, WITHDRAW)
NO_WITHDRAWAL = (S.FINISHED,)


def buttons(case: Case, actor: Actor) -> tuple[list[Button], list[Button]]:
    """What to do next, and what else may be done; nothing for a request that has ended."""
    request = case.request
    if request.state not in STEPS:
        return [], []
    steps = [one for one in STEPS[request.state] if _may(one, case, actor) and _fits(one, case, actor)]
    beside = [one for one in BESIDE if _may(one, case, actor) and _fits(one, case, actor)]
    if request.state in (S.ACCEPTED, S.IN_PROGRESS) and HANDLER in case.roles and case.extension is None:
        beside.insert(0, Button("申请延期", "extension", HANDLER))
    return steps, beside


def _may(button: Button, case: Case, actor: Actor) -> bool:
    if isinstance(button.who, P):
        return may_on_node(actor, button.who, case.community.path)
    return button.who in case.roles


def _offered(case: Case, actor: Actor) -> bool:
    """Does an offer of his own wait already?"""
    return any(one.offer.person_id == actor.person_id and one.offer.state is OfferState.WAITING for one in case.offers)


def _fits(button: Button, case: Case, actor: Actor) -> bool:
    """What the state alone does not say."""
    request = case.request
    return {
        "dispatch": request.check_state is CheckState.PASSED,
        "publish": request.check_state is CheckState.PASSED,
        "whistle": request.check_state is CheckState.PASSED,
        "claim": request.check_state is CheckState.PASSED and actor.person_id != request.asked_for_id and not _offered(case, actor),
        "redo": request.round < 2,
        "explanation": request.explained_by_id != actor.person_id,
        "mediation": case.mediation is None,
        "withdraw": request.state not in NO_WITHDRAWAL,
        "callback": CALL in case.roles and actor.person_id not in (request.handler_person_id, request.asked_for_id),
    }.get(button.path, True)
