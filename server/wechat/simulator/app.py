"""The Flask app: WeChat's endpoints and the device API, each a row of a table."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, Request, Response, request

from server.wechat.simulator import codes, contents, devices, faults, messages, pushes, tokens, wxacodes
from server.wechat.simulator.envelope import JSON_TYPE, Call, failure_body, read_body, read_call, write
from server.wechat.simulator.world import Failure, Refused, World, count_call, note

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
SECRETS = {"secret", "access_token"}
LONGEST_BODY = 20 * 1024 * 1024


@dataclass(frozen=True)
class Endpoint:
    """How one WeChat path is called; `locked` is False where the handler takes the lock itself."""

    handle: Callable[[World, Call], dict[str, Any] | bytes]
    post: bool = True
    token: bool = True
    locked: bool = True
    content_type: str = JSON_TYPE


ENDPOINTS: dict[str, Endpoint] = {
    "/cgi-bin/token": Endpoint(tokens.issue_legacy, post=False, token=False),
    "/cgi-bin/stable_token": Endpoint(tokens.issue_stable, token=False),
    "/sns/jscode2session": Endpoint(codes.exchange_login, post=False, token=False, content_type="text/plain"),
    "/wxa/checksession": Endpoint(codes.check_session, post=False),
    "/wxa/business/getuserphonenumber": Endpoint(codes.exchange_phone),
    "/wxa/getwxacodeunlimit": Endpoint(wxacodes.draw_unlimited, locked=False),
    "/wxa/getwxacode": Endpoint(wxacodes.draw_limited, locked=False),
    "/cgi-bin/wxaapp/createwxaqrcode": Endpoint(wxacodes.draw_square, locked=False),
    "/cgi-bin/message/subscribe/send": Endpoint(messages.send, locked=False),
    "/wxa/msg_sec_check": Endpoint(contents.check_text),
    "/wxa/media_check_async": Endpoint(contents.check_media),
}


def create_app(world: World) -> Flask:
    """The simulator over `world`; the caller runs the pusher."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LONGEST_BODY

    @app.route("/__sim__/<path:name>", methods=METHODS)
    def device(name: str) -> Response:
        return answer_device(world, name, request)

    @app.route("/", defaults={"path": ""}, methods=METHODS)
    @app.route("/<path:path>", methods=METHODS)
    def wechat(path: str) -> Response:
        return answer_wechat(world, request)

    return app


def answer_wechat(world: World, incoming: Request) -> Response:
    """One call of WeChat: take its fault, process it, spoil the answer if the fault says so, and write the journal."""
    call = read_call(incoming)
    fault = faults.take(world, call.path)
    errcode = 0
    try:
        response = faults.refuse(fault) if fault.get("kind") in faults.UNPROCESSED else _process(world, call, incoming.method)
    except Failure as failure:
        errcode = failure.errcode
        with world.lock:
            response = write(failure_body(world, failure), content_type=_content_type(call.path))
    _journal(world, call, incoming.method, errcode, fault.get("kind"))
    return faults.spoil(fault, response)


def _content_type(path: str) -> str:
    return ENDPOINTS[path].content_type if path in ENDPOINTS else JSON_TYPE


def _process(world: World, call: Call, method: str) -> Response:
    endpoint = ENDPOINTS.get(call.path)
    if endpoint is None:
        raise Failure(40066)
    if endpoint.post and method != "POST":
        raise Failure(43002)
    with world.lock:
        if endpoint.token:
            tokens.check_token(world, call.query.get("access_token", ""))
        count_call(world, call.path, world.settings.quotas.get(call.path, []))
    if endpoint.post:
        read_body(call)
    with world.lock if endpoint.locked else contextlib.nullcontext():
        answer = endpoint.handle(world, call)
    for build in call.before:
        pushes.send(world, build())
    return write(answer, content_type=endpoint.content_type)


def _journal(world: World, call: Call, method: str, errcode: int, fault: str | None) -> None:
    query = {name: "…" if name in SECRETS else value for name, value in call.query.items()}
    body = {name: "…" if name in SECRETS else value for name, value in call.body.items()}
    with world.lock:
        note(world, "request", method=method, path=call.path, query=query, body=body, errcode=errcode, fault=fault)
        for warning in call.warnings:
            note(world, "warning", path=call.path, warning=warning)


def answer_device(world: World, name: str, incoming: Request) -> Response:
    """One call of the device API: 200, or 400 and 404 with `error`."""
    device = devices.ROUTES.get((incoming.method, name))
    try:
        if device is None:
            raise Refused("unknown_call", "模拟器没有这个调用，请对照 docs/simulator.md 改正。", 404)
        given = _read_device(incoming)
        with contextlib.nullcontext() if device in devices.UNLOCKED else world.lock:
            return _show(device(world, given), 200)
    except Refused as refused:
        return _show({"error": {"code": refused.code, "message": refused.message}}, refused.status)


def _read_device(incoming: Request) -> dict[str, Any]:
    if incoming.method == "GET" or incoming.mimetype.startswith("image/"):
        return {**incoming.args.to_dict(), "bytes": incoming.get_data()}
    try:
        given = json.loads(incoming.get_data() or b"{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise Refused("wrong_json", "正文要是一个 JSON 对象，请改正后再发。")
    return given


def _show(facts: dict[str, Any], status: int) -> Response:
    return Response(json.dumps(facts, ensure_ascii=False), status=status, content_type="application/json")
