"""Who can be asked to handle a request: a person, a unit (its liaisons answer) or a team (its leader answers). Mission row C3."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from server.db.models.orgs import Unit
from server.db.models.people import Person, RoleGrant
from server.db.models.requests import Request, RequestOffer
from server.db.models.tasks import VolunteerTeam
from server.domain.days import local_day
from server.domain.permissions import GRANTS, Actor, Permission, Role, may_for_unit
from server.domain.problems import Problem
from server.services import people
from server.services.roles import holds_on

ANSWERS_FOR_UNIT = Role.UNIT_LIAISON


@dataclass(frozen=True)
class Receiver:
    """Exactly one of the three, by internal id."""

    person_id: int | None = None
    unit_id: int | None = None
    team_id: int | None = None

    @property
    def columns(self) -> dict[str, int | None]:
        """As an offer's columns."""
        return {"person_id": self.person_id, "unit_id": self.unit_id, "team_id": self.team_id}


def named(session: Session, request: Request, *, person: str | None = None, unit: str | None = None, team: str | None = None) -> Receiver:
    """The receiver by public id. Raises INVALID unless exactly one is named, NOT_FOUND, REQUEST_OWN for the requester himself."""
    if sum(one is not None for one in (person, unit, team)) != 1:
        raise Problem("INVALID", fields={"person": "请选择一位党员、一个单位或一支队伍"})
    if person is not None:
        found = people.by_public_id(session, person)
        require_stranger(request, found.id)
        return Receiver(person_id=found.id)
    if unit is not None:
        return Receiver(unit_id=_id(session, Unit, Unit.public_id == unit, Unit.archived_at.is_(None)))
    wanted = (VolunteerTeam.public_id == team, VolunteerTeam.archived_at.is_(None), VolunteerTeam.community_id == request.community_id)
    return Receiver(team_id=_id(session, VolunteerTeam, *wanted))


def require_stranger(request: Request, person_id: int | None) -> None:
    """Nobody handles what he asked for himself. Raises REQUEST_OWN."""
    if person_id == request.asked_for_id:
        raise Problem("REQUEST_OWN")


def of(row: RequestOffer) -> Receiver:
    """The receiver of an offer."""
    return Receiver(row.person_id, row.unit_id, row.team_id)


def speaks_for(session: Session, actor: Actor, receiver: Receiver) -> bool:
    """The person himself, the unit's liaison, the team's leader."""
    if actor.person_id is None:
        return False
    if receiver.unit_id is not None:
        return may_for_unit(actor, Permission.REQUESTS_HANDLE, receiver.unit_id)
    if receiver.team_id is not None:
        return session.get_one(VolunteerTeam, receiver.team_id).leader_id == actor.person_id
    return receiver.person_id == actor.person_id


def mine(actor: Actor) -> ColumnElement[bool]:
    """A WHERE condition on RequestOffer: offers the actor speaks for."""
    units = [grant.unit_id for grant in actor.grants if grant.unit_id is not None and Permission.REQUESTS_HANDLE in GRANTS[grant.role]]
    led = select(VolunteerTeam.id).where(VolunteerTeam.leader_id == actor.id, VolunteerTeam.archived_at.is_(None))
    return or_(RequestOffer.person_id == actor.id, RequestOffer.unit_id.in_(units), RequestOffer.team_id.in_(led))


def people_of(session: Session, receiver: Receiver, *, now: datetime) -> Sequence[int]:
    """Whom to tell."""
    if receiver.person_id is not None:
        return [receiver.person_id]
    if receiver.team_id is not None:
        return [session.get_one(VolunteerTeam, receiver.team_id).leader_id]
    return _holders(session, local_day(now), RoleGrant.unit_id == receiver.unit_id, RoleGrant.role == ANSWERS_FOR_UNIT)


def handlers_of(session: Session, request: Request, *, now: datetime) -> Sequence[int]:
    """The person in whose hands it is; where a whole unit or team has it, whoever answers for that; nobody before it was accepted."""
    receiver = Receiver(request.handler_person_id, request.handler_unit_id, request.handler_team_id)
    return [] if receiver == Receiver() else people_of(session, receiver, now=now)


def staff_on(session: Session, node_id: int, permission: Permission, *, now: datetime) -> Sequence[int]:
    """The people with this permission by a role on the very node."""
    roles = [role for role, granted in GRANTS.items() if permission in granted]
    return _holders(session, local_day(now), RoleGrant.node_id == node_id, RoleGrant.role.in_(roles))


def _holders(session: Session, today: date, *conditions: ColumnElement[bool]) -> Sequence[int]:
    held = select(RoleGrant.person_id).distinct().where(holds_on(today), *conditions).order_by(RoleGrant.person_id)
    return session.execute(held).scalars().all()


def _id(session: Session, model: Any, *conditions: ColumnElement[bool]) -> int:
    found: int | None = session.execute(select(model.id).where(*conditions)).scalar()
    if found is None:
        raise Problem("NOT_FOUND")
    return found


def names_of(session: Session, offers: Sequence[RequestOffer]) -> dict[int, str]:
    """What each offer's receiver is called, by the offer's id; three statements at most."""
    persons = _by_id(session, Person, [offer.person_id for offer in offers])
    units = _by_id(session, Unit, [offer.unit_id for offer in offers])
    teams = _by_id(session, VolunteerTeam, [offer.team_id for offer in offers])
    return {
        offer.id: people.name_of(persons[offer.person_id])
        if offer.person_id is not None
        else (units[offer.unit_id] if offer.unit_id is not None else teams[offer.team_id]).name
        for offer in offers
    }


def _by_id(session: Session, model: Any, ids: Sequence[int | None]) -> dict[Any, Any]:
    wanted = {one for one in ids if one is not None}
    return {row.id: row for row in session.execute(select(model).where(model.id.in_(wanted))).scalars()} if wanted else {}
