"""The client in its process: settings, proxies, logs, forks."""

import logging
import os

import pytest
from redis import Redis

from server.wechat import client as client_module
from server.wechat.port import Wechat, WechatUnknown
from server.wechat.transport import Transport
from tests.service.wechat.support import LOGIN, client, refused, visitor
from tests.simulator import APPID, SECRET, Simulator


def test_proxy_of_the_environment_is_not_used(port: Wechat, wx: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert port.login(wx.login_code(visitor(wx))).openid


def test_debug_logs_show_no_secret(port: Wechat, wx: Simulator, store: Redis, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    openid, code, phone = visitor(wx), wx.login_code("张三"), wx.phone_code("张三")
    port.login(code)
    port.phone_number(phone, openid)
    wx.fault(LOGIN, "half")
    refused(WechatUnknown, lambda: port.login("y" * 32))
    token = bytes(store.get(f"wx:{APPID}:stable_token") or b"").decode()
    assert len(token) > 100
    assert "jscode2session" in caplog.text
    for secret in (SECRET, code, phone, token, openid, "y" * 32, "13800138000"):
        assert secret not in caplog.text


def test_client_made_before_a_fork_connects_anew_after_it(port: Wechat, wx: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Transport] = []
    monkeypatch.setattr(client_module, "Transport", lambda *args, **kw: made.append(Transport(*args, **kw)) or made[-1])
    openid = visitor(wx)
    assert port.check_text(openid, 2, "你好").passed
    assert port.check_text(openid, 2, "你好").passed
    assert len(made) == 1
    child = os.fork()
    if not child:
        try:
            os._exit(0 if port.check_text(openid, 2, "测试违规").suggest == "risky" and len(made) == 2 else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert port.check_text(openid, 2, "你好").passed


@pytest.mark.parametrize("change", [{"aes_key": "A" * 42}, {"env_version": "prod"}, {"mp_state": "released"}])
def test_malformed_setting_stops_the_start(wx: Simulator, store: Redis, change: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="WECHAT_"):
        client(wx, store, **change)
