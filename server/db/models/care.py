"""Recurring care: who is visited how often by whom, what came of each visit, whom a missed series alarmed."""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from server.db.base import Base
from server.db.types import enum_type, maybe_ref, pk, public_id, ref, sealed, utc
from server.domain.handling import CarePlanState, CareVisitState

ACTIVE = text("state = 'active'")


class CarePlan(Base):
    """A person is visited every so many days by somebody who said yes; handed over, the next one must say yes too."""

    __tablename__ = "care_plan"
    __table_args__ = (
        CheckConstraint("every_days BETWEEN 1 AND 92", name="cadence"),
        CheckConstraint("missed >= 0", name="missed_not_negative"),
        Index("ix_care_plan_due", "next_on", "id", sqlite_where=ACTIVE, postgresql_where=ACTIVE),
        Index("ix_care_plan_community_id_id", "community_id", "id"),
        Index("ix_care_plan_carer_id", "carer_id"),
        Index("ix_care_plan_person_id", "person_id"),
    )

    id: Mapped[pk]
    public_id: Mapped[public_id]
    community_id: Mapped[int] = ref("org_node.id")
    request_id: Mapped[int | None] = maybe_ref("request.id")
    person_id: Mapped[int] = ref("person.id", comment="who is cared for")
    carer_id: Mapped[int] = ref("person.id")
    state: Mapped[CarePlanState] = mapped_column(enum_type(CarePlanState))
    version: Mapped[int] = mapped_column(default=0)
    every_days: Mapped[int] = mapped_column(SmallInteger)
    next_on: Mapped[date]
    missed: Mapped[int] = mapped_column(SmallInteger, default=0, comment="one after another")
    salt: Mapped[sealed]
    what: Mapped[sealed]
    created_at: Mapped[utc]
    ended_at: Mapped[utc | None]


class CareVisit(Base):
    """One day of the plan, done or missed."""

    __tablename__ = "care_visit"
    __table_args__ = (Index("uq_care_visit_plan_id_day", "plan_id", "day", unique=True),)

    id: Mapped[pk]
    public_id: Mapped[public_id]
    plan_id: Mapped[int] = ref("care_plan.id")
    day: Mapped[date]
    outcome: Mapped[CareVisitState] = mapped_column(enum_type(CareVisitState))
    carer_id: Mapped[int] = ref("person.id")
    note: Mapped[sealed | None]
    at: Mapped[utc]


class CareAlarm(Base):
    """Whom a series of missed visits alarmed, one row a person."""

    __tablename__ = "care_alarm"
    __table_args__ = (Index("uq_care_alarm_plan_id_day_person_id", "plan_id", "day", "person_id", unique=True),)

    id: Mapped[pk]
    plan_id: Mapped[int] = ref("care_plan.id")
    day: Mapped[date]
    person_id: Mapped[int] = ref("person.id")
    at: Mapped[utc]
