"""The WeChat port: what the house asks of WeChat, in its own types, with no more data than needed (docs/rules.md R7).

Light to import: neither the client library nor Redis is loaded here. Every failure is a WechatError whose class says
what to do next, so a caller never compares error numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from server.wechat.fields import FieldValue


class WechatError(Exception):
    """A call that WeChat refused or did not answer.

    ``errcode`` is WeChat's number (None: no answer), ``code`` our stable name, ``message`` one Chinese sentence for the
    person in front of the screen, ``detail`` WeChat's own words with its request id, for the operator's log.
    """

    def __init__(self, errcode: int | None, code: str, message: str, detail: str = "") -> None:
        super().__init__(errcode, code, message, detail)
        self.errcode = errcode
        self.code = code
        self.message = message
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.code} ({self.errcode}) {self.detail}".rstrip()


class WechatRetryLater(WechatError):
    """Nothing happened at WeChat: the same call may be made again after a pause."""


class WechatStopped(WechatError):
    """Every call of this kind fails until an operator acts, or until tomorrow (daily quota)."""


class WechatUserMust(WechatError):
    """The person must do something on the phone first; ``code`` says what."""


class WechatFinal(WechatError):
    """This message or object is refused for good; others are not affected."""


class WechatBug(WechatError):
    """Our request was wrong: retrying does not help."""


class WechatUnknown(WechatError):
    """A call that counts once got no answer: it may have been carried out. Never repeat it blindly."""


class PushRefused(Exception):
    """A push that is not WeChat's, not fresh or not readable: ``code`` PUSH_*, ``message`` one Chinese sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class LoginResult:
    """Who logged in. ``unionid`` is None unless the mini-program belongs to an Open Platform account."""

    openid: str = field(repr=False)
    unionid: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class TextVerdict:
    """Answer of the text check: ``suggest`` pass, review or risky; ``label`` 100 is clean; ``trace_id`` names it."""

    suggest: str
    label: int
    trace_id: str

    @property
    def passed(self) -> bool:
        """Only an explicit pass passes; anything else waits for a human."""
        return self.suggest == "pass"


@dataclass(frozen=True, slots=True)
class PushEvent:
    """One verified push.

    ``dedupe_key`` is 64 hex digits, equal for every delivery of one push. ``payload`` is plain JSON with what the house
    uses, always ``create_time`` (unix seconds), and by ``event``:

    * ``wxa_media_check``: ``trace_id``, ``errcode``, ``suggest`` (None when the check failed), ``label``
    * ``subscribe_msg_popup_event``, ``subscribe_msg_change_event``: ``openid``, ``items`` (``template_id``, ``status``)
    * ``subscribe_msg_sent_event``: ``openid``, ``items`` (``template_id``, ``msgid``, ``errcode``, ``status``)
    """

    dedupe_key: str
    event: str
    payload: dict[str, object] = field(repr=False)


class Wechat(Protocol):
    """What a mini-program backend needs of WeChat. Every method but the push pair raises WechatError."""

    def login(self, code: str) -> LoginResult:
        """Exchange a one-use login code. Calls with the same code within 30 s share one answer."""

    def phone_number(self, code: str, openid: str) -> str:
        """Exchange a one-use phone code of ``openid``: digits alone for the mainland, ``+`` and country code else."""

    def wxacode(self, scene: str, page: str) -> bytes:
        """Mini-program code, JPEG or PNG; ``scene`` ≤ 32 visible ASCII, ``page`` without leading slash or query."""

    def check_text(self, openid: str, scene: int, text: str) -> TextVerdict:
        """Check ≤ 2500 characters; ``scene`` 1 profile, 2 comment, 3 forum, 4 log; the author visited within 2 h."""

    def submit_image_check(self, openid: str, scene: int, url: str) -> str:
        """Ask for an image check of ``url``; the verdict comes as a push with the returned trace id."""

    def send_subscribe(self, openid: str, kind: str, fields: Mapping[str, FieldValue], page: str | None) -> str | None:
        """Send one subscribe message of the configured ``kind``; returns WeChat's message id when it gives one."""

    def verify_push(self, args: Mapping[str, str], *, now: datetime) -> str:
        """Answer of the push address check: the ``echostr`` to send back as text. Raises PushRefused."""

    def parse_push(self, args: Mapping[str, str], body: bytes, *, now: datetime) -> PushEvent:
        """Verify, decrypt and read one push; ``args`` is the query. Raises PushRefused."""
