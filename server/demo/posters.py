"""Codes as people meet them: on a printed poster, on a screen, on somebody's phone; always read back from pixels."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from server.demo import pictures, story
from server.demo.client import Client, Refused
from server.demo.community import Town
from server.demo.phones import Json

PATIENCE_S = 30.0
COMMUNITY_KIND = 1
T = TypeVar("T")


def until(look: Callable[[], T], good: Callable[[T], bool], seconds: float = PATIENCE_S) -> T:
    """Look again and again until it is good or patience ends; what was seen last."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if good(seen) or time.monotonic() > deadline:
            return seen
        time.sleep(0.2)


def is_file(data: bytes) -> bool:
    """A picture or a PDF, and not the word that it is still being drawn."""
    return data.startswith((b"\x89PNG", b"%PDF"))


def printed(client: Client, code: str, *, form: str = "png_phone", style: str = "link") -> bytes:
    """The poster of a code, once a worker has drawn it."""
    return until(lambda: client.fetch(f"/codes/{code}/poster", format=form, style=style), is_file)


def code_of(client: Client, task: str) -> Json:
    """The code of a published task, for its organiser or staff."""
    said: Json = client.get(f"/tasks/{task}/code")
    return said


def of_task(town: Town, key: str, *, form: str = "png_phone", style: str = "link") -> bytes:
    """The clerk prints a task's poster."""
    clerk = town.of(story.CLERK)
    return printed(clerk, code_of(clerk, town.tasks[key])["id"], form=form, style=style)


def ask_for_task(town: Town, key: str, *, form: str = "png_phone", style: str = "link") -> None:
    """The clerk asks for a task's poster and does not wait for it."""
    clerk = town.of(story.CLERK)
    clerk.fetch(f"/codes/{code_of(clerk, town.tasks[key])['id']}/poster", format=form, style=style)


def of_community(town: Town) -> bytes:
    """The clerk prints the community's own poster."""
    clerk = town.of(story.CLERK)
    codes = clerk.pages("/codes", community=town.home)
    return printed(clerk, next(one["id"] for one in codes if one["kind"] == COMMUNITY_KIND), form="png_a4")


def of_everything(town: Town) -> bytes:
    """One PDF with the posters of the whole community, printed as a job."""
    clerk = town.of(story.CLERK)
    job = clerk.post(f"/communities/{town.home}/posters", {"format": "pdf_a4"})["id"]
    until(lambda: clerk.get(f"/prints/{job}")["state"], lambda state: state != "waiting")
    return clerk.fetch(f"/prints/{job}/file")


def read_back(picture: bytes) -> str:
    """The text of the code in a picture. Raises Refused with QR_UNREADABLE where there is none."""
    text = pictures.read(picture)
    if text is None:
        raise Refused(0, {"code": "QR_UNREADABLE", "message": "图片里没有找到二维码，请换一张清楚的图片再扫"})
    return text


def scan_inside(town: Town, picture: bytes) -> str:
    """wx.scanCode inside the mini-program: for WeChat's own code the path with its scene, else the text."""
    said = town.sim.scan_picture(picture)
    return str(said.get("path") or said.get("result"))


def open_screen(town: Town, key: str) -> Client:
    """The organiser opens a screen; it holds a token of its own and never a key."""
    organiser = town.of(story.ORGANISER)
    opened = organiser.post("/screens", {"code": code_of(organiser, town.tasks[key])["id"]})
    return Client(town.base, opened["token"])


def screen_shows(screen: Client) -> bytes:
    """What the screen shows at this moment, as a picture."""
    told = screen.get("/screens/slots")
    return pictures.screen(_present(told["slots"], datetime.fromisoformat(told["now"])))


def personal_code(town: Town, name: str) -> str:
    """The organiser's camera before somebody's phone, which shows the slot of this moment."""
    told = town.of(name).get("/me/codes")
    return read_back(pictures.screen(_present(told["slots"], town.clocks.now())))


def revoke(town: Town, key: str) -> Json:
    """The secretary makes all printed posters of a task worthless."""
    secretary = town.of(story.SECRETARY)
    code = code_of(secretary, town.tasks[key])["id"]
    said: Json = secretary.post(f"/codes/{code}/revoke", {"reason": "海报被撕走"})
    return said


def _present(slots: Sequence[Json], now: datetime) -> str:
    """The link of the slot that began last."""
    begun = [slot for slot in slots if datetime.fromisoformat(slot["at"]) <= now]
    return str(begun[-1]["link"])
