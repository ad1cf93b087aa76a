"""Deciding at the desk: one line of 今天 or two hundred of them, of several kinds, each by its own subject's service, undoable.

What succeeds stands, each failure is named. A line is named with the version one had before one, so two secretaries do not undo each
other's work by chance: the second learns that the first was quicker.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.db.models.checkins import ServiceRecord
from server.db.models.people import BindingRequest, Person
from server.db.models.platform import Undo
from server.db.models.registrations import MemberRegistration, Transfer, UnitRegistration
from server.db.models.requests import Request, RequestOffer
from server.db.models.rosters import RosterEntry
from server.db.models.tasks import Claim, VolunteerTeam
from server.domain.duties import NEEDS, OPINION, DutyKind, fits
from server.domain.permissions import Actor
from server.domain.problems import Problem
from server.domain.registrations import TransferState, UnitState
from server.domain.tasks import ClaimAction
from server.services import (
    batches,
    binding_requests,
    claim_decisions,
    confirmations,
    content_checks,
    duty_sources,
    extensions,
    records,
    registrations,
    request_claims,
    reversals,
    teams,
    transfers,
    triage,
    undos,
    unit_registrations,
)
from server.services import dispatch as dispatching
from server.services.batches import Failure
from server.services.receivers import Receiver
from server.services.triage import Judgement

K = DutyKind
VERSION = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Pick:
    """A line that was chosen: kind, public id, and the version it had on the page (None: not asked)."""

    kind: DutyKind
    id: str
    version: int | None = None


@dataclass(frozen=True)
class Word:
    """Yes or no, why, by whom, when; `ended_at` and `despite_hold` are a confirmer's, `sent_to` is whom a unit's receipt goes to."""

    accepting: bool
    reason: str | None
    actor: Actor
    now: datetime
    ended_at: datetime | None = None
    despite_hold: bool = False
    sent_to: str | None = None


def picked(value: str) -> Pick:
    """A check-box's value, `kind.public_id.version`. Raises INVALID."""
    kind, _, rest = value.partition(".")
    public_id, _, version = rest.partition(".")
    if kind not in (one.value for one in DECIDERS) or not public_id or not VERSION.fullmatch(version or "0"):
        raise Problem("INVALID", fields={"pick": "请刷新页面后重新选择"})
    return Pick(DutyKind(kind), public_id, int(version) if version else None)


def decide(session: Session, picks: Sequence[Pick], word: Word) -> Undo:
    """Decide on up to 200 lines. Returns what can be undone, with the failures; raises NOTE_REQUIRED for a no without a reason, INVALID."""
    batches.unique([pick.id for pick in picks])
    if not picks:
        raise Problem("INVALID", fields={"pick": "请先选择要办理的事项"})
    if not word.accepting and not (word.reason or "").strip():
        raise Problem("NOTE_REQUIRED", fields={"reason": "请写明原因"})
    failed: list[tuple[str, Failure]] = []
    with undos.begin(session, actor=word.actor, now=word.now) as act:
        for kind in dict.fromkeys(pick.kind for pick in picks):
            chosen = [pick for pick in picks if pick.kind is kind]
            failed += [(kind.value, one) for one in _of_kind(session, kind, chosen, word, act)]
        return act.keep("approve" if word.accepting else "decline", failed)


def decide_one(session: Session, pick: Pick, word: Word) -> Undo:
    """decide for one line. Raises the Problem it failed with, with the reasons of a held record in its data."""
    act = decide(session, [pick], word)
    if act.failed:
        raise Problem(act.failed[0]["code"], data={"reasons": act.failed[0]["reasons"]})
    return act


def dispatch(session: Session, request: Request, *, to: Receiver, actor: Actor, now: datetime, seen: int | None = None) -> Undo:
    """dispatch.dispatch from the desk, to be undone within ten seconds. Raises what it raises."""
    sent = partial(dispatching.dispatch, session, request, to=to, actor=actor, now=now, seen=seen)
    return undos.step(session, request, sent, actor=actor, now=now)


def bind(session: Session, row: BindingRequest, *, entry: RosterEntry, actor: Actor, now: datetime) -> Undo:
    """binding_requests.accept from the desk. The undo unties both again, or makes two of the merged ones. Raises what it raises."""
    entry = session.get_one(RosterEntry, entry.id, with_for_update=True, populate_existing=True)
    person = session.get_one(Person, row.person_id)
    tied = [person, entry] if entry.person_id in (None, person.id) else []  # a merger keeps itself what went over
    accepted = partial(binding_requests.accept, session, row, entry=entry, actor=actor, now=now)
    return undos.step(session, row, accepted, actor=actor, now=now, plain=tied)


def extend(session: Session, request: Request, *, approve: bool, note: str, actor: Actor, now: datetime) -> Undo:
    """extensions.decide from the desk. Raises what it raises."""
    decided = partial(extensions.decide, session, request, approve=approve, note=note, actor=actor, now=now)
    return undos.step(session, extensions.of(session, request) or request, decided, actor=actor, now=now)


def triage_many(session: Session, public_ids: Sequence[str], *, judgement: Judgement, actor: Actor, now: datetime) -> Undo:
    """triage.many from the desk; its failures are the undo's. Raises INVALID for more than two hundred."""
    mine = duty_sources.reach(actor, NEEDS[K.TRIAGE], Request.community_id)
    found = select(Request).where(Request.public_id.in_(batches.unique(public_ids)), mine)
    with undos.begin(session, actor=actor, now=now) as act:
        for request in session.execute(found.execution_options(populate_existing=True)).scalars():
            act.watch("request", request)
        outcome = triage.many(session, public_ids, judgement=judgement, actor=actor, now=now)
        return act.keep("approve", [(K.TRIAGE.value, one) for one in outcome.failed])


def look_through(session: Session, request: Request, *, passes: bool, reason: str | None, actor: Actor, now: datetime) -> Undo:
    """content_checks.decide from the desk. Raises what it raises."""
    checked = content_checks.parts_of(session, request)
    decided = partial(content_checks.decide, session, request, passes=passes, reason=reason, actor=actor, now=now)
    return undos.step(session, request, decided, actor=actor, now=now, plain=[request, *checked])


def admit(session: Session, team: VolunteerTeam, *, person: Person, admits: bool, actor: Actor, now: datetime) -> Undo:
    """teams.admit from the desk. Raises what it raises."""
    asks = teams.asks(session, team, person)
    let_in = partial(teams.admit, session, team, person=person, admits=admits, actor=actor, now=now)
    return undos.step(session, team, let_in, actor=actor, now=now, plain=[asks])


def _of_kind(session: Session, kind: DutyKind, picks: Sequence[Pick], word: Word, act: undos.Act) -> list[Failure]:
    model = duty_sources.SOURCES[kind].model
    mine = duty_sources.reach(word.actor, NEEDS[kind], model.community_id)
    found = select(model).where(model.public_id.in_([pick.id for pick in picks]), mine)
    rows = {row.public_id: row for row in session.execute(found.execution_options(populate_existing=True)).scalars()}
    codes = {pick.id: _why_not(rows.get(pick.id), pick, word) for pick in picks}
    good = [rows[public_id] for public_id, code in codes.items() if code is None]
    for row in good:
        act.watch(kind.value, row, *reversals.beside(session, row))
    failed = [batches.failure(public_id, code) for public_id, code in codes.items() if code is not None]
    return failed + (DECIDERS[kind](session, good, word) if good else [])


def _why_not(row: Any, pick: Pick, word: Word) -> str | None:
    if row is None:
        return "NOT_FOUND"
    if pick.version is not None and pick.version != row.version:
        return "STALE"
    return None if word.accepting or fits(pick.kind, word.reason or "") else "REASON_UNFIT"


def _claims(session: Session, rows: Sequence[Claim], word: Word) -> list[Failure]:
    action = ClaimAction.APPROVE if word.accepting else ClaimAction.DECLINE
    ids = [row.public_id for row in rows]
    return claim_decisions.decide_many(session, ids, action=action, actor=word.actor, now=word.now, reason=word.reason).failed


def _request_claims(session: Session, rows: Sequence[RequestOffer], word: Word) -> list[Failure]:
    ids = [row.public_id for row in rows]
    return request_claims.decide_many(session, ids, approve=word.accepting, actor=word.actor, now=word.now, reason=word.reason).failed


def _records(session: Session, rows: Sequence[ServiceRecord], word: Word) -> list[Failure]:
    if not word.accepting:
        return _each(session, rows, lambda row: records.send_back(session, row, reason=word.reason or "", actor=word.actor, now=word.now))
    ids = [row.public_id for row in rows]
    said: dict[str, Any] = {"ended_at": word.ended_at, "despite_hold": word.despite_hold, "note": word.reason or None}
    return confirmations.confirm_many(session, ids, actor=word.actor, now=word.now, **said).failed


def _registration(session: Session, row: MemberRegistration, word: Word) -> object:
    if word.accepting:
        return registrations.accept(session, row, actor=word.actor, now=word.now)
    return registrations.send_back(session, row, reason=word.reason, actor=word.actor, now=word.now)


def _transfer(session: Session, row: Transfer, word: Word) -> object:
    if not word.accepting:
        return transfers.send_back(session, row, reason=word.reason, actor=word.actor, now=word.now)
    if row.state is TransferState.REQUESTED:
        return transfers.release(session, row, actor=word.actor, now=word.now)
    return transfers.accept(session, row, actor=word.actor, now=word.now)


def _binding(session: Session, row: Any, word: Word) -> object:
    """Whom the roster means is chosen on its own page; from the list it can only go back."""
    if word.accepting:
        raise Problem("BINDING_UNMATCHED")
    return binding_requests.send_back(session, row, reason=word.reason or "", actor=word.actor, now=word.now)


def _unit(session: Session, row: UnitRegistration, word: Word) -> object:
    if not word.accepting:
        return unit_registrations.send_back(session, row, reason=word.reason, actor=word.actor, now=word.now)
    if row.state is UnitState.ACCEPTED:
        return unit_registrations.send_receipt(session, row, sent_to=word.sent_to, actor=word.actor, now=word.now)
    return unit_registrations.accept(session, row, opinion=word.reason or OPINION, actor=word.actor, now=word.now)


def _one_by_one(decide_one: Callable[[Session, Any, Word], object]) -> Callable[[Session, Sequence[Any], Word], list[Failure]]:
    return lambda session, rows, word: _each(session, rows, lambda row: decide_one(session, row, word))


def _each(session: Session, rows: Sequence[Any], act: Callable[[Any], object]) -> list[Failure]:
    """Each in a savepoint of its own: what one began and could not finish is gone."""
    failed = []
    for row in rows:
        try:
            with session.begin_nested():
                act(row)
        except Problem as problem:
            failed.append(batches.failure(row.public_id, problem.code))
        except IntegrityError:
            failed.append(batches.failure(row.public_id, "STALE"))
    return failed


DECIDERS: Mapping[DutyKind, Callable[[Session, Sequence[Any], Word], list[Failure]]] = {
    K.CLAIM: _claims,
    K.RECORD: _records,
    K.REGISTRATION: _one_by_one(_registration),
    K.TRANSFER: _one_by_one(_transfer),
    K.BINDING: _one_by_one(_binding),
    K.UNIT_REGISTRATION: _one_by_one(_unit),
    K.REQUEST_CLAIM: _request_claims,
}
