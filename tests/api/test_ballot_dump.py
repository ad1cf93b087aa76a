"""Thirteen runs of the dump game (docs/protocol.md §4): who has the database, Redis and the logs afterwards still guesses.

A planted leak makes the same attacker win, so he is no straw man. `make ballot-game` plays three hundred runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from jobs import ballots as jobs
from server.db import base
from server.db.base import reading, transaction
from server.services import ballot_openings
from tests.bench import ballot_game as game
from tests.bench.ballot_thief import Loot, Run, by_row_order
from tests.conftest import Time
from tests.factories.people import a_tree, token_of
from tests.factories.requests import a_requester

IN_ORDER_OF_HASHES = ballot_openings._envelopes
RUNS = {5: 8, 8: 4, 30: 1}  # raters of a run: how many runs, on each database


def a_game(client: FlaskClient, database: Engine, time: Time, sizes: Sequence[int]) -> tuple[Loot, list[Run]]:
    """One night and the theft after it."""
    runs, logs = game.night(client, time, sizes)
    assert not [line for line in logs if line.get("route", "").endswith("/b")]
    return game.steal(database, logs, time.now), runs


def test_after_the_opening_a_thief_guesses(client: FlaskClient, database: Engine, time: Time) -> None:
    """At most R + 4√R right over R runs. Chance alone breaks that once in some hundred games, so a second game must confirm it."""
    caught = attacks_that_win(client, database, time)
    assert not (caught and caught & attacks_that_win(client, database, time)), caught


def attacks_that_win(client: FlaskClient, database: Engine, time: Time) -> set[str]:
    """Play RUNS and name the attacks that are better than chance at some size."""
    stolen, runs = a_game(client, database, time, [size for size, rounds in RUNS.items() for _ in range(rounds)])
    assert all(len(stolen.ballots[run.unit_id]) == len(run.raters) for run in runs)
    assert not stolen.tables["ballot_envelope"]
    by_size = [game.hits(stolen, [run for run in runs if len(run.raters) == size]) for size in RUNS]
    return {name for found in by_size for name, one in found.items() if not one.holds}


def test_a_guess_of_an_answer_is_no_better_than_the_majority(client: FlaskClient, database: Engine, time: Time) -> None:
    stolen, runs = a_game(client, database, time, [8] * 5)
    found = game.answers(stolen, runs)
    assert not {name for name, one in found.items() if not one.holds}, found
    assert found["by_row_order"].raters == 40


@pytest.mark.parametrize("leak", game.LEAKS)
def test_a_planted_leak_makes_the_thief_win(client: FlaskClient, database: Engine, time: Time, leak: str) -> None:
    """A build that keeps when a ballot came, counts them, keeps whose it was, or logs its key: the same attacks find most of the raters."""
    stolen, runs = a_game(client, database, time, [8] * 4)
    found = game.hits(game.planted(stolen, runs, leak), runs)
    assert not all(one.holds for one in found.values()), found


def test_without_the_shuffle_the_row_order_tells(
    client: FlaskClient, database: Engine, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same attacker against a build whose openings keep the order of arrival, and raters who rate at once: the shuffle protects."""
    monkeypatch.setattr(ballot_openings, "shuffled", list)
    monkeypatch.setattr(ballot_openings, "_envelopes", in_order_of_arrival)
    monkeypatch.setattr(game, "drawn", list)
    stolen, runs = a_game(client, database, time, [8] * 3)
    assert not game.hits(stolen, runs)[by_row_order.__name__].holds


def in_order_of_arrival(cells: Sequence[int]) -> Any:
    place = "ctid" if base.engine().dialect.name == "postgresql" else "rowid"
    return IN_ORDER_OF_HASHES(cells).order_by(None).order_by(text(place))


def test_killed_in_the_shuffle_each_ballot_is_there_once(
    client: FlaskClient, database: Engine, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction() as session:
        tree = a_tree(session, time.now)
        people = [a_requester(session, time.now, f"居民{number}") for number in range(6)]
        run, raters = game.setting(session, time.now, tree, 6, [(person, token_of(session, person, time.now)) for person in people])
    game.play(client, run, raters, time)

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
