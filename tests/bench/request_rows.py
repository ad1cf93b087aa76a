"""Requests by the million, set-based: one of each is made through the services, the others are copies of those rows with drawn values.

A county of twenty communities; a fifth of the requests are open, three fifths closed, categories and dates drawn. One resident entered, or
is asked in, one of a hundred, so that his list, too, grows with the table: nobody's does so much.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, Engine, Table, text
from sqlalchemy.orm import Session

from server.db import base, keys, schema, vault
from server.db.models.people import Person
from server.db.models.requests import Request
from server.domain.categories import REQUEST_CATEGORIES
from server.domain.orgs import Level
from server.domain.permissions import SYSTEM, Actor, Role
from server.services import codes, orgs
from tests.factories import people, requests

CATEGORY = "repairs"
COMMUNITIES = 20
PER_RESIDENT = 10
DAYS = 365
PUBLIC_ID = "upper(substr(md5(random()::text || clock_timestamp()::text || i::text), 1, 13))"
RANDOM_BYTES = "decode(md5(random()::text) || md5(random()::text), 'hex')"
# Of ten: two open, one of them without a date; six closed; one withdrawn, one merged.
STATE = """CASE WHEN a < 0.05 THEN 'submitted' WHEN a < 0.09 THEN 'triaged' WHEN a < 0.18 THEN 'in_progress' WHEN a < 0.20 THEN 'waiting'
 WHEN a < 0.80 THEN 'closed' WHEN a < 0.90 THEN 'withdrawn' ELSE 'rejected' END"""


@dataclass(frozen=True)
class Seeded:
    """A database full of requests, and who looks at them."""

    engine: Engine
    county_id: int
    community_id: int
    resident_id: int
    secretary: Actor
    official: Actor


@dataclass(frozen=True)
class Originals:
    """The rows that are copied, and who looks at the copies."""

    seeded: Seeded
    person_id: int
    request_id: int
    communities: list[int]


def make(url: str, folder: Path, size: int) -> Seeded:
    """Migrate the empty database of `url` and fill it with `size` requests; keys are drawn for this run."""
    folder.mkdir(parents=True)
    engine = base.connect(url)
    vault.configure(keys.load(folder / "keys.json", secrets.token_bytes(32)), "aes")
    codes.configure("bench")
    schema.upgrade(engine)
    now = datetime.now(UTC)
    with base.transaction() as session:
        first = _originals(session, engine, now)
    with engine.begin() as connection:
        connection.execute(text("SELECT setseed(0.5)"))
        _clone_people(connection, first, size // PER_RESIDENT)
        _clone_requests(connection, first, size)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE) person"))
        connection.execute(text("VACUUM (ANALYZE) request"))
        connection.execute(text("CHECKPOINT"))  # no writing in the midst of what is measured
    return first.seeded


def _originals(session: Session, engine: Engine, now: datetime) -> Originals:
    tree = people.a_tree(session, now)
    begun = {"valid_from": date(2026, 1, 1), "actor": SYSTEM, "now": now}
    names = [f"示例社区{number}" for number in range(1, COMMUNITIES)]
    made = [orgs.create(session, parent=tree.street, level=Level.COMMUNITY, name=name, **begun) for name in names]  # type: ignore[arg-type]
    secretary = people.with_role(session, now, Role.SECRETARY, tree.community)
    official = people.with_role(session, now, Role.COUNTY, tree.county, "赵主任")
    resident = requests.a_requester(session, now)
    neighbour = people.a_person(session, now)
    request = requests.a_request(session, now, tree, resident)
    actors = (people.actor_of(session, one, now) for one in (secretary, official))
    seeded = Seeded(engine, tree.county.id, tree.community.id, resident.id, *actors)
    return Originals(seeded, neighbour.id, request.id, [tree.community.id, *(node.id for node in made)])


def _clone_people(connection: Connection, first: Originals, count: int) -> None:
    _clone(connection, Person, first.person_id, count, name="NULL", name_hash="NULL", phone="NULL", phone_hash="NULL", salt=RANDOM_BYTES)


def _clone_requests(connection: Connection, first: Originals, size: int) -> None:
    """`a` draws the state, `b` the community, `c` the category, `d` days, `e` the resident, `f` who entered it."""
    somebody = f"{first.person_id + 1} + (i % {max(size // PER_RESIDENT, 1)})"
    his, state = first.seeded.resident_id, STATE
    over = {
        "number": "'BENCH-' || i",
        "community_id": f"({_array(first.communities)})[1 + floor(b * {len(first.communities)})::int]",
        "author_id": f"CASE WHEN e < 0.01 AND f < 0.7 THEN {his} ELSE {somebody} END",
        "asked_for_id": f"CASE WHEN e < 0.01 AND f > 0.3 THEN {his} ELSE {somebody} END",
        "category": f"(ARRAY[{', '.join(repr(key) for key in REQUEST_CATEGORIES)}])[1 + floor(c * {len(REQUEST_CATEGORIES)})::int]",
        "state": state,
        "submitted_at": f"t.submitted_at - d * interval '{DAYS} days'",
        "due_at": f"CASE WHEN {state} = 'waiting' THEN NULL ELSE t.submitted_at - d * interval '{DAYS} days' + interval '3 days' END",
        "closed_at": "CASE WHEN a < 0.20 THEN NULL ELSE t.submitted_at END",
        "salt": RANDOM_BYTES,
    }
    _clone(connection, Request, first.request_id, size, **over)


def _array(ids: list[int]) -> str:
    return f"ARRAY[{', '.join(str(one) for one in ids)}]"


def _clone(connection: Connection, model: Any, original: int, count: int, **over: str) -> None:
    """Copy row `original` `count` times under the ids that follow it; `over` gives SQL for a column, `i` counts from 0, a … f are drawn."""
    table = cast(Table, model.__table__)
    values = {column.name: f"t.{column.name}" for column in table.columns}
    values.update(id=f"{original + 1} + i", public_id=PUBLIC_ID, **over)
    drawn = "random() AS a, random() AS b, random() AS c, random() AS d, random() AS e, random() AS f"
    source = f"FROM {table.name} t, (SELECT i, {drawn} FROM generate_series(0, {count - 1}) i) drawn WHERE t.id = {original}"  # noqa: S608 - our own names and numbers
    connection.execute(text(f"INSERT INTO {table.name} ({', '.join(values)}) SELECT {', '.join(values.values())} {source}"))
