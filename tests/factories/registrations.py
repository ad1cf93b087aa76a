"""Units, rosters and registered members of the tests, made through the services."""

from __future__ import annotations

from datetime import datetime
from itertools import count

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import Person
from server.db.models.registrations import MemberRegistration
from server.db.models.rosters import RosterEntry
from server.domain.orgs import UnitCategory
from server.domain.people import Purpose
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.registrations import MemberState, Source
from server.domain.rosters import RosterKind, Sheet
from server.services import bindings, consents, registrations, roles, rosters, units
from server.services.bindings import Outcome
from server.services.registrations import Details
from server.services.roster_plans import Supply
from tests.factories.people import Tree, a_person

_numbers = count(1)
_phones = count(13700000001)
TITLES = ("姓名", "手机号", "工作单位", "所在支部", "居住社区", "人员类别")


def a_unit(session: Session, now: datetime, tree: Tree, name: str | None = None, community: OrgNode | None = None) -> Unit:
    """A unit in 示例社区 (or the given one), under 示例街道工委."""
    return units.create(
        session,
        community=community or tree.community,
        name=name or f"示例单位{next(_numbers)}",
        category=UnitCategory.AGENCY,
        superior="示例街道工委",
        actor=SYSTEM,
        now=now,
    )


def an_entry(
    session: Session, now: datetime, unit: Unit, name: str = "张三", phone: str | None = None, *, community: str = "", kind: str = ""
) -> RosterEntry:
    """A member on a unit's roster, imported as the community does; '' as phone: the roster has none."""
    phone = str(next(_phones)) if phone is None else phone
    sheet = Sheet("名册", (TITLES, (name, phone, unit.name, "第一支部", community, kind)))
    node, supply = session.get_one(OrgNode, unit.community_id), Supply("示例单位办公室", "双报到工作通知", None)
    preview = rosters.check(session, kind=RosterKind.MEMBERS, node=node, sheets=(sheet,), supply=supply, actor=SYSTEM, now=now)
    assert not preview.errors, preview.errors
    rosters.apply(
        session, preview=preview, node=node, filename="名册.xlsx", sha256=rosters.hash_of(b""), supply=supply, actor=SYSTEM, now=now
    )
    return session.execute(select(RosterEntry).order_by(RosterEntry.id.desc()).limit(1)).scalar_one()


def agree(session: Session, now: datetime, person: Person, *purposes: Purpose) -> Person:
    """The person agrees to SERVICE and to the purposes named."""
    for purpose in (Purpose.SERVICE, *purposes):
        consents.give(session, person=person, purpose=purpose, actor=Actor(person.id), now=now)
    return person


def a_bound_person(session: Session, now: datetime, unit: Unit, name: str = "张三", *purposes: Purpose, community: str = "") -> Person:
    """A person with consents, bound to his roster entry by his phone."""
    phone = str(next(_phones))
    an_entry(session, now, unit, name, phone, community=community)
    person = agree(session, now, a_person(session, now, name, phone=phone), *purposes)
    assert bindings.by_phone(session, person=person, actor=Actor(person.id), now=now) is Outcome.BOUND
    return person


def a_registration(session: Session, now: datetime, person: Person, community: OrgNode, **over: object) -> MemberRegistration:
    """What the person himself submits, by scanning the community's code."""
    values: dict[str, object] = {"source": Source.SCAN, "details": Details(skills=("急救",)), **over}
    return registrations.submit(session, person=person, community=community, actor=Actor(person.id), now=now, **values)  # type: ignore[arg-type]


def a_member(
    session: Session,
    now: datetime,
    tree: Tree,
    name: str = "张三",
    *purposes: Purpose,
    community: OrgNode | None = None,
    unit: Unit | None = None,
) -> Person:
    """A person who is bound, registered with 示例社区 (or the given one) and ACTIVE."""
    person = a_bound_person(session, now, unit or a_unit(session, now, tree), name, *purposes)
    row = a_registration(session, now, person, community or tree.community)
    assert row.state is MemberState.ACTIVE
    return person


def registered(session: Session, now: datetime, person: Person, community: OrgNode) -> Person:
    """The person lives in this community, as a clerk wrote it down and the community accepted."""
    agree(session, now, person)
    row = a_registration(session, now, person, community)
    if row.state is not MemberState.ACTIVE:
        registrations.accept(session, row, actor=SYSTEM, now=now)
    return person


def of_unit(session: Session, now: datetime, role: Role, unit: Unit, name: str = "王联络员") -> Person:
    """A person who holds a role on a unit."""
    person = a_person(session, now, name)
    roles.grant(session, person=person, role=role, unit=unit, actor=SYSTEM, now=now)
    return person
