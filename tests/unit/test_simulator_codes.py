"""Login codes, phone codes and sessions of the simulator (docs/simulator.md)."""

import re

import pytest

from server.wechat.simulator import crypto
from tests.unit.simulated import Bench, make_bench

PHONE = "/wxa/business/getuserphonenumber"


@pytest.fixture
def bench() -> Bench:
    made = make_bench()
    made.user("张三", phone="13900000001")
    return made


def login_code(bench: Bench, **more: object) -> str:
    return str(bench.device("login", {"user": "张三", **more})["code"])


def phone_code(bench: Bench, **more: object) -> str:
    return str(bench.device("phone", {"user": "张三", **more})["code"])


def test_a_login_code_gives_the_openid_once(bench: Bench) -> None:
    code = login_code(bench)
    assert re.fullmatch("[0-9A-Za-z]{32}", code)
    session = bench.exchange(code)
    assert set(session) == {"session_key", "openid"}
    assert re.fullmatch("o[0-9A-Za-z]{27}", session["openid"])
    assert len(session["session_key"]) == 24
    assert bench.exchange(code)["errcode"] == 40163


def test_a_login_code_dies_after_five_minutes(bench: Bench) -> None:
    early, late = login_code(bench), login_code(bench)
    bench.advance(299)
    assert "openid" in bench.exchange(early)
    bench.advance(1)
    assert bench.exchange(late)["errcode"] == 40029


def test_login_answers_are_plain_text(bench: Bench) -> None:
    response = bench.client.get("/sns/jscode2session")
    assert response.headers["Content-Type"].startswith("text/plain")


def test_wrong_logins(bench: Bench) -> None:
    assert bench.exchange("x" * 32)["errcode"] == 40029
    assert bench.exchange(login_code(bench, appid="wxsimother"))["errcode"] == 40029
    assert bench.exchange(phone_code(bench))["errcode"] == 40029
    assert bench.exchange("")["errcode"] == 41008
    posted = bench.client.post("/sns/jscode2session", data=bench.secrets()).get_data(as_text=True)
    assert '"errcode": 41002' in posted


def test_a_blocked_user_is_40226_and_the_code_stays(bench: Bench) -> None:
    bench.device("users", {"name": "张三", "blocked": True})
    code = login_code(bench)
    assert bench.exchange(code)["errcode"] == 40226
    bench.device("users", {"name": "张三", "blocked": False})
    assert "openid" in bench.exchange(code)


def test_more_than_a_hundred_logins_a_minute_are_45011(bench: Bench) -> None:
    answers = [bench.exchange(login_code(bench)) for _ in range(101)]
    assert all("openid" in answer for answer in answers[:100])
    assert answers[100]["errcode"] == 45011


def test_unionid_only_when_configured(bench: Bench) -> None:
    bench.device("settings", {"unionid": True})
    assert bench.exchange(login_code(bench))["unionid"].startswith("o")


def test_session_keys_change_at_most_once_a_minute(bench: Bench) -> None:
    first = bench.exchange(login_code(bench))["session_key"]
    bench.advance(59)
    assert bench.exchange(login_code(bench))["session_key"] == first
    bench.advance(1)
    assert bench.exchange(login_code(bench))["session_key"] != first


def test_check_session(bench: Bench) -> None:
    session = bench.exchange(login_code(bench))
    query = {"access_token": bench.token, "openid": session["openid"], "sig_method": "hmac_sha256"}
    right = crypto.sign_session(session["session_key"])
    assert bench.get("/wxa/checksession", **query, signature=right)["errcode"] == 0
    assert bench.get("/wxa/checksession", **query, signature=right[:-1] + "x")["errcode"] == 87009
    assert bench.get("/wxa/checksession", **(query | {"openid": "o"}), signature=right)["errcode"] == 40003


def test_userinfo_is_signed_with_the_session_key(bench: Bench) -> None:
    assert bench.device("userinfo", {"user": "张三"})["errMsg"] == "getUserInfo:fail no session"
    key = bench.exchange(login_code(bench))["session_key"]
    given = bench.device("userinfo", {"user": "张三"})
    assert given["signature"] == crypto.sign_raw_data(given["rawData"], key)


def test_a_phone_code_gives_the_number_once(bench: Bench) -> None:
    code = phone_code(bench)
    assert re.fullmatch("[0-9a-f]{64}", code)
    answer = bench.post(PHONE, code=code)
    assert (answer["errcode"], answer["phone_info"]["purePhoneNumber"]) == (0, "13900000001")
    assert answer["phone_info"]["watermark"]["appid"] == bench.world.options.appid
    assert bench.post(PHONE, code=code)["errcode"] == 40029


def test_a_phone_code_dies_after_five_minutes(bench: Bench) -> None:
    code = phone_code(bench)
    bench.advance(300)
    assert bench.post(PHONE, code=code)["errcode"] == 40029


def test_wrong_phone_codes(bench: Bench) -> None:
    other = bench.user("李四")
    assert bench.post(PHONE, code=login_code(bench))["errcode"] == 40029
    assert bench.post(PHONE, code=7)["errcode"] == 40029
    assert bench.post(PHONE, code=phone_code(bench, appid="wxsimother"))["errcode"] == 40013
    code = phone_code(bench)
    assert bench.post(PHONE, code=code, openid=other)["errcode"] == 40029
    assert bench.post(PHONE, code=code, openid=bench.user("张三"))["errcode"] == 0


def test_without_a_number_or_denied_there_is_no_code(bench: Bench) -> None:
    bench.user("李四")
    assert bench.device("phone", {"user": "李四"}) == {"errMsg": "getPhoneNumber:fail user deny"}
    assert bench.device("phone", {"user": "张三", "deny": True}) == {"errMsg": "getPhoneNumber:fail user deny"}


def test_an_unknown_user_is_a_404_of_the_device_api(bench: Bench) -> None:
    response = bench.client.post("/__sim__/login", json={"user": "没有此人"})
    assert response.status_code == 404
    assert response.get_json()["error"]["code"] == "unknown_user"
