"""The limits every scan asks for, kept half a minute per process so that a scan costs no statement for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, or_, select
from sqlalchemy.orm import Session

from server.db import base
from server.db.models.orgs import OrgNode
from server.db.models.platform import PolicyValue
from server.domain.days import local_day
from server.services.policies import POLICIES

KEPT = timedelta(seconds=30)
KEYS = ("checkin.before_minutes", "checkin.after_minutes", "checkin.offline_hours")


@dataclass(frozen=True)
class Windows:
    """How long before the start and after the end a scan counts, and how long a message may wait for a network."""

    before: timedelta
    after: timedelta
    max_age: timedelta


_kept: WeakKeyDictionary[Engine, dict[int, tuple[datetime, Windows]]] = WeakKeyDictionary()


def of_community(session: Session, community_id: int, *, now: datetime) -> Windows:
    """The community's limits; a changed policy holds within 30 s in every process."""
    kept = _kept.setdefault(base.engine(), {})
    found = kept.get(community_id)
    if found is None or not timedelta() <= now - found[0] < KEPT:
        found = kept[community_id] = (now, _read(session, community_id, local_day(now)))
    return found[1]


def _read(session: Session, community_id: int, today: date) -> Windows:
    """All three in one statement: the nearest node's newest row, else the default."""
    path = select(OrgNode.path).where(OrgNode.id == community_id).scalar_subquery()
    rows = session.execute(
        select(PolicyValue.key, PolicyValue.node_id, PolicyValue.value, OrgNode.path)
        .outerjoin(OrgNode, OrgNode.id == PolicyValue.node_id)
        .where(PolicyValue.key.in_(KEYS), PolicyValue.valid_from <= today)
        .where(or_(PolicyValue.node_id.is_(None), path.startswith(OrgNode.path)))
        .order_by(PolicyValue.valid_from, PolicyValue.id)
    ).all()
    values = {key: int(POLICIES[key].default) for key in KEYS}
    for row in sorted(rows, key=lambda row: len(row.path or "")):  # stable: of one node the newest comes last
        values[row.key] = int(row.value)
    before, after, hours = (values[key] for key in KEYS)
    return Windows(timedelta(minutes=before), timedelta(minutes=after), timedelta(hours=hours))
