"""What the routes of claims take and give, and the outcome of a bulk decision."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from miniprogram_api.schemas import Id, In, Instant, Out, PageQuery, Reason
from server.domain.tasks import CLAIM_STATE_NAMES, ClaimState
from server.services import claims, people
from server.services.batches import Outcome
from server.services.claim_lists import ClaimLine


class ClaimIn(In):
    """A place for oneself."""

    shift: Id | None = Field(None, description="班次编号；有班次的岗位必须选")


class TeamClaimIn(In):
    """Places for several members of one's team, all or nothing."""

    team: Id = Field(description="志愿服务队编号")
    members: list[Id] = Field(min_length=1, max_length=50, description="队员的人员编号")
    shift: Id | None = None


class ClaimOut(Out):
    """A claim."""

    id: str
    state: ClaimState
    state_name: str
    version: int
    task: str = Field(description="任务编号")
    task_title: str
    place: str
    shift: str | None
    starts_at: Instant
    ends_at: Instant
    person: str = Field(description="报名人的人员编号")
    person_name: str
    reason: str | None
    claimed_at: Instant
    stand_in_asked: bool = Field(description="已请人顶班，等待答复")


class ClaimMade(ClaimOut):
    """A claim just made, with what it overlaps."""

    overlaps: list[str] = Field(description="同一时间本人还报了这些任务（标题），只作提醒")


class ClaimsMade(Out):
    """The claims made for a team."""

    items: list[ClaimOut]


class ClaimQuery(PageQuery):
    """Which claims the secretary wants to see."""

    state: ClaimState = Field(ClaimState.PENDING, description="只看这种状态")
    task: Id | None = Field(None, description="只看这项任务")


class DecisionIn(In):
    """One decision."""

    approve: bool = Field(description="true 通过，false 不通过")
    reason: Reason | None = Field(None, description="不通过时必须写明原因")
    version: int | None = Field(None, description="看到的 version；别人处理过则得 STALE")


class DecisionsIn(In):
    """One decision on many claims."""

    ids: list[Id] = Field(min_length=1, max_length=200, description="报名编号")
    approve: bool = Field(description="true 通过，false 不通过")
    reason: Reason | None = Field(None, description="不通过时必须写明原因")


class FailureOut(Out):
    """One that was not decided."""

    id: str
    code: str = Field(description="稳定的错误码", examples=["ILLEGAL_MOVE"])
    message: str
    reasons: list[str] = Field(default_factory=list, description="需要核实的原因")


class OutcomeOut(Out):
    """What stands and what failed."""

    done: list[str] = Field(description="已办成的编号")
    failed: list[FailureOut]


class ReasonIn(In):
    """Why."""

    reason: Reason = Field(description="原因", examples=["孩子生病"])


class StandInIn(In):
    """Who is asked."""

    person: Id = Field(description="顶班人的人员编号")


class AnswerIn(In):
    """Yes or no."""

    accept: bool


def claim_out(line: ClaimLine) -> ClaimOut:
    """A claim as JSON."""
    return ClaimOut(**claim_fields(line))


def claim_fields(line: ClaimLine) -> dict[str, Any]:
    """The fields of ClaimOut."""
    claim, window = line.claim, line.shift or line.task
    return {
        "id": claim.public_id,
        "state": claim.state,
        "state_name": CLAIM_STATE_NAMES[claim.state],
        "version": claim.version,
        "task": line.task.public_id,
        "task_title": line.task.title,
        "place": line.task.place,
        "shift": line.shift.public_id if line.shift is not None else None,
        "starts_at": window.starts_at,
        "ends_at": window.ends_at,
        "person": line.person.public_id,
        "person_name": people.name_of(line.person),
        "reason": claims.reason_of(line.person, claim),
        "claimed_at": claim.claimed_at,
        "stand_in_asked": claim.offered_to_id is not None,
    }


def outcome_out(outcome: Outcome[Any]) -> OutcomeOut:
    """A bulk decision as JSON."""
    failed = [FailureOut(id=one.id, code=one.code, message=one.message, reasons=list(one.reasons)) for one in outcome.failed]
    return OutcomeOut(done=[row.public_id for row in outcome.done], failed=failed)
