"""微心愿 on the community's side: collected, verified by a visit, published, withdrawn, the next round (docs/rules.md §3.4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db import vault
from server.db.base import new_public_id
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.wishes import Wish
from server.domain.days import local_day
from server.domain.notices import NoticeKind
from server.domain.people import ConsentChannel, MemberType, Purpose
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.wishes import WISH_TRANSITIONS, WishAction, WishGroup, WishState, Words, check_words
from server.services import consents, events, notices, people, policies, scopes, serials


@dataclass(frozen=True)
class Wisher:
    """Somebody named to the collector: a name and, if he has one, a phone."""

    name: str
    phone: str | None = None


@dataclass(frozen=True)
class Collected:
    """What was noted at the door; `channel` is how they agreed (paper or spoken, the collector being the witness)."""

    wisher: Wisher
    group: WishGroup
    words: Words
    channel: ConsentChannel
    guardian: Wisher | None = None
    grid: OrgNode | None = None


def collect(session: Session, *, community: OrgNode, noted: Collected, actor: Actor, now: datetime) -> Wish:
    """Note a wish with the wisher's consent; a child's needs a guardian, who agrees for him.

    Raises NOT_FOUND out of scope (a grid worker names his grid), INVALID, PHONE_TAKEN, WITNESS_REQUIRED, and what check_words refuses.
    """
    if noted.grid is not None and not noted.grid.path.startswith(community.path):
        raise Problem("NOT_FOUND")
    scopes.require(session, actor, Permission.WISHES_COLLECT, (noted.grid or community).id)
    if noted.group is WishGroup.CHILD and noted.guardian is None:
        raise Problem("INVALID", fields={"guardian": "孩子的心愿要填监护人"})
    known = [one for one in (noted.wisher, noted.guardian) if one is not None]
    _check(session, noted.words, community.id, [one.name for one in known], now)
    found = [_agreed(session, one, noted.channel, actor=actor, now=now) for one in known]
    wish = Wish(
        public_id=new_public_id(),
        number=serials.following(session, series=serials.WISH, community=community, now=now),
        community_id=community.id,
        grid_id=noted.grid.id if noted.grid is not None else None,
        person_id=found[0].id,
        guardian_id=found[1].id if len(found) > 1 else None,
        group=noted.group,
        alias=noted.words.alias,
        content=noted.words.content,
        value_fen=noted.words.value_fen,
        state=WishState.COLLECTED,
        collected_by=actor.id,
        collected_at=now,
    )
    session.add(wish)
    session.flush()
    events.add(session, wish, action="collect", actor=actor, now=now, after=wish.state)
    return wish


def verify(session: Session, wish: Wish, *, visited_on: date, note: str, actor: Actor, now: datetime) -> Wish:
    """Somebody went there and says what he found; sealed. Raises NOTE_REQUIRED, INVALID (a day to come), ILLEGAL_MOVE, NOT_FOUND."""
    if not note.strip():
        raise Problem("NOTE_REQUIRED", fields={"note": "请写明走访看到的情况"})
    if visited_on > local_day(now):
        raise Problem("INVALID", fields={"visited_on": "走访日期不能晚于今天"})
    person = session.get_one(Person, wish.person_id)
    sealed = vault.seal(person.salt, "wish.visit_note", wish.public_id, note) if person.salt is not None else None
    changes: dict[str, Any] = {"visited_on": visited_on, "visit_note": sealed, "verified_by": actor.person_id, "verified_at": now}
    return events.move(session, wish, table=WISH_TRANSITIONS, action=WishAction.VERIFY, actor=actor, now=now, **changes)


def publish(session: Session, wish: Wish, *, words: Words, actor: Actor, now: datetime) -> Wish:
    """Show it under its alias, in the words that staff chose. Raises CONSENT_REQUIRED, ILLEGAL_MOVE, and what check_words refuses."""
    scopes.require(session, actor, Permission.WISHES_MANAGE, wish.community_id)
    consents.require(session, person_id=wish.person_id, purpose=Purpose.WISHES)
    _check(session, words, wish.community_id, _names(session, wish), now)
    changes: dict[str, Any] = {"alias": words.alias, "content": words.content, "value_fen": words.value_fen, "published_at": now}
    return events.move(session, wish, table=WISH_TRANSITIONS, action=WishAction.PUBLISH, actor=actor, now=now, **changes)


def withdraw(session: Session, wish: Wish, *, reason: str, actor: Actor, now: datetime) -> Wish:
    """Take it back: wisher, guardian or staff, with a reason; its claimant is told. Raises NOT_FOUND, NOTE_REQUIRED, ILLEGAL_MOVE."""
    if not of_wisher(wish, actor):
        scopes.require(session, actor, Permission.WISHES_MANAGE, wish.community_id)
    claimant = wish.claimant_id
    events.move(session, wish, table=WISH_TRANSITIONS, action=WishAction.WITHDRAW, actor=actor, now=now, note=reason)
    if claimant is not None:
        tell(session, wish, claimant, now)
    return wish


def next_round(session: Session, *, community: OrgNode, actor: Actor, now: datetime) -> int:
    """Begin a new round: what nobody claimed stands before what comes new. Returns how many wait. Raises NOT_FOUND."""
    scopes.require(session, actor, Permission.WISHES_MANAGE, community.id)
    waiting = select(Wish).where(Wish.community_id == community.id, Wish.state == WishState.PUBLISHED).order_by(Wish.id)
    rows = list(session.execute(waiting).scalars())
    for wish in rows:
        events.move(session, wish, table=WISH_TRANSITIONS, action=WishAction.NEXT_ROUND, actor=actor, now=now, round=wish.round + 1)
    return len(rows)


def by_public_id(session: Session, public_id: str) -> Wish:
    """The wish. Raises NOT_FOUND."""
    found = session.execute(select(Wish).where(Wish.public_id == public_id)).scalar_one_or_none()
    if found is None:
        raise Problem("NOT_FOUND")
    return found


def of_wisher(wish: Wish, actor: Actor) -> bool:
    """Is it his own wish, or his ward's?"""
    return actor.person_id is not None and actor.person_id in (wish.person_id, wish.guardian_id)


def visit_note_of(session: Session, wish: Wish) -> str:
    """What the visitor found, opened for staff."""
    person = session.get_one(Person, wish.person_id)
    return vault.open_sealed(person.salt, "wish.visit_note", wish.public_id, wish.visit_note)


def tell(session: Session, wish: Wish, person_id: int, now: datetime, outcome: str | None = None) -> None:
    """One notice about where the wish stands; `outcome` where it is worded for another than wisher and claimant."""
    notices.tell(
        session,
        person_id=person_id,
        kind=NoticeKind.WISH_MOVED,
        subject_kind="wish",
        subject_public_id=wish.public_id,
        facts={"title": wish.content, "outcome": outcome or wish.state.value},
        dedupe=f"wish:{wish.id}:{wish.version}:{person_id}",
        now=now,
    )


def _check(session: Session, words: Words, community_id: int, names: list[str], now: datetime) -> None:
    cap = policies.value(session, "wishes.cap_fen", today=local_day(now), node_id=community_id)
    check_words(words, cap_fen=cap, names=names)


def _names(session: Session, wish: Wish) -> list[str]:
    ids = [one for one in (wish.person_id, wish.guardian_id) if one is not None]
    return [people.name_of(session.get_one(Person, one)) for one in ids]


def _agreed(session: Session, who: Wisher, channel: ConsentChannel, *, actor: Actor, now: datetime) -> Person:
    """The person of this phone and name, or a new one, with his consent. Raises PHONE_TAKEN where the phone is another name's."""
    person = people.by_phone(session, who.phone) if who.phone else None
    if person is not None and person.name_hash not in (None, vault.lookup_hash("name", who.name)):
        raise Problem("PHONE_TAKEN")
    if person is None:
        person = people.create(session, created_via="wish", now=now, member_type=MemberType.NON_PARTY, name=who.name, phone=who.phone)
    if channel is ConsentChannel.APP:
        consents.require(session, person_id=person.id, purpose=Purpose.WISHES)
    else:
        consents.give(session, person=person, purpose=Purpose.WISHES, channel=channel, witness_id=actor.person_id, actor=actor, now=now)
    return person
