"""The secretary of one community opens her own pages and puts ids of another into their forms and addresses: nothing is done.

The forms are those that the pages show, so a new field that names an object is tried as soon as there is a page with it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from html.parser import HTMLParser
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from server.db.base import Base, reading, transaction
from server.db.models.orgs import Unit
from server.db.models.people import Person, StaffLogin
from server.db.models.platform import Event
from server.db.models.registrations import MemberRegistration
from server.db.models.requests import RequestOffer
from server.db.models.reviews import ReviewItem
from server.db.models.rosters import RosterEntry
from server.domain.orgs import Level
from server.domain.permissions import SYSTEM, Role
from server.services import orgs
from tests.console.conftest import Seat, seat_of, sit_down
from tests.console.scope_world import PLACEHOLDER, address, fill
from tests.console.test_scope import NOT_LISTED, TYPED, WITH_ID, WITHOUT
from tests.factories.people import Tree, with_role

ID = re.compile(r"(?<![0-9A-Z])[0-9A-HJKMNP-TV-Z]{13}(?![0-9A-Z])")
NOT_MINE = ("/account", "/undos", "/audit", "/keys", "/policies")  # one's own, or of the whole county
KIND = dict[str, str]
# What makes a form right, where the usual words do not; a button that is not the form's own errand is not pressed.
FILLED: dict[str, str] = {
    **TYPED,
    "ended_at": "2026-03-05T08:55", "starts_at": "2026-03-06T09:00", "ends_at": "2026-03-06T11:00", "valid_to": "", "number": "",
    "phone": "13912340123", "guardian_phone": "13912340124", "name-0": "王奶奶", "category-0": "噪音扰民",
}  # fmt: skip
OVER = {"started_at": "2026-03-05T08:35"}  # instead of what the form proposes
BUTTONS = ("find", "more")
SHEET = "姓名,手机号,类别,诉求内容\n王奶奶,13800001234,噪音扰民,楼上半夜装修\n"
ONCE = count(1)
MOST = 4  # ids tried of a kind
ONE_OF_MANY = re.compile(r"-\d+$")


@dataclass
class Form:
    """A form as a page shows it: where it goes, and each field with its possible values."""

    action: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    ticks: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)


class Reader(HTMLParser):
    """The posting forms of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.page, self.forms, self.open, self.select = page, list[Form](), False, ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.open = said.get("method", "").lower() == "post"
            if self.open:
                self.forms.append(Form(said.get("action") or self.page))
        elif self.open and tag in ("input", "select", "textarea", "button") and said.get("name"):
            form = self.forms[-1]
            values = form.fields.setdefault(said["name"], [])
            self.select = said["name"] if tag == "select" else ""
            if tag != "select":
                values.append(said.get("value", ""))
            if said.get("type") in ("checkbox", "radio"):
                form.ticks.add(said["name"])
            if said.get("type") == "file":
                form.files.add(said["name"])
        elif self.open and tag == "option" and self.select:
            self.forms[-1].fields[self.select].append(said.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.open = False
        elif tag == "select":
            self.select = ""


@dataclass(frozen=True)
class Sides:
    """Both communities: ids of the world by name; public id → table, of everything that each has alone."""

    theirs: Mapping[str, str]
    mine: Mapping[str, str]
    their_kinds: KIND
    my_kinds: KIND
    seat: Seat


def kinds(session: Session) -> KIND:
    """Every public id there is, and its table."""
    tables = [table for table in Base.metadata.sorted_tables if "public_id" in table.c]
    return {row[0]: table.name for table in tables for row in session.execute(select(table.c.public_id))}


@pytest.fixture
def sides(app: Flask, tree: Tree, now: datetime) -> Sides:
    with transaction() as session:
        shared = set(kinds(session))
        who = with_role(session, now, Role.SECRETARY, tree.community, "书记公孙")
        sit_down(app, session, who, now)
        theirs = fill(session, tree, who, now)
        session.execute(update(Unit).values(uscc=None))  # numbers and names of which there is one in the county
        session.execute(update(StaffLogin).values(login="clerk-there"))
        session.execute(update(RosterEntry).values(name_hash=RosterEntry.public_id))  # of the same name, an entry elsewhere may be his
        before = kinds(session)
    with transaction() as session:
        here = mirrored(session, tree)
        me = with_role(session, now, Role.SECRETARY, here.community, "赵书记")
        sit_down(app, session, me, now)
        mine = fill(session, here, me, now)
        after = kinds(session)
        here_too = select(MemberRegistration.person_id).where(MemberRegistration.community_id == here.community.id)
        moved = set(session.execute(select(Person.public_id).where(Person.id.in_(here_too))).scalars())  # with his unit: she knows both
        units = select(Person.unit_id).where(Person.id.in_(here_too), Person.unit_id.is_not(None))
        moved |= set(session.execute(select(Unit.public_id).where(Unit.id.in_(units))).scalars())
        latest: dict[str, Any] = {"offer": RequestOffer, "review_item": ReviewItem}
        for name, model in latest.items():  # fill() takes the first there is, which is theirs
            mine = {**mine, name: session.execute(select(model).order_by(model.id.desc()).limit(1)).scalar_one().public_id}
    there = {one: kind for one, kind in before.items() if one not in shared} | {tree.community.public_id: "org_node"}
    for one in moved:
        there.pop(one, None)
    there |= {node.public_id: "org_node" for node in (tree.grid, tree.estate, tree.building)}
    seat = seat_of(app, now, Role.SECRETARY, tree.neighbour, "钱书记")
    return Sides(theirs, mine, there, {one: kind for one, kind in after.items() if one not in before}, seat)


def mirrored(session: Session, tree: Tree) -> Tree:
    """The same county seen from the neighbour, who has places of his own."""

    def add(parent: Any, level: Level, name: str) -> Any:
        return orgs.create(session, parent=parent, level=level, name=name, valid_from=date(2026, 1, 1), actor=SYSTEM, now=tree_now)

    tree_now = datetime.fromisoformat("2026-01-01T09:00+08:00")
    here = session.merge(tree.neighbour)
    estate = add(here, Level.ESTATE, "邻近小区")
    grid = add(estate, Level.GRID, "邻近网格")
    building = add(grid, Level.BUILDING, "9幢")
    return replace(tree, community=here, neighbour=session.merge(tree.community), estate=estate, grid=grid, building=building)


def events() -> int:
    with reading() as session:
        return session.execute(select(func.count()).select_from(Event)).scalar_one()


@dataclass(frozen=True)
class Said:
    """The answer to a form, and whether anything was done."""

    status: int
    text: str
    did: bool

    @property
    def why(self) -> list[str]:
        return re.findall(r"</span> ([^<]+)</p>", self.text)


def send(seat: Seat, form: Form, typed: Mapping[str, str]) -> Said:
    before = events()
    files = {"file": (io.BytesIO(SHEET.encode()), "a.csv")} if "file" in form.files else {}
    answer = seat.client.post(form.action, data={**typed, **files, "once": f"once-{next(ONCE)}"})
    return Said(answer.status_code, answer.get_data(as_text=True), events() != before)


def forms_of(sides: Sides) -> Iterator[Form]:
    """Every posting form on her pages, one of a kind (address without ids, fields)."""
    seen: set[tuple[str, tuple[str, ...]]] = set()
    for spot in (*WITH_ID, *WITHOUT):
        if "GET" not in spot.methods or spot.rule.startswith(NOT_MINE):
            continue
        path = address(spot, sides.mine) if "<" in spot.rule else f"/console{spot.rule}"
        answer = sides.seat.client.get(path)
        if answer.status_code != 200 or answer.mimetype != "text/html":
            continue
        reader = Reader(path)
        reader.feed(answer.get_data(as_text=True))
        for form in reader.forms:
            kind = (ID.sub("*", urlsplit(form.action).path), tuple(sorted(form.fields)))
            if kind not in seen and not form.action.removeprefix("/console").startswith((*NOT_MINE, "/sign-out")):
                seen.add(kind)
                yield form


def named(form: Form, mine: KIND) -> dict[str, tuple[list[str], str]]:
    """The fields in which an object of hers stands, with such values and the object's table."""
    found: dict[str, tuple[list[str], str]] = {}
    for name, values in form.fields.items():
        for value in values:
            ids = [one for one in ID.findall(value) if one in mine]
            if ids and name not in ("csrf", "once", "back", "at", "here"):
                found.setdefault(name, ([], mine[ids[0]]))[0].append(value)
    return found


def filled(form: Form, but: str) -> dict[str, str]:
    """What somebody fills in: hidden fields as they are, the first choice, some words; other boxes are not ticked."""
    said: dict[str, str] = {}
    for name, values in form.fields.items():
        usual = next((value for value in values if value), "")
        if name == but or name in BUTTONS or name in form.files or (name in form.ticks and len(values) == 1):
            continue
        other = "" if ONE_OF_MANY.search(name) else "试一试原因"
        said[name] = OVER.get(name) or usual or str(FILLED.get(name, other))
    return said


@pytest.mark.timeout(600)
def test_a_form_of_ones_own_takes_no_object_of_another_community(sides: Sides) -> None:
    """Refused as not there, or as not offered; else the same form with an object of hers works, so that nothing but the id was wrong."""
    wrong, tried, proved = [], set(), set()
    for form in forms_of(sides):
        for name, (values, kind) in named(form, sides.my_kinds).items():
            at = f"{ID.sub('*', urlsplit(form.action).path)} {name}"
            tried.add(at)
            others = [one for one, its in sides.their_kinds.items() if its == kind][:MOST]
            answers = [send(sides.seat, form, filled(form, name) | {name: ID.sub(other, values[0])}) for other in others]
            clear = all(one.status in (403, 404) or NOT_LISTED in one.text for one in answers)
            if not answers or any(one.did or one.status >= 500 for one in answers):
                wrong.append(f"{at}: {[(one.status, one.did) for one in answers]}")
            elif clear or at in proved or any(send(sides.seat, form, filled(form, name) | {name: value}).did for value in values[::-1]):
                proved.add(at)
            else:
                wrong.append(f"{at}: refused for another reason, {[(one.status, one.why) for one in answers]}")
    assert len(tried) > 20
    assert not wrong, "\n".join(wrong)


@pytest.mark.timeout(600)
def test_an_address_of_ones_own_takes_no_object_of_another_community(sides: Sides) -> None:
    """/teams/<mine>/members/<theirs>/lead: the first id is hers, the second is not."""
    wrong, tried, token = [], 0, re.findall(r'name="csrf" value="([0-9a-f]+)"', sides.seat.html)[0]
    for spot in WITH_ID:
        if len(PLACEHOLDER.findall(spot.rule)) < 2 or spot.rule.startswith(NOT_MINE):
            continue
        mine, theirs = address(spot, sides.mine).split("/"), address(spot, sides.theirs).split("/")
        places = [place for place, (one, other) in enumerate(zip(mine, theirs, strict=True)) if one != other]
        for place in places[1:]:
            path, before = "/".join([*mine[:place], theirs[place], *mine[place + 1 :]]), events()
            tried += 1
            for method in spot.methods:
                answer = sides.seat.client.open(path, method=method, data={"csrf": token, "back": "/console", **TYPED})
                if events() != before or answer.status_code not in (303, 404, 403):
                    wrong.append(f"{method} {path}: {answer.status_code}")
    assert tried > 3
    assert not wrong, "\n".join(wrong)
