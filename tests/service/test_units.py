"""Units and branches: sealed contact, scope, no doubles (mission row A2)."""

from datetime import datetime

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.db.models.orgs import Unit
from server.db.models.platform import Event
from server.domain.permissions import SYSTEM, Role
from server.domain.problems import Problem
from server.services import units
from tests.factories.people import a_tree, actor_of, with_role
from tests.factories.units import a_unit


def test_a_contact_is_sealed_and_opens_for_its_own_unit(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    unit = a_unit(session, now, tree, contact_name="赵联络", contact_phone="13900000000")
    assert units.contact_of(unit) == units.Contact("赵联络", "13900000000")
    assert "赵".encode() not in (unit.contact_name or b"")
    assert units.contact_of(a_unit(session, now, tree, "示例学校")) == units.Contact("", "")


def test_reading_the_whole_contact_is_kept(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    unit = a_unit(session, now, tree, contact_phone="13900000000")
    clerk = actor_of(session, with_role(session, now, Role.CLERK, tree.community), now)
    assert units.read_contact(session, unit=unit, actor=clerk, now=now).phone == "13900000000"
    kept = select(func.count()).where(Event.action == "read_contact", Event.actor_id == clerk.id, Event.subject_id == unit.id)
    assert session.execute(kept).scalar_one() == 1


def test_the_same_unit_twice_is_refused(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    a_unit(session, now, tree, uscc="91350100M000100Y43")
    with pytest.raises(Problem, match="UNIT_EXISTS"):
        a_unit(session, now, tree)
    with pytest.raises(Problem, match="UNIT_EXISTS"):
        a_unit(session, now, tree, "另一个名字", community=tree.neighbour, uscc="91350100M000100Y43")
    assert a_unit(session, now, tree, community=tree.neighbour).community_id == tree.neighbour.id
    assert a_unit(session, now, tree, uscc="91310110666007217T").name == "示例水务局"


def test_a_change_touches_only_what_is_given(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    unit = a_unit(session, now, tree, address="示例路1号", contact_name="赵联络")
    units.change(session, unit=unit, actor=SYSTEM, now=now, name="示例县水务局", contact_phone="13900000001")
    assert (unit.name, unit.address) == ("示例县水务局", "示例路1号")
    assert units.contact_of(unit) == units.Contact("赵联络", "13900000001")
    a_unit(session, now, tree, "示例学校")
    with pytest.raises(Problem, match="UNIT_EXISTS"):
        units.change(session, unit=unit, actor=SYSTEM, now=now, name="示例学校")


def test_units_stand_in_communities_only(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    with pytest.raises(Problem, match="ORG_LEVEL"):
        a_unit(session, now, tree, community=tree.street)


def test_another_community_s_clerk_sees_nothing(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    unit = a_unit(session, now, tree)
    clerk = actor_of(session, with_role(session, now, Role.CLERK, tree.neighbour), now)
    for act in (
        lambda: units.of_actor(session, unit.public_id, clerk),
        lambda: units.change(session, unit=unit, actor=clerk, now=now, name="改名"),
        lambda: units.add_branch(session, unit=unit, name="支部", actor=clerk, now=now),
        lambda: units.page(session, community=tree.community, actor=clerk, after=None, limit=10),
        lambda: units.archive(session, unit=unit, actor=clerk, now=now),
        lambda: units.read_contact(session, unit=unit, actor=clerk, now=now),
    ):
        with pytest.raises(Problem, match="NOT_FOUND"):
            act()


def test_lists_go_page_by_page_without_archived_units(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    made = [a_unit(session, now, tree, f"单位{number}") for number in range(5)]
    units.archive(session, unit=made[1], actor=SYSTEM, now=now)
    names: list[str] = []
    after, pages = None, 0
    while pages == 0 or after:
        rows, after = units.page(session, community=tree.community, actor=SYSTEM, after=after, limit=2)
        names += [unit.name for unit in rows]
        pages += 1
    assert (names, pages) == (["单位0", "单位2", "单位3", "单位4"], 2)


def test_branches(session: Session, now: datetime) -> None:
    unit: Unit = a_unit(session, now, a_tree(session, now))
    for name in ("第二支部", "第一支部"):
        units.add_branch(session, unit=unit, name=name, actor=SYSTEM, now=now)
    assert {branch.name for branch in units.branches(session, unit)} == {"第一支部", "第二支部"}
    with pytest.raises(Problem, match="BRANCH_EXISTS"):
        units.add_branch(session, unit=unit, name="第一支部", actor=SYSTEM, now=now)
