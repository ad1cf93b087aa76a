"""Excel files that staff asked for: who, what, why; the file lies sealed in the files port until its day is over."""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from server.db.base import Base
from server.db.types import digest, enum_type, json_map, pk, public_id, ref, sealed, short, utc
from server.domain.exports import ExportKind, ExportState


class Export(Base):
    """One file. A job makes it once; only who asked for it may fetch it."""

    __tablename__ = "export"
    __table_args__ = (
        CheckConstraint("done >= 0 AND total >= 0", name="not_negative"),
        Index("ix_export_asked_by_id", "asked_by", "id"),
        Index("ix_export_delete_after", "delete_after"),
    )

    id: Mapped[pk]
    public_id: Mapped[public_id]
    kind: Mapped[ExportKind] = mapped_column(enum_type(ExportKind))
    community_id: Mapped[int] = ref("org_node.id", comment="the place it is about: a community, street or county")
    asked: Mapped[json_map] = mapped_column(comment="the period and the filters; never a name")
    reason: Mapped[str | None] = mapped_column(String(200), comment="why, where the file holds names")
    named: Mapped[bool] = mapped_column(default=False, comment="made with names that its kind alone does not hold")
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    salt: Mapped[sealed]
    sha256: Mapped[digest | None]
    problem: Mapped[short | None] = mapped_column(comment="the code of why there is no file")
    asked_by: Mapped[int] = ref("person.id")
    asked_at: Mapped[utc]
    made_at: Mapped[utc | None]
    delete_after: Mapped[date]

    @property
    def state(self) -> ExportState:
        """Where it is, from what is there."""
        if self.sha256 is not None:
            return ExportState.DONE
        return ExportState.WAITING if self.problem is None else ExportState.FAILED
