"""微心愿: collected at the door, published under an alias, claimed, fulfilled, confirmed."""

from __future__ import annotations

from typing import Any

from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import Page
from miniprogram_api.tallies import rate_out
from miniprogram_api.wish_schemas import (
    WishClaimIn,
    WishCollectIn,
    WishConfirmIn,
    WishContactOut,
    WishFiguresOut,
    WishFiguresQuery,
    WishListQuery,
    WishMineQuery,
    WishOut,
    WishRoundOut,
    WishShelfQuery,
    WishVerifyIn,
    WishWithdrawIn,
    WishWordsIn,
    out,
)
from server.db.models.wishes import Wish
from server.domain.permissions import Permission as P
from server.services import places, units, wish_claims, wish_lists, wishes
from server.services.wish_lists import Side
from server.services.wishes import Collected

wishes_resource = Resource("wishes", "微心愿")
TEXT = ("WISH_CASH", "WISH_DETAILS", "WISH_VALUE")


@wishes_resource.post(
    "/communities/<id>/wishes",
    permission=P.WISHES_COLLECT,
    body=WishCollectIn,
    answer=WishOut,
    status=201,
    problems=(*TEXT, "CONSENT_REQUIRED", "PHONE_TAKEN", "WITNESS_REQUIRED"),
)
def collect_wish(call: Call[WishCollectIn], id: str) -> WishOut:  # noqa: A002 - the URL's word
    """征集一个微心愿：社区工作人员，或网格员在自己的网格."""
    body, community = call.body, places.community(call.session, id, now=call.now)
    grid = places.node(call.session, body.grid) if body.grid else None
    guardian = body.guardian.wisher() if body.guardian else None
    noted = Collected(body.wisher.wisher(), body.group, body.words(), body.consent, guardian, grid)
    return _one(call, wishes.collect(call.session, community=community, noted=noted, actor=call.actor, now=call.now))


@wishes_resource.get("/communities/<id>/wishes", permission=P.ME, query=WishShelfQuery, answer=Page[WishOut], etag=True)
def wish_shelf(call: Call[None], id: str) -> Page[WishOut]:  # noqa: A002
    """待认领的微心愿，前几轮没人认领的在前."""
    community = places.node(call.session, id)
    rows, following = wish_lists.shelf(call.session, community=community, after=call.query.after, limit=call.query.limit)
    return Page[WishOut](items=[out(row, community.public_id, community.name, Side.PUBLIC) for row in rows], next=following)


@wishes_resource.get("/communities/<id>/wish-list", permission=P.WISHES_MANAGE, query=WishListQuery, answer=Page[WishOut])
def wish_list(call: Call[None], id: str) -> Page[WishOut]:  # noqa: A002
    """本社区全部微心愿（台账），可按状态."""
    community, query = places.node(call.session, id), call.query
    rows, following = wish_lists.of_community(
        call.session, community=community, state=query.state, actor=call.actor, after=query.after, limit=query.limit
    )
    return Page[WishOut](items=[out(row, community.public_id, community.name, Side.STAFF) for row in rows], next=following)


@wishes_resource.post("/communities/<id>/wish-rounds", permission=P.WISHES_MANAGE, answer=WishRoundOut, status=201)
def begin_wish_round(call: Call[None], id: str) -> WishRoundOut:  # noqa: A002
    """开始新一轮：还没人认领的排到前面."""
    community = places.node(call.session, id)
    return WishRoundOut(waiting=wishes.next_round(call.session, community=community, actor=call.actor, now=call.now))


@wishes_resource.get("/me/wishes", permission=P.ME, query=WishMineQuery, answer=Page[WishOut])
def my_wishes(call: Call[None]) -> Page[WishOut]:
    """我的微心愿，或我认领的."""
    query = call.query
    listed, side = (wish_lists.own, Side.WISHER) if query.role == "wisher" else (wish_lists.claimed, Side.CLAIMANT)
    rows, following = listed(call.session, actor=call.actor, after=query.after, limit=query.limit)
    nodes = places.nodes(call.session, [row.community_id for row in rows])
    items = [out(row, nodes[row.community_id].public_id, nodes[row.community_id].name, side) for row in rows]
    return Page[WishOut](items=items, next=following)


@wishes_resource.get("/wishes/<id>", permission=P.ME, answer=WishOut)
def wish(call: Call[None], id: str) -> WishOut:  # noqa: A002
    """一个微心愿；其他人只能看待认领的."""
    row, side = wish_lists.readable(call.session, id, actor=call.actor)
    community = places.nodes(call.session, [row.community_id])[row.community_id]
    note = wishes.visit_note_of(call.session, row) or None if side is Side.STAFF else None
    return out(row, community.public_id, community.name, side, visit_note=note)


@wishes_resource.post(
    "/wishes/<id>/verify", permission=P.WISHES_MANAGE, body=WishVerifyIn, answer=WishOut, problems=("ILLEGAL_MOVE", "NOTE_REQUIRED")
)
def verify_wish(call: Call[WishVerifyIn], id: str) -> WishOut:  # noqa: A002
    """走访核实."""
    row, body = wishes.by_public_id(call.session, id), call.body
    return _one(call, wishes.verify(call.session, row, visited_on=body.visited_on, note=body.note, actor=call.actor, now=call.now))


@wishes_resource.post(
    "/wishes/<id>/publish",
    permission=P.WISHES_MANAGE,
    body=WishWordsIn,
    answer=WishOut,
    problems=(*TEXT, "CONSENT_REQUIRED", "ILLEGAL_MOVE"),
)
def publish_wish(call: Call[WishWordsIn], id: str) -> WishOut:  # noqa: A002
    """用化名公布，文字由工作人员定."""
    row = wishes.by_public_id(call.session, id)
    return _one(call, wishes.publish(call.session, row, words=call.body.words(), actor=call.actor, now=call.now))


@wishes_resource.post(
    "/wishes/<id>/claim", permission=P.WISHES_CLAIM, body=WishClaimIn, answer=WishOut, problems=("ILLEGAL_MOVE", "WISH_SELF")
)
def claim_wish(call: Call[WishClaimIn], id: str) -> WishOut:  # noqa: A002
    """认领：自己，或联络员替单位."""
    row = wishes.by_public_id(call.session, id)
    unit = units.by_public_id(call.session, call.body.unit) if call.body.unit else None
    return _one(call, wish_claims.claim(call.session, row, unit=unit, actor=call.actor, now=call.now))


@wishes_resource.post("/wishes/<id>/contact-readings", permission=P.WISHES_CLAIM, answer=WishContactOut, problems=("CONSENT_REQUIRED",))
def read_wish_contact(call: Call[None], id: str) -> WishContactOut:  # noqa: A002
    """看联系方式：只给认领人，认领后到办好前；每次都有记录."""
    row = wishes.by_public_id(call.session, id)
    return WishContactOut.model_validate(wish_claims.contact_of(call.session, row, actor=call.actor, now=call.now))


@wishes_resource.post("/wishes/<id>/contacted", permission=P.WISHES_CLAIM, answer=WishOut, problems=("ILLEGAL_MOVE",))
def wish_contacted(call: Call[None], id: str) -> WishOut:  # noqa: A002
    """已经联系上."""
    row = wishes.by_public_id(call.session, id)
    return _one(call, wish_claims.mark_contacted(call.session, row, actor=call.actor, now=call.now))


@wishes_resource.post("/wishes/<id>/release", permission=P.WISHES_CLAIM, answer=WishOut, problems=("ILLEGAL_MOVE",))
def release_wish(call: Call[None], id: str) -> WishOut:  # noqa: A002
    """放回：认领人办不了，或工作人员放回；下一轮排在前面."""
    row = wishes.by_public_id(call.session, id)
    return _one(call, wish_claims.release(call.session, row, actor=call.actor, now=call.now))


@wishes_resource.post("/wishes/<id>/fulfil", permission=P.WISHES_CLAIM, answer=WishOut, problems=("ILLEGAL_MOVE",))
def fulfil_wish(call: Call[None], id: str) -> WishOut:  # noqa: A002
    """办好了，等本人或监护人确认."""
    row = wishes.by_public_id(call.session, id)
    return _one(call, wish_claims.fulfil(call.session, row, actor=call.actor, now=call.now))


@wishes_resource.post(
    "/wishes/<id>/confirm", permission=P.ME, body=WishConfirmIn, answer=WishOut, problems=("ILLEGAL_MOVE", "CONFIRM_SELF")
)
def confirm_wish(call: Call[WishConfirmIn], id: str) -> WishOut:  # noqa: A002
    """确认实现：本人或监护人，或工作人员凭回访、签字单."""
    row = wishes.by_public_id(call.session, id)
    return _one(call, wish_claims.confirm(call.session, row, via=call.body.via, actor=call.actor, now=call.now))


@wishes_resource.post(
    "/wishes/<id>/withdraw", permission=P.ME, body=WishWithdrawIn, answer=WishOut, problems=("ILLEGAL_MOVE", "NOTE_REQUIRED")
)
def withdraw_wish(call: Call[WishWithdrawIn], id: str) -> WishOut:  # noqa: A002
    """撤回：本人、监护人或工作人员."""
    row = wishes.by_public_id(call.session, id)
    return _one(call, wishes.withdraw(call.session, row, reason=call.body.reason, actor=call.actor, now=call.now))


@wishes_resource.get("/orgs/<id>/wish-figures", permission=P.TALLIES_READ, query=WishFiguresQuery, answer=WishFiguresOut)
def wish_figures(call: Call[None], id: str) -> WishFiguresOut:  # noqa: A002
    """微心愿的认领率和实现率：这段时间公布的，到现在怎样了."""
    node, query = places.node(call.session, id), call.query
    found = wish_lists.figures(call.session, node=node, first=query.since, before=query.to, actor=call.actor)
    return WishFiguresOut(
        published=found.published,
        claimed=found.claimed,
        confirmed=found.confirmed,
        wish_claim_rate=rate_out(found.wish_claim_rate),
        wish_fulfil_rate=rate_out(found.wish_fulfil_rate),
    )


def _one(call: Call[Any], row: Wish) -> WishOut:
    """The wish as who acted on it now sees it."""
    community = places.nodes(call.session, [row.community_id])[row.community_id]
    return out(row, community.public_id, community.name, wish_lists.side_of(call.session, row, call.actor))
