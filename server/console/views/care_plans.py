"""定期照护: plans, the days they were kept or missed, hand-over, and whom three missed visits alarmed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from server.console import places, request_pages
from server.console.desk import Answer, Call, Desk
from server.console.forms import Sheet, blame, day, number, text
from server.console.intake_places import where
from server.console.person_fields import mobile_of, person_phone
from server.db.models.care import CarePlan
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.platform import Undo
from server.domain.days import local_day
from server.domain.handling import CARE_PLAN_STATE_NAMES, CARE_VISIT_STATE_NAMES, MISSED_ALARMS, CarePlanState
from server.domain.permissions import Permission as P
from server.domain.permissions import may_on_node
from server.domain.problems import Problem
from server.services import care_plans, people, request_cases, request_desks, scopes

desk = Desk("care_plans")
TONES = {CarePlanState.ASKED: "wait", CarePlanState.ACTIVE: "good", CarePlanState.ENDED: "plain"}
NOBODY = "没有找到登记这个手机号的人，请核对"


class PlanSheet(Sheet):
    """What is done, how often, by whom."""

    carer_phone = person_phone("照护人手机号", required=True, hint="照护人同意后才开始")
    what = text("做什么", longest=2000, rows=3, hint="如：上门量血压、聊聊天")
    every_days = number("每几天一次", least=1, most=92, default=7)
    first_on = day("第一次上门日期")


class NewPlanSheet(PlanSheet):
    """And for whom."""

    person_phone = person_phone("被照护人手机号", required=True, hint="没有手机的，请从他的诉求页面建计划")


class HandOverSheet(Sheet):
    """To whom."""

    carer_phone = person_phone("接手人手机号", required=True, hint="对方同意后生效")


class EndSheet(Sheet):
    """Why it ends."""

    reason = text("结束原因", longest=200, rows=3)


class NoteSheet(Sheet):
    """What was found."""

    note = text("情况（可以不写）", longest=2000, required=False)


@desk.page("/care", permission=P.REQUESTS_READ)
def list_plans(call: Call) -> Answer:
    """社区的照护计划，新的在前；连续三次没上门的会提醒."""
    here, after = places.chosen(call, P.REQUESTS_READ), call.args.get("after") or None
    rows, following = care_plans.of_community(call.session, community=here.here, actor=call.actor, after=after, limit=request_pages.LINES)
    names = request_desks.people_named(call.session, {one for row in rows for one in (row.person_id, row.carer_id)})
    lines = [
        {"plan": row, "person": names[row.person_id], "carer": names[row.carer_id], "state": CARE_PLAN_STATE_NAMES[row.state],
         "tone": TONES[row.state], "alarm": row.missed >= MISSED_ALARMS}
        for row in rows
    ]  # fmt: skip
    more = f"?{urlencode({'at': here.here.public_id, 'after': following})}" if following else ""
    return call.show("console/care_plans/list.html", places=here, lines=lines, more=more)


@desk.form("/care/new", permission=P.REQUESTS_DISPATCH)
def create(call: Call) -> Answer:
    """建一个照护计划，按手机号找人."""
    here, _below = where(call, call.session, P.REQUESTS_DISPATCH)
    sheet = NewPlanSheet(call.typed, data={"first_on": local_day(call.now) + timedelta(days=1)})
    return _plan(call, here.here, sheet, None, back="/console/care")


@desk.form("/requests/<id>/care", permission=P.REQUESTS_DISPATCH)
def create_for_request(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """为提出诉求的人建一个照护计划."""
    request = request_cases.visible(call.session, id, actor=call.actor)
    scopes.require(call.session, call.actor, P.REQUESTS_DISPATCH, request.community_id)
    community = call.session.get_one(OrgNode, request.community_id)
    person = call.session.get_one(Person, request.asked_for_id)
    sheet = PlanSheet(call.typed, data={"first_on": local_day(call.now) + timedelta(days=1)})
    return _plan(call, community, sheet, person, back=request_pages.address(request))


@desk.page("/care/<id>", permission=P.REQUESTS_READ)
def show_plan(call: Call, id: str) -> Answer:  # noqa: A002
    """一个照护计划：每次上门的情况，和提醒过谁."""
    plan = _in_reach(call, id)
    visits = [(row, CARE_VISIT_STATE_NAMES[row.outcome], care_plans.note_of(plan, row)) for row in care_plans.visits(call.session, plan)]
    alarms = [(alarm, people.name_of(who)) for alarm, who in care_plans.alarms(call.session, plan)]
    mine = call.actor.person_id == plan.carer_id
    may = may_on_node(call.actor, P.REQUESTS_DISPATCH, scopes.path_of(call.session, plan.community_id))
    return call.show("console/care_plans/one.html", visits=visits, alarms=alarms, mine=mine, may=may, **_about(call, plan))


@desk.form("/care/<id>/hand-over", permission=P.REQUESTS_DISPATCH)
def hand_over(call: Call, id: str) -> Answer:  # noqa: A002
    """交给另一位照护人."""
    sheet = HandOverSheet(call.typed)

    def act(plan: CarePlan) -> Undo:
        return call.step(plan, care_plans.hand_over, to=_known(call, sheet.carer_phone.data, "carer_phone"))

    return _step(call, id, sheet, title="交给另一位", act=act, said="已请对方接手，等他同意")


@desk.form("/care/<id>/end", permission=P.REQUESTS_DISPATCH)
def end(call: Call, id: str) -> Answer:  # noqa: A002
    """结束照护计划并写明原因."""
    sheet = EndSheet(call.typed)

    def act(plan: CarePlan) -> None:
        care_plans.end(call.session, plan, reason=sheet.reason.data, actor=call.actor, now=call.now)

    return _step(call, id, sheet, title="结束计划", act=act, said="计划已结束")


@desk.action("/care/<id>/accept", permission=P.REQUESTS_HANDLE)
def accept(call: Call, id: str) -> Answer:  # noqa: A002
    """照护人是自己：同意."""
    plan = care_plans.visible(call.session, id, actor=call.actor)
    accepted = call.step(plan, care_plans.accept)
    return call.done("计划开始了", to=f"/console/care/{id}", undo=accepted)


@desk.form("/care/<id>/visit", permission=P.REQUESTS_HANDLE)
def visit(call: Call, id: str) -> Answer:  # noqa: A002
    """照护人是自己：记今天的上门."""
    sheet = NoteSheet(call.typed)

    def act(plan: CarePlan) -> None:
        care_plans.visit(call.session, plan, note=sheet.note.data or None, actor=call.actor, now=call.now)

    return _step(call, id, sheet, title="记今天的上门", act=act, said="已记下")


def _plan(call: Call, community: OrgNode, sheet: Any, person: Person | None, *, back: str) -> Answer:
    if call.posted and sheet.validate():
        plan = care_plans.create(
            call.session,
            community=community,
            person=person or _known(call, sheet.person_phone.data, "person_phone"),
            carer=_known(call, sheet.carer_phone.data, "carer_phone"),
            what=sheet.what.data,
            every_days=sheet.every_days.data,
            first_on=sheet.first_on.data,
            actor=call.actor,
            now=call.now,
        )
        return call.done("已请照护人，等他同意", to=f"/console/care/{plan.public_id}")
    blame(sheet, call.problem)
    name = people.name_of(person) if person is not None else ""
    return call.show("console/care_plans/new.html", 422 if call.posted else 200, sheet=sheet, name=name, community=community, to_back=back)


def _step(call: Call, public_id: str, sheet: Sheet, *, title: str, act: Any, said: str) -> Answer:
    plan = _in_reach(call, public_id)
    if call.posted and sheet.validate():
        made = act(plan)
        return call.done(said, to=f"/console/care/{public_id}", undo=made if isinstance(made, Undo) else None)
    blame(sheet, call.problem)
    return call.show("console/care_plans/step.html", 422 if call.posted else 200, sheet=sheet, title=title, **_about(call, plan))


def _in_reach(call: Call, public_id: str) -> CarePlan:
    return care_plans.visible(call.session, public_id, actor=call.actor)


def _known(call: Call, phone: str, name: str) -> Person:
    found = people.by_phone(call.session, mobile_of(phone) or "")
    if found is None:
        raise Problem("INVALID", fields={name: NOBODY})
    return found


def _about(call: Call, plan: CarePlan) -> dict[str, Any]:
    person, carer = care_plans.named(call.session, plan)
    return {
        "plan": plan,
        "person": person,
        "carer": carer,
        "what": care_plans.what_of(plan),
        "state": CARE_PLAN_STATE_NAMES[plan.state],
        "tone": TONES[plan.state],
        "alarm": plan.missed >= MISSED_ALARMS and plan.state is CarePlanState.ACTIVE,
    }
