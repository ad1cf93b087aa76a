"""A phone in somebody's hand: WeChat login, the phone number, consents, the camera, check-ins with and without a network."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from server.demo.client import Client
from server.demo.devices import Device

FIRST_CONSENTS = ("service",)
Json = dict[str, Any]


@dataclass
class Phone:
    """Of the simulated WeChat user `name`; the same name is the same account after every restart of the simulator.

    `clock` is the true time and `skew` how far this phone's clock is off, both in milliseconds; `heard` anchors one to the other.
    """

    name: str
    sim: Device
    api: Client
    number: str = ""
    person: Json = field(default_factory=dict)
    clock: Callable[[], int] = field(default=lambda: time.time_ns() // 1_000_000, repr=False)
    skew: int = 0
    heard: Json | None = None
    waiting: list[Json] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The person's public id; it may change when the number turns out to be known."""
        return str(self.person["id"])


def buy(name: str, base: str, sim: Device, *, number: str = "") -> Phone:
    """Switch a phone on: the WeChat user is there from now on, with a phone number if one is given."""
    sim.post("users", {"name": name, **({"phone": number} if number else {})})
    return Phone(name, sim, Client(base), number)


def number_of(name: str) -> str:
    """The invented mobile number of a name, always the same; 199 and eight digits."""
    return "199" + str(int.from_bytes(hashlib.sha256(name.encode()).digest()[:6]) % 10**8).zfill(8)


def sign_in(phone: Phone) -> Json:
    """wx.login and our own token. Returns the person."""
    code = phone.sim.post("login", {"user": phone.name})["code"]
    said = phone.api.post("/sessions", {"code": code})
    phone.api.token, phone.person = said["token"], said["person"]
    return phone.person


def agree(phone: Phone, *purposes: str) -> None:
    """Read the texts and agree to these purposes, `service` if none is named."""
    versions = {text["purpose"]: text["version"] for text in phone.api.get("/consent-texts")["items"]}
    for purpose in purposes or FIRST_CONSENTS:
        phone.api.post("/me/consents", {"purpose": purpose, "version": versions[purpose]})


def give_number(phone: Phone, *, deny: bool = False) -> Json | None:
    """Press the phone-number button. Returns what the rosters said, None where the person refused."""
    pressed = phone.sim.post("phone", {"user": phone.name, "deny": deny})
    if "code" not in pressed:
        return None
    said: Json = phone.api.post("/me/phone", {"code": pressed["code"]})
    phone.person = phone.api.get("/me")
    return said


def capture(phone: Phone, text: str, direction: str) -> Json:
    """What a phone keeps of one scan: the message of docs/protocol.md §3, with an identity for ever."""
    mid, cap = str(uuid.uuid4()), phone.clock() + phone.skew
    return {"v": 1, "mid": mid, "sub": phone.id, "dir": direction, "tok": text, "cap": cap, "anc": phone.heard, "place": None}


def subscribe(phone: Phone, *kinds: str) -> Json:
    """Press the subscription button: WeChat asks about these templates, the answer goes to the service."""
    ids = {one["kind"]: one["template_id"] for one in phone.api.get("/me/subscriptions")["items"]}
    answered = phone.sim.post("subscribe", {"user": phone.name, "tmplIds": [ids[kind] for kind in kinds]})
    said: Json = phone.api.post("/me/subscriptions", {"results": {kind: answered[ids[kind]] for kind in kinds}})
    return said


def hear(phone: Phone) -> None:
    """The phone hears the server's time: later it can correct its own clock."""
    phone.heard = {"srv": phone.clock(), "dev": phone.clock() + phone.skew}


def check(phone: Phone, text: str, direction: str = "in") -> Json:
    """Scan with a network: the message goes at once. Raises Refused."""
    return send(phone, capture(phone, text, direction))


def send(phone: Phone, message: Json) -> Json:
    """Send one captured message; sending it again gives the same answer. Raises Refused."""
    body = {name: message[name] for name in ("tok", "dir", "cap", "anc", "place")}
    said: Json = phone.api.post("/checkins", body, key=message["mid"])
    return said


def keep(phone: Phone, text: str, direction: str) -> None:
    """Scan without a network: the message waits."""
    phone.waiting.append(capture(phone, text, direction))


def catch_up(phone: Phone, *, order: int = 1) -> list[Json]:
    """The network is back: all that waits goes in one batch (`order` −1: the last first). Returns one result each; nothing is forgotten."""
    said: list[Json] = phone.api.post("/checkins/batch", {"messages": phone.waiting[::order]})["results"]
    return said
