"""Check-in: one scan, live or from a phone that was offline, becomes a stored message and the day's records (docs/protocol.md §1–§3).

A person's first scan of the day costs two statements after the session's own: one look, and one write (three on SQLite).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from qr import rules, tokens
from qr.rules import Evidence, Grade, Timing
from qr.tokens import Kind, Mode, Token
from server.db.base import new_public_id
from server.db.models.checkins import Scan
from server.db.models.platform import Event
from server.domain.checkins import PRESENTABLE, place_of, window_refusal
from server.domain.days import local_day
from server.domain.permissions import Actor
from server.domain.problems import Problem
from server.domain.records import RecordState
from server.domain.tasks import TaskState
from server.services import codes, first_scans, folds, refusals, scans, windows
from server.services.codes import CodeRefused
from server.services.scans import Looked, Message

TRIES = 8  # each try that fails means that another scan of this person got through
SCANNABLE = (Kind.TASK, Kind.ACTIVITY)
LIVE_ONLY = ("QR_WINDOW_PAST", "QR_WINDOW_AHEAD")  # refused on the spot, but still a fact when it comes as an offline message
ADVICE: Mapping[Kind, str] = {
    Kind.COMMUNITY: "这是社区报到码，请在“双报到”里扫",
    Kind.PERSON: "这是个人码，请让组织者来扫",
    Kind.CERTIFICATE: "这是证明核验码，请用微信扫一扫打开",
}


@dataclass(frozen=True)
class Taken:
    """What became of a message; the same for its first arrival and every repetition."""

    title: str
    place: str
    task: str
    direction: str
    at: datetime
    late: bool
    flags: str
    answer: Mapping[str, Any]
    replay: bool = False


def take(session: Session, message: Message, *, actor: Actor, now: datetime, live: bool = True) -> Taken:
    """Store the actor's own message and bring his day up to date. Offline messages (`live` False) are judged at their own time.

    Raises ScanRefused (the refusal and its ledger entry), STALE.
    """
    try:
        token = codes.read(message.text)
    except CodeRefused as refused:
        raise refusals.of_message(refused, message, actor=actor, now=now) from None
    timing = scans.timing_of(message, token, now)
    day = local_day(scans.moment(timing.at, now))
    for _ in range(TRIES):
        found = scans.look(session, message, token, person_id=actor.id, day=day)
        again = _known(found, message, token, actor=actor, now=now, live=live)
        if again is not None:
            return again
        seen = _judged(session, found, message, token, timing, actor=actor, now=now, live=live)
        made = _store(session, seen, scans.row_of(message, token, timing, seen, person_id=actor.id, session_id=actor.session_id, now=now),
                      actor=actor, now=now)  # fmt: skip
        if made is not None:
            return made
    raise Problem("STALE")


def _known(found: Looked, message: Message, token: Token, *, actor: Actor, now: datetime, live: bool) -> Taken | None:
    """The first answer to this mid, before any rule is asked: a retry never expires."""
    if not found:
        return None
    first, said = found[0], message.body_hash(token)
    before = first.own_hash or (first.refused_hash if live or first.refused_code not in LIVE_ONLY else None)
    if before is not None and before != said:
        raise refusals.of_message(Problem("MID_REUSED"), message, actor=actor, now=now, body_hash=said, task_id=first.task_id)
    if first.own_hash is not None:
        return _taken(first, message.direction, first.own_at, first.own_late, first.own_flags, first.own_answer, replay=True)
    if before is not None:
        raise refusals.ScanRefused(_problem(first.refused_code, token), None)
    return None


def _judged(
    session: Session, found: Looked, message: Message, token: Token, timing: Timing, *, actor: Actor, now: datetime, live: bool
) -> Any:
    """The row the scan is accepted on. Raises ScanRefused."""
    try:
        if not found:
            raise CodeRefused("QR_UNKNOWN", "object")
        seen = _nearest(found, scans.moment(timing.at, now))
        if live:
            codes.check(seen, token)
        else:
            _check_time(session, seen, timing, now)
            _check_history(session, seen, token, timing, now)
        if seen.task_id is None or token.kind not in SCANNABLE:
            raise _problem("QR_WRONG_KIND", token)
        if live and seen.twin_id is None:
            codes.check_slot(seen, token, now)
        _check_time(session, seen, timing, now)
        _check_rules(session, seen, token, timing, now=now)
    except Problem as problem:
        task_id = found[0].task_id if found else None
        raise refusals.of_message(problem, message, actor=actor, now=now, body_hash=message.body_hash(token), task_id=task_id) from None
    return seen


def _problem(code: str, token: Token) -> Problem:
    advice = ADVICE.get(token.kind) if code == "QR_WRONG_KIND" else None
    return Problem(code, data={"advice": advice} if advice else None)


def _nearest(found: Looked, at: datetime) -> Any:
    """Of several claims (shifts) on one task, the one that holds, and whose hours are nearest."""

    def distance(row: Any) -> tuple[bool, timedelta, int]:
        start, end = _hours(row)
        away = max(start - at, at - end, timedelta()) if start is not None else timedelta()
        return row.claim_state not in PRESENTABLE, away, row.claim_id or 0

    return found[0] if len(found) == 1 else min(found, key=distance)


def _hours(row: Any) -> tuple[Any, Any]:
    return (row.shift_starts_at, row.shift_ends_at) if row.shift_id is not None else (row.starts_at, row.ends_at)


def _check_history(session: Session, seen: Any, token: Token, timing: Timing, now: datetime) -> None:
    """Handle and epoch as they stood when the code was seen."""
    if seen.kind != token.kind:
        raise CodeRefused("QR_FORGED", "kind", seen.id)
    first, last = _moments(token, timing, now)
    if not codes.was_open(session, seen.id, token.epoch, first=first, last=last):
        raise CodeRefused("QR_REVOKED", "epoch", seen.id)
    if token.epoch == seen.epoch and token.mode != seen.mode:
        raise CodeRefused("QR_REVOKED", "mode", seen.id)


def _moments(token: Token, timing: Timing, now: datetime) -> tuple[datetime, datetime]:
    """From when to when the scan may have been: a rotating slot, or the claimed moment give or take what a clock may be wrong."""
    at = scans.moment(timing.at, now)
    spare = tokens.step_of(token.kind) if token.mode is Mode.ROTATING else rules.CLOCK_TOLERANCE
    return at, at + timedelta(seconds=spare)


def _check_time(session: Session, seen: Any, timing: Timing, now: datetime) -> None:
    """A message from the future or from too long ago; how long is the community's policy."""
    if seen.task_id is None:
        return
    if timing.refused is not None and timing.refused != "TOO_OLD":
        raise Problem(timing.refused)
    if now - scans.moment(timing.at, now) > windows.of_community(session, seen.community_id, now=now).max_age:
        raise Problem("TOO_OLD")


def _check_rules(session: Session, seen: Any, token: Token, timing: Timing, *, now: datetime) -> None:
    """Cancellation, hours, claim: as they stood at the message's time."""
    limits = windows.of_community(session, seen.community_id, now=now)
    at = scans.moment(timing.at, now)
    last = at + timedelta(seconds=tokens.step_of(token.kind) if token.mode is Mode.ROTATING else 0)
    if seen.task_state == TaskState.CANCELLED and _moved_before(session, "task", seen.task_id, TaskState.CANCELLED, at):
        raise Problem("CHECKIN_CANCELLED")
    starts_at, ends_at = _hours(seen)
    refused = window_refusal(starts_at, ends_at, first=at, last=last, before=limits.before, after=limits.after)
    if refused is not None:
        raise Problem(refused)
    if seen.claim_needed and seen.claim_state not in PRESENTABLE and not _was_claimed(session, seen, at):
        raise Problem("CHECKIN_NOT_CLAIMED")


def _was_claimed(session: Session, seen: Any, at: datetime) -> bool:
    """A claim given up after the moment of the scan was still a claim then."""
    if seen.claim_id is None:
        return False
    state = session.execute(
        select(Event.to_state)
        .where(Event.subject_kind == "claim", Event.subject_id == seen.claim_id, Event.at <= at, Event.to_state.is_not(None))
        .order_by(Event.id.desc())
        .limit(1)
    ).scalar()
    return state in PRESENTABLE


def _moved_before(session: Session, subject_kind: str, subject_id: int, state: str, at: datetime) -> bool:
    moved = select(Event.id).where(Event.subject_kind == subject_kind, Event.subject_id == subject_id, Event.to_state == state)
    return session.execute(moved.where(Event.at <= at).limit(1)).first() is not None


def _store(session: Session, seen: Any, row: dict[str, Any], *, actor: Actor, now: datetime) -> Taken | None:
    """The scan and its record. None when another scan of this person came between: look again."""
    alone = seen.scans == 0 and not seen.has_records
    t = rules.token_axis(Mode(row["mode"]), late=row["late"])
    grade = rules.grade(Evidence(t=t, place=place_of(row["place_in"])))
    answer: Mapping[str, Any] = _answer(
        new_public_id(), RecordState.PRESENT if row["direction"] == "in" else RecordState.ENDED, grade, 0, paired=False
    )
    row["answer"] = seen.twin_answer or answer
    if alone:
        record = folds.only_record(seen, row, public_id=str(answer["record"]), grade=grade)
        scan_id, record_id = first_scans.store(session, row, record, actor=actor, now=now)
    else:
        scan_id, record_id = scans.insert(session, row), None
    if scan_id is None:
        return None
    if record_id is None:
        answer = _refolded(session, scan_id, row, seen, actor=actor, now=now)
    if seen.twin_id is not None:
        return _taken(seen, row["direction"], seen.twin_at, seen.twin_late, seen.twin_flags, seen.twin_answer, replay=False)
    return _taken(seen, row["direction"], row["at"], row["late"], row["flags"], answer, replay=False)


def _refolded(session: Session, scan_id: int, row: Mapping[str, Any], seen: Any, *, actor: Actor, now: datetime) -> Mapping[str, Any]:
    """The person was here before today: fold the whole day, and keep what he is told with his message."""
    record = folds.refold(session, person_id=actor.id, day=row["day"], actor=actor, now=now)[row["mid"]]
    paired = record.ended_at is not None and record.ended_at > record.started_at
    answer = _answer(record.public_id, record.state, Grade(record.grade), record.minutes, paired=paired)
    if seen.twin_id is None:
        session.execute(update(Scan).where(Scan.id == scan_id).values(answer=answer).execution_options(synchronize_session=False))
    return answer


def _answer(record: str, state: RecordState, grade: Grade, minutes: int, *, paired: bool) -> Mapping[str, Any]:
    return {"record": record, "state": state.value, "grade": grade.value, "minutes": minutes, "paired": paired}


def _taken(seen: Any, direction: str, at: datetime, late: bool, flags: str, answer: Any, *, replay: bool) -> Taken:  # noqa: PLR0917
    return Taken(seen.title, seen.place, seen.task, direction, at, late, flags, answer, replay)
