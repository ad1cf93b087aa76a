"""Lists cost the same with one row and with thirty: no statement per row, and none without an end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from miniprogram_api.edge import Route
from server.db.base import transaction
from server.db.models.handling import Station
from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import Person
from server.db.models.requests import Request
from server.db.models.reviews import ReviewPanel
from server.db.models.tasks import Task
from server.domain.feedbacks import FeedbackAbout, FeedbackKind
from server.domain.media import MediaPurpose
from server.domain.notices import NoticeKind
from server.domain.people import ConsentChannel
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.records import RecordState
from server.domain.registrations import TransferReason
from server.domain.requests import CheckState
from server.domain.wishes import WishState
from server.services import (
    binding_requests,
    care_plans,
    events,
    feedback_entries,
    feedbacks,
    handling,
    media,
    notices,
    registrations,
    review_sign_ups,
    reviews,
    roles,
    stations,
    supplements,
    transfers,
    unit_registrations,
    units,
)
from server.services import documents as papers
from server.services.feedbacks import Written
from server.services.intakes import Represented
from server.services.unit_registrations import Slip
from tests.factories.handling import handled
from tests.factories.people import Tree, a_person, actor_of
from tests.factories.ratings import a_finished
from tests.factories.records import a_record
from tests.factories.registrations import a_member, a_registration, agree, an_entry
from tests.factories.tasks import a_claim, a_task, a_team
from tests.factories.wishes import a_wish
from tests.hostile import calls
from tests.hostile.residents import Loop, asked, offered
from tests.hostile.world import World, picture

pytestmark = pytest.mark.usefixtures("unlimited")
LISTS = [route for route in calls.ROUTES if route.method == "GET" and route.answer is not None and route.name not in ("openapi",)]
MORE = 8


@contextmanager
def counted(engine: Engine) -> Iterator[list[str]]:
    said: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_more: object) -> None:
        said.append(re.sub(r"\s+", " ", statement)[:160])

    event.listen(engine, "before_cursor_execute", note)
    yield said
    event.remove(engine, "before_cursor_execute", note)


def a_tree_of(session: Session, world: World) -> Tree:
    """The world's places."""

    def node(kind: str) -> OrgNode:
        return session.execute(select(OrgNode).where(OrgNode.public_id == world.ids[kind])).scalar_one()

    community = node("communities")
    return Tree(node("county"), community, community, node("neighbour"), community, node("grid"), node("grid"))


def populate(session: Session, now: datetime, world: World) -> None:
    """MORE of everything that a list shows."""

    def person(kind: str) -> Person:
        return session.execute(select(Person).where(Person.public_id == world.ids[kind])).scalar_one()

    tree = a_tree_of(session, world)
    community = tree.community
    member, mate = person("members"), person("mate")
    running = session.execute(select(Task).where(Task.public_id == world.ids["tasks"])).scalar_one()
    organiser = session.get_one(Person, running.organiser_id)
    unit = session.execute(select(Unit).where(Unit.public_id == world.ids["units"])).scalar_one()
    for number in range(MORE):
        task = a_task(
            session,
            now,
            tree,
            organiser,
            title=f"任务{number}",
            starts_at=now + timedelta(days=2 + number),
            ends_at=now + timedelta(days=2 + number, hours=1),
        )
        a_claim(session, now, task, member)
        a_team(session, now, tree, mate, [member])
        other = a_member(session, now, tree, "党员" + "甲乙丙丁戊己庚辛"[number], unit=unit)
        a_claim(session, now, running, other)
        a_record(session, now, tree, member)
        a_record(session, now, tree, other, state=RecordState.ENDED)
        an_entry(session, now, unit, "名册" + "甲乙丙丁戊己庚辛"[number])
        waiting = agree(session, now, a_person(session, now, f"等待{number}"))
        a_registration(session, now, waiting, community)
        binding_requests.submit(session, community=community, name=f"等待{number}", actor=Actor(waiting.id), now=now)
        roles.grant(session, person=waiting, role=Role.ORGANISER, node=community, actor=SYSTEM, now=now)
        fresh = units.create(session, community=community, name=f"单位{number}", category=unit.category, actor=SYSTEM, now=now)
        units.add_branch(session, unit=unit, name=f"支部{number}", actor=SYSTEM, now=now)
        unit_registrations.submit(session, unit=fresh, slip=Slip(leader="甲"), actor=SYSTEM, now=now)
        _move_house(session, now, other, tree)
        media.upload(session, owner_id=member.id, purpose=MediaPurpose.RECORD, data=picture(b"x" * number), now=now)
        facts = {"community": "示例社区", "outcome": "accepted"}
        about = {"kind": NoticeKind.REGISTRATION_DECIDED, "subject_kind": "member_registration", "subject_public_id": "x", "facts": facts}
        notices.tell(session, person_id=member.id, dedupe=f"many:{number}", now=now, **about)
        papers.own_certificate(
            session, person=member, first=now.date() - timedelta(days=9), last=now.date(), actor=Actor(member.id), base="http://x", now=now
        )


def ask(session: Session, now: datetime, world: World) -> None:
    """MORE of everything that a list of the residents' loop shows."""

    def person(kind: str) -> Person:
        return session.execute(select(Person).where(Person.public_id == world.ids[kind])).scalar_one()

    member, mate = person("members"), person("mate")
    secretary, clerk = (actor_of(session, person(f"{kind}_person"), now) for kind in ("secretary", "clerk"))
    tree = a_tree_of(session, world)
    loop = Loop(session, now, tree, {"member": member, "mate": mate}, "楼道灯不亮")
    station = session.execute(select(Station).where(Station.public_id == world.ids["stations"])).scalar_one()
    panel = session.execute(select(ReviewPanel).where(ReviewPanel.public_id == world.ids["reviews"])).scalar_one()
    shown = session.execute(select(Request).where(Request.public_id == world.ids["requests"])).scalar_one()
    for number in range(MORE):
        assert asked(loop) | offered(loop)
        supplements.add(session, shown, text="又坏了", media_ids=[], text_check=CheckState.PASSED, actor=Actor(member.id), now=now)
        working, _ = handled(session, now, tree, handler=mate, person=member)
        stations.put(session, working, station=station, actor=SYSTEM, now=now)
        handling.contact(session, shown, actor=Actor(mate.id), now=now)
        called = a_finished(session, now, tree, member, handler=mate)
        events.shift(session, called, to=called.state, finished_at=now - timedelta(days=12))
        volunteer = a_person(session, now, f"报名{number}")
        reviews.volunteer(session, panel, person=volunteer, actor=Actor(volunteer.id), now=now)
        noted = Represented(f"评议无机{number}", None, ConsentChannel.PAPER)
        review_sign_ups.enter(session, panel, who=noted, actor=clerk, now=now)
        a_wish(session, now, tree)
        a_wish(session, now, tree, WishState.CLAIMED, claimant=mate)
        written = Written(FeedbackKind.SUGGESTION, FeedbackAbout.SERVICE, "早点通知", tree.community)
        feedbacks.submit(session, written=written, actor=Actor(member.id), now=now)
        who = Represented(f"无机{number}", None, ConsentChannel.SPOKEN)
        feedback_entries.enter(session, who=who, written=written, community=tree.community, actor=clerk, now=now)
        care = {"community": tree.community, "person": member, "carer": mate, "what": "量血压", "every_days": 7, "actor": secretary}
        care_plans.create(session, first_on=now.date() + timedelta(days=1), now=now, **care)


def _move_house(session: Session, now: datetime, person: Person, tree: Tree) -> None:
    row = registrations.live_of(session, person_id=person.id)
    assert row is not None
    transfers.request(session, row, to=tree.neighbour, reason=TransferReason.MOVED_HOUSE, actor=Actor(person.id), now=now)


def _readers(route: Route) -> str | None:
    at_home = {"tasks:organise": "organiser", "unit_registrations:submit": "liaison"}
    return at_home.get(str(route.permission), calls.who(route))


def test_lists_ask_as_often_for_many_rows_as_for_few(client: FlaskClient, world: World, database: Engine, now: datetime) -> None:
    def ask_all() -> dict[str, list[str]]:
        said = {}
        for route in LISTS:
            with counted(database) as statements:
                answer = calls.send(client, route, world, _readers(route))
            if answer.status_code == 200:
                said[route.name] = list(statements)
        return said

    ask_all()
    few = ask_all()
    with transaction() as session:
        populate(session, now, world)
        ask(session, now, world)
    many = ask_all()
    grown = {
        name: (len(few[name]), len(many[name]), many[name][-2:]) for name in few if name in many and len(many[name]) > len(few[name]) + 1
    }
    assert grown == {}
    assert len(many) > len(LISTS) * 0.7, sorted({route.name for route in LISTS} - set(many))


def test_no_list_is_without_an_end(client: FlaskClient, world: World) -> None:
    paged = [route for route in calls.ROUTES if route.query is not None and "after" in route.query.model_fields]
    for route in paged:
        answer = calls.send(client, route, world, _readers(route), query={**calls.query_of(route, world), "limit": "1"})
        if answer.status_code == 200:
            assert len(answer.json["items"]) <= 1, route.name
        answer = calls.send(client, route, world, _readers(route), query={**calls.query_of(route, world), "limit": "101"})
        assert answer.status_code == 422, route.name
