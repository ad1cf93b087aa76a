"""双报到: members' and units' registrations, transfers, and the documents issued on them."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from server.db.base import Base
from server.db.types import digest, enum_type, json_list, line, maybe_ref, pk, public_id, ref, sealed, short, utc
from server.domain.documents import DocumentKind
from server.domain.registrations import MemberState, Source, TransferReason, TransferState, UnitState

LIVE = text("state IN ('active', 'transferring')")
OPEN = text("state IN ('submitted', 'returned')")


class MemberRegistration(Base):
    """A person's registration with the community where he lives. One live one a person, by constraint."""

    __tablename__ = "member_registration"
    __table_args__ = (
        Index("uq_member_registration_live", "person_id", unique=True, sqlite_where=LIVE, postgresql_where=LIVE),
        Index("uq_member_registration_open", "person_id", "community_id", unique=True, sqlite_where=OPEN, postgresql_where=OPEN),
        Index("ix_member_registration_community_id_state_id", "community_id", "state", "id"),
        Index("ix_member_registration_person_id", "person_id"),
        Index("ix_member_registration_unit_id", "unit_id"),
    )

    id: Mapped[pk]
    public_id: Mapped[public_id]
    person_id: Mapped[int] = ref("person.id")
    community_id: Mapped[int] = ref("org_node.id")
    grid_id: Mapped[int | None] = maybe_ref("org_node.id")
    unit_id: Mapped[int | None] = maybe_ref("unit.id")
    branch_id: Mapped[int | None] = maybe_ref("unit_branch.id")
    source: Mapped[Source] = mapped_column(enum_type(Source))
    state: Mapped[MemberState] = mapped_column(enum_type(MemberState))
    version: Mapped[int] = mapped_column(default=0)
    skills: Mapped[json_list]
    service_types: Mapped[json_list]
    available_times: Mapped[json_list]
    address: Mapped[sealed | None] = mapped_column(comment="to the building, no room number")
    recorded_by: Mapped[int | None] = maybe_ref("person.id", comment="who entered it for the person (paper, proxy)")
    reason: Mapped[str | None] = mapped_column(String(200), comment="why returned or ended")
    receipt_no: Mapped[str | None] = mapped_column(String(32), unique=True)
    transferred_from_id: Mapped[int | None] = maybe_ref("member_registration.id")
    submitted_at: Mapped[utc]
    decided_at: Mapped[utc | None]
    decided_by: Mapped[int | None] = maybe_ref("person.id")
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]


class Transfer(Base):
    """Moving to another community: the old one releases, the new one accepts, the history goes along."""

    __tablename__ = "transfer"
    __table_args__ = (
        Index("ix_transfer_community_id_state_id", "community_id", "state", "id"),
        Index("ix_transfer_due", "release_due_at", sqlite_where=text("state = 'requested'"), postgresql_where=text("state = 'requested'")),
    )

    id: Mapped[pk]
    public_id: Mapped[public_id]
    registration_id: Mapped[int] = ref("member_registration.id", index=True)
    person_id: Mapped[int] = ref("person.id", index=True)
    community_id: Mapped[int] = ref("org_node.id", comment="at whose desk it lies: the old one's, once released the new one's")
    from_community_id: Mapped[int] = ref("org_node.id")
    to_community_id: Mapped[int] = ref("org_node.id")
    reason: Mapped[TransferReason] = mapped_column(enum_type(TransferReason))
    state: Mapped[TransferState] = mapped_column(enum_type(TransferState))
    version: Mapped[int] = mapped_column(default=0)
    note: Mapped[sealed | None] = mapped_column(comment="what the member wrote")
    refusal: Mapped[str | None] = mapped_column(String(200), comment="why the new community sent it back")
    requested_at: Mapped[utc]
    release_due_at: Mapped[utc]
    released_at: Mapped[utc | None]
    released_by: Mapped[int | None] = maybe_ref("person.id", comment="empty where it was released by the deadline")
    decided_at: Mapped[utc | None]
    decided_by: Mapped[int | None] = maybe_ref("person.id")
    new_registration_id: Mapped[int | None] = maybe_ref("member_registration.id")


class UnitRegistration(Base):
    """A unit's registration with the community of its premises: 报到单 → 接收 → 回执."""

    __tablename__ = "unit_registration"
    __table_args__ = (
        Index("uq_unit_registration_live", "unit_id", unique=True, sqlite_where=text("state <> 'ended'"),
              postgresql_where=text("state <> 'ended'")),
        Index("ix_unit_registration_community_id_state_id", "community_id", "state", "id"),
    )  # fmt: skip

    id: Mapped[pk]
    public_id: Mapped[public_id]
    unit_id: Mapped[int] = ref("unit.id")
    community_id: Mapped[int] = ref("org_node.id")
    slip_no: Mapped[str] = mapped_column(String(32), unique=True)
    state: Mapped[UnitState] = mapped_column(enum_type(UnitState))
    version: Mapped[int] = mapped_column(default=0)
    leader: Mapped[sealed | None]
    liaison: Mapped[sealed | None]
    offers: Mapped[json_list] = mapped_column(comment="what the unit says it can bring, short texts")
    opinion: Mapped[str | None] = mapped_column(String(200), comment="接收意见, or why returned or ended")
    receipt_no: Mapped[str | None] = mapped_column(String(32), unique=True)
    receipt_sent_to: Mapped[line | None]
    submitted_by: Mapped[int | None] = maybe_ref("person.id")
    submitted_at: Mapped[utc]
    decided_at: Mapped[utc | None]
    decided_by: Mapped[int | None] = maybe_ref("person.id")


class Document(Base):
    """A receipt or certificate that anyone can verify by its code (kind 9, subject `document`).

    `facts` is the sealed JSON it is printed from; `png` and `pdf` are the printed files in the files port, once a job has made them.
    """

    __tablename__ = "document"
    __table_args__ = (
        Index("ix_document_community_id_id", "community_id", "id"),
        Index("ix_document_person_id", "person_id"),
        Index("ix_document_unit_id", "unit_id"),
    )

    id: Mapped[pk]
    public_id: Mapped[public_id]
    kind: Mapped[DocumentKind] = mapped_column(enum_type(DocumentKind))
    serial: Mapped[short] = mapped_column(unique=True)
    person_id: Mapped[int | None] = maybe_ref("person.id")
    unit_id: Mapped[int | None] = maybe_ref("unit.id")
    community_id: Mapped[int] = ref("org_node.id")
    facts: Mapped[sealed]
    png: Mapped[digest | None]
    pdf: Mapped[digest | None]
    issued_at: Mapped[utc]
    issued_by: Mapped[int | None] = maybe_ref("person.id")
    revoked_at: Mapped[utc | None]
    revoked_reason: Mapped[str | None] = mapped_column(String(200))


class SerialCounter(Base):
    """The last running number of a series in a community and year."""

    __tablename__ = "serial_counter"

    series: Mapped[str] = mapped_column(String(4), primary_key=True)
    community_id: Mapped[int] = ref("org_node.id", primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    last: Mapped[int]


class CalendarDay(Base):
    """A day the county declares worked or free, whatever the published calendar says."""

    __tablename__ = "calendar_day"

    day: Mapped[date] = mapped_column(primary_key=True)
    working: Mapped[bool]
    why: Mapped[str] = mapped_column(String(200))
    by_id: Mapped[int | None] = maybe_ref("person.id")
    set_at: Mapped[utc]
