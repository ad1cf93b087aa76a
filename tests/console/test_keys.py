"""密钥轮换 at the console: add, wait, use, seal anew, retire; watched, never a secret, only by the security administrator."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from jobs import operations as job
from server.db import keys, vault
from server.db.base import reading, transaction
from server.db.models.people import Person
from server.db.models.platform import Operation
from server.domain.operations import OperationKind
from server.domain.permissions import Role
from server.services import people
from tests.conftest import Time
from tests.console.conftest import Seat, seat_of
from tests.console.support import statements
from tests.factories.people import Tree

KEK = b"k" * 32


@pytest.fixture
def security(app: Flask, tree: Tree, now: datetime, tmp_path: Path) -> Seat:
    vault.open_file(tmp_path / "keys.json", KEK, "aes")
    return seat_of(app, now, Role.SECURITY_ADMIN, tree.county, "安全员")


def states(tmp_path: Path, ring: keys.RingName) -> list[str]:
    """What the file says."""
    return [key.state for key in keys.load(tmp_path / "keys.json", KEK)[ring]]


def newest() -> Operation:
    with reading() as session:
        return session.execute(select(Operation).order_by(Operation.id.desc()).limit(1)).scalar_one()


def test_a_ring_is_rotated_step_by_step(security: Seat, tmp_path: Path, time: Time) -> None:
    security.get("/console/keys")
    assert statements(lambda: security.get("/console/keys")) <= 12
    security.post("/console/keys/fields/add")
    assert ("一分钟后可以启用" in security.said, states(tmp_path, "fields")) == (True, ["sign", "verify"])
    security.post("/console/keys/fields/2/promote", back="/console/keys")
    assert ("请过一分钟再启用" in security.said, states(tmp_path, "fields")) == (True, ["sign", "verify"])
    time.advance(seconds=61)
    security.get("/console/keys")
    security.post("/console/keys/fields/2/promote")
    assert states(tmp_path, "fields") == ["verify", "sign"]
    security.get("/console/keys/fields/1/retire")
    security.post("/console/keys/fields/1/retire")
    assert (security.status, "请先重新加密" in security.said, states(tmp_path, "fields")[0]) == (409, True, "verify")
    security.post("/console/keys/reseal")
    row = newest()
    assert ("正在重新加密" in security.said, row.kind) == (True, OperationKind.KEYS_RESEAL)
    job.reseal(time.now, operation_id=row.id)
    job.reseal(time.now, operation_id=row.id)  # a second run changes nothing
    security.get(f"/console/keys/reseals/{row.public_id}/progress")
    assert ("已完成" in security.said, "<html" in security.html) == (True, False)
    security.get("/console/keys/fields/1/retire")
    security.post("/console/keys/fields/1/retire")
    assert ("1 号密钥已停用" in security.said, states(tmp_path, "fields")) == (True, ["retired", "sign"])
    with reading() as session:
        assert people.name_of(session.get_one(Person, security.person.id)) == "安全员"


def test_another_process_reads_the_file_before_its_next_request(security: Seat, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    keys.save(path, KEK, keys.add(keys.load(path, KEK), "qr"))
    security.get("/console/keys")
    assert "启用二维码的 2 号密钥" in security.said


def test_what_stands_on_walls_is_named_before_its_key_is_retired(security: Seat, tmp_path: Path, time: Time) -> None:
    security.get("/console/keys")
    security.post("/console/keys/qr/add")
    time.advance(minutes=2)
    security.get("/console/keys")
    security.post("/console/keys/qr/2/promote")
    security.get("/console/keys/qr/1/retire")
    assert "旧海报要重印并换下" in security.said
    security.post("/console/keys/qr/1/retire")
    assert states(tmp_path, "qr") == ["retired", "sign"]
    assert "安全员" in security.said


def test_steps_out_of_order_are_refused_and_no_secret_is_shown(security: Seat, tmp_path: Path) -> None:
    for path in ("lookup/add", "none/add", "qr/x/promote"):
        security.get("/console/keys")
        security.post(f"/console/keys/{path}")
        assert security.status == 404
    for path in ("qr/2/promote", "qr/1/retire"):
        security.get("/console/keys")
        security.post(f"/console/keys/{path}", back="/console/keys")
        assert "别人刚刚处理过" in security.said
    security.get("/console/keys")
    security.post("/console/keys/qr/add")
    security.post("/console/keys/qr/add", back="/console/keys")
    assert len(states(tmp_path, "qr")) == 2
    import base64

    roots = [base64.b64encode(key.root).decode() for ring in vault.current().rings.values() for key in ring]
    assert not [root for root in roots if root in security.html]


def test_only_the_security_administrator_rotates(app: Flask, secretary: Seat, tree: Tree, now: datetime) -> None:
    county = seat_of(app, now, Role.COUNTY, tree.county, "县干部")
    for seat in (secretary, county):
        seat.get("/console/keys")
        assert seat.status == 403
        seat.get("/console")
        seat.post("/console/keys/qr/add")
        assert seat.status == 403
    with transaction() as session:
        assert session.execute(select(Operation)).first() is None
