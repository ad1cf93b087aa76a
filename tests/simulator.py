"""The real WeChat simulator as a process of its own, for tests: what a phone does, and what WeChat saw."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

ROOT = Path(__file__).resolve().parent.parent
APPID = "wxsim0000000001cafe"
SECRET = "simulated-secret-not-for-production"
PUSH_TOKEN = "simulatedpushtoken"
AES_KEY = "SimulatedAesKeyNotForProductionUse000000000"

_direct = build_opener(ProxyHandler({}))


class Simulator:
    """The device API of docs/simulator.md at ``base``."""

    def __init__(self, base: str) -> None:
        self.base = base

    def call(self, method: str, path: str, body: dict[str, Any] | bytes | None = None) -> dict[str, Any]:
        """One call; ``path`` is what follows ``/__sim__/``."""
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        request = Request(f"{self.base}/__sim__/{path}", data=data, method=method)  # noqa: S310 - our own loopback
        request.add_header("Content-Type", "application/json" if isinstance(body, dict) else "image/jpeg")
        with _direct.open(request, timeout=20) as response:
            answer: dict[str, Any] = json.load(response)
        return answer

    def get(self, path: str) -> dict[str, Any]:
        return self.call("GET", path)

    def post(self, path: str, /, **body: Any) -> dict[str, Any]:
        return self.call("POST", path, body)

    def user(self, name: str, **facts: Any) -> str:
        """Make or change a user; returns the openid."""
        return str(self.post("users", name=name, **facts)["openid"])

    def login_code(self, user: str) -> str:
        return str(self.post("login", user=user)["code"])

    def phone_code(self, user: str) -> str:
        return str(self.post("phone", user=user)["code"])

    def fault(self, path: str, kind: str, **how: Any) -> None:
        self.post("faults", path=path, kind=kind, **how)

    def requests(self, path: str) -> list[dict[str, Any]]:
        """The calls that reached ``path`` of WeChat since the reset."""
        return [line for line in self.get("journal?kind=request")["journal"] if line["path"] == path]

    def warnings(self) -> list[dict[str, Any]]:
        return list(self.get("journal?kind=warning")["journal"])


@contextlib.contextmanager
def running_simulator(*flags: str) -> Iterator[Simulator]:
    """Start the simulator on a free port and end it by its process afterwards."""
    command = [sys.executable, "-m", "server.wechat.simulator", "--port", "0", *flags]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line.startswith("simulator listening on "), line
            yield Simulator(line.split()[-1])
        finally:
            process.terminate()
            process.wait(10)
