"""Running the simulator: one web server on 127.0.0.1 and one thread that pushes; in a process of its own or beside a test."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from server.wechat.simulator.app import create_app
from server.wechat.simulator.pushes import run_pusher
from server.wechat.simulator.world import Options, World, new_world

HOST = "127.0.0.1"


class Quiet(WSGIRequestHandler):
    """A request handler that logs nothing: the journal does."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002  the name is werkzeug's
        """Say nothing."""


@dataclass(frozen=True)
class Simulator:
    """A simulator that listens at `url`; its state is `world`."""

    url: str
    world: World
    server: BaseWSGIServer


@contextmanager
def listening(options: Options, port: int = 0) -> Iterator[Simulator]:
    """Bind the port (0 = any) and run the pusher; the caller serves, here or in a thread. OSError or SystemExit when the port is taken."""
    world, stop = new_world(options), threading.Event()
    server = make_server(HOST, port, create_app(world), threaded=True, request_handler=Quiet)
    pusher = threading.Thread(target=run_pusher, args=(world, stop), name="simulator-pusher", daemon=True)
    pusher.start()
    try:
        yield Simulator(f"http://{HOST}:{server.server_port}", world, server)
    finally:
        stop.set()
        world.wake.set()
        pusher.join(timeout=5)
        server.server_close()


@contextmanager
def beside(options: Options) -> Iterator[Simulator]:
    """A simulator in a thread, for tests."""
    with listening(options) as simulator:
        thread = threading.Thread(target=simulator.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield simulator
        finally:
            simulator.server.shutdown()
            thread.join(timeout=5)
