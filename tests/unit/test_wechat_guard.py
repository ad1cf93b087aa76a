"""Which WeChat a deployment may talk to, and what its logs must not show."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from server.wechat.errcodes import LOGIN, MEANINGS, PHONE, SUBSCRIBE, TEXT_CHECK, WXACODE, error_for
from server.wechat.guard import OFFICIAL_HOSTS, check_aes_key, check_base
from server.wechat.port import WechatBug, WechatError, WechatFinal, WechatRetryLater, WechatStopped, WechatUserMust
from server.wechat.scrub import SecretFilter, install_filter, scrub

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("host", sorted(OFFICIAL_HOSTS))
def test_production_takes_the_official_hosts_over_https_only(host: str) -> None:
    assert check_base(f"https://{host}/", production=True) == f"https://{host}"
    assert check_base(f"https://{host}:443", production=True)
    with pytest.raises(ValueError, match="正式环境"):
        check_base(f"http://{host}", production=True)


@pytest.mark.parametrize(
    "base",
    [
        "http://127.0.0.1:8091",
        "https://127.0.0.1",
        "https://api.weixin.qq.com.example.org",
        "https://weixin.qq.com",
        "https://mp.weixin.qq.com",
        "https://api.weixin.qq.com:8443",
        "https://api.weixin.qq.com@example.org",
        "https://user@api.weixin.qq.com",
        "https://api.weixin.qq.com/cgi-bin",
        "https://api.weixin.qq.com?x=1",
        "https://api.weixin.qq.com#x",
        "https://api.weixin.qq.com\\@example.org",
        "https://api.weixin.qq.com:port",
        "api.weixin.qq.com",
        "ftp://api.weixin.qq.com",
        "",
    ],
)
def test_production_refuses_any_other_base(base: str) -> None:
    with pytest.raises(ValueError, match="WECHAT_API_BASE"):
        check_base(base, production=True)


@pytest.mark.parametrize("base", ["https://api.weixin.qq.com", "https://API.weixin.qq.com", "https://api2.weixin.qq.com."])
def test_rehearsal_refuses_the_official_hosts_unless_allowed(base: str) -> None:
    with pytest.raises(ValueError, match="模拟微信"):
        check_base(base, production=False)
    assert check_base(base, production=False, allow_official=True) == base


def test_rehearsal_takes_the_simulator() -> None:
    assert check_base("http://127.0.0.1:8091/", production=False) == "http://127.0.0.1:8091"
    with pytest.raises(ValueError, match="WECHAT_API_BASE"):
        check_base("http://127.0.0.1:8091/x", production=False)


@pytest.mark.parametrize("key", ["A" * 42, "A" * 44, "A" * 42 + "!", "甲" * 43])
def test_malformed_aes_key_stops_the_start(key: str) -> None:
    for production in (True, False):
        with pytest.raises(ValueError, match="43"):
            check_aes_key(key, production)


def test_only_a_rehearsal_may_do_without_aes_key() -> None:
    check_aes_key("A" * 43, production=True)
    check_aes_key("", production=False)
    with pytest.raises(ValueError, match="WECHAT_AES_KEY"):
        check_aes_key("", production=True)


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("GET /sns/jscode2session?appid=wx1&secret=S3CRET&js_code=S3CRET&grant_type=a HTTP/1.1", "grant_type=a"),
        ("POST /wxa/getwxacodeunlimit?access_token=S3CRET HTTP/1.1", "HTTP/1.1"),
        ("Max retries exceeded with url: /x?secret=S3CRET (Caused by y)", "(Caused by y)"),
        ('{"access_token": "S3CRET", "expires_in": 7200}', "7200"),
        ("{'code': 'S3CRET', 'errcode': 0}", "'errcode': 0"),
    ],
)
def test_secrets_do_not_reach_a_log(line: str, kept: str) -> None:
    assert "S3CRET" not in scrub(line)
    assert kept in scrub(line)


def test_filter_hides_values_given_as_arguments() -> None:
    record = logging.LogRecord("urllib3", logging.DEBUG, "", 0, '"%s %s"', ("GET", "/x?secret=S3CRET"), None)
    assert SecretFilter().filter(record)
    assert record.getMessage() == '"GET /x?secret=***"'


def test_filter_is_installed_once() -> None:
    install_filter()
    install_filter()
    for name in ("urllib3.connectionpool", "requests", "wechatpy.client.base"):
        assert sum(isinstance(one, SecretFilter) for one in logging.getLogger(name).filters) == 1


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        (WechatRetryLater, (-1, 45011, 44990, 44991, 43108)),
        (WechatStopped, (45009, 40125, 40013, 40164, 40243, 48001, 50004, 50007, *range(89503, 89508), 43107, 40001, 42001)),
        (WechatUserMust, (40029, 40163, 40226, 61010)),
        (WechatFinal, (43101, 40003, 40037, 47003, 45168)),
        (WechatBug, (40097, 40129, 40169, 41030, 47001, 99999)),
    ],
)
def test_number_says_what_to_do_next(kind: type[WechatError], numbers: tuple[int, ...]) -> None:
    assert {type(error_for(TEXT_CHECK, number)) for number in numbers} == {kind}


def test_every_meaning_has_a_code_and_one_sentence() -> None:
    for number, (_, code, message) in MEANINGS.items():
        assert code.startswith("WECHAT_"), number
        assert message.count("。") == 1, number
        assert message.endswith("。"), number


def test_same_number_means_different_things_at_different_calls() -> None:
    assert error_for(LOGIN, 40029).code == "WECHAT_CODE_INVALID"
    assert error_for(PHONE, 40029).code == "WECHAT_PHONE_CODE_INVALID"
    assert error_for(LOGIN, 40029).message != error_for(PHONE, 40029).message
    assert isinstance(error_for(WXACODE, 45009), WechatRetryLater)
    assert isinstance(error_for(SUBSCRIBE, 45009), WechatStopped)


def test_refused_address_is_named() -> None:
    error = error_for(TEXT_CHECK, 40164, "invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist rid: 1-2-3")
    assert "203.0.113.9" in error.message
    assert "WECHAT_IP_REFUSED (40164)" in str(error)


def test_port_and_pushes_load_no_client_library() -> None:
    """The web process starts without them; the first call loads them."""
    code = (
        "import sys, server.wechat.port, server.wechat.push, server.wechat.guard, server.wechat.errcodes\n"
        "print(sorted({'wechatpy', 'requests', 'redis', 'xmltodict', 'cryptography'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30)
    assert run.stdout.strip() == "[]"
