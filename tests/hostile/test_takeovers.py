"""Becoming somebody else: what a clerk, a liaison or a stranger could do with the buttons they have."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.orgs import OrgNode
from server.db.models.people import BindingRequest, Person, WechatAccount
from server.db.models.rosters import RosterEntry
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.problems import Problem
from server.services import accounts, binding_requests, bindings, merges, orgs, people, registrations, roles, staff
from tests.factories.people import actor_of
from tests.factories.registrations import agree
from tests.hostile.world import World


def person(session: Session, world: World, kind: str) -> Person:
    return people.by_public_id(session, world.ids[kind])


def waiting(session: Session, world: World) -> BindingRequest:
    return binding_requests.by_public_id(session, world.ids["binding-requests"])


def clerk(session: Session, world: World, now: datetime) -> Actor:
    granted = roles.by_public_id(session, world.ids["role-grants"])
    return actor_of(session, session.get_one(Person, granted.person_id), now)


def of_roster(session: Session, who: Person) -> RosterEntry:
    return session.execute(select(RosterEntry).where(RosterEntry.person_id == who.id)).scalar_one()


def nobody_yet(session: Session, now: datetime) -> Person:
    """A fresh WeChat account that has agreed and asked; it has done nothing that could be in the way of a merge."""
    made = accounts.sign_in(session, appid="wx", openid="attacker", now=now).person
    return agree(session, now, made)


@pytest.mark.parametrize("known", ["signs in", "holds a role"])
def test_a_clerk_cannot_put_a_stranger_into_somebodys_account(session: Session, world: World, now: datetime, known: str) -> None:
    victim, attacker = person(session, world, "members"), nobody_yet(session, now)
    if known == "signs in":
        accounts_of_his(session, victim, now)
    else:
        roles.grant(session, person=victim, role=Role.SECRETARY, node=node_of(session, world), actor=SYSTEM, now=now)
    row = binding_requests.submit(
        session, community=node_of(session, world), name=people.name_of(victim), actor=Actor(attacker.id), now=now
    )
    with pytest.raises(Problem, match="ROSTER_ENTRY_TAKEN"):
        binding_requests.accept(session, row, entry=of_roster(session, victim), actor=clerk(session, world, now), now=now)
    session.rollback()


def test_who_parted_a_merged_person_gives_him_to_nobody_else(session: Session, world: World, now: datetime) -> None:
    """Else one clerk alone takes somebody's account from him and puts a stranger in; another one looks first."""
    victim, attacker, later = person(session, world, "members"), nobody_yet(session, now), now + timedelta(hours=1)
    account = accounts.sign_in(session, appid="wx", openid="victim", now=now).person
    merge = merges.absorb(session, empty=account, into=victim, actor=SYSTEM, now=now, community_id=node_of(session, world).id)
    merges.undo(session, merge, reason="同名", actor=clerk(session, world, later), now=later)
    asked = {"community": node_of(session, world), "name": people.name_of(victim), "actor": Actor(attacker.id), "now": later}
    row, entry = binding_requests.submit(session, **asked), of_roster(session, victim)
    with pytest.raises(Problem, match="BINDING_PARTED"), session.begin_nested():
        binding_requests.accept(session, row, entry=entry, actor=clerk(session, world, later), now=later)
    session.refresh(row)
    secretary = session.execute(select(Person).where(Person.public_id == world.ids["secretary_person"])).scalar_one()
    binding_requests.accept(session, row, entry=entry, actor=actor_of(session, secretary, later), now=later)
    session.refresh(attacker)
    assert attacker.merged_into_id == victim.id


def test_a_clerk_cannot_tie_a_stranger_to_an_entry_of_another_name_and_place(session: Session, world: World, now: datetime) -> None:
    """The name on the entry would become his, for the clerk to read."""
    victim, attacker = person(session, world, "members"), nobody_yet(session, now)
    entry = of_roster(session, victim)
    entry.community_id = None
    row = binding_requests.submit(session, community=node_of(session, world), name="冒名", actor=Actor(attacker.id), now=now)
    with pytest.raises(Problem, match="NOT_FOUND"):
        binding_requests.accept(session, row, entry=entry, actor=clerk(session, world, now), now=now)
    session.rollback()


def accounts_of_his(session: Session, victim: Person, now: datetime) -> None:
    session.add(WechatAccount(appid="wx", openid="victim", person_id=victim.id, created_at=now, last_seen_at=now))
    session.flush()


def node_of(session: Session, world: World) -> OrgNode:
    return orgs.by_public_id(session, world.ids["communities"])


def test_a_phone_of_somebody_who_signs_in_is_not_taken_over(session: Session, world: World, now: datetime) -> None:
    victim, attacker = person(session, world, "members"), nobody_yet(session, now)
    accounts_of_his(session, victim, now)
    with pytest.raises(Problem, match="PHONE_TAKEN"):
        accounts.take_phone(session, person=attacker, phone=people.phone_of(victim), actor=Actor(attacker.id), now=now)


def test_who_only_submits_cannot_decide(session: Session, world: World, now: datetime) -> None:
    row = waiting(session, world)
    entry = bindings.entry(session, world.ids["entry"])
    with pytest.raises(Problem, match="NOT_FOUND"):
        binding_requests.accept(session, row, entry=entry, actor=Actor(row.person_id), now=now)


def test_nobody_accepts_his_own_registration(session: Session, world: World, now: datetime) -> None:
    row = registrations.by_public_id(session, world.ids["waiting"])
    with pytest.raises(Problem, match="NOT_FOUND"):
        registrations.accept(session, row, actor=Actor(row.person_id), now=now)


def test_a_secretary_grants_no_more_than_she_may_and_nothing_to_herself(session: Session, world: World, now: datetime) -> None:
    granted = roles.by_public_id(session, world.ids["role-grants"])
    here = node_of(session, world)
    mate = person(session, world, "mate")
    secretary = session.execute(select(Person).where(Person.public_id == world.ids["secretary_person"])).scalar_one()
    actor = actor_of(session, secretary, now)
    for role in (Role.COUNTY, Role.STREET, Role.SECRETARY, Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDITOR):
        with pytest.raises(Problem, match="FORBIDDEN"):
            roles.grant(session, person=mate, role=role, node=here, actor=actor, now=now)
    with pytest.raises(Problem, match="ROLE_SELF"):
        roles.grant(session, person=secretary, role=Role.CLERK, node=here, actor=actor, now=now)
    assert granted.role is Role.CLERK


def test_a_secretary_cannot_reset_the_password_of_the_county(session: Session, world: World, now: datetime) -> None:
    secretary = session.execute(select(Person).where(Person.public_id == world.ids["secretary_person"])).scalar_one()
    found = staff.find(session, "county-01")
    assert found is not None
    with pytest.raises(Problem, match="NOT_FOUND"):
        staff.reset(session, found=found, actor=actor_of(session, secretary, now), now=now)
