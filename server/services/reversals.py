"""What undoing a decision has to set right beyond the rows themselves: places, figures, witnesses, numbers, documents, offers.

Each prepares before the rows go back (and refuses), and returns what is to be done afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.orm import Session

from qr import rules
from server.db.models.checkins import ServiceRecord, Supplement, Witness
from server.db.models.people import Person
from server.db.models.registrations import Document, MemberRegistration, Transfer, UnitRegistration
from server.db.models.requests import Request, RequestOffer
from server.db.models.tasks import Claim, Task
from server.domain.permissions import Actor
from server.domain.problems import Problem
from server.domain.records import COUNTS, RecordState
from server.domain.registrations import MEMBER_TRANSITIONS, MemberAction, MemberState, TransferState, UnitState
from server.domain.requests import OFFER_TRANSITIONS, OfferAction, OfferState
from server.domain.tasks import ClaimState
from server.services import claims, documents, events, serials, tallies

Then = Callable[[], None]
UNDONE = "办理后十秒内撤销"


def turn(row: Any) -> tuple[float, int]:
    """What to undo first of many: of records the one that began last, because it was confirmed after those before it."""
    return (-row.started_at.timestamp(), -row.id) if isinstance(row, ServiceRecord) else (0, 0)


def lock(session: Session, record_ids: Sequence[int]) -> None:
    """Who confirms another record of these people waits, as one confirmer does for another."""
    people = select(ServiceRecord.person_id).where(ServiceRecord.id.in_(record_ids))
    session.execute(select(Person.id).where(Person.id.in_(people)).order_by(Person.id).with_for_update(key_share=True)).all()


def prepare(session: Session, row: Any, made: Sequence[int], *, made_at: datetime, actor: Actor, now: datetime) -> Then:
    """Before the subject's rows go back. Raises UNDO_MOVED, UNDO_RECKONED, TASK_FULL, CLAIM_EXISTS."""
    if isinstance(row, Claim):
        return _claim(session, row)
    if isinstance(row, ServiceRecord):
        return _record(session, row, made_at, actor, now)
    if isinstance(row, MemberRegistration) and row.state is MemberState.ACTIVE:
        return _receipt(session, row, serials.MEMBER, actor, now)
    if isinstance(row, UnitRegistration) and row.state is UnitState.RECEIPT_SENT:
        return _receipt(session, row, serials.UNIT, actor, now)
    if isinstance(row, Transfer) and row.state is TransferState.ACCEPTED:
        return _transfer(session, row, actor, now)
    if isinstance(row, Request):
        _lapse(session, made, actor, now)
    return _nothing


def _nothing() -> None:
    """Nothing more to do."""


def _claim(session: Session, claim: Claim) -> Then:
    """A declined claim gave its place free; it needs one again."""
    if claim.state is ClaimState.DECLINED:
        claims.lock(session, Task.id == claim.task_id)
        claims.retake(session, claim)
    return _nothing


def _record(session: Session, record: ServiceRecord, made_at: datetime, actor: Actor, now: datetime) -> Then:
    """A confirmed record counted, and the confirmer stood for it. What came in since is proof that somebody relied on it."""
    if record.state is not RecordState.FINAL:
        return _nothing
    if session.execute(select(Supplement.id).where(Supplement.record_id == record.id).limit(1)).first():
        raise Problem("UNDO_MOVED")
    if _reckoned_by(session, record, made_at):
        raise Problem("UNDO_RECKONED")
    minutes = record.minutes

    def then() -> None:
        his = (Witness.record_id == record.id, Witness.person_id == actor.id, Witness.kind == rules.Witness.ORGANISER.value)
        session.execute(delete(Witness).where(*his, Witness.at == made_at).execution_options(synchronize_session=False))
        tallies.take_back(session, record, minutes=minutes, now=now)

    return then


def _reckoned_by(session: Session, record: ServiceRecord, made_at: datetime) -> bool:
    """Does a record confirmed after this one leave out minutes because this one counts? (Of one act: the one that began later.)"""
    other = ServiceRecord
    began_later = or_(other.started_at > record.started_at, and_(other.started_at == record.started_at, other.id > record.id))
    found = select(other.id).where(
        other.person_id == record.person_id,
        other.id != record.id,
        other.state.in_(COUNTS),
        other.started_at < record.ended_at,
        other.ended_at > record.started_at,
        or_(other.confirmed_at > made_at, and_(other.confirmed_at == made_at, began_later)),
    )
    return session.execute(found.limit(1)).first() is not None


def _receipt(session: Session, row: Any, series: str, actor: Actor, now: datetime) -> Then:
    """A receipt printed meanwhile is revoked; a number nobody saw on paper is given back."""
    number, community_id = row.receipt_no, row.community_id
    printed = session.execute(select(Document).where(Document.serial == number)).scalar_one_or_none()
    if printed is not None and printed.revoked_at is None:
        documents.revoke(session, printed, reason=UNDONE, actor=actor, now=now)
    if printed is not None or number is None:
        return _nothing
    return lambda: serials.give_back(session, number, series=series, community_id=community_id)


def _transfer(session: Session, row: Transfer, actor: Actor, now: datetime) -> Then:
    """The registration in the new community never began; the old one goes on."""
    new = session.get_one(MemberRegistration, row.new_registration_id, populate_existing=True)
    if new.version != 0 or new.state is not MemberState.ACTIVE:
        raise Problem("UNDO_MOVED")
    then = _receipt(session, new, serials.MEMBER, actor, now)
    kept = new.receipt_no if then is _nothing else None
    changes: dict[str, Any] = {"valid_to": new.valid_from, "receipt_no": kept}
    events.move(session, new, table=MEMBER_TRANSITIONS, action=MemberAction.ANNUL, actor=actor, now=now, **changes)
    return then


def _lapse(session: Session, made: Sequence[int], actor: Actor, now: datetime) -> None:
    """Who was asked is not asked any more."""
    for offer_id in made:
        offer = session.get_one(RequestOffer, offer_id, populate_existing=True)
        if offer.state is not OfferState.WAITING:
            raise Problem("UNDO_MOVED")
        events.move(session, offer, table=OFFER_TRANSITIONS, action=OfferAction.LAPSE, actor=actor, now=now, answered_at=now)
