"""Claiming, leaving, standing in, deciding."""

from __future__ import annotations

from typing import Any

from miniprogram_api.claim_schemas import (
    AnswerIn,
    ClaimIn,
    ClaimMade,
    ClaimOut,
    ClaimQuery,
    ClaimsMade,
    DecisionIn,
    DecisionsIn,
    OutcomeOut,
    ReasonIn,
    StandInIn,
    TeamClaimIn,
    claim_fields,
    claim_out,
    outcome_out,
)
from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import Page, PageQuery
from server.db.models.people import Person
from server.db.models.tasks import Shift, Task
from server.domain.permissions import Permission as P
from server.domain.tasks import ClaimAction
from server.services import claim_decisions, claim_lists, people, stand_ins, task_lists, tasks, teams
from server.services import claims as service

claims = Resource("claims", "报名认领")
CLAIM_PROBLEMS = ("CLAIM_CLOSED", "CLAIM_EXISTS", "CLAIM_NOT_ASKED", "CLAIM_NOT_NEEDED", "SHIFT_REQUIRED", "TASK_FULL")


@claims.post(
    "/tasks/<task_id>/claims",
    permission=P.CLAIMS_CREATE,
    body=ClaimIn,
    answer=ClaimMade,
    status=201,
    problems=(*CLAIM_PROBLEMS, "CLAIM_TEAM_ONLY"),
)
def claim_task(call: Call[ClaimIn], task_id: str) -> ClaimMade:
    """报名（认领）；不需要审核的立即通过。时间冲突只提醒，不阻止."""
    task, shift = _task_and_shift(call, task_id, call.body.shift)
    person = call.session.get_one(Person, call.actor.id)
    made = service.claim(call.session, task, person=person, actor=call.actor, now=call.now, shift=shift)
    line = claim_lists.line_of(call.session, made.public_id, actor=call.actor)
    return ClaimMade(**claim_fields(line), overlaps=[other.title for other in service.overlapping(call.session, made)])


@claims.post(
    "/tasks/<task_id>/team-claims", permission=P.CLAIMS_CREATE, body=TeamClaimIn, answer=ClaimsMade, status=201, problems=CLAIM_PROBLEMS
)
def claim_task_for_team(call: Call[TeamClaimIn], task_id: str) -> ClaimsMade:
    """队长为几名队员一起报名：要么都成，要么都不成."""
    task, shift = _task_and_shift(call, task_id, call.body.shift)
    team = teams.by_public_id(call.session, call.body.team)
    members = teams.people_named(call.session, call.body.members)
    made = service.claim_for_team(call.session, task, team=team, members=members, actor=call.actor, now=call.now, shift=shift)
    return ClaimsMade(items=[claim_out(claim_lists.line_of(call.session, one.public_id, actor=call.actor)) for one in made])


@claims.get("/me/claims", permission=P.ME, query=PageQuery, answer=Page[ClaimOut], etag=True)
def list_my_claims(call: Call[None]) -> Page[ClaimOut]:
    """本人的报名，含替队员报的和别人请本人顶班的，新的在前."""
    lines, following = claim_lists.mine(call.session, actor=call.actor, after=call.query.after, limit=call.query.limit)
    return Page[ClaimOut](items=[claim_out(line) for line in lines], next=following)


@claims.get("/claims", permission=P.TASKS_ORGANISE, query=ClaimQuery, answer=Page[ClaimOut], etag=True)
def list_claims(call: Call[None]) -> Page[ClaimOut]:
    """社区（或本人组织的任务）的报名，先报的在前."""
    asked: ClaimQuery = call.query
    task = tasks.by_public_id(call.session, asked.task) if asked.task else None
    lines, following = claim_lists.decidable(
        call.session, actor=call.actor, states=(asked.state,), task=task, after=asked.after, limit=asked.limit
    )
    return Page[ClaimOut](items=[claim_out(line) for line in lines], next=following)


@claims.get("/claims/<claim_id>", permission=P.ME, answer=ClaimOut)
def show_claim(call: Call[None], claim_id: str) -> ClaimOut:
    """一条报名."""
    return _shown(call, claim_id)


@claims.post(
    "/claims/<claim_id>/decide",
    permission=P.CLAIMS_DECIDE,
    body=DecisionIn,
    answer=ClaimOut,
    problems=("CLAIM_CLOSED", "ILLEGAL_MOVE", "NOTE_REQUIRED"),
)
def decide_claim(call: Call[DecisionIn], claim_id: str) -> ClaimOut:
    """社区书记通过或不通过一条报名，并通知报名人."""
    body = call.body
    claim_decisions.decide(
        call.session,
        service.by_public_id(call.session, claim_id),
        action=_action(body.approve),
        actor=call.actor,
        now=call.now,
        reason=body.reason,
        seen=body.version,
    )
    return _shown(call, claim_id)


@claims.post("/claims/decide", permission=P.CLAIMS_DECIDE, body=DecisionsIn, answer=OutcomeOut, problems=("NOTE_REQUIRED",))
def decide_claims(call: Call[DecisionsIn]) -> OutcomeOut:
    """批量通过或不通过，最多 200 条：办成的有效，没办成的逐条说明."""
    body = call.body
    outcome = claim_decisions.decide_many(
        call.session, body.ids, action=_action(body.approve), actor=call.actor, now=call.now, reason=body.reason
    )
    return outcome_out(outcome)


@claims.post("/claims/<claim_id>/withdraw", permission=P.CLAIMS_CREATE, answer=ClaimOut, problems=("ILLEGAL_MOVE", "LEAVE_LATE"))
def withdraw_claim(call: Call[None], claim_id: str) -> ClaimOut:
    """开始前撤回报名，名额随即空出."""
    service.withdraw(call.session, service.by_public_id(call.session, claim_id), actor=call.actor, now=call.now)
    return _shown(call, claim_id)


@claims.post(
    "/claims/<claim_id>/excuse",
    permission=P.CLAIMS_CREATE,
    body=ReasonIn,
    answer=ClaimOut,
    problems=("ILLEGAL_MOVE", "LEAVE_LATE", "NOTE_REQUIRED"),
)
def excuse_claim(call: Call[ReasonIn], claim_id: str) -> ClaimOut:
    """来不了，请假并说明原因；不影响任何评价."""
    service.excuse(call.session, service.by_public_id(call.session, claim_id), reason=call.body.reason, actor=call.actor, now=call.now)
    return _shown(call, claim_id)


@claims.post(
    "/claims/<claim_id>/stand-in",
    permission=P.CLAIMS_CREATE,
    body=StandInIn,
    answer=ClaimOut,
    problems=("CLAIM_CLOSED", "CLAIM_EXISTS", "CLAIM_NOT_ASKED", "ILLEGAL_MOVE", "STAND_IN_SELF"),
)
def offer_stand_in(call: Call[StandInIn], claim_id: str) -> ClaimOut:
    """请一位顶班；对方同意前名额仍是本人的."""
    to = people.by_public_id(call.session, call.body.person)
    stand_ins.offer(call.session, service.by_public_id(call.session, claim_id), to=to, actor=call.actor, now=call.now)
    return _shown(call, claim_id)


@claims.post(
    "/claims/<claim_id>/stand-in/answer",
    permission=P.CLAIMS_CREATE,
    body=AnswerIn,
    answer=ClaimOut,
    problems=("CLAIM_CLOSED", "CLAIM_EXISTS", "ILLEGAL_MOVE"),
)
def answer_stand_in(call: Call[AnswerIn], claim_id: str) -> ClaimOut:
    """同意或不同意顶班；同意后得到本人的新报名."""
    claim = service.by_public_id(call.session, claim_id)
    if not call.body.accept:
        line = claim_lists.line_of(call.session, claim_id, actor=call.actor)
        stand_ins.refuse(call.session, claim, actor=call.actor, now=call.now)
        return claim_out(line)
    person = call.session.get_one(Person, call.actor.id)
    return _shown(call, stand_ins.accept(call.session, claim, person=person, actor=call.actor, now=call.now).public_id)


@claims.post("/claims/<claim_id>/no-show", permission=P.TASKS_ORGANISE, answer=ClaimOut, problems=("ILLEGAL_MOVE", "NO_SHOW_EARLY"))
def mark_no_show(call: Call[None], claim_id: str) -> ClaimOut:
    """组织者在结束后登记未到；只影响名额，不扣任何分."""
    service.mark_no_show(call.session, service.by_public_id(call.session, claim_id), actor=call.actor, now=call.now)
    return _shown(call, claim_id)


@claims.post("/claims/<claim_id>/no-show/undo", permission=P.TASKS_ORGANISE, answer=ClaimOut, problems=("ILLEGAL_MOVE",))
def undo_no_show(call: Call[None], claim_id: str) -> ClaimOut:
    """撤销误登记的未到."""
    service.undo_no_show(call.session, service.by_public_id(call.session, claim_id), actor=call.actor, now=call.now)
    return _shown(call, claim_id)


def _action(approve: bool) -> ClaimAction:
    return ClaimAction.APPROVE if approve else ClaimAction.DECLINE


def _task_and_shift(call: Call[Any], task_id: str, shift: str | None) -> tuple[Task, Shift | None]:
    task = tasks.by_public_id(call.session, task_id)
    return task, task_lists.shift_by_public_id(call.session, task, shift) if shift else None


def _shown(call: Call[Any], claim_id: str) -> ClaimOut:
    return claim_out(claim_lists.line_of(call.session, claim_id, actor=call.actor))
