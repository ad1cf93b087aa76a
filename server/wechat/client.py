"""The WeChat port over HTTP. Importing this module loads the HTTP and WeChat libraries: do it when a call is due."""

import os
import re
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import cast

from redis import Redis

from server.wechat import push
from server.wechat.errcodes import LOGIN, MEDIA_CHECK, PHONE, SUBSCRIBE, TEXT_CHECK, WXACODE, Endpoint
from server.wechat.fields import FieldValue, format_fields
from server.wechat.guard import check_aes_key
from server.wechat.login_flight import LoginFlight
from server.wechat.port import LoginResult, PushEvent, TextVerdict, Wechat, WechatBug, WechatError, WechatStopped
from server.wechat.scrub import install_filter
from server.wechat.transport import Answer, Transport, no_answer

_IMAGES = ((b"\xff\xd8\xff", b"\xff\xd9"), (b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"))  # first and last bytes: JPEG, PNG
_UNSAFE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class HttpWechat:
    """The port on a running WeChat (or simulator). Safe to share between threads and to create before a fork."""

    def __init__(
        self,
        connect: Callable[[], Transport],
        redis: Redis,
        keys: push.PushKeys,
        *,
        env_version: str,
        mp_state: str,
        templates: Mapping[str, str],
    ) -> None:
        self._connect, self._keys, self._appid = connect, keys, keys.appid
        self._env_version, self._mp_state, self._templates = env_version, mp_state, dict(templates)
        self._flight = LoginFlight(redis, keys.appid, self._exchange)
        self._local = threading.local()

    @property
    def _transport(self) -> Transport:
        """This thread's connection, made after the fork that made its process."""
        if getattr(self._local, "pid", None) != os.getpid():
            self._local.transport = self._connect()
            self._local.pid = os.getpid()
        return cast("Transport", self._local.transport)

    def login(self, code: str) -> LoginResult:
        return self._flight.login(code)

    def _exchange(self, code: str) -> LoginResult:
        answer = self._transport.get_signed(LOGIN, js_code=code, grant_type="authorization_code")
        unionid = answer.get("unionid")
        return LoginResult(_string(LOGIN, answer, "openid"), unionid if isinstance(unionid, str) and unionid else None)

    def phone_number(self, code: str, openid: str) -> str:
        answer = self._transport.post_json(PHONE, {"code": code, "openid": openid})
        info = _object(PHONE, answer, "phone_info")
        if _object(PHONE, info, "watermark").get("appid") != self._appid:
            raise no_answer(PHONE, "phone number of another app")
        number, country = _string(PHONE, info, "purePhoneNumber"), str(info.get("countryCode", "86"))
        return number if country == "86" else f"+{country}{number}"

    def wxacode(self, scene: str, page: str) -> bytes:
        body = {
            "scene": scene,
            "page": page,
            "env_version": self._env_version,
            "check_path": self._env_version == "release",  # only the released version's pages can be checked
        }
        image = self._transport.post_for_bytes(WXACODE, body)
        if not is_whole_image(image):
            raise no_answer(WXACODE, "answer is not a whole image")
        return image

    def check_text(self, openid: str, scene: int, text: str) -> TextVerdict:
        body = {"openid": openid, "scene": scene, "version": 2, "content": checkable(text)}
        answer = self._transport.post_json(TEXT_CHECK, body)
        result = _object(TEXT_CHECK, answer, "result")
        label = result.get("label")
        return TextVerdict(
            suggest=_string(TEXT_CHECK, result, "suggest"),
            label=label if isinstance(label, int) else 0,
            trace_id=_string(TEXT_CHECK, answer, "trace_id"),
        )

    def submit_image_check(self, openid: str, scene: int, url: str) -> str:
        body = {"openid": openid, "scene": scene, "version": 2, "media_type": 2, "media_url": url}
        return _string(MEDIA_CHECK, self._transport.post_json(MEDIA_CHECK, body), "trace_id")

    def send_subscribe(self, openid: str, kind: str, fields: Mapping[str, FieldValue], page: str | None) -> str | None:
        body: dict[str, object] = {
            "touser": openid,
            "template_id": self._template(kind),
            "data": _data(fields),
            "miniprogram_state": self._mp_state,
            "lang": "zh_CN",
        }
        if page:
            body["page"] = page
        msgid = self._transport.post_json(SUBSCRIBE, body).get("msgid")
        return str(msgid) if msgid else None

    def _template(self, kind: str) -> str:
        template = self._templates.get(kind)
        if not template:
            message = "这类消息没有配置模板编号，请管理员在配置里补上。"
            raise WechatStopped(None, "WECHAT_TEMPLATE_MISSING", message, kind)
        return template

    def verify_push(self, args: Mapping[str, str], *, now: datetime) -> str:
        return push.verify(self._keys, args, now=now)

    def parse_push(self, args: Mapping[str, str], body: bytes, *, now: datetime) -> PushEvent:
        return push.parse(self._keys, args, body, now=now)


def make_client(
    *,
    appid: str,
    secret: str,
    base: str,
    redis: Redis,
    push_token: str,
    aes_key: str,
    env_version: str,
    mp_state: str,
    templates: Mapping[str, str],
    timeout: tuple[float, float] = (3, 8),
) -> Wechat:
    """The port for one mini-program; opens no connection yet.

    ``aes_key`` has 43 characters, or is empty for plain pushes; ``templates`` maps message kinds to template ids;
    ``timeout`` is (connect, read) in seconds. Raises ValueError for a malformed key, environment or state.
    """
    check_aes_key(aes_key, production=False)
    if env_version not in {"release", "trial", "develop"}:
        raise ValueError("小程序版本只能是 release、trial 或 develop，请检查 WECHAT_ENV_VERSION。")
    if mp_state not in {"formal", "trial", "developer"}:
        raise ValueError("消息跳转版本只能是 formal、trial 或 developer，请检查 WECHAT_MP_STATE。")
    install_filter()

    def connect() -> Transport:
        return Transport(appid, secret, base=base.rstrip("/"), redis=redis, timeout=timeout)

    keys = push.PushKeys(appid, push_token, aes_key)
    return HttpWechat(connect, redis, keys, env_version=env_version, mp_state=mp_state, templates=templates)


def is_whole_image(data: bytes) -> bool:
    """True for JPEG or PNG bytes with their end: the answer's header says JPEG whatever comes, an error text too."""
    return any(data.startswith(first) and last in data[-64:] for first, last in _IMAGES)


def checkable(text: str) -> str:
    """``text`` without what JSON would write as a ``\\u`` escape: WeChat passes an escaped text unread."""
    return _UNSAFE.sub(" ", text).replace("\\", "＼")


def _data(fields: Mapping[str, FieldValue]) -> dict[str, dict[str, str]]:
    failure: WechatError
    try:
        return format_fields(fields)
    except ValueError as error:
        failure = WechatBug(None, "WECHAT_FIELD_BAD", "消息字段与模板类型不符，请把这个提示告诉管理员。", str(error))
    raise failure


def _string(endpoint: Endpoint, answer: Answer, name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise no_answer(endpoint, f"answer without {name}")
    return value


def _object(endpoint: Endpoint, answer: Answer, name: str) -> Answer:
    value = answer.get(name)
    if not isinstance(value, dict):
        raise no_answer(endpoint, f"answer without {name}")
    return value
