"""评价例会: signing up, selection, secret votes, minutes, 回炉 list."""

from __future__ import annotations

from typing import Any

from miniprogram_api.ballots import SEND_WITHIN, ThanksOut
from miniprogram_api.edge import Call, Resource
from miniprogram_api.request_schemas import PersonIn
from miniprogram_api.review_schemas import (
    CallOffIn,
    EnteredListOut,
    EnteredOut,
    ItemsOut,
    MemberOut,
    MembersOut,
    MinutesIn,
    ReopenedOut,
    ReviewIn,
    ReviewOut,
    ReviewQuery,
    ReviewsOut,
    SelectionIn,
    VotesIn,
    VoteTokenOut,
    item_out,
    review_out,
)
from miniprogram_api.schemas import Done
from server.db.base import transaction
from server.db.models.people import Person
from server.db.models.reviews import ReviewPanel
from server.domain.permissions import Permission as P
from server.domain.problems import Problem
from server.services import people, places, review_sign_ups, review_votes, scopes
from server.services import reviews as service
from server.services.intakes import Represented

reviews_resource = Resource("reviews", "评价例会")


@reviews_resource.post("/reviews", permission=P.REVIEWS_HOLD, body=ReviewIn, answer=ReviewOut, status=201, problems=("REVIEW_EXISTS",))
def create_review(call: Call[ReviewIn]) -> ReviewOut:
    """召集一个季度的评价例会，开始报名，并公布抽签种子的哈希."""
    community = places.community(call.session, call.body.community, now=call.now)
    made = service.create(call.session, community=community, quarter=call.body.day, seats=call.body.seats, actor=call.actor, now=call.now)
    return review_out(made)


@reviews_resource.get("/reviews", permission=P.ME, query=ReviewQuery, answer=ReviewsOut)
def list_reviews(call: Call[None]) -> ReviewsOut:
    """一个社区的评价例会，新的在前."""
    community = places.node(call.session, call.query.community)
    return ReviewsOut(items=[review_out(panel) for panel in service.of_community(call.session, community)])


@reviews_resource.post("/reviews/<review_id>/volunteers", permission=P.ME, answer=Done, problems=("ILLEGAL_MOVE",))
def volunteer_for_review(call: Call[None], review_id: str) -> Done:
    """自愿报名当评议员."""
    person = call.session.get_one(Person, call.actor.id)
    service.volunteer(call.session, _panel(call, review_id), person=person, actor=call.actor, now=call.now)
    return Done()


@reviews_resource.post("/reviews/<review_id>/volunteers/withdraw", permission=P.ME, answer=Done, problems=("ILLEGAL_MOVE", "NOT_FOUND"))
def stand_down_from_review(call: Call[None], review_id: str) -> Done:
    """选定前撤回报名."""
    service.stand_down(call.session, _panel(call, review_id), actor=call.actor)
    return Done()


@reviews_resource.post(
    "/reviews/<review_id>/volunteer-entries",
    permission=P.REVIEWS_ENTER,
    body=PersonIn,
    answer=EnteredOut,
    status=201,
    problems=("ILLEGAL_MOVE", "NOT_FOUND", "PHONE_TAKEN", "REVIEW_NAMESAKE", "WITNESS_REQUIRED"),
)
def enter_review_volunteer(call: Call[PersonIn], review_id: str) -> EnteredOut:
    """替没有手机的居民报名：本人口头或纸面报名，登记人就是见证人."""
    body = call.body
    who = Represented(body.name, body.phone, body.consent, body.elder)
    made = review_sign_ups.enter(call.session, _panel(call, review_id), who=who, actor=call.actor, now=call.now)
    person = call.session.get_one(Person, made.person_id)
    return EnteredOut(person=person.public_id, person_name=people.name_of(person), channel=made.channel)


@reviews_resource.get("/reviews/<review_id>/volunteer-entries", permission=P.REVIEWS_ENTER, answer=EnteredListOut)
def list_review_volunteer_entries(call: Call[None], review_id: str) -> EnteredListOut:
    """由工作人员代为报名的人."""
    rows = review_sign_ups.entered(call.session, _panel(call, review_id), actor=call.actor)
    return EnteredListOut(
        items=[EnteredOut(person=one.public_id, person_name=people.name_of(one), channel=row.channel) for row, one in rows]
    )


@reviews_resource.post(
    "/reviews/<review_id>/volunteer-entries/<person_id>/withdraw",
    permission=P.REVIEWS_ENTER,
    answer=Done,
    problems=("ILLEGAL_MOVE", "NOT_FOUND"),
)
def take_back_review_volunteer(call: Call[None], review_id: str, person_id: str) -> Done:
    """本人不想参加了：选定前撤回代报的名."""
    panel, person = _panel(call, review_id), people.by_public_id(call.session, person_id)
    review_sign_ups.take_back(call.session, panel, person=person, actor=call.actor, now=call.now)
    return Done()


@reviews_resource.get("/reviews/<review_id>/volunteers", permission=P.REVIEWS_HOLD, answer=MembersOut)
def list_review_volunteers(call: Call[None], review_id: str) -> MembersOut:
    """报名的人和选定的理由."""
    return MembersOut(items=_members(call, _held(call, review_id)))


@reviews_resource.post(
    "/reviews/<review_id>/select",
    permission=P.REVIEWS_HOLD,
    body=SelectionIn,
    answer=MembersOut,
    problems=("ILLEGAL_MOVE", "REVIEW_FEW_VOLUNTEERS", "REVIEW_REASON_REQUIRED"),
)
def select_review_members(call: Call[SelectionIn], review_id: str) -> MembersOut:
    """选定评议员：抽签，或组织筛选（逐人写明理由）."""
    panel = _held(call, review_id)
    if call.body.chosen:
        reasons = {one.person: one.reason for one in call.body.chosen}
        service.choose(call.session, panel, reasons, actor=call.actor, now=call.now)
    else:
        service.draw(call.session, panel, actor=call.actor, now=call.now)
    return MembersOut(items=_members(call, panel))


@reviews_resource.post(
    "/reviews/<review_id>/vote", permission=P.REVIEWS_HOLD, answer=ReviewOut, problems=("ILLEGAL_MOVE", "REVIEW_NO_ITEMS", "UNAVAILABLE")
)
def open_review_vote(call: Call[None], review_id: str) -> ReviewOut:
    """列出事项（第三次没办好的，和抽查的）并开始投票."""
    return review_out(review_votes.open_vote(call.session, _held(call, review_id), actor=call.actor, now=call.now))


@reviews_resource.post(
    "/reviews/<review_id>/token",
    permission=P.ME,
    answer=VoteTokenOut,
    transaction="own",
    problems=("BALLOT_TOKEN_TAKEN", "ILLEGAL_MOVE", "NOT_FOUND", "UNAVAILABLE"),
)
def fetch_vote_token(call: Call[None], review_id: str) -> VoteTokenOut:
    """评议员领一次投票凭证；领过会记下，是哪一张不会."""
    with transaction() as session:
        review_votes.prepare(session, service.by_public_id(session, review_id), actor=call.actor)
    with transaction() as session:
        ticket = review_votes.issue(session, service.by_public_id(session, review_id), actor=call.actor, now=call.now)
    return VoteTokenOut(token=ticket.token, cell=ticket.cell.public_id, when=SEND_WITHIN)


@reviews_resource.post("/b/votes", public=True, body=VotesIn, answer=ThanksOut)
def post_votes(call: Call[VotesIn]) -> ThanksOut:
    """匿名投票：不登录；同一张凭证只算第一次，回答永远一样."""
    review_votes.receive(call.session, token=call.body.token, cell_public_id=call.body.cell, votes=call.body.votes)
    return ThanksOut(thanks="谢谢您的投票，收齐后一起打乱计票")


@reviews_resource.post(
    "/reviews/<review_id>/count", permission=P.REVIEWS_HOLD, answer=ReviewOut, problems=("ILLEGAL_MOVE", "REVIEW_TURNOUT")
)
def count_review_votes(call: Call[None], review_id: str) -> ReviewOut:
    """投票人数够了以后一起开封计票."""
    return review_out(review_votes.count(call.session, _held(call, review_id), actor=call.actor, now=call.now))


@reviews_resource.get("/reviews/<review_id>/items", permission=P.ME, answer=ItemsOut)
def list_review_items(call: Call[None], review_id: str) -> ItemsOut:
    """评议的事项、结果和纪要：评议员和社区可见；票数对谁都不公布，否则意见一致时就知道每个人投了什么."""
    panel = _panel(call, review_id)
    holds = scopes.allows(call.session, call.actor, P.REVIEWS_HOLD, panel.community_id)
    if not holds and not service.member_of(call.session, panel, call.actor).selected:
        raise Problem("NOT_FOUND")
    return ItemsOut(items=[item_out(item) for item in service.items_of(call.session, panel)], minutes=service.minutes_of(panel))


@reviews_resource.post(
    "/reviews/<review_id>/items/<item_id>/reopen",
    permission=P.REVIEWS_HOLD,
    answer=ReopenedOut,
    status=201,
    problems=("CONSENT_REQUIRED", "ILLEGAL_MOVE"),
)
def reopen_review_item(call: Call[None], review_id: str, item_id: str) -> ReopenedOut:
    """列入回炉清单：评为没解决的已办结诉求，重新立一件（来源：评价例会），原件不变."""
    panel = _held(call, review_id)
    item = next((one for one in service.items_of(call.session, panel) if one.public_id == item_id), None)
    if item is None:
        raise Problem("NOT_FOUND")
    return ReopenedOut(request=review_votes.reopen(call.session, panel, item, actor=call.actor, now=call.now).public_id)


@reviews_resource.post(
    "/reviews/<review_id>/close", permission=P.REVIEWS_HOLD, body=MinutesIn, answer=ReviewOut, problems=("ILLEGAL_MOVE",)
)
def close_review(call: Call[MinutesIn], review_id: str) -> ReviewOut:
    """写会议纪要并结束."""
    return review_out(service.close(call.session, _held(call, review_id), minutes=call.body.minutes, actor=call.actor, now=call.now))


@reviews_resource.post(
    "/reviews/<review_id>/call-off", permission=P.REVIEWS_HOLD, body=CallOffIn, answer=ReviewOut, problems=("ILLEGAL_MOVE", "NOTE_REQUIRED")
)
def call_off_review(call: Call[CallOffIn], review_id: str) -> ReviewOut:
    """不开了：写明原因；没开封的票不再开封."""
    return review_out(service.call_off(call.session, _held(call, review_id), reason=call.body.reason, actor=call.actor, now=call.now))


def _panel(call: Call[Any], review_id: str) -> ReviewPanel:
    return service.by_public_id(call.session, review_id)


def _held(call: Call[Any], review_id: str) -> ReviewPanel:
    panel = _panel(call, review_id)
    scopes.require(call.session, call.actor, P.REVIEWS_HOLD, panel.community_id)
    return panel


def _members(call: Call[Any], panel: ReviewPanel) -> list[MemberOut]:
    rows = service.members_of(call.session, panel)
    return [
        MemberOut(person=person.public_id, person_name=people.name_of(person), selected=one.selected, reason=one.reason)
        for one, person in rows
    ]
