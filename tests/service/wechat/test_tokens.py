"""The access token through the real library: one fetch, one retry, never a loop."""

import time

import pytest
import requests
from redis import Redis
from wechatpy.exceptions import WeChatClientException

from server.wechat.port import Wechat, WechatRetryLater, WechatStopped
from server.wechat.stable_token import StableToken
from server.wechat.transport import Transport
from tests.service.wechat.support import TEXT, TOKEN, at_once, client, eventually_called, refused, visitor
from tests.simulator import APPID, SECRET, Simulator


def force_new_token(wx: Simulator) -> None:
    """What another program with the same secret might do: the token everybody holds dies."""
    body = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET, "force_refresh": True}
    assert "access_token" in requests.post(wx.base + TOKEN, json=body, timeout=5).json()


def test_eight_cold_clients_fetch_one_token(wx: Simulator, store: Redis) -> None:
    openid = wx.user("张三")
    wx.login_code("张三")
    wx.fault(TOKEN, "delay", seconds=0.3)
    ports = [client(wx, store) for _ in range(8)]
    verdicts = at_once(8, lambda number: ports[number].check_text(openid, 2, "你好"))
    assert [verdict.suggest for verdict in verdicts] == ["pass"] * 8
    assert len(wx.requests(TOKEN)) == 1


def test_token_is_kept_until_shortly_before_its_end(port: Wechat, wx: Simulator, store: Redis) -> None:
    port.check_text(visitor(wx), 2, "你好")
    key = f"wx:{APPID}:stable_token"
    assert 6900 <= int(store.ttl(key)) <= 7000
    wx.post("clock", advance=7100)
    store.delete(key)
    port.check_text(visitor(wx), 2, "你好")
    assert int(store.ttl(key)) >= 30


def test_invalidated_token_is_healed_in_one_retry(port: Wechat, wx: Simulator) -> None:
    openid = visitor(wx)
    port.check_text(openid, 2, "你好")
    force_new_token(wx)
    assert port.check_text(openid, 2, "你好").passed
    assert [line["errcode"] for line in wx.requests(TEXT)] == [0, 40001, 0]


def test_expired_token_is_healed_in_one_retry(port: Wechat, wx: Simulator) -> None:
    port.check_text(visitor(wx), 2, "你好")
    wx.post("clock", advance=7300)
    assert port.check_text(visitor(wx), 2, "你好").passed
    assert [line["errcode"] for line in wx.requests(TEXT)] == [0, 42001, 0]


def test_many_clients_heal_one_invalidation_with_one_fetch(wx: Simulator, store: Redis) -> None:
    openid = visitor(wx)
    ports = [client(wx, store) for _ in range(6)]
    ports[0].check_text(openid, 2, "你好")
    force_new_token(wx)
    before = len(wx.requests(TOKEN))
    assert all(verdict.passed for verdict in at_once(6, lambda number: ports[number].check_text(openid, 2, "你好")))
    assert len(wx.requests(TOKEN)) == before + 1


def test_fetch_that_outlived_its_lock_does_not_replace_a_newer_token(store: Redis) -> None:
    lock = f"wx:{APPID}:stable_token:lock"

    def slow_fetch() -> tuple[str, int]:
        store.set(f"wx:{APPID}:stable_token", "newer")
        store.set(lock, "somebody else")
        return "older", 7200

    refused(WechatRetryLater, StableToken(store, APPID, slow_fetch).current)
    assert store.get(f"wx:{APPID}:stable_token") == b"newer"


@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
def test_token_refused_for_good_ends_after_two_calls(port: Wechat, wx: Simulator, errcode: int) -> None:
    openid = visitor(wx)
    port.check_text(openid, 2, "你好")
    wx.fault(TEXT, "errcode", errcode=errcode, times=5)
    error = refused(WechatStopped, lambda: port.check_text(openid, 2, "你好"))
    assert (error.errcode, error.code) == (errcode, "WECHAT_TOKEN_REFUSED")
    assert len(wx.requests(TEXT)) == 3
    assert len(wx.requests(TOKEN)) == 2


@pytest.mark.parametrize("errcode", [40001, 40125, 40164, 45009])
def test_token_endpoint_is_asked_once(port: Wechat, wx: Simulator, errcode: int) -> None:
    openid = visitor(wx)
    wx.fault(TOKEN, "errcode", errcode=errcode, times=3)
    assert refused(WechatStopped, lambda: port.check_text(openid, 2, "你好")).errcode == errcode
    assert len(wx.requests(TOKEN)) == 1
    assert wx.requests(TEXT) == []


def test_wrong_secret_stops_everything(wx: Simulator, store: Redis) -> None:
    port = client(wx, store, secret="wrong")
    assert refused(WechatStopped, lambda: port.check_text(visitor(wx), 2, "你好")).code == "WECHAT_SECRET_REFUSED"


def test_slow_token_endpoint_is_given_up(wx: Simulator, store: Redis) -> None:
    openid = visitor(wx)
    wx.fault(TOKEN, "delay", seconds=1.5)
    started = time.monotonic()
    refused(WechatRetryLater, lambda: client(wx, store, timeout=(1, 0.5)).check_text(openid, 2, "你好"))
    assert time.monotonic() - started < 1.4
    eventually_called(wx, TOKEN)


def test_library_calls_of_its_own_follow_the_base_too(wx: Simulator, store: Redis) -> None:
    transport = Transport(APPID, SECRET, base=wx.base, redis=store, timeout=(3, 8))
    with pytest.raises(WeChatClientException) as caught:
        transport.wxa.get_category()
    assert caught.value.errcode == 40066
    assert len(wx.requests(TOKEN)) == 1
