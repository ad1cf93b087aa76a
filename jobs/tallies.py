"""Folding waiting contributions into the tallies."""

from __future__ import annotations

from datetime import datetime

from server.db.base import transaction
from server.services import tallies


def drain(now: datetime) -> None:
    """Fold all that waits, a transaction a batch: killed between two batches, the next run goes on where this one ended."""
    while True:
        with transaction() as session:
            folded = tallies.drain(session, now=now)
        if folded < tallies.BATCH:
            return
