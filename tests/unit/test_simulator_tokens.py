"""The envelope, the two token families and the secrets of the simulator (docs/simulator.md)."""

import json
import re

import pytest

from server.wechat.simulator.constants import APPID
from tests.unit.simulated import START, Bench, make_bench

GRANT = {"grant_type": "client_credential"}
RID = re.compile(r" rid: ([0-9a-f]{8})-[0-9a-f]{8}-[0-9a-f]{8}$")


def stable(bench: Bench, **more: object) -> dict[str, object]:
    return dict(bench.post("/cgi-bin/stable_token", **GRANT, **bench.secrets(), **more))


def legacy(bench: Bench) -> str:
    return str(bench.get("/cgi-bin/token", **GRANT, **bench.secrets())["access_token"])


def judge(bench: Bench, token: object) -> int:
    """The errcode of a call with `token`; 40129 and the like would mean that the token passed, 40003 does here."""
    return int(json.loads(bench.post_raw("/wxa/msg_sec_check", b"{}", access_token=token).data)["errcode"])


def test_failures_are_http_200_with_a_rid_that_starts_with_the_clock() -> None:
    bench = make_bench()
    bench.advance(77)
    response = bench.client.post("/wxa/nothing", data=b"x")
    body = json.loads(response.data)
    assert (response.status_code, body["errcode"]) == (200, 40066)
    found = RID.search(body["errmsg"])
    assert found is not None
    assert int(found[1], 16) == START + 77
    assert response.headers["Content-Type"] == "application/json; encoding=utf-8"


@pytest.mark.parametrize(("body", "errcode"), [(b"", 44002), (b"{", 47001), (b"[1]", 47001), (b"\xff{}", 47001), (b"{}", 40003)])
def test_bodies_are_read_raw(body: bytes, errcode: int) -> None:
    answer = make_bench().post_raw("/wxa/msg_sec_check", body)
    assert json.loads(answer.data)["errcode"] == errcode


def test_a_get_on_a_post_endpoint_is_43002_and_the_content_type_does_not_matter() -> None:
    bench = make_bench()
    assert bench.get("/wxa/msg_sec_check", access_token=bench.token)["errcode"] == 43002
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = json.dumps(GRANT | bench.secrets()).encode()
    assert "access_token" in json.loads(bench.client.post("/cgi-bin/stable_token", data=body, headers=form).data)


def test_legacy_tokens_replace_each_other_after_five_minutes() -> None:
    bench = make_bench()
    first = legacy(bench)
    second = legacy(bench)
    assert first != second
    bench.advance(299)
    assert judge(bench, first) == 40003
    bench.advance(1)
    assert judge(bench, first) == 40001
    assert judge(bench, second) == 40003


def test_a_stable_token_stays_and_its_time_falls() -> None:
    bench = make_bench()
    bench.advance(6000)
    assert stable(bench) == {"access_token": bench.token, "expires_in": 1200}
    bench.advance(899)
    assert stable(bench)["expires_in"] == 301
    bench.advance(1)
    renewed = stable(bench)
    assert renewed["access_token"] != bench.token
    assert renewed["expires_in"] == 7200
    bench.advance(299)
    assert judge(bench, bench.token) == 40003
    bench.advance(1)
    assert judge(bench, bench.token) == 40001
    assert stable(bench)["access_token"] == renewed["access_token"]


def test_forcing_kills_the_old_token_at_once_but_not_twice_in_thirty_seconds() -> None:
    bench = make_bench()
    forced = stable(bench, force_refresh=True)["access_token"]
    assert judge(bench, bench.token) == 40001
    bench.advance(29)
    assert stable(bench, force_refresh=True)["access_token"] == forced
    bench.advance(1)
    assert stable(bench, force_refresh=True)["access_token"] != forced


def test_forcing_works_twenty_times_a_day() -> None:
    bench = make_bench()
    seen = set()
    for _ in range(25):
        seen.add(stable(bench, force_refresh=True)["access_token"])
        bench.advance(30)
    assert len(seen) == 20


def test_the_families_do_not_touch_each_other() -> None:
    bench = make_bench()
    token = legacy(bench)
    stable(bench, force_refresh=True)
    bench.advance(400)
    assert judge(bench, token) == 40003
    legacy(bench)
    assert stable(bench)["expires_in"] == 6800


def test_token_errors() -> None:
    bench = make_bench()
    assert judge(bench, "") == 41001
    assert judge(bench, "nonsense") == 40014
    assert judge(bench, "99_" + "x" * 133) == 40001
    assert re.fullmatch(r"[0-9]{2}_.{133}", bench.token)
    bench.advance(7200)
    assert judge(bench, bench.token) == 42001


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"grant_type": "x"}, 40002),
        ({"appid": ""}, 41002),
        ({"secret": ""}, 41004),
        ({"appid": "wxsimother"}, 40013),
        ({"secret": "wrong"}, 40125),
    ],
)
def test_secrets(change: dict[str, str], errcode: int) -> None:
    bench = make_bench()
    given = GRANT | bench.secrets() | change
    assert bench.post("/cgi-bin/stable_token", **given)["errcode"] == errcode
    assert bench.get("/cgi-bin/token", **given)["errcode"] == errcode


def test_the_whitelist_names_the_address() -> None:
    bench = make_bench()
    bench.device("settings", {"ip_whitelist": ["10.0.0.1"]})
    answer = bench.get("/cgi-bin/token", **GRANT, **bench.secrets())
    assert answer["errcode"] == 40164
    assert "invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist" in answer["errmsg"]


def test_quotas_by_minute_and_by_day() -> None:
    bench = make_bench(quotas={"/wxa/msg_sec_check": [["minute", 2, 44991], ["day", 3, 45009]]})
    assert [judge(bench, bench.token) for _ in range(3)] == [40003, 40003, 44991]
    bench.advance(60)
    assert judge(bench, bench.token) == 40003
    bench.advance(60)
    assert judge(bench, bench.token) == 45009


def test_the_same_seed_gives_the_same_token_and_a_reset_starts_again() -> None:
    bench = make_bench()
    assert make_bench().token == bench.token
    bench.advance(50)
    bench.user()
    assert bench.device("reset") == {"ok": True}
    assert bench.see("users") == {"users": []}
    assert bench.see("clock")["offset"] == 0
    assert stable(bench)["access_token"] == bench.token
    assert bench.see("settings")["appid"] == APPID
