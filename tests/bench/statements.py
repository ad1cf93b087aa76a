"""How many SQL statements one scan costs, read from PostgreSQL's own log of the deployed service (BEGIN and COMMIT aside)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg

from tests.servers import libpq

EXECUTED = re.compile(r"LOG:  (?:statement|execute [^:]*): (?!BEGIN|COMMIT|ROLLBACK)")


def worst(dsn: str, scans: int, scan: Callable[[], None]) -> int:
    """The most statements any of `scans` scans cost; `scan()` sends one and waits for its answer.

    Nothing else may use the server meanwhile.
    """
    log = Path(parse_qs(urlsplit(dsn).query)["host"][0]) / "server.log"
    with psycopg.connect(libpq(dsn), autocommit=True) as line:
        _log_all(line, on=True)
        counts = []
        for _ in range(scans):
            before = log.stat().st_size
            scan()
            line.execute("SELECT 'mark'")  # it ends in the log after the scan's statements
            counts.append(_count(log, before))
        _log_all(line, on=False)
    return max(counts)


def _log_all(line: psycopg.Connection, *, on: bool) -> None:
    line.execute("ALTER SYSTEM SET log_statement = 'all'" if on else "ALTER SYSTEM RESET log_statement")
    line.execute("SELECT pg_reload_conf()")
    line.execute("SELECT pg_sleep(0.5)")


def _count(log: Path, start: int) -> int:
    with log.open("rb") as lines:
        lines.seek(start)
        text = lines.read().decode(errors="replace")
    return len(EXECUTED.findall(text)) - text.count("SELECT 'mark'")
