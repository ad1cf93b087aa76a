"""Faults over real sockets, the clock, the settings, and the simulator as a process of its own (docs/simulator.md)."""

import ast
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from server.wechat.simulator import devices, settings
from server.wechat.simulator.app import ENDPOINTS
from server.wechat.simulator.serving import Simulator, beside
from server.wechat.simulator.world import Options, Settings
from tests.simulator import running_simulator
from tests.unit.simulated import START, make_bench

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOGIN = "/sns/jscode2session"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with beside(Options()) as running:
        yield running


@pytest.fixture
def http(simulator: Simulator) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.post(simulator.url + "/__sim__/reset", timeout=5)
        session.post(simulator.url + "/__sim__/users", json={"name": "张三"}, timeout=5)
        yield session


def script(simulator: Simulator, http: requests.Session, kind: str, **more: Any) -> None:
    fault = {"path": LOGIN, "kind": kind, **more}
    assert http.post(simulator.url + "/__sim__/faults", json=fault, timeout=5).status_code == 200


def exchange(simulator: Simulator, http: requests.Session, code: str, timeout: float = 5) -> requests.Response:
    options = simulator.world.options
    query = {"appid": options.appid, "secret": options.secret, "js_code": code, "grant_type": "authorization_code"}
    return http.get(simulator.url + LOGIN, params=query, timeout=timeout)


def login(simulator: Simulator, http: requests.Session) -> str:
    return str(http.post(simulator.url + "/__sim__/login", json={"user": "张三"}, timeout=5).json()["code"])


def test_an_answer_lost_after_processing_has_used_the_code(simulator: Simulator, http: requests.Session) -> None:
    code = login(simulator, http)
    script(simulator, http, "lost")
    with pytest.raises(requests.ConnectionError):
        exchange(simulator, http, code)
    assert exchange(simulator, http, code).json()["errcode"] == 40163
    line = http.get(simulator.url + "/__sim__/journal?kind=request", timeout=5).json()["journal"][0]
    assert (line["path"], line["errcode"], line["fault"]) == (LOGIN, 0, "lost")
    assert line["query"]["secret"] == "…"


def test_a_reset_before_processing_leaves_the_code(simulator: Simulator, http: requests.Session) -> None:
    code = login(simulator, http)
    script(simulator, http, "reset")
    with pytest.raises(requests.ConnectionError):
        exchange(simulator, http, code)
    assert "openid" in exchange(simulator, http, code).json()


def test_scripted_errcodes_and_gateway_failures_are_taken_in_turn(simulator: Simulator, http: requests.Session) -> None:
    code = login(simulator, http)
    script(simulator, http, "errcode", errcode=-1, times=2)
    script(simulator, http, "http")
    assert [exchange(simulator, http, code).json()["errcode"] for _ in range(2)] == [-1, -1]
    assert exchange(simulator, http, code).status_code == 502
    assert "openid" in exchange(simulator, http, code).json()


def test_bodies_cut_in_transit_and_cut_at_the_source(simulator: Simulator, http: requests.Session) -> None:
    script(simulator, http, "truncate")
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        exchange(simulator, http, login(simulator, http))
    script(simulator, http, "half")
    answer = exchange(simulator, http, login(simulator, http))
    assert answer.status_code == 200
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()


def test_a_delay_outlasts_a_short_timeout_and_the_call_is_processed(simulator: Simulator, http: requests.Session) -> None:
    code = login(simulator, http)
    script(simulator, http, "delay", seconds=0.4)
    with pytest.raises(requests.Timeout):
        exchange(simulator, http, code, timeout=0.1)
    script(simulator, http, "delay", seconds=0.8)
    assert exchange(simulator, http, code).json()["errcode"] == 40163


def test_the_pusher_thread_sends_what_falls_due(simulator: Simulator, http: requests.Session) -> None:
    given = {"user": "张三", "tmplIds": ["tpl_reminder"]}
    http.post(simulator.url + "/__sim__/subscribe", json=given, timeout=5)
    for _ in range(100):
        pushes = http.get(simulator.url + "/__sim__/pushes", timeout=5).json()
        if pushes["sent"]:
            break
        simulator.world.wake.wait(0.02)
    assert [record["event"] for record in pushes["sent"]] == ["subscribe_msg_popup_event"]


@pytest.mark.parametrize(
    "fault",
    [
        {"path": LOGIN, "kind": "storm"},
        {"kind": "lost"},
        {"path": LOGIN, "kind": "errcode"},
        {"path": LOGIN, "kind": "delay", "seconds": 99},
    ],
)
def test_wrong_faults_are_refused(fault: dict[str, Any]) -> None:
    response = make_bench().client.post("/__sim__/faults", json=fault)
    assert (response.status_code, response.get_json()["error"]["code"]) == (400, "wrong_fault")


def test_faults_for_any_path_are_shown_and_cleared() -> None:
    bench = make_bench()
    assert bench.device("faults", {"path": "*", "kind": "http"}) == {"faults": {"*": [{"kind": "http"}]}}
    assert bench.client.delete("/__sim__/faults").get_json() == {"faults": {}}
    assert bench.get(LOGIN)["errcode"] == 41002


def test_the_clock_moves_only_when_told() -> None:
    bench = make_bench()
    assert bench.device("clock", {"advance": 301})["now"] == START + 301
    assert bench.device("clock", {"set_offset": -60}) == {"now": START - 60, "offset": -60, "iso": "2026-09-21T14:12:20Z"}
    assert bench.see("clock")["now"] == START - 60
    for wrong in ("1", True, 1e300, float("nan")):
        assert bench.client.post("/__sim__/clock", json={"advance": wrong}).status_code == 400
    assert bench.see("clock")["offset"] == -60


def test_every_setting_has_its_check() -> None:
    assert set(settings.CHECKS) == {field.name for field in dataclasses.fields(Settings)}


@pytest.mark.parametrize(
    "change",
    [
        {"no_such": 1},
        {"pages": []},
        {"unionid": 1},
        {"aes_key": "short"},
        {"push_mode": "loud"},
        {"push_copies": -1},
        {"media_delay": "soon"},
        {"words": {"x": "risky"}},
        {"quotas": {"/x": [["week", 1, 2]]}},
        {"link_rules": [{"rule": "https://a.example/", "page": "p", "test_links": ["x"] * 6}]},
    ],
)
def test_wrong_settings_are_refused_and_change_nothing(change: dict[str, Any]) -> None:
    bench = make_bench()
    before = bench.see("settings")
    response = bench.client.post("/__sim__/settings", json={"code_limit": 5} | change)
    assert response.status_code == 400
    assert bench.see("settings") == before


def test_unknown_device_calls_and_bodies_are_refused() -> None:
    bench = make_bench()
    assert bench.client.post("/__sim__/nothing").status_code == 404
    assert bench.client.post("/__sim__/users", data=b"[").get_json()["error"]["code"] == "wrong_json"
    assert bench.client.post("/__sim__/users", json={}).get_json()["error"]["code"] == "wrong_user"


@pytest.mark.parametrize("odd", [None, 1, -1.5, True, "", "http://[", [], [[]], {}, {"value": []}])
def test_odd_values_are_answered_never_a_crash(odd: Any) -> None:
    bench = make_bench(push_tries=0)
    whole = {"touser": bench.user(), "openid": bench.user(), "template_id": "tpl_reminder", "data": {}, "page": "pages/me/me"}
    whole |= {"miniprogram_state": "trial", "scene": 1, "version": 2, "content": "x", "media_type": 2, "media_url": "x", "code": "x"}
    whole |= {"path": "x", "width": 300, "env_version": "trial", "line_color": None, "grant_type": "x", "appid": "x", "secret": "x"}
    for path, endpoint in ENDPOINTS.items():
        for name in whole if endpoint.post else ():
            body = json.dumps(whole | {"scene": "x" if "code" in path else 1} | {name: odd}).encode()
            assert bench.post_raw(path, body).status_code == 200, (path, name)
    assert all("tries" in record for record in bench.device("pushes/flush")["sent"])
    for method, path in devices.ROUTES:
        given = {
            "user": "张三",
            "name": "李四",
            "id": "t",
            "title": "t",
            "fields": {"thing1": "x"},
            "path": "/x",
            "kind": "http",
            "tmplIds": [],
        }
        for name in (*given, "decisions", "reject", "switch", "event", "tamper", "n", "png", "push_url", "push_format", "advance", "since"):
            response = bench.client.open(f"/__sim__/{path}", method=method, json=given | {name: odd})
            assert response.status_code in (200, 400, 404), (path, name)


def start(*flags: str, environment: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-m", "server.wechat.simulator", *flags]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=ROOT, env=os.environ | {"GONGJIAN_ENV": environment}, **pipes)  # type: ignore[call-overload, no-any-return]


def test_it_runs_as_a_process_and_ends_on_sigterm() -> None:
    with start("--port", "0", "--appid", "wxsimabc", "--pages", "pages/a/a") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("simulator listening on http://127.0.0.1:")
        shown = requests.get(line.split()[-1] + "/__sim__/settings", timeout=5).json()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=10)
    assert (shown["appid"], shown["pages"]) == ("wxsimabc", ["pages/a/a"])
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize(
    ("flags", "environment", "word"),
    [([], "production", "生产环境"), (["--host", "0.0.0.0"], "", "127.0.0.1"), (["--aes-key", "short"], "", "aes_key")],  # noqa: S104
)
def test_it_refuses_to_start_wrongly(flags: list[str], environment: str, word: str) -> None:
    with start(*flags, environment=environment) as process:
        output, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert word in errors
    assert output == ""


def test_it_shares_no_code_with_the_client() -> None:
    for file in (ROOT / "server/wechat/simulator").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            ours = [name for name in names if name.split(".")[0] in ("server", "jobs", "qr", "miniprogram_api", "wechatpy")]
            assert all(name.startswith("server.wechat.simulator") for name in ours), file.name
    loaded = "[name for name in sys.modules if name.split('.')[0] in ('wechatpy', 'sqlalchemy')]"
    code = f"import sys, server.wechat.simulator.__main__ as main; print({loaded})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"


def test_another_start_draws_other_codes_for_the_same_people() -> None:
    drawn = {}
    for start in ("1", "2"):
        with running_simulator("--start", start) as simulator:
            drawn[start] = (simulator.user("张三"), simulator.login_code("张三"))
    assert drawn["1"][0] == drawn["2"][0], "the openid depends on seed, appid and name alone"
    assert drawn["1"][1] != drawn["2"][1]
