"""Comments of opened ballots: a person reads them before others do (docs/protocol.md §4).

They are never sent to WeChat's check, which asks for the writer. Who read one is not kept: that row would say when it was looked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from server.db import vault
from server.db.models.ballots import Ballot, Cell
from server.db.models.orgs import OrgNode
from server.domain.ballots import CommentState
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.services import ballot_pools, scopes
from server.services.ballot_openings import COMMENT

MOST = 100


@dataclass(frozen=True)
class Comment:
    """A comment under its random key."""

    key: str
    text: str


def waiting(session: Session, node: OrgNode, *, actor: Actor) -> list[Comment]:
    """Comments of a place's cells that nobody has read, at most 100, in the order of their keys, which is none. Raises NOT_FOUND."""
    scopes.require(session, actor, Permission.REVIEWS_HOLD, node.id)
    mine = select(Ballot.key, Ballot.comment).join(Cell, Cell.id == Ballot.cell_id).where(Cell.node_id == node.id)
    rows = session.execute(mine.where(Ballot.comment_state == CommentState.WAITING).order_by(Ballot.key).limit(MOST))
    return [Comment(row.key, vault.open_sealed(ballot_pools.SALT, COMMENT, row.key, row.comment)) for row in rows]


def decide(session: Session, key: str, *, show: bool, actor: Actor) -> None:
    """Let others read it, or not (a name, a door number, abuse); deciding again changes nothing else. Raises NOT_FOUND, STALE."""
    node_id = session.execute(select(Cell.node_id).join(Ballot, Ballot.cell_id == Cell.id).where(Ballot.key == key)).scalar()
    if node_id is None:
        raise Problem("NOT_FOUND")
    scopes.require(session, actor, Permission.REVIEWS_HOLD, node_id)
    decided = update(Ballot).where(Ballot.key == key, Ballot.comment_state == CommentState.WAITING)
    values = {"comment_state": CommentState.SHOWN if show else CommentState.HIDDEN}
    done: Any = session.execute(decided.values(**values).execution_options(synchronize_session=False))
    if done.rowcount != 1:
        raise Problem("STALE")


def shown(session: Session, cells: tuple[int, ...]) -> list[str]:
    """What may be read of a published group, in the order of random keys."""
    mine = select(Ballot.key, Ballot.comment).where(Ballot.cell_id.in_(cells), Ballot.comment_state == CommentState.SHOWN)
    rows = session.execute(mine.order_by(Ballot.key))
    return [vault.open_sealed(ballot_pools.SALT, COMMENT, row.key, row.comment) for row in rows]


def shown_of(session: Session, groups: Sequence[tuple[int, ...]]) -> list[list[str]]:
    """`shown` of several groups, in one statement."""
    cells = [cell for group in groups for cell in group]
    mine = select(Ballot.key, Ballot.comment, Ballot.cell_id).where(Ballot.cell_id.in_(cells), Ballot.comment_state == CommentState.SHOWN)
    rows = session.execute(mine.order_by(Ballot.key)).all() if cells else []
    said = [(row.cell_id, vault.open_sealed(ballot_pools.SALT, COMMENT, row.key, row.comment)) for row in rows]
    return [[words for cell, words in said if cell in group] for group in groups]
