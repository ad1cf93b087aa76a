"""单位报到: 报到单 → 接收意见 → 回执 to the 工委 (mission row A5; docs/rules.md §3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db import vault
from server.db.base import new_public_id
from server.db.models.orgs import OrgNode, Unit
from server.db.models.registrations import UnitRegistration
from server.domain.notices import NoticeKind
from server.domain.permissions import Actor, Permission, may_for_unit
from server.domain.problems import Problem
from server.domain.registrations import UNIT_TRANSITIONS, UnitAction, UnitState
from server.services import events, lists, notices, scopes, serials


@dataclass(frozen=True)
class Slip:
    """What the 报到单 says: who leads, who is the liaison, what the unit can bring."""

    leader: str | None = None
    liaison: str | None = None
    offers: Sequence[str] = ()


def submit(session: Session, *, unit: Unit, slip: Slip, actor: Actor, now: datetime) -> UnitRegistration:
    """Register a unit with the community of its premises. Raises NOT_FOUND for a unit that is not the actor's, UNIT_REGISTERED."""
    require_unit(session, actor, unit)
    if of_unit(session, unit_id=unit.id) is not None:
        raise Problem("UNIT_REGISTERED")
    community = session.get_one(OrgNode, unit.community_id)
    row = UnitRegistration(
        public_id=new_public_id(),
        unit_id=unit.id,
        community_id=community.id,
        slip_no=serials.following(session, series=serials.SLIP, community=community, now=now),
        state=UnitState.SUBMITTED,
        submitted_by=actor.person_id,
        submitted_at=now,
    )
    _fill(unit, row, slip)
    session.add(row)
    session.flush()
    events.add(session, row, action="submit", actor=actor, now=now, after=row.state)
    return row


def resubmit(
    session: Session, row: UnitRegistration, *, slip: Slip, actor: Actor, now: datetime, seen: int | None = None
) -> UnitRegistration:
    """Bring the corrected slip again. Raises NOT_FOUND, ILLEGAL_MOVE, STALE."""
    unit = session.get_one(Unit, row.unit_id)
    require_unit(session, actor, unit)
    brought: dict[str, Any] = {"submitted_at": now, "submitted_by": actor.person_id, "opinion": None}
    _move(session, row, UnitAction.RESUBMIT, actor=actor, now=now, seen=seen, **brought)
    _fill(unit, row, slip)
    session.flush()
    return row


def accept(session: Session, row: UnitRegistration, *, opinion: str | None, actor: Actor, now: datetime) -> UnitRegistration:
    """The community writes its 接收意见. Raises NOT_FOUND, ILLEGAL_MOVE, NOTE_REQUIRED, STALE."""
    _decide(session, row, UnitAction.ACCEPT, opinion, actor=actor, now=now)
    return row


def send_back(session: Session, row: UnitRegistration, *, reason: str | None, actor: Actor, now: datetime) -> UnitRegistration:
    """The slip comes back with a reason. Raises NOT_FOUND, ILLEGAL_MOVE, NOTE_REQUIRED, STALE."""
    _decide(session, row, UnitAction.RETURN, reason, actor=actor, now=now)
    return row


def send_receipt(session: Session, row: UnitRegistration, *, sent_to: str | None, actor: Actor, now: datetime) -> UnitRegistration:
    """Number the 回执 and send it to the unit's 工委 (the one the unit names, or another). Raises NOT_FOUND, ILLEGAL_MOVE, INVALID."""
    unit = session.get_one(Unit, row.unit_id)
    to = sent_to or unit.superior
    if not to:
        raise Problem("INVALID", fields={"sent_to": "请写明回执发给哪个工委"})
    scopes.require(session, actor, Permission.UNIT_REGISTRATIONS_DECIDE, row.community_id)
    community = session.get_one(OrgNode, row.community_id)
    number = serials.following(session, series=serials.UNIT, community=community, now=now)
    _move(session, row, UnitAction.SEND_RECEIPT, actor=actor, now=now, receipt_no=number, receipt_sent_to=to)
    _tell(session, row, now)
    return row


def end(session: Session, row: UnitRegistration, *, reason: str | None, actor: Actor, now: datetime) -> UnitRegistration:
    """Close the registration with a reason; the unit may register anew. Raises NOT_FOUND, ILLEGAL_MOVE, NOTE_REQUIRED."""
    _decide(session, row, UnitAction.END, reason, actor=actor, now=now)
    return row


def of_unit(session: Session, *, unit_id: int) -> UnitRegistration | None:
    """The unit's registration that has not ended."""
    found = select(UnitRegistration).where(UnitRegistration.unit_id == unit_id, UnitRegistration.state != UnitState.ENDED)
    return session.execute(found).scalar_one_or_none()


def by_public_id(session: Session, public_id: str) -> UnitRegistration:
    """The registration. Raises NOT_FOUND."""
    row = session.execute(select(UnitRegistration).where(UnitRegistration.public_id == public_id)).scalar_one_or_none()
    if row is None:
        raise Problem("NOT_FOUND")
    return row


def readable(session: Session, public_id: str, *, actor: Actor) -> tuple[UnitRegistration, Unit]:
    """The registration with its unit, for the unit's liaison and the community's staff. Raises NOT_FOUND."""
    row = by_public_id(session, public_id)
    unit = session.get_one(Unit, row.unit_id)
    require_unit(session, actor, unit)
    return row, unit


def queue(
    session: Session, *, community: OrgNode, state: UnitState, actor: Actor, after: str | None, limit: int
) -> tuple[list[tuple[UnitRegistration, Unit]], str | None]:
    """A community's unit registrations in one state, oldest first. Raises NOT_FOUND out of scope."""
    scopes.require(session, actor, Permission.UNIT_REGISTRATIONS_DECIDE, community.id)
    wanted = select(UnitRegistration, Unit).join(Unit, Unit.id == UnitRegistration.unit_id)
    wanted = wanted.where(UnitRegistration.community_id == community.id, UnitRegistration.state == state)
    rows, following = lists.page(session, wanted, UnitRegistration, after=after, limit=limit)
    return [(row[0], row[1]) for row in rows], following


def slip_of(unit: Unit, row: UnitRegistration) -> Slip:
    """What the slip says, opened."""
    leader = vault.open_sealed(unit.salt, "unit_registration.leader", row.public_id, row.leader)
    liaison = vault.open_sealed(unit.salt, "unit_registration.liaison", row.public_id, row.liaison)
    return Slip(leader or None, liaison or None, tuple(row.offers))


def require_unit(session: Session, actor: Actor, unit: Unit) -> None:
    """Raise NOT_FOUND unless the actor is the unit's liaison or staff of its community."""
    if not may_for_unit(actor, Permission.UNIT_REGISTRATIONS_SUBMIT, unit.id):
        scopes.require(session, actor, Permission.UNIT_REGISTRATIONS_SUBMIT, unit.community_id)


def _fill(unit: Unit, row: UnitRegistration, slip: Slip) -> None:
    row.leader = vault.seal(unit.salt, "unit_registration.leader", row.public_id, slip.leader) if slip.leader else None
    row.liaison = vault.seal(unit.salt, "unit_registration.liaison", row.public_id, slip.liaison) if slip.liaison else None
    row.offers = list(slip.offers)


def _decide(session: Session, row: UnitRegistration, action: UnitAction, text: str | None, *, actor: Actor, now: datetime) -> None:
    _move(session, row, action, actor=actor, now=now, note=text, opinion=text)
    _tell(session, row, now)


def _move(
    session: Session, row: UnitRegistration, action: UnitAction, *, actor: Actor, now: datetime, note: str | None = None, **changes: Any
) -> UnitRegistration:
    changes = {"decided_at": now, "decided_by": actor.person_id, **changes}
    return events.move(session, row, table=UNIT_TRANSITIONS, action=action, actor=actor, now=now, note=note, **changes)


def _tell(session: Session, row: UnitRegistration, now: datetime) -> None:
    """Tell whoever brought the slip, unless he decided it himself."""
    if row.submitted_by is None or row.submitted_by == row.decided_by:
        return
    community = session.get_one(OrgNode, row.community_id)
    notices.tell(
        session,
        person_id=row.submitted_by,
        kind=NoticeKind.UNIT_DECIDED,
        subject_kind="unit_registration",
        subject_public_id=row.public_id,
        facts={"community": community.name, "outcome": row.state.value},
        dedupe=f"unit_registration:{row.id}:{row.version}",
        now=now,
    )
