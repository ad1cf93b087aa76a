"""Who stands behind a figure: names, for who may read them, with a reason that is kept.

Only who did something is named. Who did not register or did not come is on no list (R1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, aliased

from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import Person
from server.db.models.registrations import MemberRegistration
from server.db.models.tallies import TallyHead
from server.domain.figures import Span
from server.domain.people import MemberType
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.registrations import LIVE
from server.services import events, people, scopes

MOST = 300  # names on a page; a ledger has them all
SHORTEST = 4  # letters of a reason
# What may be asked for, and how the list is called.
KEYS: Mapping[str, str] = {"service_heads": "参加过服务的人", "member_reg_rate": "已报到的在职党员"}


@dataclass(frozen=True)
class Named:
    """One person: name, unit and community ('' where there is none)."""

    name: str
    unit: str
    community: str


@dataclass(frozen=True)
class Names:
    """The first of them in the order of the register, and how many they are."""

    total: int
    rows: Sequence[Named]


def read(session: Session, *, key: str, node: OrgNode, span: Span, reason: str, actor: Actor, now: datetime) -> Names:
    """The names, and an event that says who read which and why. Raises NOT_FOUND (scope, no such list), INVALID without a reason."""
    scopes.require(session, actor, Permission.FIGURES_NAMES, node.id)
    if key not in KEYS:
        raise Problem("NOT_FOUND")
    reason = reason.strip()
    if len(reason) < SHORTEST:
        raise Problem("INVALID", fields={"reason": "请写明为什么要看姓名，例如：核对二季度服务记录"})
    note = f"{KEYS[key]} {span.period} {span.starts_on.isoformat()}：{reason}"[:200]
    events.add(session, node, action="read_names", actor=actor, now=now, note=note)
    wanted = _served(node, span) if key == "service_heads" else _registered(node, span)
    total = session.execute(select(func.count()).select_from(wanted.subquery())).scalar_one()
    return Names(total, _opened(session, wanted))


def _served(node: OrgNode, span: Span) -> Select[int]:
    key = (TallyHead.period == span.period, TallyHead.starts_on == span.starts_on, TallyHead.visits > 0)
    return select(TallyHead.person_id.label("person_id")).where(TallyHead.scope == "node", TallyHead.scope_id == node.id, *key)


def _registered(node: OrgNode, span: Span) -> Select[int]:
    inside = select(OrgNode.id).where(OrgNode.path.startswith(node.path, autoescape=True))
    ends = or_(MemberRegistration.valid_to.is_(None), MemberRegistration.valid_to > span.as_of)
    wanted = select(MemberRegistration.person_id.label("person_id")).join(Person, Person.id == MemberRegistration.person_id)
    place = func.coalesce(MemberRegistration.grid_id, MemberRegistration.community_id)
    return wanted.where(place.in_(inside), MemberRegistration.valid_from <= span.as_of, ends, Person.member_type == MemberType.IN_SERVICE)


def _opened(session: Session, wanted: Select[int]) -> Sequence[Named]:
    who, place = wanted.subquery(), aliased(OrgNode)
    rows = session.execute(
        select(Person, Unit.name, place.name)
        .join(who, who.c.person_id == Person.id)
        .outerjoin(Unit, Unit.id == Person.unit_id)
        .outerjoin(MemberRegistration, (MemberRegistration.person_id == Person.id) & MemberRegistration.state.in_(LIVE))
        .outerjoin(place, place.id == MemberRegistration.community_id)
        .order_by(Person.id)
        .limit(MOST)
    )
    return [Named(people.name_of(person) or "（未填姓名）", unit or "", community or "") for person, unit, community in rows]
