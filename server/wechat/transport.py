"""HTTP to WeChat on wechatpy: every call bounded in time, at most one retry, UTF-8 bodies, failures as WechatError.

wechatpy's own token handling (an address of its own, no timeout, endless retries) is replaced; its request and answer
handling is used.
Errors are raised outside the ``except`` blocks: the library's exceptions carry addresses with the secret in them.
"""

import json
from collections.abc import Mapping

import requests
from redis import Redis
from requests.exceptions import ConnectTimeout, RequestException
from urllib3.exceptions import MaxRetryError, NewConnectionError
from wechatpy.client import WeChatClient
from wechatpy.exceptions import WeChatClientException

from server.wechat.errcodes import BUSY, STABLE_TOKEN, TOKEN_REFUSED, Endpoint, error_for
from server.wechat.port import WechatError, WechatRetryLater, WechatUnknown
from server.wechat.stable_token import StableToken

Answer = dict[str, object]

_JSON = {"Content-Type": "application/json; charset=utf-8"}


class Transport(WeChatClient):  # type: ignore[misc]
    """One process's (or thread's) connection to WeChat at ``base``; ``timeout`` is (connect, read) in seconds."""

    def __init__(self, appid: str, secret: str, *, base: str, redis: Redis, timeout: tuple[float, float]) -> None:
        super().__init__(appid, secret, timeout=timeout, auto_retry=False)
        self._http.trust_env = False  # a proxy variable must not carry these calls away
        self._base = base
        self._token = StableToken(redis, appid, self._fetch_token)
        # the library's own methods follow the base too
        self.API_BASE_URL = f"{base}/cgi-bin/"
        self.wxa.API_BASE_URL = f"{base}/"

    @property
    def access_token(self) -> str:
        """Read by wechatpy, also before ``__init__`` ran: there only the missing attribute is tolerated."""
        return self._token.current()

    def fetch_access_token(self) -> None:
        """wechatpy's hook for a new token; its own would ask a fixed address."""
        self._token.current()

    def _fetch_token(self) -> tuple[str, int]:
        body = {"grant_type": "client_credential", "appid": self.appid, "secret": self.secret, "force_refresh": False}
        answer = self._answer(STABLE_TOKEN, "post", [], body)
        token, seconds = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(token, str) or not token or not isinstance(seconds, int):
            raise no_answer(STABLE_TOKEN, "token answer without token")
        return token, seconds

    def get_signed(self, endpoint: Endpoint, **query: str) -> Answer:
        """GET with the app's own id and secret instead of a token; never repeated."""
        safe = [(name, value.encode("utf-8", "replace").decode()) for name, value in query.items()]
        return self._answer(endpoint, "get", [("appid", self.appid), ("secret", self.secret), *safe], None)

    def post_json(self, endpoint: Endpoint, body: Mapping[str, object]) -> Answer:
        """POST ``body`` and return the JSON answer."""
        answer = self._with_token(endpoint, body)
        if isinstance(answer, requests.Response):
            raise no_answer(endpoint, "answer is not JSON")
        return answer

    def post_for_bytes(self, endpoint: Endpoint, body: Mapping[str, object]) -> bytes:
        """POST ``body`` and return the bytes of an answer that is not JSON."""
        answer = self._with_token(endpoint, body)
        if not isinstance(answer, requests.Response):
            raise no_answer(endpoint, "answer is JSON")
        return answer.content

    def _with_token(self, endpoint: Endpoint, body: Mapping[str, object]) -> Answer | requests.Response:
        """One call; once more with a newer token when the token was what WeChat refused."""
        token = self._token.current()
        result = self._send(endpoint, "post", [("access_token", token)], body)
        if isinstance(result, WechatError) and result.errcode in TOKEN_REFUSED:
            result = self._send(endpoint, "post", [("access_token", self._token.renewed(token))], body)
        if isinstance(result, WechatError):
            raise result
        return result

    def _answer(self, endpoint: Endpoint, method: str, query: list[tuple[str, str]], body: Mapping[str, object] | None) -> Answer:
        result = self._send(endpoint, method, query, body)
        if isinstance(result, WechatError):
            raise result
        if isinstance(result, requests.Response):
            raise no_answer(endpoint, "answer is not JSON")
        return result

    def _send(
        self, endpoint: Endpoint, method: str, query: list[tuple[str, str]], body: Mapping[str, object] | None
    ) -> Answer | requests.Response | WechatError:
        """One exchange. A query given as pairs keeps wechatpy from fetching a token and adding it."""
        try:
            result = self._request(
                method,
                self._base + endpoint.path,
                params=query,
                data=None if body is None else to_body(body),
                headers=None if body is None else _JSON,
                allow_redirects=False,
            )
        except WeChatClientException as error:
            if error.errcode is None:
                return no_answer(endpoint, f"HTTP {getattr(error.response, 'status_code', '?')}")
            return error_for(endpoint, error.errcode, str(error.errmsg))
        except RequestException as error:
            if _never_sent(error):
                return _busy(type(error).__name__)
            return no_answer(endpoint, type(error).__name__)
        except (ValueError, TypeError, RecursionError) as error:  # an errcode that is no number, a bottomless document
            return no_answer(endpoint, type(error).__name__)
        if isinstance(result, dict | requests.Response):
            return result
        return no_answer(endpoint, "answer is not an object")


def to_body(body: Mapping[str, object]) -> bytes:
    """JSON as real UTF-8: escaped Chinese would pass WeChat's text check unread."""
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def no_answer(endpoint: Endpoint, detail: str) -> WechatError:
    """The error of a lost or unreadable answer: unknown where a second call counts, else a reason to call again."""
    if endpoint.once:
        return WechatUnknown(None, "WECHAT_UNKNOWN", endpoint.lost, detail)
    return _busy(detail)


def _busy(detail: str) -> WechatRetryLater:
    _, code, message = BUSY
    return WechatRetryLater(None, code, message, detail)


def _never_sent(error: RequestException) -> bool:
    """True when no connection came about, so WeChat cannot have acted."""
    if isinstance(error, ConnectTimeout):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)
