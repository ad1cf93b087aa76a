"""docs/data-model.md: the tables by subject, as diagrams and in words, from the metadata itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from sqlalchemy import CheckConstraint, Column, Enum, LargeBinary, Table
from sqlalchemy.types import TypeEngine

import server.db.models  # noqa: F401 - fills the metadata
from server.db.base import Base
from server.db.types import UtcDateTime

# {name} stands for the diagram and the tables of server/db/models/<name>.py; a test says when one is missing.
TEMPLATE = """# Data model

Rendered from `server/db/models` by `gongjian docs`; do not edit. One file there is one subject here.

* Numbers inside are BIGINT; outside there is only `public_id`, random and always a string (docs/decisions/0003-ids.md).
* Times are aware UTC; a `date` is a day in Asia/Shanghai, computed when the row is written (docs/decisions/0002-clock.md).
* `sealed` is a ciphertext under the person's own salt; `*_hash` finds it again (docs/decisions/0004-keys.md).
* A row with `state` and `version` moves only by a guarded UPDATE along docs/states.md, and each move adds an `event`.
* Minutes, heads and counts are whole numbers with CHECKs. There is no float and no table into which somebody types a total (R4).

## Organisations (组织)

County, street, community, estate, grid, building: one tree with a `path`, so that all below a node is one comparison. A merger ends
nodes by `valid_to` and never rewrites history, because it moves denominators. A unit (单位) is not in the tree: it stands in the
community of its premises, and its members live elsewhere.

{orgs}
## Rosters (名册)

What a unit or a committee supplied, on which basis and until when. An entry is not a person of the system: it becomes one's origin when
he binds, or is bound, and a roster imported twice changes nothing.

{rosters}
## People (人员)

A person is not his WeChat account, not his roster entry and not a staff login. His `salt` is the key of everything sealed for him:
erasing him forgets it, and ledgers keep their ids. Consent is one row per purpose, with the channel it came through.

{people}
## 双报到 (registrations)

A member registers where he lives, a unit where its premises are. One live registration a person is a unique index, not a check in code,
and moving house ends one and begins another in the same transaction.

{registrations}
## Codes (二维码)

A token carries a random 40-bit handle, never a row's number. Revoking raises the epoch; one-time codes are spent by one guarded UPDATE
(docs/protocol.md §1).

{codes}
## Posts, tasks, activities, claims (岗位、任务、活动、认领)

`taken` is moved by a guarded UPDATE under a CHECK, so capacity holds under simultaneous claims. A claim is a place on a task, or on a
shift of a post.

{tasks}
## Scans and service records (签到与服务记录)

`scan` is the set that only grows; a `service_record` is folded from a person's day (docs/protocol.md §3) and counts only when an
accountable person has confirmed it (R8). A refused scan is kept with its reason and the hash of what was scanned.

{checkins}
## Tallies (统计)

A decision adds one `contribution`; one drain job folds what waits into `tally` and `tally_head`, in the transaction that marks it
folded. Rebuilding from records gives the same rows (docs/decisions/0007-tallies.md).

{tallies}
## Figures and Excel files (统计数据、导出)

`figure_edition` is a period as it was last counted for every place and unit, and may be counted again from the records at any time. An
`export` is one file somebody asked for; the file lies sealed in the files port, for him alone, for a week.

{figures}
{exports}
## Requests (诉求)

Words and place are sealed under the request's own salt, so that they can be forgotten while category and dates stay for the figures.
`place_hash` and `words_hash` find the same place and the same words without opening any. `asked_for` is whose it is, `author` who entered
it; those who were merged into it stand in `request_party` and are told whatever he is told.

{requests}
## Handling (办理)

Visits, extensions, mediation and the queues of service stations: what is done between acceptance and the end.

{handling}
## Care plans (长期照护)

Recurring visits with a hand-over; what was missed is counted on the plan, never on a person.

{care}
## 签收 and 回访 (sign-offs)

What the requester says about the work, by name: one answer a round, from himself or by a call. A handler reads a neutral task instead.

{sign_offs}
## 评分 (ballots)

Secret: no person, request, session or order, keys and rows in an order drawn by lot, days only. `ballot_issued` alone knows requests:
that a token was fetched, not which one (docs/protocol.md §4).

{ballots}
## 评价例会 (reviews)

A quarter's panel of volunteers. Votes take the same way as ratings; what one voter said of two items does not stand together.

{reviews}
## Micro-wishes (微心愿)

Shown under an alias in staff's words; the wisher is a person of his own, his contact is opened for the claimant alone and each reading is
an event.

{wishes}
## Complaints and suggestions (投诉建议)

Sealed under the writer's key. Who answers does not learn who wrote, and whom it is about never sees it.

{feedbacks}
## Notices (通知)

The inbox row is the record; the WeChat message is a courtesy that may fail, be out of quota or wait for the morning.

{notices}
## Pictures (图片)

Optional everywhere (R5). Re-encoded without EXIF; the perceptual hash only raises a flag.

{media}
## Events, outbox, idempotency, policy (平台)

What every subject shares. `event` is immutable and holds ids only; `outbox` is the truth about deferred work; `idempotency_key` keeps
the first answer to a write for seven days.

{platform}
"""


def page() -> str:
    """The whole document."""
    return TEMPLATE.format_map({name: _section(models) for name, models in modules().items()})


def modules() -> dict[str, list[type[Base]]]:
    """The models by the name of their module, in the order they are written."""
    found: dict[str, list[type[Base]]] = {}
    for mapper in Base.registry.mappers:
        found.setdefault(mapper.class_.__module__.rsplit(".", 1)[1], []).append(mapper.class_)
    for models in found.values():
        models.sort(key=lambda model: inspect.getsourcelines(model)[1])
    return found


def _section(models: list[type[Base]]) -> str:
    tables = [line for model in models for line in _table(model)]
    return "\n".join([*_diagram([_details(model) for model in models]), "", *tables])


def _details(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)  # noqa: S101 - a mapped class of ours is a table, never a join
    return table


def _diagram(tables: list[Table]) -> list[str]:
    boxes = [line for table in tables for line in _box(table)]
    return ["```mermaid", "erDiagram", *boxes, *_lines(tables), "```"]


def _box(table: Table) -> list[str]:
    rows = [f"        {kind(column.type)} {column.name}{_key(column)}" for column in table.columns]
    return [f"    {table.name} {{", *rows, "    }"]


def _key(column: Column[Any]) -> str:
    marks = [mark for mark, holds in (("PK", column.primary_key), ("FK", column.foreign_keys), ("UK", column.unique)) if holds]
    return f" {', '.join(marks)}" if marks else ""


def kind(of: TypeEngine[Any]) -> str:
    """A column's type in one word: utc, sealed, enum, bigint, text …"""
    if isinstance(of, Enum):
        return "enum"
    if isinstance(of, UtcDateTime):
        return "utc"
    if isinstance(of, LargeBinary):
        return "sealed"
    name = of.__class__.__name__.lower()
    return {"biginteger": "bigint", "smallinteger": "smallint", "integer": "int", "string": "text"}.get(name, name)


def _lines(tables: list[Table]) -> list[str]:
    """One line per pair of tables of this subject; what lies in others is said in words, or nothing could be read."""
    inside = {table.name for table in tables}
    pairs = {(target, table.name): names for table in tables for target, names in _references(table).items() if target in inside}
    return [f'    {target} ||--o{{ {source} : "{", ".join(names)}"' for (target, source), names in pairs.items()]


def _references(table: Table) -> dict[str, list[str]]:
    """By the table referred to, the columns that do."""
    found: dict[str, list[str]] = {}
    for column in table.columns:
        for key in column.foreign_keys:
            found.setdefault(key.column.table.name, []).append(column.name)
    return found


def _table(model: type[Base]) -> list[str]:
    table = _details(model)
    words = " ".join((inspect.getdoc(model) or "").split())
    notes = [f"* `{column.name}`: {column.comment}" for column in table.columns if column.comment]
    references = [f"`{target}` ({', '.join(names)})" for target, names in _references(table).items()]
    refers = [f"* refers to: {', '.join(references)}"] if references else []
    return [f"### `{table.name}`", "", words, "", *notes, *refers, *_promises(table), ""]


def _promises(table: Table) -> list[str]:
    """What the database itself holds to: uniqueness over several columns or under a condition, and CHECKs of our own."""
    unique = [f"* unique: {_columns(index.columns)}{_where(index.dialect_options)}" for index in _sorted(table.indexes) if index.unique]
    checks = [
        f"* check: `{constraint.sqltext}`"
        for constraint in _sorted(table.constraints)
        if isinstance(constraint, CheckConstraint) and not _of_enum(constraint)
    ]
    return unique + checks


def _sorted(items: Iterable[Any]) -> list[Any]:
    return sorted(items, key=lambda item: str(item.name))


def _of_enum(constraint: CheckConstraint) -> bool:
    return bool(constraint._type_bound)


def _columns(columns: Iterable[Column[Any]]) -> str:
    return ", ".join(f"`{column.name}`" for column in columns)


def _where(options: Any) -> str:
    where = options["sqlite"].get("where")
    return f" where `{where}`" if where is not None else ""
