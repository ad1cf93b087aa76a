"""Pictures: uploading one, asking what became of it, looking at it."""

from __future__ import annotations

from flask import Response, request
from pydantic import Field

from miniprogram_api.edge import Call, Resource, raw
from miniprogram_api.schemas import In, Out
from server.db.models.media import Media
from server.domain.media import LARGEST_BYTES, REFUSAL_SENTENCES, MediaPurpose, MediaState, Refusal, voice_type
from server.domain.permissions import Permission as P
from server.domain.problems import Problem
from server.domain.requests import CheckState
from server.services import media as service
from server.services import media_access, picture_links

media = Resource("media", "图片")


class MediaIn(In):
    """The form's fields beside the file."""

    purpose: MediaPurpose = Field(
        MediaPurpose.RECORD, description="用途：record 服务记录，request 诉求图片，voice 诉求录音（2 MB、六十秒以内）"
    )
    size: int | None = Field(None, ge=1, le=LARGEST_BYTES, description="文件字节数，用来发现没传完整的图片，可不填")


class MediaOut(Out):
    """A picture and what became of it."""

    id: str
    state: MediaState = Field(description="uploaded 处理中，ready 可看，refused 没有通过")
    refusal: str | None = Field(description="没有通过的原因，一句中文")
    check_state: CheckState | None = Field(
        description="内容检查：checking 检查中，review 等人工看，passed 通过，refused 未通过；不用检查的为 null"
    )
    width: int | None
    height: int | None
    seen_before: bool = Field(description="与以前的图片相似，只作提醒")


@media.post(
    "/media",
    permission=P.RECORDS_REPORT,
    body=MediaIn,
    answer=MediaOut,
    status=201,
    upload=True,
    problems=("MEDIA_NOT_A_PICTURE", "MEDIA_TRUNCATED", "VOICE_FORMAT", "VOICE_TOO_LONG"),
)
def upload_media(call: Call[MediaIn]) -> MediaOut:
    """上传一张图片（JPG、PNG、WebP，10 MB 以内，位置等附带信息会被清除）或一段录音（m4a、mp3、aac、amr、silk，2 MB 以内）."""
    file = request.files.get("file")
    if file is None:
        raise Problem("INVALID", fields={"file": "请选择一张图片"})
    body = call.body
    made = service.upload(
        call.session, owner_id=call.actor.id, purpose=body.purpose, data=file.stream.read(), declared=body.size, now=call.now
    )
    return _out(made)


@media.get("/media/<media_id>", permission=P.ME, answer=MediaOut)
def show_media(call: Call[None], media_id: str) -> MediaOut:
    """图片处理到哪一步：本人、组织者和本社区工作人员可看."""
    return _out(media_access.readable(call.session, media_id, call.actor))


@media.get("/media/<media_id>/picture", permission=P.ME, media="image/jpeg", problems=("MEDIA_NOT_READY", "MEDIA_REFUSED"))
def show_picture(call: Call[None], media_id: str) -> Response:
    """图片本身（JPEG）."""
    return raw(service.picture(media_access.readable(call.session, media_id, call.actor)), "image/jpeg")


@media.get("/media/<media_id>/sound", permission=P.ME, media="audio/mpeg", problems=("MEDIA_NOT_READY", "MEDIA_REFUSED"))
def show_sound(call: Call[None], media_id: str) -> Response:
    """录音本身（按上传时的格式：m4a、mp3、aac、amr 或 silk）."""
    data = service.picture(media_access.readable(call.session, media_id, call.actor))
    return raw(data, voice_type(data) or "application/octet-stream")


@media.get("/picture-links/<media_id>/<until>/<signature>", public=True, media="image/jpeg", problems=("NOT_FOUND",))
def show_linked_picture(call: Call[None], media_id: str, until: str, signature: str) -> Response:
    """供微信内容安全检查取图的一小时链接；小程序不用这个地址."""
    found = picture_links.opened(call.session, public_id=media_id, until=until, signature=signature, now=call.now)
    return raw(service.picture(found), "image/jpeg")


def _out(row: Media) -> MediaOut:
    return MediaOut(
        id=row.public_id,
        state=row.state,
        refusal=REFUSAL_SENTENCES[Refusal(row.refusal)] if row.refusal else None,
        check_state=row.check_state,
        width=row.width,
        height=row.height,
        seen_before=row.reuse_of_id is not None,
    )
