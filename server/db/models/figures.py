"""Figures as they are shown (docs/rules.md §4): recomputed by a job for all places of a period, so that no page counts records."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from server.db.base import Base
from server.db.types import big, json_map, pk, ref, short, utc


class FigureEdition(Base):
    """The figures of one period, for every place and unit: as of which day, by which rules, made when; asked for again when."""

    __tablename__ = "figure_edition"
    __table_args__ = (Index("uq_figure_edition_period_starts_on", "period", "starts_on", unique=True),)

    id: Mapped[pk]
    period: Mapped[str] = mapped_column(String(8), comment="month | quarter | year")
    starts_on: Mapped[date]
    as_of: Mapped[date | None] = mapped_column(comment="the day of the denominators: the period's last, or the day it was made")
    rule_version: Mapped[short]
    asked_at: Mapped[utc]
    made_at: Mapped[utc | None]


class FigureRow(Base):
    """The counts of a scope: by indicator, numerator and denominator (a count alone has one number)."""

    __tablename__ = "figure_row"
    __table_args__ = (Index("uq_figure_row_key", "edition_id", "scope", "scope_id", unique=True),)

    id: Mapped[pk]
    edition_id: Mapped[int] = ref("figure_edition.id")
    scope: Mapped[str] = mapped_column(String(8), comment="unit | node")
    scope_id: Mapped[big]
    counts: Mapped[json_map]
