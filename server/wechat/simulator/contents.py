"""Content security: text is judged at once by word lists, pictures later by a pushed event."""

import functools
import hashlib
import io
import re
from typing import Any
from urllib.parse import urlsplit

import requests
from PIL import Image
from urllib3.exceptions import HTTPError

from server.wechat.simulator import constants
from server.wechat.simulator.envelope import Call, succeed, text
from server.wechat.simulator.world import Failure, User, World, now, schedule, trace

ESCAPED = re.compile(rb"\\u[0-9a-fA-F]{4}")
OPENID = re.compile(r"o[0-9A-Za-z_-]{27}")
FRESH = 2 * 3600
LONGEST_TEXT = 2500
LARGEST_FILE = 10 * 1024 * 1024
FORMATS = {"JPEG", "PNG", "BMP", "GIF"}
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
MARKS = {b"wxsim-risky": ("risky", 20002), b"wxsim-review": ("review", 21000)}


def check_text(world: World, call: Call) -> dict[str, Any]:
    """`POST /wxa/msg_sec_check`, version 2. A body with escaped characters always passes, as with WeChat; the journal warns."""
    _read_user(world, call)
    content = call.body.get("content")
    if not isinstance(content, str) or not 1 <= len(content) <= LONGEST_TEXT:
        raise Failure(47001)
    if call.body.get("signature") and call.body["scene"] != 1:
        raise Failure(40129)
    whole = "\n".join(str(call.body.get(part, "")) for part in ("content", "title", "nickname", "signature"))
    suggest, label = _judge_words(world, whole)
    if ESCAPED.search(call.raw):
        call.warnings.append("the body has \\u escapes: WeChat checks them as ASCII and always passes")
        suggest, label = "pass", 100
    verdict = {"suggest": suggest, "label": label}
    detail = [{"strategy": "content_model", "errcode": 0, **verdict, "prob": 90}]
    return succeed(result=verdict, detail=detail, trace_id=trace(world))


def check_media(world: World, call: Call) -> dict[str, Any]:
    """`POST /wxa/media_check_async`: answers a trace id; the verdict comes as `wxa_media_check`."""
    _read_user(world, call)
    if call.body.get("media_type") not in (1, 2):
        raise Failure(40004)
    url, trace_id = text(call, "media_url", 47001), trace(world)
    build = functools.partial(media_event, world, trace_id, url, call.body["media_type"])
    delay = world.settings.media_delay
    if delay == "before":
        call.before.append(build)
    elif not isinstance(delay, str):
        schedule(world, delay, build)
    return succeed(trace_id=trace_id)


def media_event(world: World, trace_id: str, url: str, media_type: int) -> dict[str, Any]:
    """The event with the verdict on the file at `url`, which is fetched now; not to be called under the lock."""
    content = fetch(url)
    good = content is not None and (media_type == 1 or _is_image(content))
    head = {"ToUserName": constants.ORIGINAL_ID, "FromUserName": constants.PLATFORM, "CreateTime": now(world)}
    event = {**head, "MsgType": "event", "Event": "wxa_media_check", "appid": world.options.appid, "trace_id": trace_id}
    if content is None or not good:
        return {**event, "version": 2, "errcode": -1008, "errmsg": "download error"}
    suggest, label = _judge_media(world, content)
    verdict = {"suggest": suggest, "label": label}
    detail = [{"strategy": "content_model", "errcode": 0, **verdict, "prob": 90}]
    return {**event, "version": 2, "detail": detail, "errcode": 0, "errmsg": "ok", "result": verdict}


def fetch(url: str) -> bytes | None:
    """The bytes at a loopback address, at most 10 MB; None when it cannot be had."""
    if not is_loopback(url):
        return None
    with requests.Session() as session:
        session.trust_env = False
        try:
            with session.get(url, timeout=5, stream=True, allow_redirects=False) as reply:
                content = bytes(reply.raw.read(LARGEST_FILE + 1, decode_content=True))
        except (requests.RequestException, HTTPError, OSError, ValueError):
            return None
    return content if reply.status_code == 200 and len(content) <= LARGEST_FILE else None


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine: the simulator talks to no other."""
    try:
        return urlsplit(url).hostname in LOOPBACK
    except ValueError:
        return False


def _read_user(world: World, call: Call) -> User:
    openid = call.body.get("openid")
    if not isinstance(openid, str) or not OPENID.fullmatch(openid):
        raise Failure(40003)
    user = world.users.get(openid)
    if user is None:
        raise Failure(43104)
    scene = call.body.get("scene")
    if isinstance(scene, bool) or scene not in (1, 2, 3, 4):
        raise Failure(40129)
    if call.body.get("version") != 2:
        raise Failure(47001)
    if now(world) - user.last_visit > FRESH:
        raise Failure(61010)
    return user


def _judge_words(world: World, whole: str) -> tuple[str, int]:
    hits = [(verdict[0], verdict[1]) for word, verdict in world.settings.words.items() if word in whole]
    return max(hits, key=lambda hit: hit[0] == "risky", default=("pass", 100))


def _is_image(content: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(content)) as picture:
            return picture.format in FORMATS
    except (OSError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return False


def _judge_media(world: World, content: bytes) -> tuple[str, int]:
    known = world.settings.media_verdicts.get(hashlib.sha256(content).hexdigest())
    if known:
        return known[0], known[1]
    for mark, verdict in MARKS.items():
        if mark in content:
            return verdict
    return _judge_colour(content)


def _judge_colour(content: bytes) -> tuple[str, int]:
    try:
        with Image.open(io.BytesIO(content)) as picture:
            middle = picture.convert("RGB").getpixel((picture.width // 2, picture.height // 2))
    except (OSError, ValueError):
        return "pass", 100
    bright = tuple(part > 215 for part in middle[:3]) if isinstance(middle, tuple) else ()
    dark = tuple(part < 40 for part in middle[:3]) if isinstance(middle, tuple) else ()
    if bright == (True, False, True) and dark == (False, True, False):
        return MARKS[b"wxsim-risky"]
    if bright == (False, True, True) and dark == (True, False, False):
        return MARKS[b"wxsim-review"]
    return "pass", 100
