"""The simulator's device API and the clock port: what a phone's hardware and the passing of time are here (docs/simulator.md)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil
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

    def scan_picture(self, picture: bytes) -> dict[str, Any]:
        """wx.scanCode of a picture: `result`, or `path` for WeChat's own code."""
        headers = {"Content-Type": "image/png"}
        return answer_of(self.http.post(f"{self.base}/__sim__/scan", data=picture, headers=headers, timeout=TIMEOUT_S))


@dataclass
class Clocks:
    """The service's clock and the simulator's, always moved together."""

    base: str
    sim: Device
    offset: int = 0

    def now(self) -> datetime:
        """The present as these clocks were set; a phone looks at its own clock and asks nobody."""
        return datetime.now(UTC) + timedelta(seconds=self.offset)

    def set_offset(self, seconds: int) -> datetime:
        """Put both `seconds` ahead of the real time (behind, where negative). Returns the present."""
        self.sim.post("clock", {"set_offset": seconds})
        self.offset = int(self._service({"set_offset": seconds})["offset"])
        return self.now()

    def go_to(self, moment: datetime) -> datetime:
        """Move both to a moment, forwards or backwards. Returns the present, less than a second after it."""
        return self.set_offset(ceil((moment - datetime.now(UTC)).total_seconds()))

    def _service(self, body: dict[str, Any]) -> dict[str, Any]:
        return answer_of(self.sim.http.post(f"{self.base}/__dev__/clock", json=body, timeout=TIMEOUT_S))


def answer_of(answer: requests.Response) -> dict[str, Any]:
    """The JSON of an answer. Raises DeviceError unless it is a success."""
    if answer.status_code >= 400:
        raise DeviceError(f"{answer.request.method} {answer.request.path_url.partition('?')[0]} → {answer.status_code} {answer.text[:200]}")
    said: dict[str, Any] = answer.json()
    return said
