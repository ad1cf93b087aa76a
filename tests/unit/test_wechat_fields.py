"""Subscribe-message fields: what each type allows, whatever people typed."""

import re
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.wechat.fields import FieldValue, format_field, format_fields

EVENING = datetime(2026, 7, 30, 16, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("thing1", "打扫楼道", "打扫楼道"),
        ("thing1", "一" * 20, "一" * 20),
        ("thing1", "一" * 21, "一" * 19 + "…"),
        ("thing1", "🙂" * 25, "🙂" * 19 + "…"),
        ("thing2", " 第一行\r\n第二行\t\u200b ", "第一行 第二行"),
        ("thing3", "\x00\n", "无"),
        ("phrase2", "已通过。OK", "已通过"),
        ("phrase2", "等待书记审核", "等待书记审"),
        ("phrase2", "OK", "无"),
        ("name1", "欧阳娜娜", "欧阳娜娜"),
        ("name1", "阿依古丽·买买提", "阿依古丽买买提"),
        ("name1", "Ada Lovelace of London town", "Ada Lovelace of Lond"),
        ("number3", 120, "120"),
        ("number3", "-3.5", "-3.5"),
        ("number3", "１２", "12"),
        ("time2", EVENING, "2026年7月31日 00:05"),
        ("time2", "19:30", "19:30"),
        ("time2", "2026年7月31日 19:30", "2026年7月31日 19:30"),
        ("date2", EVENING, "2026年7月31日"),
        ("date2", date(2026, 2, 1), "2026年2月1日"),
        ("date2", "2026-02-01", "2026-02-01"),
        ("character_string4", "No. 7-甲", "No.7-"),
        ("character_string4", "甲乙", "-"),
        ("letter1", "AB12c", "ABc"),
        ("symbol1", "+-+-+-", "+-+-+"),
        ("amount1", 1234, "¥12.34"),
        ("amount1", "￥9.5元", "¥9.5元"),
        ("phone_number1", "+86-0766-88888888", "+86-0766-88888888"),
        ("car_number1", "粤A12345", "粤A12345"),
        ("thing9", EVENING, "2026年7月31日 00:05"),
        ("enum1", "进行中", "进行中"),
    ],
)
def test_value_is_brought_into_shape(name: str, value: FieldValue, wanted: str) -> None:
    assert format_field(name, value) == wanted


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("number1", "三"),
        ("number1", "1" * 33),
        ("number1", ""),
        ("time1", "25:00"),
        ("time1", "明天"),
        ("time1", date(2026, 2, 1)),
        ("date1", "2026-02/01"),
        ("amount1", -5),
        ("amount1", "12.345"),
        ("phone_number1", "打电话"),
        ("car_number1", "粤A1234567"),
        ("thing", "x"),
        ("thing1.DATA", "x"),
        ("things1", "x"),
        ("", "x"),
    ],
)
def test_value_that_cannot_be_told_truly_is_refused(name: str, value: FieldValue) -> None:
    with pytest.raises(ValueError, match="field"):
        format_field(name, value)


def test_naive_time_is_refused_in_every_field_that_takes_times() -> None:
    for name in ("thing1", "time1", "date1"):
        with pytest.raises(ValueError, match="zone"):
            format_field(name, datetime(2026, 2, 1))  # noqa: DTZ001 - a naive time is the point


def test_fields_become_the_data_object() -> None:
    assert format_fields({"thing1": "甲", "number2": 3}) == {"thing1": {"value": "甲"}, "number2": {"value": "3"}}


@given(text=st.text(max_size=60))
def test_free_text_always_fits(text: str) -> None:
    thing = format_field("thing1", text)
    assert 1 <= len(thing) <= 20
    assert not re.search(r"[\x00-\x1f\x7f]", thing)
    assert 1 <= len(format_field("phrase1", text)) <= 5
    assert re.fullmatch(r"[!-~]{1,32}", format_field("character_string1", text))
