"""A panel's votes on paper, for members without a phone (R6; docs/protocol.md §4).

As many slips as there are members are printed, each with a one-time code whose hash alone is kept. A member draws one unseen: that he took
a slip is noted with his name, which one nobody knows. Its code is his token: he types his votes in himself on any device, or he puts the
marked slip into the box, and a clerk types in five or more of them together.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from server.db import statements, vault
from server.db.base import new_public_id
from server.db.models.ballots import Cell, Envelope, PoolToken
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.reviews import ReviewItem, ReviewMember, ReviewPanel
from server.domain.ballots import LEAST, PANEL_KINDS, CellKind, padded
from server.domain.days import local_day, quarter_name
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.reviews import VOTE_NAMES, ReviewState, Vote
from server.services import ballot_openings, ballots, events, reviews, scopes

ADDRESS = "/vote"  # of the public page where a slip's code is typed in
ADVICE = (
    "每件事在一个方框里打勾，不要写姓名。折好投进票箱，或者在会场设备、任何一部手机上自己填。"
    "编号只能用一次；纸条是打乱后抽的，没有登记谁抽了哪一张。投进票箱的由工作人员录入，他看得到纸条，不知道是谁的。"
)
ON_PAPER = (CellKind.PANEL_SLIPS, CellKind.PANEL_BOX)


@dataclass(frozen=True)
class Slip:
    """What the code of a slip leads to: its panel's items, and token and cell to vote with."""

    panel: ReviewPanel
    items: Sequence[ReviewItem]
    token: str
    cell: Cell


def plain(code: str) -> str:
    """A code as it is hashed: blanks and dashes do not matter, O is 0, I and L are 1."""
    return "".join(code.upper().replace("-", "").split()).translate(str.maketrans("OIL", "011"))


def print_codes(session: Session, panel: ReviewPanel, *, actor: Actor, now: datetime) -> list[str]:
    """Fresh codes, one for each member; those printed before are void. They are nowhere but in the answer.

    Raises NOT_FOUND, ILLEGAL_MOVE (no vote is open), REVIEW_SLIPS_OUT (somebody has one already).
    """
    _require(session, panel, actor)
    if handed_out(session, panel) or used(session, panel):
        raise Problem("REVIEW_SLIPS_OUT")
    into = cell(session, panel, CellKind.PANEL_SLIPS)
    session.execute(delete(PoolToken).where(PoolToken.cell_id == into.id))
    codes = [new_public_id() for _ in range(reviews.selected(session, panel))]
    rows = [{"token_hash": vault.token_hash(code), "cell_id": into.id} for code in codes]
    session.execute(insert(PoolToken), ballot_openings.shuffled(rows))
    events.add(session, panel, action="print_slips", actor=actor, now=now, note=str(len(codes)))
    return codes


def drawn(session: Session, panel: ReviewPanel, codes: Sequence[str], *, base: str) -> Callable[[], bytes]:
    """The sheet to print, drawn when called: outside the transaction. `base` is the public address of this service."""
    from qr import slips as drawing

    place = session.get_one(OrgNode, panel.community_id).name
    said = drawing.Ballot(
        title=f"{place} {quarter_name(panel.quarter)}评价例会 匿名票",
        advice=ADVICE,
        questions=tuple(item.text for item in reviews.items_of(session, panel)),
        answers=tuple(VOTE_NAMES[vote] for vote in Vote),
        link=f"{base.rstrip('/')}{ADDRESS}",
    )
    return partial(drawing.pdf, said, list(codes))


def hand_out(session: Session, panel: ReviewPanel, *, person: Person, actor: Actor, now: datetime) -> None:
    """签收: this member drew a slip; a slip or a token, one vote each.

    Raises NOT_FOUND (no member), ILLEGAL_MOVE, REVIEW_SLIPS_UNPRINTED, BALLOT_TOKEN_TAKEN (has a token or a slip already).
    """
    member = _member(session, panel, person, actor)
    if not _printed(session, panel):
        raise Problem("REVIEW_SLIPS_UNPRINTED")
    taking = update(ReviewMember).where(ReviewMember.id == member.id, ReviewMember.token_on.is_(None))
    if not _changed(session, taking.values(token_on=local_day(now), on_paper=True)):
        raise Problem("BALLOT_TOKEN_TAKEN")
    events.add(session, panel, action="hand_out_slip", actor=actor, now=now)


def give_back(session: Session, panel: ReviewPanel, *, person: Person, actor: Actor, now: datetime) -> None:
    """He gives his slip back unused, or it was noted by mistake. Raises as hand_out(), REVIEW_SLIPS_OVER (all that are out have voted)."""
    member = _member(session, panel, person, actor)
    if used(session, panel) >= handed_out(session, panel):
        raise Problem("REVIEW_SLIPS_OVER")
    giving = update(ReviewMember).where(ReviewMember.id == member.id, ReviewMember.on_paper.is_(True))
    if not _changed(session, giving.values(token_on=None, on_paper=False)):
        raise Problem("NOT_FOUND")
    events.add(session, panel, action="give_back_slip", actor=actor, now=now)


def find(session: Session, code: str) -> Slip:
    """What a slip's code leads to. Raises REVIEW_SLIP_UNKNOWN (also once its vote is over), REVIEW_SLIP_USED."""
    token = plain(code)
    found = select(Cell).join(PoolToken, PoolToken.cell_id == Cell.id).where(PoolToken.token_hash == vault.token_hash(token))
    where = session.execute(found.where(Cell.kind == CellKind.PANEL_SLIPS, Cell.closed_on.is_(None))).scalar_one_or_none()
    if where is None:
        raise Problem("REVIEW_SLIP_UNKNOWN")
    if session.get(Envelope, vault.token_hash(token)) is not None:
        raise Problem("REVIEW_SLIP_USED")
    voting = select(ReviewPanel).where(ReviewPanel.community_id == where.node_id, ReviewPanel.state == ReviewState.VOTING)
    panel = next((one for one in session.execute(voting).scalars() if where.key in reviews.cell_keys(one)), None)
    if panel is None:  # counted between the two statements
        raise Problem("REVIEW_SLIP_UNKNOWN")
    return Slip(panel, reviews.items_of(session, panel), token, where)


def enter(session: Session, panel: ReviewPanel, slips: Sequence[tuple[str, Mapping[str, Vote]]], *, actor: Actor, now: datetime) -> None:
    """Type in the box: code and votes of each slip, five or more together. Who types has seen them, so they wait apart.

    Raises NOT_FOUND, ILLEGAL_MOVE, REVIEW_OWN_BOX (a member knows one vote more), SLIPS_FEW, REVIEW_SLIPS_OVER (more than were signed
    for), REVIEW_SLIP_UNKNOWN, REVIEW_SLIP_USED (also one that is typed in twice; `data` says the place of the wrong one, from 1).
    """
    _require(session, panel, actor)
    if any(person.id == actor.person_id for _, person in members(session, panel, actor=actor)):
        raise Problem("REVIEW_OWN_BOX")
    if len(slips) < LEAST:
        raise Problem("SLIPS_FEW")
    hashes = [vault.token_hash(plain(code)) for code, _ in slips]
    _check(session, panel, hashes)
    box = cell(session, panel, CellKind.PANEL_BOX)
    for digest, votes in ballot_openings.shuffled(list(zip(hashes, (votes for _, votes in slips), strict=True))):
        ballots.put(session, digest, box.id, packed(votes))
    events.add(session, panel, action="enter_slips", actor=actor, now=now, note=str(len(slips)))


def members(session: Session, panel: ReviewPanel, *, actor: Actor) -> list[tuple[ReviewMember, Person]]:
    """The selected members, who of them took a slip or a token. Raises NOT_FOUND out of scope."""
    scopes.require(session, actor, Permission.REVIEWS_ENTER, panel.community_id)
    return [(member, person) for member, person in reviews.members_of(session, panel) if member.selected]


def packed(votes: Mapping[str, Vote]) -> str:
    """Votes (item's public id → vote) as the text of an envelope."""
    return padded(json.dumps({item: vote.value for item, vote in sorted(votes.items())}, separators=(",", ":")))


def cell(session: Session, panel: ReviewPanel, kind: CellKind) -> Cell:
    """One of the panel's cells, made when first needed."""
    return ballots.cell(session, kind=kind, node_id=panel.community_id, of=panel.id, quarter=panel.quarter)


def cells(session: Session, panel: ReviewPanel, kinds: Sequence[CellKind] = PANEL_KINDS) -> list[Cell]:
    """Those of its cells that there are."""
    mine = select(Cell).where(Cell.key.in_(reviews.cell_keys(panel)), Cell.kind.in_(kinds))
    return list(session.execute(mine.order_by(Cell.id)).scalars())


def waiting(session: Session, panel: ReviewPanel, kinds: Sequence[CellKind] = PANEL_KINDS) -> int:
    """Votes that came, by whatever way."""
    mine = [one.id for one in cells(session, panel, kinds)]
    return int(session.execute(select(func.count()).where(Envelope.cell_id.in_(mine))).scalar_one())


def used(session: Session, panel: ReviewPanel) -> int:
    """Slips that were voted with."""
    return waiting(session, panel, ON_PAPER)


def handed_out(session: Session, panel: ReviewPanel) -> int:
    """Members who signed for a slip."""
    mine = select(func.count()).where(ReviewMember.panel_id == panel.id, ReviewMember.on_paper.is_(True))
    return int(session.execute(mine).scalar_one())


def _require(session: Session, panel: ReviewPanel, actor: Actor) -> None:
    """The vote is open and stays so until the transaction ends: who counts or calls it off waits (ballot_openings.LOCK)."""
    scopes.require(session, actor, Permission.REVIEWS_ENTER, panel.community_id)
    statements.one_at_a_time(session, ballot_openings.LOCK)
    reviews.require_state(session.get_one(ReviewPanel, panel.id, populate_existing=True), ReviewState.VOTING)


def _member(session: Session, panel: ReviewPanel, person: Person, actor: Actor) -> ReviewMember:
    _require(session, panel, actor)
    mine = select(ReviewMember).where(ReviewMember.panel_id == panel.id, ReviewMember.person_id == person.id)
    found = session.execute(mine.where(ReviewMember.selected.is_(True))).scalar_one_or_none()
    if found is None:
        raise Problem("NOT_FOUND")
    return found


def _check(session: Session, panel: ReviewPanel, hashes: Sequence[str]) -> None:
    """Each code is one of this panel's, unused, and they are no more than were signed for."""
    if used(session, panel) + len(hashes) > handed_out(session, panel):
        raise Problem("REVIEW_SLIPS_OVER")
    mine = [one.id for one in cells(session, panel, [CellKind.PANEL_SLIPS])]
    known = set(session.execute(select(PoolToken.token_hash).where(PoolToken.cell_id.in_(mine))).scalars())
    gone = set(session.execute(select(Envelope.token_hash).where(Envelope.token_hash.in_(hashes))).scalars())
    for place, digest in enumerate(hashes, 1):
        if digest not in known:
            raise Problem("REVIEW_SLIP_UNKNOWN", data={"slip": place})
        if digest in gone:
            raise Problem("REVIEW_SLIP_USED", data={"slip": place})
        gone.add(digest)


def _printed(session: Session, panel: ReviewPanel) -> bool:
    mine = [one.id for one in cells(session, panel, [CellKind.PANEL_SLIPS])]
    return session.execute(select(PoolToken.token_hash).where(PoolToken.cell_id.in_(mine)).limit(1)).first() is not None


def _changed(session: Session, statement: Any) -> bool:
    done: Any = session.execute(statement.execution_options(synchronize_session=False))
    return bool(done.rowcount == 1)
