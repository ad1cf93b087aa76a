"""Twenty confirmations a second with the real worker running: how long after the answer each one is in the tallies.

A contribution and the tallies that hold it are one transaction (server/services/tallies.py), so the first look at the database that
finds it folded finds it in the tallies.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from redis import Redis

from server.dev.processes import end, wait_until
from tests.bench import servers
from tests.bench.load import Loader, Phase, request_bytes
from tests.servers import libpq

PER_SECOND = 20
LOOK_EVERY_S = 0.02
PATIENCE_S = 60
RECORDS = "SELECT id, public_id, started_at FROM service_record WHERE state = 'present' ORDER BY id DESC LIMIT %s"
FOLDED = "SELECT record_id FROM contribution WHERE folded_at IS NOT NULL"
VISITS = """SELECT coalesce(sum(visits), 0) FROM tally JOIN org_node ON org_node.id = scope_id
            WHERE scope = 'node' AND period = 'year' AND level = 'community'"""


@dataclass
class Watch:
    """Looks for folded contributions; `seen` has the moment each record was first found in the tallies."""

    dsn: str
    wanted: int
    seen: dict[int, float] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        """Until all are there, or nobody waits any more."""
        with psycopg.connect(libpq(self.dsn), autocommit=True) as line:
            while len(self.seen) < self.wanted and not self.over.is_set():
                rows, now = line.execute(FOLDED).fetchall(), time.perf_counter()
                for (record,) in rows:
                    self.seen.setdefault(record, now)
                time.sleep(LOOK_EVERY_S)


def lag(env: Mapping[str, str], log: Path, port: int, tokens: Sequence[str], seconds: int) -> tuple[float, list[str]]:
    """The p95 (s) from a confirmation's answer to the tallies, and what went wrong."""
    dsn = env["DATABASE_URL"]
    with psycopg.connect(libpq(dsn)) as line:
        records = line.execute(RECORDS, (PER_SECOND * seconds,)).fetchall()
    requests = [_confirm(*record[1:], token) for record, token in zip(records, itertools.cycle(tokens))]
    worker = servers.worker(env, log)
    watch = Watch(dsn, len(records))
    thread = threading.Thread(target=watch.look)
    try:
        redis = Redis.from_url(env["REDIS_URL"])
        if not wait_until(lambda: bool(redis.scard("rq:workers")), worker, seconds=PATIENCE_S):
            return float("inf"), ["the worker did not start"]
        thread.start()
        phase = _send(port, requests)
        thread.join(PATIENCE_S)
    finally:
        watch.over.set()
        end(worker)
    return _judge([record[0] for record in records], phase, watch, dsn)


def _confirm(public_id: str, started_at: datetime, token: str) -> bytes:
    """The organiser's word on one record; looked at, so that a run in the night is not held."""
    ended_at = min(datetime.now(UTC), started_at + timedelta(minutes=30))
    said = {"ended_at": ended_at.isoformat(), "despite_hold": True, "note": "压测"}
    headers = [("Authorization", f"Bearer {token}"), ("Idempotency-Key", str(uuid.uuid4()))]
    return request_bytes(f"/api/v1/records/{public_id}/confirm", json.dumps(said).encode(), headers)


def _send(port: int, requests: Sequence[bytes]) -> Phase:
    loader = Loader(port, 16)
    try:
        return loader.open_loop(requests, PER_SECOND)
    finally:
        loader.close()


def _judge(records: Sequence[int], phase: Phase, watch: Watch, dsn: str) -> tuple[float, list[str]]:
    wrong = [answer for answer in phase.answers if answer is None or answer[0] != 200]
    faults = [f"confirmations: {len(wrong)} not confirmed, such as {wrong[0]!r:.300}"] if wrong else []
    faults += [f"confirmations: {len(records) - len(watch.seen)} never reached the tallies"] if len(watch.seen) < len(records) else []
    with psycopg.connect(libpq(dsn)) as line:
        visits = line.execute(VISITS).fetchone()
    if visits is None or visits[0] != len(records) - len(wrong):
        faults.append(f"confirmations: the community's tally says {visits}, {len(records) - len(wrong)} were confirmed")
    lags = sorted(max(0.0, watch.seen[record] - phase.came[place]) for place, record in enumerate(records) if record in watch.seen)
    return (lags[int(0.95 * (len(lags) - 1))] if lags else float("inf")), faults
