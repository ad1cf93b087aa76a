"""The dump game (docs/protocol.md §4): residents rate through HTTP, a thief takes everything, a referee counts what he got right.

`make ballot-game` plays it at full size (tests/bench/ballots.py), the suite thirteen runs of it (tests/api/test_ballot_dump.py).
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime
from math import isqrt, sqrt
from pathlib import Path
from typing import Any, TypeVar

import structlog
from flask.testing import FlaskClient
from sqlalchemy import Engine, inspect, select, text
from sqlalchemy.orm import Session

from jobs import audit as audit_jobs
from jobs import ballots as jobs
from server.db import redis_client, vault
from server.db.base import reading, transaction
from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import Person
from server.services import ballot_openings, ballot_pools
from tests.bench.ballot_thief import ATTACKS, Guess, Loot, Row, Run
from tests.conftest import Time
from tests.factories.people import Tree, a_tree, headers, token_of
from tests.factories.ratings import a_finished
from tests.factories.requests import a_requester
from tests.factories.units import a_unit

SATISFACTIONS = ("very", "basic", "not")
PLACES = ("示例县", "示例街道", "示例社区", "邻近社区", "示例小区", "第一网格", "1幢")
LEAKS = ("timestamp", "autoincrement", "request", "log")
Thing = TypeVar("Thing")
Resident = tuple[Person, str]  # with his login token


@dataclass(frozen=True)
class Hits:
    """What an attack got right in so many runs, and the most that chance may give it."""

    right: int
    runs: int

    @property
    def bound(self) -> int:
        """R + 4√R: one right pair a run is chance, √R its spread."""
        return self.runs + isqrt(16 * self.runs)

    @property
    def holds(self) -> bool:
        """Is it no better than chance?"""
        return self.right <= self.bound


def night(
    client: FlaskClient, time: Time, sizes: Sequence[int], tell: Callable[[Run], None] = lambda _run: None
) -> tuple[list[Run], list[Any]]:
    """A run a size: requests, tokens and ballots through HTTP, then the nightly opening. The runs, and every line that was logged."""
    with transaction() as session:
        tree = a_place(session, time.now)
        people = [a_requester(session, time.now, f"居民{number}") for number in range(max(sizes))]
        logins = [(person, token_of(session, person, time.now)) for person in people]
    runs = []
    with structlog.testing.capture_logs() as logs:
        for size in sizes:
            with transaction() as session:
                run, raters = setting(session, time.now, tree, size, logins)
            play(client, run, raters, time)
            runs.append(run)
            tell(run)
        jobs.open_due(time.advance(hours=8))
    return runs, list(logs)


def a_place(session: Session, now: datetime) -> Tree:
    """示例县, or for a second night the same again."""
    if session.execute(select(OrgNode.id).limit(1)).first() is None:
        return a_tree(session, now)
    return Tree(*[session.execute(select(OrgNode).where(OrgNode.name == name)).scalar_one() for name in PLACES])


def setting(session: Session, now: datetime, tree: Tree, raters: int, people: Sequence[Resident]) -> tuple[Run, list[tuple[str, str]]]:
    """A unit with as many finished requests as raters; the requests' ids with the login tokens of who asked."""
    unit: Unit = a_unit(session, now, tree, f"单位{secrets.token_hex(4)}")
    made = [(a_finished(session, now, tree, person, unit=unit, content=None).public_id, login) for person, login in people[:raters]]
    return Run(unit.id), made


def play(client: FlaskClient, run: Run, raters: Sequence[tuple[str, str]], time: Time) -> None:
    """All fetch their tokens, then all rate, each order drawn by lot, through HTTP, each from his own address."""
    tickets, home = [], {request: {"REMOTE_ADDR": f"10.{secrets.randbelow(256)}.{number}.1"} for number, (request, _) in enumerate(raters)}
    for request, login in drawn(raters):
        answer = client.post(
            f"/api/v1/requests/{request}/ballot-token", headers=headers(login, secrets.token_hex(8)), environ_overrides=home[request]
        )
        assert answer.status_code == 200, answer.json
        tickets.append((request, answer.json["token"], answer.json["cell"]))
        run.raters.append(request)
        time.advance(minutes=3)
    for request, token, cell in drawn(tickets):
        run.said[request] = secrets.token_hex(6)
        rate(client, token, cell, run.said[request], home[request])
        time.advance(minutes=7)


def drawn(things: Sequence[Thing]) -> list[Thing]:
    """In an order drawn by lot."""
    return secrets.SystemRandom().sample(things, len(things))


def rate(client: FlaskClient, token: str, cell: str, comment: str, home: dict[str, str]) -> None:
    """Post one ballot; the comment tells the referee whose it is."""
    answers = {"contacted": True, "solved": True, "satisfaction": secrets.choice(SATISFACTIONS), "comment": comment}
    answer = client.post("/api/v1/b", json={"token": token, "cell": cell, "answers": answers}, environ_overrides=home)
    assert (answer.status_code, list(answer.json)) == (200, ["thanks"]), answer.json


def steal(database: Engine, logs: Sequence[Any], now: datetime, redis_files: Path | None = None) -> Loot:
    """Every table with the order of its rows on disk (rowid; ctid and xmin), the audit chain sealed, Redis ten minutes later, the logs."""
    audit_jobs.seal(now)
    redis: Any = redis_client.client()
    for key in redis.keys(f"{ballot_pools.KEPT}*"):
        assert redis.ttl(key) <= ballot_pools.KEPT_S
        redis.delete(key)
    postgres = database.dialect.name == "postgresql"
    where, order = ("ctid::text AS place, xmin::text AS txn, *", "ctid") if postgres else ("*", "rowid")
    with reading() as session:
        tables = {
            name: [dict(row._mapping) for row in session.execute(text(f"SELECT {where} FROM {name} ORDER BY {order}"))]  # noqa: S608
            for name in inspect(session.connection()).get_table_names()
        }
    lines = [json.dumps(line, default=str, ensure_ascii=False) for line in logs]
    return Loot(tables, [*_held(redis), *(_commands(redis_files) if redis_files else ())], lines)


def _held(redis: Any) -> Iterator[str]:
    """Every key with its values."""
    for key in redis.keys("*"):
        kind = redis.type(key)
        values = redis.lrange(key, 0, -1) if kind == b"list" else [redis.get(key)] if kind == b"string" else []
        yield " ".join([key.decode(), *(_readable(value) for value in values if value is not None)])


def _commands(folder: Path) -> Iterator[str]:
    """Redis' append-only files, a command a line: what was drawn for whom while it was kept."""
    for file in sorted(folder.rglob("*.aof")):
        for command in re.split(rb"\*\d+\r\n", file.read_bytes()):
            yield " ".join(_readable(word) for word in command.split(b"\r\n"))


def _readable(value: bytes) -> str:
    return value.decode() if value.isascii() else value.hex()


def right(stolen: Loot, run: Run, guess: Guess) -> int:
    """How many raters the guess pairs with what they said (only the referee opens the comments)."""
    opened = {comment_of(row): row["key"] for row in stolen.ballots[run.unit_id]}
    return sum(opened.get(run.said[rater]) == key for rater, key in guess)


def comment_of(row: Row) -> str:
    """What stands under the seal."""
    return vault.open_sealed(ballot_pools.SALT, ballot_openings.COMMENT, row["key"], bytes(row["comment"]))


def hits(stolen: Loot, runs: Sequence[Run]) -> dict[str, Hits]:
    """Each attack over these runs."""
    return {attack.__name__: Hits(sum(right(stolen, run, attack(stolen, run)) for run in runs), len(runs)) for attack in ATTACKS}


@dataclass(frozen=True)
class Guessed:
    """Answers the thief guessed right, what always naming the cell's majority gets right, of how many raters."""

    right: int
    majority: int
    raters: int

    @property
    def holds(self) -> bool:
        """At most three standard deviations of a coin (the widest there is) above the majority."""
        return self.right <= self.majority + 3 * sqrt(self.raters) / 2


def answers(stolen: Loot, runs: Sequence[Run]) -> dict[str, Guessed]:
    """Each attack as a guess of what a rater answered."""
    majority = sum(max(_answers_of(stolen, run).count(kind) for kind in SATISFACTIONS) for run in runs)
    raters = sum(len(run.raters) for run in runs)
    found = {}
    for attack in ATTACKS:
        guessed = 0
        for run in runs:
            rows = stolen.ballots[run.unit_id]
            said, by_key = {comment_of(row): row["satisfaction"] for row in rows}, {row["key"]: row["satisfaction"] for row in rows}
            guessed += sum(by_key[key] == said[run.said[rater]] for rater, key in attack(stolen, run))
        found[attack.__name__] = Guessed(guessed, majority, raters)
    return found


def _answers_of(stolen: Loot, run: Run) -> list[str]:
    return [row["satisfaction"] for row in stolen.ballots[run.unit_id]]


def planted(stolen: Loot, runs: Sequence[Run], leak: str) -> Loot:
    """The same theft from a careless build: one that keeps when a ballot came, counts them, keeps whose it was, or logs its key."""
    leaky = replace(stolen, tables={**stolen.tables, "ballot": deepcopy(stolen.tables["ballot"])}, logs=list(stolen.logs))
    for run in runs:
        _plant(leaky, run, leak)
    return leaky


def _plant(leaky: Loot, run: Run, leak: str) -> None:
    opened = {comment_of(row): row for row in leaky.ballots[run.unit_id]}
    ids = {row["public_id"]: row["id"] for row in leaky.requests[run.unit_id]}
    for place, rater in enumerate(run.raters):
        row = opened[run.said[rater]]
        if leak == "log":
            leaky.logs.append(f"opened {row['key']} of {rater}")  # type: ignore[attr-defined]
            continue
        made = {
            "timestamp": ("created_at", f"2026-03-05T01:{place:02d}"),
            "autoincrement": ("id", f"{1000 + place}"),
            "request": ("request_id", ids[rater]),
        }
        row.update([made[leak]])
        for hidden in ("place", "txn"):
            row.pop(hidden, None)
