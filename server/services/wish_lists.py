"""Micro-wishes as lists: what waits to be claimed, the community's own list, one's own; and their figures (docs/rules.md §3.4, §4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, func, or_, select, tuple_
from sqlalchemy.orm import Session

from server.db.models.orgs import OrgNode
from server.db.models.wishes import Wish
from server.domain.days import start_of
from server.domain.permissions import GRANTS, Actor, Permission
from server.domain.problems import Problem
from server.domain.rates import Rate, rate
from server.domain.wishes import TAKEN, WishState
from server.services import lists, scopes, wish_claims, wishes


class Side(StrEnum):
    """As what somebody looks at a wish; each sees only what is his."""

    STAFF = "staff"
    WISHER = "wisher"
    CLAIMANT = "claimant"
    PUBLIC = "public"


@dataclass(frozen=True)
class WishFigures:
    """Of the wishes published in a period: how many, claimed, confirmed by now; a wish put back counts as not claimed."""

    published: int
    claimed: int
    confirmed: int
    wish_claim_rate: Rate | None
    wish_fulfil_rate: Rate | None


def shelf(session: Session, *, community: OrgNode, after: str | None, limit: int) -> tuple[list[Wish], str | None]:
    """What waits to be claimed, those of earlier rounds first, then the older ones. Raises INVALID for a cursor that is none."""
    wanted = select(Wish).where(Wish.community_id == community.id, Wish.state == WishState.PUBLISHED)
    if after is not None:
        wanted = wanted.where(tuple_(-Wish.round, Wish.id) > _place(session, after))
    rows = list(session.execute(wanted.order_by(-Wish.round, Wish.id).limit(limit + 1)).scalars())
    return rows[:limit], rows[limit - 1].public_id if len(rows) > limit else None


def of_community(
    session: Session, *, community: OrgNode, state: WishState | None, actor: Actor, after: str | None, limit: int
) -> tuple[list[Wish], str | None]:
    """The community's list for staff, by the order they came. Raises NOT_FOUND out of scope."""
    scopes.require(session, actor, Permission.WISHES_MANAGE, community.id)
    wanted = select(Wish).where(Wish.community_id == community.id)
    return _page(session, wanted if state is None else wanted.where(Wish.state == state), after, limit)


def own(session: Session, *, actor: Actor, after: str | None, limit: int) -> tuple[list[Wish], str | None]:
    """The wishes of the person and of his wards."""
    return _page(session, select(Wish).where(or_(Wish.person_id == actor.id, Wish.guardian_id == actor.id)), after, limit)


def claimed(session: Session, *, actor: Actor, after: str | None, limit: int) -> tuple[list[Wish], str | None]:
    """What the person claimed, for himself or for a unit he is liaison of."""
    units = [grant.unit_id for grant in actor.grants if grant.unit_id is not None and Permission.WISHES_CLAIM in GRANTS[grant.role]]
    his: ColumnElement[bool] = Wish.claimant_id == actor.id
    return _page(session, select(Wish).where(or_(his, Wish.claimant_unit_id.in_(units)) if units else his), after, limit)


def readable(session: Session, public_id: str, *, actor: Actor) -> tuple[Wish, Side]:
    """The wish and as what the actor sees it; strangers see it only while it waits to be claimed. Raises NOT_FOUND."""
    wish = wishes.by_public_id(session, public_id)
    side = side_of(session, wish, actor)
    if side is Side.PUBLIC and wish.state is not WishState.PUBLISHED:
        raise Problem("NOT_FOUND")
    return wish, side


def side_of(session: Session, wish: Wish, actor: Actor) -> Side:
    """Staff of the community, wisher or guardian, claimant, or anybody."""
    if scopes.allows(session, actor, Permission.WISHES_MANAGE, wish.community_id):
        return Side.STAFF
    if wishes.of_wisher(wish, actor):
        return Side.WISHER
    return Side.CLAIMANT if wish_claims.of_claimant(wish, actor) else Side.PUBLIC


def figures(session: Session, *, node: OrgNode, first: date, before: date, actor: Actor) -> WishFigures:
    """Of the wishes published on the days first ≤ day < before below the node, in one statement. Raises NOT_FOUND out of scope."""
    scopes.require(session, actor, Permission.TALLIES_READ, node.id)
    below = select(OrgNode.id).where(OrgNode.path.startswith(node.path, autoescape=True))
    counted = (
        func.count(),
        func.count().filter(Wish.state.in_(TAKEN)),
        func.count().filter(Wish.state == WishState.CONFIRMED),
    )
    period = (Wish.published_at >= start_of(first), Wish.published_at < start_of(before))
    row: Sequence[int] = session.execute(select(*counted).where(Wish.community_id.in_(below), *period)).one()
    published, taken, confirmed = (int(value) for value in row)
    return WishFigures(published, taken, confirmed, rate(taken, published), rate(confirmed, taken))


def _page(session: Session, wanted: Select[Wish], after: str | None, limit: int) -> tuple[list[Wish], str | None]:
    rows, following = lists.page(session, wanted, Wish, after=after, limit=limit)
    return [row[0] for row in rows], following


def _place(session: Session, after: str) -> tuple[int, int]:
    row = session.execute(select(-Wish.round, Wish.id).where(Wish.public_id == after)).one_or_none()
    if row is None:
        raise Problem("INVALID", fields={"after": "翻页位置已失效，请回到第一页"})
    return row[0], row[1]
