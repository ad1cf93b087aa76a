"""docs/states.md: every state machine as a diagram and as its table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from server.domain.feedbacks import FEEDBACK_TRANSITIONS, FeedbackState
from server.domain.handling import (
    CARE_PLAN_TRANSITIONS,
    EXTENSION_TRANSITIONS,
    MEDIATION_TRANSITIONS,
    STATION_TRANSITIONS,
    CarePlanState,
    ExtensionState,
    MediationState,
    StationState,
)
from server.domain.people import BINDING_TRANSITIONS, BindingState
from server.domain.records import RECORD_TRANSITIONS, RecordState
from server.domain.registrations import MEMBER_TRANSITIONS, TRANSFER_TRANSITIONS, UNIT_TRANSITIONS, MemberState, TransferState, UnitState
from server.domain.requests import ENDS, OFFER_TRANSITIONS, REQUEST_TRANSITIONS, OfferState, RequestState
from server.domain.reviews import REVIEW_TRANSITIONS, ReviewState
from server.domain.states import Rule
from server.domain.tasks import CLAIM_TRANSITIONS, TASK_TRANSITIONS, ClaimState, TaskState
from server.domain.wishes import WISH_TRANSITIONS, WishState


@dataclass(frozen=True)
class Machine:
    """A state machine: its table, where a row may begin, and where it may stay for good."""

    title: str
    module: str
    table: Mapping[tuple[Any, Any], Rule[Any]]
    starts: tuple[StrEnum, ...]
    final: tuple[StrEnum, ...]

    @property
    def states(self) -> type[StrEnum]:
        """The enum of its states."""
        return type(self.starts[0])


MACHINES: tuple[Machine, ...] = (
    Machine(
        "党员报到 (member registration)",
        "server/domain/registrations.py",
        MEMBER_TRANSITIONS,
        (MemberState.SUBMITTED, MemberState.ACTIVE),
        (MemberState.CLOSED,),
    ),
    Machine(
        "转出转入 (transfer)",
        "server/domain/registrations.py",
        TRANSFER_TRANSITIONS,
        (TransferState.REQUESTED,),
        (TransferState.ACCEPTED, TransferState.RETURNED, TransferState.CANCELLED),
    ),
    Machine("单位报到 (unit registration)", "server/domain/registrations.py", UNIT_TRANSITIONS, (UnitState.SUBMITTED,), (UnitState.ENDED,)),
    Machine(
        "身份核对 (binding request)",
        "server/domain/people.py",
        BINDING_TRANSITIONS,
        (BindingState.SUBMITTED,),
        (BindingState.ACCEPTED, BindingState.RETURNED, BindingState.WITHDRAWN),
    ),
    Machine(
        "岗位、任务、活动 (task)", "server/domain/tasks.py", TASK_TRANSITIONS, (TaskState.DRAFT,), (TaskState.ENDED, TaskState.CANCELLED)
    ),
    Machine(
        "认领 (claim)",
        "server/domain/tasks.py",
        CLAIM_TRANSITIONS,
        (ClaimState.PENDING, ClaimState.APPROVED),
        (
            ClaimState.DECLINED,
            ClaimState.WITHDRAWN,
            ClaimState.EXCUSED,
            ClaimState.HANDED_OVER,
            ClaimState.NO_SHOW,
            ClaimState.DONE,
            ClaimState.CANCELLED,
        ),
    ),
    Machine(
        "服务记录 (service record)",
        "server/domain/records.py",
        RECORD_TRANSITIONS,
        (RecordState.PRESENT, RecordState.ENDED),
        (RecordState.FINAL, RecordState.VOID),
    ),
    Machine(
        "微心愿 (wish)",
        "server/domain/wishes.py",
        WISH_TRANSITIONS,
        (WishState.COLLECTED,),
        (WishState.CONFIRMED, WishState.WITHDRAWN),
    ),
    Machine(
        "投诉建议 (feedback)",
        "server/domain/feedbacks.py",
        FEEDBACK_TRANSITIONS,
        (FeedbackState.OPEN,),
        (FeedbackState.ANSWERED, FeedbackState.WITHDRAWN),
    ),
    Machine("服务站 (station)", "server/domain/handling.py", STATION_TRANSITIONS, (StationState.OPEN,), (StationState.CLOSED,)),
    Machine(
        "评价例会 (review panel)",
        "server/domain/reviews.py",
        REVIEW_TRANSITIONS,
        (ReviewState.GATHERING,),
        (ReviewState.CLOSED, ReviewState.VOID),
    ),
    Machine("诉求 (request)", "server/domain/requests.py", REQUEST_TRANSITIONS, (RequestState.DRAFT,), ENDS),
    Machine(
        "派单、认领、吹哨 (offer)",
        "server/domain/requests.py",
        OFFER_TRANSITIONS,
        (OfferState.WAITING,),
        (OfferState.ACCEPTED, OfferState.DECLINED, OfferState.LAPSED),
    ),
    Machine(
        "延期 (extension)",
        "server/domain/handling.py",
        EXTENSION_TRANSITIONS,
        (ExtensionState.ASKED,),
        (ExtensionState.APPROVED, ExtensionState.REFUSED),
    ),
    Machine(
        "矛盾调解 (mediation)",
        "server/domain/handling.py",
        MEDIATION_TRANSITIONS,
        (MediationState.OPEN,),
        (MediationState.AGREED, MediationState.NOT_AGREED, MediationState.REFERRED),
    ),
    Machine("定期照护 (care plan)", "server/domain/handling.py", CARE_PLAN_TRANSITIONS, (CarePlanState.ASKED,), (CarePlanState.ENDED,)),
)

HEAD = """# States

Rendered from the tables in `server/domain` by `gongjian docs`; do not edit. A move that is not in a table is refused with `ILLEGAL_MOVE`,
one that somebody else was quicker with is `STALE`. Where no permission stands, the service checks who acts: the person himself, a deadline
that passed, or the step of another machine. ✎ marks a move that needs a reason, ↶ one that may be taken back at a desk within ten seconds.
"""


def page() -> str:
    """The whole document."""
    return "\n".join([HEAD, *(_section(machine) for machine in MACHINES)])


def _section(machine: Machine) -> str:
    rows = [
        f"| {state.value} | {action.value}{_marks(rule)} | {rule.to.value} | {_permission(rule)} |"
        for (state, action), rule in machine.table.items()
    ]
    table = ["| from | action | to | permission |", "|---|---|---|---|", *rows]
    return "\n".join([f"## {machine.title}", "", f"Source: `{machine.module}`.", "", *_diagram(machine), "", *table, ""])


def _marks(rule: Rule[Any]) -> str:
    return f"{' ✎' if rule.needs_note else ''}{' ↶' if rule.undo else ''}"


def _permission(rule: Rule[Any]) -> str:
    return f"`{rule.permission.value}`" if rule.permission else ""


def _diagram(machine: Machine) -> list[str]:
    begin = [f"    [*] --> {state.value}" for state in machine.starts]
    moves = [f"    {state.value} --> {rule.to.value}: {action.value}" for (state, action), rule in machine.table.items()]
    end = [f"    {state.value} --> [*]" for state in machine.final]
    return ["```mermaid", "stateDiagram-v2", *begin, *moves, *end, "```"]
