"""Pushes: the published vectors, the three modes in both formats, and what strangers send."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wechatpy.crypto import PrpCrypto, WeChatCrypto

from server.wechat.port import PushEvent, PushRefused
from server.wechat.push import MAX_BODY, PushKeys, open_sealed, parse, sign, verify

KEYS = PushKeys("wxba5fad812f8e6fb9", "AAAAA", "A" * 43)
PLAIN = PushKeys(KEYS.appid, KEYS.token, "")
OPENID = "o9AgO5Kd5ggOC-bXrbNODIiE3bGY"

# The vectors of WeChat's own documentation for message pushes (address check, plain, secure, reply).
SEALED = (
    "+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcvZqzDpVzazhZv6JsX"
    "UnnR8XGT740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3Fn2Pede2IuQrKEYwKSqFIZoNqJ4M8EajA"
    "sjLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb6mOcfBgRtWygb3VIYnSeOBrebufAlr7F9mFUPAJGj04="
)
SECURE_ARGS = {
    "signature": "6c5c811b55cc85e0e1b54100749188c20beb3f5d",
    "timestamp": "1714112445",
    "nonce": "415670741",
    "msg_signature": "046e02f8204d34f8ba5fa3b1db94908f3df2e9b3",
}


def at(timestamp: int) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)


def refusal(keys: PushKeys, args: Mapping[str, str], body: bytes, now: int) -> str:
    with pytest.raises(PushRefused) as caught:
        parse(keys, args, body, now=at(now))
    assert caught.value.message.endswith("。")
    return caught.value.code


def plain_args(stamp: int = 1714037059, nonce: str = "486452656") -> dict[str, str]:
    return {"timestamp": str(stamp), "nonce": nonce, "signature": sign("AAAAA", str(stamp), nonce)}


def seal(message: str, stamp: int = 1714112445, appid: str = KEYS.appid) -> tuple[dict[str, str], str]:
    sealed = PrpCrypto(bytes(32)).encrypt(message, appid).decode()
    nonce = "415670741"
    args = {"timestamp": str(stamp), "nonce": nonce, "signature": sign("AAAAA", str(stamp), nonce)}
    return {**args, "msg_signature": sign("AAAAA", str(stamp), nonce, sealed)}, sealed


def read_plain(event: Mapping[str, object]) -> PushEvent:
    return parse(PLAIN, plain_args(), json.dumps(event).encode(), now=at(1714037059))


def test_address_check_matches_the_published_vector() -> None:
    args = {
        "signature": "f464b24fc39322e44b38aa78f5edd27bd1441696",
        "timestamp": "1714036504",
        "nonce": "1514711492",
        "echostr": "4375120948345356249",
    }
    assert verify(KEYS, args, now=at(1714036504)) == "4375120948345356249"
    with pytest.raises(PushRefused) as caught:
        verify(KEYS, {**args, "nonce": "1514711493"}, now=at(1714036504))
    assert caught.value.code == "PUSH_SIGNATURE"


@pytest.mark.parametrize(("skew", "fresh"), [(600, True), (-600, True), (601, False), (-601, False)])
def test_address_check_and_push_are_good_for_ten_minutes(skew: int, fresh: bool) -> None:
    args, body = {**plain_args(), "echostr": "hello"}, b'{"MsgType":"event","Event":"x","CreateTime":1,"FromUserName":"o"}'
    now = at(1714037059 + skew)
    if fresh:
        assert verify(PLAIN, args, now=now) == "hello"
        assert parse(PLAIN, args, body, now=now).event == "x"
        return
    with pytest.raises(PushRefused) as caught:
        verify(PLAIN, args, now=now)
    assert caught.value.code == "PUSH_STALE"
    assert refusal(PLAIN, args, body, 1714037059 + skew) == "PUSH_STALE"


def test_plain_signature_matches_the_published_vector() -> None:
    assert sign("AAAAA", "1714037059", "486452656") == "899cf89e464efb63f54ddac96b0a0a235f53aa78"
    assert sign("test", "1410685589", "test") == "f21891de399b4e33a1a93c9a7b8a8fffb5a443ff"


def test_secure_push_matches_the_published_vector() -> None:
    body = json.dumps({"ToUserName": "gh_97417a04a28d", "Encrypt": SEALED}).encode()
    event = parse(KEYS, SECURE_ARGS, body, now=at(1714112445))
    assert (event.event, event.payload) == ("debug_demo", {"create_time": 1714112445})
    assert json.loads(open_sealed(KEYS, SECURE_ARGS, SEALED))["debug_str"] == "hello world"


def test_reply_vector_opens() -> None:
    sealed = "ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ=="
    args = {
        "timestamp": "1713424427",
        "nonce": "415670741",
        "msg_signature": "1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1",
    }
    assert open_sealed(KEYS, args, sealed) == '{"demo_resp":"good luck"}'


def test_library_vector_opens_and_another_nonce_fails() -> None:
    keys = PushKeys("wx49f0ab532d5d035a", "123456", "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR")
    args = {
        "timestamp": "1411443780",
        "nonce": "437374425",
        "msg_signature": "dd6b9c95b495b3f7e2901bfbc76c664930ffdb96",
    }
    echo = "4ByGGj+sVCYcvGeQYhaKIk1o0pQRNbRjxybjTGblXrBaXlTXeOo1+bXFXDQQb1o6co6Yh9Bv41n7hOchLF6p+Q=="
    assert open_sealed(keys, args, echo) == "5927782489442352469"
    with pytest.raises(PushRefused) as caught:
        open_sealed(keys, {**args, "nonce": "437374424"}, echo)
    assert caught.value.code == "PUSH_SIGNATURE"


@pytest.mark.parametrize("outer", ["json", "xml"])
@pytest.mark.parametrize("inner", ["json", "xml"])
def test_secure_and_compat_bodies_read_the_sealed_part_only(outer: str, inner: str) -> None:
    decoy = "subscribe_msg_sent_event"
    message = (
        '{"MsgType":"event","Event":"wxa_media_check","CreateTime":5,"FromUserName":"p","trace_id":"t","errcode":0,'
        '"result":{"suggest":"pass","label":100}}'
        if inner == "json"
        else "<xml><MsgType><![CDATA[event]]></MsgType><Event>wxa_media_check</Event><CreateTime>5</CreateTime>"
        "<FromUserName>p</FromUserName><trace_id>t</trace_id><errcode>0</errcode>"
        "<result><suggest>pass</suggest><label>100</label></result></xml>"
    )
    args, sealed = seal(message)
    body = (
        json.dumps({"Event": decoy, "MsgType": "event", "Encrypt": sealed})
        if outer == "json"
        else f"<xml><Event>{decoy}</Event><MsgType>event</MsgType><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
    )
    event = parse(KEYS, args, body.encode(), now=at(1714112445))
    assert event.event == "wxa_media_check"
    assert event.payload == {"create_time": 5, "trace_id": "t", "errcode": 0, "suggest": "pass", "label": 100}


def test_wechatpy_reply_envelope_is_read() -> None:
    message = "<xml><MsgType>event</MsgType><Event>e</Event><CreateTime>5</CreateTime><FromUserName>p</FromUserName></xml>"
    xml = WeChatCrypto("AAAAA", "A" * 43, KEYS.appid).encrypt_message(message, "n1", "1714112445")
    signature = xml.split("<MsgSignature><![CDATA[")[1].split("]]>")[0]
    args = {"timestamp": "1714112445", "nonce": "n1", "msg_signature": signature}
    assert parse(KEYS, args, xml.encode(), now=at(1714112445)).event == "e"


def test_secure_deployment_refuses_a_plain_push_although_its_signature_is_right() -> None:
    assert refusal(KEYS, plain_args(), b'{"MsgType":"event","Event":"x"}', 1714037059) == "PUSH_NOT_ENCRYPTED"


def test_signature_alone_does_not_open_a_sealed_body() -> None:
    args, sealed = seal('{"MsgType":"event"}')
    body = json.dumps({"Encrypt": sealed}).encode()
    assert refusal(KEYS, {**args, "msg_signature": args["signature"]}, body, 1714112445) == "PUSH_SIGNATURE"
    assert refusal(KEYS, {k: v for k, v in args.items() if k != "msg_signature"}, body, 1714112445) == "PUSH_SIGNATURE"


def test_push_of_another_app_is_refused() -> None:
    args, sealed = seal('{"MsgType":"event"}', appid="wxsomebodyelse0000")
    assert refusal(KEYS, args, json.dumps({"Encrypt": sealed}).encode(), 1714112445) == "PUSH_WRONG_APP"
    inner = '{"MsgType":"event","Event":"e","CreateTime":5,"FromUserName":"p","appid":"wxother"}'
    args, sealed = seal(inner)
    assert refusal(KEYS, args, json.dumps({"Encrypt": sealed}).encode(), 1714112445) == "PUSH_WRONG_APP"


ROW = {"TemplateId": "T1", "SubscribeStatusString": "accept", "PopupScene": "0"}
OTHER_ROW = {"TemplateId": "T2", "SubscribeStatusString": "reject", "PopupScene": "0"}


@pytest.mark.parametrize("rows", [ROW, [ROW], [ROW, OTHER_ROW]])
def test_subscribe_list_may_be_one_object_or_an_array(rows: object) -> None:
    event = read_plain({"MsgType": "event", "Event": "subscribe_msg_popup_event", "CreateTime": "7", "FromUserName": OPENID, "List": rows})
    wanted = [{"template_id": "T1", "status": "accept"}, {"template_id": "T2", "status": "reject"}]
    count = len(rows) if isinstance(rows, list) else 1
    assert event.payload == {"create_time": 7, "openid": OPENID, "items": wanted[:count]}


@pytest.mark.parametrize("count", [1, 2])
def test_subscribe_list_is_nested_in_xml(count: int) -> None:
    row = "<List><TemplateId><![CDATA[T1]]></TemplateId><SubscribeStatusString>reject</SubscribeStatusString></List>"
    body = (
        f"<xml><ToUserName>gh_1</ToUserName><FromUserName>{OPENID}</FromUserName><CreateTime>7</CreateTime>"
        "<MsgType>event</MsgType><Event>subscribe_msg_change_event</Event>"
        f"<SubscribeMsgChangeEvent>{row * count}</SubscribeMsgChangeEvent></xml>"
    )
    event = parse(PLAIN, plain_args(), body.encode(), now=at(1714037059))
    assert event.payload["items"] == [{"template_id": "T1", "status": "reject"}] * count


def test_sent_event_reads_numbers_that_arrive_as_strings() -> None:
    row = {"TemplateId": "T1", "MsgID": "1864323726461255680", "ErrorCode": "0", "ErrorStatus": "success"}
    event = read_plain({"MsgType": "event", "Event": "subscribe_msg_sent_event", "CreateTime": 7, "FromUserName": OPENID, "List": row})
    assert event.payload["items"] == [{"template_id": "T1", "msgid": "1864323726461255680", "errcode": 0, "status": "success"}]


def media(**changes: object) -> dict[str, object]:
    event: dict[str, object] = {
        "ToUserName": "gh_1",
        "FromUserName": "platform",
        "CreateTime": 7,
        "MsgType": "event",
        "Event": "wxa_media_check",
        "appid": KEYS.appid,
        "trace_id": "6512f025-1dd3f5e5-0d7b04e8",
        "version": 2,
        "detail": [{"strategy": "content_model", "errcode": 0, "suggest": "risky", "label": 20002, "prob": 90}],
        "errcode": 0,
        "errmsg": "ok",
        "result": {"suggest": "risky", "label": 20002},
    }
    return event | changes


def test_media_verdict_is_read_and_a_failed_download_has_none() -> None:
    assert read_plain(media()).payload["suggest"] == "risky"
    failed = read_plain(media(errcode=-1008, errmsg="", result={"suggest": "pass", "label": 100}))
    assert (failed.payload["errcode"], failed.payload["suggest"], failed.payload["label"]) == (-1008, None, None)


def test_every_delivery_of_one_push_has_one_key_and_two_results_of_one_second_have_two() -> None:
    again = parse(PLAIN, plain_args(1714037100, "other"), json.dumps(media()).encode(), now=at(1714037100))
    assert read_plain(media()).dedupe_key == again.dedupe_key
    assert read_plain(media(trace_id="another")).dedupe_key != again.dedupe_key
    assert len(again.dedupe_key) == 64


def test_what_a_user_typed_is_not_kept() -> None:
    event = read_plain({"MsgType": "text", "Content": "我家住在…", "CreateTime": 7, "FromUserName": OPENID, "MsgId": 12345})
    assert (event.event, event.payload) == ("message.text", {"create_time": 7})


HOSTILE: list[tuple[str, bytes]] = [
    ("empty", b""),
    ("not UTF-8", b"\xff\xfe{}"),
    ("not an object", b"[1]"),
    ("null", b"null"),
    ("deep", b"[" * 60_000),
    ("deep objects", b'{"a":' * 10_000),
    ("huge number", b'{"MsgType":"event","Event":"e","FromUserName":"p","CreateTime":' + b"9" * 5000 + b"}"),
    ("float time", b'{"MsgType":"event","Event":"e","FromUserName":"p","CreateTime":1.5}'),
    ("fullwidth words", '{"MsgType":"event","Event":"e","FromUserName":"p","CreateTime":"x１"}'.encode()),
    ("control", b'{"MsgType":"event","Event":"e\\u0000","FromUserName":"p","CreateTime":1}'),
    ("surrogate", b'{"MsgType":"event","Event":"\\ud800","FromUserName":"p","CreateTime":1}'),
    ("no sender", b'{"MsgType":"event","Event":"e","CreateTime":1}'),
    ("list of words", b'{"MsgType":"event","Event":"subscribe_msg_sent_event","FromUserName":"p","CreateTime":1,"List":["x"]}'),
    ("no list", b'{"MsgType":"event","Event":"subscribe_msg_sent_event","FromUserName":"p","CreateTime":1}'),
    ("media without trace", b'{"MsgType":"event","Event":"wxa_media_check","FromUserName":"p","CreateTime":1,"errcode":0}'),
    ("open tag", b"<xml><a>"),
    ("no root", b"<?xml version='1.0'?>"),
    ("another root", b"<html></html>"),
    ("empty root", b"<xml/>"),
    ("deep tags", b"<xml>" + b"<a>" * 8_000 + b"</a>" * 8_000 + b"</xml>"),
    ("entities", b'<!DOCTYPE x [<!ENTITY a "b">]><xml><MsgType>&a;</MsgType></xml>'),
    ("outside entity", b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><MsgType>&a;</MsgType></xml>'),
    ("sealed in plain mode", b'{"Encrypt":"AAAA"}'),
]


@pytest.mark.parametrize("body", [body for _, body in HOSTILE], ids=[name for name, _ in HOSTILE])
def test_hostile_bodies_are_refused_in_one_way(body: bytes) -> None:
    assert refusal(PLAIN, plain_args(), body, 1714037059) == "PUSH_MALFORMED"


@pytest.mark.parametrize("inner", [body.decode("utf-8", "replace") for _, body in HOSTILE[:1] + HOSTILE[2:]])
def test_hostile_messages_under_a_good_seal_are_refused_too(inner: str) -> None:
    args, sealed = seal(inner)
    body = json.dumps({"Encrypt": sealed}).encode()
    code = "PUSH_TOO_LARGE" if len(body) > MAX_BODY else "PUSH_MALFORMED"
    assert refusal(KEYS, args, body, 1714112445) == code


@pytest.mark.parametrize("sealed", ["", "A", "AAAA", "=" * 8, "密文", "A" * 64, "\ud800", 5, ["x"], {}])
def test_sealed_part_that_is_no_ciphertext_is_refused(sealed: object) -> None:
    text = sealed if isinstance(sealed, str) else ""
    args = {"timestamp": "1714112445", "nonce": "1", "msg_signature": sign("AAAAA", "1714112445", "1", text)}
    code = refusal(KEYS, args, json.dumps({"Encrypt": sealed}).encode(), 1714112445)
    assert code in {"PUSH_MALFORMED", "PUSH_WRONG_APP"}


@pytest.mark.parametrize("stamp", ["", "abc", "-1", "1.5", "１７１４０３７０５９", "9" * 13, " 1714037059"])
def test_timestamp_that_is_no_number_is_refused(stamp: str) -> None:
    args = {"timestamp": stamp, "nonce": "1", "signature": sign("AAAAA", stamp, "1")}
    assert refusal(PLAIN, args, b"{}", 1714037059) == "PUSH_MALFORMED"


def test_large_body_is_refused_before_it_is_read() -> None:
    assert refusal(PLAIN, {}, b"x" * (MAX_BODY + 1), 0) == "PUSH_TOO_LARGE"


@given(body=st.binary(max_size=200), signature=st.text(max_size=50))
def test_anything_at_all_is_refused_never_an_error(body: bytes, signature: str) -> None:
    args = {"timestamp": "1714037059", "nonce": "1", "signature": signature, "msg_signature": signature}
    assert refusal(KEYS, args, body, 1714037059).startswith("PUSH_")
    assert refusal(PLAIN, plain_args(), b'{"' + body, 1714037059) == "PUSH_MALFORMED"
