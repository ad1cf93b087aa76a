"""An identity that was tied by mistake: within ten seconds both are what they were, unless he has acted as who he is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.notices import Notice
from server.db.models.people import BindingRequest, Person, PersonMerge, WechatAccount
from server.db.models.platform import Undo
from server.db.models.rosters import RosterEntry
from server.domain.people import BindingState, MemberType, PersonState, Purpose
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.problems import Problem
from server.services import binding_requests, bindings, consents, decisions, feedbacks, people, sessions, undos
from server.services.feedbacks import FeedbackAbout, FeedbackKind, Written
from tests.factories.people import Tree, a_person, a_tree, actor_of, token_of, with_role
from tests.factories.registrations import a_registration, a_unit, agree, an_entry
from tests.factories.whole import everything

SECOND = timedelta(seconds=1)


class Scene(NamedTuple):
    """张三 asks to be found on the roster of the school, where a 张三 stands; his secretary decides."""

    tree: Tree
    secretary: Actor
    entry: RosterEntry
    person: Person
    request: BindingRequest


@pytest.fixture
def scene(session: Session, now: datetime) -> Scene:
    tree = a_tree(session, now)
    secretary = actor_of(session, with_role(session, now, Role.SECRETARY, tree.community), now)
    entry = an_entry(session, now, a_unit(session, now, tree, "示例县第一小学"), "张三", "")
    person = a_person(session, now, name="", phone=None, member_type=MemberType.NON_PARTY)
    session.add(WechatAccount(appid="wx1", openid="o1", person_id=person.id, created_at=now, last_seen_at=now))
    agree(session, now, person, Purpose.PARTY_DATA)
    request = binding_requests.submit(session, community=tree.community, name="张三", actor=Actor(person.id), now=now)
    session.flush()
    return Scene(tree, secretary, entry, person, request)


@pytest.fixture
def known(session: Session, scene: Scene, now: datetime) -> Person:
    """The one on the roster is a person already: entered and registered by the community, without an account."""
    person = agree(session, now, a_person(session, now, "张三", phone=None))
    bindings.bind(session, person=person, entry=scene.entry, actor=SYSTEM, now=now)
    a_registration(session, now, person, scene.tree.community)
    session.flush()
    return person


def accept(session: Session, scene: Scene, at: datetime) -> Undo:
    return decisions.bind(session, scene.request, entry=scene.entry, actor=scene.secretary, now=at)


def take_back(session: Session, scene: Scene, act: Undo, at: datetime) -> undos.Undone:
    undone = undos.undo(session, act.public_id, actor=scene.secretary, now=at)
    session.expire_all()
    return undone


def code_of(act: Callable[[], Any]) -> str:
    with pytest.raises(Problem) as refusal:
        act()
    return refusal.value.code


def test_untied_again_everything_is_as_it_was(session: Session, now: datetime, scene: Scene) -> None:
    before = everything(session)
    act = accept(session, scene, now + SECOND)
    assert (scene.person.unit_id, scene.person.branch_id, people.name_of(scene.person)) == (
        scene.entry.unit_id,
        scene.entry.branch_id,
        "张三",
    )
    assert scene.person.branch_id is not None
    assert take_back(session, scene, act, now + 3 * SECOND).done == [scene.request.public_id]
    assert everything(session) == before
    assert (scene.request.state, scene.entry.person_id, scene.person.name) == (BindingState.SUBMITTED, None, None)


def test_he_is_told_when_it_stands_and_only_then(session: Session, now: datetime, scene: Scene) -> None:
    act = accept(session, scene, now)
    assert session.execute(select(Notice.created_at)).scalar_one() == now + undos.WITHIN + undos.SETTLES
    assert code_of(lambda: take_back(session, scene, act, now + 11 * SECOND)) == "UNDO_LATE"
    assert scene.request.state is BindingState.ACCEPTED


def test_the_right_one_is_chosen_after_the_undo(session: Session, now: datetime, scene: Scene) -> None:
    right = an_entry(session, now, a_unit(session, now, scene.tree, "示例县第二小学"), "张三", "")
    take_back(session, scene, accept(session, scene, now), now + SECOND)
    session.refresh(scene.request)
    decisions.bind(session, scene.request, entry=right, actor=scene.secretary, now=now + 2 * SECOND)
    listed = bindings.of(session, person_id=scene.person.id)
    assert listed is not None
    assert (listed.id, scene.request.roster_entry_id) == (right.id, right.id)


def test_two_merged_persons_are_two_again_and_who_came_in_as_the_other_is_out(
    session: Session, now: datetime, scene: Scene, known: Person
) -> None:
    before = everything(session)
    act = accept(session, scene, now + SECOND)
    assert (scene.person.state, scene.person.merged_into_id) == (PersonState.MERGED, known.id)
    came_in = token_of(session, known, now + 2 * SECOND)
    take_back(session, scene, act, now + 3 * SECOND)
    after = everything(session)
    assert [row["undone_at"] for row in after.pop("person_merge")] == [now + 3 * SECOND]  # the merger stays written
    before.pop("person_merge")
    assert after == before
    assert code_of(lambda: sessions.find(session, token=came_in, now=now + 4 * SECOND)) == "UNAUTHENTICATED"


def test_the_two_can_be_merged_again(session: Session, now: datetime, scene: Scene, known: Person) -> None:
    take_back(session, scene, accept(session, scene, now), now + SECOND)
    session.refresh(scene.request)
    accept(session, scene, now + 2 * SECOND)
    states = session.execute(select(PersonMerge.undone_at).order_by(PersonMerge.id)).scalars().all()
    assert states == [now + SECOND, None]
    assert scene.person.merged_into_id == known.id


def registers(session: Session, scene: Scene, as_whom: Person, at: datetime) -> None:
    a_registration(session, at, as_whom, scene.tree.community)


def writes(session: Session, _scene: Scene, as_whom: Person, at: datetime) -> None:
    written = Written(FeedbackKind.SUGGESTION, FeedbackAbout.APP, "字太小")
    feedbacks.submit(session, written=written, actor=Actor(as_whom.id), now=at)


def agrees(session: Session, _scene: Scene, as_whom: Person, at: datetime) -> None:
    consents.give(session, person=as_whom, purpose=Purpose.HONOUR, actor=Actor(as_whom.id), now=at)


@pytest.mark.parametrize("acts", [registers, writes, agrees])
def test_what_he_did_as_the_one_on_the_roster_keeps_him_there(session: Session, now: datetime, scene: Scene, acts: Any) -> None:
    act = accept(session, scene, now + SECOND)
    acts(session, scene, scene.person, now + 2 * SECOND)
    assert code_of(lambda: take_back(session, scene, act, now + 3 * SECOND)) == "UNDO_ACTED"
    assert (scene.request.state, scene.entry.person_id) == (BindingState.ACCEPTED, scene.person.id)


@pytest.mark.parametrize("acts", [writes, agrees])
def test_what_he_did_as_the_known_one_keeps_them_one(session: Session, *, now: datetime, scene: Scene, known: Person, acts: Any) -> None:
    act = accept(session, scene, now + SECOND)
    acts(session, scene, known, now + 2 * SECOND)
    assert code_of(lambda: take_back(session, scene, act, now + 3 * SECOND)) == "UNDO_ACTED"
    session.refresh(scene.person)
    assert scene.person.merged_into_id == known.id


def test_an_entry_that_a_new_roster_gave_away_is_not_untied(session: Session, now: datetime, scene: Scene) -> None:
    act = accept(session, scene, now + SECOND)
    scene.entry.person_id = None
    session.flush()
    assert code_of(lambda: take_back(session, scene, act, now + 3 * SECOND)) == "UNDO_MOVED"
    assert scene.request.state is BindingState.ACCEPTED


def test_of_two_secretaries_the_second_finds_it_decided(session: Session, now: datetime, scene: Scene) -> None:
    other = actor_of(session, with_role(session, now, Role.SECRETARY, scene.tree.community), now)
    act = accept(session, scene, now)
    again = {"entry": scene.entry, "actor": other, "now": now + SECOND}
    assert code_of(lambda: decisions.bind(session, scene.request, **again)) == "ILLEGAL_MOVE"
    assert code_of(lambda: undos.undo(session, act.public_id, actor=other, now=now + SECOND)) == "NOT_FOUND"
    take_back(session, scene, act, now + SECOND)
    assert code_of(lambda: take_back(session, scene, act, now + SECOND)) == "UNDO_DONE"
