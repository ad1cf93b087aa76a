"""Where the duties of a desk lie: one narrow SELECT a kind, all with the same columns (services/duties.py makes one queue of them).

The conditions are those of each subject's own queue; places are named by id wherever the role is held on the community itself, so that
every SELECT is a scan of (community, state) in an index.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, LargeBinary, Select, String, and_, case, cast, false, func, literal, null, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from server.db.models.checkins import ServiceRecord
from server.db.models.feedbacks import Feedback
from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import BindingRequest
from server.db.models.registrations import MemberRegistration, Transfer, UnitRegistration
from server.db.models.requests import IN_REVIEW, STILL_OPEN, Request, RequestOffer
from server.db.models.tasks import Claim, Shift, Task, VolunteerTeam
from server.db.models.wishes import Wish
from server.db.types import UtcDateTime
from server.domain.days import local_day
from server.domain.duties import NEEDS, DutyKind, call_from
from server.domain.feedbacks import FeedbackAudience, FeedbackState
from server.domain.people import BindingState
from server.domain.permissions import GRANTS, Actor, Permission
from server.domain.records import RecordState
from server.domain.registrations import MemberState, TransferState, UnitState
from server.domain.requests import CheckState, OfferKind, OfferState, RequestLevel, RequestState
from server.domain.tasks import ClaimState, TaskKind
from server.domain.wishes import WishState
from server.services import request_gists

K = DutyKind
COMMUNITY_DEPTH = 3  # ids in the path of a community: county, street, community
NOWHEN: Any = cast(null(), UtcDateTime())
NOBODY: Any = cast(null(), BigInteger)
NOTHING: Any = cast(null(), String)
NO_BOX: Any = cast(null(), LargeBinary)
BY_COMMUNITY = (RequestLevel.BUILDING, RequestLevel.GRID, RequestLevel.COMMUNITY)
Where = Callable[[Actor, datetime], Sequence[ColumnElement[bool] | Any]]


@dataclass(frozen=True)
class Source:
    """One kind: the model, what its row is asked for, which rows wait, and what is joined to describe them."""

    model: Any
    since: Any
    where: Where
    person: Any = NOBODY
    about: Any = NOTHING
    number: Any = NOTHING
    who: Any = NOTHING
    due: Any = NOWHEN
    box: Any = NO_BOX
    request: Any = NOBODY
    joins: Sequence[tuple[Any, Any]] = field(default=())


def reach(actor: Actor, permission: Permission, column: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """scopes.within, with the ids of communities spelt out: they stand at the end of the grants' paths."""
    paths = {grant.node_path for grant in actor.grants if grant.node_path and permission in GRANTS[grant.role]}
    split = [path.strip("/").split("/") for path in sorted(paths)]
    near = [int(parts[-1]) for parts in split if len(parts) >= COMMUNITY_DEPTH]
    far = [f"/{'/'.join(parts)}/" for parts in split if len(parts) < COMMUNITY_DEPTH]
    ways: list[ColumnElement[bool]] = [column.in_(near)] if near else []
    if far:
        ways.append(column.in_(select(OrgNode.id).where(or_(*(OrgNode.path.startswith(path, autoescape=True) for path in far)))))
    return or_(*ways) if ways else false()


def _plain(kind: DutyKind, model: Any, *more: ColumnElement[bool] | Any) -> Where:
    return lambda actor, _now: (reach(actor, NEEDS[kind], model.community_id), *more)


def _request(kind: DutyKind, *more: ColumnElement[bool]) -> Where:
    return lambda actor, _now: (reach(actor, NEEDS[kind], Request.community_id), STILL_OPEN, *more)


def _record(actor: Actor, now: datetime) -> Sequence[ColumnElement[bool]]:
    """Presence of earlier days counts as over; nobody confirms his own, nor what he wrote down himself."""
    there = and_(ServiceRecord.state == RecordState.PRESENT, ServiceRecord.day < local_day(now))
    others = or_(ServiceRecord.recorder_id.is_(None), ServiceRecord.recorder_id != actor.person_id)
    return (
        reach(actor, NEEDS[K.RECORD], ServiceRecord.community_id),
        ServiceRecord.state.in_((RecordState.PRESENT, RecordState.ENDED, RecordState.REPORTED)),
        or_(ServiceRecord.state != RecordState.PRESENT, there),
        ServiceRecord.person_id != actor.person_id,
        others,
    )


def _at_level(actor: Actor) -> ColumnElement[bool]:
    """What has come to the level on which he stands, or below it (server/services/request_moves.py: require_level)."""
    depths: dict[int, list[str]] = {}
    for grant in actor.grants:
        if grant.node_path and Permission.REQUESTS_ESCALATED in GRANTS[grant.role]:
            depths.setdefault(min(len(grant.node_path.strip("/").split("/")), COMMUNITY_DEPTH), []).append(grant.node_path)
    levels = {3: BY_COMMUNITY, 2: (*BY_COMMUNITY, RequestLevel.STREET), 1: tuple(RequestLevel)}
    ways = []
    for depth, paths in sorted(depths.items()):
        only = Actor(actor.person_id, grants=tuple(grant for grant in actor.grants if grant.node_path in paths))
        ways.append(and_(reach(only, Permission.REQUESTS_ESCALATED, Request.community_id), Request.level.in_(levels[depth])))
    return or_(*ways) if ways else false()


def _escalated(actor: Actor, _now: datetime) -> Sequence[Any]:
    return (_at_level(actor), STILL_OPEN, Request.state == RequestState.ESCALATED)


def _explanation(actor: Actor, _now: datetime) -> Sequence[Any]:
    """Who says that it cannot be done does not approve it."""
    return (_at_level(actor), STILL_OPEN, Request.state == RequestState.EXPLAINING, Request.explained_by_id != actor.person_id)


def _callback(actor: Actor, now: datetime) -> Sequence[Any]:
    """Finished, and the window to sign (due_at) ended before the last working day began."""
    mine = reach(actor, NEEDS[K.CALLBACK], Request.community_id)
    others = or_(Request.handler_person_id.is_(None), Request.handler_person_id != actor.person_id)
    late = Request.due_at < call_from(local_day(now))
    return (mine, STILL_OPEN, Request.state == RequestState.FINISHED, late, Request.asked_for_id != actor.person_id, others)


def _request_claim(actor: Actor, _now: datetime) -> Sequence[Any]:
    """Nobody agrees to his own."""
    others = or_(RequestOffer.made_by_id.is_(None), RequestOffer.made_by_id != actor.person_id)
    waiting = (RequestOffer.state == OfferState.WAITING, RequestOffer.kind == OfferKind.CLAIM)
    return (reach(actor, NEEDS[K.REQUEST_CLAIM], RequestOffer.community_id), *waiting, others)


def _feedback(actor: Actor, _now: datetime) -> Sequence[ColumnElement[bool]]:
    """The county all, a community what is for it; never what is about him, or what he wrote or entered (services/feedbacks.py)."""
    his = or_(
        reach(actor, Permission.FEEDBACKS_OVERSEE, Feedback.community_id),
        and_(reach(actor, Permission.FEEDBACKS_ANSWER, Feedback.community_id), Feedback.audience == FeedbackAudience.COMMUNITY),
    )
    others = [or_(column.is_(None), column != actor.person_id) for column in (Feedback.about_id, Feedback.entered_by)]
    return (his, Feedback.state == FeedbackState.OPEN, Feedback.author_id != actor.person_id, *others)


SENT = func.coalesce(Request.submitted_at, Request.created_at)
BEGINS = case((Task.kind == TaskKind.POST, Shift.starts_at), else_=func.coalesce(Shift.starts_at, Task.starts_at))


def _of_request(where: Where, **more: Any) -> Source:
    return Source(Request, SENT, where, about=Request.category, number=Request.number, due=Request.due_at, request=Request.id, **more)


SOURCES: Mapping[DutyKind, Source] = {
    K.CLAIM: Source(
        Claim,
        Claim.claimed_at,
        _plain(K.CLAIM, Claim, Claim.state == ClaimState.PENDING),
        person=Claim.person_id,
        about=Task.title,
        due=BEGINS,
        joins=((Task, Task.id == Claim.task_id), (Shift, Shift.id == Claim.shift_id)),
    ),
    K.RECORD: Source(
        ServiceRecord,
        func.coalesce(ServiceRecord.reported_at, ServiceRecord.ended_at, ServiceRecord.started_at),
        _record,
        person=ServiceRecord.person_id,
        about=Task.title,
        joins=((Task, Task.id == ServiceRecord.task_id),),
    ),
    K.DISPUTE: Source(
        ServiceRecord,
        func.coalesce(ServiceRecord.confirmed_at, ServiceRecord.started_at),
        _plain(K.DISPUTE, ServiceRecord, ServiceRecord.state == RecordState.DISPUTED),
        person=ServiceRecord.person_id,
        about=Task.title,
        joins=((Task, Task.id == ServiceRecord.task_id),),
    ),
    K.REGISTRATION: Source(
        MemberRegistration,
        MemberRegistration.submitted_at,
        _plain(K.REGISTRATION, MemberRegistration, MemberRegistration.state == MemberState.SUBMITTED),
        person=MemberRegistration.person_id,
        about=Unit.name,
        joins=((Unit, Unit.id == MemberRegistration.unit_id),),
    ),
    K.TRANSFER: Source(
        Transfer,
        func.coalesce(Transfer.released_at, Transfer.requested_at),
        _plain(K.TRANSFER, Transfer, Transfer.state.in_((TransferState.REQUESTED, TransferState.RELEASED))),
        person=Transfer.person_id,
        about=OrgNode.name,
        due=case((Transfer.state == TransferState.REQUESTED, Transfer.release_due_at), else_=NOWHEN),
        joins=((OrgNode, OrgNode.id == Transfer.to_community_id),),
    ),
    K.BINDING: Source(
        BindingRequest,
        BindingRequest.submitted_at,
        _plain(K.BINDING, BindingRequest, BindingRequest.state == BindingState.SUBMITTED),
        person=BindingRequest.person_id,
        box=BindingRequest.claimed_name,
    ),
    K.UNIT_REGISTRATION: Source(
        UnitRegistration,
        UnitRegistration.submitted_at,
        _plain(K.UNIT_REGISTRATION, UnitRegistration, UnitRegistration.state.in_((UnitState.SUBMITTED, UnitState.ACCEPTED))),
        about=Unit.name,
        number=UnitRegistration.slip_no,
        joins=((Unit, Unit.id == UnitRegistration.unit_id),),
    ),
    K.TRIAGE: _of_request(_request(K.TRIAGE, Request.state == RequestState.SUBMITTED)),
    K.DISPATCH: _of_request(_request(K.DISPATCH, Request.state == RequestState.TRIAGED)),
    K.REQUEST_CLAIM: Source(
        RequestOffer,
        RequestOffer.made_at,
        _request_claim,
        person=RequestOffer.person_id,
        about=Request.category,
        number=Request.number,
        who=func.coalesce(Unit.name, VolunteerTeam.name),
        due=RequestOffer.due_at,
        request=Request.id,
        joins=(
            (Request, Request.id == RequestOffer.request_id),
            (Unit, Unit.id == RequestOffer.unit_id),
            (VolunteerTeam, VolunteerTeam.id == RequestOffer.team_id),
        ),
    ),
    K.ESCALATED: _of_request(_escalated),
    K.EXPLANATION: _of_request(_explanation),
    K.CONTENT: Source(
        Request,
        SENT,
        _plain(K.CONTENT, Request, IN_REVIEW, Request.check_state == CheckState.REVIEW, Request.state != RequestState.DRAFT),
        about=Request.category,
        number=Request.number,
        request=Request.id,
    ),
    K.CALLBACK: _of_request(_callback, person=Request.asked_for_id),
    K.WISH: Source(
        Wish,
        Wish.collected_at,
        _plain(K.WISH, Wish, Wish.state.in_((WishState.COLLECTED, WishState.VERIFIED))),
        about=Wish.content,
        number=Wish.number,
        who=Wish.alias,
    ),
    K.FEEDBACK: Source(Feedback, Feedback.written_at, _feedback, about=cast(Feedback.kind, String), due=Feedback.reply_due_at),
}
RANK: Mapping[DutyKind, int] = {kind: rank for rank, kind in enumerate(DutyKind)}


def described(kind: DutyKind) -> Select[Any]:
    """The kind's rows as lines of the queue, unfiltered."""
    source = SOURCES[kind]
    model = source.model
    wanted = select(
        literal(RANK[kind]).label("rank"),
        model.id.label("id"),
        model.public_id.label("public_id"),
        model.version.label("version"),
        model.community_id.label("community_id"),
        cast(model.state, String).label("state"),
        source.since.label("since"),
        source.due.label("due"),
        source.person.label("person_id"),
        cast(source.about, String).label("about"),
        cast(source.number, String).label("number"),
        cast(source.who, String).label("who"),
        source.box.label("box"),
        source.request.label("request_id"),
    )
    for other, on in source.joins:
        wanted = wanted.outerjoin(other, on)
    return wanted


def worded(lines: Any, actor: Actor) -> Select[Any]:
    """The lines of a page, each with what its request's first words are made of, where he may read them (services/request_gists.py)."""
    risen = and_(Request.level.in_(request_gists.RISEN), Request.check_state == CheckState.PASSED)
    above = and_(risen, reach(actor, Permission.REQUESTS_ESCALATED, Request.community_id))
    his = or_(reach(actor, Permission.REQUESTS_READ, Request.community_id), above)
    said = (
        Request.public_id.label("of"),
        Request.salt.label("salt"),
        Request.content.label("content"),
        request_gists.SPOKEN.label("spoken"),
    )
    return select(lines, *said).outerjoin(Request, and_(Request.id == lines.c.request_id, his))
