"""管理 in a real browser: no violation on any of its pages in every look at both sizes; the public pages on a phone."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from server import defer
from server.db import vault
from server.db.base import transaction
from server.db.models.people import Person, RoleGrant
from server.db.models.platform import Outbox
from server.domain.days import local_day
from server.domain.operations import OperationKind
from server.domain.permissions import SYSTEM, Role
from server.services import audit, key_rotations, operations, policies, staff, workdays
from tests.browser.conftest import PHONE, Open
from tests.browser.test_axe import faults_of, in_every_look
from tests.factories.people import Tree, a_person, actor_of, with_role

ROLES = (Role.COUNTY, Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDITOR)


@pytest.fixture
def keeper(tree: Tree, now: datetime, tmp_path: Path) -> Person:
    """One person with every role, which no service would grant (they must be different people): so that one look sees all pages."""
    vault.open_file(tmp_path / "keys.json", b"k" * 32, "aes")
    with transaction() as session:
        person = a_person(session, now, "县管理员")
        person.has_grants = True
        for number, role in enumerate(ROLES):
            row = RoleGrant(public_id=f"GRANT{number}", person_id=person.id, role=role, node_id=tree.county.id, valid_from=local_day(now))
            session.add(row)
        session.flush()
    return person


@pytest.fixture
def addresses(tree: Tree, keeper: Person, now: datetime) -> list[str]:
    """The pages with something on each."""
    with transaction() as session:
        actor = actor_of(session, keeper, now)
        clerk = with_role(session, now, Role.CLERK, tree.community, "周文书")
        staff.create(session, person=clerk, login="clerk-01", actor=SYSTEM, now=now)
        policies.put(session, key="claims.remind_hours", value=48, why="三月例会定的", valid_from=local_day(now), actor=actor, now=now)
        workdays.put(session, day=local_day(now) + timedelta(days=2), working=True, why="调休通知", actor=actor, now=now)
        failed = session.get_one(Outbox, defer.defer(session, "media.reencode", now=now, media_id=1))
        failed.tries, failed.error = 5, "UnidentifiedImageError"
        key_rotations.add(session, key_rotations.ring_of("qr"), actor=actor, now=now - timedelta(minutes=5))
        key_rotations.add(session, key_rotations.ring_of("fields"), actor=actor, now=now - timedelta(minutes=5))
        key_rotations.promote(session, key_rotations.ring_of("fields"), kid=2, actor=actor, now=now)
        reseal = operations.start(session, OperationKind.KEYS_RESEAL, actor=actor, now=now, ring="fields")
        check = operations.start(session, OperationKind.AUDIT_VERIFY, actor=actor, now=now)
        operations.finish(session, check.id, now=now, holds=True, last_event=12, hash=audit.FIRST)
        defer.note_run("tallies.drain", now=now)
    node, person = tree.community.public_id, clerk.public_id
    return [
        "/console/orgs", f"/console/orgs?at={tree.street.public_id}",
        *(f"/console/orgs/{node}{act}" for act in ("", "/new", "/change", "/end")),
        "/console/roles", "/console/roles/new", *(f"/console/roles/people/{person}{act}" for act in ("", "/reset", "/login")),
        "/console/policies", "/console/policies/claims.remind_hours", "/console/workdays", "/console/workdays?year=2031",
        "/console/keys", "/console/keys/fields/1/retire", "/console/keys/qr/1/retire", f"/console/keys/reseals/{reseal.public_id}",
        "/console/audit", "/console/audit?first=2020-01-01", f"/console/audit/verifications/{check.public_id}", "/console/jobs",
    ]  # fmt: skip


@pytest.mark.timeout(600)
def test_axe_finds_nothing_on_the_pages_of_administration(seated: Open, keeper: Person, addresses: list[str]) -> None:
    page = seated(keeper)
    found: list[str] = []
    titles: dict[str, str] = {}
    for address in addresses:
        page.goto(address)
        found += [f"{address} {line}" for line in in_every_look(page)]
        titles[address.partition("?")[0]] = page.title()
    assert not found, "\n".join(found)
    assert len(set(titles.values())) == len(titles), "each page has a title of its own"


@pytest.mark.timeout(300)
def test_axe_finds_nothing_on_a_refusal_of_the_public_pages(visitor: Open, tree: Tree) -> None:
    page = visitor(viewport=PHONE)
    found: list[str] = []
    for address in ("/v/nonsense", "/q/nonsense", "/board/nonsense", "/v/nonsense?print=large&theme=dark"):
        page.goto(address)
        found += [f"{address}: {line}" for line in faults_of(page)]
    page.goto("/verify?print=large")
    page.get_by_label("文件编号").fill("HZ-1")
    page.get_by_role("button", name="核验").click()
    assert "没有查到这个编号" in page.inner_text("main")
    found += [f"/verify posted: {line}" for line in faults_of(page)]
    assert not found, "\n".join(found)
