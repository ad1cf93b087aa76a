"""Opening ballots, at most one batch a cell and day, and closing quarters (docs/protocol.md §4)."""

from __future__ import annotations

from datetime import datetime

from server.db.base import reading, transaction
from server.services import ballot_openings


def open_due(now: datetime) -> None:
    """A transaction a cell, then one a street and quarter that is over: killed between two, the next run goes on."""
    with reading() as session:
        cells = ballot_openings.due(session, now=now)
        quarters = ballot_openings.quarters_to_close(session, now=now)
    for cell_id in ballot_openings.shuffled(cells):
        with transaction() as session:
            ballot_openings.open_cell(session, cell_id, now=now)
    for street_id, quarter in quarters:
        with transaction() as session:
            ballot_openings.close_quarter(session, street_id=street_id, quarter=quarter, now=now)
