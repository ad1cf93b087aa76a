"""Bringing a database to the newest schema (`gongjian db upgrade`)."""

from __future__ import annotations

from sqlalchemy import Engine

import server.db.models  # noqa: F401 - fills the metadata
from server.db.base import Base


def upgrade(engine: Engine) -> None:
    """Make or upgrade all tables."""
    Base.metadata.create_all(engine)
