"""What every table must be: documented, without floats, with aware times, named as the conventions say."""

from __future__ import annotations

import inspect

import pytest
from sqlalchemy import DateTime, Enum, Float, Numeric, Table

from server.db.base import Base
from server.dev.documents import data_model

MODELS = sorted((model for models in data_model.modules().values() for model in models), key=lambda model: model.__tablename__)
every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__tablename__)


@every_model
def test_a_model_says_what_it_is(model: type[Base]) -> None:
    """Dataclass-like docstrings that SQLAlchemy makes up do not count."""
    assert (inspect.getdoc(model) or "") != (inspect.getdoc(Base) or "")


@every_model
def test_no_column_is_a_float(model: type[Base]) -> None:
    assert not [column.name for column in table_of(model).columns if isinstance(column.type, Float | Numeric)]


@every_model
def test_every_time_is_aware(model: type[Base]) -> None:
    naive = [column.name for column in table_of(model).columns if isinstance(column.type, DateTime)]
    assert not naive, "use `utc`"


@every_model
def test_enums_are_short_text_with_a_check(model: type[Base]) -> None:
    enums = [column.type for column in table_of(model).columns if isinstance(column.type, Enum)]
    assert all(not kind.native_enum and kind.create_constraint for kind in enums)


@every_model
def test_what_is_sealed_is_no_index(model: type[Base]) -> None:
    """A ciphertext differs every time; what must be found has a hash beside it."""
    indexed = {column.name for index in table_of(model).indexes for column in index.columns}
    sealed = {column.name for column in table_of(model).columns if data_model.kind(column.type) == "sealed"}
    assert not indexed & sealed


@every_model
def test_a_state_has_its_version(model: type[Base]) -> None:
    """Where a row moves by a table of transitions, a stale screen must be noticed."""
    columns = table_of(model).columns
    moves = "state" in columns and model.__tablename__ not in ("person", "media", "roster_entry")
    assert not moves or "version" in columns


def test_the_document_knows_every_subject() -> None:
    assert all(f"{{{name}}}" in data_model.TEMPLATE for name in data_model.modules())


def table_of(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table
