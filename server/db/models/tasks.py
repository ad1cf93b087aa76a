"""Posts, tasks and activities, their shifts, the claims on them, volunteer teams."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from server.db.base import Base
from server.db.types import enum_type, json_list, line, maybe_ref, pk, public_id, ref, sealed, short, utc
from server.domain.tasks import ClaimState, TaskKind, TaskMode, TaskState

HOLDS = "state IN ('pending', 'approved', 'done', 'no_show')"


class Task(Base):
    """A post, task or activity the community publishes. Minutes, heads; times aware UTC."""

    __tablename__ = "task"
    __table_args__ = (
        CheckConstraint("capacity > 0 AND taken >= 0 AND taken <= capacity", name="capacity_holds"),
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        Index("ix_task_community_id_state_starts_at", "community_id", "state", "starts_at", "id"),
        Index("ix_task_state_starts_at", "state", "starts_at", "id"),
    )

    id: Mapped[pk]
    public_id: Mapped[public_id]
    kind: Mapped[TaskKind] = mapped_column(enum_type(TaskKind))
    mode: Mapped[TaskMode] = mapped_column(enum_type(TaskMode))
    state: Mapped[TaskState] = mapped_column(enum_type(TaskState))
    version: Mapped[int] = mapped_column(default=0)
    community_id: Mapped[int] = ref("org_node.id")
    grid_id: Mapped[int | None] = maybe_ref("org_node.id")
    unit_id: Mapped[int | None] = maybe_ref("unit.id", comment="mode pair: the unit that is asked")
    title: Mapped[line]
    content: Mapped[str] = mapped_column(Text)
    category: Mapped[short]
    five_help: Mapped[short | None]
    place: Mapped[line]
    place_lat_e6: Mapped[int | None] = mapped_column(comment="of the place, published; a person's position is never stored")
    place_lng_e6: Mapped[int | None]
    place_radius_m: Mapped[int | None]
    starts_at: Mapped[utc]
    ends_at: Mapped[utc]
    planned_minutes: Mapped[int]
    capacity: Mapped[int]
    taken: Mapped[int] = mapped_column(default=0)
    skills: Mapped[json_list]
    risk_note: Mapped[str | None] = mapped_column(Text)
    dangerous: Mapped[bool] = mapped_column(default=False, comment="personal danger: published only when insured")
    insured: Mapped[bool] = mapped_column(default=False)
    claim_needed: Mapped[bool] = mapped_column(default=True, comment="false: whoever comes and scans is present")
    approval_needed: Mapped[bool] = mapped_column(default=True)
    rotating: Mapped[bool] = mapped_column(default=False, comment="its code changes on a screen every 30 s")
    organiser_id: Mapped[int] = ref("person.id", index=True)
    created_by: Mapped[int] = ref("person.id")
    created_at: Mapped[utc]
    published_at: Mapped[utc | None]
    closed_reason: Mapped[str | None] = mapped_column(String(200))


class Shift(Base):
    """A time window of a post (岗位) with its own places."""

    __tablename__ = "shift"
    __table_args__ = (
        CheckConstraint("capacity > 0 AND taken >= 0 AND taken <= capacity", name="capacity_holds"),
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        Index("ix_shift_task_id_starts_at", "task_id", "starts_at"),
    )

    id: Mapped[pk]
    public_id: Mapped[public_id]
    task_id: Mapped[int] = ref("task.id")
    starts_at: Mapped[utc]
    ends_at: Mapped[utc]
    capacity: Mapped[int]
    taken: Mapped[int] = mapped_column(default=0)


class Claim(Base):
    """One person's place on a task or shift. One that holds a place per person and task (or shift), by constraint."""

    __tablename__ = "claim"
    __table_args__ = (
        Index("uq_claim_task", "task_id", "person_id", unique=True, sqlite_where=text(f"shift_id IS NULL AND {HOLDS}"),
              postgresql_where=text(f"shift_id IS NULL AND {HOLDS}")),
        Index("uq_claim_shift", "shift_id", "person_id", unique=True, sqlite_where=text(f"shift_id IS NOT NULL AND {HOLDS}"),
              postgresql_where=text(f"shift_id IS NOT NULL AND {HOLDS}")),
        Index("ix_claim_community_id_state_id", "community_id", "state", "id"),
        Index("ix_claim_person_id_task_id", "person_id", "task_id"),
        Index("ix_claim_task_id_state", "task_id", "state"),
    )  # fmt: skip

    id: Mapped[pk]
    public_id: Mapped[public_id]
    task_id: Mapped[int] = ref("task.id")
    shift_id: Mapped[int | None] = maybe_ref("shift.id")
    person_id: Mapped[int] = ref("person.id")
    community_id: Mapped[int] = ref("org_node.id")
    unit_id: Mapped[int | None] = maybe_ref("unit.id")
    team_id: Mapped[int | None] = maybe_ref("volunteer_team.id")
    state: Mapped[ClaimState] = mapped_column(enum_type(ClaimState))
    version: Mapped[int] = mapped_column(default=0)
    claimed_by: Mapped[int] = ref("person.id", comment="himself, or his team's leader")
    stands_in_for_id: Mapped[int | None] = maybe_ref("claim.id")
    offered_to_id: Mapped[int | None] = maybe_ref("person.id", index=True, comment="asked to stand in, has not answered")
    reason: Mapped[str | None] = mapped_column(String(200), comment="why it was declined or cancelled")
    excuse: Mapped[sealed | None] = mapped_column(comment="why he cannot come, in his own words")
    claimed_at: Mapped[utc]
    decided_at: Mapped[utc | None]
    decided_by: Mapped[int | None] = maybe_ref("person.id")
    reminded_at: Mapped[utc | None]


class VolunteerTeam(Base):
    """A volunteer team (志愿服务队) of a community or a unit."""

    __tablename__ = "volunteer_team"

    id: Mapped[pk]
    public_id: Mapped[public_id]
    community_id: Mapped[int] = ref("org_node.id", index=True)
    unit_id: Mapped[int | None] = maybe_ref("unit.id")
    name: Mapped[line]
    category: Mapped[short]
    leader_id: Mapped[int] = ref("person.id")
    archived_at: Mapped[utc | None]
    created_at: Mapped[utc]


class TeamMember(Base):
    """Membership of a team: asked for, then agreed to by its leader or the community; leaving closes the row."""

    __tablename__ = "team_member"
    __table_args__ = (
        Index("uq_team_member_open", "team_id", "person_id", unique=True, sqlite_where=text("left_at IS NULL"),
              postgresql_where=text("left_at IS NULL")),
    )  # fmt: skip

    id: Mapped[pk]
    team_id: Mapped[int] = ref("volunteer_team.id")
    person_id: Mapped[int] = ref("person.id", index=True)
    asked_at: Mapped[utc]
    joined_at: Mapped[utc | None] = mapped_column(comment="empty while nobody agreed")
    left_at: Mapped[utc | None]
