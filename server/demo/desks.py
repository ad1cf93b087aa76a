"""A browser at the console: what its pages show and its forms send, without a script. Used for what a person does at a desk alone."""

from __future__ import annotations

import base64
import re

import requests

from server.demo import pictures
from server.demo.client import TIMEOUT_S, direct
from server.demo.phones import Phone

PICTURE = re.compile(r'src="data:image/png;base64,([^"]+)"')
NUMBER = re.compile(r'class="match">(\d\d)<')
HIDDEN = re.compile(r'name="(csrf|once)" value="([^"]*)"')


class Desk:
    """One browser at the console of `base`; `html` is the page it shows."""

    def __init__(self, base: str) -> None:
        self.base, self.http, self.html = base, direct(), ""

    def open(self, path: str) -> None:
        """Go to a page under /console."""
        self._show(self.http.get(f"{self.base}/console{path}", timeout=TIMEOUT_S))

    def send(self, path: str, **fields: str) -> None:
        """Send a form of the page that is shown."""
        carried = dict(HIDDEN.findall(self.html))
        self._show(self.http.post(f"{self.base}/console{path}", data={**carried, **fields}, timeout=TIMEOUT_S))

    def _show(self, answer: requests.Response) -> None:
        if answer.status_code != 200:
            raise RuntimeError(f"管理后台 {answer.url} 答复 {answer.status_code}")
        self.html = answer.text


def sign_in(base: str, phone: Phone) -> Desk:
    """The phone reads the code off the page and picks the number that stands beside it."""
    desk = Desk(base)
    desk.open("/sign-in")
    desk.send("/sign-in/code")
    picture, number = PICTURE.search(desk.html), NUMBER.search(desk.html)
    text = pictures.read(base64.b64decode(picture.group(1))) if picture is not None else None
    if text is None or number is None:
        raise RuntimeError("登录页上没有可以扫的码")
    phone.api.post("/desk-sign-ins", {"tok": text})
    phone.api.post("/desk-sign-ins/agree", {"tok": text, "number": int(number.group(1))})
    desk.send("/sign-in/scanned")
    return desk


def make_login(desk: Desk, login: str, password: str) -> None:
    """Her own name and password for when no phone is at hand; nobody else can make them for who has a phone."""
    desk.open("/account/login")
    desk.send("/account/login", login=login, new_password=password, again_password=password)
