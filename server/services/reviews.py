"""评价例会: volunteers, recorded selection or seeded draw, items, minutes, 回炉 list (mission rows C5, C8).

Votes are secret and by one-time token (server/services/review_votes.py). Nobody is asked twice why he did not volunteer (R1).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.db import statements, vault
from server.db.base import new_public_id
from server.db.models.ballots import Cell
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.requests import Request
from server.db.models.reviews import ReviewItem, ReviewMember, ReviewPanel
from server.db.models.sign_offs import SignOff
from server.domain.ballots import LEAST, PANEL_KINDS, cell_key
from server.domain.categories import REQUEST_CATEGORIES
from server.domain.days import local_day, period_end, period_start, start_of
from server.domain.people import ConsentChannel
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.requests import RequestLevel, RequestState
from server.domain.reviews import REVIEW_TRANSITIONS, ItemKind, ReviewAction, ReviewState, drawn, seed_hash
from server.domain.sign_offs import MOST_FAILURES
from server.services import ballot_openings, events, policies, scopes

SEED, MINUTES = "review_panel.sealed_seed", "review_panel.minutes_text"
CLOSED = (RequestState.CLOSED, RequestState.CLOSED_UNRATED, RequestState.CLOSED_EXPLAINED)
LEVEL_NAMES = {RequestLevel.STREET: "街道", RequestLevel.COUNTY: "县级"}


def create(session: Session, *, community: OrgNode, quarter: date, seats: int, actor: Actor, now: datetime) -> ReviewPanel:
    """Call a quarter's panel: sign-up is open, the hash of the draw's seed is public. Raises NOT_FOUND, REVIEW_EXISTS."""
    scopes.require(session, actor, Permission.REVIEWS_HOLD, community.id)
    quarter = period_start("quarter", quarter)
    live = (ReviewPanel.community_id == community.id, ReviewPanel.quarter == quarter, ReviewPanel.state != ReviewState.VOID)
    if session.execute(select(ReviewPanel.id).where(*live)).first() is not None:
        raise Problem("REVIEW_EXISTS")
    seed, salt, public_id = secrets.token_hex(32), vault.new_salt(), new_public_id()
    panel = ReviewPanel(
        public_id=public_id,
        community_id=community.id,
        quarter=quarter,
        state=ReviewState.GATHERING,
        seats=max(LEAST, seats),
        salt=salt,
        seed_hash=seed_hash(seed),
        sealed_seed=vault.seal(salt, SEED, public_id, seed),
        created_by=actor.id,
        created_at=now,
    )
    session.add(panel)
    session.flush()
    events.add(session, panel, action="create", actor=actor, now=now, after=panel.state)
    return panel


def volunteer(
    session: Session,
    panel: ReviewPanel,
    *,
    person: Person,
    actor: Actor,
    now: datetime,
    channel: ConsentChannel = ConsentChannel.APP,
    witness_id: int | None = None,
) -> ReviewMember:
    """Sign up; twice is once. Who has no phone is entered by review_sign_ups. Raises ILLEGAL_MOVE once the members were selected."""
    require_state(panel, ReviewState.GATHERING)
    mine = select(ReviewMember).where(ReviewMember.panel_id == panel.id, ReviewMember.person_id == person.id)
    found = session.execute(mine).scalar_one_or_none()
    if found is not None:
        return found
    made = ReviewMember(panel_id=panel.id, person_id=person.id, signed_up_at=now, channel=channel, witness_id=witness_id)
    session.add(made)
    session.flush()
    return made


def stand_down(session: Session, panel: ReviewPanel, *, actor: Actor) -> None:
    """Take one's name back before the selection. Raises ILLEGAL_MOVE, NOT_FOUND."""
    require_state(panel, ReviewState.GATHERING)
    session.delete(member_of(session, panel, actor))
    session.flush()


def draw(session: Session, panel: ReviewPanel, *, actor: Actor, now: datetime) -> list[ReviewMember]:
    """Draw the seats by the seed whose hash was public, and publish the seed: anyone can repeat it. Raises REVIEW_FEW_VOLUNTEERS."""
    seed = vault.open_sealed(panel.salt, SEED, panel.public_id, panel.sealed_seed)
    by_name = {person.public_id: member for member, person in _volunteers(session, panel)}
    chosen = {by_name[name].id: "按公布的种子抽签" for name in drawn(seed, by_name, panel.seats)}
    return _select(session, panel, chosen, seed=seed, actor=actor, now=now)


def choose(session: Session, panel: ReviewPanel, reasons: Mapping[str, str], *, actor: Actor, now: datetime) -> list[ReviewMember]:
    """组织筛选: name the members, each with a reason that is kept. Raises REVIEW_REASON_REQUIRED, REVIEW_FEW_VOLUNTEERS, NOT_FOUND."""
    by_name = {person.public_id: member for member, person in _volunteers(session, panel)}
    if not set(reasons) <= set(by_name):
        raise Problem("NOT_FOUND")
    if not all(reason.strip() for reason in reasons.values()):
        raise Problem("REVIEW_REASON_REQUIRED")
    return _select(session, panel, {by_name[name].id: why for name, why in reasons.items()}, seed=None, actor=actor, now=now)


def gather(session: Session, panel: ReviewPanel, *, now: datetime) -> list[ReviewItem]:
    """What the panel looks at: the quarter's third failures, and closed requests sampled by the seed. Adds what is not there yet."""
    seed = vault.open_sealed(panel.salt, SEED, panel.public_id, panel.sealed_seed)
    wanted = {request.id: (request, ItemKind.THIRD_FAILURE) for request in _third_failures(session, panel)}
    closed = {request.public_id: request for request in _closed(session, panel)}
    most = policies.value(session, "reviews.sample", today=local_day(now), node_id=panel.community_id)
    for name in drawn(f"{seed}/items", closed, most):
        wanted.setdefault(closed[name].id, (closed[name], ItemKind.SAMPLED))
    there = {item.request_id for item in items_of(session, panel)}
    made = [_item(panel, request, kind) for request, kind in wanted.values() if request.id not in there]
    session.add_all(made)
    session.flush()
    return made


def close(session: Session, panel: ReviewPanel, *, minutes: str, actor: Actor, now: datetime) -> ReviewPanel:
    """Keep the minutes and end the meeting. Raises ILLEGAL_MOVE."""
    text = vault.seal(panel.salt, MINUTES, panel.public_id, minutes)
    return move(session, panel, ReviewAction.CLOSE, actor=actor, now=now, minutes_text=text, closed_at=now)


def minutes_of(panel: ReviewPanel) -> str:
    """The minutes, '' before they were written."""
    return vault.open_sealed(panel.salt, MINUTES, panel.public_id, panel.minutes_text)


def call_off(session: Session, panel: ReviewPanel, *, reason: str, actor: Actor, now: datetime) -> ReviewPanel:
    """Too few came, or it is not held: say why. Raises ILLEGAL_MOVE, NOTE_REQUIRED.

    Votes that wait are deleted unopened: it has no result, they may be fewer than five, and who has the keys later could still read them.
    """
    statements.one_at_a_time(session, ballot_openings.LOCK)  # a box that is typed in just now is through, and gone
    move(session, panel, ReviewAction.CALL_OFF, actor=actor, now=now, note=reason)
    for cell in session.execute(select(Cell).where(Cell.key.in_(cell_keys(panel)))).scalars():
        ballot_openings.destroy(session, cell, now=now)
    return panel


def cell_keys(panel: ReviewPanel) -> list[str]:
    """The keys of the cells in which its votes wait: by phone, by slip, from the box."""
    return [cell_key(kind, panel.community_id, panel.id, panel.quarter) for kind in PANEL_KINDS]


def move(session: Session, panel: ReviewPanel, action: ReviewAction, *, actor: Actor, now: datetime, **changes: Any) -> ReviewPanel:
    """events.move along REVIEW_TRANSITIONS."""
    return events.move(session, panel, table=REVIEW_TRANSITIONS, action=action, actor=actor, now=now, **changes)


def by_public_id(session: Session, public_id: str) -> ReviewPanel:
    """The panel. Raises NOT_FOUND."""
    found = session.execute(select(ReviewPanel).where(ReviewPanel.public_id == public_id)).scalar_one_or_none()
    if found is None:
        raise Problem("NOT_FOUND")
    return found


def of_community(session: Session, community: OrgNode) -> list[ReviewPanel]:
    """Its panels, newest quarter first."""
    mine = select(ReviewPanel).where(ReviewPanel.community_id == community.id)
    return list(session.execute(mine.order_by(ReviewPanel.quarter.desc(), ReviewPanel.id.desc()).limit(40)).scalars())


def member_of(session: Session, panel: ReviewPanel, actor: Actor) -> ReviewMember:
    """The actor's own membership. Raises NOT_FOUND."""
    mine = select(ReviewMember).where(ReviewMember.panel_id == panel.id, ReviewMember.person_id == actor.person_id)
    found = session.execute(mine).scalar_one_or_none()
    if found is None:
        raise Problem("NOT_FOUND")
    return found


def members_of(session: Session, panel: ReviewPanel) -> list[tuple[ReviewMember, Person]]:
    """Volunteers with their persons, in the order of signing up."""
    return _volunteers(session, panel)


def items_of(session: Session, panel: ReviewPanel) -> list[ReviewItem]:
    """What it looks at."""
    return list(session.execute(select(ReviewItem).where(ReviewItem.panel_id == panel.id).order_by(ReviewItem.id)).scalars())


def selected(session: Session, panel: ReviewPanel) -> int:
    """How many members it has."""
    chosen = select(func.count()).where(ReviewMember.panel_id == panel.id, ReviewMember.selected.is_(True))
    return int(session.execute(chosen).scalar_one())


def _select(
    session: Session, panel: ReviewPanel, chosen: Mapping[int, str], *, seed: str | None, actor: Actor, now: datetime
) -> list[ReviewMember]:
    """Write who was selected and why; fewer than five members could not vote in secret."""
    require_state(panel, ReviewState.GATHERING)
    if len(chosen) < max(LEAST, panel.seats if seed is not None else LEAST):
        raise Problem("REVIEW_FEW_VOLUNTEERS")
    note = "按公布的种子抽签" if seed is not None else "组织筛选，逐人写明理由"
    move(session, panel, ReviewAction.SELECT, actor=actor, now=now, note=note, seed=seed, by_draw=seed is not None)
    members = [member for member, _person in _volunteers(session, panel)]
    for member in members:
        member.selected, member.reason = member.id in chosen, chosen.get(member.id)
    session.flush()
    return [member for member in members if member.selected]


def require_state(panel: ReviewPanel, state: ReviewState) -> None:
    """Raise ILLEGAL_MOVE unless the panel stands so."""
    if panel.state is not state:
        raise Problem("ILLEGAL_MOVE", data={"state": panel.state.value})


def _volunteers(session: Session, panel: ReviewPanel) -> list[tuple[ReviewMember, Person]]:
    rows = select(ReviewMember, Person).join(Person, Person.id == ReviewMember.person_id).where(ReviewMember.panel_id == panel.id)
    return [(row[0], row[1]) for row in session.execute(rows.order_by(ReviewMember.id))]


def _third_failures(session: Session, panel: ReviewPanel) -> list[Request]:
    """Requests of the community that were not done for the third time (or more) in the quarter."""
    since, until = start_of(panel.quarter), start_of(period_end("quarter", panel.quarter))
    failed = select(SignOff.request_id).where(SignOff.done.is_(False), SignOff.round >= MOST_FAILURES - 1)
    ids = failed.where(SignOff.at >= since, SignOff.at < until)
    return list(session.execute(select(Request).where(Request.community_id == panel.community_id, Request.id.in_(ids))).scalars())


def _closed(session: Session, panel: ReviewPanel) -> list[Request]:
    since, until = start_of(panel.quarter), start_of(period_end("quarter", panel.quarter))
    mine = (Request.community_id == panel.community_id, Request.state.in_(CLOSED), Request.closed_at >= since, Request.closed_at < until)
    return list(session.execute(select(Request).where(*mine)).scalars())


def _item(panel: ReviewPanel, request: Request, kind: ItemKind) -> ReviewItem:
    """Neutral words made from the category and the dates; nothing that anybody wrote."""
    end = request.closed_at or request.finished_at
    days = (local_day(end) - local_day(request.submitted_at)).days if end and request.submitted_at else 0
    level = LEVEL_NAMES.get(request.level)
    words = f"{REQUEST_CATEGORIES.get(request.category, '诉求')}：办了 {request.round + 1} 轮，用时 {days} 天" + (
        f"，已交{level}" if level else ""
    )
    return ReviewItem(public_id=new_public_id(), panel_id=panel.id, request_id=request.id, kind=kind, text=words)
