"""角色与登录 at the console: who holds what where, what may not be in one hand, passwords that are shown once."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import permutations

import pytest
from flask import Flask
from sqlalchemy import select

from server.db.base import reading, transaction
from server.db.models.orgs import OrgNode
from server.db.models.people import Person, RoleGrant
from server.domain.permissions import SYSTEM, Role
from server.services import people, roles, staff
from tests.console.conftest import Seat, seat_of, sit_down
from tests.console.support import HOSTILE, asks_first, statements
from tests.factories.people import Tree, today, with_role
from tests.factories.registrations import a_unit
from tests.factories.staff import its_own_account

PHONE = "13900009999"


@pytest.fixture
def security(app: Flask, tree: Tree, now: datetime) -> Seat:
    return seat_of(app, now, Role.SECURITY_ADMIN, tree.county, "安全员")


def grant(seat: Seat, role: Role, node: OrgNode, **fields: str) -> None:
    """Fill in the form and send it."""
    typed = {"name": "孙新人", "phone": PHONE, "role": role.value, "place": f"node:{node.public_id}", "valid_to": "", **fields}
    seat.get("/console/roles/new")
    seat.post("/console/roles/new", **typed)


def holder() -> Person:
    with reading() as session:
        found = people.by_phone(session, PHONE)
    assert found is not None
    return found


def held() -> set[Role]:
    """The roles of the new person that have not ended."""
    with reading() as session:
        found = select(RoleGrant.role).where(RoleGrant.person_id == holder().id, RoleGrant.valid_to.is_(None))
        return set(session.execute(found).scalars())


def ending(role: Role) -> str:
    """The address that ends this role of the new person."""
    with reading() as session:
        found = select(RoleGrant.public_id).where(RoleGrant.person_id == holder().id, RoleGrant.role == role)
        return f"/console/roles/{session.execute(found).scalar_one()}/end"


def test_a_secretary_appoints_a_grid_worker_and_takes_it_back(secretary: Seat, tree: Tree) -> None:
    grant(secretary, Role.GRID_WORKER, tree.grid)
    assert ("孙新人的角色" in secretary.said, "网格员" in secretary.said) == (True, True)
    secretary.get("/console/roles")
    assert ("孙新人" in secretary.said, "第一网格" in secretary.said) == (True, True)
    assert statements(lambda: secretary.get("/console/roles")) <= 12
    secretary.get("/console/roles?role=clerk")
    assert "孙新人" not in secretary.said
    secretary.get(f"/console/roles/people/{holder().public_id}")
    ending = re.findall(r'action="(/console/roles/\w+/end)"', secretary.html)[0]
    assert asks_first(secretary.html, ending), "one click asks, the second ends it"
    secretary.post(ending)
    assert "网格员已收回" in secretary.said
    secretary.get(f"/console/roles/people/{holder().public_id}")
    assert secretary.status == 404


def test_a_liaison_is_appointed_on_a_unit(secretary: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        unit = a_unit(session, now, tree, "示例水务局")
    grant(secretary, Role.UNIT_LIAISON, tree.community)
    assert (secretary.status, "要授在单位上" in secretary.said, 'value="孙新人"' in secretary.html) == (422, True, True)
    grant(secretary, Role.UNIT_LIAISON, tree.community, place=f"unit:{unit.public_id}")
    assert "示例水务局" in secretary.said


def test_system_security_and_audit_are_three_people(security: Seat, tree: Tree) -> None:
    grant(security, Role.SYSTEM_ADMIN, tree.county)
    assert "孙新人的角色" in security.said
    grant(security, Role.AUDITOR, tree.county)
    assert (security.status, "要由不同的人担任" in security.said) == (422, True)
    with reading() as session:
        me = people.phone_of(session.get_one(Person, security.person.id))
    grant(security, Role.AUDITOR, tree.county, name="安全员", phone=me)
    assert "不能给自己授权" in security.said


@pytest.mark.parametrize(("first", "second"), list(permutations(sorted(roles.APART), 2)))
def test_no_two_of_the_three_are_in_one_hand(security: Seat, tree: Tree, first: Role, second: Role) -> None:
    grant(security, first, tree.county)
    for node in (tree.county, tree.street):  # another place makes no other person of him
        grant(security, second, node)
        assert (security.status, "要由不同的人担任" in security.said) == (422, True)
    assert held() == {first}
    security.post(ending(first))
    grant(security, second, tree.county)
    assert (security.status, held()) == (200, {second})


@pytest.mark.parametrize(
    ("appointing", "role"),
    [
        (Role.SECRETARY, Role.GRID_WORKER),
        (Role.COUNTY, Role.SECRETARY),
        (Role.SECURITY_ADMIN, Role.CLERK),
        (Role.SECURITY_ADMIN, Role.SYSTEM_ADMIN),
    ],
)
def test_nobody_appoints_himself(app: Flask, tree: Tree, now: datetime, appointing: Role, role: Role) -> None:
    node = tree.community if appointing is Role.SECRETARY else tree.county
    seat = seat_of(app, now, appointing, node, "本人")
    with reading() as session:
        phone = people.phone_of(session.get_one(Person, seat.person.id))
    grant(seat, role, node, name="本人", phone=phone)
    assert (seat.status, "不能给自己授权" in seat.said) == (422, True)
    with reading() as session:
        found = select(RoleGrant.role).where(RoleGrant.person_id == seat.person.id)
        assert session.execute(found).scalars().all() == [appointing]


def test_who_was_appointed_works_until_it_is_taken_back(app: Flask, secretary: Seat, tree: Tree, now: datetime) -> None:
    grant(secretary, Role.CLERK, tree.community)
    with transaction() as session:
        clerk = sit_down(app, session, session.get_one(Person, holder().id), now)
    clerk.get("/console/units")
    assert clerk.status == 200
    for _ in range(2):  # a second press changes nothing
        secretary.post(ending(Role.CLERK))
        assert "社区工作人员已收回" in secretary.said
    assert held() == set()
    clerk.get("/console/units")
    assert clerk.status == 403
    grant(secretary, Role.CLERK, tree.community)
    clerk.get("/console/units")
    assert clerk.status == 200


def test_who_may_not_appoint_ends_nothing_either(app: Flask, secretary: Seat, stranger: Seat, tree: Tree, now: datetime) -> None:
    grant(secretary, Role.GRID_WORKER, tree.grid)
    clerk = seat_of(app, now, Role.CLERK, tree.community, "周文书")
    auditor = seat_of(app, now, Role.AUDITOR, tree.county, "审计员")
    keeper = seat_of(app, now, Role.SYSTEM_ADMIN, tree.county, "陈系统")
    for seat, status in ((stranger, 404), (clerk, 403), (auditor, 403), (keeper, 403)):
        seat.post(ending(Role.GRID_WORKER))
        assert (seat.status, held()) == (status, {Role.GRID_WORKER}), seat.person.id
        seat.post("/console/roles/new", name="孙新人", phone=PHONE, role="clerk", place=f"node:{tree.community.public_id}", valid_to="")
        assert held() == {Role.GRID_WORKER}
    with transaction() as session:
        above = with_role(session, now, Role.COUNTY, tree.county, "县干部")
        (granted,) = session.execute(select(RoleGrant).where(RoleGrant.person_id == above.id)).scalars()
    secretary.get("/console/roles")
    secretary.post(f"/console/roles/{granted.public_id}/end")
    assert secretary.status == 404
    with reading() as session:
        assert session.execute(select(RoleGrant.id).where(RoleGrant.id == granted.id, roles.holds_on(today(now)))).scalar_one()


def test_a_phone_is_nobody_s_under_another_name(secretary: Seat, tree: Tree) -> None:
    grant(secretary, Role.GRID_WORKER, tree.grid)
    grant(secretary, Role.CLERK, tree.community, name="冒名")
    assert (secretary.status, "登记的是另一个姓名" in secretary.said, "孙新人" in secretary.said) == (422, True, False)


def test_nobody_is_raised_above_who_appoints(secretary: Seat, tree: Tree) -> None:
    grant(secretary, Role.SECRETARY, tree.community)
    assert (secretary.status, "请从列出的里面选" in secretary.said) == (422, True)
    grant(secretary, Role.CLERK, tree.neighbour)
    assert (secretary.status, "请从列出的里面选" in secretary.said) == (422, True)


def test_a_login_s_password_is_shown_once_and_works(secretary: Seat, tree: Tree, now: datetime) -> None:
    grant(secretary, Role.CLERK, tree.community)
    at = f"/console/roles/people/{holder().public_id}"
    secretary.get(f"{at}/login")
    secretary.post(f"{at}/login", login="不行")
    assert (secretary.status, "登录名请用" in secretary.said) == (422, True)
    secretary.post(f"{at}/login", login="Clerk-07")
    password = re.findall(r"<code>([^<]+)</code>", secretary.html)[0]
    with reading() as session:
        assert staff.matches(staff.find(session, "clerk-07"), password)
    secretary.get(at)
    assert ("clerk-07" in secretary.said, password in secretary.said, "还没有换成自己的密码" in secretary.said) == (True, False, True)
    secretary.post(f"{at}/login", login="clerk-08")
    assert "此人已有登录名" in secretary.said
    secretary.get(f"{at}/reset")
    secretary.post(f"{at}/reset")
    renewed = re.findall(r"<code>([^<]+)</code>", secretary.html)[0]
    assert renewed != password
    with reading() as session:
        assert staff.matches(staff.find(session, "clerk-07"), renewed)


def test_who_signs_in_by_phone_gets_no_password_from_her(secretary: Seat, tree: Tree, now: datetime) -> None:
    grant(secretary, Role.CLERK, tree.community)
    at = f"/console/roles/people/{holder().public_id}"
    with transaction() as session:
        its_own_account(session, now, holder())
    secretary.get(at)
    assert ("别人不能代设" in secretary.said, f"{at}/login" in secretary.html) == (True, False)
    secretary.get(f"{at}/login")
    secretary.post(f"{at}/login", login="clerk-07")
    assert (secretary.status, "请本人扫码登录" in secretary.said, "<code>" in secretary.html) == (409, True, False)
    with transaction() as session:
        assert staff.of_person(session, holder().id) is None


def test_nor_a_new_one(secretary: Seat, tree: Tree, now: datetime) -> None:
    grant(secretary, Role.CLERK, tree.community)
    at = f"/console/roles/people/{holder().public_id}"
    secretary.get(f"{at}/login")
    secretary.post(f"{at}/login", login="clerk-07")
    password = re.findall(r"<code>([^<]+)</code>", secretary.html)[0]
    with transaction() as session:
        its_own_account(session, now, holder())
        assert staff.close(session, person=holder(), actor=SYSTEM, now=now)
    secretary.get(at)
    assert ("已停用" in secretary.said, f"{at}/reset" in secretary.html) == (True, False)
    secretary.get(f"{at}/reset")
    secretary.post(f"{at}/reset")
    assert (secretary.status, "<code>" in secretary.html) == (409, False)
    with reading() as session:
        assert not staff.matches(staff.find(session, "clerk-07"), password)


def test_whom_she_may_not_appoint_she_gives_no_password(secretary: Seat, stranger: Seat, tree: Tree, now: datetime) -> None:
    grant(secretary, Role.CLERK, tree.community)
    with transaction() as session:
        above = with_role(session, now, Role.COUNTY, tree.county, "县干部")
    for seat, person in ((secretary, above), (stranger, holder())):
        for act in ("", "/login", "/reset"):
            seat.get(f"/console/roles/people/{person.public_id}{act}")
            assert seat.status == 404, (seat.person.id, act)
        seat.get("/console/roles")
        seat.post(f"/console/roles/people/{person.public_id}/login", login="sneaky-1")
        assert seat.status == 404
        seat.get("/console/roles")
        assert people.name_of(person) not in seat.said


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text(secretary: Seat, tree: Tree, name: str) -> None:
    grant(secretary, Role.GRID_WORKER, tree.grid, name=name)
    assert "<script>alert" not in secretary.html
    assert "<b onmouseover" not in secretary.html


def test_who_appoints_nobody_has_no_such_page(app: Flask, tree: Tree, now: datetime) -> None:
    clerk = seat_of(app, now, Role.CLERK, tree.community, "周文书")
    clerk.get("/console/roles")
    assert clerk.status == 403
