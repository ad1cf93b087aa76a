"""The published vectors against the simulator's own signer and cipher (the client has its own test of the same)."""

import json

import pytest

from server.wechat.simulator import crypto

KEY = "A" * 43
APPID = "wxba5fad812f8e6fb9"
PUSHED = (
    "+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcvZqzDpVzazhZv6JsXUnnR8XGT740XgXZUXQ7v"
    "JVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3Fn2Pede2IuQrKEYwKSqFIZoNqJ4M8EajAsjLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb"
    "6mOcfBgRtWygb3VIYnSeOBrebufAlr7F9mFUPAJGj04="
)
MESSAGE = (
    '{"ToUserName":"gh_97417a04a28d","FromUserName":"o9AgO5Kd5ggOC-bXrbNODIiE3bGY","CreateTime":1714112445,'
    '"MsgType":"event","Event":"debug_demo","debug_str":"hello world"}'
)


@pytest.mark.parametrize(
    ("parts", "signature"),
    [
        (("AAAAA", "1714036504", "1514711492"), "f464b24fc39322e44b38aa78f5edd27bd1441696"),
        (("AAAAA", "1714037059", "486452656"), "899cf89e464efb63f54ddac96b0a0a235f53aa78"),
        (("AAAAA", "1714112445", "415670741"), "6c5c811b55cc85e0e1b54100749188c20beb3f5d"),
        (("AAAAA", "1714112445", "415670741", PUSHED), "046e02f8204d34f8ba5fa3b1db94908f3df2e9b3"),
        (("test", "1410685589", "test"), "f21891de399b4e33a1a93c9a7b8a8fffb5a443ff"),
    ],
    ids=["V1", "V2", "V3", "V3 body", "V7"],
)
def test_signatures_are_the_published_ones(parts: tuple[str, ...], signature: str) -> None:
    assert crypto.sign(*parts) == signature


def test_v3_is_decrypted_and_encrypted_to_the_byte() -> None:
    random16, message, appid = crypto.decrypt(KEY, PUSHED)
    assert (random16, message.decode(), appid) == (b"a8eedb185eb2fecf", MESSAGE, APPID)
    assert len(message) == 167
    assert crypto.encrypt(KEY, APPID, MESSAGE.encode(), b"a8eedb185eb2fecf") == PUSHED


def test_v4_reply() -> None:
    sealed = crypto.encrypt(KEY, APPID, json.dumps({"demo_resp": "good luck"}, separators=(",", ":")).encode(), b"707722b803182950")
    assert sealed == "ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ=="
    assert crypto.sign("AAAAA", "1713424427", "415670741", sealed) == "1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1"


def test_v7_cipher_with_another_key() -> None:
    sealed = "4ByGGj+sVCYcvGeQYhaKIk1o0pQRNbRjxybjTGblXrBaXlTXeOo1+bXFXDQQb1o6co6Yh9Bv41n7hOchLF6p+Q=="
    assert crypto.sign("123456", "1411443780", "437374425", sealed) == "dd6b9c95b495b3f7e2901bfbc76c664930ffdb96"
    assert crypto.sign("123456", "1411443780", "437374424", sealed) != "dd6b9c95b495b3f7e2901bfbc76c664930ffdb96"
    _, message, appid = crypto.decrypt("kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR", sealed)
    assert (message, appid) == (b"5927782489442352469", "wx49f0ab532d5d035a")


def test_v9_raw_data() -> None:
    raw = (
        '{"nickName":"Band","gender":1,"language":"zh_CN","city":"Guangzhou","province":"Guangdong","country":"CN",'
        '"avatarUrl":"http://wx.qlogo.cn/mmopen/vi_32/1vZvI39NWFQ9XM4LtQpFrQJ1xlgZxx3w7bQxKARol6503Iuswjjn6nIGBiaycAjAtpujxyzYsrztuuICqIM5ibXQ/0"}'
    )
    assert crypto.sign_raw_data(raw, "HyVFkGl5F5OQWJZZaNzBBg==") == "75e81ceda165f4ffa64f4068af58c64b8f54b88c"


def test_a_short_key_and_a_spoilt_message_are_refused() -> None:
    with pytest.raises(ValueError, match="43"):
        crypto.encrypt("A" * 42, APPID, b"x", b"0" * 16)
    with pytest.raises(ValueError, match="wrong"):
        crypto.decrypt(KEY, PUSHED[:-44])
