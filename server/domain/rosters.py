"""Rosters: what can be imported, how a sheet is understood, what a row may hold (mission row A2; docs/rules.md R7).

All pure: a sheet comes in as rows of text (`cell_text` makes text of what a spreadsheet stores), errors name the cell and never quote what
is in it, because they are kept with the import.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from server.domain import roster_cells as cells
from server.domain.problems import Problem
from server.domain.roster_cells import CellReader, CellRefusal

HEADER_WITHIN = 20  # rows: merged titles and remarks above the header
MAX_ROWS = 50_000
AT_ONCE = 300  # rows: what is longer is imported by a job
KEPT = timedelta(days=7)  # an uploaded roster that nobody imports


class RosterKind(StrEnum):
    UNITS = "units"
    MEMBERS = "members"


class EntryState(StrEnum):
    LISTED = "listed"
    LEFT = "left"


class DraftState(StrEnum):
    """What became of an uploaded roster."""

    READY = "ready"
    IMPORTING = "importing"
    DONE = "done"
    FAILED = "failed"


DRAFT_STATE_NAMES = {
    DraftState.READY: "待导入",
    DraftState.IMPORTING: "正在导入",
    DraftState.DONE: "已导入",
    DraftState.FAILED: "没有导入",
}
KIND_NAMES = {RosterKind.UNITS: "单位名册", RosterKind.MEMBERS: "党员名册"}


@dataclass(frozen=True)
class Column:
    """A column we understand: its title, what else it is called, how a cell is read, and a line for the template."""

    key: str
    title: str
    synonyms: tuple[str, ...]
    read: CellReader
    hint: str
    required: bool = False


COLUMNS: Mapping[RosterKind, tuple[Column, ...]] = {
    RosterKind.MEMBERS: (
        Column("name", "姓名", ("党员姓名", "成员姓名", "名字"), cells.name, "必填", required=True),
        Column(
            "phone",
            "手机号",
            ("手机", "手机号码", "联系电话", "联系方式", "电话", "电话号码", "移动电话", "联系手机"),
            cells.mobile,
            "11 位；没有可以空着，由社区人工核对",
        ),
        Column(
            "unit",
            "工作单位",
            ("单位", "所在单位", "单位名称", "工作单位名称"),
            cells.line,
            "必填；单位名称或统一社会信用代码",
            required=True,
        ),
        Column("branch", "所在支部", ("支部", "党支部", "所在党支部", "支部名称", "党支部名称"), cells.short, "没有可以空着"),
        Column(
            "community",
            "居住社区",
            ("居住地社区", "居住地所在社区", "所在社区", "报到社区", "社区"),
            cells.line,
            "社区名称或代码；不清楚可以空着",
        ),
        Column(
            "member_type", "人员类别", ("类别", "党员类别", "人员类型"), cells.member_type, "在职、离退休、流动、在册、群众；空着算在职"
        ),
        Column("exempt", "免报到原因", ("免报到", "不报到原因", "免报原因"), cells.short, "如借调、病休；没有就空着"),
        Column("valid_until", "有效期至", ("有效期", "名册有效期"), cells.day, "如 2026-12-31；没有就空着"),
    ),
    RosterKind.UNITS: (
        Column("name", "单位名称", ("单位", "名称", "共建单位", "单位全称"), cells.line, "必填", required=True),
        Column("uscc", "统一社会信用代码", ("信用代码", "社会信用代码"), cells.uscc, "18 位；有它就不会重名"),
        Column(
            "category",
            "单位类别",
            ("类别", "单位性质", "性质", "单位类型"),
            cells.unit_category,
            "机关、事业、国企、高校、两新、部队、其他",
        ),
        Column("address", "地址", ("单位地址", "详细地址", "办公地址"), cells.line, "没有可以空着"),
        Column(
            "community", "所在社区", ("社区", "属地社区", "驻地社区", "报到社区"), cells.line, "社区名称或代码；为一个社区导入时可以空着"
        ),
        Column("superior", "所属工委", ("工委", "上级党委", "上级党组织", "隶属工委"), cells.line, "没有可以空着"),
        Column("contact_name", "联系人", ("联系人姓名", "联络员", "联络员姓名"), cells.name, "没有可以空着"),
        Column(
            "contact_phone",
            "联系电话",
            ("手机", "手机号", "手机号码", "联系人电话", "电话", "联系方式", "联络员电话"),
            cells.phone,
            "手机或带区号的座机",
        ),
    ),
}


@dataclass(frozen=True)
class Sheet:
    """One sheet of a file as rows of text; the first is the row Excel numbers 1."""

    name: str
    rows: tuple[tuple[str, ...], ...]
    hidden: bool = False


@dataclass(frozen=True)
class Header:
    """Where the header row is (counted from 0), which column holds what, and which titles we do not use."""

    row: int
    columns: Mapping[str, int]
    ignored: tuple[str, ...]


@dataclass(frozen=True, order=True)
class CellError:
    """What is wrong where; row as Excel counts, column from 0."""

    row: int
    column: int
    message: str

    @property
    def cell(self) -> str:
        """Excel's name of the cell, such as C7."""
        return f"{letters(self.column)}{self.row}"

    def __str__(self) -> str:
        return f"{self.cell}: {self.message}"


@dataclass(frozen=True)
class Line:
    """One row: its number as Excel counts and a value for every column of the sheet whose cell could be read."""

    number: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Parsed:
    """A sheet understood: the header, the readable rows, the errors, how many rows had anything in them.

    `broken` are the rows with an unreadable cell, for telling at once all that is wrong with them; nothing is imported from these.
    """

    sheet: str
    header: Header
    lines: tuple[Line, ...]
    errors: tuple[CellError, ...]
    rows: int
    broken: tuple[Line, ...] = ()

    def says(self, line: Line, key: str) -> bool:
        """Can the row be taken at its word here: was the cell read, or is there no such column?"""
        return key in line.values or key not in self.header.columns

    def error(self, line: Line, key: str, message: str) -> CellError:
        """An error about one cell of a row (or its first column where the sheet has no such column)."""
        return CellError(line.number, self.header.columns.get(key, 0), message)


def letters(column: int) -> str:
    """A, B … Z, AA: Excel's name of a column counted from 0."""
    name = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def parse(kind: RosterKind, sheets: Sequence[Sheet]) -> Parsed:
    """Understand the first visible sheet that has a header row (a cover page before it is passed over).

    Raises ROSTER_ID_COLUMN for a file with identity numbers (R7), ROSTER_NO_HEADER, ROSTER_EMPTY, ROSTER_TOO_LONG.
    """
    return parse_columns(COLUMNS[kind], sheets, of_people=kind is RosterKind.MEMBERS)


def parse_columns(wanted: Sequence[Column], sheets: Sequence[Sheet], *, of_people: bool) -> Parsed:
    """`parse` for any columns; `of_people` refuses identity numbers in every cell we read. Raises the same."""
    _refuse_identity(sheets)
    for sheet in (sheet for sheet in sheets if not sheet.hidden):
        header = find_header(wanted, sheet.rows)
        if header is not None:
            return _parse_sheet(wanted, sheet, header, of_people=of_people)
    required = "、".join(column.title for column in wanted if column.required)
    raise Problem("ROSTER_NO_HEADER", fields={"file": f"表头里至少要有：{required}"})


def find_header(wanted: Sequence[Column], rows: Sequence[Sequence[str]]) -> Header | None:
    """The first of the upper rows that names every required column."""
    required = {column.key for column in wanted if column.required}
    for number, row in enumerate(rows[:HEADER_WITHIN]):
        columns = _match(wanted, row)
        if required <= columns.keys():
            used = set(columns.values())
            return Header(number, columns, tuple(text for place, text in enumerate(row) if text and place not in used))
    return None


def _match(columns: Sequence[Column], row: Sequence[str]) -> dict[str, int]:
    """Column key → place. A title proper wins over a synonym (单位 and 单位名称 side by side); of two equal ones the left."""
    titles = [cells.title(text) for text in row]
    found: dict[str, int] = {}
    for column in columns:
        for wanted in (column.title, *column.synonyms):
            if wanted in titles and titles.index(wanted) not in found.values():
                found[column.key] = titles.index(wanted)
                break
    return found


def _refuse_identity(sheets: Iterable[Sheet]) -> None:
    for sheet in sheets:
        for number, row in enumerate(sheet.rows[:HEADER_WITHIN], start=1):
            for place, text in enumerate(row):
                if cells.asks_for_identity(text):
                    where = f"{sheet.name}!{letters(place)}{number}"
                    raise Problem("ROSTER_ID_COLUMN", fields={"file": f"{where} 是证件号码列，请整列删除"})


def _parse_sheet(wanted: Sequence[Column], sheet: Sheet, header: Header, *, of_people: bool) -> Parsed:
    data = [(number, row) for number, row in enumerate(sheet.rows, start=1) if number > header.row + 1 and any(row)]
    if not data:
        raise Problem("ROSTER_EMPTY")
    if len(data) > MAX_ROWS:
        raise Problem("ROSTER_TOO_LONG")
    lines: list[Line] = []
    broken: list[Line] = []
    errors: list[CellError] = []
    for number, row in data:
        values, wrong = _read_row(wanted, header, number, row, of_people=of_people)
        errors += wrong
        (broken if wrong else lines).append(Line(number, values))
    return Parsed(sheet.name, header, tuple(lines), tuple(errors), len(data), tuple(broken))


def _read_row(
    wanted: Sequence[Column], header: Header, number: int, row: Sequence[str], *, of_people: bool
) -> tuple[dict[str, Any], list[CellError]]:
    values: dict[str, Any] = {}
    errors: list[CellError] = []
    for column in wanted:
        place = header.columns.get(column.key)
        if place is None:
            continue
        text = row[place] if place < len(row) else ""
        try:
            values[column.key] = _read_cell(column, text, of_people=of_people)
        except CellRefusal as refusal:
            errors.append(CellError(number, place, str(refusal)))
    return values, errors


def _read_cell(column: Column, text: str, *, of_people: bool) -> Any:
    cells.refuse_broken(text)
    if of_people:
        cells.refuse_identity_number(text)
    text = cells.unless_blank(text)
    if column.required and not text:
        raise CellRefusal(f"{column.title}必须填写")
    return column.read(text)
