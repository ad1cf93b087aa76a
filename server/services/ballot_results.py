"""What may be shown of ballots, and the three rates of answers by ballot and by call (docs/protocol.md §4, docs/rules.md §4).

A quarter is shown once it is closed, never while it grows: two looks at growing counts could be subtracted from each other. Groups are a
partition (server/domain/ballots.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from server.db.models.ballots import Ballot, Cell
from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import Person
from server.db.models.requests import Request
from server.db.models.sign_offs import Callback, SignOff
from server.domain.ballots import CellKind, Channel, Counts, Group, Satisfaction, Signed, partition, total
from server.domain.days import period_end, start_of
from server.domain.orgs import Level
from server.domain.permissions import Actor, Permission
from server.domain.satisfaction import NOBODY, Answered
from server.domain.sign_offs import Source
from server.services import scopes

RATED = (CellKind.UNIT, CellKind.OWN)
OWN_NAME, MERGED_NAME, STREET_NAME = "社区自办", "其余承办方合并", "各社区余下的合并"


@dataclass(frozen=True)
class Shown:
    """A group with the name of whose doing it is."""

    name: str
    group: Group
    unit: str | None = None
    signed: Signed | None = None  # of a cell that stands alone


@dataclass(frozen=True)
class Results:
    """A place's quarter. `closed` false: not over yet. `handed_up`: something was too little here and counts with the level above."""

    closed: bool
    shown: tuple[Shown, ...]
    handed_up: bool
    by_call: Answered


def of_node(session: Session, node: OrgNode, *, quarter: date, actor: Actor) -> Results:
    """The quarter (its first day) of a community, or what its communities handed up to a street. Raises NOT_FOUND out of scope."""
    scopes.require(session, actor, Permission.TALLIES_READ, node.id)
    if node.level is Level.STREET:
        return _of_street(session, node, quarter)
    cells = _cells(session, [node.id], quarter)
    closed = bool(cells) and all(cell.closed_on is not None for cell in cells)
    groups = _groups(session, cells)[0] if closed else []
    shown = tuple(_named(session, cells, groups, _signed(session, node.id, quarter)))
    return Results(closed, shown, closed and _handed_up(cells, groups), _by_call(session, [node.id], quarter))


def answered(counts: Iterable[Counts]) -> Answered:
    """Ballots as valid answers."""
    said = NOBODY
    for one in counts:
        said = said.plus(Answered(one.ballots, one.contacted, one.solved, one.very, one.basic))
    return said


def counts_of(session: Session, cells: Sequence[int], *, slips: bool = True) -> Mapping[int, Counts]:
    """The opened ballots of these cells, with or without paper slips; cells without any are left out."""

    def number(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.sum(case((condition, 1), else_=0))

    said = (Ballot.contacted.is_(True), Ballot.solved.is_(True))
    satisfied = (Ballot.satisfaction == Satisfaction.VERY, Ballot.satisfaction == Satisfaction.BASIC)
    counted = select(Ballot.cell_id, func.count(), *(number(one) for one in (*said, *satisfied)))
    wanted = (Ballot.cell_id.in_(cells), *(() if slips else (Ballot.channel != Channel.PAPER,)))
    rows = session.execute(counted.where(*wanted).group_by(Ballot.cell_id))
    return {row[0]: Counts(*(int(value) for value in row[1:])) for row in rows}


def _of_street(session: Session, street: OrgNode, quarter: date) -> Results:
    """Its communities' remainders and the street's own gathering cell, as one group or none."""
    communities = list(session.execute(select(OrgNode.id).where(OrgNode.parent_id == street.id)).scalars())
    cells = _cells(session, communities, quarter)
    closed = bool(cells) and all(cell.closed_on is not None for cell in cells)
    if not closed:
        return Results(False, (), False, _by_call(session, communities, quarter))
    left: list[int] = []
    for community in communities:
        left += _groups(session, [cell for cell in cells if cell.node_id == community])[1]
    pool = [cell.id for cell in _cells(session, [street.id], quarter)]
    counts = counts_of(session, [*left, *pool])
    together = {-1: total(counts.values())}
    secret = {-1: total(counts_of(session, [*left, *pool], slips=False).values())}
    groups, none = partition(together, pool=-1, secret=secret)
    shown = tuple(Shown(STREET_NAME, replace(group, cells=(*left, *pool), merged=True)) for group in groups)
    return Results(True, shown, bool(none), _by_call(session, communities, quarter))


def _groups(session: Session, cells: Sequence[Cell]) -> tuple[list[Group], Sequence[int]]:
    pool = next((cell.id for cell in cells if cell.kind is CellKind.COMMUNITY), 0)
    ids = [cell.id for cell in cells]
    return partition(counts_of(session, ids), pool, counts_of(session, ids, slips=False))


def _handed_up(cells: Sequence[Cell], groups: Sequence[Group]) -> bool:
    """Is anybody's work neither shown alone nor among the merged? Also what was fewer than five and never opened here."""
    alone = {group.cells[0] for group in groups if not group.merged}
    return any(cell.kind in RATED and cell.id not in alone for cell in cells) and not any(group.merged for group in groups)


def _cells(session: Session, nodes: Sequence[int], quarter: date) -> list[Cell]:
    kinds = (*RATED, CellKind.COMMUNITY, CellKind.STREET)
    found = select(Cell).where(Cell.node_id.in_(nodes), Cell.quarter == quarter, Cell.kind.in_(kinds))
    return list(session.execute(found.order_by(Cell.id)).scalars())


def _named(session: Session, cells: Sequence[Cell], groups: Sequence[Group], signed: Mapping[int | None, Signed]) -> list[Shown]:
    by_id = {cell.id: cell for cell in cells}
    ids = [cell.unit_id for cell in cells if cell.unit_id is not None]
    units = {unit.id: unit for unit in session.execute(select(Unit).where(Unit.id.in_(ids))).scalars()}
    made = []
    for group in groups:
        unit_id = by_id[group.cells[0]].unit_id if not group.merged else None
        unit = units[unit_id] if unit_id is not None else None
        name = unit.name if unit is not None else MERGED_NAME if group.merged else OWN_NAME
        by_name = None if group.merged else signed.get(unit_id, Signed(0, 0))
        made.append(Shown(name, group, unit.public_id if unit is not None else None, by_name))
    return made


def _signed(session: Session, community: int, quarter: date) -> Mapping[int | None, Signed]:
    """签收 of a community's work by the unit whose doing it was (None: its own), of the quarter in which it was finished.

    A round that came back has lost its finishing date to the next one; its answer came within days of it and stands for it.
    """
    unit = func.coalesce(SignOff.handler_unit_id, Person.unit_id)
    finished = case((Request.finished_at <= SignOff.at, Request.finished_at), else_=SignOff.at)
    counted = select(unit, func.count(), func.sum(case((SignOff.done.is_(True), 1), else_=0)))
    mine = counted.join(Request, Request.id == SignOff.request_id).outerjoin(Person, Person.id == SignOff.handler_person_id)
    within = (finished >= start_of(quarter), finished < start_of(period_end("quarter", quarter)))
    by_name = (Request.community_id == community, SignOff.source.in_((Source.OWN, Source.ON_WORD)))
    return {row[0]: Signed(row[1], int(row[2])) for row in session.execute(mine.where(*by_name, *within).group_by(unit))}


def _by_call(session: Session, nodes: Sequence[int], quarter: date) -> Answered:
    """Valid call-backs of the quarter: reached, and all three questions answered."""
    until = start_of(period_end("quarter", quarter))
    valid = select(Callback.contacted, Callback.solved, Callback.satisfaction, func.count()).where(
        Callback.community_id.in_(nodes), Callback.at >= start_of(quarter), Callback.at < until, Callback.satisfaction.is_not(None)
    )
    complete = valid.where(Callback.contacted.is_not(None), Callback.solved.is_not(None))
    said = NOBODY
    for contacted, solved, satisfaction, number in session.execute(
        complete.group_by(Callback.contacted, Callback.solved, Callback.satisfaction)
    ):
        very, basic = satisfaction is Satisfaction.VERY, satisfaction is Satisfaction.BASIC
        said = said.plus(Answered(number, number * bool(contacted), number * bool(solved), number * very, number * basic))
    return said
