"""Recurring care: a rhythm of visits by somebody who said yes, handed over with consent; three missed alarm (mission row C13)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db import vault
from server.db.base import new_public_id
from server.db.models.care import CareAlarm, CarePlan, CareVisit
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.domain.days import local_day
from server.domain.handling import CARE_PLAN_TRANSITIONS, MISSED_ALARMS, CarePlanAction, CarePlanState, CareVisitState, next_visit
from server.domain.notices import NoticeKind
from server.domain.people import Purpose
from server.domain.permissions import SYSTEM, Actor, Permission
from server.domain.problems import Problem
from server.services import consents, events, lists, notices, people, receivers, scopes

BATCH = 200
WHAT, NOTE = "care_plan.what", "care_visit.note"


def create(
    session: Session,
    *,
    community: OrgNode,
    person: Person,
    carer: Person,
    what: str,
    every_days: int,
    first_on: date,
    actor: Actor,
    now: datetime,
) -> CarePlan:
    """A plan that begins when the carer says yes. Raises NOT_FOUND (out of scope), CONSENT_REQUIRED, CARER_SELF, INVALID."""
    scopes.require(session, actor, Permission.REQUESTS_DISPATCH, community.id)
    consents.require(session, person_id=person.id, purpose=Purpose.SERVICE)
    if carer.id == person.id:
        raise Problem("CARER_SELF")
    if first_on < local_day(now):
        raise Problem("INVALID", fields={"first_on": "第一次上门不能早于今天"})
    plan = CarePlan(
        public_id=new_public_id(),
        community_id=community.id,
        person_id=person.id,
        carer_id=carer.id,
        state=CarePlanState.ASKED,
        every_days=every_days,
        next_on=first_on,
        salt=vault.new_salt(),
        created_at=now,
    )
    plan.what = vault.seal(plan.salt, WHAT, plan.public_id, what)
    session.add(plan)
    session.flush()
    events.add(session, plan, action="create", actor=actor, now=now, after=plan.state)
    _tell(session, plan, [carer.id], "asked", now=now)
    return plan


def accept(session: Session, plan: CarePlan, *, actor: Actor, now: datetime) -> CarePlan:
    """The carer says yes; a day already past is not asked for. Raises NOT_FOUND, ILLEGAL_MOVE, STALE."""
    _require_carer(plan, actor)
    today = local_day(now)
    following = plan.next_on if plan.next_on >= today else next_visit(plan.next_on, plan.every_days, today)
    return _move(session, plan, CarePlanAction.ACCEPT, actor=actor, now=now, next_on=following)


def hand_over(session: Session, plan: CarePlan, *, to: Person, actor: Actor, now: datetime) -> CarePlan:
    """The carer, or the community, asks somebody else; who must say yes too. Raises NOT_FOUND, CARER_SELF, ILLEGAL_MOVE, STALE."""
    if actor.person_id != plan.carer_id:
        scopes.require(session, actor, Permission.REQUESTS_DISPATCH, plan.community_id)
    if to.id in (plan.person_id, plan.carer_id):
        raise Problem("CARER_SELF")
    _move(session, plan, CarePlanAction.HAND_OVER, actor=actor, now=now, carer_id=to.id, missed=0)
    _tell(session, plan, [to.id], "asked", now=now)
    return plan


def end(session: Session, plan: CarePlan, *, reason: str, actor: Actor, now: datetime) -> CarePlan:
    """The community ends it. Raises NOT_FOUND, NOTE_REQUIRED, ILLEGAL_MOVE."""
    return _move(session, plan, CarePlanAction.END, actor=actor, now=now, note=reason, ended_at=now)


def visit(session: Session, plan: CarePlan, *, note: str | None, actor: Actor, now: datetime) -> CareVisit:
    """The carer was there today; it counts for the day that was due, once a day. Raises NOT_FOUND, ILLEGAL_MOVE, STALE."""
    _require_carer(plan, actor)
    if plan.state is not CarePlanState.ACTIVE:
        raise Problem("ILLEGAL_MOVE", data={"state": plan.state.value, "action": "visit"})
    today = local_day(now)
    row = CareVisit(public_id=new_public_id(), plan_id=plan.id, day=today, outcome=CareVisitState.DONE, carer_id=actor.id, at=now)
    row.note = vault.seal(plan.salt, NOTE, row.public_id, note) if note else None
    session.add(row)
    due = plan.next_on <= today + timedelta(days=plan.every_days // 2)  # a little early counts for the next day due
    following = next_visit(max(plan.next_on, today), plan.every_days, today) if due else plan.next_on
    events.shift(session, plan, to=plan.state, next_on=following, missed=0)
    events.add(session, plan, action="visit", actor=actor, now=now)
    return row


def miss_due(session: Session, *, now: datetime) -> int:
    """Note the days that passed without a visit (a sweep calls it); after three in a row alarm. Returns how many plans; once a day."""
    today = local_day(now)
    late = select(CarePlan).where(CarePlan.state == CarePlanState.ACTIVE, CarePlan.next_on < today)
    held = late.order_by(CarePlan.next_on, CarePlan.id).limit(BATCH).with_for_update(skip_locked=True, key_share=True)
    plans = list(session.execute(held.execution_options(populate_existing=True)).scalars())
    for plan in plans:
        _miss(session, plan, today, now)
    return len(plans)


def what_of(plan: CarePlan) -> str:
    """What is to be done at a visit."""
    return vault.open_sealed(plan.salt, WHAT, plan.public_id, plan.what)


def note_of(plan: CarePlan, visit: CareVisit) -> str:
    """What the carer wrote."""
    return vault.open_sealed(plan.salt, NOTE, visit.public_id, visit.note)


def visible(session: Session, public_id: str, *, actor: Actor) -> CarePlan:
    """The plan, for the carer, the one cared for, and the community's staff. Raises NOT_FOUND."""
    plan = session.execute(select(CarePlan).where(CarePlan.public_id == public_id)).scalar_one_or_none()
    if plan is None:
        raise Problem("NOT_FOUND")
    if actor.person_id not in (plan.carer_id, plan.person_id):
        scopes.require(session, actor, Permission.REQUESTS_READ, plan.community_id)
    return plan


def mine(session: Session, *, actor: Actor, after: str | None, limit: int) -> tuple[list[CarePlan], str | None]:
    """The plans in which the person is the carer or is cared for, newest first."""
    own = select(CarePlan).where((CarePlan.carer_id == actor.id) | (CarePlan.person_id == actor.id))
    rows, following = lists.page(session, own, CarePlan, after=after, limit=limit, newest_first=True)
    return [row[0] for row in rows], following


def of_community(session: Session, *, community: OrgNode, actor: Actor, after: str | None, limit: int) -> tuple[list[CarePlan], str | None]:
    """A community's plans, newest first. Raises NOT_FOUND."""
    scopes.require(session, actor, Permission.REQUESTS_READ, community.id)
    rows, following = lists.page(
        session, select(CarePlan).where(CarePlan.community_id == community.id), CarePlan, after=after, limit=limit, newest_first=True
    )
    return [row[0] for row in rows], following


def visits(session: Session, plan: CarePlan) -> Sequence[CareVisit]:
    """Its days, newest first, at most 100."""
    found = select(CareVisit).where(CareVisit.plan_id == plan.id).order_by(CareVisit.day.desc()).limit(100)
    return session.execute(found).scalars().all()


def alarms(session: Session, plan: CarePlan) -> Sequence[tuple[CareAlarm, Person]]:
    """Whom it alarmed and when, newest first."""
    found = select(CareAlarm, Person).join(Person, Person.id == CareAlarm.person_id).where(CareAlarm.plan_id == plan.id)
    return [(alarm, person) for alarm, person in session.execute(found.order_by(CareAlarm.id.desc()))]


def named(session: Session, plan: CarePlan) -> tuple[str, str]:
    """The names of the one cared for and of the carer."""
    return people.name_of(session.get_one(Person, plan.person_id)), people.name_of(session.get_one(Person, plan.carer_id))


def _miss(session: Session, plan: CarePlan, today: date, now: datetime) -> None:
    """Every day due that has passed is one missed visit; a backlog of more than three says nothing new."""
    days = [plan.next_on + timedelta(days=step * plan.every_days) for step in range((today - plan.next_on).days // plan.every_days + 1)]
    past = [day for day in days if day < today]
    for day in past[-MISSED_ALARMS:]:
        row = CareVisit(public_id=new_public_id(), plan_id=plan.id, day=day, outcome=CareVisitState.MISSED, carer_id=plan.carer_id, at=now)
        session.add(row)
    missed = plan.missed + len(past)
    events.shift(session, plan, to=plan.state, next_on=past[-1] + timedelta(days=plan.every_days), missed=missed)
    events.add(session, plan, action="miss", actor=SYSTEM, now=now)
    if missed // MISSED_ALARMS > (missed - len(past)) // MISSED_ALARMS:
        _alarm(session, plan, today, now)


def _alarm(session: Session, plan: CarePlan, today: date, now: datetime) -> None:
    """The staff of the community and the carer are told; who they were stays on the plan."""
    staff = receivers.staff_on(session, plan.community_id, Permission.REQUESTS_DISPATCH, now=now)
    told = list(dict.fromkeys([*staff, plan.carer_id]))
    session.add_all([CareAlarm(plan_id=plan.id, day=today, person_id=person_id, at=now) for person_id in told])
    _tell(session, plan, told, "missed", now=now)


def _tell(session: Session, plan: CarePlan, told: Sequence[int], outcome: str, *, now: datetime) -> None:
    for person_id in told:
        notices.tell(
            session,
            person_id=person_id,
            kind=NoticeKind.CARE_ALARM,
            subject_kind="care_plan",
            subject_public_id=plan.public_id,
            facts={"outcome": outcome},
            dedupe=f"care:{plan.id}:{plan.version}:{outcome}:{person_id}",
            now=now,
        )


def _move(session: Session, plan: CarePlan, action: CarePlanAction, *, actor: Actor, now: datetime, **more: Any) -> CarePlan:
    return events.move(session, plan, table=CARE_PLAN_TRANSITIONS, action=action, actor=actor, now=now, **more)


def _require_carer(plan: CarePlan, actor: Actor) -> None:
    if actor.person_id != plan.carer_id:
        raise Problem("NOT_FOUND")
