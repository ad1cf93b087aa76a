"""投诉建议: what somebody wrote to the community or the county, and the reply."""

from __future__ import annotations

from sqlalchemy import Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from server.db.base import Base
from server.db.types import enum_type, maybe_ref, pk, public_id, ref, sealed, utc
from server.domain.feedbacks import FeedbackAbout, FeedbackAudience, FeedbackKind, FeedbackState

OPEN = text("state = 'open'")


class Feedback(Base):
    """A complaint or suggestion. Text and replies are sealed under the writer's own key; who answers does not learn who wrote."""

    __tablename__ = "feedback"
    __table_args__ = (
        Index("ix_feedback_community_id_reply_due_at", "community_id", "reply_due_at", "id", sqlite_where=OPEN, postgresql_where=OPEN),
        Index("ix_feedback_reply_due_at", "reply_due_at", "id", sqlite_where=OPEN, postgresql_where=OPEN),
        Index("ix_feedback_author_id_id", "author_id", "id"),
    )

    id: Mapped[pk]
    public_id: Mapped[public_id]
    author_id: Mapped[int] = ref("person.id")
    entered_by: Mapped[int | None] = maybe_ref(
        "person.id", comment="the clerk who wrote it down for him and reads the reply out", index=True
    )
    community_id: Mapped[int] = ref("org_node.id", comment="the community it names, else the county")
    kind: Mapped[FeedbackKind] = mapped_column(enum_type(FeedbackKind))
    about: Mapped[FeedbackAbout] = mapped_column(enum_type(FeedbackAbout))
    about_id: Mapped[int | None] = maybe_ref("person.id", comment="the person it is about, where it is known: he never sees it", index=True)
    audience: Mapped[FeedbackAudience] = mapped_column(enum_type(FeedbackAudience))
    state: Mapped[FeedbackState] = mapped_column(enum_type(FeedbackState))
    version: Mapped[int] = mapped_column(default=0)
    round: Mapped[int] = mapped_column(SmallInteger, default=1, comment="asked again: how often")
    content: Mapped[sealed | None]
    reply: Mapped[sealed | None]
    written_at: Mapped[utc]
    reply_due_at: Mapped[utc]
    replied_at: Mapped[utc | None]
    replied_by: Mapped[int | None] = maybe_ref("person.id")
    told_at: Mapped[utc | None] = mapped_column(comment="when the reply was read out to him, where a clerk entered it")
