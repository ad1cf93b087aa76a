"""Units and roster entries of the tests, made through the services: a roster entry comes in by an import of one row."""

from __future__ import annotations

from datetime import datetime
from itertools import count

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db import vault
from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import Person
from server.db.models.rosters import RosterEntry, RosterImport
from server.domain.orgs import UnitCategory
from server.domain.permissions import SYSTEM, Role
from server.domain.rosters import RosterKind, Sheet
from server.services import roles, rosters, units
from server.services.roster_plans import Supply
from tests.factories.people import Tree, a_person

SUPPLY = Supply("示例县委组织部", "党员名册共享协议")
_phones = count(13700000001)


def a_unit(
    session: Session, now: datetime, tree: Tree, name: str = "示例水务局", *, community: OrgNode | None = None, **over: object
) -> Unit:
    """A unit whose premises are in 示例社区."""
    values: dict[str, object] = {"category": UnitCategory.AGENCY, **over}
    return units.create(session, community=community or tree.community, name=name, actor=SYSTEM, now=now, **values)  # type: ignore[arg-type]


def with_unit_role(session: Session, now: datetime, role: Role, unit: Unit, name: str = "赵联络") -> Person:
    """A person who is liaison or branch of a unit."""
    person = a_person(session, now, name)
    roles.grant(session, person=person, role=role, unit=unit, actor=SYSTEM, now=now)
    return person


def imported(session: Session, now: datetime, node: OrgNode, kind: RosterKind, *rows: tuple[str, ...]) -> RosterImport:
    """Import these rows (the first is the header) for a node."""
    preview = rosters.check(session, kind=kind, node=node, sheets=[Sheet("名册", rows)], supply=SUPPLY, actor=SYSTEM, now=now)
    return rosters.apply(
        session, preview=preview, node=node, filename="名册.xlsx", sha256=rosters.hash_of(b"rows"), supply=SUPPLY, actor=SYSTEM, now=now
    )


def a_roster_entry(
    session: Session,
    now: datetime,
    unit: Unit,
    *,
    name: str = "张三",
    phone: str | None = None,
    branch: str = "第一支部",
    community: str = "",
    member_type: str = "在职",
    exempt: str = "",
) -> RosterEntry:
    """A member on his unit's roster ('' as phone: the roster has none); `community` by name."""
    number = next_phone() if phone is None else phone
    header = ("姓名", "手机", "单位", "支部", "居住社区", "人员类别", "免报到原因")
    row = (name, number, unit.name, branch, community, member_type, exempt)
    imported(session, now, session.get_one(OrgNode, unit.community_id), RosterKind.MEMBERS, header, row)
    key = (RosterEntry.name_hash == vault.lookup_hash("name", name), RosterEntry.phone_hash == vault.lookup_hash("phone", number))
    return session.execute(select(RosterEntry).where(RosterEntry.unit_id == unit.id, *key)).scalar_one()


def next_phone() -> str:
    """A phone nobody else has."""
    return str(next(_phones))
