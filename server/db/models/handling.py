"""The work on a request: visits, the one extension, stations as queues, mediation cases."""

from __future__ import annotations

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from server.db.base import Base
from server.db.types import enum_type, line, maybe_ref, pk, public_id, ref, sealed, utc
from server.domain.handling import ExtensionState, MediationState, StationKind, StationState

OPEN = text("state = 'open'")


class RequestVisit(Base):
    """One visit for a request; what was found is sealed under the request's salt. No place and no picture is asked for."""

    __tablename__ = "request_visit"

    id: Mapped[pk]
    public_id: Mapped[public_id]
    request_id: Mapped[int] = ref("request.id", index=True)
    by_id: Mapped[int] = ref("person.id")
    at: Mapped[utc]
    note: Mapped[sealed | None]


class RequestExtension(Base):
    """The handler asks for more time before it is due, once a request, by constraint."""

    __tablename__ = "request_extension"
    __table_args__ = (Index("ix_request_extension_community_id_state_id", "community_id", "state", "id"),)

    id: Mapped[pk]
    public_id: Mapped[public_id]
    request_id: Mapped[int] = ref("request.id", unique=True)
    community_id: Mapped[int] = ref("org_node.id")
    state: Mapped[ExtensionState] = mapped_column(enum_type(ExtensionState))
    version: Mapped[int] = mapped_column(default=0)
    until: Mapped[utc]
    reason: Mapped[sealed] = mapped_column(comment="told to the requester once approved; under the request's salt")
    asked_by: Mapped[int] = ref("person.id")
    asked_at: Mapped[utc]
    decided_by: Mapped[int | None] = maybe_ref("person.id")
    decided_at: Mapped[utc | None]


class Station(Base):
    """A service station (服务站) of a community: a queue of requests of its kind, kept by a person. One open station a kind."""

    __tablename__ = "station"
    __table_args__ = (Index("uq_station_community_id_kind", "community_id", "kind", unique=True, sqlite_where=OPEN, postgresql_where=OPEN),)

    id: Mapped[pk]
    public_id: Mapped[public_id]
    community_id: Mapped[int] = ref("org_node.id")
    kind: Mapped[StationKind] = mapped_column(enum_type(StationKind))
    name: Mapped[line]
    state: Mapped[StationState] = mapped_column(enum_type(StationState), default=StationState.OPEN)
    version: Mapped[int] = mapped_column(default=0)
    keeper_id: Mapped[int | None] = maybe_ref("person.id", index=True)
    created_at: Mapped[utc]
    closed_at: Mapped[utc | None]


class Mediation(Base):
    """A mediation case on a request: who is at odds and what came of it, both sealed under the case's own salt."""

    __tablename__ = "mediation"
    __table_args__ = (Index("ix_mediation_community_id_id", "community_id", "id"),)

    id: Mapped[pk]
    public_id: Mapped[public_id]
    request_id: Mapped[int] = ref("request.id", unique=True)
    community_id: Mapped[int] = ref("org_node.id")
    mediator_id: Mapped[int] = ref("person.id", index=True)
    state: Mapped[MediationState] = mapped_column(enum_type(MediationState))
    version: Mapped[int] = mapped_column(default=0)
    salt: Mapped[sealed]
    parties: Mapped[sealed] = mapped_column(comment="a line each")
    result: Mapped[sealed | None]
    opened_at: Mapped[utc]
    closed_at: Mapped[utc | None]
