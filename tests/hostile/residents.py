"""The residents' loop of the hostile world: a request at every stage, offers, ballots, panels, wishes, complaints, care, mediation."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.ballots import Ballot, Cell
from server.db.models.feedbacks import Feedback
from server.db.models.people import Person
from server.db.models.requests import Request
from server.db.models.reviews import ReviewPanel
from server.domain.days import local_day, period_start
from server.domain.feedbacks import FeedbackAbout, FeedbackKind
from server.domain.handling import StationKind
from server.domain.media import MediaPurpose
from server.domain.people import ConsentChannel
from server.domain.permissions import SYSTEM, Actor
from server.domain.requests import CheckState, RequestState
from server.domain.reviews import Vote
from server.domain.sign_offs import AgainReason
from server.domain.wishes import WishState
from server.services import (
    ballot_openings,
    ballots,
    care_plans,
    dispatch,
    endings,
    escalations,
    events,
    extensions,
    feedback_entries,
    feedbacks,
    handling,
    media,
    mediations,
    policies,
    request_claims,
    review_sign_ups,
    review_votes,
    reviews,
    sign_offs,
    stations,
    supplements,
)
from server.services.feedbacks import Written
from server.services.intakes import Represented
from server.services.receivers import Receiver
from tests.factories.handling import handled
from tests.factories.people import Tree, a_person, actor_of
from tests.factories.ratings import NOT, VERY, a_finished, ballot, cast_ballots
from tests.factories.requests import a_request
from tests.factories.reviews import sign_for_slips
from tests.factories.wishes import a_wish

Rows = dict[str, Any]
S = RequestState


@dataclass(frozen=True)
class Loop:
    """Where it all happens; `said` stands in every free text: whoever reads it there has read too much."""

    session: Session
    now: datetime
    tree: Tree
    people: Mapping[str, Person]
    said: str

    @property
    def given(self) -> tuple[Session, datetime, Tree, Mapping[str, Person], str]:
        """All of it, by name."""
        return self.session, self.now, self.tree, self.people, self.said


def residents(loop: Loop) -> tuple[Rows, dict[str, str]]:
    """(kind → row, name of a ballot's token → token)."""
    session, now = loop.session, loop.now
    policies.put(session, key="requests.per_day", value=500, why="试点", valid_from=local_day(now), actor=SYSTEM, now=now)
    rows = asked(loop) | offered(loop) | _worked_on(loop) | _raised(loop) | _others(loop)
    rated, ballot_token = _rated(loop)
    reviewed, vote_token = _reviewed(loop)
    return rows | rated | reviewed, {"ballot": ballot_token, "vote": vote_token}


def a_picture(session: Session, now: datetime, owner: Person, colour: int) -> Any:
    """An uploaded picture that fits a request."""
    out = io.BytesIO()
    Image.new("RGB", (64, 48), (colour, 9, 9)).save(out, "JPEG")
    return media.upload(session, owner_id=owner.id, purpose=MediaPurpose.REQUEST, data=out.getvalue(), now=now)


def asked(loop: Loop) -> Rows:
    """Before anybody has been asked to do it."""
    session, now, tree, people, said = loop.given
    who = people["member"]
    picture, other = a_picture(session, now, who, 1), a_picture(session, now, who, 2)
    submitted = a_request(session, now, tree, who, content=said, place=said, media=[other.public_id], grid=tree.grid)
    added = {"media_ids": [], "text_check": CheckState.REVIEW, "actor": Actor(who.id), "now": now}
    doubted = a_request(session, now, tree, who, content=f"{said}，有疑问", text_check=CheckState.REVIEW)
    supplements.add(session, doubted, text=said, **added)
    return {
        "request-drafts": a_request(session, now, tree, who, S.DRAFT, content=said),
        "request_submitted": submitted,
        "content-checks": doubted,
        "request_triaged": a_request(session, now, tree, who, S.TRIAGED, content=f"{said}二"),
        "request_media": picture,
    }


def offered(loop: Loop) -> Rows:
    """Asked for, claimed, called by a whistle."""
    session, now, tree, people, said = loop.given
    mate, who = people["mate"], people["member"]
    free = dispatch.publish(session, a_request(session, now, tree, who, S.TRIAGED, content=said), actor=SYSTEM, now=now)
    claim = request_claims.claim(session, free, by=Receiver(person_id=mate.id), actor=Actor(mate.id), now=now)
    asked = a_request(session, now, tree, who, S.TRIAGED, content=said)
    offer = dispatch.dispatch(session, asked, to=Receiver(person_id=mate.id), actor=SYSTEM, now=now)
    urgent = a_request(session, now, tree, who, S.TRIAGED, content=said)
    called = [Receiver(person_id=mate.id), Receiver(unit_id=mate.unit_id)]
    whistled = dispatch.whistle(session, urgent, to=called, reason="水管爆裂", actor=SYSTEM, now=now)[0]
    dispatch.accept(session, whistled, actor=Actor(mate.id), now=now)
    return {"request_open": free, "request_claim": claim, "offers": offer, "offer_whistled": whistled}


def _worked_on(loop: Loop) -> Rows:
    """In the hands of 陈同伴."""
    session, now, tree, people, said = loop.given
    who, actor = people["member"], Actor(people["mate"].id)

    def in_hand(state: RequestState) -> Request:
        return handled(session, now, tree, handler=people["mate"], state=state, person=who, content=said)[0]

    working, paused, late = in_hand(S.IN_PROGRESS), in_hand(S.IN_PROGRESS), in_hand(S.IN_PROGRESS)
    handling.contact(session, working, actor=actor, now=now)
    handling.visit(session, working, note=said, actor=actor, now=now)
    handling.pause(session, paused, reason="约周六", actor=actor, now=now)
    assert late.finish_due_at is not None
    extensions.ask(session, late, until=late.finish_due_at + timedelta(days=2), reason="等配件", actor=actor, now=now)
    keeper = {"keeper": people["mate"], "community": tree.community, "actor": SYSTEM, "now": now}
    station, following = (stations.open_one(session, kind=kind, **keeper) for kind in (StationKind.CARE, StationKind.HEALTH))
    stations.put(session, working, station=station, actor=SYSTEM, now=now)
    return {
        "requests": working,
        "handling": working,
        "request_accepted": in_hand(S.ACCEPTED),
        "request_paused": paused,
        "request_late": late,
        "mediations": mediations.open_case(session, working, parties=[said, "401户"], actor=actor, now=now),
        "stations": station,
        "station_next": following,
    }


def _raised(loop: Loop) -> Rows:
    """Gone up to the street; there one is said to be impossible."""
    session, now, tree, people, said = loop.given
    raised, hopeless = (a_request(session, now, tree, people["member"], S.TRIAGED, content=said) for _ in range(2))
    for request in (raised, hopeless):
        escalations.escalate(session, request, reason="涉及市政管网", actor=SYSTEM, now=now)
    endings.explain(session, hopeless, reason="不在规划内", actor=SYSTEM, now=now)
    return {"request_escalated": raised, "request_hopeless": hopeless}


def _others(loop: Loop) -> Rows:
    """Wishes, complaints, care."""
    session, now, tree, people, said = loop.given
    who, mate = people["member"], people["mate"]
    written = Written(FeedbackKind.SUGGESTION, FeedbackAbout.SERVICE, said, tree.community)
    waiting, answered = (feedbacks.submit(session, written=written, actor=Actor(who.id), now=now) for _ in range(2))
    noted = _noted(loop)
    for one in (answered, noted):
        feedbacks.answer(session, one, text=said, actor=actor_of(session, people["secretary"], now), now=now)
    plans = [
        care_plans.create(
            session,
            community=tree.community,
            person=who,
            carer=mate,
            what=said,
            every_days=7,
            first_on=local_day(now),
            actor=SYSTEM,
            now=now,
        )
        for _ in range(2)
    ]
    care_plans.accept(session, plans[1], actor=Actor(mate.id), now=now)
    care_plans.visit(session, plans[1], note=said, actor=Actor(mate.id), now=now - timedelta(days=1))
    states = (WishState.COLLECTED, WishState.VERIFIED, WishState.CLAIMED, WishState.CONTACTED, WishState.FULFILLED)
    wishes = {f"wish_{state.value}": a_wish(session, now, tree, state, claimant=mate) for state in states}
    return wishes | {
        "wishes": a_wish(session, now, tree),
        "feedbacks": waiting,
        "feedback_answered": answered,
        "feedback_noted": noted,
        "care_asked": plans[0],
        "care-plans": plans[1],
    }


def _noted(loop: Loop) -> Feedback:
    """What somebody without a phone said to the clerk."""
    session, now, tree, people, said = loop.given
    who = Represented("郝无机", None, ConsentChannel.SPOKEN)
    written = Written(FeedbackKind.SUGGESTION, FeedbackAbout.SERVICE, said, tree.community)
    clerk = actor_of(session, people["clerk"], now)
    return feedback_entries.enter(session, who=who, written=written, community=tree.community, actor=clerk, now=now)


def _rated(loop: Loop) -> tuple[Rows, str]:
    """Finished ones: to be signed, to be called about, come back; ballots that were opened, and one token in a hand."""
    session, now, tree, people, said = loop.given
    who, mate = people["member"], people["mate"]
    done, called, again, rated, *_slips = (a_finished(session, now, tree, who, handler=mate, content=said) for _ in range(6))
    events.shift(session, called, to=S.FINISHED, finished_at=now - timedelta(days=12))
    sign_offs.sign(session, again, done=False, reason=AgainReason.CAME_BACK, actor=Actor(who.id), now=now)
    cell = cast_ballots(session, done, [ballot(kind, comment=said) for kind in (VERY, VERY, VERY, NOT, VERY)])
    ballot_openings.open_cell(session, cell.id, now=now)
    token = ballots.issue(session, rated, actor=Actor(who.id), now=now).token
    key = session.execute(select(Ballot.key).where(Ballot.cell_id == cell.id).limit(1)).scalar_one()
    return {"request_finished": done, "request_called": called, "request_again": again, "ballot-comments": key, "cells": cell}, token


def _reviewed(loop: Loop) -> tuple[Rows, str]:
    """Three quarters' panels: one that gathers, one that votes, one that has been counted."""
    session, now, people = loop.session, loop.now, loop.people
    voters = [people["member"], *(a_person(session, now, f"评议{name}") for name in "甲乙丙丁")]
    this = period_start("quarter", local_day(now))
    before, after = (period_start("quarter", this + timedelta(days=days)) for days in (-5, 100))
    gathering = _a_panel(loop, after, voters)
    voting, counted = (_voting(loop, quarter, voters) for quarter in (this, before))
    for person in voters:
        ticket = review_votes.issue(session, counted, actor=Actor(person.id), now=now)
        names = [item.public_id for item in reviews.items_of(session, counted)]
        said_no = dict.fromkeys(names, Vote.UNSOLVED)
        review_votes.receive(session, token=ticket.token, cell_public_id=ticket.cell.public_id, votes=said_no)
    review_votes.count(session, counted, actor=actor_of(session, people["secretary"], now), now=now)
    cell = session.get_one(Cell, voting.cell_id)
    token = review_votes.issue(session, voting, actor=Actor(voters[-1].id), now=now).token
    sign_for_slips(session, now, voting, voters[1:2], actor_of(session, people["secretary"], now))
    items = {"items": reviews.items_of(session, counted)[0], "vote_item": reviews.items_of(session, voting)[0]}
    items |= {f"voter{number}": person for number, person in enumerate(voters)}
    entered = Represented("评议戊", None, ConsentChannel.PAPER)
    member = review_sign_ups.enter(session, gathering, who=entered, actor=actor_of(session, people["secretary"], now), now=now)
    items["slip-receipts"] = voters[1]
    items["volunteer-entries"] = session.get_one(Person, member.person_id)
    return {"reviews": gathering, "review_voting": voting, "review_counted": counted, "panel_cell": cell, **items}, token


def _a_panel(loop: Loop, quarter: date, voters: list[Person]) -> ReviewPanel:
    session, now, tree = loop.session, loop.now, loop.tree
    holder = actor_of(session, loop.people["secretary"], now)
    panel = reviews.create(session, community=tree.community, quarter=quarter, seats=5, actor=holder, now=now)
    for person in voters:
        reviews.volunteer(session, panel, person=person, actor=Actor(person.id), now=now)
    return panel


def _voting(loop: Loop, quarter: date, voters: list[Person]) -> ReviewPanel:
    """A panel whose vote is open, about one request that was closed in its quarter."""
    session, now, who = loop.session, loop.now, loop.people["member"]
    holder = actor_of(session, loop.people["secretary"], now)
    panel = _a_panel(loop, quarter, voters)
    request = a_finished(session, now, loop.tree, who, content=loop.said)
    sign_offs.sign(session, request, done=True, actor=Actor(who.id), now=now)
    if period_start("quarter", local_day(now)) != quarter:
        events.shift(
            session, request, to=S.CLOSED, closed_at=datetime.combine(quarter, datetime.min.time(), now.tzinfo) + timedelta(days=9)
        )
    reviews.choose(session, panel, {person.public_id: "了解情况" for person in voters}, actor=holder, now=now)
    review_votes.open_vote(session, panel, actor=holder, now=now)
    for hook in session.info.pop("hooks", []):
        hook()
    return panel
