"""Uploaded pictures: re-encoded, without EXIF, with a perceptual hash that flags reuse (mission row B10)."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from server.db.base import Base
from server.db.types import big, digest, enum_type, maybe_ref, pk, public_id, ref, short, utc
from server.domain.media import MediaPurpose, MediaState
from server.domain.requests import CheckState


class Media(Base):
    """A picture in the files port, by content hash; deleted after `delete_after`."""

    __tablename__ = "media"
    __table_args__ = (Index("ix_media_subject", "subject_kind", "subject_id"), Index("ix_media_phash", "phash"))

    id: Mapped[pk]
    public_id: Mapped[public_id]
    owner_id: Mapped[int] = ref("person.id", index=True)
    purpose: Mapped[MediaPurpose] = mapped_column(enum_type(MediaPurpose))
    state: Mapped[MediaState] = mapped_column(enum_type(MediaState))
    original: Mapped[digest] = mapped_column(index=True, comment="hash of the uploaded bytes, which are deleted once re-encoded")
    refusal: Mapped[short | None] = mapped_column(comment="why it was refused")
    check_state: Mapped[CheckState | None] = mapped_column(enum_type(CheckState), comment="content security; empty: needs none")
    check_trace: Mapped[str | None] = mapped_column(String(64), index=True, comment="by which WeChat tells its verdict")
    checked_at: Mapped[utc | None] = mapped_column(comment="when the check was asked for")
    sha256: Mapped[digest | None]
    phash: Mapped[str | None] = mapped_column(String(16))
    reuse_of_id: Mapped[int | None] = maybe_ref("media.id", comment="looks like this earlier picture: a flag, never a punishment")
    width: Mapped[int | None]
    height: Mapped[int | None]
    size: Mapped[int]
    subject_kind: Mapped[short | None]
    subject_id: Mapped[big | None]
    created_at: Mapped[utc]
    delete_after: Mapped[date]
