"""Cells of a roster: what spreadsheets store, what people write, what is refused (mission row A2)."""

from datetime import date, datetime

import pytest

from server.domain import roster_cells as cells
from server.domain.orgs import UnitCategory
from server.domain.people import MemberType
from server.domain.problems import Problem
from server.domain.rosters import COLUMNS, RosterKind, Sheet, find_header, letters, parse


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        (None, ""),
        (13800000000, "13800000000"),
        (13800000000.0, "13800000000"),
        ("１３８００００００００", "13800000000"),
        ("'13800000000", "13800000000"),
        ('="13800000000"', "13800000000"),
        ("\t13800000000\u200b", "13800000000"),
        ("示例\u3000水务局\n", "示例 水务局"),
        (datetime(2026, 12, 31), "2026-12-31"),  # noqa: DTZ001 - spreadsheets know no zones
        (True, "是"),
    ],
)
def test_what_is_stored_becomes_clean_text(stored: object, text: str) -> None:
    assert cells.cell_text(stored) == text


@pytest.mark.parametrize("text", ["13800000000", "138-0000-0000", "138 0000 0000", "+8613800000000", "13800000000.0"])
def test_a_phone_however_it_is_written(text: str) -> None:
    assert cells.mobile(text) == "13800000000"


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("1380000000", "11 位"),
        ("138000000001", "11 位"),
        ("23800000000", "以 1 开头"),
        ("13800000000/13900000000", "一个号码"),
        ("一三八", "只能有数字"),
        ("1.38E+10", "文本格式"),
    ],
)
def test_a_phone_that_cannot_be_used(text: str, advice: str) -> None:
    with pytest.raises(cells.CellRefusal, match=advice):
        cells.mobile(text)


@pytest.mark.parametrize("text", ["2026-12-31", "2026/12/31", "2026.12.31", "2026年12月31日", "20261231", "2026-12-31 00:00:00"])
def test_dates_as_text(text: str) -> None:
    assert cells.day(text) == date(2026, 12, 31)


@pytest.mark.parametrize("text", ["2026-02-30", "长期", "26-1-1"])
def test_dates_that_are_none(text: str) -> None:
    with pytest.raises(cells.CellRefusal, match="2026-12-31"):
        cells.day(text)


def test_credit_codes_are_checked() -> None:
    assert cells.uscc("91350100m000100y43") == "91350100M000100Y43"
    for wrong in ("91350100M000100Y44", "91350100M000100Y4", "9135O100M000100Y43"):
        with pytest.raises(cells.CellRefusal):
            cells.uscc(wrong)


def test_categories_by_what_people_call_them() -> None:
    assert cells.member_type("") is MemberType.IN_SERVICE
    assert cells.member_type("离退休党员") is MemberType.RETIRED
    assert cells.unit_category("事业单位") is UnitCategory.INSTITUTION
    with pytest.raises(cells.CellRefusal, match="在职"):
        cells.member_type("外星人")


def test_blanks_inside_a_name_are_for_alignment() -> None:
    assert cells.name("张 三") == "张三"
    assert cells.name("Li Ming") == "Li Ming"
    with pytest.raises(cells.CellRefusal, match="数字"):
        cells.name("张三1")


@pytest.mark.parametrize("head", ["身份证号", "居民身份证号码", "证件号", "公民身份号码*", "身份证号(必填)"])
def test_columns_that_ask_for_identity(head: str) -> None:
    rows = (("示例县名册",), ("姓名", "单位", head), ("张三", "示例局", ""))
    with pytest.raises(Problem, match="ROSTER_ID_COLUMN") as refusal:
        parse(RosterKind.MEMBERS, [Sheet("名册", rows)])
    assert "C2" in refusal.value.fields["file"]


def test_identity_numbers_hidden_in_another_sheet_refuse_the_file() -> None:
    good = Sheet("名册", (("姓名", "单位"), ("张三", "示例局")))
    with pytest.raises(Problem, match="ROSTER_ID_COLUMN"):
        parse(RosterKind.MEMBERS, [good, Sheet("原始", (("姓名", "身份证号"),), hidden=True)])


def test_a_remark_that_forbids_identity_numbers_is_no_column() -> None:
    rows = (("请勿填写身份证号",), ("姓名", "单位"), ("张三", "示例局"))
    assert parse(RosterKind.MEMBERS, [Sheet("名册", rows)]).rows == 1


def test_an_identity_number_in_a_cell_is_refused_and_not_repeated() -> None:
    rows = (("姓名", "单位", "手机"), ("张三", "示例局", "110101199003070038"))
    (error,) = parse(RosterKind.MEMBERS, [Sheet("名册", rows)]).errors
    assert error.cell == "C2"
    assert "1101" not in error.message


def test_every_wrong_cell_is_named() -> None:
    rows = (("姓名", "手机", "单位"), ("张三", "1380000000", ""), ("#REF!", "13800000000", "示例局"))
    errors = [str(error) for error in parse(RosterKind.MEMBERS, [Sheet("名册", rows)]).errors]
    assert errors == ["B2: 手机号应为 11 位", "C2: 工作单位必须填写", "A3: 这里是公式出错的结果，请改填文字"]


@pytest.mark.parametrize("phone", ["手机", "联系电话", "手机号码", "联系方式（必填）", "＊手机号"])
@pytest.mark.parametrize("unit", ["单位", "工作单位", "所在单位"])
def test_titles_people_use(phone: str, unit: str) -> None:
    row = tuple(cells.cell_text(title) for title in ("序 号", "党 员姓名", phone, unit, "备注"))
    header = find_header(COLUMNS[RosterKind.MEMBERS], [("名册",), row])
    assert header is not None
    assert header.columns == {"name": 1, "phone": 2, "unit": 3}
    assert header.ignored == ("序 号", "备注")


def test_a_file_without_header_says_what_it_needs() -> None:
    with pytest.raises(Problem, match="ROSTER_NO_HEADER") as refusal:
        parse(RosterKind.MEMBERS, [Sheet("一", (("甲", "乙"),))])
    assert "姓名" in refusal.value.fields["file"]


def test_a_header_alone_is_empty() -> None:
    with pytest.raises(Problem, match="ROSTER_EMPTY"):
        parse(RosterKind.MEMBERS, [Sheet("一", (("姓名", "单位"), (), ("", "")))])


def test_more_than_fifty_thousand_rows_are_too_many() -> None:
    rows = (("姓名", "单位"), *[("张三", "示例局")] * 50_001)
    with pytest.raises(Problem, match="ROSTER_TOO_LONG"):
        parse(RosterKind.MEMBERS, [Sheet("一", rows)])


def test_column_letters() -> None:
    assert [letters(number) for number in (0, 25, 26, 51, 702)] == ["A", "Z", "AA", "AZ", "AAA"]
