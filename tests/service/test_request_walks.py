"""Random walks over requests: whoever does what in whatever order, with clocks that jump and sweeps that run twice or not at all.

No request vanishes; no state is without an exit or an end; each end has an actor (or the system) and its event; no closed request changes;
no deadline moves backwards without an event; the funnel's buckets always add up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from jobs import requests as job
from server.db.base import reading, transaction
from server.db.models.orgs import OrgNode
from server.db.models.platform import Event
from server.db.models.requests import Request, RequestOffer
from server.domain.funnels import BUCKET_OF, Bucket
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.problems import Problem
from server.domain.request_triage import RejectChannel
from server.domain.requests import CONTACT, ENDS, REQUEST_TRANSITIONS, OfferState, RequestLevel, RequestState
from server.domain.sign_offs import AgainReason
from server.services import (
    dispatch,
    endings,
    escalations,
    extensions,
    funnels,
    handling,
    request_claims,
    sign_offs,
    triage,
)
from server.services.receivers import Receiver
from server.services.triage import Judgement
from tests.conftest import START
from tests.factories.people import Tree, a_person, a_tree, actor_of, with_role
from tests.factories.requests import a_request, a_requester

WALKS = settings(
    max_examples=30, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
REQUESTS, ACTORS = 3, 9  # 0–2 residents, 3–4 helpers, 5–6 secretaries, 7 the street, 8 the county
FITTING = ACTORS  # whoever it is up to, so that walks also come far
STEPS = (
    "triage", "merge", "reject", "publish", "dispatch", "whistle", "claim", "decide", "accept", "decline", "arrive", "start", "contact",
    "visit", "pause", "resume", "ask", "extend", "finish", "sign", "again", "redo", "escalate", "take_up", "explain", "approve", "refuse",
    "withdraw",
)  # fmt: skip
RESIDENTS, STREETS = ("sign", "again", "withdraw"), ("take_up", "explain")
STAFF = ("triage", "merge", "reject", "publish", "dispatch", "whistle", "decide", "extend", "escalate")
ANSWERS = ("accept", "decline", "arrive")
CLOCK = ("hour", "days", "sweep", "sweep_twice")


@dataclass(frozen=True)
class Seen:
    """What a step may not change silently."""

    state: RequestState
    version: int
    due_at: datetime | None
    finish_due_at: datetime | None
    events: int


class Walk:
    """Three requests of three residents; two helpers, two secretaries, two of the street, a stranger. Every step is one transaction."""

    def __init__(self, tree: Tree) -> None:
        self.now = START
        with transaction() as session:
            residents = [a_requester(session, START) for _ in range(REQUESTS)]
            helpers = [a_person(session, START) for _ in range(2)]
            staff = [with_role(session, START, Role.SECRETARY, tree.community) for _ in range(2)]
            staff += [with_role(session, START, Role.STREET, tree.street), with_role(session, START, Role.COUNTY, tree.county)]
            self.requests = [a_request(session, START, tree, person, content=f"{person.id}").id for person in residents]
            self.helpers = [person.id for person in helpers]
            self.actors = [actor_of(session, person, START) for person in (*residents, *helpers, *staff)]
        self.tree = tree

    def step(self, what: str, which: int, who: int) -> str:
        """Take one step; the code where it is refused."""
        if what in CLOCK:
            self._clock(what)
            return "done"
        try:
            with transaction() as session:
                request = session.get_one(Request, self.requests[which])
                actor = self.actors[who] if who < ACTORS else self._fitting(session, what, request)
                helper = self.helpers[who % 2 if who < ACTORS else min(request.round // 2, 1)]
                self._do(session, what, request, actor, helper)
        except Problem as problem:
            return problem.code
        return "done"

    def _fitting(self, session: Session, what: str, request: Request) -> Actor:
        if what in RESIDENTS:
            return self.actors[self.requests.index(request.id)]
        if what in STAFF:
            return self.actors[7 if request.state is RequestState.ESCALATED else 5]
        if what in (*STREETS, "approve", "refuse"):
            return self.actors[7 if what in STREETS else 8]
        if what in ANSWERS:
            asked = select(RequestOffer.person_id).where(RequestOffer.request_id == request.id).order_by(RequestOffer.id.desc()).limit(1)
            return Actor(session.execute(asked).scalar() or self.helpers[0])
        return self.actors[3] if what == "claim" or request.handler_person_id is None else Actor(request.handler_person_id)

    def seen(self) -> list[Seen]:
        with reading() as session:
            found = [session.get_one(Request, request_id) for request_id in self.requests]
            return [Seen(row.state, row.version, row.due_at, row.finish_due_at, events_of(session, row)) for row in found]

    def _clock(self, what: str) -> None:
        self.now += {"hour": timedelta(hours=1), "days": timedelta(days=4)}.get(what, timedelta())
        for _ in range({"sweep": 1, "sweep_twice": 2}.get(what, 0)):
            job.escalate(self.now)

    def _do(self, session: Session, what: str, request: Request, actor: Actor, helper: int) -> None:
        now, by = self.now, {"actor": actor, "now": self.now}
        offers = session.execute(select(RequestOffer).where(RequestOffer.request_id == request.id).order_by(RequestOffer.id.desc()))
        offer = offers.scalars().first()
        other = session.get_one(Request, self.requests[(self.requests.index(request.id) + 1) % REQUESTS])
        to = Receiver(person_id=helper)
        deeds: dict[str, Callable[[], Any]] = {
            "triage": lambda: triage.accept(session, request, judgement=Judgement(), **by),
            "merge": lambda: triage.merge(session, request, into=other, **by),
            "reject": lambda: triage.reject(session, request, channel=RejectChannel.HOTLINE, reason="请拨热线", **by),
            "publish": lambda: dispatch.publish(session, request, **by),
            "dispatch": lambda: dispatch.dispatch(session, request, to=to, **by),
            "whistle": lambda: dispatch.whistle(
                session, request, to=[Receiver(person_id=one) for one in self.helpers], reason="到场", **by
            ),
            "claim": lambda: request_claims.claim(session, request, by=Receiver(person_id=actor.id), **by),
            "start": lambda: handling.start(session, request, **by),
            "contact": lambda: handling.contact(session, request, **by),
            "visit": lambda: handling.visit(session, request, note=None, **by),
            "pause": lambda: handling.pause(session, request, reason="等居民", **by),
            "resume": lambda: handling.resume(session, request, **by),
            "ask": lambda: extensions.ask(session, request, until=now + timedelta(days=9), reason="等配件", **by),
            "extend": lambda: extensions.decide(session, request, approve=True, note="同意", **by),
            "finish": lambda: handling.finish(session, request, result="办好了", **by),
            "sign": lambda: sign_offs.sign(session, request, done=True, **by),
            "again": lambda: sign_offs.sign(session, request, done=False, reason=next(iter(AgainReason)), **by),
            "redo": lambda: handling.redo(session, request, **by),
            "escalate": lambda: escalations.escalate(session, request, reason="办不动", **by),
            "take_up": lambda: escalations.take_up(session, request, **by),
            "explain": lambda: endings.explain(session, request, reason="产权不在", **by),
            "approve": lambda: endings.decide_explanation(session, request, approve=True, reason="属实", **by),
            "refuse": lambda: endings.decide_explanation(session, request, approve=False, reason="再想办法", **by),
            "withdraw": lambda: endings.withdraw(session, request, **by),
        }
        if what in deeds:
            deeds[what]()
        elif offer is not None:
            self._answer(session, what, offer, actor)

    def _answer(self, session: Session, what: str, offer: RequestOffer, actor: Actor) -> None:
        now = self.now
        if what == "decide":
            request_claims.decide(session, offer, approve=True, actor=actor, now=now)
        elif what == "decline":
            dispatch.decline(session, offer, reason="没空", actor=actor, now=now)
        else:
            {"accept": dispatch.accept, "arrive": dispatch.arrive}[what](session, offer, actor=actor, now=now)


def events_of(session: Session, request: Request) -> int:
    mine = select(func.count()).where(Event.subject_kind == "request", Event.subject_id == request.id)
    return session.execute(mine).scalar_one()


def backwards(before: datetime | None, after: datetime | None) -> bool:
    return before is not None and after is not None and after < before


def check(before: list[Seen], after: list[Seen]) -> None:
    """What holds between any two moments."""
    assert len(after) == REQUESTS
    for was, now in zip(before, after, strict=True):
        assert now.events > was.events or (now.due_at, now.finish_due_at) == (was.due_at, was.finish_due_at)
        assert not backwards(was.due_at, now.due_at) or now.events > was.events
        assert now.state is was.state or now.events > was.events
        if was.state in ENDS:
            assert (now.state, now.version, now.due_at) == (was.state, was.version, was.due_at)


def check_end(walk: Walk) -> None:
    """What holds at the end of every walk."""
    with reading() as session:
        for request_id in walk.requests:
            request = session.get_one(Request, request_id)
            last = select(Event).where(Event.subject_kind == "request", Event.subject_id == request_id, Event.to_state.is_not(None))
            moved = session.execute(last.order_by(Event.id.desc()).limit(1)).scalar_one()
            assert moved.to_state == request.state.value
            if request.state in ENDS:
                assert (request.closed_at is not None, request.due_at) == (True, None)
                assert moved.actor_id is not None
                left = select(RequestOffer.id).where(RequestOffer.request_id == request_id, RequestOffer.state == OfferState.WAITING)
                assert session.execute(left).first() is None
            else:
                assert request.due_at is not None
            if request.state in CONTACT and request.state is not RequestState.REWORK:
                assert request.handler_person_id is not None
            if request.state is RequestState.DISPATCHED:
                waiting = select(func.count()).where(RequestOffer.request_id == request_id, RequestOffer.state == OfferState.WAITING)
                assert session.execute(waiting).scalar_one() > 0
        node = session.get_one(OrgNode, walk.tree.community.id)
        period = {"begin": date(2026, 3, 1), "end": date(2026, 4, 1), "actor": SYSTEM}
        found = funnels.of(session, node=node, **period)  # type: ignore[arg-type]
        sent = select(func.count()).where(Request.community_id == node.id, Request.submitted_at.is_not(None))
        assert found.total == sum(found.buckets.values()) == session.execute(sent).scalar_one()
        drilled = [funnels.drill(session, node=node, bucket=bucket, after=None, limit=100, **period)[0] for bucket in Bucket]  # type: ignore[arg-type]
        if found.total <= 100:
            ids = [row.id for rows in drilled for row in rows]
            assert len(ids) == len(set(ids)) == found.total


@pytest.fixture
def tree(database: Engine, redis: Any, vaulted: None, time: Any) -> Tree:
    """The county; each example brings people and requests of its own."""
    with transaction() as session:
        return a_tree(session, START)


# Half of the steps are anybody's, half are taken by whoever may.
FREE = st.tuples(st.sampled_from(STEPS + CLOCK), st.integers(0, REQUESTS - 1), st.integers(0, ACTORS - 1) | st.just(FITTING))
# Ways with a purpose, of which a walk takes a beginning first.
WAYS = (
    (
        "triage",
        "dispatch",
        "accept",
        "start",
        "finish",
        "again",
        "redo",
        "finish",
        "again",
        "dispatch",
        "accept",
        "start",
        "finish",
        "sign",
    ),
    ("triage", "publish", "claim", "decide", "contact", "start", "pause", "days", "resume", "ask", "extend", "visit", "finish", "sign"),
    ("triage", "whistle", "accept", "arrive", "escalate", "explain", "refuse", "explain", "approve"),
    ("triage", "dispatch", "decline", "whistle", "decline", "days", "days", "sweep_twice", "take_up", "finish", "sign"),
)


@WALKS
@given(steps=st.lists(FREE, max_size=30), way=st.sampled_from(WAYS), head=st.integers(0, 14))
def test_no_request_is_ever_lost(tree: Tree, steps: list[tuple[str, int, int]], way: tuple[str, ...], head: int) -> None:
    walk = Walk(tree)
    for what, which, who in [*((what, 0, FITTING) for what in way[:head]), *steps]:
        before = walk.seen()
        walk.step(what, which, who)
        check(before, walk.seen())
    check_end(walk)


def test_the_ways_lead_where_they_should(tree: Tree) -> None:
    ends = [RequestState.CLOSED, RequestState.CLOSED, RequestState.CLOSED_EXPLAINED, RequestState.CLOSED]
    refused = []
    for way, end in zip(WAYS, ends, strict=True):
        walk = Walk(tree)
        refused.append([(what, code) for what in way if (code := walk.step(what, 0, FITTING)) != "done"])
        check_end(walk)
        assert walk.seen()[0].state is end, refused
    assert refused == [[], [], [], []]


def test_every_state_has_a_way_out_or_is_an_end() -> None:
    ways = {state for state, _ in REQUEST_TRANSITIONS}
    for state in RequestState:
        assert (state in ways) is (state not in ENDS), state
    assert set(BUCKET_OF) == set(RequestState) - {RequestState.DRAFT}
    assert set(BUCKET_OF.values()) == set(Bucket)


def test_every_state_leads_to_an_end() -> None:
    ends = set(ENDS)
    for _ in RequestState:
        ends |= {state for (state, _), rule in REQUEST_TRANSITIONS.items() if rule.to in ends}
    assert ends == set(RequestState)


def test_nobody_forges_an_escalation(tree: Tree) -> None:
    walk = Walk(tree)
    assert [walk.step("escalate", 0, who) for who in range(5)] == ["NOT_FOUND"] * 5
    with reading() as session:
        assert session.get_one(Request, walk.requests[0]).level is RequestLevel.COMMUNITY
