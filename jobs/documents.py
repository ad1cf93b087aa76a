"""Printing receipts and certificates: Pillow and fpdf2 are loaded here and not in the web process (mission row A6)."""

from __future__ import annotations

from datetime import date, datetime

from server import files
from server.db.base import reading, transaction
from server.db.models.registrations import Document
from server.domain.documents import DocumentKind, date_text
from server.services import documents


def render(now: datetime, *, document_id: int) -> None:
    """Job documents.render: draw PNG and PDF outside any transaction, then write down where they lie. A second run
    does nothing, one after a crash draws again."""
    from qr import documents as drawing

    with reading() as session:
        row = session.get_one(Document, document_id)
        facts = documents.facts_of(session, row)
    if not facts or row.pdf is not None:  # erased in between, or printed by an earlier run
        return
    page = drawing.Document(
        kind="certificate" if row.kind is DocumentKind.SERVICE_CERTIFICATE else "receipt",
        title=facts["title"],
        lines=tuple(facts["lines"]),
        serial=row.serial,
        link=facts["link"],
        issuer=facts["issuer"],
        date_text=date_text(date.fromisoformat(facts["date"])),
    )
    png, pdf = drawing.png(page), drawing.pdf(page)
    with reading() as session:
        boxes = documents.seal_print(session, row, "png", png), documents.seal_print(session, row, "pdf", pdf)
    kept = [files.put(documents.AREA, box) for box in boxes]
    with transaction() as session:
        documents.keep_prints(session, session.get_one(Document, document_id), png=kept[0], pdf=kept[1])
