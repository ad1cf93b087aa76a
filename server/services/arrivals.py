"""Which community somebody arrives at: by the code he scanned there, or by name (docs/protocol.md §1, kind 1)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from qr.tokens import Kind
from server.db.models.orgs import OrgNode
from server.domain.problems import Problem
from server.services import codes, places


def community(session: Session, *, token: str | None, public_id: str | None, now: datetime) -> OrgNode:
    """The community of a scanned code or of an id, exactly one of them. Raises INVALID, NOT_FOUND, NOT_COMMUNITY, QR_…"""
    if (token is None) is (public_id is None):
        raise Problem("INVALID", fields={"community": "请扫社区的码或选择社区，二者填一个"})
    if public_id is not None:
        return places.community(session, public_id, now=now)
    code = codes.resolve(session, token or "", now).code
    if code.kind != Kind.COMMUNITY:
        raise Problem("QR_NOT_COMMUNITY")
    found = session.get_one(OrgNode, code.subject_id)
    return places.community(session, found.public_id, now=now)
