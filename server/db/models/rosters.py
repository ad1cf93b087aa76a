"""Imported rosters: who supplied them, on what basis, until when (mission row A2)."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from server.db.base import Base
from server.db.types import digest, enum_type, json_list, line, maybe_ref, pk, public_id, ref, sealed, short, utc
from server.domain.people import MemberType
from server.domain.rosters import DraftState, EntryState, RosterKind


class RosterImport(Base):
    """One import that was applied (a dry run leaves no row)."""

    __tablename__ = "roster_import"

    id: Mapped[pk]
    public_id: Mapped[public_id]
    kind: Mapped[RosterKind] = mapped_column(enum_type(RosterKind))
    node_id: Mapped[int] = ref("org_node.id")
    filename: Mapped[line]
    sha256: Mapped[digest]
    supplied_by: Mapped[line]
    basis: Mapped[line]
    valid_until: Mapped[date | None]
    rows: Mapped[int]
    created: Mapped[int]
    updated: Mapped[int]
    unchanged: Mapped[int]
    failed: Mapped[int]
    errors: Mapped[json_list]
    imported_by: Mapped[int | None] = maybe_ref("person.id")
    imported_at: Mapped[utc]


class RosterDraft(Base):
    """An uploaded roster that was checked and waits to be imported; what it says lies sealed in the files port until `delete_after`."""

    __tablename__ = "roster_draft"
    __table_args__ = (Index("ix_roster_draft_node_id_id", "node_id", "id"), Index("ix_roster_draft_delete_after", "delete_after"))

    id: Mapped[pk]
    public_id: Mapped[public_id]
    kind: Mapped[RosterKind] = mapped_column(enum_type(RosterKind))
    node_id: Mapped[int] = ref("org_node.id")
    filename: Mapped[line]
    original: Mapped[digest] = mapped_column(comment="hash of the uploaded bytes, which are not kept")
    salt: Mapped[sealed]
    sha256: Mapped[digest] = mapped_column(comment="the sealed rows and errors in the files port")
    supplied_by: Mapped[line]
    basis: Mapped[line]
    valid_until: Mapped[date | None]
    rows: Mapped[int]
    created: Mapped[int]
    updated: Mapped[int]
    unchanged: Mapped[int]
    failed: Mapped[int]
    uploaded_by: Mapped[int | None] = maybe_ref("person.id")
    uploaded_at: Mapped[utc]
    delete_after: Mapped[date]
    asked_by: Mapped[int | None] = maybe_ref("person.id", comment="who asked to import it")
    asked_at: Mapped[utc | None]
    problem: Mapped[short | None] = mapped_column(comment="the code of why it could not be imported")
    import_id: Mapped[int | None] = maybe_ref("roster_import.id")

    @property
    def state(self) -> DraftState:
        """Where it is, from what is there."""
        if self.import_id is not None:
            return DraftState.DONE
        if self.problem is not None:
            return DraftState.FAILED
        return DraftState.READY if self.asked_at is None else DraftState.IMPORTING


class RosterEntry(Base):
    """A member as his unit's roster has him; not yet a person of the system. Natural key: unit, name, phone (by hash)."""

    __tablename__ = "roster_entry"
    __table_args__ = (
        Index("uq_roster_entry_natural", "unit_id", "name_hash", "phone_hash", unique=True),
        Index("ix_roster_entry_phone_hash", "phone_hash"),
        Index("ix_roster_entry_name_hash", "name_hash"),
        Index("ix_roster_entry_import_id_id", "import_id", "id"),
    )

    id: Mapped[pk]
    public_id: Mapped[public_id]
    unit_id: Mapped[int] = ref("unit.id")
    branch_id: Mapped[int | None] = maybe_ref("unit_branch.id")
    community_id: Mapped[int | None] = maybe_ref("org_node.id", index=True)
    salt: Mapped[sealed]
    name: Mapped[sealed]
    name_hash: Mapped[digest]
    phone: Mapped[sealed | None]
    phone_hash: Mapped[digest] = mapped_column(comment="the hash of '' where the roster has no phone")
    member_type: Mapped[MemberType] = mapped_column(enum_type(MemberType))
    exempt: Mapped[str | None] = mapped_column(String(64), comment="why outside the denominator: secondment, illness …")
    state: Mapped[EntryState] = mapped_column(enum_type(EntryState), default=EntryState.LISTED)
    import_id: Mapped[int] = ref("roster_import.id")
    person_id: Mapped[int | None] = maybe_ref("person.id", unique=True)
    supplied_by: Mapped[line]
    basis: Mapped[line]
    valid_until: Mapped[date | None]
    updated_at: Mapped[utc]
