"""微心愿: what was wished, under which alias it is shown, who took it."""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from server.db.base import Base
from server.db.types import enum_type, line, maybe_ref, pk, public_id, ref, sealed, utc
from server.domain.wishes import WishGroup, WishProof, WishState

CLAIMED = text("state = 'claimed'")


class Wish(Base):
    """One micro-wish. Published under an alias without address; the wisher's name stays sealed in his person row."""

    __tablename__ = "wish"
    __table_args__ = (
        CheckConstraint("value_fen BETWEEN 0 AND 1000000", name="value_capped"),
        CheckConstraint("claimant_id <> person_id", name="not_claimed_by_himself"),
        Index("ix_wish_community_id_state_id", "community_id", "state", "id"),
        Index("ix_wish_claimant_id", "claimant_id"),
        Index("ix_wish_person_id", "person_id"),
        Index("ix_wish_contact_due_at", "contact_due_at", sqlite_where=CLAIMED, postgresql_where=CLAIMED),
    )

    id: Mapped[pk]
    public_id: Mapped[public_id]
    number: Mapped[str] = mapped_column(String(32), unique=True)
    community_id: Mapped[int] = ref("org_node.id")
    grid_id: Mapped[int | None] = maybe_ref("org_node.id")
    person_id: Mapped[int] = ref("person.id", comment="whose wish it is")
    guardian_id: Mapped[int | None] = maybe_ref("person.id", index=True, comment="who agrees and confirms for a child")
    group: Mapped[WishGroup] = mapped_column("wish_group", enum_type(WishGroup))
    alias: Mapped[line]
    content: Mapped[line] = mapped_column(comment="written by staff for publication: no name, no address")
    value_fen: Mapped[int]
    state: Mapped[WishState] = mapped_column(enum_type(WishState))
    version: Mapped[int] = mapped_column(default=0)
    round: Mapped[int] = mapped_column(SmallInteger, default=1, comment="unclaimed ones go first in the next round")
    collected_by: Mapped[int] = ref("person.id")
    collected_at: Mapped[utc]
    visited_on: Mapped[date | None]
    visit_note: Mapped[sealed | None]
    verified_by: Mapped[int | None] = maybe_ref("person.id")
    verified_at: Mapped[utc | None]
    published_at: Mapped[utc | None]
    claimant_id: Mapped[int | None] = maybe_ref("person.id")
    claimant_unit_id: Mapped[int | None] = maybe_ref("unit.id", index=True)
    claimed_at: Mapped[utc | None]
    contact_due_at: Mapped[utc | None]
    contacted_at: Mapped[utc | None]
    fulfilled_at: Mapped[utc | None]
    confirmed_at: Mapped[utc | None]
    confirmed_by: Mapped[int | None] = maybe_ref("person.id")
    confirmed_via: Mapped[WishProof | None] = mapped_column(enum_type(WishProof))
