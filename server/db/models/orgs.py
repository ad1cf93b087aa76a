"""The org tree, units and their branches."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.db.base import Base
from server.db.types import enum_type, line, maybe_ref, pk, public_id, ref, sealed, short, utc
from server.domain.orgs import Level, UnitCategory


class OrgNode(Base):
    """A node of the tree. `path` is `/1/4/9/` (ids from the root, itself included); mergers end a node by valid_to."""

    __tablename__ = "org_node"
    __table_args__ = (
        Index("ix_org_node_path", "path", postgresql_ops={"path": "varchar_pattern_ops"}),  # found by how it begins, in any collation
        Index("ix_org_node_level", "level"),
    )

    id: Mapped[pk]
    public_id: Mapped[public_id]
    parent_id: Mapped[int | None] = maybe_ref("org_node.id", index=True)
    level: Mapped[Level] = mapped_column(enum_type(Level))
    name: Mapped[line]
    code: Mapped[str | None] = mapped_column(String(32), unique=True)
    path: Mapped[str] = mapped_column(String(200))
    contact_post: Mapped[str | None] = mapped_column(String(100), comment="a post, never a person's name")
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    version: Mapped[int] = mapped_column(default=0)


class Unit(Base):
    """A unit (单位) whose members serve; `community_id` is where its premises are."""

    __tablename__ = "unit"

    id: Mapped[pk]
    public_id: Mapped[public_id]
    name: Mapped[line]
    uscc: Mapped[str | None] = mapped_column(String(18), unique=True, comment="统一社会信用代码")
    category: Mapped[UnitCategory] = mapped_column(enum_type(UnitCategory))
    address: Mapped[str | None] = mapped_column(Text)
    community_id: Mapped[int] = ref("org_node.id", index=True)
    superior: Mapped[str | None] = mapped_column(String(200), comment="所属工委")
    salt: Mapped[sealed]
    contact_name: Mapped[sealed | None]
    contact_phone: Mapped[sealed | None]
    archived_at: Mapped[utc | None]
    created_at: Mapped[utc]
    version: Mapped[int] = mapped_column(default=0)


class UnitBranch(Base):
    """A party branch (支部) of a unit."""

    __tablename__ = "unit_branch"
    __table_args__ = (Index("uq_unit_branch_unit_id_name", "unit_id", "name", unique=True),)

    id: Mapped[pk]
    public_id: Mapped[public_id]
    unit_id: Mapped[int] = ref("unit.id")
    name: Mapped[short]
