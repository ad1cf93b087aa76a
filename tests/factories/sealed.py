"""Something sealed in every column that has a seal, made through the services: what a rotation of the field keys must carry over."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.checkins import ServiceRecord
from server.db.models.people import Person
from server.db.models.requests import RequestOffer
from server.domain.feedbacks import FeedbackAbout, FeedbackKind
from server.domain.handling import MediationAction
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.registrations import Source, TransferReason
from server.domain.requests import CheckState, RequestState
from server.domain.reviews import Vote
from server.domain.wishes import WishState
from server.services import (
    ballot_openings,
    ballots,
    binding_requests,
    care_plans,
    claims,
    dispatch,
    documents,
    endings,
    extensions,
    feedbacks,
    handling,
    idempotency,
    mediations,
    records,
    registrations,
    review_votes,
    reviews,
    staff,
    supplements,
    transfers,
    unit_registrations,
    units,
)
from server.services.feedbacks import Written
from server.services.registrations import Details
from server.services.unit_registrations import Slip
from tests.factories.checkins import a_scan, open_task
from tests.factories.handling import a_secretary, handled
from tests.factories.people import Tree, a_person, a_tree, actor_of, with_role
from tests.factories.ratings import BASIC, a_finished, ballot, cast_ballots, rater
from tests.factories.records import a_record
from tests.factories.registrations import a_member, a_unit, agree, an_entry
from tests.factories.requests import a_requester
from tests.factories.reviews import a_closed, a_vote, vote
from tests.factories.staff import an_authenticator
from tests.factories.tasks import a_claim, a_task
from tests.factories.wishes import a_wish

BASE = "https://gongjian.example"


def everything(session: Session, now: datetime) -> None:
    """One value at least in each sealed column, and tokens of ballots in Redis."""
    tree = a_tree(session, now)
    secretary = a_secretary(session, now, tree)
    _members(session, now, tree, secretary)
    _requests(session, now, tree)
    _cared_for(session, now, tree, secretary)
    _ratings(session, now, tree, secretary)
    found = session.get_one(Person, secretary.id)
    staff.create(session, person=found, login="lishuji", actor=SYSTEM, now=now)
    an_authenticator(session, now, "lishuji")
    answer = idempotency.Answer(201, '{"name": "张三"}'.encode())
    idempotency.remember(session, actor="person:1", key="k", asked="a" * 64, answer=answer, now=now)
    session.flush()


def _members(session: Session, now: datetime, tree: Tree, secretary: Actor) -> None:
    unit = a_unit(session, now, tree)
    units.set_contact(unit, contact_name="王联络员", contact_phone="13900000001")
    an_entry(session, now, unit, "吕名册")
    newcomer = agree(session, now, a_person(session, now, "冯新来"))
    asked = {"name": "冯新来", "unit_name": unit.name, "note": "刚调来"}
    binding_requests.submit(session, community=tree.community, actor=Actor(newcomer.id), now=now, **asked)
    member = a_member(session, now, tree, unit=unit)
    other = agree(session, now, a_person(session, now, "林住户"))
    registrations.submit(
        session, person=other, community=tree.community, source=Source.SCAN, details=Details(address="3幢"),
        actor=Actor(other.id), now=now,
    )  # fmt: skip
    slip = unit_registrations.submit(session, unit=unit, slip=Slip(leader="马局长", liaison="王联络员"), actor=secretary, now=now)
    unit_registrations.accept(session, slip, opinion="同意接收", actor=secretary, now=now)
    unit_registrations.send_receipt(session, slip, sent_to=None, actor=secretary, now=now)
    documents.unit_receipt(session, slip, actor=secretary, base=BASE, now=now)
    mine = registrations.live_of(session, person_id=member.id)
    assert mine is not None
    documents.member_receipt(session, mine, actor=Actor(member.id), base=BASE, now=now)
    a_scan(session, now, open_task(session, now, tree, a_person(session, now)), member)
    record = session.execute(select(ServiceRecord).where(ServiceRecord.person_id == member.id)).scalar_one()
    records.report(session, record, text="清运了三车杂物", actor=Actor(member.id), now=now)
    final = a_record(session, now, tree, member)
    records.dispute(session, final, reason="那天我生病", actor=Actor(member.id), now=now)
    claim = a_claim(session, now, a_task(session, now, tree, a_person(session, now)), member)
    claims.excuse(session, claim, reason="孩子生病", actor=Actor(member.id), now=now)
    moved = {"to": tree.neighbour, "reason": TransferReason.MOVED_HOUSE, "note": "离父母近些"}
    transfers.request(session, mine, actor=Actor(member.id), now=now, **moved)  # type: ignore[arg-type]


def _requests(session: Session, now: datetime, tree: Tree) -> None:
    request, handler = handled(session, now, tree)
    supplements.add(session, request, text="晚上更黑", media_ids=[], text_check=CheckState.PASSED, actor=Actor(request.author_id), now=now)
    handling.visit(session, request, note="看了，是灯管", actor=handler, now=now)
    case = mediations.open_case(session, request, parties=["楼上", "楼下"], actor=handler, now=now)
    mediations.close(session, case, action=MediationAction.AGREE, result="各退一步", actor=handler, now=now)
    handled(session, now, tree, state=RequestState.FINISHED)
    assert request.finish_due_at is not None
    until = request.finish_due_at + timedelta(days=2)
    extensions.ask(session, request, until=until, reason="等配件", actor=handler, now=now)
    handling.pause(session, request, reason="等居民在家", actor=handler, now=now)
    endings.withdraw(session, request, reason="自己修好了", actor=Actor(request.asked_for_id), now=now)
    asked, receiver = handled(session, now, tree, state=RequestState.DISPATCHED)
    offer = session.execute(select(RequestOffer).where(RequestOffer.request_id == asked.id)).scalar_one()
    dispatch.decline(session, offer, reason="这周在外地", actor=receiver, now=now)


def _cared_for(session: Session, now: datetime, tree: Tree, secretary: Actor) -> None:
    elder, carer = a_requester(session, now, "王奶奶"), a_person(session, now, "赵师傅")
    made = {"person": elder, "carer": carer, "what": "量血压", "every_days": 7, "first_on": now.date()}
    plan = care_plans.create(session, community=tree.community, actor=secretary, now=now, **made)  # type: ignore[arg-type]
    care_plans.accept(session, plan, actor=Actor(carer.id), now=now)
    care_plans.visit(session, plan, note="都好", actor=Actor(carer.id), now=now)
    a_wish(session, now, tree, WishState.PUBLISHED)
    written = Written(FeedbackKind.SUGGESTION, FeedbackAbout.APP, "字太小")
    feedback = feedbacks.submit(session, written=written, actor=Actor(elder.id), now=now)
    county = actor_of(session, with_role(session, now, Role.COUNTY, tree.county), now)
    feedbacks.answer(session, feedback, text="已调大", actor=county, now=now)


def _ratings(session: Session, now: datetime, tree: Tree, secretary: Actor) -> None:
    """Five opened with a comment, three that wait, one token that was fetched a moment ago, the minutes of a panel."""
    request = a_finished(session, now, tree)
    cell = cast_ballots(session, request, [ballot(comment="上门很快")] * 5)
    ballot_openings.open_cell(session, cell.id, now=now)
    cast_ballots(session, request, [ballot(BASIC)] * 3)
    ballots.issue(session, request, actor=rater(request), now=now)
    a_closed(session, now, tree)
    panel, people = a_vote(session, now, tree, secretary)
    vote(session, now, panel, people, [Vote.SOLVED] * 5)
    review_votes.count(session, panel, actor=secretary, now=now)
    reviews.close(session, panel, minutes="五位评议员到会", actor=secretary, now=now)
