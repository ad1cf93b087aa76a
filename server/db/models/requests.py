"""The residents' requests (点单), who asked, who handles, claims on them, whistles, visits, contact readings."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column, query_expression

from server.db.base import Base
from server.db.types import enum_type, maybe_ref, pk, public_id, ref, sealed, short, utc
from server.domain.requests import Channel, CheckState, Difficulty, OfferKind, OfferState, Relation, RequestLevel, RequestState, Urgency

STILL_OPEN = text("state NOT IN ('draft', 'merged', 'split', 'rejected', 'withdrawn', 'closed', 'closed_unrated', 'closed_explained')")
NO_DATE = text(f"due_at IS NULL AND {STILL_OPEN.text}")
IN_REVIEW = text("check_state = 'review'")
BY_PROXY = text("asked_for_id <> author_id")
AT_STATION = text("station_id IS NOT NULL AND closed_at IS NULL")


class Request(Base):
    """One request. Words and place are sealed under the request's own salt; category and dates are plain for the figures."""

    __tablename__ = "request"
    __table_args__ = (
        CheckConstraint("round >= 0 AND extensions >= 0", name="counts_not_negative"),
        CheckConstraint("merged_into_id <> id", name="not_merged_into_itself"),
        Index("ix_request_queue", "community_id", "due_at", "id", sqlite_where=STILL_OPEN, postgresql_where=STILL_OPEN),
        Index("ix_request_undated", "community_id", "id", sqlite_where=NO_DATE, postgresql_where=NO_DATE),
        Index("ix_request_community_id_state_id", "community_id", "state", "id", sqlite_where=STILL_OPEN, postgresql_where=STILL_OPEN,
              postgresql_include=["due_at"]),  # so that how many are open and late is counted without reading the requests
        Index("ix_request_review", "community_id", "id", sqlite_where=IN_REVIEW, postgresql_where=IN_REVIEW),
        Index("ix_request_due", "due_at", sqlite_where=STILL_OPEN, postgresql_where=STILL_OPEN),
        Index("ix_request_category_state", "category", "state", "submitted_at", "id"),
        Index("ix_request_community_id_submitted_at", "community_id", "submitted_at"),
        Index("ix_request_by_proxy", "asked_for_id", "id", sqlite_where=BY_PROXY, postgresql_where=BY_PROXY),
        Index("ix_request_author_id_id", "author_id", "id"),
        Index("ix_request_handler_person_id_state", "handler_person_id", "state"),
        Index("ix_request_handler_unit_id_state", "handler_unit_id", "state"),
        Index("ix_request_station_id", "station_id", "due_at", "id", sqlite_where=AT_STATION, postgresql_where=AT_STATION),
    )  # fmt: skip

    id: Mapped[pk]
    public_id: Mapped[public_id]
    number: Mapped[str | None] = mapped_column(String(32), unique=True, comment="单号, given at submission")
    community_id: Mapped[int] = ref("org_node.id")
    grid_id: Mapped[int | None] = maybe_ref("org_node.id")
    author_id: Mapped[int] = ref("person.id", comment="who entered it")
    asked_for_id: Mapped[int] = ref("person.id", comment="whose request it is: he is asked for 签收 and 评分")
    channel: Mapped[Channel] = mapped_column(enum_type(Channel))
    state: Mapped[RequestState] = mapped_column(enum_type(RequestState))
    version: Mapped[int] = mapped_column(default=0)
    check_state: Mapped[CheckState] = mapped_column(enum_type(CheckState))
    text_check: Mapped[CheckState] = mapped_column(
        enum_type(CheckState, "text_check"), comment="of the words alone; check_state is of all there is"
    )
    words_hash: Mapped[str | None] = mapped_column(String(64), comment="to find the same request sent again without opening any")
    relation: Mapped[Relation] = mapped_column(enum_type(Relation), comment="what the author is to whom it is for")
    category: Mapped[short]
    urgency: Mapped[Urgency] = mapped_column(enum_type(Urgency))
    difficulty: Mapped[Difficulty] = mapped_column(enum_type(Difficulty))
    priority: Mapped[int] = mapped_column(SmallInteger, default=0)
    level: Mapped[RequestLevel] = mapped_column(enum_type(RequestLevel))
    salt: Mapped[sealed]
    content: Mapped[sealed | None]
    place: Mapped[sealed | None]
    place_hash: Mapped[str | None] = mapped_column(String(64), comment="to find the same place without opening any")
    result: Mapped[sealed | None]
    handler_person_id: Mapped[int | None] = maybe_ref("person.id")
    handler_unit_id: Mapped[int | None] = maybe_ref("unit.id")
    handler_team_id: Mapped[int | None] = maybe_ref("volunteer_team.id")
    station_id: Mapped[int | None] = maybe_ref("station.id", comment="the queue it was put on")
    round: Mapped[int] = mapped_column(SmallInteger, default=0, comment="回炉 rounds so far")
    extensions: Mapped[int] = mapped_column(SmallInteger, default=0)
    merged_into_id: Mapped[int | None] = maybe_ref("request.id")
    split_from_id: Mapped[int | None] = maybe_ref("request.id")
    reopened_from_id: Mapped[int | None] = maybe_ref("request.id", comment="回炉 by a review: a closed request never changes")
    explained_by_id: Mapped[int | None] = maybe_ref("person.id", comment="who says it is impossible; somebody else approves")
    closed_reason: Mapped[str | None] = mapped_column(String(200), comment="what staff wrote")
    withdraw_reason: Mapped[sealed | None] = mapped_column(comment="why he took it back, in his own words")
    pause_reason: Mapped[sealed | None] = mapped_column(comment="what its handler waited for, the last time")
    reject_channel: Mapped[str | None] = mapped_column(String(32), comment="110, 12345, court …")
    solved: Mapped[bool | None] = mapped_column(comment="签收; empty where nobody answered")
    created_at: Mapped[utc]
    submitted_at: Mapped[utc | None]
    due_at: Mapped[utc | None] = mapped_column(comment="of the present stage; while it waits for the resident, the end of that")
    triage_due_at: Mapped[utc | None] = mapped_column(comment="of 研判, as it was at submission")
    triaged_at: Mapped[utc | None] = mapped_column(comment="when the community first took it on")
    finish_due_at: Mapped[utc | None]
    promised_at: Mapped[utc | None] = mapped_column(
        comment="应办结, with approved extensions; an overdue one stays what it was when it escalates"
    )
    paused_at: Mapped[utc | None]
    dunned_at: Mapped[utc | None]
    contacted_at: Mapped[utc | None]
    accepted_at: Mapped[utc | None]
    finished_at: Mapped[utc | None]
    closed_at: Mapped[utc | None]
    spoken: Mapped[bool | None] = query_expression()  # no column: lists ask for it by server/services/request_gists.py


class RequestParty(Base):
    """Who else asked for the same: a merged request keeps its requesters informed."""

    __tablename__ = "request_party"
    __table_args__ = (Index("uq_request_party_request_id_person_id", "request_id", "person_id", unique=True),)

    id: Mapped[pk]
    request_id: Mapped[int] = ref("request.id")
    person_id: Mapped[int] = ref("person.id", index=True)
    via_request_id: Mapped[int] = ref("request.id")
    joined_at: Mapped[utc]


class RequestSupplement(Base):
    """What the requester added later; sealed under the request's salt."""

    __tablename__ = "request_supplement"

    id: Mapped[pk]
    public_id: Mapped[public_id]
    request_id: Mapped[int] = ref("request.id", index=True)
    person_id: Mapped[int] = ref("person.id")
    text: Mapped[sealed | None]
    check_state: Mapped[CheckState] = mapped_column(enum_type(CheckState))
    added_at: Mapped[utc]


class RequestOffer(Base):
    """A person, unit or team that is asked, or offers itself, to handle a request; also those called by a whistle (吹哨)."""

    __tablename__ = "request_offer"
    __table_args__ = (
        CheckConstraint(
            "(CASE WHEN person_id IS NULL THEN 0 ELSE 1 END) + (CASE WHEN unit_id IS NULL THEN 0 ELSE 1 END)"
            " + (CASE WHEN team_id IS NULL THEN 0 ELSE 1 END) = 1",
            name="one_receiver",
        ),
        Index("ix_request_offer_request_id", "request_id"),
        Index("ix_request_offer_person_id_state", "person_id", "state"),
        Index("ix_request_offer_community_id_state_id", "community_id", "state", "id"),
    )

    id: Mapped[pk]
    public_id: Mapped[public_id]
    request_id: Mapped[int] = ref("request.id")
    community_id: Mapped[int] = ref("org_node.id")
    kind: Mapped[OfferKind] = mapped_column(enum_type(OfferKind))
    state: Mapped[OfferState] = mapped_column(enum_type(OfferState))
    version: Mapped[int] = mapped_column(default=0)
    round: Mapped[int] = mapped_column(SmallInteger, default=0)
    person_id: Mapped[int | None] = maybe_ref("person.id")
    unit_id: Mapped[int | None] = maybe_ref("unit.id", index=True)
    team_id: Mapped[int | None] = maybe_ref("volunteer_team.id", index=True)
    made_by_id: Mapped[int | None] = maybe_ref("person.id", comment="who asked, or who offered himself (or his unit, his team)")
    answered_by_id: Mapped[int | None] = maybe_ref("person.id")
    lead: Mapped[bool] = mapped_column(default=False, comment="首接负责: the first receiver keeps the lead")
    reason: Mapped[str | None] = mapped_column(String(200), comment="why staff declined a claim")
    excuse: Mapped[sealed | None] = mapped_column(comment="why whoever answered cannot, in his own words; under his own salt")
    made_at: Mapped[utc]
    due_at: Mapped[utc | None]
    answered_at: Mapped[utc | None]
    arrived_at: Mapped[utc | None] = mapped_column(comment="whistle: when they came")


class ContactReading(Base):
    """Each reading of a requester's phone by a handler, between acceptance and closing (P14)."""

    __tablename__ = "contact_reading"

    id: Mapped[pk]
    request_id: Mapped[int] = ref("request.id", index=True)
    reader_id: Mapped[int] = ref("person.id")
    session_id: Mapped[int | None] = maybe_ref("login_session.id")
    at: Mapped[utc]
