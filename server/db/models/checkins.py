"""Scans, refused scans, service records and their witnesses (docs/protocol.md §2, §3)."""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from server.db.base import Base
from server.db.types import big, digest, enum_type, json_list, json_map, maybe_ref, pk, public_id, ref, sealed, short, utc
from server.domain.records import Method, RecordState

FIRST_OF_SLOT = text("mode = 1 AND NOT again")
WITH_MID = text("mid IS NOT NULL")


class Scan(Base):
    """One accepted message, live or late: the grow-only set G of docs/protocol.md §3. Never updated, never deleted.

    It is its own idempotency row: (person, mid) finds the first answer again, `body_hash` tells a reused mid. `seq` counts a person's
    scans of a day: two that arrive at once want the same number, so the second waits for the first and looks again (the fold's lock).
    """

    __tablename__ = "scan"
    __table_args__ = (
        Index("uq_scan_person_id_mid", "person_id", "mid", unique=True),
        Index("uq_scan_slot", "person_id", "code_id", "direction", "slot", unique=True, sqlite_where=FIRST_OF_SLOT,
              postgresql_where=FIRST_OF_SLOT),
        Index("uq_scan_person_id_day_seq", "person_id", "day", "seq", unique=True),
        Index("ix_scan_code_id_at", "code_id", "at"),
    )  # fmt: skip

    id: Mapped[pk]
    person_id: Mapped[int] = ref("person.id")
    mid: Mapped[str] = mapped_column(String(36))
    body_hash: Mapped[digest]
    code_id: Mapped[int] = ref("code.id")
    task_id: Mapped[int | None] = maybe_ref("task.id", comment="empty for a community's or venue's code")
    claim_id: Mapped[int | None] = maybe_ref("claim.id", comment="the claim it was accepted on; empty for a walk-in")
    direction: Mapped[str] = mapped_column(String(3))
    mode: Mapped[int] = mapped_column(SmallInteger)
    slot: Mapped[big]
    at: Mapped[utc] = mapped_column(comment="effective time t*")
    day: Mapped[date] = mapped_column(comment="local day of t*, Asia/Shanghai")
    seq: Mapped[int] = mapped_column(comment="1, 2, 3 … of the person's day, in order of arrival")
    again: Mapped[bool] = mapped_column(default=False, comment="a second tap of the same slot: its own mid, the same fact")
    received_at: Mapped[utc]
    late: Mapped[bool] = mapped_column(default=False)
    place_in: Mapped[bool | None] = mapped_column(comment="in or out of range, nothing finer; cleared after 30 days")
    flags: Mapped[str] = mapped_column(String(64), default="", comment="CLOCK …, space separated")
    answer: Mapped[json_map] = mapped_column(comment="what the person was told: record, state, grade, minutes")
    session_id: Mapped[int | None] = maybe_ref("login_session.id")


class RefusedScan(Base):
    """A scan that was refused, with the reason the person can read. The token only as a hash."""

    __tablename__ = "refused_scan"
    __table_args__ = (
        Index("ix_refused_scan_person_id_id", "person_id", "id"),
        Index("uq_refused_scan_person_id_mid", "person_id", "mid", unique=True, sqlite_where=WITH_MID, postgresql_where=WITH_MID),
    )

    id: Mapped[pk]
    public_id: Mapped[public_id]
    person_id: Mapped[int] = ref("person.id")
    mid: Mapped[str | None] = mapped_column(String(36), comment="the same message again gets the same refusal")
    body_hash: Mapped[digest]
    code: Mapped[short] = mapped_column(comment="what the person was told")
    reason: Mapped[short] = mapped_column(comment="the exact reason, for staff")
    text_hash: Mapped[digest]
    code_id: Mapped[int | None] = maybe_ref("code.id")
    task_id: Mapped[int | None] = maybe_ref("task.id", index=True)
    received_at: Mapped[utc]
    session_id: Mapped[int | None] = maybe_ref("login_session.id")


class ServiceRecord(Base):
    """One service of one person on one day. Counts only when FINAL (R8), with at least grade B (docs/protocol.md §2)."""

    __tablename__ = "service_record"
    __table_args__ = (
        CheckConstraint("confirmed_by <> person_id", name="not_confirmed_by_himself"),
        CheckConstraint("recorder_id <> person_id", name="not_recorded_by_himself"),
        CheckConstraint("recorder_id <> confirmed_by", name="recorder_is_not_confirmer"),
        CheckConstraint("minutes >= 0", name="minutes_not_negative"),
        CheckConstraint("ended_at >= started_at", name="ends_after_start"),
        Index("uq_service_record_ordinal", "person_id", "day", "task_id", "ordinal", unique=True),
        Index("ix_service_record_task_id_state", "task_id", "state"),
        Index("ix_service_record_community_id_state_id", "community_id", "state", "id"),
        Index("ix_service_record_unit_id_day", "unit_id", "day"),
    )

    id: Mapped[pk]
    public_id: Mapped[public_id]
    source_key: Mapped[str] = mapped_column(
        String(96), unique=True, comment="<person>:<code obj>:<first in mid>, or tick:<task>:<person>:<day>"
    )
    task_id: Mapped[int] = ref("task.id")
    shift_id: Mapped[int | None] = maybe_ref("shift.id")
    claim_id: Mapped[int | None] = maybe_ref("claim.id", index=True)
    person_id: Mapped[int] = ref("person.id")
    community_id: Mapped[int] = ref("org_node.id")
    grid_id: Mapped[int | None] = maybe_ref("org_node.id")
    unit_id: Mapped[int | None] = maybe_ref("unit.id")
    day: Mapped[date]
    ordinal: Mapped[int] = mapped_column(SmallInteger, comment="1, 2 … of person, day and task: a scan and a tick at once meet here")
    method: Mapped[Method] = mapped_column(enum_type(Method))
    state: Mapped[RecordState] = mapped_column(enum_type(RecordState))
    version: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[utc]
    ended_at: Mapped[utc | None]
    minutes: Mapped[int] = mapped_column(default=0)
    token_axis: Mapped[int] = mapped_column(SmallInteger, comment="T: 0 none, 1 static or late, 2 rotating and live")
    duration_axis: Mapped[int] = mapped_column(SmallInteger, default=0, comment="D: 0 none, 1 one side, 2 in and out")
    place_in: Mapped[bool | None]
    planned_minutes: Mapped[int] = mapped_column(comment="what was planned when it was made: the ceiling of minutes is 30 more")
    attested_start: Mapped[utc | None] = mapped_column(comment="what the organiser said; scans come first")
    attested_end: Mapped[utc | None]
    attested_axis: Mapped[int] = mapped_column(SmallInteger, default=0, comment="T of the personal code the organiser scanned")
    grade: Mapped[str] = mapped_column(String(1), comment="A 互证 B 已证 C 现场码 D 自报; shown, never gates credit above B")
    flags: Mapped[str] = mapped_column(String(100), default="", comment="HOLD MOVED REVIEW …, space separated")
    mids: Mapped[json_list] = mapped_column(comment="the messages this record was folded from")
    covers: Mapped[json_list] = mapped_column(comment="the messages the confirmer had before him")
    recorder_id: Mapped[int | None] = maybe_ref("person.id", comment="who ticked or typed the paper in")
    report: Mapped[sealed | None]
    reported_at: Mapped[utc | None]
    confirmed_at: Mapped[utc | None]
    confirmed_by: Mapped[int | None] = maybe_ref("person.id")
    reason: Mapped[str | None] = mapped_column(String(200), comment="why sent back, upheld or void")
    dispute: Mapped[sealed | None] = mapped_column(comment="what the person says against it")


class Witness(Base):
    """Another accountable human who stands for a record: organiser, beneficiary or peer."""

    __tablename__ = "witness"
    __table_args__ = (Index("uq_witness_record_id_person_id", "record_id", "person_id", "kind", unique=True),)

    id: Mapped[pk]
    record_id: Mapped[int] = ref("service_record.id")
    kind: Mapped[short]
    person_id: Mapped[int] = ref("person.id")
    session_id: Mapped[int | None] = maybe_ref("login_session.id")
    at: Mapped[utc]


class Supplement(Base):
    """A message that came outside what the confirmer saw: it never edits a FINAL record, it waits for review."""

    __tablename__ = "supplement"

    id: Mapped[pk]
    record_id: Mapped[int] = ref("service_record.id", index=True)
    scan_id: Mapped[int] = ref("scan.id", unique=True)
    noted_at: Mapped[utc]
    reviewed_at: Mapped[utc | None]
    reviewed_by: Mapped[int | None] = maybe_ref("person.id")
