"""Running numbers of slips, receipts and certificates: one series a kind, community and year, without gaps or doubles (mission row A6)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from server.db.models.orgs import OrgNode
from server.db.models.registrations import SerialCounter
from server.domain.days import local_day

MEMBER, UNIT, SLIP, CERTIFICATE, WISH = "DY", "DW", "BD", "ZM", "WX"  # 党员回执 · 单位回执 · 报到单 · 服务证明 · 微心愿
REQUEST = "SQ"  # 诉求
LONGEST_CODE = 15


def following(session: Session, *, series: str, community: OrgNode, now: datetime) -> str:
    """The next number, such as DY-110101001-2026-00001: taken with the row lock, given back when the transaction fails."""
    year = local_day(now).year
    dialect: Any = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    first = dialect.insert(SerialCounter).values(series=series, community_id=community.id, year=year, last=1)
    key = [SerialCounter.series, SerialCounter.community_id, SerialCounter.year]
    counted = first.on_conflict_do_update(index_elements=key, set_={"last": SerialCounter.last + 1}).returning(SerialCounter.last)
    number = session.execute(counted, execution_options={"synchronize_session": False}).scalar_one()
    code = community.code if community.code and len(community.code) <= LONGEST_CODE else community.public_id
    return f"{series}-{code}-{year}-{number:05d}"


def give_back(session: Session, number: str, *, series: str, community_id: int) -> None:
    """The number was not used after all: the next one may have it, unless a later one was given meanwhile."""
    year, last = (int(part) for part in number.split("-")[-2:])
    key = (SerialCounter.series == series, SerialCounter.community_id == community_id, SerialCounter.year == year)
    freed = update(SerialCounter).where(*key, SerialCounter.last == last).values(last=last - 1)
    session.execute(freed.execution_options(synchronize_session=False))
