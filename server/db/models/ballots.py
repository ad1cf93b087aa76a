"""评分: secret ratings of a cell (community × handling unit × quarter) by tokens of a pool (docs/protocol.md §4).

These tables hold no person, no request, no session, no time finer than a day, no order: their keys are random. A schema test lists the
columns that are allowed.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import Index, LargeBinary, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from server.db.base import Base
from server.db.types import json_list, pk, public_id, ref, short


class Cell(Base):
    """One rated unit of one community in one quarter."""

    __tablename__ = "ballot_cell"
    __table_args__ = (Index("uq_ballot_cell_key", "community_id", "unit_id", "quarter", unique=True),)

    id: Mapped[pk]
    public_id: Mapped[public_id]
    community_id: Mapped[int] = ref("org_node.id")
    unit_id: Mapped[int] = ref("unit.id", comment="a community's own doing has its own unit row")
    quarter: Mapped[date] = mapped_column(comment="its first day")
    closed_on: Mapped[date | None]


class PoolToken(Base):
    """The hash of a token made beforehand and shuffled; its plain text is in Redis alone until it is drawn."""

    __tablename__ = "ballot_pool"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    cell_id: Mapped[int] = ref("ballot_cell.id", index=True)


class Issued(Base):
    """That a token was fetched for a finished round; not which one."""

    __tablename__ = "ballot_issued"

    request_id: Mapped[int] = mapped_column(primary_key=True)
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
    contacted: Mapped[bool]
    solved: Mapped[bool]
    satisfaction: Mapped[short]
    tags: Mapped[json_list]
    comment: Mapped[bytes | None] = mapped_column(LargeBinary)
    comment_state: Mapped[str] = mapped_column(String(16))
    opened_on: Mapped[date]
