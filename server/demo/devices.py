"""The simulator's device API and the clock port: what a phone's hardware and the passing of time are here (docs/simulator.md)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import requests

from server.demo.client import TIMEOUT_S, direct


class DeviceError(Exception):
    """The simulator or the clock port did not do what it was asked; the text says which call."""


@dataclass
class Device:
    """The WeChat simulator at `base`."""

    base: str
    http: requests.Session = field(default_factory=direct, repr=False)

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """GET /__sim__/path."""
        return answer_of(self.http.get(f"{self.base}/__sim__/{path}", params=query, timeout=TIMEOUT_S))

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST /__sim__/path."""
        return answer_of(self.http.post(f"{self.base}/__sim__/{path}", json=body, timeout=TIMEOUT_S))

    def open_picture(self, picture: bytes) -> dict[str, Any]:
        """What WeChat's own scanner does with a picture."""
        return answer_of(
            self.http.post(f"{self.base}/__sim__/open", data=picture, headers={"Content-Type": "image/png"}, timeout=TIMEOUT_S)
        )


@dataclass
class Clocks:
    """The service's clock and the simulator's, always moved together."""

    base: str
    sim: Device

    def now(self) -> datetime:
        """The present of the service."""
        return datetime.fromisoformat(self._service(None)["now"])

    def set_offset(self, seconds: int) -> datetime:
        """Put both `seconds` ahead of the real time (behind, where negative). Returns the present."""
        self.sim.post("clock", {"set_offset": seconds})
        return datetime.fromisoformat(self._service({"set_offset": seconds})["now"])

    def go_to(self, moment: datetime) -> datetime:
        """Move both to a moment, forwards or backwards. Returns the present, within a second of it."""
        return self.set_offset(round((moment - datetime.now(UTC)).total_seconds()))

    def _service(self, body: dict[str, Any] | None) -> dict[str, Any]:
        method = "GET" if body is None else "POST"
        return answer_of(self.sim.http.request(method, f"{self.base}/__dev__/clock", json=body, timeout=TIMEOUT_S))


def answer_of(answer: requests.Response) -> dict[str, Any]:
    """The JSON of an answer. Raises DeviceError unless it is a success."""
    if answer.status_code >= 400:
        raise DeviceError(f"{answer.request.method} {answer.request.path_url.partition('?')[0]} → {answer.status_code} {answer.text[:200]}")
    said: dict[str, Any] = answer.json()
    return said
