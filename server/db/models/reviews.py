"""评价例会: a quarter's panel, who volunteered, what it looks at, what it found. Votes name no voter (docs/protocol.md §4)."""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from server.db.base import Base
from server.db.types import digest, enum_type, line, maybe_ref, pk, public_id, ref, sealed, utc
from server.domain.people import ConsentChannel
from server.domain.reviews import ItemKind, ReviewState, Verdict, Vote

NOT_VOID = text("state <> 'void'")


class ReviewPanel(Base):
    """One meeting of one community and quarter. The seed is sealed until the draw; its hash is public from the start."""

    __tablename__ = "review_panel"
    __table_args__ = (
        Index("uq_review_panel_live", "community_id", "quarter", unique=True, sqlite_where=NOT_VOID, postgresql_where=NOT_VOID),
        CheckConstraint("seats >= 5", name="seats_protect_voters"),
    )

    id: Mapped[pk]
    public_id: Mapped[public_id]
    community_id: Mapped[int] = ref("org_node.id")
    quarter: Mapped[date] = mapped_column(comment="its first day")
    state: Mapped[ReviewState] = mapped_column(enum_type(ReviewState))
    version: Mapped[int] = mapped_column(default=0)
    seats: Mapped[int] = mapped_column(SmallInteger)
    salt: Mapped[sealed]
    seed_hash: Mapped[digest]
    sealed_seed: Mapped[sealed]
    seed: Mapped[str | None] = mapped_column(String(64), comment="published with the draw")
    by_draw: Mapped[bool | None]
    cell_id: Mapped[int | None] = maybe_ref("ballot_cell.id")
    minutes_text: Mapped[sealed | None] = mapped_column(comment="会议纪要")
    created_by: Mapped[int] = ref("person.id")
    created_at: Mapped[utc]
    counted_at: Mapped[utc | None]
    closed_at: Mapped[utc | None]


class ReviewMember(Base):
    """A volunteer of a panel, and why he was selected or not."""

    __tablename__ = "review_member"
    __table_args__ = (
        Index("uq_review_member_panel_id_person_id", "panel_id", "person_id", unique=True),
        CheckConstraint("NOT on_paper OR token_on IS NOT NULL", name="who_votes_on_paper_took_a_slip"),
        CheckConstraint("(channel = 'app') = (witness_id IS NULL)", name="who_has_no_phone_has_a_witness"),
    )

    id: Mapped[pk]
    panel_id: Mapped[int] = ref("review_panel.id")
    person_id: Mapped[int] = ref("person.id", index=True)
    selected: Mapped[bool | None]
    reason: Mapped[str | None] = mapped_column(String(200))
    token_on: Mapped[date | None] = mapped_column(comment="that he fetched a token or took a slip; not which one")
    on_paper: Mapped[bool] = mapped_column(default=False, comment="he took a paper slip (R6)")
    signed_up_at: Mapped[utc]
    channel: Mapped[ConsentChannel] = mapped_column(enum_type(ConsentChannel), default=ConsentChannel.APP, comment="how he signed up (R6)")
    witness_id: Mapped[int | None] = maybe_ref("person.id", comment="who entered him")


class ReviewItem(Base):
    """A request the panel looks at, in neutral words made from its category and dates."""

    __tablename__ = "review_item"
    __table_args__ = (Index("uq_review_item_panel_id_request_id", "panel_id", "request_id", unique=True),)

    id: Mapped[pk]
    public_id: Mapped[public_id]
    panel_id: Mapped[int] = ref("review_panel.id")
    request_id: Mapped[int] = ref("request.id", index=True)
    kind: Mapped[ItemKind] = mapped_column(enum_type(ItemKind))
    text: Mapped[line]
    verdict: Mapped[Verdict | None] = mapped_column(enum_type(Verdict))
    reopened_id: Mapped[int | None] = maybe_ref("request.id")


class ReviewVote(Base):
    """One anonymous vote on one item, under a random key; what one voter said of two items is not together."""

    __tablename__ = "review_vote"

    key: Mapped[str] = mapped_column(String(32), primary_key=True)
    item_id: Mapped[int] = ref("review_item.id", index=True)
    vote: Mapped[Vote] = mapped_column(enum_type(Vote))
