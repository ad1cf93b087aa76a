"""Login and phone codes count once: shared while fresh, never repeated blindly."""

from hashlib import sha256

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from server.wechat import login_flight
from server.wechat.port import LoginResult, Wechat, WechatRetryLater, WechatUnknown, WechatUserMust
from tests.service.wechat.support import LOGIN, PHONE, TOKEN, at_once, client, eventually_called, refused, visitor
from tests.simulator import APPID, Simulator


def test_login_code_gives_the_openid_and_no_token_is_needed(port: Wechat, wx: Simulator) -> None:
    openid = visitor(wx)
    assert port.login(wx.login_code("张三")) == LoginResult(openid, None)
    assert wx.requests(TOKEN) == []


def test_login_gives_a_unionid_where_there_is_one(port: Wechat, wx: Simulator) -> None:
    wx.post("settings", unionid=True)
    assert port.login(wx.login_code(visitor(wx))).unionid


def test_login_code_is_exchanged_once_however_often_it_comes(wx: Simulator, store: Redis) -> None:
    openid, code = visitor(wx), wx.login_code("张三")
    wx.fault(LOGIN, "delay", seconds=0.3)
    ports = [client(wx, store) for _ in range(8)]
    assert at_once(8, lambda number: ports[number].login(code).openid) == [openid] * 8
    assert ports[0].login(code).openid == openid
    assert len(wx.requests(LOGIN)) == 1


def test_shared_login_is_short_and_shows_nobody(port: Wechat, wx: Simulator, store: Redis) -> None:
    openid, code = visitor(wx), wx.login_code("张三")
    port.login(code)
    (key,) = store.keys("*login*")
    assert 25 <= int(store.ttl(key)) <= 30
    assert code.encode() not in key
    assert openid.encode() not in bytes(store.get(key) or b"")


def test_used_code_is_refused_once_the_sharing_is_over(port: Wechat, wx: Simulator, store: Redis) -> None:
    visitor(wx)
    code = wx.login_code("张三")
    port.login(code)
    store.flushdb()
    for _ in range(2):  # the refusal is shared as well
        error = refused(WechatUserMust, lambda: port.login(code))
        assert (error.errcode, error.code) == (40163, "WECHAT_CODE_USED")
    assert len(wx.requests(LOGIN)) == 2


def test_wrong_expired_and_phone_codes_do_not_log_in(port: Wechat, wx: Simulator) -> None:
    visitor(wx)
    expired, phone = wx.login_code("张三"), wx.phone_code("张三")
    wx.post("clock", advance=301)
    for code in ("x" * 32, expired, phone, "码\ud800"):
        assert refused(WechatUserMust, lambda code=code: port.login(code)).code == "WECHAT_CODE_INVALID"  # type: ignore[misc]


def test_blocked_user_does_not_log_in(port: Wechat, wx: Simulator) -> None:
    wx.user("李四", blocked=True)
    assert refused(WechatUserMust, lambda: port.login(wx.login_code("李四"))).code == "WECHAT_USER_BLOCKED"


@pytest.mark.parametrize("fault", ["lost", "reset", "truncate", "half", "http"])
def test_login_without_readable_answer_is_unknown_and_not_repeated(port: Wechat, wx: Simulator, store: Redis, fault: str) -> None:
    visitor(wx)
    code = wx.login_code("张三")
    wx.fault(LOGIN, fault)
    for _ in range(2):
        assert refused(WechatUnknown, lambda: port.login(code)).code == "WECHAT_UNKNOWN"
    assert len(wx.requests(LOGIN)) == 1
    if fault in {"lost", "truncate", "half"}:  # it was carried out: the code is spent
        store.flushdb()
        assert refused(WechatUserMust, lambda: port.login(code)).code == "WECHAT_CODE_USED"


def test_slow_login_is_unknown(wx: Simulator, store: Redis) -> None:
    visitor(wx)
    wx.fault(LOGIN, "delay", seconds=1)
    refused(WechatUnknown, lambda: client(wx, store, timeout=(1, 0.3)).login(wx.login_code("张三")))
    eventually_called(wx, LOGIN)


def test_busy_wechat_leaves_the_code_usable(port: Wechat, wx: Simulator) -> None:
    openid, code = visitor(wx), wx.login_code("张三")
    wx.fault(LOGIN, "errcode", errcode=-1)
    assert refused(WechatRetryLater, lambda: port.login(code)).code == "WECHAT_BUSY"
    assert port.login(code).openid == openid


def test_unreachable_wechat_may_be_tried_again(wx: Simulator, store: Redis) -> None:
    visitor(wx)
    nowhere = client(wx, store, base="http://127.0.0.1:9", timeout=(0.5, 0.5))
    for _ in range(2):
        assert refused(WechatRetryLater, lambda: nowhere.login("x" * 32)).code == "WECHAT_BUSY"
    refused(WechatRetryLater, lambda: nowhere.check_text("o" * 28, 2, "你好"))


def test_without_redis_people_still_log_in(wx: Simulator) -> None:
    gone = Redis(port=9, retry=Retry(NoBackoff(), 0))
    port, openid = client(wx, gone), visitor(wx)
    assert port.login(wx.login_code("张三")).openid == openid
    assert refused(WechatRetryLater, lambda: port.check_text(openid, 2, "你好")).code == "WECHAT_BUSY"


def test_second_caller_does_not_wait_for_ever_for_a_first_that_died(
    port: Wechat, wx: Simulator, store: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_flight, "_WAIT", 0.2)
    code = wx.login_code(visitor(wx))
    store.set(f"wx:{APPID}:login:{sha256(code.encode()).hexdigest()}", b"p", ex=15)
    refused(WechatUnknown, lambda: port.login(code))
    assert wx.requests(LOGIN) == []


def test_phone_code_gives_the_number_once(port: Wechat, wx: Simulator) -> None:
    openid, code = visitor(wx), wx.phone_code("张三")
    assert port.phone_number(code, openid) == "13800138000"
    error = refused(WechatUserMust, lambda: port.phone_number(code, openid))
    assert (error.errcode, error.code) == (40029, "WECHAT_PHONE_CODE_INVALID")


def test_phone_code_of_somebody_else_and_login_code_are_refused(port: Wechat, wx: Simulator) -> None:
    openid, other = visitor(wx), wx.user("李四", phone="13900139000")
    for code, who in ((wx.phone_code("张三"), other), (wx.login_code("张三"), openid)):
        refused(WechatUserMust, lambda code=code, who=who: port.phone_number(code, who))  # type: ignore[misc]


def test_lost_phone_number_is_unknown(port: Wechat, wx: Simulator) -> None:
    openid, code = visitor(wx), wx.phone_code("张三")
    wx.fault(PHONE, "lost")
    assert refused(WechatUnknown, lambda: port.phone_number(code, openid)).code == "WECHAT_UNKNOWN"
    assert len(wx.requests(PHONE)) == 1
