"""Mini-program codes, subscribe messages and text checks, call by call."""

import json
from collections.abc import Callable

import pytest
from redis import Redis

from server.wechat.port import Wechat, WechatBug, WechatError, WechatFinal, WechatRetryLater, WechatStopped, WechatUnknown, WechatUserMust
from tests.service.wechat.support import SEND, TEXT, WXACODE, client, refused, visitor
from tests.simulator import Simulator

FIELDS = {"thing1": "打扫楼道", "phrase2": "已通过", "thing3": "周六见"}


def accept(wx: Simulator, template: str = "tpl_claim_decided") -> None:
    wx.post("subscribe", user="张三", tmplIds=[template])


@pytest.mark.parametrize("platform", ["ios", "android"])
def test_code_is_an_image_that_a_phone_reads(port: Wechat, wx: Simulator, platform: str) -> None:
    image = port.wxacode("AbCd0123456789EfGh", "pages/scan/scan")
    assert image[:3] == b"\xff\xd8\xff"
    seen = wx.call("POST", f"scan?platform={platform}", image)
    assert "scene=AbCd0123456789EfGh" in seen["path"]


@pytest.mark.parametrize(
    ("scene", "page", "errcode"),
    [
        ("中文", "pages/scan/scan", 40129),
        ("x" * 33, "pages/scan/scan", 40169),
        ("", "pages/scan/scan", 40169),
        ("x", "/pages/scan/scan", 41030),
        ("x", "pages/unreleased", 41030),
    ],
)
def test_refused_code_is_never_taken_for_an_image(port: Wechat, wx: Simulator, scene: str, page: str, errcode: int) -> None:
    assert refused(WechatBug, lambda: port.wxacode(scene, page)).errcode == errcode


def test_page_is_not_checked_before_release(wx: Simulator, store: Redis) -> None:
    image = client(wx, store, env_version="develop").wxacode("x", "pages/unreleased")
    assert "pages/unreleased" in wx.call("POST", "scan", image)["path"]


@pytest.mark.parametrize("fault", ["truncate", "half", "reset", "lost", "http"])
def test_broken_image_is_asked_for_again_later(port: Wechat, wx: Simulator, fault: str) -> None:
    wx.fault(WXACODE, fault)
    refused(WechatRetryLater, lambda: port.wxacode("x", "pages/scan/scan"))
    assert port.wxacode("x", "pages/scan/scan")


def test_code_quota_of_the_minute_is_waited_for(port: Wechat, wx: Simulator) -> None:
    wx.post("settings", quotas={WXACODE: [["minute", 1, 45009]]})
    port.wxacode("x", "pages/scan/scan")
    assert refused(WechatRetryLater, lambda: port.wxacode("x", "pages/scan/scan")).errcode == 45009


def test_message_arrives_once_per_acceptance(port: Wechat, wx: Simulator) -> None:
    openid = visitor(wx)
    accept(wx)
    msgid = port.send_subscribe(openid, "decided", FIELDS | {"thing3": "长" * 30 + "\n"}, "pages/inbox/inbox")
    (message,) = wx.get("messages")["messages"]
    assert str(message["msgid"]) == msgid
    assert (message["page"], message["miniprogram_state"]) == ("pages/inbox/inbox", "formal")
    assert "长" * 19 + "…" in json.dumps(message["data"], ensure_ascii=False)
    error = refused(WechatFinal, lambda: port.send_subscribe(openid, "decided", FIELDS, None))
    assert (error.errcode, error.code) == (43101, "WECHAT_NOT_SUBSCRIBED")


def test_message_that_cannot_be_sent_says_why(port: Wechat, wx: Simulator) -> None:
    openid = visitor(wx)
    accept(wx)

    def send(kind: str, fields: dict[str, str], to: str = openid) -> Callable[[], object]:
        return lambda: port.send_subscribe(to, kind, fields, None)

    assert refused(WechatFinal, send("gone", FIELDS)).code == "WECHAT_TEMPLATE_UNKNOWN"
    assert refused(WechatFinal, send("decided", {"thing1": "x"})).code == "WECHAT_FIELD_REFUSED"
    assert refused(WechatFinal, send("decided", FIELDS | {"thing1": "测试敏感词"})).code == "WECHAT_WORD_REFUSED"
    assert refused(WechatFinal, send("decided", FIELDS, "o" * 28)).code == "WECHAT_OPENID_UNKNOWN"
    assert refused(WechatBug, send("decided", {"number1": "三"})).code == "WECHAT_FIELD_BAD"
    for kind in ("empty", "unheard"):
        assert refused(WechatStopped, send(kind, FIELDS)).code == "WECHAT_TEMPLATE_MISSING"
    assert wx.get("messages")["messages"] == []


def test_message_whose_answer_was_lost_is_unknown_and_not_sent_twice(port: Wechat, wx: Simulator) -> None:
    openid = visitor(wx)
    accept(wx)
    accept(wx)
    wx.fault(SEND, "lost")
    refused(WechatUnknown, lambda: port.send_subscribe(openid, "decided", FIELDS, None))
    assert len(wx.get("messages")["messages"]) == 1


def test_risky_text_is_a_hit_although_the_call_succeeds(port: Wechat, wx: Simulator) -> None:
    openid = visitor(wx)
    verdicts = [port.check_text(openid, 2, text) for text in ("邻里互助", "这是测试违规内容", "测试广告一则")]
    assert [(verdict.suggest, verdict.passed) for verdict in verdicts] == [
        ("pass", True),
        ("risky", False),
        ("review", False),
    ]
    assert verdicts[1].label == 21000
    assert len({verdict.trace_id for verdict in verdicts}) == 3


@pytest.mark.parametrize("text", ["测试违规\x01", "测试违规\x1f", "\\u6d4b测试违规", "测试违规\n\t\"'", "\ud800测试违规", "🙂测试违规"])
def test_nothing_in_a_text_lets_it_pass_unread(port: Wechat, wx: Simulator, text: str) -> None:
    assert port.check_text(visitor(wx), 2, text).suggest == "risky"
    assert wx.warnings() == []


def test_author_who_left_two_hours_ago_must_come_back(port: Wechat, wx: Simulator) -> None:
    openid = visitor(wx)
    wx.post("clock", advance=2 * 3600 + 1)
    error = refused(WechatUserMust, lambda: port.check_text(openid, 2, "你好"))
    assert (error.errcode, error.code) == (61010, "WECHAT_VISIT_EXPIRED")


@pytest.mark.parametrize("fault", ["lost", "reset", "truncate", "half", "http"])
def test_broken_check_may_be_repeated(port: Wechat, wx: Simulator, fault: str) -> None:
    openid = visitor(wx)
    wx.fault(TEXT, fault)
    assert refused(WechatRetryLater, lambda: port.check_text(openid, 2, "你好")).code == "WECHAT_BUSY"
    assert port.check_text(openid, 2, "你好").passed


@pytest.mark.parametrize(
    ("errcode", "kind"), [(-1, WechatRetryLater), (44991, WechatRetryLater), (45009, WechatStopped), (48001, WechatStopped)]
)
def test_trouble_of_the_whole_account(port: Wechat, wx: Simulator, errcode: int, kind: type[WechatError]) -> None:
    openid = visitor(wx)
    wx.fault(TEXT, "errcode", errcode=errcode)
    assert refused(kind, lambda: port.check_text(openid, 2, "你好")).errcode == errcode
