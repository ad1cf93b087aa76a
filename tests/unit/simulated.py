"""A simulator in this process, with a clock that stands still until it is moved; and a receiver of pushes."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask.testing import FlaskClient

from server.wechat.simulator.app import create_app
from server.wechat.simulator.world import Options, World, new_world

START = 1_790_000_000


@dataclass
class Bench:
    """A simulator and short ways to call it."""

    world: World
    client: FlaskClient
    token: str = ""

    def device(self, path: str, given: dict[str, Any] | None = None, method: str = "POST") -> Any:
        return self.client.open(f"/__sim__/{path}", method=method, json=given).get_json()

    def see(self, path: str) -> Any:
        return self.client.get(f"/__sim__/{path}").get_json()

    def advance(self, seconds: float) -> None:
        self.device("clock", {"advance": seconds})

    def get(self, path: str, /, **query: Any) -> Any:
        return json.loads(self.client.get(f"{path}?{urlencode(query)}").data)

    def post_raw(self, path: str, body: bytes, **query: Any) -> Any:
        return self.client.post(f"{path}?{urlencode({'access_token': self.token} | query)}", data=body)

    def post(self, path: str, /, **body: Any) -> Any:
        return json.loads(self.post_raw(path, json.dumps(body, ensure_ascii=False).encode()).data)

    def secrets(self) -> dict[str, str]:
        return {"appid": self.world.options.appid, "secret": self.world.options.secret}

    def renew(self) -> None:
        self.token = self.post("/cgi-bin/stable_token", grant_type="client_credential", **self.secrets())["access_token"]

    def user(self, name: str = "张三", **facts: Any) -> str:
        openid: str = self.device("users", {"name": name, **facts})["openid"]
        self.device("visit", {"user": name})
        return openid

    def exchange(self, code: str) -> Any:
        return self.get("/sns/jscode2session", **self.secrets(), js_code=code, grant_type="authorization_code")


def make_bench(**settings: Any) -> Bench:
    """A fresh simulator at a fixed moment, with a stable token in hand and no pusher thread: tests flush."""
    world = new_world(Options(settings=settings, wall=lambda: START))
    bench = Bench(world, create_app(world).test_client())
    bench.renew()
    return bench


@dataclass
class Receiver:
    """A tiny HTTP server on loopback: what it got, what it answers to posts, and files to fetch."""

    url: str = ""
    got: list[dict[str, Any]] = field(default_factory=list)
    answers: list[tuple[float, int, bytes]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    verify: Callable[[dict[str, str]], bytes] = lambda query: query["echostr"].encode()


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that answers `success` unless `answers` (delay, status, body) says otherwise."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            query = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
            receiver.got.append({"query": query, "body": body, "type": self.headers["Content-Type"]})
            delay, status, answer = receiver.answers.pop(0) if receiver.answers else (0.0, 200, b"success")
            time.sleep(delay)
            self.answer(status, answer)

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path in receiver.files:
                self.answer(200, receiver.files[parts.path])
            elif parts.path == "/push":
                self.answer(200, receiver.verify(dict(parse_qsl(parts.query))))
            else:
                self.answer(404, b"")

        def answer(self, status: int, body: bytes) -> None:
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except ConnectionError:
                return

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
