"""双报到: the states of a member's, a unit's registration and of a transfer (mission rows A4, A5; docs/rules.md §3)."""

from collections.abc import Mapping
from enum import StrEnum

from server.domain.permissions import Permission as P
from server.domain.states import Rule


class Source(StrEnum):
    """How it came in; all count the same (R1, R6)."""

    SCAN = "scan"
    WEB = "web"
    PAPER = "paper"
    PROXY = "proxy"


class MemberState(StrEnum):
    SUBMITTED = "submitted"
    ACTIVE = "active"
    RETURNED = "returned"
    TRANSFERRING = "transferring"
    CLOSED = "closed"


class MemberAction(StrEnum):
    ACCEPT = "accept"
    RETURN = "return"
    RESUBMIT = "resubmit"
    MOVE = "move"
    MOVE_BACK = "move_back"
    MOVED = "moved"
    RETIRE = "retire"
    FLOAT = "float"
    END = "end"
    WITHDRAW = "withdraw"
    ANNUL = "annul"


M, MA = MemberState, MemberAction
MEMBER_TRANSITIONS: Mapping[tuple[MemberState, MemberAction], Rule[MemberState]] = {
    (M.SUBMITTED, MA.ACCEPT): Rule(M.ACTIVE, P.REGISTRATIONS_DECIDE, undo=True),
    (M.SUBMITTED, MA.RETURN): Rule(M.RETURNED, P.REGISTRATIONS_DECIDE, needs_note=True, undo=True),
    (M.SUBMITTED, MA.WITHDRAW): Rule(M.CLOSED),
    (M.RETURNED, MA.RESUBMIT): Rule(M.SUBMITTED),
    (M.RETURNED, MA.WITHDRAW): Rule(M.CLOSED),
    (M.ACTIVE, MA.MOVE): Rule(M.TRANSFERRING),
    (M.TRANSFERRING, MA.MOVE_BACK): Rule(M.ACTIVE, undo=True),
    (M.TRANSFERRING, MA.MOVED): Rule(M.CLOSED, undo=True),
    # Retiring and floating change the member's kind, not his registration: he stays an ordinary volunteer.
    (M.ACTIVE, MA.RETIRE): Rule(M.ACTIVE, P.REGISTRATIONS_DECIDE),
    (M.ACTIVE, MA.FLOAT): Rule(M.ACTIVE, P.REGISTRATIONS_DECIDE),
    (M.ACTIVE, MA.END): Rule(M.CLOSED, P.REGISTRATIONS_DECIDE, needs_note=True),
    (M.ACTIVE, MA.WITHDRAW): Rule(M.CLOSED),
    (M.ACTIVE, MA.ANNUL): Rule(M.CLOSED, P.REGISTRATIONS_DECIDE),  # the new one of a transfer that was undone: it never began
}
LIVE = (M.ACTIVE, M.TRANSFERRING)  # one of these a person, by constraint


class TransferState(StrEnum):
    REQUESTED = "requested"
    RELEASED = "released"
    ACCEPTED = "accepted"
    RETURNED = "returned"
    CANCELLED = "cancelled"


class TransferAction(StrEnum):
    RELEASE = "release"
    ACCEPT = "accept"
    RETURN = "return"
    CANCEL = "cancel"


T, TA = TransferState, TransferAction
TRANSFER_TRANSITIONS: Mapping[tuple[TransferState, TransferAction], Rule[TransferState]] = {
    (T.REQUESTED, TA.RELEASE): Rule(T.RELEASED, P.REGISTRATIONS_DECIDE, undo=True),
    (T.REQUESTED, TA.CANCEL): Rule(T.CANCELLED),
    (T.RELEASED, TA.ACCEPT): Rule(T.ACCEPTED, P.REGISTRATIONS_DECIDE, undo=True),
    (T.RELEASED, TA.RETURN): Rule(T.RETURNED, P.REGISTRATIONS_DECIDE, needs_note=True, undo=True),
    (T.RELEASED, TA.CANCEL): Rule(T.CANCELLED),
}


class TransferReason(StrEnum):
    MOVED_HOUSE = "moved_house"
    JOB_CHANGE = "job_change"
    OTHER = "other"


class UnitState(StrEnum):
    """报到单 → 接收 → 回执."""

    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    RETURNED = "returned"
    RECEIPT_SENT = "receipt_sent"
    ENDED = "ended"


class UnitAction(StrEnum):
    ACCEPT = "accept"
    RETURN = "return"
    RESUBMIT = "resubmit"
    SEND_RECEIPT = "send_receipt"
    END = "end"


U, UA = UnitState, UnitAction
UNIT_TRANSITIONS: Mapping[tuple[UnitState, UnitAction], Rule[UnitState]] = {
    (U.SUBMITTED, UA.ACCEPT): Rule(U.ACCEPTED, P.UNIT_REGISTRATIONS_DECIDE, needs_note=True, undo=True),
    (U.SUBMITTED, UA.RETURN): Rule(U.RETURNED, P.UNIT_REGISTRATIONS_DECIDE, needs_note=True, undo=True),
    (U.RETURNED, UA.RESUBMIT): Rule(U.SUBMITTED),
    (U.ACCEPTED, UA.SEND_RECEIPT): Rule(U.RECEIPT_SENT, P.UNIT_REGISTRATIONS_DECIDE, undo=True),
    (U.RECEIPT_SENT, UA.END): Rule(U.ENDED, P.UNIT_REGISTRATIONS_DECIDE, needs_note=True),
    (U.ACCEPTED, UA.END): Rule(U.ENDED, P.UNIT_REGISTRATIONS_DECIDE, needs_note=True),
}

MEMBER_STATE_NAMES = {
    M.SUBMITTED: "等待接收",
    M.ACTIVE: "已报到",
    M.RETURNED: "已退回",
    M.TRANSFERRING: "正在转出",
    M.CLOSED: "已结束",
}
SOURCE_NAMES = {Source.SCAN: "扫码", Source.WEB: "网上", Source.PAPER: "纸质登记表", Source.PROXY: "代为报到"}
TRANSFER_STATE_NAMES = {
    T.REQUESTED: "等待原社区转出",
    T.RELEASED: "等待新社区接收",
    T.ACCEPTED: "已接收",
    T.RETURNED: "已退回",
    T.CANCELLED: "已撤回",
}
TRANSFER_REASON_NAMES = {TransferReason.MOVED_HOUSE: "搬家", TransferReason.JOB_CHANGE: "换了工作", TransferReason.OTHER: "其他"}
UNIT_STATE_NAMES = {
    U.SUBMITTED: "等待接收",
    U.ACCEPTED: "已接收，待发回执",
    U.RETURNED: "已退回",
    U.RECEIPT_SENT: "回执已发",
    U.ENDED: "已结束",
}
