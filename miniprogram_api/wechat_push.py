"""/wechat/push: where WeChat delivers its messages. Not part of the phone API: WeChat calls it, with a signature instead of a token."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, Response, g, jsonify, request

from server import clock, wechat
from server.db.base import transaction
from server.services import wechat_pushes
from server.wechat.port import PushRefused
from server.wechat.push import MAX_BODY

STATUS: Mapping[str, int] = {"PUSH_SIGNATURE": 403, "PUSH_WRONG_APP": 403, "PUSH_TOO_LARGE": 413}


def blueprint() -> Blueprint:
    """The address check (GET) and the delivery (POST)."""
    made = Blueprint("wechat_push", __name__)
    made.add_url_rule("/wechat/push", "check", _check, methods=["GET"])
    made.add_url_rule("/wechat/push", "deliver", _deliver, methods=["POST"])
    made.register_error_handler(PushRefused, _refuse)
    return made


def _check() -> Response:
    echo = wechat.current().verify_push(request.args, now=clock.now())
    return Response(echo, mimetype="text/plain")


def _deliver() -> Response:
    """Verify, store, answer; WeChat waits five seconds and then sends again."""
    now = clock.now()
    request.max_content_length = MAX_BODY
    event = wechat.current().parse_push(request.args, request.get_data(), now=now)
    with transaction() as session:
        wechat_pushes.receive(session, event, now=now)
    return Response("success", mimetype="text/plain")


def _refuse(refusal: PushRefused) -> Response:
    answer = jsonify(error={"code": refusal.code, "message": refusal.message, "request_id": g.request_id})
    answer.status_code = STATUS.get(refusal.code, 400)
    return answer
