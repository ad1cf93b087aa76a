"""The scrolled lists of requests: every row once, in order, nobody else's."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from server.db.models.requests import Request
from server.domain.permissions import Actor, Role
from server.domain.problems import Problem
from server.domain.requests import RequestState
from server.services import request_lists
from tests.factories.people import Tree, a_person, a_tree, actor_of, with_role
from tests.factories.requests import a_request, a_requester

S = RequestState


@pytest.fixture
def tree(session: Session, now: datetime) -> Tree:
    return a_tree(session, now)


def scrolled(page: Any, limit: int) -> list[int]:
    """All ids, page after page."""
    found: list[int] = []
    after = None
    while True:
        rows, after = page(after=after, limit=limit)
        found += [row.id for row in rows]
        if after is None:
            return found


def put(session: Session, request: Request, **values: Any) -> None:
    """Set what other services would have written."""
    session.execute(update(Request).where(Request.id == request.id).values(**values))


def code_of(act: Any) -> str:
    with pytest.raises(Problem) as refused:
        act()
    return refused.value.code


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_the_queue_is_by_date_and_what_waits_comes_last(session: Session, tree: Tree, now: datetime, limit: int) -> None:
    clerk = actor_of(session, with_role(session, now, Role.CLERK, tree.community), now)
    made = [a_request(session, now, tree, content=f"第{number}件") for number in range(7)]
    dates = [3, 1, None, 2, 1, None, 2]
    for request, days in zip(made, dates, strict=True):
        put(session, request, due_at=now + timedelta(days=days) if days else None)
    put(session, made[3], state=S.CLOSED)
    a_request(session, now, tree, community=tree.neighbour)
    a_request(session, now, tree, state=S.DRAFT)
    found = scrolled(lambda **at: request_lists.queue(session, community=tree.community, actor=clerk, **at), limit)
    assert found == [made[place].id for place in (1, 4, 6, 0, 2, 5)]


def test_the_queue_is_the_community_s_own(session: Session, tree: Tree, now: datetime) -> None:
    def refused(actor: Actor, after: str | None = None) -> str:
        return code_of(lambda: request_lists.queue(session, community=tree.community, actor=actor, after=after, limit=9))

    assert refused(actor_of(session, with_role(session, now, Role.SECRETARY, tree.neighbour), now)) == "NOT_FOUND"
    assert refused(Actor(a_person(session, now).id)) == "NOT_FOUND"
    assert refused(actor_of(session, with_role(session, now, Role.CLERK, tree.community), now), "nothing") == "INVALID"


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_one_category_in_one_state_newest_first(session: Session, tree: Tree, now: datetime, limit: int) -> None:
    county = actor_of(session, with_role(session, now, Role.COUNTY, tree.county), now)
    here = [a_request(session, now, tree, content=f"第{number}件") for number in range(3)]
    there = a_request(session, now, tree, community=tree.neighbour)
    put(session, here[1], state=S.ESCALATED)
    a_request(session, now, tree, category="elder_care")

    def page(node: Any) -> list[int]:
        asked = {"node": node, "category": "repairs", "state": S.SUBMITTED, "actor": county}
        return scrolled(lambda **at: request_lists.of_county(session, **asked, **at), limit)

    assert page(tree.county) == [there.id, here[2].id, here[0].id]
    assert page(tree.community) == [here[2].id, here[0].id]
    clerk = actor_of(session, with_role(session, now, Role.CLERK, tree.community), now)
    asked = {"node": tree.county, "category": "repairs", "state": S.SUBMITTED, "after": None, "limit": 9}
    assert code_of(lambda: request_lists.of_county(session, actor=clerk, **asked)) == "NOT_FOUND"


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_one_s_own_by_whoever_entered_them(session: Session, tree: Tree, now: datetime, limit: int) -> None:
    mother, daughter = a_requester(session, now, "王阿姨"), a_requester(session, now, "李女儿")
    made = [a_request(session, now, tree, mother, content=f"第{number}件") for number in range(2)]
    made += [a_request(session, now, tree, daughter, asked_for=mother, content="代办")]
    unsent = a_request(session, now, tree, daughter, S.DRAFT, asked_for=mother, content="没写完")
    alone = a_request(session, now, tree, daughter, content="自己的")
    a_request(session, now, tree)

    def page(person_id: int) -> list[int]:
        return scrolled(lambda **at: request_lists.own(session, actor=Actor(person_id), **at), limit)

    assert page(mother.id) == [row.id for row in reversed(made)]
    assert page(daughter.id) == [alone.id, unsent.id, made[2].id]
