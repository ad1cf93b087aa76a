"""What PostgreSQL and SQLite say differently: inserts that may meet a row, and one worker at a time."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import ColumnElement, Row, Table, and_, any_, func, literal, select, text, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from server.db.base import Base

Model = type[Base]
SQLITE_ROWS = 2000  # keys in one statement: five columns of each stay below SQLite's limit of bound values


def on_postgres(session: Session) -> bool:
    """True on PostgreSQL."""
    return session.get_bind().dialect.name == "postgresql"


def put_rows(session: Session, model: Model, rows: Sequence[Mapping[str, Any]], *, key: Sequence[str], values: Sequence[str]) -> None:
    """Insert `rows`; where `key` meets a row, set its `values` to the new ones. One prepared statement for all rows."""
    if not rows:
        return
    made = _insert(session, model)
    changes = {name: made.excluded[name] for name in values}
    session.execute(made.on_conflict_do_update(index_elements=key, set_=changes), list(rows))


def rows_at(session: Session, model: Model, key: Sequence[str], wanted: Sequence[tuple[Any, ...]]) -> list[Row[Any]]:
    """The rows of `model` whose `key` columns are one of `wanted`, by the key's index; PostgreSQL gets an array a column."""
    table = cast(Table, model.__table__)
    columns = [table.c[name] for name in key]
    if not wanted:
        return []
    if on_postgres(session):
        arrays = [literal(list(part), ARRAY(column.type)) for column, part in zip(columns, zip(*wanted, strict=True), strict=True)]
        given = func.unnest(*arrays).table_valued(*key, name="wanted").render_derived()
        match = and_(*(column == given.c[column.name] for column in columns))
        return list(session.execute(select(table).join(given, match)))
    found: list[Row[Any]] = []
    for start in range(0, len(wanted), SQLITE_ROWS):
        found += session.execute(select(table).where(tuple_(*columns).in_(wanted[start : start + SQLITE_ROWS])))
    return found


def among(session: Session, column: Any, wanted: Collection[int]) -> ColumnElement[bool]:
    """A WHERE condition: the column is one of these; PostgreSQL gets them as one value, so it is the same statement however many."""
    if on_postgres(session):
        return cast(ColumnElement[bool], column == any_(literal(list(wanted), ARRAY(column.type))))
    return cast(ColumnElement[bool], column.in_(wanted))


def insert_new(session: Session, model: Model, row: Mapping[str, Any], *, key: Sequence[str]) -> int | None:
    """Insert one row unless `key` is taken; returns its id, None when it was there already."""
    made = _insert(session, model).values(**row).on_conflict_do_nothing(index_elements=key).returning(model.__table__.c.id)
    return session.execute(made).scalar()


def one_at_a_time(session: Session, what: str) -> None:
    """Wait until no other transaction does `what`; let go at its end. On SQLite transaction() has the only writer already."""
    if on_postgres(session):
        session.execute(select(func.pg_advisory_xact_lock(zlib.crc32(f"gongjian/{what}".encode()))))


def hold_still(session: Session, table: str) -> None:
    """Wait for the open writers of the named table and let no new one begin before this transaction ends."""
    if on_postgres(session):
        session.execute(text(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))


def one_moment(session: Session) -> None:
    """Let every statement of this fresh session see the same moment. SQLite's read transactions do so by themselves."""
    if on_postgres(session):
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def _insert(session: Session, model: Model) -> Any:
    return postgresql.insert(model) if on_postgres(session) else sqlite.insert(model)
