"""What residents, staff and handlers do about a request: each one call or two of the phone API."""

from __future__ import annotations

import time
from typing import Any

from server.demo import phones, posters, residents_plan, residents_ratings, story
from server.demo.client import TIMEOUT_S, Client
from server.demo.community import Town
from server.demo.phones import Json
from server.demo.residents_plan import Ask
from server.demo.telling import Telling

RESULT = "已按约定办好，请您看看"
ROUSED_S = 1.5  # the scheduler sees within a second that the clock was moved


def liaison_of(unit: str) -> str:
    """Who answers for a unit."""
    return next(one.liaison for one in story.UNITS if one.name == unit)


def signer_of(town: Town, ask: Ask) -> tuple[Client, bool]:
    """Whose phone signs, and whether on the word of whom it is for."""
    return town.of(ask.by or ask.who), bool(ask.by)


def submit(town: Town, ask: Ask) -> Json:
    """Somebody asks, for himself or for another. Returns the request."""
    said: dict[str, Any] = {"category": ask.category, "content": ask.words, "place": ask.place, "community": town.home}
    person = {"name": ask.who, "consent": "spoken", "elder": True}
    made: Json
    if not ask.by:
        made = town.of(ask.who).post("/requests", said)
    elif ask.by == residents_plan.DAUGHTER:
        made = town.of(ask.by).post("/requests", {**said, "for_other": {**person, "relation": "child"}})
    elif ask.by == story.CLERK:
        made = town.of(ask.by).post("/request-entries", {**said, "person": person, "channel": "phone"})
    else:
        entry = {**said, "person": person, "grid": town.nodes["第一网格"]}
        del entry["community"]
        made = town.of(ask.by).post("/request-rounds", {"community": town.home, "entries": [entry]})["made"][0]
    return made


def ask_person(town: Town, request: str, name: str) -> Json:
    """The clerk asks a member. Returns the offer."""
    said: Json = town.of(story.CLERK).post(f"/requests/{request}/offers", {"person": town.people[name]})
    return said


def accept(town: Town, offer: Json, name: str) -> None:
    """Whoever was asked says yes."""
    town.of(name).post(f"/offers/{offer['id']}/answer", {"accept": True})


def begin(town: Town, telling: Telling, request: str, name: str) -> None:
    """The handler calls the resident and starts."""
    town.of(name).post(f"/requests/{request}/contact")
    telling.count("phone_readings", len(town.of(story.CLERK).get(f"/requests/{request}/readings")["items"]))
    town.of(name).post(f"/requests/{request}/start")


def finish(town: Town, request: str, name: str, result: str = RESULT) -> None:
    """The handler says what was done."""
    town.of(name).post(f"/requests/{request}/finish", {"result": result})


def sign(town: Town, ask: Ask, request: str, *, done: bool, reason: str | None = None) -> str:
    """签收 by whom it is for, or on his word. Returns the state after it."""
    client, on_word = signer_of(town, ask)
    body = {"done": done, "on_word": on_word, **({"reason": reason} if reason else {})}
    return str(client.post(f"/requests/{request}/sign-off", body)["state"])


def rate(town: Town, telling: Telling, number: int, request: str) -> None:
    """评分: a token on the phone of whom it is for, and later, without login, the ballot."""
    if number not in residents_ratings.RATED:
        return
    ticket = town.of(residents_ratings.ask_of(number).who).post(f"/requests/{request}/ballot-token")
    ballot = {"token": ticket["token"], "cell": ticket["cell"], "answers": residents_ratings.ballot_of(number)}
    thanks = Client(town.base).post("/b", ballot)
    telling.count("ballots_posted", int(bool(thanks["thanks"])))


def wait_for_jobs(town: Town) -> None:
    """Until what the last jump of the clock made due has been done."""
    time.sleep(ROUSED_S)
    posters.until(lambda: _queued(town), lambda left: left == 0)


def _queued(town: Town) -> int:
    ready = town.sim.http.get(f"{town.base}/readyz", timeout=TIMEOUT_S).json()
    return sum(ready["redis"]["queues"].values())


def wake_up(town: Town, *names: str) -> None:
    """People open the mini-program again: WeChat knows them as present."""
    for name in names:
        phones.sign_in(town.phones[name])
