"""One exchange per login code, however often the phone sends it.

The first caller exchanges the code; callers with the same code within 30 seconds get his outcome. What waits in Redis
is sealed with a key made from the code itself, so Redis alone shows nobody's identity. A longer memory would let a
stolen code log in twice.
"""

import hashlib
import json
import secrets
import time
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from redis import Redis
from redis.exceptions import RedisError

from server.wechat.errcodes import LOGIN, error_for
from server.wechat.port import LoginResult, WechatError, WechatUnknown, WechatUserMust

KEEP = 30  # seconds an outcome is shared
_PENDING_LIFE = 15  # seconds; longer than one exchange can take
_WAIT = 12.0  # seconds a second caller waits for the first
_PAUSE = 0.05
_PENDING, _RESULT, _REFUSED = b"p", b"r", b"e"


class LoginFlight:
    """Shares outcomes of ``exchange`` (code → LoginResult or WechatError) between threads and processes."""

    def __init__(self, redis: Redis, appid: str, exchange: Callable[[str], LoginResult]) -> None:
        self._redis = redis
        self._appid = appid
        self._exchange = exchange

    def login(self, code: str) -> LoginResult:
        """The outcome for ``code``. Without Redis the exchange still happens, and a repetition fails as used."""
        key = f"wx:{self._appid}:login:{hashlib.sha256(code.encode('utf-8', 'replace')).hexdigest()}"
        try:
            shared = self._claim_or_wait(key)
        except RedisError:
            return self._exchange(code)
        return self._lead(key, code) if shared is None else _unpack(code, shared)

    def _claim_or_wait(self, key: str) -> bytes | None:
        """None: this caller exchanges. Else the stored outcome."""
        deadline = time.monotonic() + _WAIT
        while not self._redis.set(key, _PENDING, nx=True, ex=_PENDING_LIFE):
            stored = self._redis.get(key)
            outcome = stored.encode() if isinstance(stored, str) else stored
            if outcome is not None and outcome != _PENDING:
                return outcome
            if time.monotonic() > deadline:
                raise _lost()
            time.sleep(_PAUSE)
        return None

    def _lead(self, key: str, code: str) -> LoginResult:
        try:
            result = self._exchange(code)
        except (WechatUserMust, WechatUnknown) as error:
            self._keep(key, _REFUSED + str(error.errcode or "").encode())
            raise
        except WechatError:
            self._forget(key)  # the code was not spent: the same one may be tried again
            raise
        self._keep(key, _RESULT + _seal(code, result))
        return result

    def _keep(self, key: str, outcome: bytes) -> None:
        try:
            self._redis.set(key, outcome, ex=KEEP)
        except RedisError:
            return  # the outcome stands; only its sharing is lost

    def _forget(self, key: str) -> None:
        try:
            self._redis.delete(key)
        except RedisError:
            return


def _lost() -> WechatUnknown:
    return WechatUnknown(None, "WECHAT_UNKNOWN", LOGIN.lost, "shared login without outcome")


def _unpack(code: str, outcome: bytes) -> LoginResult:
    if outcome.startswith(_RESULT):
        return _unseal(code, outcome[1:])
    number = outcome[1:].decode("ascii", "replace")
    raise error_for(LOGIN, int(number)) if number.isdecimal() else _lost()


def _cipher(code: str) -> AESGCM:
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"gongjian shared login")
    return AESGCM(derive.derive(code.encode("utf-8", "replace")))


def _seal(code: str, result: LoginResult) -> bytes:
    nonce = secrets.token_bytes(12)
    return nonce + _cipher(code).encrypt(nonce, json.dumps([result.openid, result.unionid]).encode(), None)


def _unseal(code: str, sealed: bytes) -> LoginResult:
    try:
        openid, unionid = json.loads(_cipher(code).decrypt(sealed[:12], sealed[12:], None))
    except (InvalidTag, ValueError):
        raise _lost() from None
    return LoginResult(openid, unionid)
