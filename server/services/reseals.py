"""Sealing everything anew after a rotation of the field keys, some rows at a time (row G7; docs/operations.md).

The kid stands in the third byte of a sealed value, so what still has to be done is a question to the database: a run that was killed is
simply started again. Printed documents are dropped and printed again from their resealed facts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, select, update
from sqlalchemy.orm import Session

from server import defer
from server.db import keys, vault
from server.db.models.checkins import ServiceRecord
from server.db.models.orgs import Unit
from server.db.models.people import BindingRequest, Person
from server.db.models.platform import IdempotencyKey
from server.db.models.registrations import Document, MemberRegistration, UnitRegistration
from server.db.models.rosters import RosterEntry
from server.services import idempotency

SOME = 200


@dataclass(frozen=True)
class Column:
    """A sealed column: its model, its name, and whose salt it is sealed under."""

    model: Any
    name: str
    owner: Any

    @property
    def where(self) -> str:
        """Its name as the seal has it."""
        return f"{self.model.__tablename__}.{self.name}"


# The owner is the model whose salt seals the column: itself, or the one its foreign key leads to; None: the answers' own salt.
COLUMNS = (
    Column(Person, "name", Person),
    Column(Person, "phone", Person),
    Column(Unit, "contact_name", Unit),
    Column(Unit, "contact_phone", Unit),
    Column(RosterEntry, "name", RosterEntry),
    Column(RosterEntry, "phone", RosterEntry),
    Column(BindingRequest, "claimed_name", Person),
    Column(BindingRequest, "claimed_unit", Person),
    Column(BindingRequest, "note", Person),
    Column(MemberRegistration, "address", Person),
    Column(UnitRegistration, "leader", Unit),
    Column(UnitRegistration, "liaison", Unit),
    Column(ServiceRecord, "report", Person),
    Column(Document, "facts", Person),
    Column(Document, "facts", Unit),
    Column(IdempotencyKey, "body", None),
)


def waiting(session: Session) -> int:
    """How many values are sealed with another key than the one in use."""
    return sum(_count(session, column, _not(keys.signing(vault.current().rings["fields"]).kid)) for column in COLUMNS)


def sealed_with(session: Session, kid: int) -> int:
    """How many values still need this key."""
    return sum(_count(session, column, lambda box: _kid_of(box) == literal(bytes([kid]))) for column in COLUMNS)


def some(session: Session, *, now: datetime) -> int:
    """Seal up to 200 values anew; how many, 0 when nothing is left."""
    stale = _not(keys.signing(vault.current().rings["fields"]).kid)
    for column in COLUMNS:
        rows = session.execute(_query(column, stale).limit(SOME)).all()
        if rows:
            for key, public_id, box, salt in rows:
                fresh = vault.seal(salt, column.where, public_id, vault.open_sealed(salt, column.where, public_id, box))
                _write(session, column, key, public_id, fresh, now=now)
            return len(rows)
    return 0


def _query(column: Column, condition: Any) -> Any:
    """(key, name under the seal, sealed value, salt) of the rows that meet the condition on the value."""
    model = column.model
    box = getattr(model, column.name)
    if column.owner is None:
        return select(IdempotencyKey.actor, IdempotencyKey.key, box, literal(idempotency.SALT)).where(condition(box))
    salt = column.owner.salt
    query = select(model.id, model.public_id, box, salt).where(box.is_not(None), condition(box), salt.is_not(None))
    if column.owner is model:
        return query
    return query.join(column.owner, column.owner.id == (model.person_id if column.owner is Person else model.unit_id))


def _count(session: Session, column: Column, condition: Any) -> int:
    return int(session.execute(select(func.count()).select_from(_query(column, condition).subquery())).scalar_one())


def _write(session: Session, column: Column, key: Any, public_id: str, fresh: bytes, *, now: datetime) -> None:
    model = column.model
    if column.owner is None:
        mine: ColumnElement[bool] = and_(IdempotencyKey.actor == key, IdempotencyKey.key == public_id)
    else:
        mine = model.id == key
    changes: dict[str, Any] = {column.name: fresh}
    if model is Document:
        changes |= {"png": None, "pdf": None}
        defer.defer(session, "documents.render", now=now, document_id=key)
    session.execute(update(model).where(mine).values(**changes).execution_options(synchronize_session=False))


def _kid_of(box: Any) -> Any:
    return func.substr(box, 3, 1)


def _not(kid: int) -> Any:
    return lambda box: _kid_of(box) != literal(bytes([kid]))
