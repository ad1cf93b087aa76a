"""Text and media checks of the simulator (docs/simulator.md)."""

import hashlib
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from tests.unit.simulated import Bench, Receiver, make_bench, receiving

TEXT, MEDIA = "/wxa/msg_sec_check", "/wxa/media_check_async"


@pytest.fixture
def bench() -> Bench:
    made = make_bench(push_mode="plain", sent_event_seconds=0)
    made.user("张三")
    return made


@pytest.fixture
def receiver(bench: Bench) -> Iterator[Receiver]:
    with receiving() as got:
        bench.device("settings", {"push_url": got.url + "/push"})
        yield got


def check(bench: Bench, path: str = TEXT, **change: Any) -> Any:
    openid = bench.device("users", {"name": "张三"})["openid"]
    return bench.post(path, **{"openid": openid, "scene": 2, "version": 2, "content": "你好"} | change)


def picture(colour: str, form: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(out, form)
    return out.getvalue()


def judged(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(got["body"]) for got in receiver.got]


@pytest.mark.parametrize(
    ("text", "verdict"),
    [("你好", ("pass", 100)), ("这是测试违规", ("risky", 21000)), ("测试广告", ("review", 10001)), ("测试广告测试辱骂", ("risky", 20003))],
)
def test_texts_are_judged_by_words(bench: Bench, text: str, verdict: tuple[str, int]) -> None:
    answer = check(bench, content=text)
    assert answer["errcode"] == 0
    assert (answer["result"]["suggest"], answer["result"]["label"]) == verdict
    assert len(answer["trace_id"]) == 26
    assert check(bench, nickname=text)["result"]["suggest"] == verdict[0]


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"openid": "x"}, 40003),
        ({"openid": "o" + "x" * 27}, 43104),
        ({"scene": 5}, 40129),
        ({"scene": 2, "signature": "签名"}, 40129),
        ({"version": 1}, 47001),
        ({"content": ""}, 47001),
        ({"content": "长" * 2501}, 47001),
    ],
)
def test_wrong_text_checks(bench: Bench, change: dict[str, Any], errcode: int) -> None:
    assert check(bench, **change)["errcode"] == errcode


def test_a_user_who_was_away_for_two_hours_is_61010(bench: Bench) -> None:
    bench.advance(7200)
    bench.renew()
    assert check(bench)["errcode"] == 0
    bench.advance(1)
    assert check(bench)["errcode"] == 61010
    bench.device("login", {"user": "张三"})
    assert check(bench)["errcode"] == 0


def test_escaped_text_always_passes_and_the_journal_warns(bench: Bench) -> None:
    openid = bench.device("users", {"name": "张三"})["openid"]
    body = json.dumps({"openid": openid, "scene": 2, "version": 2, "content": "测试违规"}).encode()
    assert json.loads(bench.post_raw(TEXT, body).data)["result"]["suggest"] == "pass"
    assert len(bench.see("journal?kind=warning")["journal"]) == 1


def test_wrong_media_checks(bench: Bench) -> None:
    assert check(bench, MEDIA, media_type=3, media_url="http://127.0.0.1/x")["errcode"] == 40004
    assert check(bench, MEDIA, media_type=2)["errcode"] == 47001


@pytest.mark.parametrize(
    ("content", "verdict"),
    [
        (picture("white"), ("pass", 100)),
        (picture("#FF00FF"), ("risky", 20002)),
        (picture("#FF00FF", "JPEG"), ("risky", 20002)),
        (picture("#00FFFF", "GIF"), ("review", 21000)),
        (picture("white") + b"wxsim-risky", ("risky", 20002)),
    ],
)
def test_pictures_are_fetched_and_judged(bench: Bench, receiver: Receiver, content: bytes, verdict: tuple[str, int]) -> None:
    receiver.files["/p"] = content
    trace_id = check(bench, MEDIA, media_type=2, media_url=receiver.url + "/p")["trace_id"]
    bench.device("pushes/flush")
    event = judged(receiver)[0]
    assert (event["Event"], event["trace_id"], event["errcode"]) == ("wxa_media_check", trace_id, 0)
    assert (event["result"]["suggest"], event["result"]["label"]) == verdict
    assert event["detail"][0]["suggest"] == verdict[0]


def test_a_verdict_by_hash(bench: Bench, receiver: Receiver) -> None:
    receiver.files["/p"] = content = picture("green")
    bench.device("settings", {"media_verdicts": {hashlib.sha256(content).hexdigest(): ["review", 20001]}})
    check(bench, MEDIA, media_type=2, media_url=receiver.url + "/p")
    bench.device("pushes/flush")
    assert judged(receiver)[0]["result"] == {"suggest": "review", "label": 20001}


@pytest.mark.parametrize("file", [None, b"not a picture", picture("white") + b"\0" * (10 * 1024 * 1024)], ids=["absent", "text", "large"])
def test_what_cannot_be_had_is_minus_1008(bench: Bench, receiver: Receiver, file: bytes | None) -> None:
    if file is not None:
        receiver.files["/p"] = file
    check(bench, MEDIA, media_type=2, media_url=receiver.url + "/p")
    bench.device("pushes/flush")
    assert judged(receiver)[0]["errcode"] == -1008


def test_addresses_beyond_loopback_are_never_fetched(bench: Bench, receiver: Receiver) -> None:
    check(bench, MEDIA, media_type=2, media_url="http://files.example/p")
    bench.device("pushes/flush")
    assert judged(receiver)[0]["errcode"] == -1008


def test_the_callback_may_never_come_or_come_before_the_answer(bench: Bench, receiver: Receiver) -> None:
    receiver.files["/p"] = picture("white")
    bench.device("settings", {"media_delay": "never"})
    check(bench, MEDIA, media_type=2, media_url=receiver.url + "/p")
    assert bench.device("pushes/flush") == {"sent": []}
    bench.device("settings", {"media_delay": "before"})
    trace_id = check(bench, MEDIA, media_type=2, media_url=receiver.url + "/p")["trace_id"]
    assert [event["trace_id"] for event in judged(receiver)] == [trace_id]


def test_callbacks_may_come_twice_and_out_of_order(bench: Bench, receiver: Receiver) -> None:
    receiver.files["/p"] = picture("white")
    bench.device("settings", {"push_copies": 2, "push_hold": 2})
    first, second = (check(bench, MEDIA, media_type=2, media_url=receiver.url + "/p")["trace_id"] for _ in range(2))
    bench.device("pushes/flush")
    assert [event["trace_id"] for event in judged(receiver)] == [second, second, first, first]
