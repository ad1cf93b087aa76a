"""Random walks over claims and records: whatever people do in whatever order, the places and the figures hold."""

from datetime import timedelta
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from server.db.base import transaction
from server.db.models.checkins import ServiceRecord
from server.db.models.people import Person
from server.db.models.tallies import Contribution
from server.db.models.tasks import Claim, Task
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.problems import Problem
from server.domain.records import COUNTS
from server.domain.tasks import HOLDS_PLACE, ClaimAction
from server.services import claim_decisions, claims, confirmations, records, stand_ins, tasks
from tests.conftest import START
from tests.factories.checkins import a_scan, open_task
from tests.factories.people import Tree, a_person, a_tree, actor_of, with_role
from tests.factories.tasks import a_task

PEOPLE = 5
WALKS = settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
CLAIM_STEPS = ("claim", "approve", "decline", "withdraw", "excuse", "no_show", "undo", "offer", "accept", "refuse", "end", "cancel")
RECORD_STEPS = ("report", "confirm", "send_back", "dispute", "uphold", "void", "correct")


class Walk:
    """A task for three, five people, an organiser and a secretary; every step is one transaction, refused or done."""

    def __init__(self, tree: Tree) -> None:
        with transaction() as session:
            organiser = a_person(session, START, "王组长")
            self.task_id = a_task(session, START, tree, organiser, capacity=3).id
            self.people = [a_person(session, START).id for _ in range(PEOPLE)]
            self.organiser = Actor(organiser.id)
            self.secretary = actor_of(session, with_role(session, START, Role.SECRETARY, tree.community), START)

    def step(self, what: str, who: int, other: int) -> str:
        """Take one step as person `who`; the code where it is refused."""
        try:
            with transaction() as session:
                self._do(session, what, self.people[who], self.people[other])
        except Problem as problem:
            return problem.code
        return "done"

    def _do(self, session: Session, what: str, who: int, other: int) -> None:
        task, me = session.get_one(Task, self.task_id), Actor(who)
        if what == "claim":
            claims.claim(session, task, person=session.get_one(Person, who), actor=me, now=START)
            return
        if what in ("end", "cancel"):
            if other == who:  # seldom, else nothing else ever happens
                self._close(session, task, what)
            return
        claim = session.execute(select(Claim).where(Claim.person_id == who).order_by(Claim.id.desc()).limit(1)).scalar_one_or_none()
        if claim is None:
            return
        late = task.ends_at + timedelta(minutes=1)
        friend = session.get_one(Person, other)
        deeds: dict[str, Any] = {
            "approve": lambda: self._decide(session, claim, ClaimAction.APPROVE),
            "decline": lambda: self._decide(session, claim, ClaimAction.DECLINE),
            "withdraw": lambda: claims.withdraw(session, claim, actor=me, now=START),
            "excuse": lambda: claims.excuse(session, claim, reason="有事", actor=me, now=START),
            "no_show": lambda: claims.mark_no_show(session, claim, actor=self.organiser, now=late),
            "undo": lambda: claims.undo_no_show(session, claim, actor=self.organiser, now=late),
            "offer": lambda: stand_ins.offer(session, claim, to=friend, actor=me, now=START),
            "accept": lambda: stand_ins.accept(session, claim, person=friend, actor=Actor(other), now=START),
            "refuse": lambda: stand_ins.refuse(session, claim, actor=Actor(other), now=START),
        }
        deeds[what]()

    def _close(self, session: Session, task: Task, what: str) -> None:
        if what == "end":
            tasks.end(session, task, actor=SYSTEM, now=START)
        else:
            tasks.cancel(session, task, reason="下雨", actor=SYSTEM, now=START)

    def _decide(self, session: Session, claim: Claim, action: ClaimAction) -> None:
        claim_decisions.decide(session, claim, action=action, actor=self.secretary, now=START, reason="名额已满")


@pytest.fixture
def tree(database: Engine, redis: Any, vaulted: None, time: Any) -> Tree:
    """The county; each example brings people and a task of its own."""
    with transaction() as session:
        return a_tree(session, START)


STEPS = st.lists(st.tuples(st.sampled_from(CLAIM_STEPS), st.integers(0, PEOPLE - 1), st.integers(0, PEOPLE - 1)), max_size=25)


@WALKS
@given(steps=STEPS)
def test_places_hold_whatever_people_do(tree: Tree, steps: list[tuple[str, int, int]]) -> None:
    walk = Walk(tree)
    for what, who, other in steps:
        walk.step(what, who, other)
    with transaction() as session:
        held = session.execute(select(Claim.person_id).where(Claim.task_id == walk.task_id, Claim.state.in_(HOLDS_PLACE))).scalars().all()
        task = session.get_one(Task, walk.task_id)
        assert task.taken == len(held) == len(set(held)) <= task.capacity


@WALKS
@given(steps=st.lists(st.sampled_from(RECORD_STEPS), max_size=12))
def test_only_a_final_record_counts_and_counts_once(tree: Tree, steps: list[str]) -> None:
    with transaction() as session:
        organiser, person = a_person(session, START), a_person(session, START)
        by, me = actor_of(session, organiser, START), actor_of(session, person, START)
        secretary = actor_of(session, with_role(session, START, Role.SECRETARY, tree.community), START)
        task = open_task(session, START, tree, organiser)
        a_scan(session, START, task, person)
        person_id = person.id
    end = START + timedelta(hours=1)

    def newest(session: Session) -> ServiceRecord:
        mine = select(ServiceRecord).where(ServiceRecord.person_id == person_id).order_by(ServiceRecord.id.desc()).limit(1)
        return session.execute(mine).scalar_one()

    deeds: dict[str, Any] = {
        "report": lambda s, r: records.report(s, r, text="已完成", actor=me, now=end),
        "confirm": lambda s, r: confirmations.confirm(s, r, actor=by, now=end, ended_at=end),
        "send_back": lambda s, r: records.send_back(s, r, reason="请补充", actor=by, now=end),
        "dispute": lambda s, r: records.dispute(s, r, reason="不对", actor=me, now=end),
        "uphold": lambda s, r: records.uphold(s, r, reason="核对过", actor=secretary, now=end),
        "void": lambda s, r: records.void(s, r, reason="重复", actor=secretary, now=end),
        "correct": lambda s, r: records.correct(s, r, started_at=START, ended_at=end, reason="改时间", actor=secretary, now=end),
    }
    for what in steps:
        try:
            with transaction() as session:
                deeds[what](session, newest(session))
        except Problem:
            pass
        with transaction() as session:
            counting = select(ServiceRecord).where(ServiceRecord.person_id == person_id, ServiceRecord.state.in_(COUNTS))
            final = session.execute(counting).scalars().all()
            net = session.execute(
                select(func.coalesce(func.sum(Contribution.visits), 0), func.coalesce(func.sum(Contribution.minutes), 0)).where(
                    Contribution.person_id == person_id
                )
            ).one()
            assert tuple(net) == (len(final), sum(record.minutes for record in final))
            assert len(final) <= 1
            assert all(record.grade in ("A", "B") for record in final)
