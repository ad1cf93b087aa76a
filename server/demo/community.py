"""Setting 示例社区 up as a county would: the tree, the staff, rosters from a real xlsx, units and members reporting in."""

from __future__ import annotations

import re
import secrets
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from server.demo import desks, phones, sheets, story
from server.demo.client import Client
from server.demo.devices import Clocks, Device
from server.demo.phones import Json, Phone
from server.domain import passwords

STAFF_PASSWORD = re.compile(r"密码 (\S+?)（")
SUPPLY = {"supplied_by": "示例县委组织部", "basis": "在职党员到社区报到名册共享协议（示例）", "valid_until": "2099-12-31"}


@dataclass
class Town:
    """What the players know: where the service is, the week, phones and ids by name, codes as they were read, records by task and name."""

    base: str
    sim: Device
    clocks: Clocks
    officer: Client
    password: str
    monday: date
    phones: dict[str, Phone] = field(default_factory=dict)
    nodes: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    tasks: dict[str, str] = field(default_factory=dict)
    shifts: list[str] = field(default_factory=list)
    codes: dict[str, str] = field(default_factory=dict)
    claims: dict[tuple[str, str], str] = field(default_factory=dict)
    records: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def home(self) -> str:
        """The public id of 示例社区."""
        return self.nodes[story.COMMUNITY]

    def of(self, name: str) -> Client:
        """The signed-in client of a person."""
        return self.phones[name].api


def found(base: str, clocks: Clocks, monday: date) -> Town:
    """The county's first login (the one thing HTTP cannot do) and the tree under it."""
    given = _first_password()
    town = Town(base, clocks.sim, clocks, Client(base), new_password(), monday)
    first_sign_in(town.officer, "county", given, town.password)
    officer = town.officer
    town.nodes[story.COUNTY] = officer.get("/orgs", deepest="county")["items"][0]["id"]
    _add(town, story.COUNTY, "street", story.STREET, "街道党工委组织委员")
    for community in (story.COMMUNITY, story.NEIGHBOUR):
        _add(town, story.STREET, "community", community, "社区党委书记")
    for estate, grids in story.ESTATES.items():
        _add(town, story.COMMUNITY, "estate", estate, "小区党支部书记")
        for grid, buildings in grids.items():
            _add(town, estate, "grid", grid, "专职网格员")
            for building in buildings:
                _add(town, grid, "building", building, "楼栋长")
    return town


def sign_officer_in(town: Town) -> Client:
    """The county's officer types his password; a session of staff ends after fifteen idle minutes, and the demonstration's clock jumps."""
    town.officer.token = town.officer.post("/staff-sessions", {"login": "county", "password": town.password})["token"]
    return town.officer


def new_password() -> str:
    """A password of one's own, of this instance alone."""
    return passwords.generated(secrets.token_bytes(passwords.GENERATED))


def first_sign_in(client: Client, login: str, given: str, own: str) -> None:
    """Nobody works with the password that somebody else gave him."""
    client.token = client.post("/staff-sessions", {"login": login, "password": given, "new": own})["token"]


def open_desk(town: Town, name: str, login: str) -> str:
    """Somebody signs in at the console by phone and makes a login with a password of her own, which is returned."""
    own = new_password()
    desks.make_login(desks.sign_in(town.base, town.phones[name]), login, own)
    return own


def _first_password() -> str:
    """`gongjian staff create` on this instance; the password is shown once. A demonstration has no authenticator."""
    words = ["staff", "create", "--login", "county", "--name", story.OFFICER, "--role", "county", "--county-name", story.COUNTY]
    shown = STAFF_PASSWORD.search(_command(*words))
    if shown is None:
        raise RuntimeError("gongjian staff create did not show a password")
    _command("policy", "set", "staff.second_factor", "0", "--why", "示例社区：演示时只用密码登录")
    return shown.group(1)


def _command(*words: str) -> str:
    """What our own command says. Raises RuntimeError with its complaint."""
    said = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "server", *words], capture_output=True, text=True, check=False, timeout=60
    )
    if said.returncode != 0:
        raise RuntimeError(f"gongjian {' '.join(words[:2])}：{said.stderr.strip()[-400:]}")
    return said.stdout


def _add(town: Town, parent: str, level: str, name: str, post: str) -> None:
    code = {"code": story.CODES[name]} if name in story.CODES else {}
    made = town.officer.post("/orgs", {"parent": town.nodes[parent], "level": level, "name": name, "contact_post": post, **code})
    town.nodes[name] = made["id"]


def welcome(town: Town, name: str) -> Phone:
    """Somebody gets a phone, signs in, agrees, gives his number and, where no roster knows it, his name."""
    phone = switch_on(town, name)
    phones.give_number(phone)
    if not phone.person.get("name"):
        phone.person = phone.api.put("/me", {"name": name})
    town.phones[name] = phone
    town.people[name] = phone.id
    return phone


def switch_on(town: Town, name: str) -> Phone:
    """A new phone: signed in, the first consent given, the number not yet."""
    phone = phones.buy(name, town.base, town.sim, number=phones.number_of(name))
    phone.clock = lambda: round(town.clocks.now().timestamp() * 1000)
    phones.sign_in(phone)
    phones.agree(phone)
    return phone


def appoint_staff(town: Town) -> None:
    """The county appoints the secretaries and the street's officer; the secretary her clerk, organiser and grid worker."""
    by_county = ((story.SECRETARY, "secretary", story.COMMUNITY), (story.NEXT_DOOR, "secretary", story.NEIGHBOUR),
                 (story.STREET_OFFICER, "street", story.STREET))  # fmt: skip
    officer = sign_officer_in(town)
    for name, role, place in by_county:
        welcome(town, name)
        officer.post("/role-grants", {"phone": phones.number_of(name), "role": role, "node": town.nodes[place]})
    by_secretary = ((story.CLERK, "clerk", story.COMMUNITY), (story.ORGANISER, "organiser", story.COMMUNITY),
                    (story.GRID_WORKER, "grid_worker", "第一网格"))  # fmt: skip
    for name, role, place in by_secretary:
        welcome(town, name)
        town.of(story.SECRETARY).post("/role-grants", {"person": town.people[name], "role": role, "node": town.nodes[place]})


def units_file() -> bytes:
    """The roster of units."""
    rows = [(one.name, one.uscc, one.category, story.COMMUNITY, one.liaison, phones.number_of(one.liaison)) for one in story.UNITS]
    return sheets.workbook("示例县共建单位名册", sheets.UNIT_HEAD, rows)


def members_file(*, broken: bool = False) -> bytes:
    """The roster of the forty; `broken` is the first draft, with the three mistakes of story.BROKEN_CELLS."""
    rows = [_member_row(name) for name in story.ALL]
    if broken:
        for row, column, text in story.BROKEN_CELLS:
            rows[row][column] = text
    return sheets.workbook("示例县在职党员名册", sheets.MEMBER_HEAD, rows)


def _member_row(name: str) -> list[str]:
    home = story.NEIGHBOUR if name == story.ELSEWHERE else story.COMMUNITY
    return [name, phones.number_of(name), story.UNIT_OF[name], "第一支部", home, "在职", "2099年12月31日"]


def import_roster(town: Town, kind: str, data: bytes, *, dry_run: bool = False) -> Json:
    """The county hands a roster in; what the service found in it."""
    form = {"kind": kind, "node": town.nodes[story.COUNTY], "dry_run": str(dry_run).lower(), **SUPPLY}
    said: Json = sign_officer_in(town).upload("/roster-imports", f"{kind}.xlsx", data, **form)
    return said


def learn_units(town: Town) -> None:
    """The secretary looks up the ids of the units in her community."""
    town.units.update({unit["name"]: unit["id"] for unit in town.of(story.SECRETARY).pages("/units", community=town.home)})


def appoint_liaisons(town: Town) -> None:
    """One member of each unit may act for it, and reads its branch's report."""
    for unit in story.UNITS:
        for role in ("unit_liaison", "unit_branch"):
            grant = {"person": town.people[unit.liaison], "role": role, "unit": town.units[unit.name]}
            town.of(story.SECRETARY).post("/role-grants", grant)


def register_unit(town: Town, unit: story.UnitPart) -> Json:
    """报到单 → 接收 → 回执. Returns the registration with its receipt."""
    slip = {"leader": f"{unit.name[3:]}负责人", "liaison": unit.liaison, "offers": list(unit.offers)}
    row = town.of(unit.liaison).post(f"/units/{town.units[unit.name]}/registrations", slip)
    clerk = town.of(story.CLERK)
    clerk.post(f"/unit-registrations/{row['id']}/decision", {"action": "accept", "text": "同意接收，欢迎参与共建"})
    said: Json = clerk.post(f"/unit-registrations/{row['id']}/decision", {"action": "send_receipt", "sent_to": "示例县直机关工委"})
    return said


def report_in(town: Town, name: str, *, code: str = "") -> Json:
    """A member reports in on his own phone: with the scanned `code`, or (empty) by choosing the community on the web."""
    body: dict[str, Any] = {"token": code} if code else {"community": town.home}
    said: Json = town.of(name).post("/registrations", {**body, "available_times": ["周末上午"]})
    return said


def report_in_for(town: Town, name: str) -> Json:
    """Somebody without the mini-program: at the door by word of mouth, or on paper at the desk (R6)."""
    paper = name in story.ON_PAPER
    body = {"name": name, "phone": phones.number_of(name), "consent": "paper" if paper else "spoken", "grid": town.nodes["第一网格"]}
    said: Json = town.of(story.CLERK if paper else story.GRID_WORKER).post(f"/communities/{town.home}/registrations", body)
    town.people[name] = said["person_id"]
    return said


def bind_by_hand(town: Town, name: str) -> Json:
    """He keeps his number to himself: a request, and the secretary finds him on the roster. Returns the decided request."""
    phone = switch_on(town, name)
    if phones.give_number(phone, deny=True) is not None:
        raise RuntimeError("a refused number was given all the same")
    town.phones[name], town.people[name] = phone, phone.id
    asked = phone.api.post("/binding-requests", {"community": town.home, "name": name, "unit_name": story.UNIT_OF[name]})
    secretary = town.of(story.SECRETARY)
    best = secretary.get(f"/binding-requests/{asked['id']}/candidates")["items"][0]
    said: Json = secretary.post(f"/binding-requests/{asked['id']}/decision", {"action": "accept", "entry": best["id"]})
    phone.person = phone.api.get("/me")
    return said
