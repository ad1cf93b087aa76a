"""回执与证明: what was issued, its print, and taking it back (mission row A6)."""

from __future__ import annotations

from typing import Any

from flask import url_for

from server import files
from server.console import forms, places
from server.console.desk import Answer, Call, Desk, away, download
from server.domain.documents import DOCUMENT_NAMES, DocumentKind
from server.domain.permissions import Permission as P
from server.domain.problems import Problem
from server.services import documents

desk = Desk("documents")
PAGE = 50
MEDIA = {"png": "image/png", "pdf": "application/pdf"}


class RevokeSheet(forms.Sheet):
    """Why a document no longer holds; whoever scans its code reads that it does not."""

    reason = forms.text("为什么作废", longest=200, rows=3)


@desk.page("/documents", permission=P.DOCUMENTS_ISSUE)
def list_documents(call: Call) -> Answer:
    """What the community has issued, the newest first."""
    where = places.chosen(call, P.DOCUMENTS_ISSUE)
    asked: dict[str, Any] = {name: call.args.get(name, "").strip()[:64] for name in ("q", "kind")}
    kind = DocumentKind(asked["kind"]) if asked["kind"] in list(DocumentKind) else None
    listed: dict[str, Any] = {"kind": kind, "serial": asked["q"], "after": call.args.get("after"), "limit": PAGE}
    rows, following = documents.page(call.session, community=where.here, actor=call.actor, **listed)
    further = url_for("console.documents_list_documents", at=where.here.public_id, after=following, **asked) if following else None
    return call.show("console/documents/list.html", places=where, rows=rows, asked=asked, further=further, kinds=DOCUMENT_NAMES)


@desk.page("/documents/<id>", permission=P.DOCUMENTS_ISSUE)
def show_document(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """What a document says, and its prints."""
    row = documents.readable(call.session, id, actor=call.actor)
    facts = documents.facts_of(call.session, row)
    return call.show("console/documents/show.html", row=row, facts=facts, kinds=DOCUMENT_NAMES)


@desk.page("/documents/<id>/prints", permission=P.DOCUMENTS_ISSUE)
def watch_prints(call: Call, id: str) -> Answer:  # noqa: A002
    """Are the prints ready? For the page that watches."""
    row = documents.readable(call.session, id, actor=call.actor)
    return call.part("console/documents/prints.html", row=row) if row.pdf is None else away(f"/console/documents/{id}")


@desk.page("/documents/<id>/<form>", permission=P.DOCUMENTS_ISSUE)
def download_print(call: Call, id: str, form: str) -> Answer:  # noqa: A002
    """The PNG or PDF."""
    row = documents.readable(call.session, id, actor=call.actor)
    if form not in MEDIA:
        raise Problem("NOT_FOUND")
    digest = getattr(row, form)
    if digest is None:
        return away(f"/console/documents/{id}")
    data = documents.open_print(call.session, row, "png" if form == "png" else "pdf", files.get(documents.AREA, digest))
    return download(data, MEDIA[form], f"{row.serial}.{form}")


@desk.form("/documents/<id>/revoke", permission=P.DOCUMENTS_ISSUE)
def revoke_document(call: Call, id: str) -> Answer:  # noqa: A002
    """Say that it no longer holds."""
    row = documents.readable(call.session, id, actor=call.actor)
    sheet = RevokeSheet(call.typed or None)
    if call.posted and sheet.validate():
        documents.revoke(call.session, row, reason=sheet.reason.data, actor=call.actor, now=call.now)
        return call.done(f"{row.serial} 已作废，扫码核验的人会看到", to=f"/console/documents/{id}")
    forms.blame(sheet, call.problem)
    return call.show("console/documents/revoke.html", 422 if call.posted else 200, row=row, sheet=sheet, kinds=DOCUMENT_NAMES)
