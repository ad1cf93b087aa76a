"""What the contract tests of the WeChat port share."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from redis import Redis

from server.wechat.client import make_client
from server.wechat.port import Wechat, WechatError
from tests.simulator import AES_KEY, APPID, PUSH_TOKEN, SECRET, Simulator

TOKEN, LOGIN = "/cgi-bin/stable_token", "/sns/jscode2session"
PHONE, WXACODE = "/wxa/business/getuserphonenumber", "/wxa/getwxacodeunlimit"
TEXT, SEND = "/wxa/msg_sec_check", "/cgi-bin/message/subscribe/send"
TEMPLATES = {"decided": "tpl_claim_decided", "gone": "tpl_nowhere", "empty": ""}


def client(wx: Simulator, store: Redis, **changes: Any) -> Wechat:
    settings: dict[str, Any] = {
        "appid": APPID,
        "secret": SECRET,
        "base": wx.base,
        "redis": store,
        "push_token": PUSH_TOKEN,
        "aes_key": AES_KEY,
        "env_version": "release",
        "mp_state": "formal",
        "templates": TEMPLATES,
    }
    return make_client(**(settings | changes))


def refused(kind: type[WechatError], call: Callable[[], object]) -> WechatError:
    """The error of `call`, which is of exactly `kind` and carries no secret, however deep one looks."""
    with pytest.raises(WechatError) as caught:
        call()
    error: BaseException | None = caught.value
    assert type(error) is kind, repr(error)
    while error is not None:
        assert SECRET not in repr(error)
        error = error.__cause__ or error.__context__
    return caught.value


def at_once(calls: int, call: Callable[[int], Any]) -> list[Any]:
    start = threading.Barrier(calls)

    def run(number: int) -> Any:
        start.wait(10)
        return call(number)

    with ThreadPoolExecutor(calls) as pool:
        return list(pool.map(run, range(calls)))


def visitor(wx: Simulator, name: str = "张三") -> str:
    openid = wx.user(name, phone="13800138000")
    wx.post("visit", user=name)
    return openid


def eventually_called(wx: Simulator, path: str) -> None:
    """Wait for a call that the client gave up: carried out after the next reset it would disturb another test."""
    deadline = time.monotonic() + 10
    while not wx.requests(path):
        assert time.monotonic() < deadline
        time.sleep(0.05)
