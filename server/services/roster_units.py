"""Planning and writing the import of units (mission row A2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from server.db import vault
from server.db.base import new_public_id
from server.db.models.orgs import OrgNode, Unit
from server.domain.days import local_day
from server.domain.orgs import Level, UnitCategory
from server.domain.rosters import CellError, Line, Parsed
from server.services import orgs
from server.services.roster_plans import Plan, Progress, Supply, batches, community_of
from server.services.units import CONTACT, contact_of

PLAIN = ("name", "uscc", "category", "address", "superior")
DEFAULTS = {"uscc": None, "category": UnitCategory.OTHER, "address": None, "superior": None, "contact_name": None, "contact_phone": None}


@dataclass(frozen=True)
class Known:
    """The units that may be meant: by credit code (anywhere), by community and name."""

    by_uscc: Mapping[str, Unit]
    by_name: Mapping[tuple[int, str], Unit]
    within: frozenset[int]

    def find(self, community_id: int, name: str, uscc: str | None) -> Unit | None:
        """By code, else by name; a namesake with another code is another unit."""
        if uscc and uscc in self.by_uscc:
            return self.by_uscc[uscc]
        same = self.by_name.get((community_id, name))
        return same if same is not None and not (uscc and same.uscc) else None


def plan(session: Session, *, node: OrgNode, parsed: Parsed, supply: Supply, now: datetime, progress: Progress) -> Plan:
    """Compare the sheet with what is there."""
    located, doubtful, errors = _locate(session, node, parsed, now)
    known = _known(session, node, (*parsed.lines, *parsed.broken))
    inserts: list[Mapping[str, Any]] = []
    updates: list[Mapping[str, Any]] = []
    seen: dict[object, int] = {}
    unchanged = 0
    for line, community_id in located:
        unit, wrong = _judge(parsed, line, community_id, known, seen)
        errors += wrong
        if wrong:
            continue
        if unit is None:
            inserts.append({**DEFAULTS, **_given(line), "community_id": community_id})
        elif _differs(unit, line, community_id):
            updates.append({"id": unit.id, "unit": unit, **_given(line), "community_id": community_id, "archived_at": None})
        else:
            unchanged += 1
    for line, somewhere in doubtful:
        errors += _judge(parsed, line, somewhere, known, seen)[1]
    progress("比对", len(located), len(located))
    return Plan(tuple(inserts), tuple(updates), unchanged, tuple(errors))


def write(session: Session, *, plan: Plan, import_id: int, now: datetime, progress: Progress) -> None:
    """Insert and update in batches (an import's units keep no import id: units are managed by hand as well)."""
    done, total = 0, len(plan.inserts) + len(plan.updates)
    for some in batches(plan.inserts):
        session.execute(insert(Unit), [_new(item, now) for item in some])
        done += len(some)
        progress("写入", done, total)
    for some in batches(plan.updates):
        session.execute(update(Unit), [_again(item) for item in some])
        for item in some:
            session.expire(item["unit"])
        done += len(some)
        progress("写入", done, total)


Placed = tuple[Line, int]
Doubtful = tuple[Line, int | None]


def _locate(session: Session, node: OrgNode, parsed: Parsed, now: datetime) -> tuple[list[Placed], list[Doubtful], list[CellError]]:
    """The community of each line: what it says, else the one the import is for. `Doubtful` are lines with something wrong."""
    communities = orgs.community_names(session, on=local_day(now), below=node.path)
    own = node.id if node.level is Level.COMMUNITY else None
    located: list[Placed] = []
    doubtful: list[Doubtful] = []
    errors: list[CellError] = []
    whole = {line.number for line in parsed.lines}
    for line in (*parsed.lines, *parsed.broken):
        word = line.values.get("community")
        community_id, why = community_of(word, communities) if word else (own, "" if own else "所在社区必须填写")
        if community_id is None and parsed.says(line, "community"):
            errors.append(parsed.error(line, "community", why))
        if community_id is not None and line.number in whole:
            located.append((line, community_id))
        else:
            doubtful.append((line, community_id if parsed.says(line, "community") else None))
    return located, doubtful, errors


def _judge(
    parsed: Parsed, line: Line, community_id: int | None, known: Known, seen: dict[object, int]
) -> tuple[Unit | None, list[CellError]]:
    """The unit that is meant, as far as the row can say it, and why it is refused: another community's, or named before in this file."""
    name, uscc = line.values.get("name"), line.values.get("uscc")
    placed = community_id is not None and name is not None and parsed.says(line, "uscc")
    unit = known.find(community_id or 0, name or "", uscc) if placed or uscc else None
    wrong: list[CellError] = []
    if unit is not None and unit.id not in known.within:
        wrong.append(parsed.error(line, "uscc", "这个单位登记在别的社区，请联系区县办理迁移"))
    key = unit.id if unit is not None else (uscc or ((community_id, name) if placed else None))
    if key is not None and (twice := _named_before(line, key, seen)):
        wrong.append(parsed.error(line, "name", twice))
    return unit, wrong


def _known(session: Session, node: OrgNode, lines: Sequence[Line]) -> Known:
    within = select(Unit).join(OrgNode, OrgNode.id == Unit.community_id).where(OrgNode.path.startswith(node.path, autoescape=True))
    here = session.execute(within).scalars().all()
    by_uscc = {unit.uscc: unit for unit in here if unit.uscc}
    codes = sorted({line.values["uscc"] for line in lines if line.values.get("uscc")} - by_uscc.keys())
    for some in batches(codes):
        elsewhere = session.execute(select(Unit).where(Unit.uscc.in_(some))).scalars()
        by_uscc.update({unit.uscc: unit for unit in elsewhere if unit.uscc})
    by_name = {(unit.community_id, unit.name): unit for unit in sorted(here, key=lambda unit: (unit.uscc is None, -unit.id))}
    return Known(by_uscc, by_name, frozenset(unit.id for unit in here))


def _named_before(line: Line, key: object, seen: dict[object, int]) -> str:
    """Why a unit that this file has named already is refused; '' the first time."""
    first = seen.setdefault(key, line.number)
    return f"与第 {first} 行是同一个单位，请删去一行" if first != line.number else ""


def _given(line: Line) -> dict[str, Any]:
    """What the file says; a column that is not there says nothing, an empty code does not take a known one away."""
    given = {key: line.values[key] for key in (*PLAIN, *CONTACT) if key in line.values}
    if not given.get("uscc"):
        given.pop("uscc", None)
    return given


def _differs(unit: Unit, line: Line, community_id: int) -> bool:
    given = _given(line)
    contact = contact_of(unit)
    now = {key: getattr(unit, key) for key in PLAIN} | {"contact_name": contact.name or None, "contact_phone": contact.phone or None}
    moved = unit.community_id != community_id or unit.archived_at is not None
    return moved or any(now[key] != value for key, value in given.items())


def _new(item: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    salt, public_id = vault.new_salt(), new_public_id()
    return {**_contact(item, salt, public_id), "public_id": public_id, "salt": salt, "created_at": now}


def _again(item: Mapping[str, Any]) -> dict[str, Any]:
    unit: Unit = item["unit"]
    given = {key: value for key, value in item.items() if key != "unit"}
    return _contact({**given, "version": unit.version + 1}, unit.salt, unit.public_id)


def _contact(item: Mapping[str, Any], salt: bytes, public_id: str) -> dict[str, Any]:
    """The same values with the contact sealed."""
    sealed = {key: vault.seal(salt, f"unit.{key}", public_id, item[key]) if item[key] else None for key in CONTACT if key in item}
    return {**item, **sealed}
