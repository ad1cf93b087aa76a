"""Who scans what: the rows that services would make, cloned set-based, because a benchmark needs them by the hundred thousand.

One of each (tree, organiser, activity with its code, person, session, approved claim) is made through the services; the clones are those
rows with fresh ids, handles and tokens. As in tests/bench/floor.py: one activity per 100 people, one approved claim each.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Connection, Table, select, text
from sqlalchemy.orm import Session

from qr import tokens
from qr.tokens import Kind, Mode
from server.config import load
from server.db import base, schema
from server.db.models.codes import Code, CodeEpoch
from server.db.models.people import LoginSession, Person
from server.db.models.tasks import Claim, Task
from server.domain.permissions import Role
from server.domain.tasks import TaskKind
from server.process import start_process
from server.services import codes
from tests.factories import people, tasks

PER_ACTIVITY = 100
CONFIRMERS = 20
PUBLIC_ID = "upper(substr(md5(random()::text || clock_timestamp()::text), 1, 13))"


@dataclass(frozen=True)
class Population:
    """Person n has bearer token `token(n)` and an approved claim on the activity whose code is `code(n)`."""

    secret: str
    codes: tuple[str, ...]
    confirmers: tuple[str, ...]

    def token(self, number: int) -> str:
        """The person's bearer token."""
        return f"{self.secret}{number:08d}"

    def code(self, number: int) -> str:
        """What the person scans."""
        return self.codes[number // PER_ACTIVITY]


def make(env: Mapping[str, str], size: int, now: datetime) -> Population:
    """Migrate the database that `env` names and fill it with `size` people."""
    start_process(load(env=env))
    engine = base.engine()
    schema.upgrade(engine)
    with base.transaction() as session:
        first, confirmers = _originals(session, now)
    secret = secrets.token_urlsafe(24)
    with engine.begin() as connection:
        _clone_people(connection, first, size, secret)
        _clone_activities(connection, first, size // PER_ACTIVITY + 1)
        _clone_claims(connection, first, size)
    with engine.begin() as connection:
        handles = connection.execute(select(Code.obj).where(Code.id > first["code"]).order_by(Code.id)).scalars().all()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"VACUUM ANALYZE {', '.join(first)}"))  # not the empty ones: autovacuum leaves those alone, too
    made = tuple(tokens.mint(codes.ring(), mode=Mode.STATIC, kind=Kind.ACTIVITY, epoch=0, obj=obj, slot=0) for obj in handles)
    base.dispose()
    return Population(secret, made, confirmers)


def _originals(session: Session, now: datetime) -> tuple[dict[str, int], tuple[str, ...]]:
    """The first of each by the services: the newest ids of their tables, by table name; and the tokens of those who confirm."""
    tree = people.a_tree(session, now)
    secretaries = [people.with_role(session, now, Role.SECRETARY, tree.community) for _ in range(CONFIRMERS)]
    confirmers = tuple(people.token_of(session, one, now) for one in secretaries)
    hours = {"starts_at": now + timedelta(minutes=10), "ends_at": now + timedelta(hours=5)}
    task = tasks.a_task(session, now, tree, secretaries[0], kind=TaskKind.ACTIVITY, category="party_education", title="示例活动",
                        capacity=PER_ACTIVITY, grid_id=tree.grid.id, **hours)  # fmt: skip
    person = people.a_person(session, now)
    people.token_of(session, person, now)
    claim = tasks.a_claim(session, now, task, person)
    code = session.execute(select(Code).where(Code.subject_kind == "task", Code.subject_id == task.id)).scalar_one()
    epoch = session.execute(select(CodeEpoch.id).where(CodeEpoch.code_id == code.id)).scalar_one()
    login = session.execute(select(LoginSession.id).where(LoginSession.person_id == person.id)).scalar_one()
    ids = {"person": person.id, "login_session": login, "task": task.id, "code": code.id, "code_epoch": epoch, "claim": claim.id}
    return ids, confirmers


def _clone_people(connection: Connection, first: Mapping[str, int], size: int, secret: str) -> None:
    salted = "decode(md5(random()::text) || md5(random()::text), 'hex')"
    _clone(connection, Person, first, size, name="NULL", name_hash="NULL", phone="NULL", phone_hash="NULL", salt=salted)
    hashed = f"encode(sha256(convert_to('{secret}' || lpad(i::text, 8, '0'), 'UTF8')), 'hex')"
    _clone(connection, LoginSession, first, size, token_hash=hashed, person_id=f"{first['person'] + 1} + i")


def _clone_activities(connection: Connection, first: Mapping[str, int], count: int) -> None:
    _clone(connection, Task, first, count, taken=str(PER_ACTIVITY))
    handle = "(random() * 1099511627775)::bigint"
    _clone(connection, Code, first, count, obj=handle, subject_id=f"{first['task'] + 1} + i")
    _clone(connection, CodeEpoch, first, count, code_id=f"{first['code'] + 1} + i")


def _clone_claims(connection: Connection, first: Mapping[str, int], size: int) -> None:
    person = f"{first['person'] + 1} + i"
    _clone(connection, Claim, first, size, task_id=f"{first['task'] + 1} + i / {PER_ACTIVITY}", person_id=person, claimed_by=person)


def _clone(connection: Connection, model: Any, first: Mapping[str, int], count: int, **over: str) -> None:
    """Copy row first[table] `count` times under the ids that follow it; `over` gives SQL for a column, `i` counts from 0."""
    table = cast(Table, model.__table__)
    values = {column.name: f"t.{column.name}" for column in table.columns}
    values["id"] = f"{first[table.name] + 1} + i"
    if "public_id" in values:
        values["public_id"] = PUBLIC_ID
    values.update(over)
    source = f"FROM {table.name} t, generate_series(0, {count - 1}) i WHERE t.id = {first[table.name]}"
    connection.execute(text(f"INSERT INTO {table.name} ({', '.join(values)}) SELECT {', '.join(values.values())} {source}"))
    connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), (SELECT max(id) FROM {table.name}))"))  # noqa: S608
