"""What happens around the work on a request: an extension, stations, mediation and recurring care (mission rows C6, C13)."""

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum

from server.domain.permissions import Permission as P
from server.domain.states import Rule


class ExtensionState(StrEnum):
    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"


EXTENSION_STATE_NAMES: Mapping[ExtensionState, str] = {
    ExtensionState.ASKED: "等社区批",
    ExtensionState.APPROVED: "已批准",
    ExtensionState.REFUSED: "未批准",
}


class ExtensionAction(StrEnum):
    APPROVE = "approve"
    REFUSE = "refuse"


EXTENSION_TRANSITIONS: Mapping[tuple[ExtensionState, ExtensionAction], Rule[ExtensionState]] = {
    (ExtensionState.ASKED, ExtensionAction.APPROVE): Rule(ExtensionState.APPROVED, P.REQUESTS_DISPATCH, needs_note=True, undo=True),
    (ExtensionState.ASKED, ExtensionAction.REFUSE): Rule(ExtensionState.REFUSED, P.REQUESTS_DISPATCH, needs_note=True, undo=True),
}


class StationKind(StrEnum):
    """The desks of a party members' studio (党员工作室), each a queue of requests of its kind."""

    CARE = "care"
    CULTURE = "culture"
    EMPLOYMENT = "employment"
    HEALTH = "health"
    LEGAL = "legal"
    MEDIATION = "mediation"
    POLICY = "policy"
    REPAIRS = "repairs"


STATION_NAMES: Mapping[StationKind, str] = {
    StationKind.CARE: "助老帮困站",
    StationKind.CULTURE: "文化教育站",
    StationKind.EMPLOYMENT: "就业帮扶站",
    StationKind.HEALTH: "健康服务站",
    StationKind.LEGAL: "法律服务站",
    StationKind.MEDIATION: "矛盾调解站",
    StationKind.POLICY: "政策咨询站",
    StationKind.REPAIRS: "便民维修站",
}


class StationState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


STATION_STATE_NAMES: Mapping[StationState, str] = {StationState.OPEN: "开着", StationState.CLOSED: "已关闭"}


class StationAction(StrEnum):
    CLOSE = "close"


STATION_TRANSITIONS: Mapping[tuple[StationState, StationAction], Rule[StationState]] = {
    (StationState.OPEN, StationAction.CLOSE): Rule(StationState.CLOSED, P.REQUESTS_DISPATCH, needs_note=True),
}


class MediationState(StrEnum):
    OPEN = "open"
    AGREED = "agreed"
    NOT_AGREED = "not_agreed"
    REFERRED = "referred"  # to court or arbitration


class MediationAction(StrEnum):
    AGREE = "agree"
    FAIL = "fail"
    REFER = "refer"


M = MediationState
MEDIATION_STATE_NAMES: Mapping[MediationState, str] = {
    M.OPEN: "调解中",
    M.AGREED: "达成一致",
    M.NOT_AGREED: "未达成一致",
    M.REFERRED: "已转法院或仲裁",
}
MEDIATION_ACTION_NAMES: Mapping[MediationAction, str] = {
    MediationAction.AGREE: "达成一致",
    MediationAction.FAIL: "未达成一致",
    MediationAction.REFER: "转法院或仲裁",
}
MEDIATION_TRANSITIONS: Mapping[tuple[MediationState, MediationAction], Rule[MediationState]] = {
    (M.OPEN, MediationAction.AGREE): Rule(M.AGREED),
    (M.OPEN, MediationAction.FAIL): Rule(M.NOT_AGREED),
    (M.OPEN, MediationAction.REFER): Rule(M.REFERRED),
}


class CarePlanState(StrEnum):
    ASKED = "asked"  # the carer has not said yes
    ACTIVE = "active"
    ENDED = "ended"


class CarePlanAction(StrEnum):
    ACCEPT = "accept"
    HAND_OVER = "hand_over"
    END = "end"


C = CarePlanState
CARE_PLAN_STATE_NAMES: Mapping[CarePlanState, str] = {C.ASKED: "待照护人同意", C.ACTIVE: "进行中", C.ENDED: "已结束"}
CARE_PLAN_TRANSITIONS: Mapping[tuple[CarePlanState, CarePlanAction], Rule[CarePlanState]] = {
    (C.ASKED, CarePlanAction.ACCEPT): Rule(C.ACTIVE, undo=True),
    (C.ASKED, CarePlanAction.HAND_OVER): Rule(C.ASKED),
    (C.ASKED, CarePlanAction.END): Rule(C.ENDED, P.REQUESTS_DISPATCH, needs_note=True),
    (C.ACTIVE, CarePlanAction.HAND_OVER): Rule(C.ASKED, undo=True),
    (C.ACTIVE, CarePlanAction.END): Rule(C.ENDED, P.REQUESTS_DISPATCH, needs_note=True),
}


class CareVisitState(StrEnum):
    DONE = "done"
    MISSED = "missed"


CARE_VISIT_STATE_NAMES: Mapping[CareVisitState, str] = {CareVisitState.DONE: "已上门", CareVisitState.MISSED: "未上门"}


MISSED_ALARMS = 3  # visits missed one after another


def next_visit(after: date, every_days: int, today: date) -> date:
    """The plan's first day after `after` that is not past already: visits keep their rhythm and nobody has to catch up."""
    steps = max(1, -((after - today).days // every_days)) if after < today else 1
    return after + timedelta(days=steps * every_days)
