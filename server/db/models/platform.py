"""What every subject shares: events, outbox, idempotency, policy, audit seals, WeChat's pushes."""

from __future__ import annotations

from datetime import date

from sqlalchemy import JSON, Index, LargeBinary, SmallInteger, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from server.db.base import Base
from server.db.types import big, digest, enum_type, json_list, json_map, maybe_ref, pk, public_id, ref, short, utc
from server.domain.operations import OperationKind

UNDONE = text("done_at IS NULL")


class Event(Base):
    """One state change: immutable, ids only. Timeline, history and audit read it."""

    __tablename__ = "event"
    __table_args__ = (
        Index("ix_event_subject", "subject_kind", "subject_id", "id"),
        Index("ix_event_at", "at"),
        Index("ix_event_actor_id_id", "actor_id", "id"),
        Index("ix_event_action_id", "action", "id"),
    )

    id: Mapped[pk]
    subject_kind: Mapped[short]
    subject_id: Mapped[big]
    action: Mapped[short]
    from_state: Mapped[str | None] = mapped_column(String(24))
    to_state: Mapped[str | None] = mapped_column(String(24))
    actor_id: Mapped[int | None] = maybe_ref("person.id", comment="empty: the system")
    session_id: Mapped[int | None] = maybe_ref("login_session.id")
    community_id: Mapped[int | None] = maybe_ref("org_node.id")
    note: Mapped[str | None] = mapped_column(String(200))
    at: Mapped[utc]


class Outbox(Base):
    """Deferred work, written in the transaction that wants it; pruned when done. Redis only carries it."""

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_undone", "not_before", sqlite_where=UNDONE, postgresql_where=UNDONE),)

    id: Mapped[pk]
    job: Mapped[short]
    args: Mapped[json_map]
    created_at: Mapped[utc]
    not_before: Mapped[utc]
    sent_at: Mapped[utc | None]
    started_at: Mapped[utc | None]
    done_at: Mapped[utc | None]
    tries: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(String(200))


class Undo(Base):
    """One decision at a desk, of one row or of two hundred, that whoever took it may take back until `until`; deleted after a day.

    `done` names each subject with the columns its rows had before, what was made for it and whom it told; `failed` what was not decided.
    """

    __tablename__ = "undo"
    __table_args__ = (Index("ix_undo_until", "until"),)

    id: Mapped[pk]
    public_id: Mapped[public_id]
    person_id: Mapped[int] = ref("person.id")
    action: Mapped[short]
    made_at: Mapped[utc]
    until: Mapped[utc]
    undone_at: Mapped[utc | None]
    done: Mapped[json_list]
    failed: Mapped[json_list]


class IdempotencyKey(Base):
    """A phone's write and its answer, kept 7 days: the same key gives the same answer, with another body it is refused."""

    __tablename__ = "idempotency_key"
    __table_args__ = (Index("ix_idempotency_key_created_at", "created_at"),)

    actor: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    request_hash: Mapped[digest]
    status: Mapped[int] = mapped_column(SmallInteger)
    body: Mapped[bytes] = mapped_column(LargeBinary, comment="sealed: answers may hold names")
    created_at: Mapped[utc]


class PolicyValue(Base):
    """A rule or limit of the county: the newest row valid today for the nearest scope holds. Rows are never changed."""

    __tablename__ = "policy"
    __table_args__ = (Index("ix_policy_key_node_id_valid_from", "key", "node_id", "valid_from"),)

    id: Mapped[pk]
    key: Mapped[short]
    node_id: Mapped[int | None] = maybe_ref("org_node.id", comment="empty: the whole deployment")
    value: Mapped[str] = mapped_column(JSON)
    valid_from: Mapped[date]
    by_id: Mapped[int | None] = maybe_ref("person.id")
    why: Mapped[str] = mapped_column(String(200))
    set_at: Mapped[utc]


class AuditSeal(Base):
    """A hash over a range of events and the seal before it, written by a job (mission row G4)."""

    __tablename__ = "audit_seal"

    id: Mapped[pk]
    first_event_id: Mapped[big]
    last_event_id: Mapped[big] = mapped_column(unique=True)
    events: Mapped[int]
    previous: Mapped[digest]
    hash: Mapped[digest]
    sealed_at: Mapped[utc]


class Operation(Base):
    """A grave or long piece of an administrator's work: who asked for it, how far it is, what came of it. Kept for ever."""

    __tablename__ = "operation"
    __table_args__ = (Index("ix_operation_kind_id", "kind", "id"),)

    id: Mapped[pk]
    public_id: Mapped[public_id]
    kind: Mapped[OperationKind] = mapped_column(enum_type(OperationKind))
    args: Mapped[json_map]
    asked_by: Mapped[int] = ref("person.id")
    asked_at: Mapped[utc]
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    finished_at: Mapped[utc | None]
    result: Mapped[json_map]


class WechatPush(Base):
    """A message WeChat pushed: verified, stored, answered; worked on by a job. `dedupe` is unique."""

    __tablename__ = "wechat_push"

    id: Mapped[pk]
    dedupe: Mapped[str] = mapped_column(String(200), unique=True)
    event: Mapped[short]
    payload: Mapped[str] = mapped_column(Text)
    received_at: Mapped[utc]
    done_at: Mapped[utc | None]
