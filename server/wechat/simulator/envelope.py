"""What every WeChat endpoint has in common: how a call is read and how an answer or a failure is written."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import Request, Response

from server.wechat.simulator.constants import ERRORS
from server.wechat.simulator.world import Failure, World, trace

JSON_TYPE = "application/json; encoding=utf-8"


@dataclass
class Call:
    """One request: `query` and JSON `body` as dictionaries, `raw` the body's bytes.

    A handler may leave `warnings` for the journal, and in `before` events to be pushed before the answer goes out.
    """

    path: str
    query: dict[str, str]
    raw: bytes
    remote: str
    body: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    before: list[Callable[[], dict[str, Any]]] = field(default_factory=list)


def read_call(request: Request) -> Call:
    """The request without any judgement; the Content-Type is ignored, as WeChat ignores it."""
    raw = request.get_data(cache=True, parse_form_data=False)
    return Call(request.path, request.args.to_dict(), raw, request.remote_addr or "")


def read_body(call: Call) -> None:
    """Fill `call.body` from its bytes: 44002 when empty, 47001 when not a JSON object in UTF-8."""
    if not call.raw.strip():
        raise Failure(44002)
    try:
        body = json.loads(call.raw.decode())
    except ValueError:
        raise Failure(47001) from None
    if not isinstance(body, dict):
        raise Failure(47001)
    call.body = body


def text(call: Call, name: str, errcode: int) -> str:
    """A non-empty text of the body; Failure(errcode) otherwise."""
    value = call.body.get(name)
    if not isinstance(value, str) or not value:
        raise Failure(errcode)
    return value


def write(answer: dict[str, Any] | bytes, *, content_type: str = JSON_TYPE) -> Response:
    """An answer: image bytes (always called JPEG, as WeChat does) or JSON in plain UTF-8."""
    if isinstance(answer, bytes):
        return Response(answer, content_type="image/jpeg")
    return Response(json.dumps(answer, ensure_ascii=False), content_type=content_type)


def failure_body(world: World, failure: Failure) -> dict[str, Any]:
    """`errcode` and `errmsg` with the rid at its end."""
    message = failure.hint or ERRORS.get(failure.errcode, "error")
    return {"errcode": failure.errcode, "errmsg": f"{message} rid: {trace(world)}"}


def succeed(**facts: Any) -> dict[str, Any]:
    """The usual successful body."""
    return {"errcode": 0, "errmsg": "ok", **facts}
