"""评价例会 on paper: printing slips, 签收, the box, and voting with the code of one's own slip (R6; docs/protocol.md §4)."""

from __future__ import annotations

from flask import Response, current_app
from pydantic import Field

from miniprogram_api.edge import Call, Resource, raw
from miniprogram_api.schemas import Done, Id, In, Out
from server.db.base import transaction
from server.domain.permissions import Permission as P
from server.domain.reviews import Vote
from server.services import people, review_slips, reviews

review_slips_resource = Resource("review_slips", "评价例会的纸条")
CODE = Field(min_length=13, max_length=32, description="纸条上的一次性编号，空格和大小写不论", examples=["4CZ8 WQ3N 7T1K D"])


class ReceiptIn(In):
    """Who took a slip."""

    person: Id = Field(description="评议员的人员编号")


class SignerOut(Out):
    """A member, and whether he has a token or a slip; which one is noted nowhere."""

    person: str
    person_name: str
    on_paper: bool = Field(description="签收了纸条")
    has_token: bool = Field(description="在手机上领了凭证")


class SignersOut(Out):
    """The members, in the order of signing up."""

    items: list[SignerOut]
    handed_out: int = Field(description="签收了几张")
    used: int = Field(description="已经投了几张")


class SlipIn(In):
    """One slip of the box."""

    code: str = CODE
    votes: dict[Id, Vote] = Field(max_length=40, description="事项编号 → solved、unsolved、unsure；没勾的不写，算说不准")


class BoxIn(In):
    """The box."""

    slips: list[SlipIn] = Field(max_length=51, description="至少五张一起录")


class CodeIn(In):
    """The code of one's own slip."""

    code: str = CODE


class QuestionOut(Out):
    """An item, in neutral words."""

    id: str
    text: str


class BallotOut(Out):
    """What to show to who typed a code in, and what to vote with."""

    token: str = Field(description="投票凭证：和 cell 一起交给 /b/votes")
    cell: str
    items: list[QuestionOut]


@review_slips_resource.post(
    "/reviews/<review_id>/slips",
    permission=P.REVIEWS_ENTER,
    transaction="own",
    media="application/pdf",
    problems=("ILLEGAL_MOVE", "REVIEW_SLIPS_OUT"),
)
def print_review_slips(call: Call[None], review_id: str) -> Response:
    """打印纸条：每位评议员一张，每张一个一次性编号；再打印一次，以前打印的就作废。编号只在这份文件里."""
    base = str(current_app.config["SETTINGS"].web.public_base)
    with transaction() as session:
        panel = reviews.by_public_id(session, review_id)
        codes = review_slips.print_codes(session, panel, actor=call.actor, now=call.now)
        draw = review_slips.drawn(session, panel, codes, base=base)
    return raw(draw(), "application/pdf", name="slips.pdf")


@review_slips_resource.get("/reviews/<review_id>/slips", permission=P.REVIEWS_ENTER, answer=SignersOut)
def list_review_slips(call: Call[None], review_id: str) -> SignersOut:
    """评议员里谁签收了纸条、谁领了手机凭证."""
    panel = reviews.by_public_id(call.session, review_id)
    rows = review_slips.members(call.session, panel, actor=call.actor)
    return SignersOut(
        items=[
            SignerOut(
                person=one.public_id,
                person_name=people.name_of(one),
                on_paper=row.on_paper,
                has_token=row.token_on is not None and not row.on_paper,
            )
            for row, one in rows
        ],
        handed_out=review_slips.handed_out(call.session, panel),
        used=review_slips.used(call.session, panel),
    )


@review_slips_resource.post(
    "/reviews/<review_id>/slip-receipts",
    permission=P.REVIEWS_ENTER,
    body=ReceiptIn,
    answer=Done,
    problems=("BALLOT_TOKEN_TAKEN", "ILLEGAL_MOVE", "REVIEW_SLIPS_UNPRINTED"),
)
def sign_for_review_slip(call: Call[ReceiptIn], review_id: str) -> Done:
    """签收：这位评议员抽了一张纸条；记下他抽了，不记是哪一张."""
    panel, person = reviews.by_public_id(call.session, review_id), people.by_public_id(call.session, call.body.person)
    review_slips.hand_out(call.session, panel, person=person, actor=call.actor, now=call.now)
    return Done()


@review_slips_resource.post(
    "/reviews/<review_id>/slip-receipts/<person_id>/withdraw",
    permission=P.REVIEWS_ENTER,
    answer=Done,
    problems=("ILLEGAL_MOVE", "REVIEW_SLIPS_OVER"),
)
def give_back_review_slip(call: Call[None], review_id: str, person_id: str) -> Done:
    """把没用的纸条还回来了，或者签收记错了人."""
    panel, person = reviews.by_public_id(call.session, review_id), people.by_public_id(call.session, person_id)
    review_slips.give_back(call.session, panel, person=person, actor=call.actor, now=call.now)
    return Done()


@review_slips_resource.post(
    "/reviews/<review_id>/slip-entries",
    permission=P.REVIEWS_ENTER,
    body=BoxIn,
    answer=Done,
    status=201,
    problems=("ILLEGAL_MOVE", "REVIEW_OWN_BOX", "REVIEW_SLIPS_OVER", "REVIEW_SLIP_UNKNOWN", "REVIEW_SLIP_USED", "SLIPS_FEW"),
)
def enter_review_slips(call: Call[BoxIn], review_id: str) -> Done:
    """录入票箱里的纸条：至少五张一起录，打乱保存，计票时一起开封."""
    panel = reviews.by_public_id(call.session, review_id)
    slips = [(one.code, one.votes) for one in call.body.slips]
    review_slips.enter(call.session, panel, slips, actor=call.actor, now=call.now)
    return Done()


@review_slips_resource.post(
    "/b/slips", public=True, body=CodeIn, answer=BallotOut, problems=("REVIEW_SLIP_UNKNOWN", "REVIEW_SLIP_USED"), transaction="read"
)
def open_review_slip(call: Call[CodeIn]) -> BallotOut:
    """凭纸条上的编号打开选票：不登录，会场的设备或任何一部手机都行；投票仍交给 /b/votes."""
    slip = review_slips.find(call.session, call.body.code)
    items = [QuestionOut(id=item.public_id, text=item.text) for item in slip.items]
    return BallotOut(token=slip.token, cell=slip.cell.public_id, items=items)
