"""点单 → 研判 → 派单 → 接单 → 办理 → 签收 → 回炉: the states of a resident's request (mission rows C1–C8; docs/rules.md §3.3).

The timer presses the request, never a person. Escalation is a state of its own: whoever stands one level higher decides what happens next.
"""

from collections.abc import Mapping
from enum import StrEnum

from server.domain.permissions import Permission as P
from server.domain.states import Rule


class Channel(StrEnum):
    """How it came in; all count the same (R6)."""

    APP = "app"
    PROXY = "proxy"
    PHONE = "phone"
    ROUND = "round"  # noted at a door-to-door round, one by one or from Excel
    REVIEW = "review"  # 回炉: a quarterly review asks for it again


class Urgency(StrEnum):
    NORMAL = "normal"
    URGENT = "urgent"
    CRITICAL = "critical"


class Difficulty(StrEnum):
    """What triage says about the time it takes: simple same day · ordinary 3 · difficult 7 working days."""

    SIMPLE = "simple"
    ORDINARY = "ordinary"
    DIFFICULT = "difficult"


class Relation(StrEnum):
    """What whoever entered a request is to the one it is for."""

    SELF = "self"
    CHILD = "child"
    SPOUSE = "spouse"
    RELATIVE = "relative"
    NEIGHBOUR = "neighbour"
    GRID_WORKER = "grid_worker"
    CLERK = "clerk"
    OTHER = "other"


class RequestLevel(StrEnum):
    """Who is responsible now; escalation goes one up."""

    BUILDING = "building"
    GRID = "grid"
    COMMUNITY = "community"
    STREET = "street"
    COUNTY = "county"


LEVELS = (RequestLevel.BUILDING, RequestLevel.GRID, RequestLevel.COMMUNITY, RequestLevel.STREET, RequestLevel.COUNTY)


class CheckState(StrEnum):
    """Content security: nothing is visible to others before it passes; `review` waits for a human."""

    CHECKING = "checking"
    REVIEW = "review"
    PASSED = "passed"
    REFUSED = "refused"


class RequestState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    TRIAGED = "triaged"
    OPEN = "open"
    DISPATCHED = "dispatched"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    WAITING = "waiting"  # for the resident: the clock stands still
    FINISHED = "finished"
    REWORK = "rework"
    ESCALATED = "escalated"
    EXPLAINING = "explaining"  # proven impossible, waits for a second approver
    MERGED = "merged"
    SPLIT = "split"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"
    CLOSED_UNRATED = "closed_unrated"
    CLOSED_EXPLAINED = "closed_explained"


class RequestAction(StrEnum):
    SUBMIT = "submit"
    TRIAGE = "triage"
    MERGE = "merge"
    SPLIT = "split"
    REJECT = "reject"
    PUBLISH = "publish"  # open for claim
    DISPATCH = "dispatch"
    DIRECT = "direct"  # dispatch by whoever an escalated request has come to
    CLAIM = "claim"
    ACCEPT = "accept"
    DECLINE = "decline"
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    FINISH = "finish"
    SIGN_OFF = "sign_off"  # 签收：办好了
    SEND_AGAIN = "send_again"  # 签收：没办好，请再来
    TIME_OUT = "time_out"  # nobody signed and nobody could be reached
    REDO = "redo"
    ESCALATE = "escalate"
    TAKE_UP = "take_up"
    EXPLAIN = "explain"
    APPROVE_EXPLANATION = "approve_explanation"
    REFUSE_EXPLANATION = "refuse_explanation"
    WITHDRAW = "withdraw"


S, A = RequestState, RequestAction
BEFORE_WORK = (S.SUBMITTED, S.TRIAGED, S.OPEN, S.DISPATCHED, S.ACCEPTED)
ESCALATES = (S.SUBMITTED, S.TRIAGED, S.OPEN, S.DISPATCHED, S.ACCEPTED, S.IN_PROGRESS, S.REWORK, S.ESCALATED, S.EXPLAINING)
CONTACT = (S.ACCEPTED, S.IN_PROGRESS, S.WAITING, S.REWORK)  # once finished, nobody is to be pressed for a 签收
IN_HAND = (*CONTACT, S.FINISHED)  # the handler sees what it is about
ENDS = (S.MERGED, S.SPLIT, S.REJECTED, S.WITHDRAWN, S.CLOSED, S.CLOSED_UNRATED, S.CLOSED_EXPLAINED)
REQUEST_TRANSITIONS: Mapping[tuple[RequestState, RequestAction], Rule[RequestState]] = {
    (S.DRAFT, A.SUBMIT): Rule(S.SUBMITTED),
    (S.SUBMITTED, A.TRIAGE): Rule(S.TRIAGED, P.REQUESTS_TRIAGE, undo=True),
    **{(state, A.MERGE): Rule(S.MERGED, P.REQUESTS_TRIAGE) for state in (S.SUBMITTED, S.TRIAGED, S.OPEN)},
    **{(state, A.SPLIT): Rule(S.SPLIT, P.REQUESTS_TRIAGE) for state in (S.SUBMITTED, S.TRIAGED)},
    **{(state, A.REJECT): Rule(S.REJECTED, P.REQUESTS_TRIAGE, needs_note=True, undo=True) for state in (S.SUBMITTED, S.TRIAGED)},
    (S.TRIAGED, A.PUBLISH): Rule(S.OPEN, P.REQUESTS_DISPATCH, undo=True),
    **{(state, A.DISPATCH): Rule(S.DISPATCHED, P.REQUESTS_DISPATCH, undo=True) for state in (S.TRIAGED, S.OPEN, S.REWORK)},
    (S.ESCALATED, A.DIRECT): Rule(S.DISPATCHED, P.REQUESTS_ESCALATED, undo=True),
    (S.OPEN, A.CLAIM): Rule(S.ACCEPTED, P.CLAIMS_DECIDE, undo=True),  # the secretary approves a claim
    (S.DISPATCHED, A.ACCEPT): Rule(S.ACCEPTED, undo=True),
    (S.DISPATCHED, A.DECLINE): Rule(S.TRIAGED, needs_note=True),
    (S.ACCEPTED, A.DECLINE): Rule(S.TRIAGED, needs_note=True),
    (S.ACCEPTED, A.START): Rule(S.IN_PROGRESS),
    (S.IN_PROGRESS, A.PAUSE): Rule(S.WAITING, needs_note=True),
    (S.WAITING, A.RESUME): Rule(S.IN_PROGRESS),
    (S.IN_PROGRESS, A.FINISH): Rule(S.FINISHED, needs_note=True),
    (S.FINISHED, A.SIGN_OFF): Rule(S.CLOSED),
    (S.FINISHED, A.SEND_AGAIN): Rule(S.REWORK, needs_note=True),
    (S.FINISHED, A.TIME_OUT): Rule(S.CLOSED_UNRATED),
    (S.REWORK, A.REDO): Rule(S.IN_PROGRESS),
    **{(state, A.ESCALATE): Rule(S.ESCALATED, P.REQUESTS_DISPATCH, needs_note=True, undo=True) for state in ESCALATES},
    (S.ESCALATED, A.TAKE_UP): Rule(S.IN_PROGRESS, P.REQUESTS_ESCALATED, undo=True),
    (S.ESCALATED, A.EXPLAIN): Rule(S.EXPLAINING, P.REQUESTS_ESCALATED, needs_note=True, undo=True),
    (S.EXPLAINING, A.APPROVE_EXPLANATION): Rule(S.CLOSED_EXPLAINED, P.REQUESTS_ESCALATED, needs_note=True, undo=True),
    (S.EXPLAINING, A.REFUSE_EXPLANATION): Rule(S.ESCALATED, P.REQUESTS_ESCALATED, needs_note=True, undo=True),
    **{
        (state, A.WITHDRAW): Rule(S.WITHDRAWN)
        for state in (S.DRAFT, *BEFORE_WORK, S.IN_PROGRESS, S.WAITING, S.REWORK, S.ESCALATED, S.EXPLAINING)
    },
}


class OfferKind(StrEnum):
    DISPATCH = "dispatch"  # the community asks
    CLAIM = "claim"  # somebody offers himself
    WHISTLE = "whistle"  # several units are called at once


class OfferState(StrEnum):
    WAITING = "waiting"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    LAPSED = "lapsed"


class OfferAction(StrEnum):
    ACCEPT = "accept"
    DECLINE = "decline"
    LAPSE = "lapse"


OFFER_TRANSITIONS: Mapping[tuple[OfferState, OfferAction], Rule[OfferState]] = {
    (OfferState.WAITING, OfferAction.ACCEPT): Rule(OfferState.ACCEPTED, undo=True),
    (OfferState.WAITING, OfferAction.DECLINE): Rule(OfferState.DECLINED, needs_note=True, undo=True),
    (OfferState.WAITING, OfferAction.LAPSE): Rule(OfferState.LAPSED, undo=True),
    (OfferState.ACCEPTED, OfferAction.DECLINE): Rule(OfferState.DECLINED, needs_note=True),  # given back before the work began
}
