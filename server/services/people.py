"""Persons: making one, finding one, opening what is sealed (mission rows A3, G7)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from server.db import vault
from server.db.base import new_public_id
from server.db.models.people import Person, WechatAccount
from server.domain.people import MemberType, PersonState
from server.domain.problems import Problem


def create(
    session: Session,
    *,
    created_via: str,
    now: datetime,
    member_type: MemberType = MemberType.NON_PARTY,
    name: str | None = None,
    phone: str | None = None,
    unit_id: int | None = None,
    branch_id: int | None = None,
) -> Person:
    """A new person; name and phone are sealed under a fresh salt of his own. Raises PHONE_TAKEN."""
    person = Person(
        public_id=new_public_id(),
        salt=vault.new_salt(),
        member_type=member_type,
        unit_id=unit_id,
        branch_id=branch_id,
        created_via=created_via,
        created_at=now,
    )
    if name:
        set_name(person, name)
    session.add(person)
    session.flush()
    if phone:
        set_phone(session, person, phone)
    return person


def set_name(person: Person, name: str) -> None:
    """Seal the name and make it findable."""
    if person.salt is None:
        raise Problem("NOT_FOUND")
    person.name = vault.seal(person.salt, "person.name", person.public_id, name)
    person.name_hash = vault.lookup_hash("name", name)


def set_phone(session: Session, person: Person, phone: str) -> None:
    """Seal the phone and make it findable. Raises PHONE_TAKEN when another person has it."""
    if person.salt is None:
        raise Problem("NOT_FOUND")
    found = by_phone(session, phone)
    if found is not None and found.id != person.id:
        raise Problem("PHONE_TAKEN")
    person.phone = vault.seal(person.salt, "person.phone", person.public_id, phone)
    person.phone_hash = vault.lookup_hash("phone", phone)
    session.flush()


def by_phone(session: Session, phone: str) -> Person | None:
    """The active person with this phone."""
    digest = vault.lookup_hash("phone", phone)
    return session.execute(select(Person).where(Person.phone_hash == digest, Person.state == PersonState.ACTIVE)).scalar_one_or_none()


def by_public_id(session: Session, public_id: str) -> Person:
    """The active person. Raises NOT_FOUND."""
    person = session.execute(select(Person).where(Person.public_id == public_id, Person.state == PersonState.ACTIVE)).scalar_one_or_none()
    if person is None:
        raise Problem("NOT_FOUND")
    return person


def has_account(session: Session, person: Person) -> bool:
    """Does somebody sign in as this person by a WeChat account of his own?"""
    return bool(session.execute(select(exists().where(WechatAccount.person_id == person.id))).scalar_one())


def hold(session: Session, person: Person) -> None:
    """Until the transaction ends nobody else binds an account to him or makes him a login."""
    session.execute(select(Person.id).where(Person.id == person.id).with_for_update(key_share=True))


def name_of(person: Person) -> str:
    """The person's name, '' where none was given or the person was erased."""
    return vault.open_sealed(person.salt, "person.name", person.public_id, person.name)


def phone_of(person: Person) -> str:
    """The person's phone, '' where none is known."""
    return vault.open_sealed(person.salt, "person.phone", person.public_id, person.phone)


def masked(phone: str) -> str:
    """138****5678: what is shown where the whole number is not needed."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 7 else ""
