"""What the console's pages are measured on: requests as tests/bench/request_rows.py makes them, members, service records, their tallies.

One of each is made through the services, the others are copies; the tallies are summed up from the records in SQL, which a benchmark may.
Every member has a name of his own and every open request its words, sealed, because a page that shows fifty opens fifty.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, Table, select, text
from sqlalchemy.orm import Session

from server.db import base, vault
from server.db.models.checkins import ServiceRecord
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.registrations import MemberRegistration
from server.db.models.requests import STILL_OPEN, Request
from server.domain.orgs import Level
from server.services import people, requests
from tests.bench import request_rows
from tests.bench.request_rows import Seeded
from tests.factories.people import Tree
from tests.factories.records import a_record
from tests.factories.registrations import a_member

WORDS = "三号楼二单元的电梯从昨天晚上起停在六楼，老人下不了楼，物业说要等配件，请帮忙催一催，最好这两天能修好"
NAMED = 200  # members of the measured community whose names are opened
TALLY_HEADS = """
INSERT INTO tally_head (scope, scope_id, period, starts_on, person_id, visits, minutes)
SELECT 'node', n.id, p.period, date_trunc(p.period, r.day)::date, r.person_id, count(*), sum(r.minutes)
FROM service_record r JOIN org_node c ON c.id = r.community_id JOIN org_node n ON c.path LIKE n.path || '%'
CROSS JOIN (VALUES ('month'), ('quarter'), ('year')) p (period) WHERE r.state = 'final' GROUP BY 2, 3, 4, 5
"""
TALLIES = """
INSERT INTO tally (scope, scope_id, period, starts_on, visits, minutes, heads)
SELECT scope, scope_id, period, starts_on, sum(visits), sum(minutes), count(*) FROM tally_head GROUP BY 1, 2, 3, 4
"""


@dataclass(frozen=True)
class Measured:
    """The seeded database and how much is in it."""

    seeded: Seeded
    records: int
    requests: int
    members: int


def make(url: str, folder: Path, *, records: int, requests: int) -> Measured:
    """A county of twenty communities; a member for every ten requests, each with as many services as there are to go round."""
    seeded = request_rows.make(url, folder, requests)
    members = requests // request_rows.PER_RESIDENT
    with seeded.engine.begin() as connection:
        for name in ("person", "request"):  # they were copied past their sequences
            connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), (SELECT max(id) FROM {name}))"))  # noqa: S608
    with base.transaction() as session:
        person_id, registration_id, record_id = _originals(session, seeded, datetime.now(UTC))
    with seeded.engine.begin() as connection:
        communities = list(connection.execute(select(OrgNode.id).where(OrgNode.level == Level.COMMUNITY).order_by(OrgNode.id)).scalars())
        newest = int(connection.execute(text("SELECT max(id) FROM person")).scalar_one())
        _clone(connection, Person, person_id, members, newest, **_bare())
        place = f"({request_rows._array(communities)})[1 + i % {len(communities)}]"
        of_person = {"person_id": f"{newest + 1} + i", "community_id": place, "receipt_no": "NULL", "address": "NULL"}
        _clone(connection, MemberRegistration, registration_id, members, registration_id, **of_person)
        _clone(connection, ServiceRecord, record_id, records, record_id, **_record(newest, members, communities))
        connection.execute(text(TALLY_HEADS))
        connection.execute(text(TALLIES))
    with base.transaction() as session:
        _name(session, seeded.community_id)
        _word(session, seeded.community_id)
    with seeded.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in ("person", "member_registration", "service_record", "tally", "tally_head", "request"):
            connection.execute(text(f"VACUUM (ANALYZE) {table}"))
        connection.execute(text("CHECKPOINT"))
    return Measured(seeded, records, requests, members)


def _originals(session: Session, seeded: Seeded, now: datetime) -> tuple[int, int, int]:
    node = session.get_one(OrgNode, seeded.community_id)
    tree = Tree(*(node for _ in range(7)))  # what the factories need of it is the community
    person = a_member(session, now, tree)
    registration = session.execute(select(MemberRegistration.id).where(MemberRegistration.person_id == person.id)).scalar_one()
    return person.id, registration, a_record(session, now, tree, person).id


def _bare() -> dict[str, str]:
    nothing = dict.fromkeys(("name", "name_hash", "phone", "phone_hash"), "NULL")
    return {**nothing, "salt": request_rows.RANDOM_BYTES}


def _record(first: int, members: int, communities: list[int]) -> dict[str, str]:
    """Each member serves in the community where he is registered, on drawn days of the year until today."""
    return {
        "source_key": "'bench:' || i",
        "person_id": f"{first + 1} + i % {members}",
        "community_id": f"({request_rows._array(communities)})[1 + (i % {members}) % {len(communities)}]",
        "day": "t.day - floor(d * 365)::int",
        "ordinal": f"(1 + i / {members})::smallint",
        "minutes": "30 + floor(b * 120)::int",
    }


def _clone(connection: Connection, model: Any, original: int, count: int, after: int, **over: str) -> None:
    """Copy a row `count` times under the ids that follow `after`; the sequence goes on behind them."""
    table = cast(Table, model.__table__)
    values = {column.name: f"t.{column.name}" for column in table.columns}
    values.update(id=f"{after + 1} + i", public_id=request_rows.PUBLIC_ID, **over)
    drawn = "random() AS b, random() AS d"
    source = f"FROM {table.name} t, (SELECT i, {drawn} FROM generate_series(0, {count - 1}) i) drawn WHERE t.id = {original}"  # noqa: S608 - our own names and numbers
    connection.execute(text(f"INSERT INTO {table.name} ({', '.join(values)}) SELECT {', '.join(values.values())} {source}"))
    connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), (SELECT max(id) FROM {table.name}))"))  # noqa: S608


def _name(session: Session, community_id: int) -> None:
    """Names and phones for those whom the page of members shows."""
    mine = select(Person).join(MemberRegistration, MemberRegistration.person_id == Person.id)
    rows = session.execute(mine.where(MemberRegistration.community_id == community_id).order_by(MemberRegistration.id).limit(NAMED))
    for number, person in enumerate(rows.scalars()):
        if person.name is None:
            people.set_name(person, "张三")
            phone = f"13{number:09d}"
            person.phone = vault.seal(person.salt or b"", "person.phone", person.public_id, phone)
            person.phone_hash = vault.lookup_hash("phone", phone)


def _word(session: Session, community_id: int) -> None:
    """Words for what is open where one looks: a copy has a salt of its own, under which the original's do not open."""
    for request in session.execute(select(Request).where(Request.community_id == community_id, STILL_OPEN)).scalars():
        requests.reseal(request, content=WORDS, where=None)
