"""评分, what staff do for it: slips from the box, and comments to be read before others see them."""

from __future__ import annotations

from pydantic import Field

from miniprogram_api.ballots import AnswersIn
from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import Day, Done, Id, In, Out
from server.domain.ballots import Answers
from server.domain.permissions import Permission as P
from server.services import ballot_comments, ballot_slips, places, units

ballot_entries_resource = Resource("ballot_entries", "评分录入")


class SlipsIn(In):
    """A box of slips about one unit."""

    unit: Id | None = Field(None, description="承办单位；空：社区自办")
    day: Day = Field(description="季度里的任意一天")
    slips: list[AnswersIn] = Field(max_length=200, description="至少 5 张，一起录入")


class CommentOut(Out):
    """A comment to be read."""

    key: str
    text: str


class CommentsOut(Out):
    """Comments nobody has read."""

    items: list[CommentOut]


class DecisionIn(In):
    """Show it or not."""

    show: bool = Field(description="false：含姓名、门牌或辱骂，不公开")


@ballot_entries_resource.post(
    "/nodes/<node_id>/ballot-slips",
    permission=P.REQUESTS_CALL_BACK,
    body=SlipsIn,
    answer=Done,
    status=201,
    problems=("BALLOT_CLOSED", "SLIPS_FEW", "SLIPS_MANY"),
)
def enter_ballot_slips(call: Call[SlipsIn], node_id: str) -> Done:
    """录入评分箱里的纸条：攒够五张一起录，打乱保存."""
    body = call.body
    slips = [Answers(one.contacted, one.solved, one.satisfaction, tuple(one.tags), one.comment) for one in body.slips]
    unit = units.by_public_id(call.session, body.unit) if body.unit else None
    ballot_slips.enter(
        call.session, places.node(call.session, node_id), unit=unit, day=body.day, slips=slips, actor=call.actor, now=call.now
    )
    return Done()


@ballot_entries_resource.get("/nodes/<node_id>/ballot-comments", permission=P.REVIEWS_HOLD, answer=CommentsOut)
def list_ballot_comments(call: Call[None], node_id: str) -> CommentsOut:
    """开封后还没有人看过的意见，不知道是谁写的、写给哪一件."""
    found = ballot_comments.waiting(call.session, places.node(call.session, node_id), actor=call.actor)
    return CommentsOut(items=[CommentOut(key=one.key, text=one.text) for one in found])


@ballot_entries_resource.post("/ballot-comments/<key>", permission=P.REVIEWS_HOLD, body=DecisionIn, answer=Done, problems=("STALE",))
def decide_ballot_comment(call: Call[DecisionIn], key: str) -> Done:
    """看过一条意见：公开或不公开."""
    ballot_comments.decide(call.session, key, show=call.body.show, actor=call.actor)
    return Done()
