"""Statements compiled once and handed to PostgreSQL's driver as they are: for the three that a check-in is made of, and no others.

Executing a Core statement costs some 60 µs of Python each time, whatever it does; together that was a fifth of a scan
(docs/benchmarks.md). On SQLite Core executes them, so both databases are asked the same.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

Process = Callable[[Any], Any]


@dataclass(frozen=True)
class _Ready:
    """A statement in PostgreSQL's words: its text, its constants, and what each parameter and each column passes through."""

    text: str
    constants: Mapping[str, Any]
    given: Sequence[tuple[str, Process | None]]
    row: Any
    columns: Sequence[tuple[int, Process]]


class Prebuilt:
    """A statement on tables with named parameters that returns rows; it runs in the session's transaction."""

    def __init__(self, statement: Any) -> None:
        self.statement = statement
        self._ready: _Ready | None = None

    def rows(self, session: Session, given: Mapping[str, Any]) -> Sequence[Any]:
        """All rows, their columns as attributes. Raises what Core would raise."""
        connection = session.connection()
        if connection.dialect.name != "postgresql":
            return connection.execute(self.statement, given).all()
        if self._ready is None:
            self._ready = _compiled(self.statement, connection.dialect)
        driver: Any = connection.connection.dbapi_connection
        return _run(driver, self._ready, given, connection.dialect)


def _run(driver: Any, ready: _Ready, given: Mapping[str, Any], dialect: Dialect) -> Sequence[Any]:
    bound = {name: given[name] if process is None else process(given[name]) for name, process in ready.given}
    try:
        found = driver.execute(ready.text, {**ready.constants, **bound}).fetchall()
    except psycopg.Error as error:
        raise DBAPIError.instance(ready.text, None, error, psycopg.Error, hide_parameters=True, dialect=dialect) from error
    return [_row(ready, values) for values in found]


def _row(ready: _Ready, values: Sequence[Any]) -> Any:
    told = list(values)
    for place, process in ready.columns:
        told[place] = process(told[place])
    return ready.row._make(told)


def _compiled(statement: Any, dialect: Dialect) -> _Ready:
    made = statement.compile(dialect=dialect)
    binds = {name: (bind, bind.type.dialect_impl(dialect).bind_processor(dialect)) for bind, name in made.bind_names.items()}
    columns = list(statement.exported_columns)
    out = [(place, column.type.dialect_impl(dialect).result_processor(dialect, None)) for place, column in enumerate(columns)]
    return _Ready(
        text=str(made),
        constants={name: process(bind.value) if process else bind.value for name, (bind, process) in binds.items() if not bind.required},
        given=[(name, process) for name, (bind, process) in binds.items() if bind.required],
        row=namedtuple("Row", [column.key for column in columns]),
        columns=[(place, process) for place, process in out if process is not None],
    )
