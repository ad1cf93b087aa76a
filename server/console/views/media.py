"""A picture or voice note, for who may see what it belongs to."""

from __future__ import annotations

from flask import Response

from server.console.desk import Answer, Call, Desk
from server.domain.media import voice_type
from server.domain.permissions import Permission as P
from server.services import media, media_access

desk = Desk("media")


@desk.page("/media/<id>/picture", permission=P.ME)
def picture(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """图片本身."""
    return _kept(media.picture(media_access.readable(call.session, id, call.actor)), "image/jpeg")


@desk.page("/media/<id>/sound", permission=P.ME)
def sound(call: Call, id: str) -> Answer:  # noqa: A002
    """录音本身，按上传时的格式."""
    data = media.picture(media_access.readable(call.session, id, call.actor))
    return _kept(data, voice_type(data) or "application/octet-stream")


def _kept(data: bytes, kind: str) -> Response:
    answer = Response(data, mimetype=kind)
    answer.headers["Cache-Control"] = "private, no-store"
    return answer
