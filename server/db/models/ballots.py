"""评分: secret ratings of a cell (community × handling unit × quarter) by tokens of a pool (docs/protocol.md §4).

But for `ballot_issued` these tables hold no person, no request, no session, no time finer than a day, no order: their keys are random. A
schema test lists the columns that are allowed. Row order on disk is drawn by lot too (server/services/ballot_openings.py).
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, LargeBinary, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from server.db.base import Base
from server.db.types import enum_type, json_list, maybe_ref, pk, public_id, ref
from server.domain.ballots import CellKind, Channel, CommentState, Satisfaction


class Cell(Base):
    """One rated unit (or the community's own doing) of one quarter, a place where small ones are gathered, or a panel's vote."""

    __tablename__ = "ballot_cell"
    __table_args__ = (CheckConstraint("(kind = 'unit') = (unit_id IS NOT NULL)", name="unit_cell_has_unit"),)

    id: Mapped[pk]
    public_id: Mapped[public_id]
    key: Mapped[str] = mapped_column(String(80), unique=True, comment="kind, place, unit or panel, quarter")
    kind: Mapped[CellKind] = mapped_column(enum_type(CellKind))
    node_id: Mapped[int] = ref("org_node.id", index=True, comment="the community, or the street for what is merged there")
    unit_id: Mapped[int | None] = maybe_ref("unit.id")
    quarter: Mapped[date] = mapped_column(index=True, comment="its first day")
    opened_on: Mapped[date | None] = mapped_column(comment="at most one batch a day")
    closed_on: Mapped[date | None]


class PoolToken(Base):
    """The hash of a token made beforehand and shuffled; the token is in Redis alone, sealed, until it is drawn."""

    __tablename__ = "ballot_pool"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    cell_id: Mapped[int] = ref("ballot_cell.id", index=True)


class Issued(Base):
    """That a token was fetched for a finished round; not which one."""

    __tablename__ = "ballot_issued"

    request_id: Mapped[int] = ref("request.id", primary_key=True)
    round: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    on_day: Mapped[date]


class Envelope(Base):
    """A sealed ballot that waits to be opened with at least four others."""

    __tablename__ = "ballot_envelope"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    cell_id: Mapped[int] = ref("ballot_cell.id", index=True)
    body: Mapped[bytes] = mapped_column(LargeBinary, comment="fixed size, sealed on arrival")


class SpentToken(Base):
    """A token whose ballot was opened; kept apart from what it said."""

    __tablename__ = "ballot_spent"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)


class Ballot(Base):
    """What was said, under a random key, with the day of the opening."""

    __tablename__ = "ballot"

    key: Mapped[str] = mapped_column(String(32), primary_key=True)
    cell_id: Mapped[int] = ref("ballot_cell.id", index=True)
    channel: Mapped[Channel] = mapped_column(enum_type(Channel))
    contacted: Mapped[bool]
    solved: Mapped[bool]
    satisfaction: Mapped[Satisfaction] = mapped_column(enum_type(Satisfaction))
    tags: Mapped[json_list]
    comment: Mapped[bytes | None] = mapped_column(LargeBinary, comment="sealed under the key of ballots")
    comment_state: Mapped[CommentState] = mapped_column(enum_type(CommentState))
    opened_on: Mapped[date]
