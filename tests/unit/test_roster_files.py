"""Reading files as Excel, WPS and CSV exports leave them, and refusing what is none (mission row A2)."""

import csv
import io
import subprocess
import sys

import pytest

from server.domain.problems import Problem
from server.domain.rosters import COLUMNS, RosterKind, parse
from server.services import roster_files
from tests.factories import roster_files as files

ROWS = (files.MEMBER_HEADER, ("张三", "13800000000", "示例水务局", "第一支部", "示例社区", "在职", ""))


def read(data: bytes, name: str = "名册.xlsx") -> dict[str, object]:
    """The values of the one row."""
    parsed = parse(RosterKind.MEMBERS, roster_files.read_file(data, name))
    assert not parsed.errors
    (line,) = parsed.lines
    return {"row": line.number, "name": line.values["name"], "phone": line.values["phone"], "unit": line.values["unit"]}


def test_excel_with_a_cover_merged_titles_and_styled_blank_rows() -> None:
    assert read(files.excel_file(ROWS)) == {"row": 5, "name": "张三", "phone": "13800000000", "unit": "示例水务局"}


def test_wps_with_inline_strings_floats_and_a_wrong_dimension() -> None:
    rows = (("示例县党员名册",), files.MEMBER_HEADER, (" 张 三", 13800000000.0, "示例水务局 ", "第一支部", "示例社区", "在职", ""))
    assert read(files.wps_file(rows)) == {"row": 3, "name": "张三", "phone": "13800000000", "unit": "示例水务局"}


@pytest.mark.parametrize(("encoding", "delimiter"), [("gbk", ","), ("utf-8-sig", ","), ("utf-8", "，"), ("utf-16", "\t"), ("utf-8", ";")])
def test_csv_in_the_encodings_spreadsheets_write(encoding: str, delimiter: str) -> None:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(ROWS)
    assert read(out.getvalue().encode(encoding), "名册.CSV")["unit"] == "示例水务局"


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"", "a.xlsx", "ROSTER_EMPTY"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "a.xls", "ROSTER_FORMAT"),
        (b"%PDF-1.7", "a.pdf", "ROSTER_FORMAT"),
        (b"PK\x03\x04 cut short", "a.xlsx", "ROSTER_UNREADABLE"),
        (b"a,b\0c", "a.csv", "ROSTER_UNREADABLE"),
        (b"\xff\xfe\x00", "a.csv", "ROSTER_UNREADABLE"),
    ],
)
def test_what_is_no_roster(data: bytes, name: str, code: str) -> None:
    with pytest.raises(Problem, match=code):
        roster_files.read_file(data, name)


def test_a_zip_that_is_no_workbook() -> None:
    with pytest.raises(Problem, match="ROSTER_FORMAT"):
        roster_files.read_file(files._zipped({"word/document.xml": "<w/>"}), "a.xlsx")


def test_a_workbook_of_broken_xml() -> None:
    with pytest.raises(Problem, match="ROSTER_UNREADABLE"):
        roster_files.read_file(files._zipped({**files.WPS_PARTS, "xl/worksheets/sheet1.xml": "<worksheet"}), "a.xlsx")


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    data = files.bomb(roster_files.MOST_UNPACKED + 1)
    assert len(data) < 200_000
    with pytest.raises(Problem, match="ROSTER_TOO_BIG"):
        roster_files.read_file(data, "a.xlsx")


def test_entities_are_not_expanded() -> None:
    sheet = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]><worksheet xmlns="' + files.MAIN + '"><sheetData/></worksheet>'
    with pytest.raises(Problem, match="ROSTER_UNREADABLE"):
        roster_files.read_file(files._zipped({**files.WPS_PARTS, "xl/worksheets/sheet1.xml": sheet}), "a.xlsx")


def test_a_row_number_beyond_excel_does_not_run_for_ever() -> None:
    sheet = (
        f'<worksheet xmlns="{files.MAIN}"><sheetData><row r="999999999999"><c r="A999999999999"><v>1</v></c></row></sheetData></worksheet>'
    )
    data = files._zipped({**files.WPS_PARTS, "xl/worksheets/sheet1.xml": sheet, "xl/sharedStrings.xml": f'<sst xmlns="{files.MAIN}"/>'})
    assert roster_files.read_file(data, "a.xlsx")[0].rows == ()


def test_reading_apart_gives_the_same_and_loads_nothing_here() -> None:
    data = files.excel_file(ROWS)
    assert roster_files.read_apart(data, "名册.xlsx") == roster_files.read_file(data, "名册.xlsx")
    with pytest.raises(Problem, match="ROSTER_UNREADABLE"):
        roster_files.read_apart(b"PK\x03\x04 cut short", "a.xlsx")
    script = "import sys; from server.services import roster_files as r; r.read_apart(b'a,b', 'a.csv'); print('openpyxl' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout.strip() == b"False"


@pytest.mark.parametrize("kind", list(RosterKind))
def test_the_template_is_understood_once_filled_in(kind: RosterKind) -> None:
    sheets = roster_files.read_file(roster_files.template(kind), "模板.xlsx")
    assert sheets[0].rows == (tuple(column.title for column in COLUMNS[kind]),)
    with pytest.raises(Problem, match="ROSTER_EMPTY"):
        parse(kind, sheets)
