"""The same write sent twice gets the same answer (house law 6). Keys live 7 days; a sweep deletes older ones."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from server.db import vault
from server.db.models.platform import IdempotencyKey
from server.domain.problems import Problem

KEPT = timedelta(days=7)
SALT = b"gongjian idempotency answers v1."  # one subject: answers are deleted as rows, not by key


@dataclass(frozen=True)
class Answer:
    """A stored HTTP answer."""

    status: int
    body: bytes


def request_hash(method: str, path: str, body: bytes) -> str:
    """SHA-256 over what was asked."""
    return hashlib.sha256(b"\0".join((method.encode(), path.encode(), body))).hexdigest()


def recall(session: Session, *, actor: str, key: str, asked: str) -> Answer | None:
    """The first answer to this key. Raises IDEMPOTENCY_KEY_REUSED when it was for another request."""
    row = session.execute(
        select(IdempotencyKey.request_hash, IdempotencyKey.status, IdempotencyKey.body).where(
            IdempotencyKey.actor == actor, IdempotencyKey.key == key
        )
    ).first()
    if row is None:
        return None
    if row.request_hash != asked:
        raise Problem("IDEMPOTENCY_KEY_REUSED")
    return Answer(row.status, vault.open_sealed(SALT, "idempotency_key.body", key, row.body).encode())


def remember(session: Session, *, actor: str, key: str, asked: str, answer: Answer, now: datetime) -> None:
    """Keep the answer. Raises IntegrityError when the same key is being answered at this moment: recall it then."""
    sealed = vault.seal(SALT, "idempotency_key.body", key, answer.body.decode())
    session.execute(
        insert(IdempotencyKey).values(actor=actor, key=key, request_hash=asked, status=answer.status, body=sealed, created_at=now)
    )


def prune(session: Session, *, now: datetime) -> int:
    """Delete keys older than 7 days; returns how many."""
    result = session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < now - KEPT))
    return int(result.rowcount)  # type: ignore[attr-defined]
