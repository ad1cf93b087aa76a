"""Pushes as the simulator sends them over HTTP, read by the port: every mode and format, duplicates, forgeries."""

import io
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from PIL import Image
from redis import Redis

from server.wechat.port import PushEvent, PushRefused, Wechat
from tests.service.wechat.support import client, visitor
from tests.simulator import Simulator

DEMO = {"MsgType": "event", "Event": "debug_demo", "CreateTime": 1714112445, "FromUserName": "wxsim_platform"}


class Listener:
    """Our side of the push address, and a picture that WeChat can fetch."""

    def __init__(self) -> None:
        self.port: Wechat | None = None
        self.wx: Simulator | None = None
        self.events: list[PushEvent] = []
        self.refusals: list[str] = []
        self.picture = b""
        self.url = ""

    def now(self) -> datetime:
        assert self.wx is not None
        return datetime.fromtimestamp(self.wx.get("clock")["now"], UTC)

    def take(self, args: dict[str, str], body: bytes) -> tuple[int, str]:
        assert self.port is not None
        try:
            self.events.append(self.port.parse_push(args, body, now=self.now()))
        except PushRefused as refusal:
            self.refusals.append(refusal.code)
            return 403, ""
        return 200, "success"

    def received(self, count: int) -> list[PushEvent]:
        """The first `count` events, due or not; the simulator's own thread may be sending at the same time."""
        assert self.wx is not None
        deadline = time.monotonic() + 10
        while len(self.events) < count:
            assert time.monotonic() < deadline, (self.events, self.refusals)
            self.wx.post("pushes/flush")
            time.sleep(0.01)
        return self.events

    def verify(self, args: dict[str, str]) -> tuple[int, str]:
        assert self.port is not None
        try:
            return 200, self.port.verify_push(args, now=self.now())
        except PushRefused as refusal:
            self.refusals.append(refusal.code)
            return 403, ""


def handler(listener: Listener) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            if self.path.startswith("/picture"):
                return self.answer(200, listener.picture)
            status, text = listener.verify(dict(parse_qsl(urlsplit(self.path).query)))
            return self.answer(status, text.encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, text = listener.take(dict(parse_qsl(urlsplit(self.path).query)), body)
            self.answer(status, text.encode())

        def log_message(self, *_: Any) -> None:
            return

    return Handler


@pytest.fixture(scope="module")
def listening() -> Iterator[Listener]:
    listener = Listener()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler(listener)) as server:
        listener.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield listener
        server.shutdown()
        thread.join(10)


@pytest.fixture
def listener(listening: Listener, wx: Simulator, port: Wechat) -> Listener:
    listening.port, listening.wx = port, wx
    listening.events, listening.refusals = [], []
    listening.picture = picture("white")
    wx.post("settings", push_url=f"{listening.url}/push")
    return listening


def picture(colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(out, "PNG")
    return out.getvalue()


def test_push_address_is_verified(wx: Simulator, listener: Listener) -> None:
    assert wx.post("push/verify")["ok"] is True
    wx.post("settings", push_token="another")
    assert wx.post("push/verify")["ok"] is False
    assert listener.refusals == ["PUSH_SIGNATURE"]


@pytest.mark.parametrize("push_format", ["json", "xml"])
@pytest.mark.parametrize("push_mode", ["plain", "compat", "secure"])
def test_image_verdict_comes_with_the_trace_id(wx: Simulator, store: Redis, listener: Listener, push_mode: str, push_format: str) -> None:
    wx.post("settings", push_mode=push_mode, push_format=push_format)
    listener.port = port = client(wx, store, **({"aes_key": ""} if push_mode == "plain" else {}))
    openid = visitor(wx)
    for number, (colour, suggest) in enumerate((("white", "pass"), ("magenta", "risky"), ("cyan", "review")), start=1):
        listener.picture = picture(colour)
        trace_id = port.submit_image_check(openid, 2, f"{listener.url}/picture.png")
        event = listener.received(number)[-1]
        assert (event.event, event.payload["errcode"]) == ("wxa_media_check", 0)
        assert (event.payload["trace_id"], event.payload["suggest"]) == (trace_id, suggest)
    assert listener.refusals == []


def test_picture_that_cannot_be_fetched_has_no_verdict(wx: Simulator, listener: Listener, port: Wechat) -> None:
    port.submit_image_check(visitor(wx), 2, "http://127.0.0.1:9/gone.png")
    assert [(event.payload["errcode"], event.payload["suggest"]) for event in listener.received(1)] == [(-1008, None)]


def test_verdict_may_come_before_the_answer(wx: Simulator, listener: Listener, port: Wechat) -> None:
    wx.post("settings", media_delay="before")
    trace_id = port.submit_image_check(visitor(wx), 2, f"{listener.url}/picture.png")
    assert [event.payload["trace_id"] for event in listener.events] == [trace_id]


def test_two_deliveries_have_one_key_and_two_pictures_two(wx: Simulator, listener: Listener, port: Wechat) -> None:
    wx.post("settings", push_copies=2)
    openid = visitor(wx)
    for _ in range(2):
        port.submit_image_check(openid, 2, f"{listener.url}/picture.png")
    assert len({event.dedupe_key for event in listener.received(4)}) == 2
    wx.post("push/replay")
    assert len({event.dedupe_key for event in listener.received(5)}) == 2


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize("templates", [["tpl_reminder"], ["tpl_reminder", "tpl_claim_decided"]])
def test_choices_come_as_one_object_or_several(wx: Simulator, listener: Listener, form: str, templates: list[str]) -> None:
    wx.post("settings", push_format=form)
    openid = visitor(wx)
    decisions = {"tpl_reminder": "accept", "tpl_claim_decided": "reject"}
    wx.post("subscribe", user="张三", tmplIds=templates, decisions={name: decisions[name] for name in templates})
    (event,) = listener.received(1)
    assert (event.event, event.payload["openid"]) == ("subscribe_msg_popup_event", openid)
    wanted = [{"template_id": name, "status": decisions[name]} for name in templates]
    assert event.payload["items"] == wanted


@pytest.mark.parametrize("form", ["json", "xml"])
def test_later_refusal_and_delivery_are_told(wx: Simulator, listener: Listener, port: Wechat, form: str) -> None:
    wx.post("settings", push_format=form)
    openid = visitor(wx)
    wx.post("subscribe", user="张三", tmplIds=["tpl_claim_decided"])
    fields = {"thing1": "打扫楼道", "phrase2": "已通过", "thing3": "周六见"}
    msgid = port.send_subscribe(openid, "decided", fields, None)
    wx.post("subscriptions", user="张三", reject=["tpl_claim_decided"])
    events = {event.event: event.payload["items"] for event in listener.received(3)}
    assert events["subscribe_msg_change_event"] == [{"template_id": "tpl_claim_decided", "status": "reject"}]
    (sent,) = events["subscribe_msg_sent_event"]  # type: ignore[misc]
    assert (sent["msgid"], sent["errcode"], sent["status"]) == (msgid, 0, "success")


@pytest.mark.parametrize(
    ("tamper", "code"),
    [
        ("signature", "PUSH_SIGNATURE"),
        ("body", "PUSH_SIGNATURE"),
        ("appid", "PUSH_WRONG_APP"),
        ("stale", "PUSH_STALE"),
    ],
)
def test_forged_and_stale_pushes_are_refused(wx: Simulator, listener: Listener, tamper: str, code: str) -> None:
    wx.post("push", event=DEMO, tamper=tamper)
    assert listener.events == []
    assert set(listener.refusals) == {code}


def test_old_push_cannot_be_replayed(wx: Simulator, listener: Listener) -> None:
    wx.post("push", event=DEMO)
    assert [event.event for event in listener.events] == ["debug_demo"]
    wx.post("clock", advance=601)
    wx.post("push/replay")
    assert set(listener.refusals) == {"PUSH_STALE"}
