"""Sealing everything anew after a rotation of the field keys, some rows at a time (row G7; docs/operations.md).

The kid stands in the third byte of a sealed value, so what still has to be done is a question to the database: a run that was killed is
simply started again. Printed documents are dropped and printed again from their resealed facts. Tokens of ballots lie sealed in Redis.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary, func, inspect, literal, select, update
from sqlalchemy.orm import Session

from server import defer
from server.db import keys, vault
from server.db.models.ballots import Ballot, Envelope
from server.db.models.care import CarePlan, CareVisit
from server.db.models.checkins import ServiceRecord
from server.db.models.feedbacks import Feedback
from server.db.models.handling import Mediation, RequestExtension, RequestVisit
from server.db.models.orgs import Unit
from server.db.models.people import BindingRequest, Person, StaffLogin
from server.db.models.platform import IdempotencyKey
from server.db.models.registrations import Document, MemberRegistration, Transfer, UnitRegistration
from server.db.models.requests import Request, RequestOffer, RequestSupplement
from server.db.models.reviews import ReviewPanel
from server.db.models.rosters import RosterEntry
from server.db.models.tasks import Claim
from server.db.models.wishes import Wish
from server.services import ballot_pools, idempotency

SOME = 200


@dataclass(frozen=True)
class Column:
    """A sealed column: its model and name, the salt it is sealed under, what names the row under the seal.

    The salt is bytes of its own, or that of a model: of this one, or of the one that the foreign key `by` leads to.
    """

    model: Any
    name: str
    salt: Any
    by: str = ""
    called: str = "public_id"

    @property
    def where(self) -> str:
        """Its name as the seal has it."""
        return f"{self.model.__tablename__}.{self.name}"


COLUMNS = (
    Column(Person, "name", Person),
    Column(Person, "phone", Person),
    Column(StaffLogin, "totp_secret", Person, "person_id", called="login"),
    Column(Unit, "contact_name", Unit),
    Column(Unit, "contact_phone", Unit),
    Column(RosterEntry, "name", RosterEntry),
    Column(RosterEntry, "phone", RosterEntry),
    Column(BindingRequest, "claimed_name", Person, "person_id"),
    Column(BindingRequest, "claimed_unit", Person, "person_id"),
    Column(BindingRequest, "note", Person, "person_id"),
    Column(MemberRegistration, "address", Person, "person_id"),
    Column(UnitRegistration, "leader", Unit, "unit_id"),
    Column(UnitRegistration, "liaison", Unit, "unit_id"),
    Column(ServiceRecord, "report", Person, "person_id"),
    Column(ServiceRecord, "dispute", Person, "person_id"),
    Column(Claim, "excuse", Person, "person_id"),
    Column(Transfer, "note", Person, "person_id"),
    Column(Document, "facts", Person, "person_id"),
    Column(Document, "facts", Unit, "unit_id"),
    Column(IdempotencyKey, "body", idempotency.SALT, called="key"),
    Column(Request, "content", Request),
    Column(Request, "place", Request),
    Column(Request, "result", Request),
    Column(Request, "withdraw_reason", Request),
    Column(Request, "pause_reason", Request),
    Column(RequestExtension, "reason", Request, "request_id"),
    Column(RequestOffer, "excuse", Person, "answered_by_id"),
    Column(RequestSupplement, "text", Request, "request_id"),
    Column(RequestVisit, "note", Request, "request_id"),
    Column(Mediation, "parties", Mediation),
    Column(Mediation, "result", Mediation),
    Column(CarePlan, "what", CarePlan),
    Column(CareVisit, "note", CarePlan, "plan_id"),
    Column(Feedback, "content", Person, "author_id"),
    Column(Feedback, "reply", Person, "author_id"),
    Column(Wish, "visit_note", Person, "person_id"),
    Column(ReviewPanel, "sealed_seed", ReviewPanel),
    Column(ReviewPanel, "minutes_text", ReviewPanel),
    Column(Envelope, "body", ballot_pools.SALT, called="token_hash"),
    Column(Ballot, "comment", ballot_pools.SALT, called="key"),
)


def waiting(session: Session) -> int:
    """How many values are sealed with another key than the one in use. Raises RedisError."""
    kid = _in_use()
    return sum(_count(session, column, lambda box: _kid_of(box) != kid) for column in COLUMNS) + ballot_pools.sealed(lambda one: one != kid)


def sealed_with(session: Session, kid: int) -> int:
    """How many values still need this key. Raises RedisError."""
    key = bytes([kid])
    return sum(_count(session, column, lambda box: _kid_of(box) == key) for column in COLUMNS) + ballot_pools.sealed(lambda one: one == key)


def some(session: Session, *, now: datetime) -> int:
    """Seal some 200 values anew; how many, 0 when nothing is left. Raises RedisError."""
    kid = _in_use()
    for column in COLUMNS:
        rows = session.execute(_values(column, lambda box: _kid_of(box) != kid).limit(SOME)).all()
        for row in rows:
            _reseal(session, column, row, now=now)
        if rows:
            return len(rows)
    return ballot_pools.reseal(lambda one: one != kid)


def _in_use() -> bytes:
    return bytes([keys.signing(vault.current().rings["fields"]).kid])


def _values(column: Column, condition: Callable[[Any], Any]) -> Any:
    """(what names the row under the seal, sealed value, salt, primary key …) of the rows that meet the condition on the value."""
    model, own = column.model, isinstance(column.salt, bytes)
    box = getattr(model, column.name)
    salt = literal(column.salt, LargeBinary) if own else column.salt.salt
    query = select(getattr(model, column.called), box, salt, *inspect(model).primary_key).where(box.is_not(None), condition(box))
    if not own:
        query = query.where(salt.is_not(None))
    return query.join(column.salt, column.salt.id == getattr(model, column.by)) if column.by else query


def _count(session: Session, column: Column, condition: Callable[[Any], Any]) -> int:
    return int(session.execute(_values(column, condition).with_only_columns(func.count(), maintain_column_froms=True)).scalar_one())


def _reseal(session: Session, column: Column, row: Any, *, now: datetime) -> None:
    """Guarded by the value that was read: what somebody wrote meanwhile is newer and stays."""
    name, box, salt, *key = row
    model = column.model
    changes: dict[str, Any] = {column.name: vault.seal(salt, column.where, name, vault.open_sealed(salt, column.where, name, box))}
    if model is Document:
        changes |= {"png": None, "pdf": None}
        defer.defer(session, "documents.render", now=now, document_id=key[0])
    mine = [part == value for part, value in zip(inspect(model).primary_key, key, strict=True)]
    written = update(model).where(*mine, getattr(model, column.name) == box).values(**changes)
    session.execute(written.execution_options(synchronize_session=False))


def _kid_of(box: Any) -> Any:
    return func.substr(box, vault.HEADER, 1)
