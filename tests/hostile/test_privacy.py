"""After a week of work, what a thief of the database, of Redis, of the disk or of the logs would read (docs/rules.md R7)."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask.testing import FlaskClient
from sqlalchemy import Engine, LargeBinary, Table, select

import server.db.models  # noqa: F401 - all tables
from server.db import base, vault
from server.db.base import reading, transaction
from server.db.models.checkins import ServiceRecord
from server.db.models.registrations import Document
from server.domain.problems import Problem
from server.services import documents, people, records
from tests.hostile import calls
from tests.hostile.world import NAME, PASSWORD, PHONE, World
from tests.simulator import Simulator

pytestmark = pytest.mark.usefixtures("unlimited")
USER = "张隐"


def rows(database: Engine) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table."""
    with database.connect() as connection:
        return {table.name: [dict(row._mapping) for row in connection.execute(select(table))] for table in base.Base.metadata.sorted_tables}


def told(value: object) -> str:
    """A value as a thief would look at it."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return json.dumps(value, ensure_ascii=False, default=str)


def places(database: Engine, *secrets: str) -> set[str]:
    """table.column where one of the secrets can be read."""
    return {
        f"{table}.{column}"
        for table, found in rows(database).items()
        for row in found
        for column, value in row.items()
        if any(secret in told(value) for secret in secrets)
    }


def live(client: FlaskClient, simulator: Simulator, world: World) -> tuple[str, str]:
    """A phone signs in, agrees, gives its number and a name; every route is asked once. Returns (openid, token)."""
    openid = simulator.user(USER, phone="13500007777")
    answer = client.post("/api/v1/sessions", json={"code": simulator.login_code(USER)})
    world.tokens["phone"] = token = answer.json["token"]
    said = {"Authorization": f"Bearer {token}"}
    client.post("/api/v1/me/consents", json={"purpose": "service", "version": "2026-01"}, headers=said | {"Idempotency-Key": "a"})
    client.post("/api/v1/me/phone", json={"code": simulator.phone_code(USER)}, headers=said)
    client.put("/api/v1/me", json={"name": USER}, headers=said | {"Idempotency-Key": "b"})
    for who in ("phone", "secretary"):
        for route in (route for route in calls.ROUTES if route.name not in ("sign_out", "sign_in")):
            calls.send(client, route, world, who)
    return openid, token


def test_the_database_tells_no_name_no_phone_no_token(client: FlaskClient, simulator: Simulator, world: World, database: Engine) -> None:
    openid, token = live(client, simulator, world)
    assert places(database, NAME, PHONE, USER, "13500007777", token, PASSWORD, *world.tokens.values()) == set()
    assert places(database, openid) == {"wechat_account.openid"}


def test_redis_and_the_disk_tell_nothing(client: FlaskClient, simulator: Simulator, world: World, redis: Any, tmp_path: Path) -> None:
    openid, token = live(client, simulator, world)
    secrets = [secret.encode() for secret in (NAME, PHONE, USER, "13500007777", token, PASSWORD)]
    kept = {key: redis.dump(key) or b"" for key in redis.keys("*")}
    assert not [key for key, value in kept.items() if any(secret in key + value for secret in secrets)]
    assert not [key for key in kept if openid.encode() in key]
    files = [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if any(secret in path.read_bytes() for secret in secrets)]
    assert not [path for path in files if path.stat().st_mode & 0o077], "for the owner of the process alone"


def test_the_logs_tell_nothing(client: FlaskClient, simulator: Simulator, world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("werkzeug", "urllib3", "sqlalchemy.engine"):
        caplog.set_level(logging.INFO, logger=name)
    with structlog.testing.capture_logs() as lines:
        openid, token = live(client, simulator, world)
        client.get(f"/api/v1/tasks/{NAME}?token={token}&phone={PHONE}")
    written = json.dumps(lines, ensure_ascii=False, default=str)
    assert len(lines) > 100
    for secret in (NAME, PHONE, USER, "13500007777", token, openid, world.ids["members"], PASSWORD):
        assert secret not in written
    assert not [line for line in lines if line["event"] == "unhandled"]


def test_a_sealed_value_opens_only_in_its_own_row_with_its_own_salt(world: World, database: Engine, vaulted: None) -> None:
    with reading() as session:
        person, mate = (people.by_public_id(session, world.ids[kind]) for kind in ("members", "mate"))
    assert (people.name_of(person), people.phone_of(person)) == (NAME, PHONE)
    moved = (
        (mate.salt, "person.name", person.public_id, person.name),
        (person.salt, "person.phone", person.public_id, person.name),
        (person.salt, "person.name", mate.public_id, person.name),
        (mate.salt, "person.name", mate.public_id, person.name),
        (person.salt, "person.name", person.public_id, (person.name or b"")[:-1] + b"x"),
    )
    for salt, where, public_id, box in moved:
        with pytest.raises(vault.SealBroken):
            vault.open_sealed(salt, where, public_id, box)


def test_forgetting_the_salt_forgets_all_that_was_sealed(world: World, database: Engine, vaulted: None) -> None:
    with transaction() as session:
        mate, member = (people.by_public_id(session, world.ids[kind]) for kind in ("mate", "members"))
        paper = session.execute(select(Document).where(Document.public_id == world.ids["documents"])).scalar_one()
        record = session.execute(select(ServiceRecord).where(ServiceRecord.public_id == world.ids["records"])).scalar_one()
        assert documents.facts_of(session, paper)["name"] == "陈同伴"
        for person in (mate, member):
            person.salt = None
        session.flush()
        assert (people.name_of(member), people.phone_of(member), records.report_text(member, record)) == ("", "", "")
        assert documents.facts_of(session, paper) == {}
        with pytest.raises(Problem, match="NOT_FOUND"):
            documents.open_print(session, paper, "pdf", b"x" * 40)


def test_the_answers_of_somebody_erased_are_not_given_again_to_others(client: FlaskClient, world: World) -> None:

    said = {"Authorization": f"Bearer {world.tokens['member']}", "Idempotency-Key": "x"}
    for body in ({"name": PASSWORD * 20}, {"name": 1, "password": PASSWORD}, {"elder": PASSWORD}):
        answer = client.put("/api/v1/me", json=body, headers=said | {"Idempotency-Key": str(body)[:60].encode("ascii", "ignore").decode()})
        assert answer.status_code == 422
        assert PASSWORD not in answer.text
    wrong = client.post("/api/v1/staff-sessions", json={"login": "county-01", "password": "SecretGuess-1"})
    assert "SecretGuess" not in wrong.text


def test_what_a_roster_refuses_is_kept_without_names(client: FlaskClient, world: World, database: Engine) -> None:
    import io

    sheet = f"姓名,手机号,工作单位\n{NAME},1380013800x,示例水务局\n吕{USER}1,{PHONE},没有的单位\n".encode()
    form = {"kind": "members", "node": world.ids["communities"], "supplied_by": "甲", "basis": "乙", "dry_run": "false"}
    said = {"Authorization": f"Bearer {world.tokens['secretary']}"}
    answer = client.post("/api/v1/roster-imports", data={**form, "file": (io.BytesIO(sheet), "名册.csv")}, headers=said)
    assert answer.status_code < 500, answer.text
    assert places(database, NAME, PHONE, USER, "1380013800x") == set()


@pytest.mark.parametrize("table", base.Base.metadata.sorted_tables, ids=lambda table: table.name)
def test_a_column_that_names_people_is_sealed(table: Table) -> None:
    """A name, phone, address or report about a person is bytes, sealed; what is plain says what it is."""
    plain = {"org_node.name", "unit.name", "unit_branch.name", "volunteer_team.name", "station.name", "unit.address"}
    for column in table.columns:
        if column.name in (
            "name",
            "phone",
            "address",
            "leader",
            "liaison",
            "contact_name",
            "contact_phone",
            "report",
            "claimed_name",
            "facts_sealed",
        ):
            where = f"{table.name}.{column.name}"
            assert where in plain or isinstance(column.type, LargeBinary), where
