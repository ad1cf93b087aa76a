"""Tallies: folded from append-only contributions, each exactly once (mission row F1, house law 3)."""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from server.db.base import Base
from server.db.types import big, maybe_ref, pk, ref, short, utc

WAITING = text("folded_at IS NULL")


class Contribution(Base):
    """What one decision adds to (or takes from) the figures. Unique by (source, key): the same decision never counts twice."""

    __tablename__ = "contribution"
    __table_args__ = (
        Index("uq_contribution_source_key", "source", "key", unique=True),
        Index("ix_contribution_waiting", "id", sqlite_where=WAITING, postgresql_where=WAITING),
    )

    id: Mapped[pk]
    source: Mapped[short]
    key: Mapped[short]
    record_id: Mapped[int] = ref("service_record.id", index=True)
    person_id: Mapped[int] = ref("person.id")
    community_id: Mapped[int] = ref("org_node.id")
    grid_id: Mapped[int | None] = maybe_ref("org_node.id")
    unit_id: Mapped[int | None] = maybe_ref("unit.id")
    day: Mapped[date]
    visits: Mapped[int]
    minutes: Mapped[int]
    at: Mapped[utc]
    folded_at: Mapped[utc | None]


class Tally(Base):
    """Visits (服务人次), minutes (服务时长) and heads (参与人数) of a scope in a period. Scope: person, unit, or a node of the tree."""

    __tablename__ = "tally"
    __table_args__ = (
        Index("uq_tally_key", "scope", "scope_id", "period", "starts_on", unique=True),
        CheckConstraint("visits >= 0 AND minutes >= 0 AND heads >= 0", name="not_negative"),
    )

    id: Mapped[pk]
    scope: Mapped[str] = mapped_column(String(8), comment="person | unit | node")
    scope_id: Mapped[big]
    period: Mapped[str] = mapped_column(String(8), comment="month | quarter | year")
    starts_on: Mapped[date]
    visits: Mapped[int]
    minutes: Mapped[int]
    heads: Mapped[int]


class TallyHead(Base):
    """How often, and for how many minutes, one person appears under a tally key: a head counts when visits go 0→1, leaves at 1→0."""

    __tablename__ = "tally_head"
    __table_args__ = (
        Index("uq_tally_head_key", "scope", "scope_id", "period", "starts_on", "person_id", unique=True),
        CheckConstraint("visits >= 0 AND minutes >= 0", name="not_negative"),
    )

    id: Mapped[pk]
    scope: Mapped[str] = mapped_column(String(8))
    scope_id: Mapped[big]
    period: Mapped[str] = mapped_column(String(8))
    starts_on: Mapped[date]
    person_id: Mapped[int] = ref("person.id")
    visits: Mapped[int]
    minutes: Mapped[int] = mapped_column(default=0)
