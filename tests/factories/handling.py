"""Requests of the tests from dispatch to finished, made through the services."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from server.db.models.people import Person
from server.db.models.requests import Request
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.requests import RequestState
from server.services import dispatch, handling
from server.services.receivers import Receiver
from tests.factories.people import Tree, a_person, actor_of, with_role
from tests.factories.requests import a_request

STEPS = (RequestState.TRIAGED, RequestState.DISPATCHED, RequestState.ACCEPTED, RequestState.IN_PROGRESS, RequestState.FINISHED)


def a_secretary(session: Session, now: datetime, tree: Tree) -> Actor:
    """The secretary of 示例社区, signed in."""
    return actor_of(session, with_role(session, now, Role.SECRETARY, tree.community), now)


def handled(
    session: Session,
    now: datetime,
    tree: Tree,
    *,
    handler: Person | None = None,
    state: RequestState = RequestState.IN_PROGRESS,
    **over: Any,
) -> tuple[Request, Actor]:
    """A request in this state on the straight way, and its handler (a person who said yes)."""
    request = a_request(session, now, tree, state=RequestState.TRIAGED, **over)
    person = handler or a_person(session, now, "赵师傅")
    actor = Actor(person.id)
    upto = STEPS.index(state)
    if upto >= 1:
        offer = dispatch.dispatch(session, request, to=Receiver(person_id=person.id), actor=SYSTEM, now=now)
        if upto >= 2:
            dispatch.accept(session, offer, actor=actor, now=now)
    if upto >= 3:
        handling.start(session, request, actor=actor, now=now)
    if upto >= 4:
        handling.finish(session, request, result="换了灯管", actor=actor, now=now)
    return request, actor
