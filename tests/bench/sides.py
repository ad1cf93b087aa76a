"""The two programs seen alike: how to ask each for a scan, what a right answer is, what its database must then hold."""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.bench.load import request_bytes
from tests.bench.population import Population
from tests.servers import libpq


@dataclass(frozen=True)
class Shot:
    """One prepared request: `earlier` is the place of the first scan that a retry repeats."""

    kind: str
    person: int
    request: bytes
    earlier: int | None = None


@dataclass(frozen=True)
class Side:
    """`scan(person)` and `forged(person)` give request bytes; the judges look at (status, parsed body)."""

    name: str
    port: int
    people: int
    scan: Callable[[int], bytes]
    forged: Callable[[int], bytes]
    accepted: Callable[[int, Mapping[str, Any]], bool]
    repeated: Callable[[int, Mapping[str, Any], Mapping[str, Any]], bool]
    refused: Callable[[int, Mapping[str, Any]], bool]
    rows: Callable[[], dict[str, int]]


def floor_side(port: int, dsn: str, seeded: Sequence[str]) -> Side:
    """tests/bench/floor.py; `seeded` are the lines its seed printed."""
    rows = [json.loads(line) for line in seeded]

    def scan(person: int, code: str | None = None) -> bytes:
        row = rows[person]
        body = json.dumps({"code": code or row["code"], "key": row["key"]}).encode()
        return request_bytes("/checkin", body, [("Authorization", f"Bearer {row['token']}")])

    return Side(
        name="floor",
        port=port,
        people=len(rows),
        scan=scan,
        forged=lambda person: scan(person, "X00000000"),
        accepted=lambda status, body: status == 201 and body["record"] > 0,
        repeated=lambda status, body, first: status == 200 and body["title"] == first["title"],
        refused=lambda status, body: status == 404 and body["code"] == "not_found",
        rows=lambda: _count(dsn, {"scans": "floor_scan", "records": "floor_claim WHERE state = 'present'", "events": "floor_event"}),
    )


def service_side(port: int, dsn: str, population: Population, people: int) -> Side:
    """The service: POST /api/v1/checkins. A person keeps his mid, so that a repeat is the same message."""
    mids: dict[int, str] = {}

    def scan(person: int, token: str | None = None) -> bytes:
        mid = str(uuid.uuid4()) if token else mids.setdefault(person, str(uuid.uuid4()))
        said = {"tok": token or population.code(person), "dir": "in", "cap": int(time.time() * 1000), "anc": None, "place": "in"}
        headers = [("Authorization", f"Bearer {population.token(person)}"), ("Idempotency-Key", mid), ("X-Forwarded-For", "203.0.113.7")]
        return request_bytes("/api/v1/checkins", json.dumps(said).encode(), headers)

    return Side(
        name="service",
        port=port,
        people=people,
        scan=scan,
        forged=lambda person: scan(person, _forged(population.code(person))),
        accepted=lambda status, body: status in (200, 201) and body["title"] == "示例活动" and body["state"] == "present",
        repeated=lambda status, body, first: status in (200, 201) and body == first,
        refused=lambda status, body: status == 422 and body["error"]["code"] == "QR_FORGED",
        rows=lambda: _count(dsn, {"scans": "scan", "records": "service_record", "events": "event WHERE subject_kind = 'service_record'",
                                  "refusals": "refused_scan"}),
    )  # fmt: skip


def plan(side: Side, first_person: int, size: int, dice: random.Random) -> list[Shot]:
    """`size` requests: 90 % first scans, 8 % repeats of one at least 200 requests ago, 2 % forged; in the order they are sent."""
    shots: list[Shot] = []
    person = first_person
    for place in range(size):
        roll = dice.random()
        earlier = dice.randrange(place - 200) if roll < 0.08 and place > 200 else None
        if earlier is not None and shots[earlier].kind == "first":
            shots.append(Shot("repeat", shots[earlier].person, shots[earlier].request, earlier))
        elif roll >= 0.98:
            someone = dice.randrange(side.people)
            shots.append(Shot("forged", someone, side.forged(someone)))
        elif person < side.people:
            shots.append(Shot("first", person, side.scan(person)))
            person += 1
        else:
            break
    return shots


def _forged(token: str) -> str:
    """The same code with a MAC nobody computed."""
    return token[:-1] + ("0" if token[-1] != "0" else "1")


def _count(dsn: str, tables: Mapping[str, str]) -> dict[str, int]:
    with psycopg.connect(libpq(dsn)) as line:
        return {name: line.execute(f"SELECT count(*) FROM {what}").fetchone()[0] for name, what in tables.items()}  # noqa: S608
