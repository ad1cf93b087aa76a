"""The dump game (docs/protocol.md §4, tests 1, 2 and 4): who has the whole database, Redis and the logs afterwards still guesses.

The attacker knows who fetched a token and in which order, and every value of every table in the order in which the rows lie. He pairs the
raters of a cell with its ballots in each way he can think of; by chance one pair a run is right, whatever the number of raters. A planted
leak makes the same attacker win, so he is no straw man.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import isqrt
from typing import Any

import pytest
import structlog
from flask.testing import FlaskClient
from sqlalchemy import Engine, inspect, select, text
from sqlalchemy.orm import Session

from jobs import ballots as jobs
from server.db import base, redis_client, vault
from server.db.base import reading, transaction
from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import Person
from server.services import ballot_openings, ballot_pools
from tests.conftest import Time
from tests.factories.people import Tree, a_tree, headers, token_of
from tests.factories.ratings import a_finished
from tests.factories.requests import a_requester
from tests.factories.units import a_unit

SATISFACTIONS = ("very", "basic", "not")
IN_ORDER_OF_HASHES = ballot_openings._envelopes
PLACES = ("示例县", "示例街道", "示例社区", "邻近社区", "示例小区", "第一网格", "1幢")
RUNS = {5: 8, 8: 4, 30: 1}  # raters of a run: how many runs, on each database


@dataclass
class Run:
    """One cell: its raters in the order in which they fetched their tokens, and what each of them said."""

    unit_id: int
    raters: list[str] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)


Dump = dict[str, list[dict[str, Any]]]
Guess = list[tuple[str, str]]  # rater (his request's public id), ballot key


@dataclass(frozen=True)
class Loot:
    """What the attacker took away."""

    tables: Dump
    redis: bytes
    logs: str


def setting(
    session: Any, now: datetime, tree: Tree, raters: int, people: Sequence[tuple[Person, str]]
) -> tuple[Run, list[tuple[str, str]]]:
    """A unit with as many finished requests as raters; the raters' ids and login tokens in the order in which they will fetch."""
    unit: Unit = a_unit(session, now, tree, f"单位{secrets.token_hex(4)}")
    made = [(a_finished(session, now, tree, person, unit=unit, content=None).public_id, login) for person, login in people[:raters]]
    return Run(unit.id), made


def play(client: FlaskClient, run: Run, raters: Sequence[tuple[str, str]], time: Time) -> None:
    """All fetch their tokens, then all rate, each order drawn by lot, through HTTP."""
    tickets = []
    for request, login in ballot_openings.shuffled(raters):
        answer = client.post(f"/api/v1/requests/{request}/ballot-token", headers=headers(login))
        assert answer.status_code == 200, answer.json
        tickets.append((request, answer.json["token"], answer.json["cell"]))
        run.raters.append(request)
        time.advance(minutes=3)
    for request, token, cell in ballot_openings.shuffled(tickets):
        run.said[request] = secrets.token_hex(6)
        rate(client, token, cell, comment=run.said[request])
        time.advance(minutes=7)


def rate(client: FlaskClient, token: str, cell: str, comment: str = "") -> None:
    answers = {"contacted": True, "solved": True, "satisfaction": secrets.choice(SATISFACTIONS), "comment": comment}
    answer = client.post("/api/v1/b", json={"token": token, "cell": cell, "answers": answers})
    assert (answer.status_code, list(answer.json)) == (200, ["thanks"])


def loot(database: Engine, logs: Sequence[Any]) -> Loot:
    """Every table with the order of its rows on disk (rowid; xmin and ctid), every value in Redis after ten minutes, every log line."""
    redis: Any = redis_client.client()
    for key in redis.keys("gongjian:ballot-kept:*"):
        assert redis.ttl(key) <= ballot_pools.KEPT_S
        redis.delete(key)  # ten minutes later
    values = b"\n".join(key + b" " + b" ".join(_value(redis, key)) for key in redis.keys("*"))
    with reading() as session:
        names = inspect(session.connection()).get_table_names()
        where = "ctid::text AS place, xmin::text AS txn, *" if database.dialect.name == "postgresql" else "*"
        order = "ctid" if database.dialect.name == "postgresql" else "rowid"
        tables = {
            name: [dict(row._mapping) for row in session.execute(text(f"SELECT {where} FROM {name} ORDER BY {order}"))]  # noqa: S608
            for name in names
        }
    return Loot(tables, values, json.dumps(list(logs), default=str, ensure_ascii=False))


def _value(redis: Any, key: bytes) -> list[bytes]:
    kind = redis.type(key)
    if kind == b"list":
        return list(redis.lrange(key, 0, -1))
    return [redis.get(key)] if kind == b"string" else []


def ballots_of(stolen: Loot, run: Run) -> list[dict[str, Any]]:
    cells = [row["id"] for row in stolen.tables["ballot_cell"] if row["unit_id"] == run.unit_id]
    return [row for row in stolen.tables["ballot"] if row["cell_id"] in cells]


def requests_of(stolen: Loot, run: Run) -> list[dict[str, Any]]:
    return [row for row in stolen.tables["request"] if row["handler_unit_id"] == run.unit_id]


def paired(raters: Sequence[str], rows: Sequence[dict[str, Any]]) -> Guess:
    return list(zip(raters, [row["key"] for row in rows], strict=False))


def by_row_order(stolen: Loot, run: Run) -> Guess:
    """Rows of the issued list and rows of the ballots as they lie."""
    order = {row["request_id"]: place for place, row in enumerate(stolen.tables["ballot_issued"])}
    mine = sorted(requests_of(stolen, run), key=lambda row: order[row["id"]])
    return paired([row["public_id"] for row in mine], ballots_of(stolen, run))


def by_time(stolen: Loot, run: Run) -> Guess:
    """Who fetched when (access log, events) against whatever in a ballot's row can be sorted and is not the answer."""
    columns = [name for name in ballots_of(stolen, run)[0] if name not in ("comment", "tags", "satisfaction", "contacted", "solved", "key")]
    rows = sorted(ballots_of(stolen, run), key=lambda row: [str(row[name]) for name in columns])
    return paired(run.raters, rows)


def by_rank(stolen: Loot, run: Run) -> Guess:
    """The order of fetching against the order of the random keys."""
    return paired(run.raters, sorted(ballots_of(stolen, run), key=lambda row: str(row["key"])))


def by_hash(stolen: Loot, run: Run) -> Guess:
    """Anything in Redis or the logs that hashes to a spent token, next to the rater whose request stands beside it; then by position."""
    spent = {row["token_hash"]: place for place, row in enumerate(stolen.tables["ballot_spent"])}
    rows, guess = ballots_of(stolen, run), []
    lines = [*stolen.redis.decode("latin-1").splitlines(), *stolen.logs.split("}")]
    for rater in run.raters:
        near = " ".join(line for line in lines if rater in line)
        found = [
            spent[digest] for word in re.findall(r"[\w-]{20,}", near) if (digest := hashlib.sha256(word.encode()).hexdigest()) in spent
        ]
        guess += [(rater, rows[place % len(rows)]["key"]) for place in found[:1]]
    return guess or by_pool(stolen, run)


def by_pool(stolen: Loot, run: Run) -> Guess:
    """The pool's order, less what Redis still holds, against the order of fetching, through the spent list to the ballots."""
    spent = {row["token_hash"]: place for place, row in enumerate(stolen.tables["ballot_spent"])}
    drawn = [row["token_hash"] for row in stolen.tables["ballot_pool"] if row["token_hash"] in spent]
    cells = [row["id"] for row in stolen.tables["ballot_cell"] if row["unit_id"] == run.unit_id]
    mine = [row["token_hash"] for row in stolen.tables["ballot_pool"] if row["cell_id"] in cells and row["token_hash"] in drawn]
    rank = {digest: place for place, digest in enumerate(sorted(mine, key=lambda digest: spent[digest]))}
    rows = ballots_of(stolen, run)
    return [(rater, rows[rank[digest]]["key"]) for rater, digest in zip(run.raters, mine, strict=False)]


def by_grep(stolen: Loot, run: Run) -> Guess:
    """A ballot's key or sealed comment that turns up in another row, a log line or Redis together with a rater's id."""
    ids = {row["public_id"]: row["id"] for row in requests_of(stolen, run)}
    others = [str(row) for name, rows in stolen.tables.items() if name != "ballot" for row in rows]
    haystack = [*others, *stolen.logs.split("}"), *stolen.redis.decode("latin-1").splitlines()]
    guess = []
    for row in ballots_of(stolen, run):
        near = " ".join(line for line in haystack if row["key"] in line or repr(row["comment"]) in line)
        named = {str(row[name]) for name in ("request_id", "asked_for_id", "token_hash") if name in row}
        guess += [(rater, row["key"]) for rater in run.raters if rater in near or str(ids[rater]) in named]
    return guess


ATTACKS: tuple[Callable[[Loot, Run], Guess], ...] = (by_row_order, by_time, by_rank, by_hash, by_pool, by_grep)


def right(stolen: Loot, run: Run, guess: Guess) -> int:
    """How many raters the guess pairs with what they said (only the referee opens the comments)."""
    comments = {row["key"]: row["comment"] for row in ballots_of(stolen, run)}
    opened = {key: vault.open_sealed(ballot_pools.SALT, ballot_openings.COMMENT, key, bytes(box)) for key, box in comments.items()}
    return sum(opened[key] == run.said[rater] for rater, key in guess)


def a_place(session: Session, now: datetime) -> Tree:
    """示例县, or for a second game the same again."""
    if session.execute(select(OrgNode.id).limit(1)).first() is None:
        return a_tree(session, now)
    return Tree(*[session.execute(select(OrgNode).where(OrgNode.name == name)).scalar_one() for name in PLACES])


def the_game(client: FlaskClient, database: Engine, time: Time, sizes: Sequence[int]) -> tuple[Loot, list[Run]]:
    """One run a size: requests, tokens and ballots through HTTP, the nightly opening, the theft."""
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
            assert not [line for line in logs if line.get("route", "").endswith("/b")]
        jobs.open_due(time.advance(hours=8))
    return loot(database, logs), runs


def test_after_the_opening_a_thief_guesses(client: FlaskClient, database: Engine, time: Time) -> None:
    """At most R + 4√R right over R runs. Chance alone breaks that once in some hundred games, so a second game must confirm it."""
    caught = attacks_that_win(client, database, time)
    assert not (caught and caught & attacks_that_win(client, database, time)), caught


def attacks_that_win(client: FlaskClient, database: Engine, time: Time) -> set[str]:
    """Play RUNS and name the attacks that are better than chance at some size."""
    stolen, runs = the_game(client, database, time, [size for size, rounds in RUNS.items() for _ in range(rounds)])
    assert all(len(ballots_of(stolen, run)) == len(run.raters) for run in runs)
    assert not stolen.tables["ballot_envelope"]
    winners = set()
    for size, rounds in RUNS.items():
        mine = [run for run in runs if len(run.raters) == size]
        hits = {attack.__name__: sum(right(stolen, run, attack(stolen, run)) for run in mine) for attack in ATTACKS}
        winners |= {name for name, number in hits.items() if number > rounds + isqrt(16 * rounds)}
    return winners


def test_a_guess_of_an_answer_is_no_better_than_the_majority(client: FlaskClient, database: Engine, time: Time) -> None:
    size, rounds = 8, 5
    stolen, runs = the_game(client, database, time, [size] * rounds)
    for attack in (by_row_order, by_time, by_rank, by_pool):
        guessed, majority = 0, 0
        for run in runs:
            rows = ballots_of(stolen, run)
            opened = {
                row["key"]: vault.open_sealed(ballot_pools.SALT, ballot_openings.COMMENT, row["key"], bytes(row["comment"])) for row in rows
            }
            said = {opened[row["key"]]: row["satisfaction"] for row in rows}
            by_key = {row["key"]: row["satisfaction"] for row in rows}
            guessed += sum(by_key[key] == said[run.said[rater]] for rater, key in attack(stolen, run))
            majority += max(list(said.values()).count(kind) for kind in SATISFACTIONS)
        assert guessed <= majority + 3 * isqrt(size * rounds), attack.__name__


def test_a_planted_leak_makes_the_thief_win(client: FlaskClient, database: Engine, time: Time) -> None:
    """A build that keeps when a ballot came, counts them, or keeps whose it was: the same attacks find most of the raters."""
    stolen, runs = the_game(client, database, time, [8] * 4)
    for leak in ("timestamp", "autoincrement", "request"):
        leaky = deepcopy(stolen)
        for run in runs:
            plant(leaky, run, leak)
        hits = max(sum(right(leaky, run, attack(leaky, run)) for run in runs) for attack in ATTACKS)
        assert hits > 4 + isqrt(16 * 4), leak


def plant(stolen: Loot, run: Run, leak: str) -> None:
    """Add to the stolen ballots the column that a careless build would have written."""
    rows = ballots_of(stolen, run)
    opened = {vault.open_sealed(ballot_pools.SALT, ballot_openings.COMMENT, row["key"], bytes(row["comment"])): row for row in rows}
    ids = {row["public_id"]: row["id"] for row in requests_of(stolen, run)}
    for place, rater in enumerate(run.raters):
        row = opened[run.said[rater]]
        made = {
            "timestamp": ("created_at", f"2026-03-05T01:{place:02d}"),
            "autoincrement": ("id", f"{1000 + place}"),
            "request": ("request_id", ids[rater]),
        }
        name, value = made[leak]
        row[name] = value
        for hidden in ("place", "txn"):
            row.pop(hidden, None)


def test_without_the_shuffle_the_row_order_tells(
    client: FlaskClient, database: Engine, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same attacker against a build whose openings (and raters) keep their order: the shuffle is what protects."""
    monkeypatch.setattr(ballot_openings, "shuffled", list)
    monkeypatch.setattr(ballot_openings, "_envelopes", in_order_of_arrival)
    stolen, runs = the_game(client, database, time, [8] * 3)
    assert sum(right(stolen, run, by_row_order(stolen, run)) for run in runs) > 3 + isqrt(16 * 3)


def in_order_of_arrival(cells: Sequence[int]) -> Any:
    place = "ctid" if base.engine().dialect.name == "postgresql" else "rowid"
    return IN_ORDER_OF_HASHES(cells).order_by(None).order_by(text(place))


def test_killed_in_the_shuffle_each_ballot_is_there_once(
    client: FlaskClient, database: Engine, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction() as session:
        tree = a_tree(session, time.now)
        people = [a_requester(session, time.now, f"居民{number}") for number in range(6)]
        run, raters = setting(session, time.now, tree, 6, [(person, token_of(session, person, time.now)) for person in people])
    play(client, run, raters, time)

    def killed(*_args: object, **_more: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(ballot_openings, "add_ballots", killed)
        with pytest.raises(KeyboardInterrupt):
            jobs.open_due(time.now)
    for _ in range(2):
        jobs.open_due(time.now + timedelta(minutes=1))
    with reading() as session:
        counts = [session.execute(text(f"SELECT count(*) FROM {name}")).scalar() for name in ("ballot", "ballot_spent", "ballot_envelope")]  # noqa: S608
    assert counts == [6, 6, 0]
