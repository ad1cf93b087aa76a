"""Confirming service records, one or two hundred, in a handful of statements (docs/protocol.md §2; mission rows B6, C5; R8).

The confirmer is an accountable human: not the person, not who wrote the presence down, not the beneficiary, and not the login the scans
came through. His word is an organiser witness; with it the record has at least grade B and counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from qr import rules
from server.db.models.checkins import ServiceRecord, Witness
from server.domain.checkins import place_of
from server.domain.notices import NoticeKind
from server.domain.permissions import Actor
from server.domain.problems import Problem
from server.domain.records import RECORD_TRANSITIONS, HoldReason, RecordAction, RecordState, at_night, uncounted_minutes
from server.domain.tasks import TaskKind
from server.services import batches, claim_decisions, confirmation_cases, tallies
from server.services.batches import Failure, Outcome
from server.services.confirmation_cases import Case, Interval

RECORDS: Any = ServiceRecord.__table__
WRITTEN = (
    "state",
    "version",
    "ended_at",
    "attested_end",
    "minutes",
    "duration_axis",
    "grade",
    "covers",
    "confirmed_at",
    "confirmed_by",
    "reason",
)
WRITE = (
    update(RECORDS)
    .where(RECORDS.c.id == bindparam("b_id"), RECORDS.c.state == bindparam("b_state"), RECORDS.c.version == bindparam("b_version"))
    .values({name: bindparam(name) for name in WRITTEN})
)


@dataclass(frozen=True)
class Word:
    """What the confirmer says: who, when, the end where nobody scanned out, and that he looked at what was held."""

    actor: Actor
    now: datetime
    ended_at: datetime | None
    despite_hold: bool
    note: str | None


class _Refused(Exception):
    def __init__(self, code: str, reasons: Iterable[str] = ()) -> None:
        super().__init__(code)
        self.code, self.reasons = code, tuple(reasons)


def confirm_many(
    session: Session,
    public_ids: Sequence[str],
    *,
    actor: Actor,
    now: datetime,
    ended_at: datetime | None = None,
    despite_hold: bool = False,
    note: str | None = None,
) -> Outcome[ServiceRecord]:
    """Make up to 200 records FINAL; those that cannot be are named with their code, the others stand and count.

    `ended_at` is the organiser's end (D1) for records nobody scanned out of; a scanned end is never overwritten. Codes of a failure:
    NOT_FOUND (also out of scope), ILLEGAL_MOVE, CONFIRM_SELF, RECORDER_CONFIRMS, CONFIRM_DEPENDENT, END_REQUIRED, END_WRONG, and
    RECORD_HOLD with its reasons unless `despite_hold` and a `note` say that somebody looked.
    """
    ids = batches.unique(public_ids)
    cases = confirmation_cases.of(session, ids, actor)
    counted = confirmation_cases.counted(session, [case.record for case in cases.values()])
    word = Word(actor, now, ended_at, despite_hold, note)
    failed: list[Failure] = [batches.failure(public_id, "NOT_FOUND") for public_id in ids if public_id not in cases]
    good: list[tuple[Case, dict[str, Any]]] = []
    for public_id, case in cases.items():
        try:
            values = _judge(case, word, counted[case.record.person_id])
        except _Refused as refusal:
            failed.append(batches.failure(public_id, refusal.code, refusal.reasons))
            continue
        counted[case.record.person_id].append((case.record.started_at, values["ended_at"] or case.record.started_at))
        good.append((case, values))
    _write(session, good, word)
    return Outcome([case.record for case, _ in good], sorted(failed, key=lambda one: ids.index(one.id)))


def confirm(
    session: Session,
    record: ServiceRecord,
    *,
    actor: Actor,
    now: datetime,
    ended_at: datetime | None = None,
    despite_hold: bool = False,
    note: str | None = None,
    seen: int | None = None,
) -> ServiceRecord:
    """Confirm one record; `seen` is the version the confirmer had before him. Raises the codes of confirm_many, STALE."""
    if seen is not None and seen != record.version:
        raise Problem("STALE")
    ids = [record.public_id]
    return batches.only(confirm_many(session, ids, actor=actor, now=now, ended_at=ended_at, despite_hold=despite_hold, note=note))


def _judge(case: Case, word: Word, counted: Sequence[Interval]) -> dict[str, Any]:
    """The columns of the FINAL record. Raises _Refused."""
    record = case.record
    if (record.state, RecordAction.CONFIRM) not in RECORD_TRANSITIONS:
        raise _Refused("ILLEGAL_MOVE")
    proof = _evidence(case, word)
    end = _end(record, word)
    free = uncounted_minutes(record.started_at, end, counted)
    raw = int((end - record.started_at).total_seconds()) // 60
    reasons = _holds(case, end, raw, free)
    if reasons and not (word.despite_hold and (word.note or "").strip()):
        raise _Refused("RECORD_HOLD", (reason.value for reason in reasons))
    by_organiser = record.ended_at is None
    given = (
        rules.minutes(int(record.started_at.timestamp()), int(end.timestamp()), record.planned_minutes) if by_organiser else record.minutes
    )
    return {
        "state": RecordState.FINAL,
        "version": record.version + 1,
        "ended_at": end,
        "attested_end": end if by_organiser else record.attested_end,
        "minutes": min(given, free),
        "duration_axis": max(record.duration_axis, 1),
        "grade": rules.grade(proof).value,
        "covers": sorted(record.mids),
        "confirmed_at": word.now,
        "confirmed_by": word.actor.id,
        "reason": word.note,
    }


def _evidence(case: Case, word: Word) -> rules.Evidence:
    """The record's evidence with the confirmer's word. Raises _Refused where he cannot stand for it."""
    record = case.record
    beneficiaries = {one.person for one in case.witnesses if one.kind is rules.Witness.BENEFICIARY}
    if word.actor.id == record.person_id or word.actor.id in beneficiaries:
        raise _Refused("CONFIRM_SELF")
    if word.actor.id == record.recorder_id:
        raise _Refused("RECORDER_CONFIRMS")
    his = rules.Attestation(rules.Witness.ORGANISER, word.actor.id, word.actor.session_id)
    stands = rules.admissible((*case.witnesses, his), person=record.person_id, sessions=case.own_sessions, vouched_for=case.vouched_for)
    if his not in stands:
        raise _Refused("CONFIRM_DEPENDENT")
    t = max(record.token_axis, record.attested_axis)
    return rules.Evidence(t, stands, max(record.duration_axis, 1), place_of(record.place_in))


def _end(record: ServiceRecord, word: Word) -> datetime:
    if record.ended_at is not None:
        return record.ended_at
    if word.ended_at is None:
        raise _Refused("END_REQUIRED")
    if not record.started_at <= word.ended_at <= word.now:
        raise _Refused("END_WRONG")
    return word.ended_at


def _holds(case: Case, end: datetime, raw: int, free: int) -> list[HoldReason]:
    """Why somebody must look first (docs/protocol.md §2, last row of the purposes)."""
    record, flags = case.record, case.record.flags.split()
    found = {
        HoldReason.FLAGGED: rules.Flag.HOLD.value in flags or rules.Flag.REVIEW.value in flags,
        HoldReason.NIGHT: at_night(record.started_at, end),
        HoldReason.OUT_OF_PLACE: record.place_in is False,
        HoldReason.OVERLAP: free < raw,
        HoldReason.TOO_LONG: raw > record.planned_minutes + rules.EXTRA_MINUTES,
    }
    return [reason for reason, holds in found.items() if holds]


def _write(session: Session, good: Sequence[tuple[Case, dict[str, Any]]], word: Word) -> None:
    """Records, witnesses, events, contributions, finished claims, notices: one statement each."""
    if not good:
        return
    before = [(case.record, case.record.state) for case, _ in good]
    keys = [{"b_id": case.record.id, "b_state": case.record.state, "b_version": case.record.version, **values} for case, values in good]
    if session.connection().execute(WRITE, keys).rowcount != len(good):
        raise Problem("STALE")
    for case, values in good:
        for name, value in values.items():
            set_committed_value(case.record, name, value)
    _attest(session, good, word)
    batches.note_events(
        session,
        [(record, state, RecordState.FINAL) for record, state in before],
        action=RecordAction.CONFIRM.value,
        actor=word.actor,
        now=word.now,
        note=word.note,
    )
    tallies.contribute_all(session, [record for record, _ in before], now=word.now)
    done = {
        case.record.claim_id for case, _ in good if case.record.claim_id and (case.record.shift_id or case.task.kind is not TaskKind.POST)
    }
    claim_decisions.finish(session, done, actor=word.actor, now=word.now)
    told = [(case.record, _facts(case)) for case, _ in good]
    batches.tell_all(session, told, kind=NoticeKind.RECORD_CONFIRMED, subject_kind="record", now=word.now)


def _attest(session: Session, good: Sequence[tuple[Case, dict[str, Any]]], word: Word) -> None:
    """The confirmer's witness rows, where he was not one already."""
    kind = rules.Witness.ORGANISER
    values = [
        {"record_id": case.record.id, "kind": kind.value, "person_id": word.actor.id, "session_id": word.actor.session_id, "at": word.now}
        for case, _ in good
        if not any(one.kind is kind and one.person == word.actor.id for one in case.witnesses)
    ]
    if values:
        session.execute(insert(Witness), values)


def _facts(case: Case) -> dict[str, Any]:
    return {"title": case.task.title, "day": case.record.day.isoformat(), "minutes": case.record.minutes, "outcome": "confirmed"}
