"""Keyset paging: the cursor is the public id of the last row of a page, so it tells nothing and survives new rows."""

from __future__ import annotations

from typing import Any, TypeVarTuple

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from server.domain.problems import Problem

Ts = TypeVarTuple("Ts")


def page(
    session: Session, wanted: Select[*Ts], model: Any, *, after: str | None, limit: int, newest_first: bool = False
) -> tuple[list[Row[*Ts]], str | None]:
    """At most `limit` rows of `wanted` in the order of their ids, and the next `after` (None: the end).

    `wanted` selects `model` first, or else its `public_id` among the columns.

    Raises INVALID for a cursor that is none.
    """
    if after is not None:
        last = session.execute(select(model.id).where(model.public_id == after)).scalar()
        if last is None:
            raise Problem("INVALID", fields={"after": "翻页位置已失效，请回到第一页"})
        wanted = wanted.where(model.id < last if newest_first else model.id > last)
    order = model.id.desc() if newest_first else model.id
    rows = list(session.execute(wanted.order_by(order).limit(limit + 1)).all())
    more = len(rows) > limit
    return rows[:limit], _cursor(rows[limit - 1], model) if more else None


def _cursor(row: Any, model: Any) -> str:
    """Of the row's own subject, whatever other public ids stand beside it."""
    subject: Any = row[0] if isinstance(row[0], model) else row
    return str(subject.public_id)
