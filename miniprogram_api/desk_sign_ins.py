"""在手机上确认电脑登录管理后台."""

from __future__ import annotations

from pydantic import Field

from miniprogram_api.checkins import keep_refusal
from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import Done, In, Instant, Out, Token
from server.db.base import transaction
from server.domain.permissions import Permission as P
from server.domain.problems import Problem
from server.services import desk_sign_ins, refusals

desk_sign_ins_resource = Resource("desk_sign_ins", "电脑端登录")
CODES = ("QR_EXPIRED", "QR_FORGED", "QR_FORMAT", "QR_KEY_RETIRED", "QR_NOT_YOURS", "QR_THROTTLED", "QR_UNKNOWN", "QR_USED", "QR_VERSION",
         "QR_WRONG_KIND")  # fmt: skip


class DeskCodeIn(In):
    """电脑登录页上的码."""

    tok: Token = Field(description="扫到的内容原样", examples=["https://gongjian.example/q/51GG8DJRFAEA0W5M2WEPVBKAQG5NFH60"])


class DeskNumberIn(DeskCodeIn):
    """从三个数字里点选电脑屏幕上的那一个."""

    number: int = Field(ge=10, le=99, description="点选的数字；只能选一次，选错这个码就作废", examples=[42])


class DeskSignInOut(Out):
    """谁在请求登录；请本人核对，不是自己的电脑就拒绝."""

    browser: str = Field(description="电脑上的系统和浏览器", examples=["Windows · Edge"])
    network: str = Field(description="大致的网络位置；同一个路由器后面的电脑是一样的，只供参考", examples=["203.0.*.*"])
    asked_at: Instant = Field(description="电脑上显示这个码的时间")
    expires_at: Instant
    numbers: list[int] = Field(description="三个数字，从小到大；只有一个与电脑屏幕上的相同", examples=[[17, 42, 80]])


@desk_sign_ins_resource.post(
    "/desk-sign-ins", permission=P.ME, body=DeskCodeIn, answer=DeskSignInOut, problems=(*CODES, "FORBIDDEN"), refused=keep_refusal
)
def read_desk_sign_in(call: Call[DeskCodeIn]) -> DeskSignInOut:
    """扫电脑登录页上的码（种类 11）：先看是哪台电脑，再点数字；只有工作人员可以."""
    try:
        wish = desk_sign_ins.read(call.session, call.body.tok, actor=call.actor, now=call.now)
    except Problem as problem:
        raise _noted(problem, call) from None
    row = wish.row
    return DeskSignInOut(
        browser=row.browser, network=row.network, asked_at=row.asked_at, expires_at=wish.code.expires_at, numbers=row.numbers
    )


@desk_sign_ins_resource.post(
    "/desk-sign-ins/agree",
    permission=P.ME,
    transaction="own",
    body=DeskNumberIn,
    answer=Done,
    problems=(*CODES, "FORBIDDEN", "SIGN_IN_NUMBER", "STALE"),
)
def agree_to_desk_sign_in(call: Call[DeskNumberIn]) -> Done:
    """同意登录：点选电脑屏幕上的数字。重发同一个数字得到相同答复；选错即作废."""
    return _picked(call, call.body.number)


@desk_sign_ins_resource.post(
    "/desk-sign-ins/refuse", permission=P.ME, transaction="own", body=DeskCodeIn, answer=Done, problems=(*CODES, "FORBIDDEN", "STALE")
)
def refuse_desk_sign_in(call: Call[DeskCodeIn]) -> Done:
    """不是我：这个码立即作废，那台电脑不能登录."""
    return _picked(call, desk_sign_ins.NOT_ME)


def _picked(call: Call[DeskNumberIn] | Call[DeskCodeIn], number: int) -> Done:
    """The pick is kept although it is refused: a code dies of a wrong number."""
    with transaction() as session:
        code = desk_sign_ins.pick(session, call.body.tok, number, actor=call.actor, now=call.now)
    if code is not None:
        raise Problem(code)
    return Done()


def _noted(problem: Problem, call: Call[DeskCodeIn]) -> Problem:
    """A forged code goes to the ledger and is counted; that somebody is not staff is no matter of codes."""
    return problem if problem.code == "FORBIDDEN" else refusals.of_text(problem, call.body.tok, actor=call.actor, now=call.now)
