"""Granting roles: who may appoint whom, where (mission row G3)."""

from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from server.domain.days import local_day
from server.domain.permissions import SYSTEM, Permission, Role
from server.domain.problems import Problem
from server.services import roles, scopes
from tests.conftest import Time
from tests.factories.people import a_person, a_tree, actor_of, with_role
from tests.factories.units import a_unit, with_unit_role


def test_a_secretary_appoints_within_her_community_only(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    secretary = actor_of(session, with_role(session, now, Role.SECRETARY, tree.community), now)
    clerk = a_person(session, now, "王文员")
    roles.grant(session, person=clerk, role=Role.CLERK, node=tree.community, actor=secretary, now=now)
    assert scopes.allows(session, actor_of(session, clerk, now), Permission.TASKS_MANAGE, tree.grid.id)
    for role, node, code in (
        (Role.CLERK, tree.neighbour, "NOT_FOUND"),
        (Role.STREET, tree.street, "NOT_FOUND"),
        (Role.SECRETARY, tree.community, "FORBIDDEN"),
        (Role.COUNTY, tree.community, "FORBIDDEN"),
    ):
        with pytest.raises(Problem, match=code):
            roles.grant(session, person=clerk, role=role, node=node, actor=secretary, now=now)


def test_a_role_ends_after_today_or_never(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    with pytest.raises(Problem, match="INVALID") as refusal:
        roles.grant(
            session, person=a_person(session, now), role=Role.CLERK, node=tree.community, valid_to=local_day(now), actor=SYSTEM, now=now
        )
    assert "valid_to" in refusal.value.fields


def test_unit_roles_go_to_units_and_others_to_nodes(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    unit, person = a_unit(session, now, tree), a_person(session, now)
    with pytest.raises(Problem, match="ROLE_PLACE"):
        roles.grant(session, person=person, role=Role.UNIT_LIAISON, node=tree.community, actor=SYSTEM, now=now)
    with pytest.raises(Problem, match="ROLE_PLACE"):
        roles.grant(session, person=person, role=Role.CLERK, unit=unit, actor=SYSTEM, now=now)
    with pytest.raises(Problem, match="ROLE_PLACE"):
        roles.grant(session, person=person, role=Role.CLERK, actor=SYSTEM, now=now)
    liaison = actor_of(session, with_unit_role(session, now, Role.UNIT_LIAISON, unit), now)
    scopes.require_unit(liaison, Permission.UNIT_REGISTRATIONS_SUBMIT, unit.id)


def test_nobody_appoints_himself(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    person = with_role(session, now, Role.COUNTY, tree.county)
    with pytest.raises(Problem, match="ROLE_SELF"):
        roles.grant(session, person=person, role=Role.SECRETARY, node=tree.community, actor=actor_of(session, person, now), now=now)


def test_system_security_and_audit_are_three_people(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    person = with_role(session, now, Role.SYSTEM_ADMIN, tree.county)
    with pytest.raises(Problem, match="ROLE_SPLIT"):
        roles.grant(session, person=person, role=Role.AUDITOR, node=tree.county, actor=SYSTEM, now=now)


def test_the_same_role_twice_is_refused_until_it_ended(session: Session, now: datetime, time: Time) -> None:
    tree = a_tree(session, now)
    person = a_person(session, now)
    first = roles.grant(session, person=person, role=Role.CLERK, node=tree.community, actor=SYSTEM, now=now)
    with pytest.raises(Problem, match="ROLE_HELD"):
        roles.grant(session, person=person, role=Role.CLERK, node=tree.community, actor=SYSTEM, now=now)
    roles.end(session, granted=first, actor=SYSTEM, now=now)
    assert not person.has_grants
    assert actor_of(session, person, now).grants == ()
    ended = first.valid_to
    roles.end(session, granted=first, actor=SYSTEM, now=time.advance(days=3))
    assert first.valid_to == ended
    roles.grant(session, person=person, role=Role.CLERK, node=tree.community, actor=SYSTEM, now=now)


def test_a_foreign_role_cannot_be_ended(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    granted = roles.grant(session, person=a_person(session, now), role=Role.CLERK, node=tree.community, actor=SYSTEM, now=now)
    stranger = actor_of(session, with_role(session, now, Role.SECRETARY, tree.neighbour), now)
    with pytest.raises(Problem, match="NOT_FOUND"):
        roles.end(session, granted=granted, actor=stranger, now=now)


def test_the_list_shows_what_the_reader_may_appoint(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    secretary = with_role(session, now, Role.SECRETARY, tree.community)
    with_role(session, now, Role.CLERK, tree.neighbour)
    with_unit_role(session, now, Role.UNIT_LIAISON, a_unit(session, now, tree))
    with_unit_role(session, now, Role.UNIT_LIAISON, a_unit(session, now, tree, community=tree.neighbour), "别人")
    rows, following = roles.page(session, actor=actor_of(session, secretary, now), today=local_day(now), after=None, limit=10)
    assert [row[0].role for row in rows] == [Role.UNIT_LIAISON, Role.SECRETARY]
    assert following is None
