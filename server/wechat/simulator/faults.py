"""Scripted faults: a queue per path, of which each call takes one (docs/simulator.md)."""

import socket
import struct
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import Response

from server.wechat.simulator.world import Failure, Refused, World

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

KINDS = ("delay", "errcode", "half", "http", "lost", "reset", "truncate")
UNPROCESSED = {"errcode", "http", "reset"}
FACTS = {"kind", "errcode", "status", "seconds"}
LONGEST_PAUSE = 30


class Dropped(Response):
    """An answer that never leaves: the connection is reset instead."""

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Reset the socket beneath, where there is one, and raise ConnectionResetError for the server to drop the call."""
        line = environ.get("werkzeug.socket")
        if isinstance(line, socket.socket):
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            # Without this the server would keep the connection alive and wait for the next call.
            line.shutdown(socket.SHUT_RDWR)
        raise ConnectionResetError("scripted fault")


def add(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """Queue a fault `times` times; Refused when the kind is unknown or a figure is wrong."""
    path, times, seconds = given.get("path"), given.get("times", 1), given.get("seconds", 0)
    if given.get("kind") not in KINDS or not isinstance(path, str):
        raise Refused("wrong_fault", f"故障要有 path，kind 只能是 {'、'.join(sorted(KINDS))}，请改正后再发。")
    figures = isinstance(times, int) and 1 <= times <= 10_000 and isinstance(seconds, int | float) and 0 <= seconds <= LONGEST_PAUSE
    if not figures or (given["kind"] == "errcode" and not isinstance(given.get("errcode"), int)):
        raise Refused("wrong_fault", "故障的 times、seconds 或 errcode 不对，请改正后再发。")
    fault = {name: value for name, value in given.items() if name in FACTS}
    world.faults.setdefault(path, []).extend(dict(fault) for _ in range(times))
    return show(world)


def show(world: World) -> dict[str, Any]:
    """All that is queued."""
    return {"faults": {path: queue for path, queue in world.faults.items() if queue}}


def take(world: World, path: str) -> dict[str, Any]:
    """The next fault of a path, else of any path; {} when there is none. Sleeps its `seconds` outside the lock."""
    with world.lock:
        queues = [world.faults[key] for key in (path, "*") if world.faults.get(key)]
        fault = queues[0].pop(0) if queues else {}
    time.sleep(fault.get("seconds", 0))
    return fault


def refuse(fault: dict[str, Any]) -> Response:
    """The answer to a call that is not processed: a Response, or the Failure that the fault names."""
    if fault["kind"] == "errcode":
        raise Failure(fault["errcode"])
    if fault["kind"] == "http":
        return Response("<html><body>simulated gateway failure</body></html>", status=fault.get("status", 502))
    return Dropped()


def spoil(fault: dict[str, Any], response: Response) -> Response:
    """The answer to a processed call as the fault lets it through."""
    content = response.get_data()
    half = content[: len(content) // 2]
    if fault.get("kind") == "lost":
        return Dropped()
    if fault.get("kind") == "half":
        return Response(half, content_type=response.content_type)
    if fault.get("kind") == "truncate":
        return Response([half], headers={"Content-Length": str(len(content)), "Content-Type": str(response.content_type)})
    return response
