"""The three lists of requests that everybody scrolls: the community's open queue, a county's by category and state, one's own.

Each page is an index scan of its own length, however many requests there are: `make bench-lists` holds it (docs/benchmarks.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, TextClause, select, tuple_
from sqlalchemy.orm import Session

from server.db.models.orgs import OrgNode
from server.db.models.requests import BY_PROXY, STILL_OPEN, Request
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.requests import RequestState
from server.services import request_gists, scopes

Listed = tuple[list[Request], str | None]


def queue(session: Session, *, community: OrgNode, actor: Actor, after: str | None, limit: int) -> Listed:
    """What is open in a community, the nearest date first; what waits for its resident (no date) comes last.

    Raises NOT_FOUND out of scope, INVALID for a cursor that is none.
    """
    scopes.require(session, actor, Permission.REQUESTS_READ, community.id)
    return nearest(session, select(Request).where(Request.community_id == community.id, STILL_OPEN), after, limit)


def nearest(session: Session, here: Select[*tuple[Any, ...]], after: str | None, limit: int) -> tuple[list[Any], str | None]:
    """Open ones, the nearest date first, those without a date last: whole requests, or the columns that `here` selects."""
    last = _cursor(session, after)
    rows: list[Any] = []
    if last is None or last.due_at is not None:
        rows = _dated(session, here, last, limit + 1)
    if len(rows) <= limit:
        begin = last.id if last is not None and last.due_at is None else 0
        undated = here.where(Request.due_at.is_(None), Request.id > begin).order_by(Request.id)
        rows += _rows(session, undated.limit(limit + 1 - len(rows)))
    return _cut(rows, limit)


def of_county(
    session: Session, *, node: OrgNode, category: str, state: RequestState, actor: Actor, after: str | None, limit: int
) -> Listed:
    """One category in one state below the node, the last sent first, for street and county; no drafts. Raises NOT_FOUND, INVALID."""
    scopes.require(session, actor, Permission.REQUESTS_ESCALATED, node.id)
    wanted = (
        select(Request)
        .options(request_gists.WITH_SPOKEN)
        .where(Request.category == category, Request.state == state, Request.submitted_at.is_not(None))
    )
    if node.parent_id is not None:  # the county's own list is the whole database's (decision "Scope")
        wanted = wanted.where(Request.community_id.in_(select(OrgNode.id).where(OrgNode.path.startswith(node.path, autoescape=True))))
    return newest(session, wanted, after, limit)


def own(session: Session, *, actor: Actor, after: str | None, limit: int) -> Listed:
    """What the person entered or what was entered for him, newest first; not the drafts of others. Raises INVALID."""
    last = _cursor(session, after)
    entered = (Request.author_id == actor.id,)
    by_proxy = (Request.asked_for_id == actor.id, BY_PROXY, Request.state != RequestState.DRAFT)
    rows = [row for which in (entered, by_proxy) for row in session.execute(_newest(which, last, limit + 1)).scalars()]
    return _cut(sorted(rows, key=lambda row: -row.id)[: limit + 1], limit)


def newest(session: Session, wanted: Select[*tuple[Any, ...]], after: str | None, limit: int) -> tuple[list[Any], str | None]:
    """The last sent first: whole requests, or the columns that are selected. Raises INVALID for a cursor that is none."""
    last = _cursor(session, after)
    if last is not None:
        wanted = wanted.where(tuple_(Request.submitted_at, Request.id) < (last.submitted_at, last.id))
    sorted_ = wanted.order_by(Request.submitted_at.desc(), Request.id.desc())
    return _cut(_rows(session, sorted_.limit(limit + 1)), limit)


def _dated(session: Session, here: Select[*tuple[Any, ...]], last: Row[Any, Any, Any] | None, count: int) -> list[Any]:
    dated = here.where(Request.due_at.is_not(None))
    if last is not None:
        dated = dated.where(tuple_(Request.due_at, Request.id) > (last.due_at, last.id))
    return _rows(session, dated.order_by(Request.due_at, Request.id).limit(count))


def _rows(session: Session, wanted: Select[*tuple[Any, ...]]) -> list[Any]:
    found = session.execute(wanted)
    return list(found.scalars() if len(found.keys()) == 1 else found)


def _newest(which: Sequence[ColumnElement[bool] | TextClause], last: Row[Any, Any, Any] | None, count: int) -> Select[Request]:
    """At most a page by one index, however many requests he has."""
    behind = [Request.id < last.id] if last is not None else []
    return select(Request).where(*which, *behind).order_by(Request.id.desc()).limit(count)


def _cursor(session: Session, after: str | None) -> Row[Any, Any, Any] | None:
    """Where the cursor's row stands in each list."""
    if after is None:
        return None
    row = session.execute(select(Request.id, Request.due_at, Request.submitted_at).where(Request.public_id == after)).one_or_none()
    if row is None:
        raise Problem("INVALID", fields={"after": "翻页位置已失效，请回到第一页"})
    return row


def _cut(rows: Sequence[Any], limit: int) -> tuple[list[Any], str | None]:
    return list(rows[:limit]), rows[limit - 1].public_id if len(rows) > limit else None
