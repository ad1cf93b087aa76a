"""Publishing, claiming, being there, reporting back, confirming: each one call or two of the phone API."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Any

from server.demo import phones, plan, story
from server.demo.client import Refused
from server.demo.community import Town
from server.demo.phones import Json
from server.demo.plan import TaskPart
from server.demo.telling import Telling
from server.domain.days import SHANGHAI


def at(town: Town, day: int, hour: str, *, seconds: int = 0) -> datetime:
    """A moment of the week: `day` 0 is Monday, `hour` such as 09:00 is local."""
    local = datetime.combine(town.monday + timedelta(days=day), time.fromisoformat(hour), SHANGHAI)
    return local.astimezone(UTC) + timedelta(seconds=seconds)


def publish(town: Town, key: str) -> Json:
    """The clerk drafts a task of the plan, 陈组长 organises it; the secretary publishes. Returns it."""
    part = plan.TASKS[key]
    last = part.day + int(part.more.get("days", 0))
    return publish_part(town, key, part, at(town, part.day, part.start), at(town, last, part.end))


def publish_part(town: Town, key: str, part: TaskPart, starts_at: datetime, ends_at: datetime) -> Json:
    """Publish a task at these times and remember its id under `key`."""
    more = {name: value for name, value in part.more.items() if name != "days"}
    unit = {"unit": town.units[story.SCHOOL]} if part.mode == "pair" else {}
    body = {
        "community": town.home, "kind": part.kind, "mode": part.mode, "title": part.title, "category": part.category,
        "content": f"{part.title}：集合地点{part.place}，工具由社区准备。", "place": part.place, "starts_at": starts_at.isoformat(),
        "ends_at": ends_at.isoformat(), "planned_minutes": part.minutes, "capacity": part.capacity, "risk_note": plan.RISK,
        "organiser": town.people[story.ORGANISER], "grid": town.nodes["第一网格"], **unit, **more,
    }  # fmt: skip
    made: Json = town.of(story.CLERK).post("/tasks", body)
    town.tasks[key] = made["id"]
    if part.kind == "post":
        return made  # published once it has its shifts
    return publish_draft(town, key)


def publish_draft(town: Town, key: str) -> Json:
    """The secretary publishes a draft."""
    said: Json = town.of(story.SECRETARY).post(f"/tasks/{town.tasks[key]}/publish")
    return said


def add_shift(town: Town, key: str, day: int) -> str:
    """An evening of the patrol. Returns the shift's id."""
    start, end, capacity = plan.SHIFT
    body = {"starts_at": at(town, day, start).isoformat(), "ends_at": at(town, day, end).isoformat(), "capacity": capacity}
    return str(town.of(story.CLERK).post(f"/tasks/{town.tasks[key]}/shifts", body)["id"])


def claim(town: Town, key: str, name: str, *, shift: str | None = None) -> Json:
    """Somebody takes a place. Raises Refused."""
    made: Json = town.of(name).post(f"/tasks/{town.tasks[key]}/claims", {"shift": shift} if shift else {})
    town.claims[key, name] = made["id"]
    return made


def refusal_of(act: Callable[[], Any]) -> str:
    """The code with which the service refuses; '' where it does not."""
    try:
        act()
    except Refused as refused:
        return refused.code
    return ""


def presence(town: Town, key: str, name: str, direction: str = "in") -> Json:
    """Somebody scans the code of a task that he has before him; his record is remembered."""
    said = phones.check(town.phones[name], town.codes[key], direction)
    town.records[key, name] = said["record"]
    return said


def upload(town: Town, name: str, picture: bytes) -> str:
    """A picture for a report. Returns its id; the worker re-encodes it."""
    return str(town.of(name).upload("/media", "photo.jpg", picture)["id"])


def report(town: Town, key: str, name: str, text: str, media: Iterable[str] = ()) -> Json:
    """Half a minute after the work: what was done, a picture if he likes."""
    said: Json = town.of(name).post(f"/records/{town.records[key, name]}/report", {"text": text, "media": list(media)})
    return said


def confirm_all(town: Town, by: str, pairs: Iterable[tuple[str, str]], **word: Any) -> Json:
    """One word for many records: {"done": [...], "failed": [{id, code}]}."""
    said: Json = town.of(by).post("/records/confirm", {"ids": [town.records[pair] for pair in pairs], **word})
    return said


def name_of_record(town: Town, record: str) -> str:
    """Whose record it is."""
    return next(name for (_, name), known in town.records.items() if known == record)


def report_and_confirm(
    town: Town, telling: Telling, key: str, names: Iterable[str], *, by: str, reported: Iterable[str] = (), **word: Any
) -> None:
    """Everybody who has not yet reports a line; one person confirms them all."""
    everybody = tuple(names)
    for name in (name for name in everybody if name not in reported):
        telling.count("reports_made", int(report(town, key, name, "按要求完成")["state"] == "reported"))
    telling.count("records_confirmed", len(confirm_all(town, by, [(key, name) for name in everybody], **word)["done"]))
