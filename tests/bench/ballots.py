"""`make ballot-game`: the dump game at full size, on SQLite and on PostgreSQL (docs/protocol.md §4, docs/benchmarks.md).

A hundred runs each of 5, 8 and 30 raters, thirty nights of ten, on a Redis of our own whose file the thief takes too. The application is
called as the tests call it, HTTP without a socket. `--runs 30` is for development.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import click
from flask.testing import FlaskClient
from sqlalchemy import Engine

from server import clock, files
from server.app import create_app
from server.config import load
from server.db import base, keys, redis_client, schema, vault
from server.dev.embedded import start_postgres, start_redis
from server.services import codes
from tests import servers as databases
from tests.bench import ballot_game as game
from tests.bench.ballot_thief import Loot, Run
from tests.conftest import Time

SIZES, RUNS, A_NIGHT = (5, 8, 30), 300, 10
SAID_EVERY_S = 15
MONDAY = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)  # thirty nights end before the quarter does


def main() -> int:
    """Play on both databases, print, and exit 1 where a bound is broken or a planted leak goes unnoticed."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help="runs a database (300)")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory(prefix="gj-ballots-") as folder:
        figures = {name: _figures(name, Path(folder) / name, runs) for name in ("sqlite", "postgresql")}
    return 0 if _show(figures, runs) else 1


def _figures(name: str, folder: Path, runs: int) -> dict[str, Any]:
    """Everything about one database."""
    began = time.monotonic()
    with _instance(name, folder) as (client, database):
        played, stolen = _game(name, client, database, folder, runs)
        said = game.answers(stolen, played)
        found = {
            "runs": len(played),
            "raters": sum(len(run.raters) for run in played),
            "rows": sum(len(rows) for rows in stolen.tables.values()),
            "redis_lines": len(stolen.redis),
            "log_lines": len(stolen.logs),
            "ballots_lost": sum(len(run.raters) - len(stolen.ballots[run.unit_id]) for run in played),
            "left_sealed": len(stolen.tables["ballot_envelope"]),
            "hits": {size: _right(game.hits(stolen, _of_size(played, size))) for size in SIZES}
            | {"all": _right(game.hits(stolen, played))},
            "answers": {attack: [one.right, one.majority, one.holds] for attack, one in said.items()},
            "leaks": {leak: _best(game.hits(game.planted(stolen, played, leak), played)) for leak in game.LEAKS},
        }
    return {**found, "seconds": round(time.monotonic() - began)}


def _game(name: str, client: FlaskClient, database: Engine, folder: Path, runs: int) -> tuple[list[Run], Loot]:
    """Every night, then the theft."""
    sizes = random.sample([SIZES[number % len(SIZES)] for number in range(runs)], runs)
    present, progress, logs = Time(MONDAY), _Progress(name, sum(sizes)), []
    played: list[Run] = []
    with mock.patch.object(clock, "now", side_effect=lambda: present.now):
        for first in range(0, runs, A_NIGHT):
            more, lines = game.night(client, present, sizes[first : first + A_NIGHT], progress.tell)
            played += more
            logs += lines
            present.advance(hours=12)
        _say(f"{name}: the thief takes everything")
        return played, game.steal(database, logs, present.now, folder)


@contextlib.contextmanager
def _instance(name: str, folder: Path) -> Iterator[tuple[FlaskClient, Engine]]:
    """A migrated, empty database of this kind, a Redis with its file, fresh keys, the application."""
    folder.mkdir()
    with contextlib.ExitStack() as stack:
        redis = start_redis(folder)
        stack.callback(redis.stop)
        url = f"sqlite:///{folder / 'gongjian.db'}"
        if name == "postgresql":
            postgres = start_postgres(durable=False)
            stack.callback(postgres.stop)
            url = databases.create_database(postgres.url, "ballots")
        database = base.connect(url)
        stack.callback(base.dispose)
        schema.upgrade(database)
        redis_client.connect(redis.url)
        vault.configure(keys.load(folder / "keys.json", b"k" * 32), "aes")
        codes.configure("demo")
        files.configure(folder / "files")
        settings = load(env={"GONGJIAN_ENVIRONMENT": "test", "GONGJIAN_FILES_DATA": str(folder), "REDIS_URL": redis.url})
        yield create_app(settings).test_client(), database


class _Progress:
    """Says now and then how far a game is and how long it will take."""

    def __init__(self, name: str, raters: int) -> None:
        self.name, self.raters, self.done, self.runs = name, raters, 0, 0
        self.began = self.said = time.monotonic()

    def tell(self, run: Run) -> None:
        """One more run was played."""
        self.done, self.runs, now = self.done + len(run.raters), self.runs + 1, time.monotonic()
        if now - self.said >= SAID_EVERY_S:
            left = (now - self.began) * (self.raters - self.done) / self.done
            _say(f"{self.name}: {self.runs} runs, {self.done} of {self.raters} raters, about {left:.0f} s to go")
            self.said = now


def _of_size(played: Sequence[Run], size: int) -> list[Run]:
    return [run for run in played if len(run.raters) == size]


def _right(hits: dict[str, game.Hits]) -> dict[str, list[int]]:
    """Attack → [right, at most]."""
    return {attack: [one.right, one.bound] for attack, one in hits.items()}


def _best(hits: dict[str, game.Hits]) -> list[int]:
    """[right, at most] of the attack that finds most."""
    one = max(hits.values(), key=lambda one: one.right)
    return [one.right, one.bound]


def faults(figures: dict[str, Any]) -> list[str]:
    """What is wrong with a database's figures; nothing where the thief only guessed and every planted leak was found."""
    found = [
        f"{figures[name]} {what}" for name, what in (("ballots_lost", "ballots lost"), ("left_sealed", "left sealed")) if figures[name]
    ]
    for size, hits in figures["hits"].items():
        found += [f"{attack} at {size} raters: {right} > {most}" for attack, (right, most) in hits.items() if right > most]
    found += [
        f"{attack} guesses answers: {right}, the majority {most}"
        for attack, (right, most, holds) in figures["answers"].items()
        if not holds
    ]
    return found + [f"planted {leak} not found: {right} ≤ {most}" for leak, (right, most) in figures["leaks"].items() if right <= most]


def _show(figures: dict[str, dict[str, Any]], runs: int) -> bool:
    """Print the tables and, as the last line, the JSON object. Returns whether every bound holds."""
    for name, one in figures.items():
        click.echo(f"\n{name}: {one['runs']} runs, {one['raters']} raters, {one['rows']} rows stolen, {one['seconds']} s")
        click.echo(f"{'right of runs (at most)':<26}" + "".join(f"{f'n = {size}':>12}" for size in one["hits"]) + f"{'answers':>12}")
        for attack, (guessed, majority, _) in one["answers"].items():
            cells = (f"{one['hits'][size][attack][0]} ({one['hits'][size][attack][1]})" for size in one["hits"])
            click.echo(f"{attack:<26}" + "".join(f"{cell:>12}" for cell in cells) + f"{f'{guessed} ({majority})':>12}")
        for leak, (right, most) in one["leaks"].items():
            click.echo(f"{'planted ' + leak:<26}{f'{right} ({most})':>48}")
    wrong = [f"{name}: {fault}" for name, one in figures.items() for fault in faults(one)]
    for fault in wrong:
        click.echo(f"✗ {fault}")
    click.echo(json.dumps({"ok": not wrong, "runs": runs, "faults": wrong, **figures}, ensure_ascii=False))
    return not wrong


def _say(text: str) -> None:
    click.echo(f"[{time.monotonic() - STARTED:5.0f} s] {text}")


STARTED = time.monotonic()

if __name__ == "__main__":
    sys.exit(main())
