"""Micro-wishes of the tests, made through the services: 银杏奶奶 wishes for a radio."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import count

from sqlalchemy.orm import Session

from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.wishes import Wish
from server.domain.days import local_day
from server.domain.people import ConsentChannel
from server.domain.permissions import Actor, Role
from server.domain.wishes import WishGroup, WishState, Words
from server.services import wish_claims, wishes
from server.services.wishes import Collected, Wisher
from tests.factories.people import Tree, a_person, actor_of, with_role

_phones = count(13600000001)
WORDS = Words("银杏奶奶", "想要一台声音大、按键大的收音机", 12_000)
CHILD = Words("小树苗", "一套五年级的课外书", 8_000)


def noted(*, name: str = "王秀英", child: bool = False, grid: OrgNode | None = None, words: Words | None = None) -> Collected:
    """What was noted at the door, by word of mouth."""
    phone = str(next(_phones))
    made = Collected(Wisher(name, phone), WishGroup.LIVING_ALONE, words or WORDS, ConsentChannel.SPOKEN, grid=grid)
    if not child:
        return made
    return replace(made, wisher=Wisher("王小树"), group=WishGroup.CHILD, words=words or CHILD, guardian=Wisher(name, phone))


def a_wish(
    session: Session,
    now: datetime,
    tree: Tree,
    state: WishState = WishState.PUBLISHED,
    *,
    child: bool = False,
    words: Words | None = None,
    claimant: Person | None = None,
) -> Wish:
    """A wish of 示例社区 that has come as far as `state`."""
    clerk = actor_of(session, with_role(session, now, Role.CLERK, tree.community), now)
    wish = wishes.collect(session, community=tree.community, noted=noted(child=child, words=words), actor=clerk, now=now)
    by = Actor((claimant or a_person(session, now, "认领人")).id)
    shown = words or (CHILD if child else WORDS)
    steps = (
        lambda: wishes.verify(session, wish, visited_on=local_day(now), note="家中收音机已坏", actor=clerk, now=now),
        lambda: wishes.publish(session, wish, words=shown, actor=clerk, now=now),
        lambda: wish_claims.claim(session, wish, actor=by, now=now),
        lambda: wish_claims.mark_contacted(session, wish, actor=by, now=now),
        lambda: wish_claims.fulfil(session, wish, actor=by, now=now),
    )
    for step in steps:
        if wish.state is state:
            return wish
        step()
    return wish
