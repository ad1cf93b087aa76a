"""Subscribe messages of the simulator: consent, quotas, typed fields, events (docs/simulator.md)."""

import threading
import time
from typing import Any

import pytest

from server.wechat.simulator import fields
from tests.unit.simulated import Bench, make_bench

SEND = "/cgi-bin/message/subscribe/send"
REMINDER = "tpl_reminder"
GOOD = {"thing1": {"value": "河边清洁"}, "time2": {"value": "2026年10月1日 09:30"}, "thing3": {"value": "请带手套"}}


@pytest.fixture
def bench() -> Bench:
    made = make_bench()
    made.user("张三")
    return made


def send(bench: Bench, **change: Any) -> Any:
    openid = bench.device("users", {"name": "张三"})["openid"]
    return bench.post(SEND, **{"touser": openid, "template_id": REMINDER, "data": GOOD} | change)


def accept(bench: Bench, *ids: str, **decisions: str) -> Any:
    return bench.device("subscribe", {"user": "张三", "tmplIds": list(ids or [REMINDER]), "decisions": decisions})


def test_each_consent_is_one_send(bench: Bench) -> None:
    assert send(bench)["errcode"] == 43101
    assert accept(bench) == {REMINDER: "accept", "errMsg": "requestSubscribeMessage:ok"}
    accept(bench)
    assert [send(bench)["errcode"] for _ in range(3)] == [0, 0, 43101]
    messages = bench.see("messages?user=张三")["messages"]
    assert [message["data"]["thing1"] for message in messages] == ["河边清洁"] * 2
    assert len({message["msgid"] for message in messages}) == 2


def test_long_term_templates_do_not_run_out(bench: Bench) -> None:
    bench.device("templates", {"id": "long", "title": "长期", "fields": {"thing1": "事项"}, "long_term": True})
    accept(bench, "long")
    data = {"thing1": {"value": "好"}}
    assert [send(bench, template_id="long", data=data)["errcode"] for _ in range(3)] == [0, 0, 0]


def test_refusing_zeroes_what_was_allowed(bench: Bench) -> None:
    accept(bench)
    accept(bench, **{REMINDER: "reject"})
    assert send(bench)["errcode"] == 43101
    accept(bench)
    assert bench.device("subscriptions", {"user": "张三", "switch": "off"}) == {"switch": "off", "quotas": {}}
    assert accept(bench) == {"errMsg": "requestSubscribeMessage:fail", "errCode": 20004}
    bench.device("subscriptions", {"user": "张三", "switch": "on"})
    assert send(bench)["errcode"] == 43101
    accept(bench, **{REMINDER: "ban"})
    assert bench.see("subscriptions?user=张三") == {"switch": "on", "quotas": {}}


def test_the_request_itself_has_rules(bench: Bench) -> None:
    bench.device("templates", {"id": "long", "title": "长期", "fields": {"thing1": "事项"}, "long_term": True})
    assert bench.device("subscribe", {"user": "张三", "tmplIds": []})["errCode"] == 10001
    assert accept(bench, "unknown")["errCode"] == 20001
    assert accept(bench, REMINDER, "long")["errCode"] == 20002
    assert accept(bench, *[REMINDER] * 6)["errCode"] == 20003


@pytest.mark.parametrize(
    ("change", "errcode", "text"),
    [
        ({"touser": "nobody"}, 40003, "invalid openid"),
        ({"template_id": "unknown"}, 40037, "invalid template_id"),
        ({"page": "pages/nowhere/nowhere"}, 41030, "invalid page"),
        ({"miniprogram_state": "beta"}, 40097, "invalid args"),
        ({"data": "{}"}, 47003, "argument invalid! data.thing1.value is empty"),
        ({"data": GOOD | {"thing3": {"value": ""}}}, 47003, "argument invalid! data.thing3.value is empty"),
        ({"data": GOOD | {"thing3": {"value": "长" * 21}}}, 47003, "argument invalid! data.thing3.value invalid"),
        ({"data": GOOD | {"time2": {"value": "明天"}}}, 47003, "argument invalid! data.time2.value invalid"),
        ({"data": GOOD | {"thing1": {"value": "测试敏感词"}}}, 45168, "content contains sensitive word"),
    ],
)
def test_refused_sends_cost_no_quota(bench: Bench, change: dict[str, Any], errcode: int, text: str) -> None:
    accept(bench)
    answer = send(bench, **change)
    assert (answer["errcode"], answer["errmsg"].split(" rid: ")[0]) == (errcode, text)
    assert bench.see("subscriptions?user=张三")["quotas"] == {REMINDER: 1}


def test_the_hint_of_47003_is_cut_at_48_characters(bench: Bench) -> None:
    bench.device("templates", {"id": "t", "title": "t", "fields": {"character_string1": "单号"}})
    accept(bench, "t")
    answer = send(bench, template_id="t", data={"character_string1": {"value": "中文"}})
    assert answer["errmsg"].split(" rid: ")[0] == "argument invalid! data.character_string1.value i"


def test_overlapping_sends_to_one_user_are_43108(bench: Bench) -> None:
    bench.device("settings", {"send_seconds": 0.5})
    accept(bench)
    accept(bench)
    answers: list[int] = []
    first = threading.Thread(target=lambda: answers.append(send(bench)["errcode"]))
    first.start()
    deadline = time.monotonic() + 5
    while not bench.world.sending and time.monotonic() < deadline:
        time.sleep(0.005)
    second = make_second(bench)
    first.join()
    assert (second, answers) == (43108, [0])
    assert send(bench)["errcode"] == 0


def make_second(bench: Bench) -> int:
    return int(send(Bench(bench.world, bench.client.application.test_client(), bench.token))["errcode"])


def test_the_three_events_are_pushed_with_numbers_as_text(bench: Bench) -> None:
    accept(bench)
    msgid = send(bench)["msgid"]
    bench.device("subscriptions", {"user": "张三", "reject": [REMINDER]})
    assert bench.see("pushes")["pending"] == 3
    bench.device("settings", {"push_mode": "plain"})
    sent = {record["event"]: record["body"] for record in bench.device("pushes/flush")["sent"]}
    popup, change, delivered = (sent[f"subscribe_msg_{name}_event"] for name in ("popup", "change", "sent"))
    assert f'"List":{{"TemplateId":"{REMINDER}","SubscribeStatusString":"accept","PopupScene":"0"}}' in popup
    assert '"SubscribeStatusString":"reject"' in change
    assert f'"MsgID":"{msgid}","ErrorCode":"0","ErrorStatus":"success"' in delivered
    assert '"CreateTime":"17' in delivered


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("thing1", ["一" * 20, "a😀"], ["一" * 21, "a\nb"]),
        ("phrase2", ["已通过"], ["六个字的短语", "ok", "通过！"]),
        ("name3", ["王小明", "John Smith"], ["一" * 11, "a" * 21]),
        ("character_string1", ["AB-12_3", "x" * 32], ["中", "x" * 33]),
        ("number1", ["12", "3.5", "1" * 32], ["-1", "１２", "1" * 33, "a"]),
        ("letter1", ["abc"], ["ab1"]),
        ("symbol1", ["!#"], ["a", "!" * 6]),
        ("time1", ["09:30", "9:30:59", "2026-10-01 09:30", "2026年10月1日 09:30~10:30"], ["24:00", "2026-10-01", "x"]),
        ("date1", ["2026年10月1日", "2026/1/1", "2026.10.01 08:00", "2026-10-01~2026-10-02"], ["09:30", "2026年13月1日"]),
        ("amount1", ["¥12.50", "12元", "3"], ["12345678901", "$$1"]),
        ("phone_number1", ["+86-13900000000"], ["1" * 18, "一"]),
        ("car_number1", ["粤A12345", "粤A1234学"], ["粤A12345678"]),
        ("enum1", ["甲"], ["乙"]),
    ],
)
def test_typed_fields(name: str, good: list[str], bad: list[str]) -> None:
    template = {"fields": {name: "x"}, "enums": {name: ["甲"]}}
    assert fields.is_known(name)
    assert [fields.find_fault(template, {name: {"value": value}}) for value in good] == [None] * len(good)
    assert {fields.find_fault(template, {name: {"value": value}}) for value in bad} == {f"data.{name}.value invalid"}


def test_a_template_needs_known_fields(bench: Bench) -> None:
    response = bench.client.post("/__sim__/templates", json={"id": "t", "title": "t", "fields": {"shape1": "x"}})
    assert (response.status_code, response.get_json()["error"]["code"]) == (400, "wrong_template")
