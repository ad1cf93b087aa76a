"""A phone in somebody's hand: WeChat login, the phone number, consents, the camera, check-ins with and without a network."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from typing import Any

from server.demo import pictures
from server.demo.client import Client, Refused
from server.demo.devices import Device

FIRST_CONSENTS = ("service",)
Json = dict[str, Any]


@dataclass
class Phone:
    """Of the simulated WeChat user `name`; the same name is the same account after every restart of the simulator."""

    name: str
    sim: Device
    api: Client
    number: str = ""
    person: Json = field(default_factory=dict)
    waiting: list[Json] = field(default_factory=list)
    heard: Json | None = None

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


def look(picture: bytes) -> str:
    """The text of a code in a picture, from its pixels. Raises Refused with QR_UNREADABLE where there is none."""
    text = pictures.read(picture)
    if text is None:
        raise Refused(0, {"code": "QR_UNREADABLE", "message": "图片里没有找到二维码，请换一张清楚的图片再扫"})
    return text


def new_mid() -> str:
    """The identity of one capture, kept for ever."""
    return str(uuid.uuid4())
