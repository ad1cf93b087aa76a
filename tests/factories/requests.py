"""Requests of the tests, made through the services: a street lamp, asked for by somebody who agreed to being served."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from server.db.models.people import Person
from server.db.models.requests import Request
from server.domain.people import Purpose
from server.domain.permissions import SYSTEM, Actor
from server.domain.requests import Channel, CheckState, RequestState
from server.services import consents, requests, triage
from server.services.requests import Details
from server.services.triage import Judgement
from tests.factories.people import Tree, a_person


def a_requester(session: Session, now: datetime, name: str = "王阿姨") -> Person:
    """Somebody who agreed to being served."""
    person = a_person(session, now, name)
    agree(session, now, person)
    return person


def agree(session: Session, now: datetime, person: Person) -> None:
    """The person agrees in the app."""
    consents.give(session, person=person, purpose=Purpose.SERVICE, actor=Actor(person.id), now=now)


def a_request(
    session: Session, now: datetime, tree: Tree, person: Person | None = None, state: RequestState = RequestState.SUBMITTED, **over: Any
) -> Request:
    """A DRAFT, SUBMITTED or TRIAGED request; `over` replaces fields of Details, or community, asked_for, channel, text_check."""
    author = person or a_requester(session, now)
    asked_for = over.pop("asked_for", author)
    agree(session, now, asked_for)
    place = {"community": over.pop("community", tree.community), "channel": over.pop("channel", Channel.APP)}
    text_check = over.pop("text_check", CheckState.PASSED)
    details = Details(**{"category": "repairs", "content": "3号楼楼道灯不亮", "place": "3号楼", **over})
    common: dict[str, Any] = {"author": author, "asked_for": asked_for, "details": details, "text_check": text_check, **place}
    made = requests.draft(session, actor=Actor(author.id), now=now, **common)
    if state is RequestState.DRAFT:
        return made
    requests.send(session, made, actor=Actor(author.id), now=now)
    if state is RequestState.TRIAGED:
        triage.accept(session, made, judgement=Judgement(), actor=SYSTEM, now=now)
    if made.state is not state:
        raise ValueError(f"a request cannot be made {state}")
    return made
