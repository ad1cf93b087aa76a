"""签收 and 回访: what the requester says about the work, by name (docs/protocol.md §4)."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from server.db.base import Base
from server.db.types import enum_type, maybe_ref, pk, public_id, ref, utc
from server.domain.ballots import Satisfaction
from server.domain.sign_offs import AgainReason, Source


class SignOff(Base):
    """办好了 or 没办好，请再来: one a round. The community reads it, the handler reads a neutral task."""

    __tablename__ = "request_sign_off"
    __table_args__ = (
        Index("uq_request_sign_off_request_id_round", "request_id", "round", unique=True),
        CheckConstraint("done = (reason IS NULL)", name="again_has_reason"),
    )

    id: Mapped[pk]
    request_id: Mapped[int] = ref("request.id")
    round: Mapped[int] = mapped_column(SmallInteger)
    done: Mapped[bool]
    reason: Mapped[AgainReason | None] = mapped_column(enum_type(AgainReason))
    source: Mapped[Source] = mapped_column(enum_type(Source))
    by_id: Mapped[int] = ref("person.id")
    handler_person_id: Mapped[int | None] = maybe_ref("person.id", comment="whose work it was about")
    handler_unit_id: Mapped[int | None] = maybe_ref("unit.id")
    handler_team_id: Mapped[int | None] = maybe_ref("volunteer_team.id")
    at: Mapped[utc]


class Callback(Base):
    """回访: a call to who did not sign; its answers are named and said to be so."""

    __tablename__ = "callback"
    __table_args__ = (
        Index("ix_callback_request_id_round", "request_id", "round"),
        CheckConstraint("reached OR (contacted IS NULL AND solved IS NULL AND satisfaction IS NULL)", name="answers_need_a_call"),
    )

    id: Mapped[pk]
    public_id: Mapped[public_id]
    request_id: Mapped[int] = ref("request.id")
    community_id: Mapped[int] = ref("org_node.id", index=True)
    round: Mapped[int] = mapped_column(SmallInteger)
    reached: Mapped[bool]
    contacted: Mapped[bool | None]
    solved: Mapped[bool | None]
    satisfaction: Mapped[Satisfaction | None] = mapped_column(enum_type(Satisfaction))
    by_id: Mapped[int] = ref("person.id")
    at: Mapped[utc]
