"""What a decision moves besides its own row, and what undoing it has to set right beyond rows: places, figures, numbers, papers, offers.

Each prepares before the rows go back (and refuses), and returns what is to be done afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, exists, or_, select
from sqlalchemy.orm import Session

from qr import rules
from server.db.models.checkins import Scan, ServiceRecord, Supplement, Witness
from server.db.models.codes import Code, CodeEpoch
from server.db.models.handling import RequestExtension
from server.db.models.people import BindingRequest, Person, PersonMerge
from server.db.models.platform import Event
from server.db.models.registrations import Document, MemberRegistration, Transfer, UnitRegistration
from server.db.models.requests import Request, RequestOffer
from server.db.models.rosters import RosterEntry
from server.db.models.tasks import Claim, Task, TeamMember, VolunteerTeam
from server.db.models.wishes import Wish
from server.domain.people import BindingState
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.records import COUNTS, RecordState
from server.domain.registrations import MEMBER_TRANSITIONS, MemberAction, MemberState, TransferState, UnitState
from server.domain.requests import OFFER_TRANSITIONS, OfferAction, OfferState, RequestState
from server.domain.tasks import ClaimState, TaskState
from server.domain.wishes import WishState
from server.services import claims, consents, documents, events, merges, scopes, serials, tallies, teams

Then = Callable[[], None]
UNDONE = "办理后十秒内撤销"


def turn(row: Any) -> tuple[float, int]:
    """What to undo first of many: of records the one that began last, because it was confirmed after those before it."""
    return (-row.started_at.timestamp(), -row.id) if isinstance(row, ServiceRecord) else (0, 0)


def lock(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Hold what whoever decides holds first, in his order: people before their records, requests before offers, entries before persons."""

    def hold(model: Any, *, of: Any, column: Any = None) -> None:
        ids = [row["id"] for row in rows if row["table"] == of.__tablename__]
        mine = model.id.in_(ids if column is None else select(column).where(of.id.in_(ids)))
        if ids:
            session.execute(select(model.id).where(mine).order_by(model.id).with_for_update(key_share=True)).all()

    hold(Person, of=ServiceRecord, column=ServiceRecord.person_id)
    hold(Request, of=Request)
    hold(RosterEntry, of=RosterEntry)


def beside(session: Session, row: Any) -> list[Any]:
    """What else a decision on this row moves."""
    if isinstance(row, ServiceRecord) and row.claim_id is not None:
        return [session.get_one(Claim, row.claim_id, populate_existing=True)]
    if isinstance(row, Transfer):
        return [session.get_one(MemberRegistration, row.registration_id, populate_existing=True)]
    if isinstance(row, RequestOffer):
        return [session.get_one(Request, row.request_id, populate_existing=True), *_waiting(session, row.request_id, but=row.id)]
    if isinstance(row, RequestExtension):
        return [session.get_one(Request, row.request_id, populate_existing=True)]
    return _waiting(session, row.id) if isinstance(row, Request) else []


def offers_in(made: Any) -> list[RequestOffer]:
    """The offers a service returned."""
    return [one for one in (made if isinstance(made, list) else [made]) if isinstance(one, RequestOffer) and one.version == 0]


def prepare(session: Session, row: Any, before: Any, made: Sequence[int], *, made_at: datetime, actor: Actor, now: datetime) -> Then:
    """Before the subject's rows go back to the state `before`.

    Raises UNDO_MOVED, UNDO_ACTED, UNDO_READ, UNDO_RECKONED, TASK_FULL, CLAIM_EXISTS, NOT_FOUND (in office no more).
    """
    if isinstance(row, Claim):
        return _claim(session, row)
    if isinstance(row, ServiceRecord):
        return _record(session, row, before, made_at=made_at, actor=actor, now=now)
    if isinstance(row, MemberRegistration) and row.state is MemberState.ACTIVE:
        return _receipt(session, row, serials.MEMBER, actor, now)
    if isinstance(row, UnitRegistration) and row.state is UnitState.RECEIPT_SENT:
        return _receipt(session, row, serials.UNIT, actor, now)
    if isinstance(row, Transfer) and row.state is TransferState.ACCEPTED:
        return _transfer(session, row, actor, now)
    if isinstance(row, BindingRequest) and row.state is BindingState.ACCEPTED:
        return _binding(session, row, made_at, actor, now)
    if isinstance(row, Task) and row.state is TaskState.PUBLISHED:
        return _published(session, row, made_at)
    if isinstance(row, Request):
        _request(session, row, before, made, actor=actor, now=now)
    if isinstance(row, Wish) and before is WishState.PUBLISHED:
        _require_unread(session, row, made_at)
    return _noted(session, row, actor, now) if before is None else _nothing


def _nothing() -> None:
    """Nothing more to do."""


def _claim(session: Session, claim: Claim) -> Then:
    """A declined claim gave its place free; it needs one again."""
    if claim.state is ClaimState.DECLINED:
        claims.lock(session, Task.id == claim.task_id)
        claims.retake(session, claim)
    return _nothing


def _record(session: Session, record: ServiceRecord, before: RecordState, *, made_at: datetime, actor: Actor, now: datetime) -> Then:
    """A confirmed record counted, and the confirmer stood for it. What came in since is proof that somebody relied on it."""
    if record.state is RecordState.VOID and before in COUNTS:
        return _voided(session, record, made_at, now)
    if record.state is not RecordState.FINAL or before in COUNTS:
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


def _voided(session: Session, record: ServiceRecord, made_at: datetime, now: datetime) -> Then:
    """It counts again, unless minutes it shares with another were given to that one since."""
    if _reckoned_by(session, record, made_at):
        raise Problem("UNDO_RECKONED")
    return lambda: tallies.contribute(session, record, now=now)


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


def _binding(session: Session, row: BindingRequest, made_at: datetime, actor: Actor, now: datetime) -> Then:
    """They are not the same after all: untied, or two again, and whoever signed in meanwhile as the other signs in again."""
    merge = session.execute(
        select(PersonMerge).where(PersonMerge.from_id == row.person_id, PersonMerge.merged_at == made_at, PersonMerge.undone_at.is_(None))
    ).scalar_one_or_none()
    _require_idle(session, [row.person_id] if merge is None else [merge.from_id, merge.into_id], made_at)
    if merge is not None:
        merges.undo(session, merge, reason=UNDONE, actor=actor, now=now)
        return _nothing
    person = session.get_one(Person, row.person_id)

    def then() -> None:
        session.refresh(person)
        consents.follow_branch(session, person)
        events.add(session, person, action="undo", actor=actor, now=now)

    return then


def _require_idle(session: Session, person_ids: Sequence[int], since: datetime) -> None:
    """Raise UNDO_ACTED where one of them did something, or something was done about him, since: he was taken for who the roster says."""
    session.execute(select(Person.id).where(Person.id.in_(person_ids)).order_by(Person.id).with_for_update()).all()
    did = [exists().where(Event.at > since, Event.actor_id.in_(person_ids), Event.action != "sign_in")]
    about = [exists().where(column.in_(person_ids), at > since) for column, at in ACTED]
    if session.execute(select(or_(*did, *about))).scalar_one():
        raise Problem("UNDO_ACTED")


ACTED = (
    (MemberRegistration.person_id, MemberRegistration.submitted_at),
    (Claim.person_id, Claim.claimed_at),
    (ServiceRecord.person_id, ServiceRecord.started_at),
    (Scan.person_id, Scan.received_at),
    (Document.person_id, Document.issued_at),
)


def _published(session: Session, task: Task, made_at: datetime) -> Then:
    """Its code was made with it and goes with it, unless somebody has claimed or come."""
    claims.lock(session, Task.id == task.id)
    relied = or_(*(exists().where(model.task_id == task.id) for model in (Claim, ServiceRecord)))
    if session.execute(select(relied)).scalar_one():
        raise Problem("UNDO_MOVED")

    def then() -> None:
        mine = select(Code.id).where(Code.subject_kind == "task", Code.subject_id == task.id, Code.created_at == made_at)
        ids = session.execute(mine).scalars().all()
        for model, column in ((CodeEpoch, CodeEpoch.code_id), (Code, Code.id)):
            session.execute(delete(model).where(column.in_(ids)).execution_options(synchronize_session=False))

    return then


def _require_unread(session: Session, wish: Wish, made_at: datetime) -> None:
    """Who claimed it and read whom to call does not leave without a word to them."""
    mine = (Event.subject_kind == wish.__tablename__, Event.subject_id == wish.id, Event.action == "read_contact")
    if session.execute(select(Event.id).where(*mine, Event.at >= made_at).limit(1)).first():
        raise Problem("UNDO_READ")


def _request(session: Session, request: Request, before: RequestState | None, made: Sequence[int], *, actor: Actor, now: datetime) -> None:
    """Who was asked is asked no more; who offered himself since it was published keeps his offer, and it stays published."""
    if made and before == request.state:
        scopes.require(session, actor, Permission.REQUESTS_DISPATCH, request.community_id)
    if request.state is RequestState.OPEN and before is RequestState.TRIAGED and _waiting(session, request.id):
        raise Problem("UNDO_MOVED")
    _lapse(session, made, actor, now)


def _noted(session: Session, row: Any, actor: Actor, now: datetime) -> Then:
    """A row without a move of its own still says in its history that the decision was taken back."""
    subject = session.get_one(VolunteerTeam, row.team_id) if isinstance(row, TeamMember) else row
    if isinstance(subject, VolunteerTeam):
        teams.require_head(session, subject, actor)
    else:
        scopes.require(session, actor, Permission.REQUESTS_TRIAGE, subject.community_id)
    return lambda: events.add(session, subject, action="undo", actor=actor, now=now)


def _waiting(session: Session, request_id: int, *, but: int | None = None) -> list[RequestOffer]:
    waiting = select(RequestOffer).where(RequestOffer.request_id == request_id, RequestOffer.state == OfferState.WAITING)
    rows = session.execute(waiting.order_by(RequestOffer.id).execution_options(populate_existing=True)).scalars()
    return [row for row in rows if row.id != but]


def _lapse(session: Session, made: Sequence[int], actor: Actor, now: datetime) -> None:
    """Who was asked is not asked any more."""
    for offer_id in made:
        offer = session.get_one(RequestOffer, offer_id, populate_existing=True)
        if offer.state is not OfferState.WAITING:
            raise Problem("UNDO_MOVED")
        events.move(session, offer, table=OFFER_TRANSITIONS, action=OfferAction.LAPSE, actor=actor, now=now, answered_at=now)
