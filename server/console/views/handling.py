"""办理 at the desk, for staff who handle a request themselves or speak for a unit or team; 签收 and withdrawal on a resident's word."""

from __future__ import annotations

from urllib.parse import urlencode

from server.console import photos, request_pages
from server.console.desk import Answer, Call, Desk
from server.console.forms import Sheet, choice, moment, text, utc
from server.console.request_pages import address
from server.db.models.requests import Request
from server.domain.permissions import Permission as P
from server.domain.sign_offs import REASONS, AgainReason
from server.services import dispatch, dispatch_lists, endings, extensions, handling, request_cases, request_claims, requests, sign_offs
from server.services.receivers import Receiver

desk = Desk("handling")
DONE = "done"


class ReasonSheet(Sheet):
    """Why."""

    reason = text("原因", longest=200, rows=3)


class VisitSheet(Sheet):
    """What was found; may be left out."""

    note = text("上门情况（可以不写）", longest=2000, required=False)


class ExtendSheet(Sheet):
    """How long, and why."""

    until = moment("希望延到")
    reason = text("原因（批准后告诉居民）", longest=200, rows=3)


class FinishSheet(Sheet):
    """The report."""

    result = text("办理结果（居民会看到）", longest=2000)
    photos = photos.photos()


class SignSheet(Sheet):
    """What the requester said."""

    answer = choice("本人怎么说", [(DONE, "办好了"), *((key.value, f"没办好：{words}") for key, words in REASONS.items())], radio=True)
    on_word = choice("问过本人了吗", [("yes", "已问过本人，这是本人的话")], radio=True)


@desk.page("/requests/mine", permission=P.REQUESTS_READ)
def list_mine(call: Call) -> Answer:
    """请本人答复的派单，和本人手上正在办的."""
    asked, _more = dispatch_lists.mine(call.session, actor=call.actor, waiting=True, after=None, limit=request_pages.LINES)
    after = call.args.get("after") or None
    held, following = dispatch_lists.handled(call.session, actor=call.actor, after=after, limit=request_pages.LINES)
    lines = request_pages.lines(call, [request for request, _node in held])
    more = f"?{urlencode({'after': following})}" if following else ""
    return call.show(
        "console/requests/mine.html",
        asked=asked,
        category=request_pages.category,
        words=request_pages.words_of(call),
        lines=lines,
        more=more,
    )


@desk.action("/requests/<id>/contact", permission=P.REQUESTS_HANDLE)
def contact(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """看完整电话并联系；每次查看都有记录."""
    request = _held(call, id)
    phone = handling.contact(call.session, request, actor=call.actor, now=call.now)
    return call.show("console/requests/phone.html", phone=phone, back=address(request), number=request.number)


@desk.action("/requests/<id>/start", permission=P.REQUESTS_HANDLE)
def start(call: Call, id: str) -> Answer:  # noqa: A002
    """开始办理."""
    return _moved(call, handling.start(call.session, _held(call, id), actor=call.actor, now=call.now), "已开始办理")


@desk.action("/requests/<id>/redo", permission=P.REQUESTS_HANDLE)
def redo(call: Call, id: str) -> Answer:  # noqa: A002
    """回炉重办."""
    return _moved(call, handling.redo(call.session, _held(call, id), actor=call.actor, now=call.now), "已开始重办")


@desk.action("/requests/<id>/resume", permission=P.REQUESTS_HANDLE)
def resume(call: Call, id: str) -> Answer:  # noqa: A002
    """居民回话了，接着办."""
    request = requests.by_public_id(call.session, id)
    return _moved(call, handling.resume(call.session, request, actor=call.actor, now=call.now), "接着办，期限已顺延")


@desk.form("/requests/<id>/pause", permission=P.REQUESTS_HANDLE)
def pause(call: Call, id: str) -> Answer:  # noqa: A002
    """等居民回话：计时停下."""
    sheet = ReasonSheet(call.typed)

    def act(request: Request) -> None:
        handling.pause(call.session, request, reason=sheet.reason.data, actor=call.actor, now=call.now)

    note = "计时停下，居民会收到通知；他回话后请点“接着办”。"
    return request_pages.step(call, id, sheet, title="等居民回话", button="停下计时", act=act, said="已停下计时", note=note)


@desk.form("/requests/<id>/visit", permission=P.REQUESTS_HANDLE)
def visit(call: Call, id: str) -> Answer:  # noqa: A002
    """记一次上门；文字可以不写，不要照片和位置."""
    sheet = VisitSheet(call.typed)

    def act(request: Request) -> None:
        handling.visit(call.session, request, note=sheet.note.data or None, actor=call.actor, now=call.now)

    return request_pages.step(call, id, sheet, title="记一次上门", button="记下", act=act, said="已记下")


@desk.form("/requests/<id>/extension", permission=P.REQUESTS_HANDLE)
def ask_extension(call: Call, id: str) -> Answer:  # noqa: A002
    """到期前申请延期，一件诉求一次."""
    sheet = ExtendSheet(call.typed)

    def act(request: Request) -> None:
        until = utc(sheet.until.data)
        extensions.ask(call.session, request, until=until, reason=sheet.reason.data, actor=call.actor, now=call.now)

    note = "到期前申请，一件诉求只能延期一次，由社区批。"
    return request_pages.step(call, id, sheet, title="申请延期", button="申请", act=act, said="已申请，等社区批", note=note)


@desk.form("/requests/<id>/finish", permission=P.REQUESTS_HANDLE)
def finish(call: Call, id: str) -> Answer:  # noqa: A002
    """办结并写明结果；居民会收到签收通知."""
    sheet = FinishSheet(call.typed)

    def act(request: Request) -> None:
        handling.finish(call.session, request, result=sheet.result.data, actor=call.actor, now=call.now, seen=call.seen)
        photos.put(call, request)

    return request_pages.step(call, id, sheet, title="报办结", button="报办结", act=act, said="已报办结，等居民签收")


@desk.form("/requests/<id>/sign-off", permission=P.REQUESTS_ENTER)
def sign_off(call: Call, id: str) -> Answer:  # noqa: A002
    """代没有手机的人签收：先问过本人."""
    sheet = SignSheet(call.typed)

    def act(request: Request) -> None:
        done = sheet.answer.data == DONE
        reason = None if done else AgainReason(sheet.answer.data)
        sign_offs.sign(call.session, request, done=done, reason=reason, on_word=True, actor=call.actor, now=call.now)

    note = "签收是记名的，社区看得到；评分是匿名的，两件事分开。请先问过本人，照他的话填。"
    return request_pages.step(call, id, sheet, title="代他签收", button="签收", act=act, said="已签收", note=note)


@desk.form("/requests/<id>/withdraw", permission=P.REQUESTS_ENTER)
def withdraw(call: Call, id: str) -> Answer:  # noqa: A002
    """本人不办了：替他撤回."""
    sheet = ReasonSheet(call.typed)

    def act(request: Request) -> None:
        endings.withdraw(call.session, request, actor=call.actor, now=call.now, reason=sheet.reason.data)

    note = "请先问过本人；还有邻居提了同一件事的，会接着为他们办。"
    return request_pages.step(call, id, sheet, title="替他撤回", button="撤回", act=act, said="已撤回", note=note)


@desk.action("/requests/<id>/claim", permission=P.REQUESTS_HANDLE)
def claim(call: Call, id: str) -> Answer:  # noqa: A002
    """为本人认领公开的诉求，由另一位负责人审核."""
    request = request_cases.visible(call.session, id, actor=call.actor)
    request_claims.claim(call.session, request, by=Receiver(person_id=call.actor.id), actor=call.actor, now=call.now)
    return call.done("已认领，等另一位负责人审核", to=address(request))


@desk.action("/requests/<id>/offers/<offer>/take-back", permission=P.REQUESTS_HANDLE)
def take_back(call: Call, id: str, offer: str) -> Answer:  # noqa: A002
    """审核前收回自己的认领."""
    request_claims.take_back(call.session, dispatch.on_request(call.session, offer, id), actor=call.actor, now=call.now)
    return call.done("已收回认领", to=f"/console/requests/{id}")


@desk.action("/requests/<id>/offers/<offer>/accept", permission=P.REQUESTS_HANDLE)
def accept_offer(call: Call, id: str, offer: str) -> Answer:  # noqa: A002
    """接单."""
    accepted = call.step(dispatch.on_request(call.session, offer, id), dispatch.accept)
    return call.done("已接单，请先联系居民", to=f"/console/requests/{id}", undo=accepted)


@desk.form("/requests/<id>/offers/<offer>/decline", permission=P.REQUESTS_HANDLE)
def decline_offer(call: Call, id: str, offer: str) -> Answer:  # noqa: A002
    """不接，或开工前退回，写明原因；不影响任何评价."""
    sheet, row = ReasonSheet(call.typed), dispatch.on_request(call.session, offer, id)

    def act(_request: Request) -> None:
        dispatch.decline(call.session, row, reason=sheet.reason.data, actor=call.actor, now=call.now)

    note = "写明原因就行，不影响任何评价。"
    return request_pages.step(call, id, sheet, title="办不了", button="告诉社区", act=act, said="已告诉社区", note=note)


@desk.action("/requests/<id>/offers/<offer>/arrive", permission=P.REQUESTS_HANDLE)
def arrive(call: Call, id: str, offer: str) -> Answer:  # noqa: A002
    """吹哨后到场；只记时间."""
    row = dispatch.on_request(call.session, offer, id)
    dispatch.arrive(call.session, row, actor=call.actor, now=call.now)
    return call.done("已记下到场", to=f"/console/requests/{id}")


def _held(call: Call, public_id: str) -> Request:
    return handling.in_hand(call.session, public_id, actor=call.actor)


def _moved(call: Call, request: Request, said: str) -> Answer:
    return call.done(said, to=address(request))
