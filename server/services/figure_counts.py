"""Counting a period for every place and unit at once, from the records (docs/rules.md §4): a dozen statements, for a job.

What belongs to one place is counted by that place and added up along its path, so a street is exactly its communities. Heads are not
added up: they come from the tallies, which know them for every node.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, cast, func, or_, select
from sqlalchemy.orm import Session

from server.db.models.ballots import Cell
from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import Person
from server.db.models.registrations import MemberRegistration, UnitRegistration
from server.db.models.requests import Request, RequestOffer
from server.db.models.rosters import RosterEntry
from server.db.models.sign_offs import Callback, SignOff
from server.db.models.tallies import Tally, TallyHead
from server.db.models.tasks import Shift, Task
from server.db.models.wishes import Wish
from server.domain.days import period_end, start_of
from server.domain.figures import ANSWERS, BUCKET, CATEGORY, Span
from server.domain.funnels import BUCKET_OF
from server.domain.orgs import Level
from server.domain.people import MemberType
from server.domain.permissions import SYSTEM
from server.domain.requests import OfferKind, OfferState, RequestState
from server.domain.rosters import EntryState
from server.domain.satisfaction import Answered
from server.domain.tasks import TaskKind, TaskState
from server.domain.wishes import TAKEN, WishState
from server.services import ballot_results
from server.services.figures import ACCEPTED

S = RequestState
NOT_COUNTED = (S.DRAFT, S.MERGED, S.SPLIT, S.WITHDRAWN)  # a split one counts as its parts
NOT_HANDLED = (*NOT_COUNTED, S.SUBMITTED, S.REJECTED)
FINISHED = (S.FINISHED, S.CLOSED, S.CLOSED_UNRATED, S.CLOSED_EXPLAINED)
ALWAYS = (Level.COUNTY, Level.STREET, Level.COMMUNITY)  # these have figures even where nothing was done


class Book:
    """Counts by (scope, id) and key; what belongs to a place belongs to all above it."""

    def __init__(self, nodes: Iterable[tuple[int, str, Level]]) -> None:
        self.paths, self.rows = {}, dict[tuple[str, int], dict[str, list[int]]]()
        for node_id, path, level in nodes:
            self.paths[node_id] = [int(part) for part in path.split("/") if part]
            if level in ALWAYS:
                self.rows["node", node_id] = {}
        self.roots = [node for node, path in self.paths.items() if len(path) == 1]

    def add(self, scope: str, scope_id: Any, key: str, *numbers: Any) -> None:
        """Add the numbers to what is there."""
        row = self.rows.setdefault((scope, scope_id), {})
        old = row.get(key, [0] * len(numbers))
        row[key] = [a + int(b or 0) for a, b in zip(old, numbers, strict=True)]

    def spread(self, node_id: int | None, key: str, *numbers: Any) -> None:
        """Add to the place and to all above it; what has no place belongs to the county."""
        for each in self.roots if node_id is None else self.paths[node_id]:
            self.add("node", each, key, *numbers)

    def everywhere(self, session: Session, wanted: Select[*tuple[Any, ...]], key: str) -> None:
        """Rows (place, numbers …)."""
        for node_id, *numbers in session.execute(wanted):
            self.spread(node_id, key, *numbers)


def counted(session: Session, span: Span) -> dict[tuple[str, int], dict[str, list[int]]]:
    """The counts of every place and unit in the period."""
    nodes = session.execute(select(OrgNode.id, OrgNode.path, OrgNode.level).order_by(OrgNode.path)).all()
    book = Book((row[0], row[1], row[2]) for row in nodes)
    for count in (_service, _members, _taking_part, _registered, _offered, _requests, _due, _dispatched, _answered):
        count(session, span, book)
    return book.rows


def _within(column: Any, span: Span) -> ColumnElement[bool]:
    return and_(column >= span.begin, column < span.end)


def _leaf(model: Any) -> ColumnElement[int]:
    return func.coalesce(model.grid_id, model.community_id)


def _service(session: Session, span: Span, book: Book) -> None:
    mine = (Tally.period == span.period, Tally.starts_on == span.starts_on, Tally.scope.in_(("node", "unit")))
    for scope, scope_id, visits, heads, minutes in session.execute(
        select(Tally.scope, Tally.scope_id, Tally.visits, Tally.heads, Tally.minutes).where(*mine)
    ):
        for key, number in (("service_visits", visits), ("service_heads", heads), ("service_hours", minutes)):
            book.add(scope, scope_id, key, number)


def _live(span: Span) -> tuple[ColumnElement[bool], ...]:
    """A registration of an in-service member in force on the day of the denominators, by whatever channel it came."""
    ends = or_(MemberRegistration.valid_to.is_(None), MemberRegistration.valid_to > span.as_of)
    return MemberRegistration.valid_from <= span.as_of, ends, Person.member_type == MemberType.IN_SERVICE


def _members(session: Session, span: Span, book: Book) -> None:
    leaf = _leaf(MemberRegistration)
    wanted = (
        select(leaf, MemberRegistration.unit_id, func.count())
        .select_from(MemberRegistration)
        .join(Person, Person.id == MemberRegistration.person_id)
    )
    for node_id, unit_id, number in session.execute(wanted.where(*_live(span)).group_by(leaf, MemberRegistration.unit_id)):
        for key in ("participation_rate", "avg_times", "avg_hours"):
            book.spread(node_id, key, 0, number)
            if unit_id is not None:
                book.add("unit", unit_id, key, 0, number)


def _taking_part(session: Session, span: Span, book: Book) -> None:
    """A numerator is counted among its denominator's members: registered below the node, and served below it."""
    key = (TallyHead.period == span.period, TallyHead.starts_on == span.starts_on, TallyHead.visits > 0)
    counts = (TallyHead.scope_id, func.count(), func.sum(TallyHead.visits), func.sum(TallyHead.minutes))
    joined = (
        select(*counts)
        .select_from(TallyHead)
        .join(MemberRegistration, MemberRegistration.person_id == TallyHead.person_id)
        .join(Person, Person.id == TallyHead.person_id)
        .where(*key, *_live(span))
        .group_by(TallyHead.scope_id)
    )
    below = OrgNode.path.like("%/" + cast(TallyHead.scope_id, String) + "/%")
    at_node = joined.join(OrgNode, OrgNode.id == _leaf(MemberRegistration)).where(TallyHead.scope == "node", below)
    of_unit = joined.where(TallyHead.scope == "unit", MemberRegistration.unit_id == TallyHead.scope_id)
    for scope, wanted in (("node", at_node), ("unit", of_unit)):
        for scope_id, heads, visits, minutes in session.execute(wanted):
            for name, number in (("participation_rate", heads), ("avg_times", visits), ("avg_hours", minutes)):
                book.add(scope, scope_id, name, number, 0)


def _registered(session: Session, span: Span, book: Book) -> None:
    """Members on rosters, less exempt ones, and units on the county's list: how many are registered, and how many they are."""
    live = and_(
        MemberRegistration.person_id == RosterEntry.person_id,
        MemberRegistration.valid_from <= span.as_of,
        or_(MemberRegistration.valid_to.is_(None), MemberRegistration.valid_to > span.as_of),
    )
    place = (RosterEntry.community_id, RosterEntry.unit_id)
    listed = (
        select(*place, func.count(MemberRegistration.id), func.count())
        .select_from(RosterEntry)
        .outerjoin(MemberRegistration, live)
        .where(RosterEntry.member_type == MemberType.IN_SERVICE, RosterEntry.exempt.is_(None), RosterEntry.state == EntryState.LISTED)
        .group_by(*place)
    )
    for community_id, unit_id, registered, all_of_them in session.execute(listed):
        book.spread(community_id, "member_reg_rate", registered, all_of_them)
        book.add("unit", unit_id, "member_reg_rate", registered, all_of_them)
    accepted = and_(UnitRegistration.unit_id == Unit.id, UnitRegistration.state.in_(ACCEPTED), UnitRegistration.decided_at < span.until)
    units = select(Unit.community_id, func.count(UnitRegistration.id), func.count()).select_from(Unit).outerjoin(UnitRegistration, accepted)
    book.everywhere(session, units.where(Unit.archived_at.is_(None)).group_by(Unit.community_id), "unit_reg_rate")


def _offered(session: Session, span: Span, book: Book) -> None:
    """Places of posts, by their shifts where they have any; micro-wishes as they stand now."""
    shifts = select(Shift.task_id, func.sum(Shift.taken).label("taken"), func.sum(Shift.capacity).label("capacity"))
    of_shifts = shifts.group_by(Shift.task_id).subquery()
    leaf = _leaf(Task)
    taken, places = (func.sum(func.coalesce(of_shifts.c[name], getattr(Task, name))) for name in ("taken", "capacity"))
    posts = select(leaf, taken, places).select_from(Task).outerjoin(of_shifts, of_shifts.c.task_id == Task.id)
    published = (Task.kind == TaskKind.POST, Task.state != TaskState.CANCELLED, _within(Task.published_at, span))
    book.everywhere(session, posts.where(*published).group_by(leaf), "post_claim_rate")
    leaf = _leaf(Wish)
    claimed, confirmed = Wish.state.in_(TAKEN), Wish.state == WishState.CONFIRMED
    wishes = select(leaf, func.count().filter(confirmed), func.count().filter(claimed), func.count())
    for node_id, done, took, number in session.execute(wishes.where(_within(Wish.published_at, span)).group_by(leaf)):
        book.spread(node_id, "wish_claim_rate", took, number)
        book.spread(node_id, "wish_fulfil_rate", done, took)


def _requests(session: Session, span: Span, book: Book) -> None:
    """Of the requests sent in the period: what became of each."""
    leaf, number = _leaf(Request), func.count()
    sent = (_within(Request.submitted_at, span), Request.state != S.DRAFT)
    by_state = select(leaf, Request.state, number).where(*sent).group_by(leaf, Request.state)
    for node_id, state, count in session.execute(by_state):
        book.spread(node_id, BUCKET + BUCKET_OF[state].value, count)
        for key, states in (("merged_count", (S.MERGED,)), ("withdrawn_count", (S.WITHDRAWN,))):
            book.spread(node_id, key, count * (state in states))
        book.spread(node_id, "order_count", count * (state not in NOT_COUNTED))
        book.spread(node_id, "finish_rate", count * (state in FINISHED), count * (state not in NOT_HANDLED))
    by_category = select(leaf, Request.category, number).where(*sent, Request.state.not_in(NOT_COUNTED)).group_by(leaf, Request.category)
    for node_id, category, count in session.execute(by_category):
        book.spread(node_id, CATEGORY + category, count)
    unit = Request.handler_unit_id
    handled = select(unit, number.filter(Request.state.in_(FINISHED)), number)
    for unit_id, done, count in session.execute(handled.where(*sent, unit.is_not(None), Request.state.not_in(NOT_HANDLED)).group_by(unit)):
        book.add("unit", unit_id, "finish_rate", done, count)


def _due(session: Session, span: Span, book: Book) -> None:
    """What fell due in the period until now, and whether it was done by then."""
    leaf, number, unit = _leaf(Request), func.count(), Request.handler_unit_id
    decided = func.coalesce(Request.triaged_at, Request.closed_at)
    asked = or_(Request.triaged_at.is_not(None), Request.state != S.WITHDRAWN)
    triage = select(leaf, number.filter(decided <= Request.triage_due_at), number)
    due = (Request.triage_due_at >= span.begin, Request.triage_due_at < span.upto, asked)
    book.everywhere(session, triage.where(*due).group_by(leaf), "triage_on_time")
    finish = select(leaf, unit, number.filter(Request.finished_at <= Request.promised_at), number)
    ended = (S.DRAFT, S.MERGED, S.SPLIT, S.WITHDRAWN, S.REJECTED)
    due = (Request.promised_at >= span.begin, Request.promised_at < span.upto, Request.state.not_in(ended))
    for node_id, unit_id, done, count in session.execute(finish.where(*due).group_by(leaf, unit)):
        book.spread(node_id, "finish_on_time", done, count)
        if unit_id is not None:
            book.add("unit", unit_id, "finish_on_time", done, count)


def _dispatched(session: Session, span: Span, book: Book) -> None:
    """Dispatches: answered in time with a yes; declined, which costs nobody anything (R1). What lapsed was never to be answered."""
    offers = RequestOffer.kind == OfferKind.DISPATCH, RequestOffer.state != OfferState.LAPSED
    leaf, number = _leaf(Request), func.count()
    in_time = and_(RequestOffer.state == OfferState.ACCEPTED, RequestOffer.answered_at <= RequestOffer.due_at)
    accepted = select(leaf, number.filter(in_time), number).select_from(RequestOffer).join(Request, Request.id == RequestOffer.request_id)
    due = (RequestOffer.due_at >= span.begin, RequestOffer.due_at < span.upto)
    book.everywhere(session, accepted.where(*offers, *due).group_by(leaf), "accept_on_time")
    declined = select(leaf, number.filter(RequestOffer.state == OfferState.DECLINED), number)
    made = (
        declined.select_from(RequestOffer)
        .join(Request, Request.id == RequestOffer.request_id)
        .where(*offers, _within(RequestOffer.made_at, span))
    )
    book.everywhere(session, made.group_by(leaf), "return_rate")


def _answered(session: Session, span: Span, book: Book) -> None:
    """What those who asked said: calls, sign-offs, and the ballots of quarters that are published."""
    leaf, number = _leaf(Request), func.count()
    called = select(Callback.id).where(Callback.request_id == Request.id, Callback.round == Request.round).exists()
    signed = select(SignOff.id).where(SignOff.request_id == Request.id, SignOff.round == Request.round).exists()
    reached = select(leaf, number.filter(or_(called, signed)), number).where(_within(Request.finished_at, span)).group_by(leaf)
    book.everywhere(session, reached, "callback_rate")
    valid = select(leaf, number).select_from(Callback).join(Request, Request.id == Callback.request_id)
    said = (Callback.reached.is_(True), Callback.solved.is_not(None), _within(Callback.at, span))
    book.everywhere(session, valid.where(*said).group_by(leaf), "valid_callback")
    asked = func.count(SignOff.request_id.distinct())
    again = select(leaf, asked.filter(SignOff.done.is_(False)), asked).select_from(SignOff).join(Request, Request.id == SignOff.request_id)
    book.everywhere(session, again.where(_within(SignOff.at, span)).group_by(leaf), "rework_rate")
    for quarter in _quarters(span):
        _three_rates(session, quarter, book)


def _quarters(span: Span) -> Sequence[date]:
    if span.period == "month":
        return ()
    starts = [span.starts_on]
    while (following := period_end("quarter", starts[-1])) < span.ends_before and following <= span.as_of:
        starts.append(following)
    return starts


def _three_rates(session: Session, quarter: date, book: Book) -> None:
    """Of published groups and calls alone: sums of what each place shows already (docs/protocol.md §4).

    A place that hides one answer of one group has no rates at all: a sum less what is shown would tell it, and leaving the group out would
    drop just those of which everybody says the same.
    """
    rated = select(Cell.node_id).where(Cell.quarter == quarter)
    until = start_of(period_end("quarter", quarter))
    called = select(Callback.community_id).where(Callback.at >= start_of(quarter), Callback.at < until)
    nodes = session.execute(select(OrgNode).where(or_(OrgNode.id.in_(rated), OrgNode.id.in_(called)))).scalars().all()
    above = {node.parent_id for node in nodes if node.level is Level.COMMUNITY}
    streets = session.execute(select(OrgNode).where(OrgNode.id.in_(above), OrgNode.level == Level.STREET)).scalars().all()
    for node in [*streets, *(node for node in nodes if node.level is Level.COMMUNITY)]:
        found = ballot_results.of_node(session, node, quarter=quarter, actor=SYSTEM)
        if any(one.group.contacted is None or one.group.solved is None for one in found.shown):
            continue
        by_ballot = ballot_results.answered(one.group.counts for one in found.shown)
        by_call = found.by_call if node.level is Level.COMMUNITY else Answered(0, 0, 0, 0, 0)
        book.spread(node.id, ANSWERS, *by_ballot.plus(by_call))
