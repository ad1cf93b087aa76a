"""An undo while somebody else acts on the same thing: one of them waits for the other, and none is thrown out by the database."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Event
from time import monotonic, sleep
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from server.db import statements
from server.db.base import reading, transaction
from server.db.models.platform import Undo
from server.db.models.requests import Request, RequestOffer
from server.domain.permissions import Actor
from server.domain.problems import Problem
from server.domain.requests import OfferState, RequestState
from server.services import decisions, dispatch, endings, request_moves, undos
from server.services.receivers import Receiver
from tests.factories.handling import a_secretary
from tests.factories.people import a_person, a_tree
from tests.factories.requests import a_request

SECOND = timedelta(seconds=1)


def accepts(session: Session, request: Request, receiver: Actor, now: datetime) -> object:
    row = session.query(RequestOffer).filter_by(request_id=request.id).one()
    return dispatch.accept(session, row, actor=receiver, now=now)


def withdraws(session: Session, request: Request, _receiver: Actor, now: datetime) -> object:
    return endings.withdraw(session, request, actor=Actor(request.author_id), now=now)


@pytest.mark.parametrize("act", [accepts, withdraws])
def test_who_answers_at_the_moment_of_the_undo_is_heard(
    *, database: Engine, vaulted: None, redis: Any, now: datetime, act: Callable[..., object]
) -> None:
    """He holds the request already; the undo waits for it before it touches an offer, and finds that he was quicker."""
    with transaction() as session:
        tree = a_tree(session, now)
        secretary, receiver = a_secretary(session, now, tree), Actor(a_person(session, now, "赵师傅").id)
        request = a_request(session, now, tree, state=RequestState.TRIAGED)
        kept = decisions.dispatch(session, request, to=Receiver(person_id=receiver.id), actor=secretary, now=now)
        public_id, request_id = kept.public_id, request.id
    held = Event()

    def answer() -> None:
        with transaction() as session:
            found = request_moves.locked(session, request_id)
            held.set()
            _until_somebody_waits(session)
            act(session, found, receiver, now + SECOND)

    def take_back() -> str:
        try:
            with transaction() as session:
                undos.undo(session, public_id, actor=secretary, now=now + SECOND)
        except Problem as problem:
            return problem.code
        return "undone"

    with ThreadPoolExecutor(2) as pool:
        answered = pool.submit(answer)
        assert held.wait(10)
        assert pool.submit(take_back).result(20) == "UNDO_MOVED"
        answered.result(20)
    with reading() as session:
        assert session.query(RequestOffer.state).scalar() is not OfferState.WAITING
        assert session.query(Undo.undone_at).scalar() is None


def _until_somebody_waits(session: Session) -> None:
    """On SQLite there is one writer; on PostgreSQL wait until the other one stands at our lock."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    end = monotonic() + 10
    while statements.on_postgres(session) and session.execute(waiting).scalar() == 0 and monotonic() < end:
        sleep(0.01)
