"""Counting figures (docs/rules.md §4): a recomputation, period by period; a second run finds nothing due."""

from __future__ import annotations

from datetime import datetime

from server.db.base import reading, transaction
from server.domain.figures import span_of
from server.services import figure_counts, figure_sheets


def count(now: datetime) -> None:
    """Job figures.count: what is due is counted outside any transaction, then put in the place of what was there."""
    with transaction() as session:
        figure_sheets.standing(session, now=now)
    with reading() as session:
        due = figure_sheets.due(session, now=now)
    for period, starts_on in due:
        span = span_of(period, starts_on, now)
        with reading() as session:
            counts = figure_counts.counted(session, span)
        with transaction() as session:
            figure_sheets.keep(session, span, counts, now=now)
