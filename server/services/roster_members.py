"""Planning and writing the import of members: set by set, never a statement a row (mission row A2)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from server.db import vault
from server.db.base import new_public_id
from server.db.models.orgs import OrgNode, Unit, UnitBranch
from server.db.models.rosters import RosterEntry
from server.domain.days import local_day
from server.domain.people import MemberType
from server.domain.rosters import CellError, EntryState, Line, Parsed
from server.services import orgs
from server.services.roster_plans import Plan, Progress, Supply, batches, community_of

Key = tuple[int, str, str]  # unit id, hash of the name, hash of the phone
NAME, PHONE = "roster_entry.name", "roster_entry.phone"
COMPARED = select(
    RosterEntry.id, RosterEntry.public_id, RosterEntry.salt, RosterEntry.unit_id, RosterEntry.name_hash, RosterEntry.phone_hash,
    RosterEntry.community_id, RosterEntry.member_type, RosterEntry.exempt, RosterEntry.state, RosterEntry.supplied_by,
    RosterEntry.basis, RosterEntry.valid_until, UnitBranch.name.label("branch"),
).outerjoin(UnitBranch, UnitBranch.id == RosterEntry.branch_id)  # fmt: skip
DEFAULTS = {"branch": None, "community_id": None, "member_type": MemberType.IN_SERVICE, "exempt": None}


@dataclass(frozen=True)
class Found:
    """A line whose unit and community were found."""

    line: Line
    key: Key
    fields: Mapping[str, Any]


def plan(session: Session, *, node: OrgNode, parsed: Parsed, supply: Supply, now: datetime, progress: Progress) -> Plan:
    """Compare the sheet with what is there. `fields` of an insert or update still name the branch by its name."""
    found, doubtful, errors = _locate(session, node, parsed, supply, now)
    fresh, doubles = _without_doubles(parsed, found, doubtful)
    existing = _match(fresh, _existing(session, fresh, progress))
    inserts: list[Mapping[str, Any]] = []
    updates: list[Mapping[str, Any]] = []
    for member in fresh:
        row = existing.get(member.key)
        if row is None:
            key = dict(zip(("unit_id", "name_hash", "phone_hash"), member.key, strict=True))
            inserts.append({**key, "person": member.line.values, **DEFAULTS, **member.fields})
        elif changed := _changes(row, member):
            updates.append({"id": row.id, "unit_id": row.unit_id, **changed})
    updates.sort(key=lambda item: "phone" in item)  # one statement for those with the same columns
    return Plan(tuple(inserts), tuple(updates), len(fresh) - len(inserts) - len(updates), (*errors, *doubles))


def write(session: Session, *, plan: Plan, import_id: int, now: datetime, progress: Progress) -> None:
    """Insert and update in batches."""
    branches = _branches(session, plan)
    done, total = 0, len(plan.inserts) + len(plan.updates)
    for some in batches(plan.inserts):
        session.execute(insert(RosterEntry), [_sealed(item, branches, import_id, now) for item in some])
        done += len(some)
        progress("写入", done, total)
    for some in batches(plan.updates):
        session.execute(update(RosterEntry), [_stored(item, branches, import_id, now) for item in some])
        done += len(some)
        progress("写入", done, total)


def _locate(
    session: Session, node: OrgNode, parsed: Parsed, supply: Supply, now: datetime
) -> tuple[list[Found], list[tuple[Line, Key]], list[CellError]]:
    """Find the unit and the community each line names; of lines with something wrong only who is meant, where that can be said."""
    units = _units(session, node)
    communities = orgs.community_names(session, on=local_day(now))
    found: list[Found] = []
    doubtful: list[tuple[Line, Key]] = []
    errors: list[CellError] = []
    whole = {line.number for line in parsed.lines}
    for line in (*parsed.lines, *parsed.broken):
        wrong = len(errors)
        unit_id, no_unit = _unit(line, units)
        community_id, no_community = _community(line, communities)
        errors += [parsed.error(line, key, why) for key, why in (("unit", no_unit), ("community", no_community)) if why]
        if unit_id is None or not (parsed.says(line, "name") and parsed.says(line, "phone")):
            continue
        key = _key(unit_id, line.values)
        if line.number in whole and len(errors) == wrong:
            found.append(Found(line, key, _fields(line, community_id, supply)))
        else:
            doubtful.append((line, key))
    return found, doubtful, errors


def _units(session: Session, node: OrgNode) -> Mapping[str, Sequence[int]]:
    """Ids of the units below the node, by name and by credit code."""
    found: dict[str, list[int]] = defaultdict(list)
    rows = session.execute(
        select(Unit.id, Unit.name, Unit.uscc)
        .join(OrgNode, OrgNode.id == Unit.community_id)
        .where(OrgNode.path.startswith(node.path, autoescape=True), Unit.archived_at.is_(None))
    )
    for row in rows:
        for word in {vault.normalise(row.name).upper(), row.uscc} - {None}:
            found[word].append(row.id)
    return found


def _unit(line: Line, units: Mapping[str, Sequence[int]]) -> tuple[int | None, str]:
    """The unit's id, or None and why; nothing is said of a cell that could not be read."""
    if "unit" not in line.values:
        return None, ""
    ids = units.get(vault.normalise(line.values["unit"]).upper(), ())
    if len(ids) == 1:
        return ids[0], ""
    return None, "有重名的单位，请改填统一社会信用代码" if ids else "没有找到这个单位，请先导入单位名册或核对名称"


def _community(line: Line, communities: Mapping[str, frozenset[int]]) -> tuple[int | None, str]:
    word = line.values.get("community")
    return community_of(word, communities) if word else (None, "")


def _key(unit_id: int, values: Mapping[str, Any]) -> Key:
    return unit_id, vault.lookup_hash("name", values["name"]), vault.lookup_hash("phone", values.get("phone") or "")


def _fields(line: Line, community_id: int | None, supply: Supply) -> dict[str, Any]:
    """What the file says about the member; a column that is not there says nothing."""
    given = {key: line.values[key] for key in ("branch", "member_type", "exempt") if key in line.values}
    if "community" in line.values:
        given["community_id"] = community_id
    until = line.values.get("valid_until") or supply.valid_until
    return {**given, "state": EntryState.LISTED, "supplied_by": supply.by, "basis": supply.basis, "valid_until": until}


def _without_doubles(parsed: Parsed, found: Sequence[Found], doubtful: Sequence[tuple[Line, Key]]) -> tuple[list[Found], list[CellError]]:
    """Each person once; a row with something wrong is told as well that it names somebody a second time."""
    fresh = list({member.key: member for member in reversed(found)}.values())[::-1]
    first = {member.key: member.line.number for member in fresh}
    errors: list[CellError] = []
    for line, key in (*((member.line, member.key) for member in found), *doubtful):
        kept = first.setdefault(key, line.number)
        if kept != line.number:
            errors.append(parsed.error(line, "name", f"与第 {kept} 行是同一个人，请删去一行"))
    return fresh, errors


def _match(found: Sequence[Found], entries: Mapping[tuple[int, str], Sequence[Any]]) -> Mapping[Key, Any]:
    """Key → the entry there is. Where only one side has a phone and the name stands alone in the unit on both, it is the same person."""
    alone = Counter(member.key[:2] for member in found)
    matched: dict[Key, Any] = {}
    for member in found:
        same = entries.get(member.key[:2], ())
        exact = next((row for row in same if row.phone_hash == member.key[2]), None)
        if exact is None and len(same) == 1 and alone[member.key[:2]] == 1:
            no_phone = vault.lookup_hash("phone", "")
            exact = same[0] if no_phone in (same[0].phone_hash, member.key[2]) else None
        if exact is not None:
            matched[member.key] = exact
    return matched


def _existing(session: Session, found: Sequence[Found], progress: Progress) -> Mapping[tuple[int, str], Sequence[Any]]:
    """The entries there are with these names, by unit and name."""
    names = sorted({member.key[1] for member in found})
    entries: dict[tuple[int, str], list[Any]] = defaultdict(list)
    done = 0
    for some in batches(names):
        for row in session.execute(COMPARED.where(RosterEntry.name_hash.in_(some))):
            entries[row.unit_id, row.name_hash].append(row)
        done += len(some)
        progress("比对", done, len(names))
    return entries


def _changes(row: Any, member: Found) -> dict[str, Any]:
    """All the file says about the member where any of it is new, with the sealed phone where the entry had none; else nothing."""
    phone = member.line.values.get("phone")
    more: dict[str, Any] = {}
    if phone and row.phone_hash != member.key[2]:
        more = {"phone": vault.seal(row.salt, PHONE, row.public_id, phone), "phone_hash": member.key[2]}
    same = all(getattr(row, key) == value for key, value in member.fields.items())
    return {} if same and not more else {**member.fields, **more}


def _branches(session: Session, plan: Plan) -> Mapping[tuple[int, str], int]:
    """Ids of the branches the plan names; those that are missing are made."""
    wanted = {(item["unit_id"], item["branch"]) for item in (*plan.inserts, *plan.updates) if item.get("branch")}
    known = _known_branches(session, wanted)
    missing = sorted(wanted - known.keys())
    for some in batches(missing):
        rows = [{"public_id": new_public_id(), "unit_id": unit_id, "name": name} for unit_id, name in some]
        session.execute(insert(UnitBranch), rows)
    return _known_branches(session, wanted) if missing else known


def _known_branches(session: Session, wanted: Iterable[tuple[int, str]]) -> dict[tuple[int, str], int]:
    known: dict[tuple[int, str], int] = {}
    for some in batches(sorted({unit_id for unit_id, _name in wanted})):
        rows = session.execute(select(UnitBranch.unit_id, UnitBranch.name, UnitBranch.id).where(UnitBranch.unit_id.in_(some)))
        known.update({(row.unit_id, row.name): row.id for row in rows})
    return known


def _stored(item: Mapping[str, Any], branches: Mapping[tuple[int, str], int], import_id: int, now: datetime) -> dict[str, Any]:
    """Planned values as columns: the branch by its id."""
    values = {key: value for key, value in item.items() if key not in ("branch", "person")}
    if "branch" in item:
        values["branch_id"] = branches[item["unit_id"], item["branch"]] if item["branch"] else None
    return {**values, "import_id": import_id, "updated_at": now}


def _sealed(item: Mapping[str, Any], branches: Mapping[tuple[int, str], int], import_id: int, now: datetime) -> dict[str, Any]:
    """A new entry: name and phone sealed under a salt of its own."""
    salt, public_id, person = vault.new_salt(), new_public_id(), item["person"]
    phone = person.get("phone")
    return {
        **_stored(item, branches, import_id, now),
        "public_id": public_id,
        "salt": salt,
        "name": vault.seal(salt, NAME, public_id, person["name"]),
        "phone": vault.seal(salt, PHONE, public_id, phone) if phone else None,
    }
