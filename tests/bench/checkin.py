"""`make bench-checkin`: the service against the floor under it, on one machine, in one run (docs/benchmarks.md).

Starts PostgreSQL (durable), Redis, the service as deployed and tests/bench/floor.py on the same server with the same settings, and measures
them in turn. `--quick` is for development: short rounds, few people, figures that prove nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import psycopg

from server.dev.embedded import start_postgres, start_redis
from tests import servers as databases
from tests.bench import confirmations, memory, population, report, servers, sides, statements
from tests.bench.load import Loader, Phase, request_bytes
from tests.bench.rounds import Account

FLOOR = Path(__file__).with_name("floor.py")
CONNECTIONS = (8, 32)


@dataclass(frozen=True)
class Size:
    """How much is measured: people on each side, pairs, seconds a round, seconds of the open loops, scans between which memory grows."""

    people: int = 220_000
    pairs: int = 5
    seconds: float = 10.0
    open_seconds: int = 60
    grown: tuple[int, int] = (10_000, 100_000)


QUICK = Size(people=20_000, pairs=1, seconds=2.0, open_seconds=5, grown=(1_000, 8_000))


@dataclass(frozen=True)
class Stage:
    """All that runs, and what it was asked so far."""

    env: dict[str, str]
    logs: Path
    service: servers.Server
    people: population.Population
    ours: Account
    floor: Account


def main() -> int:
    """Measure, print, and exit 1 where a bound is broken."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run for development")
    parser.add_argument("--without", action="append", default=[], choices=("tally", "open", "memory"), help="leave a part out")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended, the folders go
    with tempfile.TemporaryDirectory(prefix="gj-bench-") as folder, _stage(Path(folder), QUICK if options.quick else Size()) as stage:
        figures, faults = _measure(stage, QUICK if options.quick else Size(), options.without)
    return 0 if report.show(figures, faults) else 1


@contextlib.contextmanager
def _stage(folder: Path, size: Size) -> Iterator[Stage]:
    with contextlib.ExitStack() as stack:
        postgres = start_postgres(durable=True)
        stack.callback(postgres.stop)
        redis = start_redis(folder)
        stack.callback(redis.stop)
        ours, floors = (databases.create_database(postgres.url, name) for name in ("service", "floor"))
        env = servers.environment(ours, redis.url, folder)
        _say(f"seeding {size.people} people on each side …")
        people = population.make(env, size.people, datetime.now(UTC))
        seeded = _seed_floor(floors, size.people)
        service = servers.service(env, folder / "web.log")
        stack.callback(service.stop)
        floor = servers.floor(floors, folder / "floor.log")
        stack.callback(floor.stop)
        yield Stage(env, folder, service, people, Account(sides.service_side(service.port, ours, people, size.people)),
                    Account(sides.floor_side(floor.port, floors, seeded)))  # fmt: skip


def _measure(stage: Stage, size: Size, without: list[str]) -> tuple[dict[str, Any], list[str]]:
    _wake(stage.service.port)
    figures: dict[str, Any] = {"statements": _statements(stage)}
    small = _reach(stage, size.grown[0])
    _fill(stage.floor, size.grown[0])
    figures.update(_pairs(stage, size))
    if "open" not in without:
        figures.update(_open_loop(stage, size))
    if "memory" not in without:
        large = _reach(stage, size.grown[1])
        figures.update(web_mb=round(large, 1), growth_mb=round(large - small, 1))
        figures["statements"] = max(figures["statements"], _statements(stage))
    faults = stage.ours.faults() + stage.floor.faults()
    if "tally" not in without:
        log = stage.logs / "worker.log"
        lag, wrong = confirmations.lag(stage.env, log, stage.service.port, stage.people.confirmers, size.open_seconds)
        figures["tally_lag_s"] = round(lag, 3)
        faults += wrong
    faults += [f"the service wrote {log.name}: {line}" for log in stage.logs.glob("w*.log") for line in _complaints(log)]
    figures["floor_sha256"] = hashlib.sha256(FLOOR.read_bytes()).hexdigest()
    return figures, faults


def _wake(port: int) -> None:
    """Let every worker open its connections: what a driver asks a new one is not a scan's."""
    loader = Loader(port, 16)
    loader.closed_loop([request_bytes("/readyz", b"", [], "GET")] * 200, 60)
    loader.close()


def _statements(stage: Stage) -> int:
    """Of single scans, sent one after the other."""
    return statements.worst(stage.env["DATABASE_URL"], 10, stage.ours.one)


def _reach(stage: Stage, scans: int) -> float:
    """Let the service take scans until it has had so many; the megabytes of a web process then."""
    _fill(stage.ours, scans)
    used = memory.web_mb(stage.service.process.pid, servers.WORKERS)
    _say(f"{stage.ours.scanned} scans taken: {used:.1f} MB a web process")
    return used


def _fill(account: Account, scans: int) -> None:
    while account.scanned < scans:
        account.closed(32, 60, most=min(20_000, int((scans - account.scanned) / 0.9) + 50))


def _pairs(stage: Stage, size: Size) -> dict[str, Any]:
    """Interleaved rounds, whoever begins taking turns; medians of the ratios of each pair, the worse of both connection counts."""
    rates: dict[int, list[float]] = {connections: [] for connections in CONNECTIONS}
    tails: dict[int, list[float]] = {connections: [] for connections in CONNECTIONS}
    for pair in range(size.pairs):
        for connections in CONNECTIONS:
            both = [stage.ours, stage.floor] if pair % 2 else [stage.floor, stage.ours]
            took = {account.side.name: account.closed(connections, size.seconds) for account in both}
            ours, floor = took["service"], took["floor"]
            rates[connections].append(ours.rate / floor.rate)
            tails[connections].append(ours.quantile(0.99) / floor.quantile(0.99))
            _say(f"pair {pair + 1}, {connections:2} connections, floor:   {_line(floor)}")
            _say(f"pair {pair + 1}, {connections:2} connections, service: {_line(ours)}, ratio {ours.rate / floor.rate:.3f}")
    return {
        "ratio_to_floor": round(min(statistics.median(values) for values in rates.values()), 3),
        "p99_ratio": round(max(statistics.median(values) for values in tails.values()), 3),
        "ratios": {str(connections): [round(value, 3) for value in values] for connections, values in rates.items()},
    }


def _open_loop(stage: Stage, size: Size) -> dict[str, Any]:
    floor, ours = stage.floor.open(20, size.open_seconds), stage.ours.open(20, size.open_seconds)
    _say(f"open loop, 20 a second: floor {_line(floor)} · service {_line(ours)}")
    return {
        "open_loop_p95_ratio": round(ours.quantile(0.95) / floor.quantile(0.95), 3),
        "open_loop_slowest": round(ours.quantile(1.0) / ours.quantile(0.5), 2),
        "open_loop_slowest_of_floor": round(floor.quantile(1.0) / floor.quantile(0.5), 2),
    }


def _complaints(log: Path) -> list[str]:
    """Up to three lines that tell of an unforeseen error."""
    return [line for line in log.read_text(errors="replace").splitlines() if '"level": "error"' in line or "Traceback" in line][:3]


def _line(phase: Phase) -> str:
    p50, p95, p99 = (phase.quantile(share) * 1000 for share in (0.5, 0.95, 0.99))
    return f"{phase.rate:.0f}/s p50 {p50:.1f} p95 {p95:.1f} p99 {p99:.1f} max {phase.quantile(1.0) * 1000:.1f} ms"


def _seed_floor(dsn: str, count: int) -> list[str]:
    env = {**os.environ, "FLOOR_DSN": dsn, "FLOOR_POOL": "4"}
    seeded = subprocess.run(
        [sys.executable, str(FLOOR), "seed", str(count)], env=env, capture_output=True, text=True, check=True, timeout=300
    )
    _vacuum(dsn)
    return seeded.stdout.splitlines()


def _vacuum(dsn: str) -> None:
    """What autovacuum would do a minute later, in the middle of a round; it leaves empty tables alone."""
    with psycopg.connect(databases.libpq(dsn), autocommit=True) as line:
        line.execute("VACUUM ANALYZE floor_session, floor_activity, floor_claim")


def _say(text: str) -> None:
    click.echo(f"[{time.monotonic() - STARTED:5.0f} s] {text}")


STARTED = time.monotonic()

if __name__ == "__main__":
    sys.exit(main())
