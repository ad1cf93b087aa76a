"""The funnel of a place and a period: every request sent in it, once; one statement for the figures (mission row C12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from server.db.models.orgs import OrgNode
from server.db.models.requests import Request
from server.domain.days import start_of
from server.domain.funnels import BUCKET_OF, NOT_CARRIED_ON, Bucket, states_of
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.requests import RequestState
from server.services import lists, request_gists, scopes


@dataclass(frozen=True)
class Funnel:
    """How many were sent, how many of them were carried on, what became of each; `channels`: where the rejected were sent."""

    total: int
    carried_on: int
    buckets: Mapping[Bucket, int]
    channels: Mapping[str, int]


def of(session: Session, *, node: OrgNode, begin: date, end: date, actor: Actor) -> Funnel:
    """The funnel of requests sent in [begin, end) below `node`. Raises NOT_FOUND (out of scope), INVALID (no period)."""
    where = _sent(session, node, begin, end, actor)
    grouped = select(Request.state, Request.reject_channel, func.count()).where(*where).group_by(Request.state, Request.reject_channel)
    buckets, channels = dict.fromkeys(Bucket, 0), dict[str, int]()
    for state, channel, count in session.execute(grouped):
        buckets[BUCKET_OF[state]] += count
        if state is RequestState.REJECTED:
            channels[channel or ""] = channels.get(channel or "", 0) + count
    total = sum(buckets.values())
    return Funnel(total, total - sum(buckets[bucket] for bucket in NOT_CARRIED_ON), buckets, channels)


def drill(
    session: Session,
    *,
    node: OrgNode,
    begin: date,
    end: date,
    bucket: Bucket,
    actor: Actor,
    after: str | None,
    limit: int,
) -> tuple[list[Request], str | None]:
    """The requests of one bucket in the order they came. Raises what `of` raises."""
    where = _sent(session, node, begin, end, actor)
    wanted = select(Request).options(request_gists.WITH_SPOKEN).where(*where, Request.state.in_(states_of(bucket)))
    rows, following = lists.page(session, wanted, Request, after=after, limit=limit)
    return [row[0] for row in rows], following


def bucket_named(text: str) -> Bucket:
    """The bucket with this key. Raises NOT_FOUND."""
    try:
        return Bucket(text)
    except ValueError:
        raise Problem("NOT_FOUND") from None


def _sent(session: Session, node: OrgNode, begin: date, end: date, actor: Actor) -> tuple[ColumnElement[bool], ...]:
    scopes.require(session, actor, Permission.TALLIES_READ, node.id)
    if begin >= end:
        raise Problem("INVALID", fields={"to": "结束日期要晚于开始日期"})
    below: Any = select(OrgNode.id).where(OrgNode.path.startswith(node.path, autoescape=True))
    return (
        Request.community_id.in_(below),
        Request.submitted_at >= start_of(begin),
        Request.submitted_at < start_of(end),
        Request.state != RequestState.DRAFT,
    )
