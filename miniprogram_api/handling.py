"""办理: contact, start, visits, pauses, extension, report, explanation. The handler's view is neutral: never who asked or complained."""

from __future__ import annotations

from typing import Any

from miniprogram_api.dispatch_schemas import RequestMovedOut, moved_out
from miniprogram_api.edge import Call, Resource
from miniprogram_api.handling_schemas import (
    DecideExplanationIn,
    DecideExtensionIn,
    ExtendIn,
    ExtensionOut,
    FinishIn,
    HandlingReasonIn,
    InHandOut,
    PhoneOut,
    ReadingOut,
    ReadingsOut,
    TaskInHandOut,
    VisitIn,
    VisitOut,
    extension_out,
    in_hand_fields,
)
from miniprogram_api.schemas import Page, PageQuery
from server.db.models.requests import Request
from server.domain.permissions import Permission as P
from server.services import dispatch_lists, endings, extensions, handling, people, request_moves, requests, scopes, sign_offs

handling_resource = Resource("handling", "办理")
STEP = ("ILLEGAL_MOVE", "STALE")


@handling_resource.get("/me/handling", permission=P.REQUESTS_HANDLE, query=PageQuery, answer=Page[InHandOut], etag=True)
def list_in_hand(call: Call[None]) -> Page[InHandOut]:
    """本人（本单位、本队）正在办理的诉求，先接的在前."""
    rows, following = dispatch_lists.handled(call.session, actor=call.actor, after=call.query.after, limit=call.query.limit)
    return Page[InHandOut](items=[InHandOut(**in_hand_fields(request, node)) for request, node in rows], next=following)


@handling_resource.get("/me/handling/<request_id>", permission=P.REQUESTS_HANDLE, answer=TaskInHandOut)
def show_in_hand(call: Call[None], request_id: str) -> TaskInHandOut:
    """一件在办诉求：内容、地点、期限；看不到是谁提的."""
    request = handling.in_hand(call.session, request_id, actor=call.actor)
    extension = extensions.of(call.session, request)
    return TaskInHandOut(
        **in_hand_fields(request, request_moves.community_of(call.session, request)),
        content=requests.words(request),
        place=requests.place(request),
        phone=people.masked(handling.phone_of(call.session, request)),
        again=sign_offs.neutral_words(call.session, request),
        result=handling.result_of(request),
        visits=[VisitOut(at=row.at, note=note) for row, note in handling.visits(call.session, request)],
        extension=extension_out(request, extension) if extension is not None else None,
    )


@handling_resource.post("/requests/<request_id>/contact", permission=P.REQUESTS_HANDLE, answer=PhoneOut, problems=("CONTACT_CLOSED",))
def contact_requester(call: Call[None], request_id: str) -> PhoneOut:
    """查看居民电话并联系；接单后到办结前可以看，每次查看都有记录."""
    request = handling.in_hand(call.session, request_id, actor=call.actor)
    return PhoneOut(phone=handling.contact(call.session, request, actor=call.actor, now=call.now))


@handling_resource.get("/requests/<request_id>/readings", permission=P.REQUESTS_READ, answer=ReadingsOut)
def list_phone_readings(call: Call[None], request_id: str) -> ReadingsOut:
    """谁在什么时候查看过居民电话."""
    request = requests.by_public_id(call.session, request_id)
    scopes.require(call.session, call.actor, P.REQUESTS_READ, request.community_id)
    return ReadingsOut(items=[ReadingOut(reader=reader, at=at) for reader, at in handling.readings_named(call.session, request)])


@handling_resource.post("/requests/<request_id>/start", permission=P.REQUESTS_HANDLE, answer=RequestMovedOut, problems=STEP)
def start_request(call: Call[None], request_id: str) -> RequestMovedOut:
    """开始办理."""
    return moved_out(handling.start(call.session, _held(call, request_id), actor=call.actor, now=call.now))


@handling_resource.post(
    "/requests/<request_id>/redo", permission=P.REQUESTS_HANDLE, answer=RequestMovedOut, problems=(*STEP, "SAME_HANDLER")
)
def redo_request(call: Call[None], request_id: str) -> RequestMovedOut:
    """回炉重办（第一次可以由原来的人办，第二次起要换人）."""
    return moved_out(handling.redo(call.session, _held(call, request_id), actor=call.actor, now=call.now))


@handling_resource.post(
    "/requests/<request_id>/pause",
    permission=P.REQUESTS_HANDLE,
    body=HandlingReasonIn,
    answer=RequestMovedOut,
    problems=(*STEP, "NOTE_REQUIRED"),
)
def pause_request(call: Call[HandlingReasonIn], request_id: str) -> RequestMovedOut:
    """等居民回复：计时停下，居民会收到通知."""
    request = _held(call, request_id)
    return moved_out(handling.pause(call.session, request, reason=call.body.reason, actor=call.actor, now=call.now))


@handling_resource.post("/requests/<request_id>/resume", permission=P.REQUESTS_HANDLE, answer=RequestMovedOut, problems=STEP)
def resume_request(call: Call[None], request_id: str) -> RequestMovedOut:
    """继续办理（居民本人也可以点）；期限按停下的时间顺延."""
    request = requests.by_public_id(call.session, request_id)
    return moved_out(handling.resume(call.session, request, actor=call.actor, now=call.now))


@handling_resource.post(
    "/requests/<request_id>/visits", permission=P.REQUESTS_HANDLE, body=VisitIn, answer=VisitOut, status=201, problems=STEP
)
def visit_for_request(call: Call[VisitIn], request_id: str) -> VisitOut:
    """记一次上门；文字可以不写，不要照片和位置."""
    request = _held(call, request_id)
    row = handling.visit(call.session, request, note=call.body.note, actor=call.actor, now=call.now)
    return VisitOut(at=row.at, note=call.body.note or "")


@handling_resource.post(
    "/requests/<request_id>/extension",
    permission=P.REQUESTS_HANDLE,
    body=ExtendIn,
    answer=ExtensionOut,
    status=201,
    problems=("EXTENSION_LATE", "EXTENSION_LONG", "EXTENSION_USED", "ILLEGAL_MOVE"),
)
def ask_extension(call: Call[ExtendIn], request_id: str) -> ExtensionOut:
    """到期前申请延期，一件诉求一次，由社区审批."""
    request, body = _held(call, request_id), call.body
    row = extensions.ask(call.session, request, until=body.until, reason=body.reason, actor=call.actor, now=call.now)
    return extension_out(request, row)


@handling_resource.post(
    "/requests/<request_id>/extension/decide",
    permission=P.REQUESTS_DISPATCH,
    body=DecideExtensionIn,
    answer=ExtensionOut,
    problems=("ILLEGAL_MOVE", "STALE"),
)
def decide_extension(call: Call[DecideExtensionIn], request_id: str) -> ExtensionOut:
    """社区审批延期；批准后告知居民原因."""
    request, body = requests.by_public_id(call.session, request_id), call.body
    row = extensions.decide(call.session, request, approve=body.approve, note=body.note, actor=call.actor, now=call.now)
    return extension_out(request, row)


@handling_resource.post(
    "/requests/<request_id>/finish",
    permission=P.REQUESTS_HANDLE,
    body=FinishIn,
    answer=RequestMovedOut,
    problems=(*STEP, "MEDIA_UNFIT", "NOTE_REQUIRED"),
)
def finish_request(call: Call[FinishIn], request_id: str) -> RequestMovedOut:
    """办结并写明结果，照片可传可不传；居民会收到签收通知."""
    body, request = call.body, _held(call, request_id)
    return moved_out(
        handling.finish(
            call.session,
            request,
            result=body.result,
            actor=call.actor,
            now=call.now,
            pictures=body.pictures,
            seen=body.version,
        )
    )


@handling_resource.post(
    "/requests/<request_id>/explain",
    permission=P.REQUESTS_ESCALATED,
    body=HandlingReasonIn,
    answer=RequestMovedOut,
    problems=("ILLEGAL_MOVE", "REQUEST_LEVEL"),
)
def explain_request(call: Call[HandlingReasonIn], request_id: str) -> RequestMovedOut:
    """升级后确实办不了：写明原因，由另一位负责人复核."""
    request = requests.by_public_id(call.session, request_id)
    return moved_out(endings.explain(call.session, request, reason=call.body.reason, actor=call.actor, now=call.now))


@handling_resource.post(
    "/requests/<request_id>/explanation/decide",
    permission=P.REQUESTS_ESCALATED,
    body=DecideExplanationIn,
    answer=RequestMovedOut,
    problems=("EXPLAIN_SELF", "ILLEGAL_MOVE", "REQUEST_LEVEL"),
)
def decide_explanation(call: Call[DecideExplanationIn], request_id: str) -> RequestMovedOut:
    """复核“办不了”的说明：同意则说明结案（算未解决），不同意则继续办理."""
    request, body = requests.by_public_id(call.session, request_id), call.body
    return moved_out(
        endings.decide_explanation(call.session, request, approve=body.approve, reason=body.reason, actor=call.actor, now=call.now)
    )


def _held(call: Call[Any], request_id: str) -> Request:
    return handling.in_hand(call.session, request_id, actor=call.actor)
