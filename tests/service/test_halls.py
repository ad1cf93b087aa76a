"""What the screen in the hall counts: this week's, this community's, by the days that were agreed (row G4)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from server.db.models.codes import HallLink
from server.db.models.people import Person
from server.domain.permissions import SYSTEM, Role
from server.domain.problems import Problem
from server.domain.requests import RequestState
from server.domain.tasks import TaskKind
from server.domain.wishes import WishProof, WishState
from server.services import halls, sign_offs, tallies, wish_claims
from tests.conftest import Time
from tests.factories.checkins import a_scan, open_task
from tests.factories.handling import handled
from tests.factories.people import Tree, a_person, a_tree, actor_of, with_role
from tests.factories.records import a_record
from tests.factories.requests import a_request
from tests.factories.wishes import a_wish

FRIDAY_BEFORE = timedelta(days=6)  # the tests begin on a Thursday


@pytest.fixture
def tree(session: Session, time: Time) -> Tree:
    return a_tree(session, time.now)


def a_link(session: Session, tree: Tree, time: Time) -> HallLink:
    clerk = actor_of(session, with_role(session, time.now, Role.CLERK, tree.community), time.now)
    return halls.open_link(session, tree.community, label="大厅", actor=clerk, now=time.now)


def shown(session: Session, tree: Tree, time: Time) -> halls.Hall:
    return halls.shown(session, a_link(session, tree, time).public_id, now=time.now)


def test_what_was_asked_and_done_since_monday(session: Session, tree: Tree, time: Time) -> None:
    a_request(session, time.now - FRIDAY_BEFORE, tree, category="noise")
    a_request(session, time.now, tree, category="noise", community=tree.neighbour)
    a_request(session, time.now, tree, category="noise", state=RequestState.DRAFT)
    for category in ("repairs", "environment", "repairs"):
        a_request(session, time.now, tree, category=category)
    asked_before, _ = handled(session, time.now - FRIDAY_BEFORE, tree, state=RequestState.FINISHED)
    requester = actor_of(session, session.get_one(Person, asked_before.asked_for_id), time.now)
    sign_offs.sign(session, asked_before, done=True, actor=requester, now=time.now)
    week = shown(session, tree, time).week
    assert (week.asked, list(week.categories.items())) == (3, [("环境卫生", 1), ("公共设施维修", 2)])
    assert (week.done, week.thanked) == (1, 1)


def test_wishes_and_services_are_counted_where_they_were(session: Session, tree: Tree, time: Time) -> None:
    wish = a_wish(session, time.now, tree, WishState.FULFILLED)
    clerk = actor_of(session, with_role(session, time.now, Role.CLERK, tree.community), time.now)
    wish_claims.confirm(session, wish, via=WishProof.CALLBACK, actor=clerk, now=time.now)
    a_wish(session, time.now, tree, WishState.FULFILLED)
    member = a_person(session, time.now)
    for neighbour in (False, False, True):
        a_record(session, time.now, tree, member, neighbour=neighbour)
    tallies.drain(session, now=time.now)
    hall = shown(session, tree, time)
    assert (hall.week.wishes, hall.visits, hall.heads) == (1, 2, 1)


def test_short_activities_come_first_and_count_those_of_today(session: Session, tree: Tree, time: Time) -> None:
    organiser, member = a_person(session, time.now, "周组织"), a_person(session, time.now)
    post = open_task(
        session,
        time.now,
        tree,
        organiser,
        kind=TaskKind.POST,
        category="safety_patrol",
        title="岗位",
        ends_at=time.now + timedelta(days=30),
    )
    a_scan(session, time.now, post, member)
    time.advance(days=1)
    open_task(session, time.now, tree, organiser, title="活动", rotating=True)
    found = shown(session, tree, time).activities
    assert [(one.task.title, one.rotating, len(one.slots), one.came) for one in found] == [("活动", True, 20, 0), ("岗位", False, 1, 0)]


def test_a_link_ends_by_itself_after_a_year(session: Session, tree: Tree, time: Time) -> None:
    link = a_link(session, tree, time)
    time.advance(days=367)
    with pytest.raises(Problem, match="HALL_ENDED"):
        halls.shown(session, link.public_id, now=time.now)


def test_links_are_for_communities_of_one_s_own(session: Session, tree: Tree, time: Time) -> None:
    clerk = actor_of(session, with_role(session, time.now, Role.CLERK, tree.community), time.now)
    with pytest.raises(Problem, match="NOT_FOUND"):
        halls.open_link(session, tree.neighbour, label="大厅", actor=clerk, now=time.now)
    with pytest.raises(Problem, match="ORG_LEVEL"):
        halls.open_link(session, tree.street, label="大厅", actor=SYSTEM, now=time.now)
