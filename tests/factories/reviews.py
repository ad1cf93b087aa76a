"""评价例会 of the tests, made through the services: volunteers, an open vote, votes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from server.db.models.people import Person
from server.db.models.requests import Request
from server.db.models.reviews import ReviewPanel
from server.domain.permissions import Actor
from server.domain.reviews import Vote
from server.services import review_slips, review_votes, reviews, sign_offs
from tests.factories.people import Tree, a_person
from tests.factories.ratings import a_finished, quarter_of, rater


def a_panel(session: Session, now: datetime, tree: Tree, holder: Actor, volunteers: int) -> tuple[ReviewPanel, list[Person]]:
    """A panel of this quarter with so many volunteers."""
    panel = reviews.create(session, community=tree.community, quarter=quarter_of(now), seats=5, actor=holder, now=now)
    people = [a_person(session, now, f"评议员{number}") for number in range(volunteers)]
    for person in people:
        reviews.volunteer(session, panel, person=person, actor=Actor(person.id), now=now)
    return panel, people


def a_closed(session: Session, now: datetime, tree: Tree) -> Request:
    """A request that was signed off."""
    request = a_finished(session, now, tree)
    return sign_offs.sign(session, request, done=True, actor=rater(request), now=now)


def a_vote(session: Session, now: datetime, tree: Tree, holder: Actor, volunteers: int = 5) -> tuple[ReviewPanel, list[Person]]:
    """A panel whose vote is open, its tokens in Redis."""
    panel, people = a_panel(session, now, tree, holder, volunteers)
    reviews.choose(session, panel, {person.public_id: "了解情况" for person in people}, actor=holder, now=now)
    review_votes.open_vote(session, panel, actor=holder, now=now)
    for hook in session.info.pop("hooks", []):
        hook()
    return panel, people


def vote(session: Session, now: datetime, panel: ReviewPanel, people: Sequence[Person], said: Sequence[Vote]) -> None:
    """Each says one thing of all items, twice."""
    items = [item.public_id for item in reviews.items_of(session, panel)]
    for person, one in zip(people, said, strict=False):
        ticket = review_votes.issue(session, panel, actor=Actor(person.id), now=now)
        for _ in range(2):
            review_votes.receive(session, token=ticket.token, cell_public_id=ticket.cell.public_id, votes=dict.fromkeys(items, one))


def sign_for_slips(session: Session, now: datetime, panel: ReviewPanel, people: Sequence[Person], clerk: Actor) -> list[str]:
    """Print the slips and have each of these people draw one; the codes that were drawn."""
    codes = review_slips.print_codes(session, panel, actor=clerk, now=now)
    for person in people:
        review_slips.hand_out(session, panel, person=person, actor=clerk, now=now)
    return codes[: len(people)]
