"""Two persons turn out to be one: the account that has done little yet goes over to the person who is known (mission row A3), with undo.

What went over is kept by row, so undoing it gives back exactly these rows. What the account did as the known person meanwhile stays there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from server.db import vault
from server.db.base import new_public_id
from server.db.models.care import CarePlan
from server.db.models.checkins import Scan, ServiceRecord
from server.db.models.feedbacks import Feedback
from server.db.models.media import Media
from server.db.models.notices import Notice, Subscription
from server.db.models.orgs import OrgNode
from server.db.models.people import BindingRequest, Consent, LoginSession, Person, PersonMerge, RoleGrant, StaffLogin, WechatAccount
from server.db.models.platform import Event
from server.db.models.registrations import Document, MemberRegistration
from server.db.models.requests import Request, RequestParty
from server.db.models.rosters import RosterEntry
from server.db.models.tasks import Claim, TeamMember
from server.db.models.wishes import Wish
from server.domain.notices import NoticeKind
from server.domain.people import BindingState, PersonState
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.services import events, lists, notices, people, scopes, staff

AT_ONCE = timedelta(seconds=10)
HISTORY = (MemberRegistration, Claim, ServiceRecord, Scan, Document, RoleGrant, RosterEntry, StaffLogin, Wish, CarePlan)


@dataclass(frozen=True)
class Owned:
    """A column that says whose a row is; `once`: the column beside it of which a person has one (open: while `open_while` is empty)."""

    column: InstrumentedAttribute[Any]
    once: InstrumentedAttribute[Any] | None = None
    open_while: InstrumentedAttribute[Any] | None = None

    @property
    def name(self) -> str:
        """As the merge keeps it."""
        return f"{self.column.class_.__tablename__}.{self.column.key}"


OWNED = (
    Owned(WechatAccount.person_id),
    Owned(LoginSession.person_id),
    Owned(Notice.person_id),
    Owned(Subscription.person_id, Subscription.kind),
    Owned(Consent.person_id, Consent.purpose, Consent.withdrawn_at),
    Owned(TeamMember.person_id, TeamMember.team_id, TeamMember.left_at),
    Owned(Media.owner_id),
    Owned(Request.author_id),
    Owned(Request.asked_for_id),
    Owned(RequestParty.person_id, RequestParty.request_id),
    Owned(Feedback.author_id),
)


def is_empty(session: Session, person: Person) -> bool:
    """Has he done nothing that cannot go over to another person, and no phone of his own?"""
    if person.phone_hash is not None or person.has_grants:
        return False
    done = or_(*(exists().where(model.person_id == person.id) for model in HISTORY))
    return not session.execute(select(done)).scalar_one()


def absorb(session: Session, *, empty: Person, into: Person, actor: Actor, now: datetime, community_id: int | None = None) -> PersonMerge:
    """Move what `empty` has to `into` and keep which rows these were; `empty` stays as a MERGED row that names it.

    What a person has once and both have (a consent, a team) stays where it was. `community_id` is whose staff may undo it, the county too;
    None: found from where `into` belongs. Who else signs in as `into` is the caller's question; by a password that somebody gave him
    nobody does any more (docs/decisions/0012-sign-in-of-staff.md).
    """
    people.hold(session, into)
    closed = staff.close(session, person=into, actor=actor, now=now)
    merge = PersonMerge(
        public_id=new_public_id(),
        from_id=empty.id,
        into_id=into.id,
        community_id=community_id or _community_of(session, empty, into),
        moved={one.name: ids for one in OWNED if (ids := _rows(session, one, empty, into))},
        merged_at=now,
    )
    session.add(merge)
    _hand_over(session, merge, giver=empty, taker=into)
    asked = update(BindingRequest).where(BindingRequest.person_id == empty.id, BindingRequest.state == BindingState.SUBMITTED)
    session.execute(asked.values(state=BindingState.WITHDRAWN, version=BindingRequest.version + 1, decided_at=now))
    empty.state, empty.merged_into_id = PersonState.MERGED, into.id
    session.flush()
    if closed:
        _tell_closed(session, merge, now)
    events.add(session, empty, action="merge", actor=actor, now=now, before=PersonState.ACTIVE.value, after=PersonState.MERGED.value)
    return merge


def undo(session: Session, merge: PersonMerge, *, reason: str, actor: Actor, now: datetime) -> PersonMerge:
    """They are two after all: the rows that went over go back, whoever is signed in as either signs in again, a password holds no more.

    Raises NOT_FOUND out of scope, NOTE_REQUIRED, ILLEGAL_MOVE where it was undone already or the person was merged further.
    """
    scopes.require(session, actor, Permission.MERGES_UNDO, merge.community_id)
    if not reason.strip():
        raise Problem("NOTE_REQUIRED", fields={"reason": "请写明为什么撤销合并"})
    left, into = session.get_one(Person, merge.from_id), session.get_one(Person, merge.into_id)
    guarded = update(PersonMerge).where(PersonMerge.id == merge.id, PersonMerge.undone_at.is_(None)).values(undone_at=now)
    undone: Any = session.execute(guarded)
    if undone.rowcount != 1 or into.state is not PersonState.ACTIVE or left.merged_into_id != into.id:
        raise Problem("ILLEGAL_MOVE")
    session.refresh(merge)
    left.state, left.merged_into_id = PersonState.ACTIVE, None
    staff.close(session, person=into, actor=actor, now=now)  # it may be the account's owner who made it
    _hand_over(session, merge, giver=into, taker=left)
    _sign_out(session, merge, now)
    session.flush()
    table = {"before": PersonState.MERGED.value, "after": PersonState.ACTIVE.value}
    events.add(session, left, action="unmerge", actor=actor, now=now, note=reason, **table)
    return merge


def parted_by(session: Session, person: Person, actor: Actor) -> bool:
    """Did the actor part somebody from this person? Not counted is a merge that was taken back at once: nobody had lived in it."""
    said = (Event.subject_kind == "person", Event.subject_id == PersonMerge.from_id, Event.action == "unmerge")
    his = exists().where(*said, Event.at == PersonMerge.undone_at, Event.actor_id == actor.person_id)
    undone = select(PersonMerge.merged_at, PersonMerge.undone_at).where(PersonMerge.into_id == person.id, his)
    return any(row.undone_at - row.merged_at > AT_ONCE for row in session.execute(undone))


def of_community(
    session: Session, *, node: OrgNode, actor: Actor, after: str | None, limit: int
) -> tuple[list[tuple[PersonMerge, Person]], str | None]:
    """Merges its staff may undo, newest first, each with the person who stayed. Raises NOT_FOUND out of scope."""
    scopes.require(session, actor, Permission.MERGES_UNDO, node.id)
    below = select(OrgNode.id).where(OrgNode.path.startswith(node.path, autoescape=True))
    wanted = select(PersonMerge, Person).join(Person, Person.id == PersonMerge.into_id).where(PersonMerge.community_id.in_(below))
    rows, following = lists.page(session, wanted, PersonMerge, after=after, limit=limit, newest_first=True)
    return [(row[0], row[1]) for row in rows], following


def one(session: Session, public_id: str, *, actor: Actor) -> tuple[PersonMerge, Person]:
    """A merge of the actor's places and the person who stayed. Raises NOT_FOUND, also out of scope."""
    merge = by_public_id(session, public_id)
    scopes.require(session, actor, Permission.MERGES_UNDO, merge.community_id)
    return merge, session.get_one(Person, merge.into_id)


def by_public_id(session: Session, public_id: str) -> PersonMerge:
    """The merge. Raises NOT_FOUND."""
    found = session.execute(select(PersonMerge).where(PersonMerge.public_id == public_id)).scalar_one_or_none()
    if found is None:
        raise Problem("NOT_FOUND")
    return found


def _rows(session: Session, one: Owned, empty: Person, into: Person) -> list[int]:
    """Ids of the rows of `empty` that `into` has no like of."""
    model: Any = one.column.class_
    mine = select(model.id).where(one.column == empty.id)
    if one.open_while is not None:
        mine = mine.where(one.open_while.is_(None))
    if one.once is not None:
        like = aliased(model)
        same = [getattr(like, one.column.key) == into.id, getattr(like, one.once.key) == one.once]
        if one.open_while is not None:
            same.append(getattr(like, one.open_while.key).is_(None))
        mine = mine.where(~exists().where(*same))
    return list(session.execute(mine.order_by(model.id)).scalars())


def _hand_over(session: Session, merge: PersonMerge, *, giver: Person, taker: Person) -> None:
    """Give the rows of the merge from one to the other; what is sealed under the giver's key is sealed anew."""
    for one in OWNED:
        ids: Sequence[int] = merge.moved.get(one.name, ())
        model: Any = one.column.class_
        if model is Feedback:
            _reseal(session, ids, giver, taker)
        if ids:
            given = update(model).where(model.id.in_(ids), one.column == giver.id).values({one.column: taker.id})
            session.execute(given.execution_options(synchronize_session="fetch"))


def _reseal(session: Session, ids: Sequence[int], giver: Person, taker: Person) -> None:
    for row in session.execute(select(Feedback).where(Feedback.id.in_(ids), Feedback.author_id == giver.id)).scalars() if ids else ():
        for name in ("content", "reply"):
            where, box = f"feedback.{name}", getattr(row, name)
            if box is not None and taker.salt is not None:
                setattr(row, name, vault.seal(taker.salt, where, row.public_id, vault.open_sealed(giver.salt, where, row.public_id, box)))


def _sign_out(session: Session, merge: PersonMerge, now: datetime) -> None:
    """End the sessions that began since, at desks, too: nobody says which of them were the account's."""
    since = update(LoginSession).where(LoginSession.revoked_at.is_(None))
    either = or_(
        LoginSession.person_id == merge.from_id,
        (LoginSession.person_id == merge.into_id) & (LoginSession.created_at >= merge.merged_at),
    )
    session.execute(since.where(either).values(revoked_at=now).execution_options(synchronize_session=False))


def _tell_closed(session: Session, merge: PersonMerge, now: datetime) -> None:
    notices.tell(
        session,
        person_id=merge.into_id,
        kind=NoticeKind.BINDING_DECIDED,
        subject_kind="person_merge",
        subject_public_id=merge.public_id,
        facts={"outcome": "login_closed"},
        dedupe=f"login_closed:{merge.id}",
        now=now,
    )


def _community_of(session: Session, empty: Person, into: Person) -> int:
    """Where he registered, where he asked to be matched, where a roster says he lives, else the county."""
    asked = select(BindingRequest.community_id).where(BindingRequest.person_id == empty.id).order_by(BindingRequest.id.desc())
    lives = select(MemberRegistration.community_id).where(MemberRegistration.person_id == into.id).order_by(MemberRegistration.id.desc())
    listed = select(RosterEntry.community_id).where(RosterEntry.person_id == into.id, RosterEntry.community_id.is_not(None))
    for query in (lives, asked, listed):
        found = session.execute(query.limit(1)).scalar()
        if found is not None:
            return found
    return session.execute(select(OrgNode.id).where(OrgNode.parent_id.is_(None)).order_by(OrgNode.id).limit(1)).scalar_one()
