"""微心愿: consent, visit, words, claim in time, confirmation by somebody else, the next round."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from jobs import sweeps
from server.db.base import transaction
from server.db.models.notices import Notice
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.platform import Event
from server.db.models.wishes import Wish
from server.domain.days import local_day
from server.domain.people import ConsentChannel, Purpose
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.problems import Problem
from server.domain.wishes import WishProof, WishState, Words
from server.services import consents, policies, wish_claims, wish_lists, wishes
from tests.conftest import START, Time
from tests.factories.people import Tree, a_person, a_tree, actor_of, with_role
from tests.factories.registrations import a_unit
from tests.factories.units import with_unit_role
from tests.factories.wishes import WORDS, a_wish, noted
from tests.jobs.support import dies, suicide

S = WishState


@pytest.fixture
def tree(session: Session, now: datetime) -> Tree:
    return a_tree(session, now)


def code_of(act: Any) -> str:
    with pytest.raises(Problem) as refused:
        act()
    return refused.value.code


def told(session: Session, person_id: int) -> list[str]:
    rows = session.execute(select(Notice).where(Notice.person_id == person_id).order_by(Notice.id)).scalars()
    return [row.facts["outcome"] for row in rows]


def actions(session: Session, wish: Wish) -> list[str]:
    mine = select(Event.action).where(Event.subject_kind == "wish", Event.subject_id == wish.id).order_by(Event.id)
    return list(session.execute(mine).scalars())


def test_from_the_door_to_the_thanks(session: Session, tree: Tree, now: datetime) -> None:
    member = a_person(session, now)
    wish = a_wish(session, now, tree, S.FULFILLED, claimant=member)
    wish_claims.confirm(session, wish, via=WishProof.APP, actor=Actor(wish.person_id), now=now)
    assert (wish.state, wish.confirmed_via) == (S.CONFIRMED, WishProof.APP)
    assert wish.number == f"WX-{tree.community.public_id}-2026-00001"
    assert actions(session, wish) == ["collect", "verify", "publish", "claim", "contact", "fulfil", "confirm"]
    assert told(session, member.id) == ["confirmed"]
    assert told(session, wish.person_id) == ["claimed", "fulfilled"]
    assert told(session, wish.collected_by) == ["claimed_from"]


def test_a_grid_worker_collects_in_his_grid_only(session: Session, tree: Tree, now: datetime) -> None:
    worker = actor_of(session, with_role(session, now, Role.GRID_WORKER, tree.grid), now)
    wish = wishes.collect(session, community=tree.community, noted=noted(grid=tree.grid), actor=worker, now=now)
    assert consents.stands(session, person_id=wish.person_id, purpose=Purpose.WISHES)
    assert code_of(lambda: wishes.collect(session, community=tree.community, noted=noted(), actor=worker, now=now)) == "NOT_FOUND"
    elsewhere = noted(grid=tree.grid)
    assert code_of(lambda: wishes.collect(session, community=tree.neighbour, noted=elsewhere, actor=worker, now=now)) == "NOT_FOUND"
    assert code_of(lambda: wishes.verify(session, wish, visited_on=local_day(now), note="看过", actor=worker, now=now)) == "NOT_FOUND"


def test_who_did_not_agree_is_not_asked_for_anything(session: Session, tree: Tree, now: datetime) -> None:
    clerk = actor_of(session, with_role(session, now, Role.CLERK, tree.community), now)
    unheard = replace(noted(), channel=ConsentChannel.APP)
    assert code_of(lambda: wishes.collect(session, community=tree.community, noted=unheard, actor=clerk, now=now)) == "CONSENT_REQUIRED"
    wish = a_wish(session, now, tree, S.VERIFIED)
    person = session.get_one(Person, wish.person_id)
    consents.withdraw(session, person=person, purpose=Purpose.WISHES, actor=Actor(person.id), now=now)
    assert code_of(lambda: wishes.publish(session, wish, words=WORDS, actor=SYSTEM, now=now)) == "CONSENT_REQUIRED"


def test_a_child_needs_a_guardian_who_is_called_and_confirms(session: Session, tree: Tree, now: datetime) -> None:
    clerk = actor_of(session, with_role(session, now, Role.CLERK, tree.community), now)
    alone = replace(noted(child=True), guardian=None)
    assert code_of(lambda: wishes.collect(session, community=tree.community, noted=alone, actor=clerk, now=now)) == "INVALID"
    member = a_person(session, now)
    wish = a_wish(session, now, tree, S.CLAIMED, child=True, claimant=member)
    assert wish.guardian_id is not None
    assert wish_claims.contact_of(session, wish, actor=Actor(member.id), now=now).name == "王秀英"
    wish_claims.mark_contacted(session, wish, actor=Actor(member.id), now=now)
    wish_claims.fulfil(session, wish, actor=Actor(member.id), now=now)
    wish_claims.confirm(session, wish, via=WishProof.APP, actor=Actor(wish.guardian_id), now=now)
    assert told(session, wish.guardian_id) == ["claimed", "fulfilled"]


def test_the_published_words_hold_no_name_and_keep_the_cap(session: Session, tree: Tree, now: datetime) -> None:
    wish = a_wish(session, now, tree, S.VERIFIED)
    named = replace(WORDS, content="王秀英想要一台收音机")
    assert code_of(lambda: wishes.publish(session, wish, words=named, actor=SYSTEM, now=now)) == "WISH_DETAILS"
    policies.put(session, key="wishes.cap_fen", value=10_000, why="试行", valid_from=local_day(now), actor=SYSTEM, now=now)
    assert code_of(lambda: wishes.publish(session, wish, words=WORDS, actor=SYSTEM, now=now)) == "WISH_VALUE"
    cheaper = Words("银杏奶奶", "一台小收音机", 10_000)
    assert wishes.publish(session, wish, words=cheaper, actor=SYSTEM, now=now).content == "一台小收音机"


def test_a_visit_has_a_day_and_a_note_and_the_note_is_sealed(session: Session, tree: Tree, now: datetime) -> None:
    wish = a_wish(session, now, tree, S.COLLECTED)
    tomorrow = local_day(now) + timedelta(days=1)
    assert code_of(lambda: wishes.verify(session, wish, visited_on=tomorrow, note="看过", actor=SYSTEM, now=now)) == "INVALID"
    assert code_of(lambda: wishes.verify(session, wish, visited_on=local_day(now), note=" ", actor=SYSTEM, now=now)) == "NOTE_REQUIRED"
    assert code_of(lambda: wishes.publish(session, wish, words=WORDS, actor=SYSTEM, now=now)) == "ILLEGAL_MOVE"
    wishes.verify(session, wish, visited_on=local_day(now), note="家中收音机已坏", actor=SYSTEM, now=now)
    assert wishes.visit_note_of(session, wish) == "家中收音机已坏"
    assert wish.visit_note is not None
    assert "收音机".encode() not in wish.visit_note


def test_one_takes_it_and_not_the_wisher(session: Session, tree: Tree, now: datetime) -> None:
    wish = a_wish(session, now, tree)
    assert code_of(lambda: wish_claims.claim(session, wish, actor=Actor(wish.person_id), now=now)) == "WISH_SELF"
    wish_claims.claim(session, wish, actor=Actor(a_person(session, now).id), now=now)
    assert code_of(lambda: wish_claims.claim(session, wish, actor=Actor(a_person(session, now).id), now=now)) == "ILLEGAL_MOVE"
    unverified = a_wish(session, now, tree, S.VERIFIED)
    assert code_of(lambda: wish_claims.claim(session, unverified, actor=Actor(a_person(session, now).id), now=now)) == "NOT_FOUND"


def test_a_unit_takes_it_through_its_liaison(session: Session, tree: Tree, now: datetime) -> None:
    unit = a_unit(session, now, tree)
    liaison, other = (actor_of(session, with_unit_role(session, now, Role.UNIT_LIAISON, unit), now) for _ in range(2))
    stranger = Actor(a_person(session, now).id)
    wish = a_wish(session, now, tree)
    assert code_of(lambda: wish_claims.claim(session, wish, unit=unit, actor=stranger, now=now)) == "NOT_FOUND"
    wish_claims.claim(session, wish, unit=unit, actor=liaison, now=now)
    wish_claims.mark_contacted(session, wish, actor=other, now=now)
    assert [row.id for row in wish_lists.claimed(session, actor=other, after=None, limit=10)[0]] == [wish.id]


def test_the_contact_is_read_by_the_claimant_alone_and_each_reading_is_kept(session: Session, tree: Tree, now: datetime) -> None:
    member = a_person(session, now)
    me = Actor(member.id)
    wish = a_wish(session, now, tree, S.CLAIMED, claimant=member)
    contact = wish_claims.contact_of(session, wish, actor=me, now=now)
    assert (contact.name, contact.phone[:3]) == ("王秀英", "136")
    assert actions(session, wish)[-1] == "read_contact"
    assert code_of(lambda: wish_claims.contact_of(session, wish, actor=Actor(a_person(session, now).id), now=now)) == "NOT_FOUND"
    wish_claims.mark_contacted(session, wish, actor=me, now=now)
    wish_claims.fulfil(session, wish, actor=me, now=now)
    assert code_of(lambda: wish_claims.contact_of(session, wish, actor=me, now=now)) == "NOT_FOUND"


def test_who_claimed_it_does_not_confirm_it(session: Session, tree: Tree, now: datetime) -> None:
    clerk = with_role(session, now, Role.CLERK, tree.community)
    wish = a_wish(session, now, tree, S.FULFILLED, claimant=clerk)
    her = actor_of(session, clerk, now)
    assert code_of(lambda: wish_claims.confirm(session, wish, via=WishProof.CALLBACK, actor=her, now=now)) == "CONFIRM_SELF"
    assert code_of(lambda: wish_claims.confirm(session, wish, via=WishProof.APP, actor=her, now=now)) == "NOT_FOUND"
    other = actor_of(session, with_role(session, now, Role.CLERK, tree.community), now)
    assert wish_claims.confirm(session, wish, via=WishProof.SLIP, actor=other, now=now).state is S.CONFIRMED


def test_unclaimed_and_released_ones_go_first_in_the_next_round(session: Session, tree: Tree, now: datetime) -> None:
    first, second = a_wish(session, now, tree), a_wish(session, now, tree)
    assert wishes.next_round(session, community=tree.community, actor=SYSTEM, now=now) == 2
    third = a_wish(session, now, tree, S.CLAIMED)
    fourth = a_wish(session, now, tree)
    wish_claims.release(session, third, actor=SYSTEM, now=now)
    rows, following = wish_lists.shelf(session, community=tree.community, after=None, limit=2)
    assert [row.id for row in rows] == [first.id, second.id]
    rest, end = wish_lists.shelf(session, community=tree.community, after=following, limit=2)
    assert ([row.id for row in rest], end) == ([third.id, fourth.id], None)
    assert (third.round, fourth.round, third.claimant_id, third.contact_due_at) == (2, 1, None, None)


def test_withdrawing_tells_the_claimant(session: Session, tree: Tree, now: datetime) -> None:
    member = a_person(session, now)
    wish = a_wish(session, now, tree, S.CONTACTED, claimant=member)
    stranger = Actor(a_person(session, now).id)
    assert code_of(lambda: wishes.withdraw(session, wish, reason="不需要了", actor=stranger, now=now)) == "NOT_FOUND"
    assert code_of(lambda: wishes.withdraw(session, wish, reason="", actor=Actor(wish.person_id), now=now)) == "NOTE_REQUIRED"
    wishes.withdraw(session, wish, reason="已由家人买好", actor=Actor(wish.person_id), now=now)
    assert told(session, member.id) == ["withdrawn"]


def test_the_figures_add_up(session: Session, tree: Tree, now: datetime) -> None:
    county = actor_of(session, with_role(session, now, Role.COUNTY, tree.county), now)
    for state in (S.VERIFIED, S.PUBLISHED, S.CLAIMED, S.FULFILLED):
        a_wish(session, now, tree, state)
    done = a_wish(session, now, tree, S.FULFILLED)
    wish_claims.confirm(session, done, via=WishProof.CALLBACK, actor=SYSTEM, now=now)
    day = local_day(now)
    counted = wish_lists.figures(session, node=tree.county, first=day, before=day + timedelta(days=1), actor=county)
    assert (counted.published, counted.claimed, counted.confirmed) == (4, 3, 1)
    assert (counted.wish_claim_rate, counted.wish_fulfil_rate) == ((3, 4), (1, 3))
    yesterday = wish_lists.figures(session, node=tree.county, first=day - timedelta(days=1), before=day, actor=county)
    assert (yesterday.published, yesterday.wish_claim_rate, yesterday.wish_fulfil_rate) == (0, None, None)


def test_who_collected_and_claimed_it_himself_is_not_told_of_it(session: Session, tree: Tree, now: datetime) -> None:
    wish = a_wish(session, now, tree)
    wish_claims.claim(session, wish, actor=Actor(wish.collected_by), now=now)
    assert told(session, wish.collected_by) == []


def test_the_sweep_killed_half_way_puts_back_at_the_next_run(
    *, database: Engine, redis: Any, vaulted: None, now: datetime, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction() as session:
        tree, member = a_tree(session, now), a_person(session, now)
        ids = [a_wish(session, now, tree, S.CLAIMED, claimant=member).id for _ in range(3)]
        claimant = member.id
    late = time.advance(days=8)
    seen: list[int] = []

    def dies_at_the_second(*args: Any) -> None:
        seen.append(1)
        if len(seen) == 2:
            suicide()

    with monkeypatch.context() as patched:
        patched.setattr(wish_claims.wishes, "tell", dies_at_the_second)
        dies(lambda: sweeps.release_wishes(late))
    with transaction() as session:
        assert {session.get_one(Wish, one).state for one in ids} == {S.CLAIMED}
    for _ in range(2):
        sweeps.release_wishes(late)
    with transaction() as session:
        assert [(session.get_one(Wish, one).state, session.get_one(Wish, one).round) for one in ids] == [(S.PUBLISHED, 2)] * 3
        assert told(session, claimant) == ["published"] * 3


def test_the_sweep_puts_back_what_nobody_called_about(database: Engine, redis: Any, vaulted: None, now: datetime, time: Time) -> None:
    with transaction() as session:
        tree = a_tree(session, now)
        member = a_person(session, now)
        late, met = (a_wish(session, now, tree, state, claimant=member) for state in (S.CLAIMED, S.CONTACTED))
        ids = late.id, met.id, member.id
    sweeps.release_wishes(time.advance(days=7))
    with transaction() as session:
        assert session.get_one(Wish, ids[0]).state is S.CLAIMED
    for _ in range(2):
        sweeps.release_wishes(time.advance(minutes=1))
    with transaction() as session:
        row = session.get_one(Wish, ids[0])
        assert (row.state, row.round, row.claimant_id) == (S.PUBLISHED, 2, None)
        assert session.get_one(Wish, ids[1]).state is S.CONTACTED
        assert told(session, ids[2]) == ["published"]


STEPS = ("verify", "publish", "claim", "contact", "fulfil", "confirm", "release", "withdraw", "round", "sweep")
WALKS = settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture
def county(database: Engine, redis: Any, vaulted: None) -> Tree:
    with transaction() as session:
        return a_tree(session, START)


@WALKS
@given(steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 2), st.integers(0, 5)), max_size=25))
def test_whatever_people_do_a_wish_has_one_claimant_or_none(county: Tree, steps: list[tuple[str, int, int]]) -> None:
    with transaction() as session:
        clerk = actor_of(session, with_role(session, START, Role.CLERK, county.community), START)
        wish_id = a_wish(session, START, county, S.COLLECTED).id
        people = [Actor(session.get_one(Wish, wish_id).person_id), *(Actor(a_person(session, START).id) for _ in range(2))]
    at = START
    for what, who, days in steps:
        at += timedelta(days=days)
        try:
            with transaction() as session:
                deeds(session, session.get_one(Wish, wish_id), people[who], clerk, at)[what]()
        except Problem:
            pass
        with transaction() as session:
            holds(session, session.get_one(Wish, wish_id))


def deeds(session: Session, wish: Wish, me: Actor, clerk: Actor, at: datetime) -> dict[str, Any]:
    return {
        "verify": lambda: wishes.verify(session, wish, visited_on=local_day(at), note="看过", actor=clerk, now=at),
        "publish": lambda: wishes.publish(session, wish, words=WORDS, actor=clerk, now=at),
        "claim": lambda: wish_claims.claim(session, wish, actor=me, now=at),
        "contact": lambda: wish_claims.mark_contacted(session, wish, actor=me, now=at),
        "fulfil": lambda: wish_claims.fulfil(session, wish, actor=me, now=at),
        "confirm": lambda: wish_claims.confirm(session, wish, via=WishProof.APP, actor=me, now=at),
        "release": lambda: wish_claims.release(session, wish, actor=me, now=at),
        "withdraw": lambda: wishes.withdraw(session, wish, reason="不需要了", actor=clerk, now=at),
        "round": lambda: wishes.next_round(session, community=session.get_one(OrgNode, wish.community_id), actor=clerk, now=at),
        "sweep": lambda: wish_claims.release_due(session, now=at),
    }


def holds(session: Session, wish: Wish) -> None:
    held = wish.state in (S.CLAIMED, S.CONTACTED, S.FULFILLED, S.CONFIRMED)
    assert held == (wish.claimant_id is not None) or wish.state is S.WITHDRAWN
    assert wish.claimant_id != wish.person_id
    assert (wish.contact_due_at is not None) == (wish.state is S.CLAIMED) or wish.state is S.WITHDRAWN
    assert (wish.state is S.CONFIRMED) == (wish.confirmed_by is not None)
    assert wish.state in (S.COLLECTED, S.WITHDRAWN) or wish.visited_on is not None
    moves = session.execute(select(Event.to_state).where(Event.subject_kind == "wish", Event.subject_id == wish.id).order_by(Event.id))
    assert [to for to in moves.scalars() if to][-1] == wish.state
