"""Making Excel files, and forgetting them after their week: xlsxwriter is loaded here, never in a web process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from jobs import figures
from server import files
from server.db.base import reading, transaction
from server.db.models.exports import Export
from server.domain.exports import EXPORTS, ExportState
from server.domain.problems import Problem
from server.services import exports, figure_sheets, ledgers, workbooks
from server.services.ledgers import Ledger
from server.services.workbooks import Cell

STEP = 500  # rows between two looks of who waits


def make(now: datetime, *, export_id: int) -> None:
    """Job exports.make: read, write and seal outside any transaction. A second run finds the file, one after a crash begins anew."""
    with reading() as session:
        row = session.get(Export, export_id)
    if row is None or row.state is not ExportState.WAITING:
        return
    if row.kind in ledgers.SUMMARIES:
        _have_counted(row, now)
    try:
        with reading() as session:
            data, rows, named = _drawn(session, row, now)
    except Problem as problem:
        with transaction() as session:
            exports.fail(session, row, code=problem.code, now=now)
        return
    sha256 = files.put(exports.area(row.public_id), exports.seal(row, data))
    with transaction() as session:
        exports.finish(session, row, sha256=sha256, rows=rows, named=named, now=now)


def forget(now: datetime) -> None:
    """Job exports.forget: the file before the row, so that one killed in between is finished by the next."""
    with reading() as session:
        rows = exports.old(session, now=now)
    for row in rows:
        if row.sha256 is not None:
            files.delete(exports.area(row.public_id), row.sha256)
        with transaction() as session:
            session.delete(session.get_one(Export, row.id))


def _have_counted(row: Export, now: datetime) -> None:
    """The figures of the period, where nobody asked for them before."""
    span = ledgers.span_asked(row.asked, now)
    with reading() as session:
        made = figure_sheets.editions(session, span.period, span.starts_on)
    if any(edition is None or edition.made_at is None for edition in made):
        with transaction() as session:
            figure_sheets.ask(session, span.period, span.starts_on, now=now)
        figures.count(now)


def _drawn(session: Session, row: Export, now: datetime) -> tuple[bytes, int, bool]:
    ledger = ledgers.of(session, row, actor=exports.asker(session, row, now=now), now=now)
    kind = EXPORTS[row.kind]
    data, rows = workbooks.write(
        title=kind.title, columns=kind.columns, rows=_watched(row, ledger), about=ledger.about, watermark=ledger.watermark
    )
    return data, rows, ledger.named


def _watched(row: Export, ledger: Ledger) -> Iterator[Sequence[Cell]]:
    """The rows, telling now and then how many there are."""
    for done, cells in enumerate(ledger.rows):
        if done % STEP == 0:
            with transaction() as session:
                exports.note_progress(session, row, done, ledger.total)
        yield cells
