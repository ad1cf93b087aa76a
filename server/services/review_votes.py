"""Votes of a panel: one-time tokens of a pool, envelopes, counting, and the 回炉 list (docs/protocol.md §4).

The same path as ratings: that a member fetched a token is known, which one is not; a vote comes without login and waits sealed; all are
opened together, shuffled, each item's vote under a key of its own. Paper slips are in server/services/review_slips.py. The votes are
counted for the decision and shown to nobody: where all agree, or where it is hidden that they do, they would tell what each one voted.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from server.db import statements
from server.db.models.ballots import Cell
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.requests import Request
from server.db.models.reviews import ReviewItem, ReviewMember, ReviewPanel, ReviewVote
from server.domain.ballots import LEAST, CellKind
from server.domain.days import local_day
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.requests import Channel
from server.domain.reviews import ReviewAction, ReviewState, Verdict, Vote, verdict, votes_needed
from server.services import ballot_openings, ballot_pools, ballots, policies, requests, review_slips, reviews, scopes, sessions
from server.services.ballots import Ticket
from server.services.requests import Details


def open_vote(session: Session, panel: ReviewPanel, *, actor: Actor, now: datetime) -> ReviewPanel:
    """Fix the items and make the tokens. Raises ILLEGAL_MOVE, REVIEW_NO_ITEMS."""
    if panel.state is ReviewState.SELECTED:
        reviews.gather(session, panel, now=now)
        if not reviews.items_of(session, panel):
            raise Problem("REVIEW_NO_ITEMS")
    cell = review_slips.cell(session, panel, CellKind.PANEL)
    reviews.move(session, panel, ReviewAction.OPEN_VOTE, actor=actor, now=now, cell_id=cell.id)
    ballot_pools.stock(session, cell)
    return panel


def prepare(session: Session, panel: ReviewPanel, *, actor: Actor) -> None:
    """Make sure that there are tokens; committed before issue(). Raises what issue() raises."""
    _member(session, panel, actor)
    ballot_pools.stock(session, _cell(session, panel))


def issue(session: Session, panel: ReviewPanel, *, actor: Actor, now: datetime) -> Ticket:
    """A member's token, the same again within ten minutes. Raises NOT_FOUND, ILLEGAL_MOVE, BALLOT_TOKEN_TAKEN, UNAVAILABLE."""
    member = _member(session, panel, actor)
    first = update(ReviewMember).where(ReviewMember.id == member.id, ReviewMember.token_on.is_(None)).values(token_on=local_day(now))
    taken: Any = session.execute(first.execution_options(synchronize_session=False))
    cell = _cell(session, panel)
    kept = f"{panel.public_id}:{actor.id}"
    return Ticket(ballot_pools.draw(cell, kept=kept, fresh=taken.rowcount == 1), cell)


def receive(session: Session, *, token: str, cell_public_id: str, votes: Mapping[str, Vote]) -> None:
    """Keep a member's votes (item's public id → vote) sealed until the count; says nothing, as ballots.receive()."""
    ballots.receive(session, token=token, cell_public_id=cell_public_id, body=review_slips.packed(votes), panel=True)


def count(session: Session, panel: ReviewPanel, *, actor: Actor, now: datetime) -> ReviewPanel:
    """Open all votes at once and write each item's verdict. Raises ILLEGAL_MOVE, NOT_FOUND, REVIEW_TURNOUT (too few voted yet)."""
    scopes.require(session, actor, Permission.REVIEWS_HOLD, panel.community_id)
    statements.one_at_a_time(session, ballot_openings.LOCK)  # before the check: a box that is typed in just now is through
    if panel.state is ReviewState.VOTING:
        _check(session, panel, now)
    reviews.move(session, panel, ReviewAction.COUNT, actor=actor, now=now, counted_at=now)
    cells = review_slips.cells(session, panel)
    for cell in cells:
        cell.closed_on = local_day(now)
    session.flush()  # before the opening: a vote on its way is through, or finds the cell closed
    _check_slips(session, panel)
    items = reviews.items_of(session, panel)
    typed = _opened(session, [cell for cell in cells if cell.kind is CellKind.PANEL_BOX], items)
    secret = _opened(session, [cell for cell in cells if cell.kind is not CellKind.PANEL_BOX], items)
    session.execute(insert(ReviewVote), ballot_openings.shuffled([_row(item, one) for item in items for one in typed + secret]))
    for item in items:
        item.verdict = verdict(Counter(one[item.public_id] for one in typed), Counter(one[item.public_id] for one in secret))
    session.flush()
    return panel


def needed(session: Session, panel: ReviewPanel, *, now: datetime) -> int:
    """The minimum turnout of this panel."""
    percent = policies.value(session, "reviews.turnout_percent", today=local_day(now), node_id=panel.community_id)
    return votes_needed(reviews.selected(session, panel), percent, LEAST)


def reopen(session: Session, panel: ReviewPanel, item: ReviewItem, *, actor: Actor, now: datetime) -> Request:
    """回炉: a closed request that was voted not solved begins again as a new one, linked to it; asked twice it is the same one.

    Raises NOT_FOUND, ILLEGAL_MOVE (not counted, voted solved, or not closed: an open one goes on by itself).
    """
    scopes.require(session, actor, Permission.REVIEWS_HOLD, panel.community_id)
    if item.reopened_id is not None:
        return session.get_one(Request, item.reopened_id)
    old = session.get_one(Request, item.request_id)
    if (
        panel.state not in (ReviewState.COUNTED, ReviewState.CLOSED)
        or item.verdict is not Verdict.UNSOLVED
        or old.state not in reviews.CLOSED
    ):
        raise Problem("ILLEGAL_MOVE", data={"state": panel.state.value, "action": "reopen"})
    made = _again(session, old, actor=actor, now=now)
    item.reopened_id = made.id
    session.flush()
    requests.tell(session, made, outcome="reopened", now=now)
    return made


def _again(session: Session, old: Request, *, actor: Actor, now: datetime) -> Request:
    """A new request of the same matter and people, sealed under a salt of its own, in the queue for triage."""
    grid = session.get_one(OrgNode, old.grid_id) if old.grid_id is not None else None
    made = requests.draft(
        session,
        author=session.get_one(Person, old.author_id),
        asked_for=session.get_one(Person, old.asked_for_id),
        community=session.get_one(OrgNode, old.community_id),
        channel=Channel.REVIEW,
        details=Details(old.category, requests.words(old) or None, requests.place(old) or None, old.urgency, grid=grid),
        text_check=old.text_check,
        actor=actor,
        now=now,
    )
    made.reopened_from_id = old.id
    return requests.send(session, made, actor=actor, now=now)


def _check(session: Session, panel: ReviewPanel, now: datetime) -> None:
    """Enough votes, and no more slips than were signed for: "more ballots than voters" is no vote."""
    if review_slips.waiting(session, panel) < needed(session, panel, now=now):
        raise Problem("REVIEW_TURNOUT")
    _check_slips(session, panel)


def _check_slips(session: Session, panel: ReviewPanel) -> None:
    if review_slips.used(session, panel) > review_slips.handed_out(session, panel):
        raise Problem("REVIEW_SLIPS_OVER")


def _opened(session: Session, cells: Sequence[Cell], items: Sequence[ReviewItem]) -> list[dict[str, Vote]]:
    """What each envelope says of each item; of one that it leaves out, 说不准: rows that are missing would tell something, too."""
    said = [json.loads(text) for text in ballot_openings.take_out(session, [cell.id for cell in cells])]
    return [{item.public_id: Vote(one.get(item.public_id, Vote.UNSURE)) for item in items} for one in said]


def _row(item: ReviewItem, votes: Mapping[str, Vote]) -> dict[str, Any]:
    return {"key": secrets.token_hex(16), "item_id": item.id, "vote": votes[item.public_id]}


def _member(session: Session, panel: ReviewPanel, actor: Actor) -> ReviewMember:
    sessions.require_own_phone(actor)
    member = reviews.member_of(session, panel, actor)
    if not member.selected:
        raise Problem("NOT_FOUND")
    if panel.state is not ReviewState.VOTING:
        raise Problem("ILLEGAL_MOVE", data={"state": panel.state.value, "action": "vote"})
    return member


def _cell(session: Session, panel: ReviewPanel) -> Cell:
    return session.execute(select(Cell).where(Cell.id == panel.cell_id)).scalar_one()
