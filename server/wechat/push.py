"""Message pushes: is it WeChat's, is it fresh, what does it say. Plain, compat and secure mode; JSON and XML.

Every body that is not a good push raises PushRefused: nothing a stranger sends becomes a server error. Only what the
house uses is copied out of a push; free text that a user typed to the mini-program is never kept.
"""

import base64
import hashlib
import hmac
import json
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from server.wechat.port import PushEvent, PushRefused

MAX_BODY = 64 * 1024
MAX_SKEW = 600  # seconds, either way

_REFUSALS = {
    "PUSH_SIGNATURE": "推送签名不正确，请核对消息推送的令牌配置。",
    "PUSH_STALE": "推送时间与服务器相差超过十分钟，请校准时钟后重试。",
    "PUSH_TOO_LARGE": "推送内容超过 64 kB，请检查推送来源。",
    "PUSH_MALFORMED": "推送内容无法读取，请核对消息格式配置。",
    "PUSH_WRONG_APP": "推送属于另一个小程序，请核对小程序编号。",
    "PUSH_NOT_ENCRYPTED": "推送没有加密，请在小程序后台选择安全模式。",
}


@dataclass(frozen=True, slots=True)
class PushKeys:
    """What the message settings of the mini-program hold; an empty ``aes_key`` means plain mode."""

    appid: str
    token: str = field(repr=False)
    aes_key: str = field(repr=False)


def _refused(code: str) -> PushRefused:
    return PushRefused(code, _REFUSALS[code])


def sign(token: str, *parts: str) -> str:
    """WeChat's signature: SHA-1 hex over the sorted, joined parts."""
    joined = "".join(sorted((token, *parts)))
    return hashlib.sha1(joined.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def _check(claimed: str, expected: str) -> None:
    if not hmac.compare_digest(claimed.encode("utf-8", "replace"), expected.encode()):
        raise _refused("PUSH_SIGNATURE")


def _check_fresh(args: Mapping[str, str], now: datetime) -> None:
    stamp = args.get("timestamp", "")
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12):
        raise _refused("PUSH_MALFORMED")
    if abs(now.timestamp() - int(stamp)) > MAX_SKEW:
        raise _refused("PUSH_STALE")


def _check_plain(keys: PushKeys, args: Mapping[str, str]) -> None:
    _check(args.get("signature", ""), sign(keys.token, args.get("timestamp", ""), args.get("nonce", "")))


def verify(keys: PushKeys, args: Mapping[str, str], *, now: datetime) -> str:
    """The ``echostr`` of a genuine address check, to be sent back unchanged as text. Raises PushRefused."""
    _check_plain(keys, args)
    _check_fresh(args, now)
    return args.get("echostr", "")


def open_sealed(keys: PushKeys, args: Mapping[str, str], sealed: str) -> str:
    """The message inside ``Encrypt``. ``msg_signature`` covers it; ``signature`` does not, so it is not looked at."""
    from wechatpy.crypto import PrpCrypto  # the client library loads with the first push, not with the web process
    from wechatpy.exceptions import InvalidAppIdException

    expected = sign(keys.token, args.get("timestamp", ""), args.get("nonce", ""), sealed)
    _check(args.get("msg_signature", ""), expected)
    try:
        message: str = PrpCrypto(base64.b64decode(keys.aes_key + "=")).decrypt(sealed, keys.appid)
    except InvalidAppIdException:
        raise _refused("PUSH_WRONG_APP") from None
    except (ValueError, IndexError, TypeError, struct.error):
        raise _refused("PUSH_MALFORMED") from None
    return message


def _read(text: str) -> dict[str, object]:
    """The push as a mapping, whichever of the two formats the settings chose."""
    try:
        document = _read_xml(text) if text.lstrip().startswith("<") else json.loads(text)
    except (ValueError, RecursionError):
        raise _refused("PUSH_MALFORMED") from None
    if not isinstance(document, dict):
        raise _refused("PUSH_MALFORMED")
    return document


def _read_xml(text: str) -> object:
    from xml.parsers.expat import ExpatError

    import xmltodict

    try:
        document = xmltodict.parse(text)
    except ExpatError as error:
        raise ValueError("not XML") from error
    return document.get("xml")


def parse(keys: PushKeys, args: Mapping[str, str], body: bytes, *, now: datetime) -> PushEvent:
    """Verify and read one push of at most 64 kB. Raises PushRefused."""
    if len(body) > MAX_BODY:
        raise _refused("PUSH_TOO_LARGE")
    _check_fresh(args, now)
    message = _read(_decoded(body))
    sealed = message.get("Encrypt")
    if sealed is not None and keys.aes_key:
        if not isinstance(sealed, str):
            raise _refused("PUSH_MALFORMED")
        message = _read(open_sealed(keys, args, sealed))
    else:
        _check_plain(keys, args)
        if keys.aes_key or sealed is not None:  # its signature does not cover the body
            raise _refused("PUSH_NOT_ENCRYPTED" if keys.aes_key else "PUSH_MALFORMED")
    return _event(message, keys.appid)


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refused("PUSH_MALFORMED") from None


def _word(value: object, limit: int = 128) -> str:
    """A short printable string; numbers are taken as their digits, since XML and JSON differ in that."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**20:
        value = str(value)
    if not isinstance(value, str) or len(value) > limit or not value.isprintable():
        raise _refused("PUSH_MALFORMED")
    return value


def _number(value: object) -> int:
    try:
        return int(_word(value, 20))
    except ValueError:
        raise _refused("PUSH_MALFORMED") from None


def _many(value: object) -> Iterator[Mapping[str, object]]:
    """The rows of a ``List``, which is one object when there is one row and an array when there are several."""
    for row in value if isinstance(value, list) else [value]:
        if not isinstance(row, dict):
            raise _refused("PUSH_MALFORMED")
        yield row


def _media(message: Mapping[str, object]) -> dict[str, object]:
    errcode = _number(message.get("errcode", 0))
    result = message.get("result")
    verdict = result if errcode == 0 and isinstance(result, dict) else {}
    return {
        "trace_id": _word(message.get("trace_id")),
        "errcode": errcode,
        "suggest": _word(verdict["suggest"], 16) if "suggest" in verdict else None,
        "label": _number(verdict["label"]) if "label" in verdict else None,
    }


def _subscribe(nest: str, row: Callable[[Mapping[str, object]], dict[str, object]]) -> "_Reader":
    """Reader of one subscribe event: JSON has the list at the top, XML nests it under ``nest``."""

    def read(message: Mapping[str, object]) -> dict[str, object]:
        inner = message.get(nest)
        rows = inner.get("List") if isinstance(inner, dict) else message.get("List")
        return {"openid": _word(message.get("FromUserName"), 64), "items": [row(one) for one in _many(rows)]}

    return read


def _choice(row: Mapping[str, object]) -> dict[str, object]:
    return {"template_id": _word(row.get("TemplateId")), "status": _word(row.get("SubscribeStatusString"), 16)}


def _sent(row: Mapping[str, object]) -> dict[str, object]:
    return {
        "template_id": _word(row.get("TemplateId")),
        "msgid": _word(row.get("MsgID"), 64),
        "errcode": _number(row.get("ErrorCode")),
        "status": _word(row.get("ErrorStatus") or ""),
    }


_Reader = Callable[[Mapping[str, object]], dict[str, object]]
_READERS: Mapping[str, _Reader] = {
    "wxa_media_check": _media,
    "subscribe_msg_popup_event": _subscribe("SubscribeMsgPopupEvent", _choice),
    "subscribe_msg_change_event": _subscribe("SubscribeMsgChangeEvent", _choice),
    "subscribe_msg_sent_event": _subscribe("SubscribeMsgSentEvent", _sent),
}


def _event(message: Mapping[str, object], appid: str) -> PushEvent:
    kind = _word(message.get("MsgType"), 64)
    name = _word(message.get("Event"), 64) if kind == "event" else f"message.{kind}"
    if _word(message.get("appid", appid)) != appid:
        raise _refused("PUSH_WRONG_APP")
    created = _number(message.get("CreateTime"))
    payload: dict[str, object] = {"create_time": created, **_READERS.get(name, _unread)(message)}
    # Two media results of one second share sender, time and event: what the push says belongs to the key.
    identity = [_word(message.get("FromUserName"), 64), _word(message.get("MsgId", ""), 64), name, payload]
    canonical = json.dumps(identity, sort_keys=True, ensure_ascii=True)
    return PushEvent(hashlib.sha256(canonical.encode()).hexdigest(), name, payload)


def _unread(_message: Mapping[str, object]) -> dict[str, object]:
    return {}
