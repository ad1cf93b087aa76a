"""研判: what the clerk decides on a new request, and what the machine suggests with its reasons (mission row C2, docs/rules.md §3.3).

Merging keeps every requester informed, rejecting names who is the right one, splitting makes requests of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db import vault
from server.db.base import new_public_id
from server.db.models.orgs import OrgNode
from server.db.models.requests import Request, RequestParty
from server.domain.categories import REQUEST_CATEGORIES
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.request_triage import ELSEWHERE, RejectChannel
from server.domain.requests import ENDS, REQUEST_TRANSITIONS, CheckState, Difficulty, RequestAction, RequestLevel, RequestState, Urgency
from server.domain.states import rule_for
from server.services import batches, content_checks, deadlines, events, request_moves, requests, scopes, serials
from server.services.batches import Outcome

HIGHEST_PRIORITY = 9
# What a community decides by itself; higher is an escalation.
COMMUNITY_LEVELS = (RequestLevel.BUILDING, RequestLevel.GRID, RequestLevel.COMMUNITY)


@dataclass(frozen=True)
class Judgement:
    """What triage says; None leaves it as it is. `priority` 0 to 9, higher first."""

    category: str | None = None
    urgency: Urgency | None = None
    difficulty: Difficulty | None = None
    priority: int | None = None
    level: RequestLevel | None = None
    grid: OrgNode | None = None


@dataclass(frozen=True)
class Part:
    """One of the requests a mixed one is split into."""

    category: str
    content: str | None = None


def accept(session: Session, request: Request, *, judgement: Judgement, actor: Actor, now: datetime, seen: int | None = None) -> Request:
    """SUBMITTED → TRIAGED: the community takes it on. Raises NOT_FOUND, INVALID, ILLEGAL_MOVE, STALE."""
    scopes.require(session, actor, Permission.REQUESTS_TRIAGE, request.community_id)
    rule_for(REQUEST_TRANSITIONS, request.state, RequestAction.TRIAGE)
    changes = _changes(session, request, judgement)
    for name, value in changes.items():
        setattr(request, name, value)
    return _move(
        session,
        request,
        RequestAction.TRIAGE,
        actor=actor,
        now=now,
        seen=seen,
        **changes,
        **deadlines.after(session, request, to=RequestState.TRIAGED, now=now),
    )


def merge(session: Session, request: Request, *, into: Request, actor: Actor, now: datetime, seen: int | None = None) -> Request:
    """The same matter as `into`: this one ends, and everybody who asked follows that one from now on. Raises MERGE_INTO as well."""
    scopes.require(session, actor, Permission.REQUESTS_TRIAGE, request.community_id)
    fits = into.id != request.id and into.community_id == request.community_id and into.state not in (*ENDS, RequestState.DRAFT)
    if not fits:
        raise Problem("MERGE_INTO")
    followers = requests.requesters(session, request)
    _move(session, request, RequestAction.MERGE, actor=actor, now=now, seen=seen, merged_into_id=into.id, **_ended(now, "并入同一件诉求"))
    known = set(requests.requesters(session, into))
    joined = [
        RequestParty(request_id=into.id, person_id=person_id, via_request_id=request.id, joined_at=now)
        for person_id in followers
        if person_id not in known
    ]
    session.add_all(joined)
    session.flush()
    requests.tell(session, request, outcome="merged", now=now)
    return request


def reject(
    session: Session,
    request: Request,
    *,
    channel: RejectChannel,
    reason: str | None,
    actor: Actor,
    now: datetime,
    seen: int | None = None,
) -> Request:
    """Not for the community: it ends, and the requester is told who is the right one and why. Raises NOTE_REQUIRED as well."""
    _move(
        session,
        request,
        RequestAction.REJECT,
        actor=actor,
        now=now,
        note=reason,
        seen=seen,
        reject_channel=channel.value,
        **_ended(now, reason),
    )
    requests.tell(session, request, outcome="rejected", now=now)
    return request


def split(
    session: Session, request: Request, *, parts: Sequence[Part], actor: Actor, now: datetime, seen: int | None = None
) -> list[Request]:
    """Several matters in one: each goes on as a request of its own, with its own number. Raises INVALID for fewer than two parts."""
    if not 2 <= len(parts) <= 10 or any(part.category not in REQUEST_CATEGORIES for part in parts):
        raise Problem("INVALID", fields={"parts": "请拆成两到十件，每件选好类别"})
    _move(session, request, RequestAction.SPLIT, actor=actor, now=now, seen=seen, **_ended(now, "拆成几件分别办理"))
    made = [_part_of(session, request, part, actor, now) for part in parts]
    requests.tell(session, request, outcome="split", now=now)
    return made


def type_out(session: Session, request: Request, *, content: str, actor: Actor, now: datetime, seen: int | None = None) -> Request:
    """The clerk has listened to the voice note, or asked on the phone, and writes down the words.

    Raises ILLEGAL_MOVE once it has ended, STALE when somebody wrote before her.
    """
    scopes.require(session, actor, Permission.REQUESTS_TRIAGE, request.community_id)
    requests.require_open(request)
    events.shift(session, request, to=request.state, seen=seen)
    requests.reseal(request, content=content, where=requests.place(request) or None)
    request.text_check = CheckState.PASSED
    content_checks.heard(session, request)
    events.add(session, request, action="type_out", actor=actor, now=now)
    content_checks.settle(session, request)
    return request


def many(session: Session, public_ids: Sequence[str], *, judgement: Judgement, actor: Actor, now: datetime) -> Outcome[Request]:
    """`accept` for up to 200 with one judgement: what succeeded stands, each failure is named."""
    done: list[Request] = []
    failed = []
    for public_id in batches.unique(public_ids):
        try:
            with session.begin_nested():
                request = requests.by_public_id(session, public_id)
                done.append(accept(session, request, judgement=judgement, actor=actor, now=now))
        except Problem as problem:
            failed.append(batches.failure(public_id, problem.code))
    return Outcome(done, failed)


def elsewhere(request: Request) -> str | None:
    """The sentence that says who is the right one, for a rejected request."""
    return ELSEWHERE[RejectChannel(request.reject_channel)].sentence if request.reject_channel else None


def _changes(session: Session, request: Request, judgement: Judgement) -> dict[str, Any]:
    """The columns a judgement sets. Raises INVALID."""
    wrong: dict[str, str] = {}
    if judgement.category is not None and judgement.category not in REQUEST_CATEGORIES:
        wrong["category"] = "请从列表里选择类别"
    if judgement.level is not None and judgement.level not in COMMUNITY_LEVELS:
        wrong["level"] = "交街道或区县请用升级，这里只选楼栋、网格或社区"
    if judgement.priority is not None and not 0 <= judgement.priority <= HIGHEST_PRIORITY:
        wrong["priority"] = f"请填 0 到 {HIGHEST_PRIORITY}"
    if judgement.grid is not None and not judgement.grid.path.startswith(scopes.path_of(session, request.community_id)):
        wrong["grid"] = "所选网格不在这个社区，请重新选择"
    if wrong:
        raise Problem("INVALID", fields=wrong)
    said = {name: getattr(judgement, name) for name in ("category", "urgency", "difficulty", "priority", "level")}
    grid = {"grid_id": judgement.grid.id} if judgement.grid is not None else {}
    return {**{name: value for name, value in said.items() if value is not None}, **grid}


def _move(session: Session, request: Request, action: RequestAction, *, actor: Actor, now: datetime, **more: Any) -> Request:
    scopes.require(session, actor, Permission.REQUESTS_TRIAGE, request.community_id)
    events.move(session, request, table=REQUEST_TRANSITIONS, action=action, actor=actor, now=now, **more)
    request_moves.lapse(session, request, now=now)  # claims on one that is merged or rejected wait for nothing
    return request


def _ended(now: datetime, reason: str | None) -> dict[str, Any]:
    return {"closed_at": now, "due_at": None, "closed_reason": reason}


def _part_of(session: Session, whole: Request, part: Part, actor: Actor, now: datetime) -> Request:
    """A part keeps who asked, how it came in and where; its words are the clerk's, or the whole's."""
    kept = ("community_id", "grid_id", "author_id", "asked_for_id", "channel", "urgency", "difficulty", "priority", "level", "relation")
    made = Request(
        public_id=new_public_id(),
        state=RequestState.DRAFT,
        category=part.category,
        check_state=whole.check_state if part.content is None else CheckState.PASSED,
        text_check=whole.text_check if part.content is None else CheckState.PASSED,
        salt=vault.new_salt(),
        split_from_id=whole.id,
        created_at=now,
        **{name: getattr(whole, name) for name in kept},
    )
    requests.reseal(made, content=part.content or requests.words(whole) or None, where=requests.place(whole) or None)
    session.add(made)
    session.flush()
    community = session.get_one(OrgNode, whole.community_id)
    return _move(
        session,
        made,
        RequestAction.SUBMIT,
        actor=actor,
        now=now,
        number=serials.following(session, series=serials.REQUEST, community=community, now=now),
        submitted_at=whole.submitted_at or now,
        **deadlines.after(session, made, to=RequestState.SUBMITTED, now=now),
    )


def merged_here(session: Session, request: Request) -> list[Request]:
    """What was merged into this one, oldest first."""
    return list(session.execute(select(Request).where(Request.merged_into_id == request.id).order_by(Request.id)).scalars())
