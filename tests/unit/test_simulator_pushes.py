"""The push sender of the simulator, against a receiver that takes every byte apart by itself (docs/simulator.md)."""

import base64
import hashlib
import json
import struct
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from server.wechat.simulator import constants, pushes
from tests.unit.simulated import Bench, Receiver, make_bench, receiving

EVENT = {"ToUserName": "gh_1", "FromUserName": "o" + "x" * 27, "CreateTime": 1, "MsgType": "event", "Event": "debug_demo", "text": "a]]>中"}


@pytest.fixture
def bench() -> Bench:
    return make_bench()


@pytest.fixture
def receiver(bench: Bench) -> Iterator[Receiver]:
    with receiving() as got:
        bench.device("settings", {"push_url": got.url + "/push"})
        yield got


def sha1(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()  # noqa: S324


def opened(sealed: str) -> tuple[bytes, str]:
    key = base64.b64decode(constants.AES_KEY + "=")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    plain = decryptor.update(base64.b64decode(sealed)) + decryptor.finalize()
    plain = plain[: -plain[-1]]
    length = struct.unpack(">I", plain[16:20])[0]
    return plain[20 : 20 + length], plain[20 + length :].decode()


def parsed(form: str, body: bytes) -> dict[str, Any]:
    if form == "json":
        return dict(json.loads(body))
    return {element.tag: element.text for element in ET.fromstring(body)}  # noqa: S314  our own simulator's bytes


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize("mode", ["plain", "compat", "secure"])
def test_every_mode_in_both_formats(bench: Bench, receiver: Receiver, mode: str, form: str) -> None:
    bench.device("settings", {"push_mode": mode, "push_format": form})
    record = bench.device("push", {"event": EVENT})
    got = receiver.got[0]
    query, outer = got["query"], parsed(form, got["body"])
    assert record["accepted"] is True
    assert got["type"] == {"json": "application/json", "xml": "text/xml"}[form]
    assert query["signature"] == sha1(constants.PUSH_TOKEN, query["timestamp"], query["nonce"])
    assert query["openid"] == EVENT["FromUserName"]
    assert ("text" in outer) is (mode != "secure")
    assert ("Encrypt" in outer) is ("msg_signature" in query) is (query.get("encrypt_type") == "aes") is (mode != "plain")
    inner = outer
    if mode != "plain":
        assert query["msg_signature"] == sha1(constants.PUSH_TOKEN, query["timestamp"], query["nonce"], outer["Encrypt"])
        message, appid = opened(outer["Encrypt"])
        assert appid == constants.APPID
        inner = parsed(form, message)
    assert {name: str(inner[name]) for name in EVENT} == {name: str(value) for name, value in EVENT.items()}


def test_a_list_of_one_is_an_object_in_json_and_nests_in_xml() -> None:
    head = {"Event": "subscribe_msg_popup_event"}
    one, two = head | {"List": [{"TemplateId": "a"}]}, head | {"List": [{"TemplateId": "a"}, {"TemplateId": "b"}]}
    assert json.loads(pushes.render(one, "json"))["List"] == {"TemplateId": "a"}
    assert json.loads(pushes.render(two, "json"))["List"] == [{"TemplateId": "a"}, {"TemplateId": "b"}]
    root = ET.fromstring(pushes.render(two, "xml"))  # noqa: S314
    assert [item.findtext("TemplateId") for item in root.findall("SubscribeMsgPopupEvent/List")] == ["a", "b"]


def test_three_tries_of_the_same_bytes_then_no_more(bench: Bench, receiver: Receiver) -> None:
    receiver.answers = [(0, 500, b""), (0, 200, b"error"), (0, 403, b"success"), (0, 200, b"success")]
    record = bench.device("push", {"event": EVENT})
    assert record["accepted"] is False
    assert [attempt["status"] for attempt in record["tries"]] == [500, 200, 403]
    assert receiver.got[0] == receiver.got[1] == receiver.got[2]


@pytest.mark.parametrize("reply", [b"", b"success"])
def test_an_empty_reply_and_success_end_the_tries(bench: Bench, receiver: Receiver, reply: bytes) -> None:
    receiver.answers = [(0, 500, b""), (0, 200, reply)]
    record = bench.device("push", {"event": EVENT})
    assert (record["accepted"], len(record["tries"])) == (True, 2)


def test_a_slow_reply_is_tried_again(bench: Bench, receiver: Receiver) -> None:
    assert bench.see("settings")["push_timeout"] == 5
    bench.device("settings", {"push_timeout": 0.2})
    receiver.answers = [(0.6, 200, b"success")]
    record = bench.device("push", {"event": EVENT})
    assert "error" in record["tries"][0]
    assert (record["accepted"], len(record["tries"])) == (True, 2)


def test_verification_wants_the_echo(bench: Bench, receiver: Receiver) -> None:
    assert bench.device("push/verify")["ok"] is True
    receiver.verify = lambda _: b"something else"
    assert bench.device("push/verify")["ok"] is False


def test_the_signature_of_a_verification_is_right(bench: Bench, receiver: Receiver) -> None:
    seen: list[dict[str, str]] = []
    receiver.verify = lambda query: (seen.append(query), b"")[1]  # type: ignore[func-returns-value]
    bench.device("push/verify")
    assert seen[0]["signature"] == sha1(constants.PUSH_TOKEN, seen[0]["timestamp"], seen[0]["nonce"])


def signed_right(got: dict[str, Any]) -> bool:
    query, sealed = got["query"], json.loads(got["body"])["Encrypt"]
    return bool(query["msg_signature"] == sha1(constants.PUSH_TOKEN, query["timestamp"], query["nonce"], sealed))


def test_tampering(bench: Bench, receiver: Receiver) -> None:
    for tamper in ("signature", "body", "appid", "stale", ""):
        bench.device("push", {"event": EVENT, "tamper": tamper})
    signature, body, appid, stale, good = receiver.got
    assert [signed_right(got) for got in receiver.got] == [False, False, True, True, True]
    query = body["query"]
    assert query["signature"] == sha1(constants.PUSH_TOKEN, query["timestamp"], query["nonce"])
    assert signature["query"]["signature"] != sha1(constants.PUSH_TOKEN, signature["query"]["timestamp"], signature["query"]["nonce"])
    assert opened(json.loads(appid["body"])["Encrypt"])[1] != constants.APPID
    assert int(good["query"]["timestamp"]) - int(stale["query"]["timestamp"]) == 3600


def test_a_replay_is_the_same_to_the_byte(bench: Bench, receiver: Receiver) -> None:
    assert bench.client.post("/__sim__/push/replay", json={}).status_code == 404
    first = bench.device("push", {"event": EVENT})
    bench.device("push", {"event": EVENT})
    bench.device("push/replay", {"n": first["n"]})
    assert receiver.got[2] == receiver.got[0] != receiver.got[1]


def test_pushes_fall_due_with_the_clock(bench: Bench, receiver: Receiver) -> None:
    bench.user("张三")
    bench.device("settings", {"sent_event_seconds": 30, "push_mode": "plain"})
    bench.device("subscribe", {"user": "张三", "tmplIds": ["tpl_claim_decided"]})
    data = {"thing1": {"value": "一"}, "phrase2": {"value": "通过"}, "thing3": {"value": "三"}}
    bench.post("/cgi-bin/message/subscribe/send", touser=bench.user("张三"), template_id="tpl_claim_decided", data=data)
    assert [record["event"] for record in pushes.deliver(bench.world)] == ["subscribe_msg_popup_event"]
    bench.advance(29)
    assert pushes.deliver(bench.world) == []
    bench.advance(1)
    assert [record["event"] for record in pushes.deliver(bench.world)] == ["subscribe_msg_sent_event"]
    assert len(bench.see("journal?kind=push")["journal"]) == 2


def test_without_a_url_pushes_are_recorded_only(bench: Bench) -> None:
    record = bench.device("push", {"event": EVENT})
    assert (record["accepted"], record["tries"]) == (False, [])
    assert bench.client.post("/__sim__/settings", json={"push_url": "http://push.example/x"}).status_code == 400
