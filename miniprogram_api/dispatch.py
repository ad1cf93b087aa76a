"""派单、认领、吹哨、升级."""

from __future__ import annotations

from typing import Any

from miniprogram_api.claim_schemas import outcome_out
from miniprogram_api.dispatch_schemas import (
    AnswerOfferIn,
    ClaimRequestIn,
    ClaimsDecidedOut,
    DecideRequestClaimsIn,
    DispatchIn,
    EscalateIn,
    OfferOut,
    OfferQuery,
    OffersOut,
    RequestClaimableOut,
    RequestMovedOut,
    SuggestionOut,
    SuggestionsOut,
    SuggestQuery,
    VersionIn,
    WhistleIn,
    claimable_out,
    moved_out,
    offer_out,
)
from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import Page, PageQuery
from server.db.models.requests import Request, RequestOffer
from server.domain.permissions import Permission as P
from server.services import (
    dispatch,
    dispatch_lists,
    escalations,
    orgs,
    receivers,
    request_claims,
    request_moves,
    requests,
    scopes,
    suggestions,
)
from server.services.receivers import Receiver

dispatch_resource = Resource("dispatch", "派单与认领")
ASKING = ("ILLEGAL_MOVE", "OFFER_EXISTS", "REQUEST_LEVEL", "REQUEST_OWN", "REQUEST_UNCHECKED", "SAME_HANDLER", "STALE")


@dispatch_resource.post(
    "/requests/<request_id>/publish",
    permission=P.REQUESTS_DISPATCH,
    body=VersionIn,
    answer=RequestMovedOut,
    problems=("ILLEGAL_MOVE", "REQUEST_UNCHECKED", "STALE"),
)
def publish_request(call: Call[VersionIn], request_id: str) -> RequestMovedOut:
    """公开认领：党员、单位、队伍都可以报名，由书记审核."""
    request = _staffed(call, request_id)
    return moved_out(dispatch.publish(call.session, request, actor=call.actor, now=call.now, seen=call.body.version))


@dispatch_resource.post(
    "/requests/<request_id>/offers", permission=P.REQUESTS_DISPATCH, body=DispatchIn, answer=OfferOut, status=201, problems=ASKING
)
def dispatch_request(call: Call[DispatchIn], request_id: str) -> OfferOut:
    """派给一位党员、一个单位或一支队伍；对方同意才算接单."""
    return _asked(call, _staffed(call, request_id))


@dispatch_resource.post(
    "/requests/<request_id>/hand-down", permission=P.REQUESTS_ESCALATED, body=DispatchIn, answer=OfferOut, status=201, problems=ASKING
)
def hand_down_request(call: Call[DispatchIn], request_id: str) -> OfferOut:
    """升级后由上级派给一位党员、一个单位或一支队伍；对方同意才算接单."""
    request = requests.by_public_id(call.session, request_id)
    request_moves.require_level(call.session, call.actor, request)
    return _asked(call, request)


@dispatch_resource.post(
    "/requests/<request_id>/whistle",
    permission=P.REQUESTS_DISPATCH,
    body=WhistleIn,
    answer=OffersOut,
    status=201,
    problems=(*ASKING, "NOTE_REQUIRED"),
)
def whistle_request(call: Call[WhistleIn], request_id: str) -> OffersOut:
    """吹哨：同时请几个单位到场，最先接单的牵头，到场时间写在单上."""
    body, request = call.body, _staffed(call, request_id)
    to = [receivers.named(call.session, request, person=one.person, unit=one.unit, team=one.team) for one in body.to]
    dispatch.whistle(call.session, request, to=to, reason=body.reason, actor=call.actor, now=call.now, seen=body.version)
    return _offers(call, request)


@dispatch_resource.get("/requests/<request_id>/offers", permission=P.REQUESTS_DISPATCH, answer=OffersOut)
def list_request_offers(call: Call[None], request_id: str) -> OffersOut:
    """一件诉求的派单、认领和吹哨，含谁什么时候到场."""
    return _offers(call, _staffed(call, request_id))


@dispatch_resource.get("/requests/<request_id>/suggestions", permission=P.REQUESTS_DISPATCH, query=SuggestQuery, answer=SuggestionsOut)
def suggest_receivers(call: Call[None], request_id: str) -> SuggestionsOut:
    """可以派给谁：按特长、远近、时间推荐，每条都说明理由."""
    times = frozenset({call.query.time} if call.query.time else ())
    found = suggestions.of(call.session, _staffed(call, request_id), actor=call.actor, times=times)
    return SuggestionsOut(
        items=[
            SuggestionOut(
                kind=one.suggestion.candidate.kind,
                id=one.suggestion.candidate.id,
                name=one.name,
                reasons=list(one.suggestion.reasons),
            )
            for one in found
        ]
    )


@dispatch_resource.post(
    "/requests/<request_id>/escalate",
    permission=P.REQUESTS_DISPATCH,
    body=EscalateIn,
    answer=RequestMovedOut,
    problems=("ILLEGAL_MOVE", "NOTE_REQUIRED", "REQUEST_HIGHEST", "STALE"),
)
def escalate_request(call: Call[EscalateIn], request_id: str) -> RequestMovedOut:
    """升到上一级（网格—社区—街道—区县），写明原因."""
    request = _staffed(call, request_id)
    body = call.body
    return moved_out(escalations.escalate(call.session, request, reason=body.reason, actor=call.actor, now=call.now, seen=body.version))


@dispatch_resource.post(
    "/requests/<request_id>/take-up",
    permission=P.REQUESTS_ESCALATED,
    answer=RequestMovedOut,
    problems=("ILLEGAL_MOVE", "REQUEST_LEVEL", "REQUEST_OWN"),
)
def take_up_request(call: Call[None], request_id: str) -> RequestMovedOut:
    """升级到本级的诉求，由本人直接办理."""
    request = requests.by_public_id(call.session, request_id)
    return moved_out(escalations.take_up(call.session, request, actor=call.actor, now=call.now))


@dispatch_resource.get(
    "/communities/<community_id>/open-requests", permission=P.REQUESTS_HANDLE, query=PageQuery, answer=Page[RequestClaimableOut]
)
def list_open_requests(call: Call[None], community_id: str) -> Page[RequestClaimableOut]:
    """公开认领的诉求；接单后才能看到内容和地点."""
    community = orgs.by_public_id(call.session, community_id)
    rows, following = dispatch_lists.open_ones(call.session, community=community, after=call.query.after, limit=call.query.limit)
    return Page[RequestClaimableOut](items=[claimable_out(row) for row in rows], next=following)


@dispatch_resource.post(
    "/requests/<request_id>/claims",
    permission=P.REQUESTS_HANDLE,
    body=ClaimRequestIn,
    answer=OfferOut,
    status=201,
    problems=("OFFER_EXISTS", "REQUEST_NOT_OPEN", "REQUEST_OWN"),
)
def claim_request(call: Call[ClaimRequestIn], request_id: str) -> OfferOut:
    """认领：为本人，或代本单位、本队报名，由书记审核."""
    request = requests.by_public_id(call.session, request_id)
    by = Receiver(person_id=call.actor.id)
    if call.body.unit or call.body.team:
        by = receivers.named(call.session, request, unit=call.body.unit, team=call.body.team)
    return _shown(call, request_claims.claim(call.session, request, by=by, actor=call.actor, now=call.now))


@dispatch_resource.get("/request-claims", permission=P.CLAIMS_DECIDE, query=PageQuery, answer=Page[OfferOut], etag=True)
def list_request_claims(call: Call[None]) -> Page[OfferOut]:
    """等书记审核的认领，先报的在前."""
    lines, following = dispatch_lists.claims(call.session, actor=call.actor, after=call.query.after, limit=call.query.limit)
    return Page[OfferOut](items=[offer_out(line) for line in lines], next=following)


@dispatch_resource.post(
    "/request-claims/decide", permission=P.CLAIMS_DECIDE, body=DecideRequestClaimsIn, answer=ClaimsDecidedOut, problems=("NOTE_REQUIRED",)
)
def decide_request_claims(call: Call[DecideRequestClaimsIn]) -> ClaimsDecidedOut:
    """批量通过或不通过认领，最多 200 条：办成的有效，没办成的逐条说明."""
    body = call.body
    outcome = request_claims.decide_many(call.session, body.ids, approve=body.approve, actor=call.actor, now=call.now, reason=body.reason)
    told = outcome_out(outcome)
    return ClaimsDecidedOut(done=told.done, failed=told.failed)


@dispatch_resource.get("/me/offers", permission=P.REQUESTS_HANDLE, query=OfferQuery, answer=Page[OfferOut], etag=True)
def list_my_offers(call: Call[None]) -> Page[OfferOut]:
    """请本人、本单位、本队办理的和本人认领的诉求，新的在前."""
    asked: OfferQuery = call.query
    lines, following = dispatch_lists.mine(call.session, actor=call.actor, waiting=asked.waiting, after=asked.after, limit=asked.limit)
    return Page[OfferOut](items=[offer_out(line) for line in lines], next=following)


@dispatch_resource.post(
    "/offers/<offer_id>/answer",
    permission=P.REQUESTS_HANDLE,
    body=AnswerOfferIn,
    answer=OfferOut,
    problems=("ILLEGAL_MOVE", "NOTE_REQUIRED", "STALE"),
)
def answer_offer(call: Call[AnswerOfferIn], offer_id: str) -> OfferOut:
    """接单，或说明原因不接（开工前也可以退回）；不接不影响任何评价."""
    row = dispatch.by_public_id(call.session, offer_id)
    if call.body.accept:
        return _shown(call, dispatch.accept(call.session, row, actor=call.actor, now=call.now))
    return _shown(call, dispatch.decline(call.session, row, reason=call.body.reason or "", actor=call.actor, now=call.now))


@dispatch_resource.post("/offers/<offer_id>/arrive", permission=P.REQUESTS_HANDLE, answer=OfferOut, problems=("ILLEGAL_MOVE",))
def arrive_at_request(call: Call[None], offer_id: str) -> OfferOut:
    """吹哨后到场；只记时间，不要照片和位置."""
    row = dispatch.by_public_id(call.session, offer_id)
    return _shown(call, dispatch.arrive(call.session, row, actor=call.actor, now=call.now))


@dispatch_resource.post("/offers/<offer_id>/take-back", permission=P.REQUESTS_HANDLE, answer=OfferOut, problems=("ILLEGAL_MOVE",))
def take_back_claim(call: Call[None], offer_id: str) -> OfferOut:
    """审核前撤回认领."""
    row = dispatch.by_public_id(call.session, offer_id)
    return _shown(call, request_claims.take_back(call.session, row, actor=call.actor, now=call.now))


def _staffed(call: Call[Any], request_id: str) -> Request:
    """The request, for staff in whose scope it is."""
    request = requests.by_public_id(call.session, request_id)
    scopes.require(call.session, call.actor, P.REQUESTS_DISPATCH, request.community_id)
    return request


def _asked(call: Call[DispatchIn], request: Request) -> OfferOut:
    body = call.body
    to = receivers.named(call.session, request, person=body.person, unit=body.unit, team=body.team)
    return _shown(call, dispatch.dispatch(call.session, request, to=to, actor=call.actor, now=call.now, seen=body.version))


def _offers(call: Call[Any], request: Request) -> OffersOut:
    return OffersOut(items=[offer_out(line) for line in dispatch_lists.of_request(call.session, request, actor=call.actor)])


def _shown(call: Call[Any], row: RequestOffer) -> OfferOut:
    return offer_out(dispatch_lists.line_of(call.session, row))
