"""`make bench-console`: home, a list of fifty rows and the figures, with a million service records, on PostgreSQL (docs/benchmarks.md).

The application answers in this process, without a socket, so that what is measured is the server's own time; the pages take turns with
the page that has nothing but the frame and the queue's count. `--quick` is for development: a tenth of everything, which proves nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import ChoiceLoader, DictLoader
from sqlalchemy import Engine, event

from server import console, files
from server.app import create_app
from server.config import load
from server.console import visitors
from server.console.desk import Answer, Call, Desk
from server.db import base, prebuilt, redis_client
from server.dev.embedded import start_postgres, start_redis
from server.domain.figures import span_of
from server.domain.permissions import Actor, Permission
from server.services import figure_counts, figure_sheets, sessions
from tests import servers as databases
from tests.bench import console_rows
from tests.bench.console_rows import Measured

ROUNDS, CALLS, WARM = 8, 50, 20
MOST_STATEMENTS, MOST_BYTES, MOST_RATIO = 12, 150_000, 3.0
BARE = "bare"
bare = Desk("bench")


@bare.page("/bench", permission=Permission.ME)
def only_the_frame(call: Call) -> Answer:
    """Layout and queue count: what every page pays."""
    return call.show("bench.html")


@dataclass
class Page:
    """A page under measurement."""

    name: str
    path: str
    client: FlaskClient
    took: list[float]
    statements: int = 0
    size: int = 0

    def get(self) -> float:
        """Seconds to answer."""
        before = time.perf_counter()
        answer = self.client.get(self.path)
        spent = time.perf_counter() - before
        self.size = len(answer.get_data())
        if answer.status_code != 200:
            raise RuntimeError(f"{self.path}: {answer.status_code}")
        return spent


def main() -> int:
    """Measure, print, and exit 1 where a bound is broken."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run for development")
    records, requests = (100_000, 20_000) if parser.parse_args().quick else (1_000_000, 200_000)
    with tempfile.TemporaryDirectory(prefix="gj-console-") as folder, _seeded(Path(folder), records, requests) as measured:
        counted = _count()
        pages = _pages(_application(Path(folder)), measured)
        _measure(pages, measured.seeded.engine)
    return 0 if _show(pages, measured, counted) else 1


@contextlib.contextmanager
def _seeded(folder: Path, records: int, requests: int) -> Iterator[Measured]:
    with contextlib.ExitStack() as stack:
        postgres = start_postgres(durable=True)
        stack.callback(postgres.stop)
        redis = start_redis(folder)
        stack.callback(redis.stop)
        redis_client.connect(redis.url)
        files.configure(folder / "files")
        _say(f"seeding {records} service records and {requests} requests …")
        made = console_rows.make(databases.create_database(postgres.url, "console"), folder / "keys", records=records, requests=requests)
        stack.callback(base.dispose)
        yield made


def _count() -> float:
    """The job of the figures, all six standing periods; how long it takes."""
    now, before = datetime.now(UTC), time.perf_counter()
    with base.transaction() as session:
        figure_sheets.standing(session, now=now)
        due = figure_sheets.due(session, now=now)
    for period, starts_on in due:
        span = span_of(period, starts_on, now)
        with base.reading() as session:
            counts = figure_counts.counted(session, span)
        with base.transaction() as session:
            figure_sheets.keep(session, span, counts, now=now)
    return round(time.perf_counter() - before, 1)


def _application(folder: Path) -> Flask:
    console.DESKS = (*console.DESKS, bare)
    app = create_app(load(env={"GONGJIAN_ENVIRONMENT": "test", "GONGJIAN_FILES_DATA": str(folder)}))
    frame = '{% extends "console/frame.html" %}{% block title %}空白{% endblock %}'
    app.jinja_loader = ChoiceLoader([*([app.jinja_loader] if app.jinja_loader else []), DictLoader({"bench.html": frame})])
    return app


def _pages(app: Flask, measured: Measured) -> list[Page]:
    secretary, official = (_seat(app, who) for who in (measured.seeded.secretary, measured.seeded.official))
    listed = [
        (BARE, "/console/bench", secretary),
        ("home", "/console", secretary),
        ("requests", "/console/requests", secretary),
        ("members", "/console/members", secretary),
        ("figures", "/console/figures", secretary),
        ("figures of the county", "/console/figures?period=year", official),
        ("places", "/console/orgs", official),
    ]
    return [Page(name, path, client, []) for name, path, client in listed]


def _seat(app: Flask, who: Actor) -> FlaskClient:
    with base.transaction() as session:
        token = sessions.start(session, person_id=who.id, channel=sessions.STAFF, now=datetime.now(UTC), lifetime=timedelta(hours=8))
    client = app.test_client()
    client.set_cookie(visitors.COOKIE, token, path="/console")
    return client


def _measure(pages: list[Page], engine: Engine) -> None:
    """Statements once, then the pages in turn, eight rounds of fifty calls each."""
    for page in pages:
        page.get()
        page.statements = _statements(page, engine)
    gc.collect()
    gc.freeze()  # as server/wsgi.py does
    for call in range(WARM + ROUNDS * CALLS):
        for page in pages if call % 2 else reversed(pages):
            spent = page.get()
            if call >= WARM:
                page.took.append(spent * 1000)


def _statements(page: Page, engine: Engine) -> int:
    """All that are sent; those that go by the driver (server/db/prebuilt.py) pass by SQLAlchemy's events."""
    sent: list[Any] = []
    run = prebuilt._run

    def note(*args: Any) -> None:
        sent.append(args[2])

    def run_and_note(*args: Any) -> Any:
        sent.append(args[1])
        return run(*args)

    event.listen(engine, "before_cursor_execute", note)
    prebuilt._run = run_and_note
    page.get()
    prebuilt._run = run
    event.remove(engine, "before_cursor_execute", note)
    return len(sent)


def _show(pages: list[Page], measured: Measured, counted: float) -> bool:
    """Print the table and, as the last line, the JSON object. Returns whether every bound holds."""
    p95 = {page.name: _p95_by_round(page) for page in pages}
    rows = [
        {
            "page": page.name,
            "p50_ms": round(statistics.median(page.took), 2),
            "p95_ms": round(statistics.median(p95[page.name]), 2),
            "ratio": round(statistics.median(own / bare for own, bare in zip(p95[page.name], p95[BARE], strict=True)), 2),
            "statements": page.statements,
            "bytes": page.size,
        }
        for page in pages
    ]
    click.echo(f"\n{'page':<24}{'p50 ms':>9}{'p95 ms':>9}{'ratio':>8}{'statements':>12}{'bytes':>10}")
    for row in rows:
        click.echo("{page:<24}{p50_ms:>9}{p95_ms:>9}{ratio:>8}{statements:>12}{bytes:>10}".format(**row))
    worst = {f"worst_{name}": max(row[name] for row in rows) for name in ("statements", "bytes", "ratio")}
    ok = worst["worst_statements"] <= MOST_STATEMENTS and worst["worst_bytes"] <= MOST_BYTES and worst["worst_ratio"] <= MOST_RATIO
    sizes = {"records": measured.records, "requests": measured.requests, "members": measured.members}
    click.echo(json.dumps({"ok": ok, **worst, "count_s": counted, **sizes, "pages": rows}, ensure_ascii=False))
    return ok


def _p95_by_round(page: Page) -> list[float]:
    """Of each round by itself: a neighbour's burst of work falls into one of them, upon all pages."""
    rounds = (page.took[start : start + CALLS] for start in range(0, len(page.took), CALLS))
    return [statistics.quantiles(took, n=20)[-1] for took in rounds]


def _say(words: str) -> None:
    click.echo(f"[{time.monotonic() - STARTED:5.0f} s] {words}")


STARTED = time.monotonic()

if __name__ == "__main__":
    sys.exit(main())
