"""`make bench-lists`: the scrolled lists of requests at 10,000 and at 1,000,000 requests on PostgreSQL (docs/benchmarks.md).

The service's own functions are called on two databases in turn, two hundred times a page; the buffers are what EXPLAIN (ANALYZE, BUFFERS)
says of the statements that these calls sent. `--quick` is for development: 100,000 as the larger, which proves nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from server.db import redis_client
from server.db.models.orgs import OrgNode
from server.dev.embedded import start_postgres, start_redis
from server.domain.permissions import Actor
from server.domain.requests import RequestState
from server.services import request_lists
from tests import servers as databases
from tests.bench import request_rows

LIMIT, CALLS, WARM = 20, 200, 20
PAGES = ("first", "middle", "last")
BOUND = 1.3
Page = Callable[[Session, str | None], tuple[list[Any], str | None]]


@dataclass(frozen=True)
class Side:
    """A seeded database: the pages to fetch, and the cursors of the first, middle and last page of each list."""

    engine: Engine
    requests: int
    lists: dict[str, Page]
    cursors: dict[str, dict[str, str | None]]


def main() -> int:
    """Measure, print, and exit 1 where a bound is broken."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run for development")
    sizes = (10_000, 100_000) if parser.parse_args().quick else (10_000, 1_000_000)
    with tempfile.TemporaryDirectory(prefix="gj-lists-") as folder, _sides(Path(folder), sizes) as sides:
        rows = [_measured(name, page, *sides) for name in sides[0].lists for page in PAGES]
    return 0 if _show(rows, sizes) else 1


@contextlib.contextmanager
def _sides(folder: Path, sizes: tuple[int, int]) -> Iterator[tuple[Side, Side]]:
    with contextlib.ExitStack() as stack:
        postgres = start_postgres(durable=True)
        stack.callback(postgres.stop)
        redis = start_redis(folder)
        stack.callback(redis.stop)
        redis_client.connect(redis.url)
        made = [_side(databases.create_database(postgres.url, f"lists_{size}"), folder, size) for size in sizes]
        for side in made:
            stack.callback(side.engine.dispose)
        yield made[0], made[1]


def _side(url: str, folder: Path, size: int) -> Side:
    _say(f"seeding {size} requests …")
    seeded = request_rows.make(url, folder / str(size), size)
    side = Side(seeded.engine, size, _lists(seeded), {})
    with Session(seeded.engine) as session:
        side.cursors.update({name: _cursors(session, page) for name, page in side.lists.items()})
    return side


def _lists(seeded: request_rows.Seeded) -> dict[str, Page]:
    """The three lists as their viewers ask for them."""

    def node(session: Session, node_id: int) -> OrgNode:
        return session.get_one(OrgNode, node_id)

    def county(session: Session, after: str | None) -> Any:
        asked = {"category": request_rows.CATEGORY, "state": RequestState.CLOSED, "actor": seeded.official}
        return request_lists.of_county(session, node=node(session, seeded.county_id), after=after, limit=LIMIT, **asked)

    def queue(session: Session, after: str | None) -> Any:
        community = node(session, seeded.community_id)
        return request_lists.queue(session, community=community, actor=seeded.secretary, after=after, limit=LIMIT)

    def own(session: Session, after: str | None) -> Any:
        return request_lists.own(session, actor=Actor(seeded.resident_id), after=after, limit=LIMIT)

    return {"queue": queue, "county": county, "own": own}


def _cursors(session: Session, page: Page) -> dict[str, str | None]:
    """The cursors of the first, the middle and the last full page, found by scrolling through."""
    cursors: list[str | None] = [None]
    while True:
        rows, following = page(session, cursors[-1])
        if following is None:
            break
        cursors.append(following)
    full = cursors if len(rows) == LIMIT else cursors[:-1]
    if len(full) < 3:
        raise RuntimeError("too few pages to speak of a middle")
    return {"first": None, "middle": full[len(full) // 2], "last": full[-1]}


def _measured(name: str, page: str, small: Side, large: Side) -> dict[str, Any]:
    """Milliseconds (median of the interleaved calls) and buffers of one page on both sides."""
    took: dict[int, list[float]] = {small.requests: [], large.requests: []}
    for call in range(WARM + CALLS):
        for side in (small, large) if call % 2 else (large, small):
            with Session(side.engine) as session:
                before = time.perf_counter()
                rows, _ = side.lists[name](session, side.cursors[name][page])
                spent = time.perf_counter() - before
                session.commit()
            if len(rows) != LIMIT:
                raise RuntimeError(f"{name}, {page}: {len(rows)} rows")
            if call >= WARM:
                took[side.requests].append(spent * 1000)
    medians = [statistics.median(took[side.requests]) for side in (small, large)]
    buffers = [_buffers(side, name, page) for side in (small, large)]
    _say(f"{name:<7}{page:<7} {medians[0]:6.2f} → {medians[1]:6.2f} ms, {buffers[0]:3} → {buffers[1]:3} buffers")
    ratios = {"ratio": round(medians[1] / medians[0], 3), "buffers_ratio": round(buffers[1] / buffers[0], 3)}
    return {"list": name, "page": page, "ms": [round(one, 3) for one in medians], "buffers": buffers, **ratios}


def _buffers(side: Side, name: str, page: str) -> int:
    """All buffers that the statements of one call touch, by EXPLAIN (ANALYZE, BUFFERS) of the same statements with the same values."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        sent.append((statement, parameters))

    with Session(side.engine) as session:
        event.listen(side.engine, "before_cursor_execute", note)
        side.lists[name](session, side.cursors[name][page])
        event.remove(side.engine, "before_cursor_execute", note)
        connection = session.connection()
        explain = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "
        plans = [connection.exec_driver_sql(explain + statement, said).scalar() for statement, said in sent]
    return sum(_touched(plan[0]["Plan"]) for plan in plans)


def _touched(plan: dict[str, Any]) -> int:
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])


def _show(rows: list[dict[str, Any]], sizes: tuple[int, int]) -> bool:
    """Print the table and, as the last line, the JSON object. Returns whether both bounds hold."""
    click.echo(f"\n{'list':<8}{'page':<8}{'ms ' + str(sizes[0]):>12}{'ms ' + str(sizes[1]):>12}{'ratio':>8}{'buffers':>12}{'ratio':>8}")
    for row in rows:
        both = f"{row['buffers'][0]} → {row['buffers'][1]}"
        times = f"{row['ms'][0]:>12.2f}{row['ms'][1]:>12.2f}{row['ratio']:>8.2f}"
        click.echo(f"{row['list']:<8}{row['page']:<8}{times}{both:>12}{row['buffers_ratio']:>8.2f}")
    worst, worst_buffers = (max(row[name] for row in rows) for name in ("ratio", "buffers_ratio"))
    ok = worst <= BOUND and worst_buffers <= BOUND
    figures = {"ok": ok, "worst_ratio": worst, "worst_buffers_ratio": worst_buffers, "sizes": sizes, "pages": rows}
    click.echo(json.dumps(figures, ensure_ascii=False))
    return ok


def _say(text: str) -> None:
    click.echo(f"[{time.monotonic() - STARTED:5.0f} s] {text}")


STARTED = time.monotonic()

if __name__ == "__main__":
    sys.exit(main())
