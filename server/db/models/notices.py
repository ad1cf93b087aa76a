"""Notices: the in-app inbox is the record, the WeChat message a courtesy (mission row G1)."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from server.db.base import Base
from server.db.types import enum_type, json_map, pk, public_id, ref, short, utc
from server.domain.notices import NoticeKind, PushState, Template

DUE = text("push_state = 'waiting'")


class Notice(Base):
    """One notice to one person. `dedupe` makes at most one per event; `facts` holds no name and no phone."""

    __tablename__ = "notice"
    __table_args__ = (
        Index("ix_notice_person_id_id", "person_id", "id"),
        Index("ix_notice_due", "push_after", sqlite_where=DUE, postgresql_where=DUE),
    )

    id: Mapped[pk]
    public_id: Mapped[public_id]
    person_id: Mapped[int] = ref("person.id")
    kind: Mapped[NoticeKind] = mapped_column(enum_type(NoticeKind))
    dedupe: Mapped[str] = mapped_column(String(96), unique=True)
    subject_kind: Mapped[short]
    subject_public_id: Mapped[short]
    facts: Mapped[json_map]
    created_at: Mapped[utc]
    read_at: Mapped[utc | None]
    push_state: Mapped[PushState] = mapped_column(enum_type(PushState))
    push_after: Mapped[utc] = mapped_column(comment="quiet hours 20:00-08:00 push it to the morning")
    push_tries: Mapped[int] = mapped_column(default=0)
    pushed_at: Mapped[utc | None]
    push_error: Mapped[str | None] = mapped_column(String(32))


class Subscription(Base):
    """How many courtesy messages of a template a person still allows: +1 per tap, −1 per message."""

    __tablename__ = "subscription"
    __table_args__ = (
        Index("uq_subscription_person_id_kind", "person_id", "kind", unique=True),
        CheckConstraint('"left" >= 0', name="left_not_negative"),
    )

    id: Mapped[pk]
    person_id: Mapped[int] = ref("person.id")
    kind: Mapped[Template] = mapped_column(enum_type(Template))
    left: Mapped[int]
    muted: Mapped[bool] = mapped_column(default=False, comment="the person turned reminders of this kind off")
