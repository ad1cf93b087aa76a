"""Values of subscribe-message fields, brought into the shape that each field type of WeChat allows. Pure.

The type is the letters before the number in a field's name: ``thing1``, ``time2``, ``character_string3``.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

FieldValue = str | int | date | datetime

_SHANGHAI = ZoneInfo("Asia/Shanghai")
_NAME = re.compile(r"([a-z_]+?)\d+")
_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af"
_CLOCK = r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?"
_DAY = r"\d{4}(?:年\d{1,2}月\d{1,2}日|([-/.])\d{1,2}\1\d{1,2})"
_TIME = re.compile(rf"(?:{_DAY} ?)?{_CLOCK}")
_DATE = re.compile(rf"{_DAY}(?: ?{_CLOCK})?")
_NUMBER = re.compile(r"-?\d{1,32}(?:\.\d{1,30})?")
_AMOUNT = re.compile(r"[¥￥$]?\d{1,10}(?:\.\d{1,2})?元?")
_BLANK = "无"


def one_line(text: str) -> str:
    """``text`` without control or invisible characters; runs of white space become one space."""
    kept = (" " if char.isspace() or unicodedata.category(char) == "Cc" else char for char in text)
    visible = "".join(char for char in kept if unicodedata.category(char) not in {"Cf", "Cs", "Co", "Cn"})
    return " ".join(visible.split())


def cut(text: str, limit: int) -> str:
    """``text`` in at most ``limit`` code points, with an ellipsis when something was left out."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _text(value: FieldValue) -> str:
    if isinstance(value, datetime | date):
        return _day_and_time(value)
    return one_line(str(value))


def _day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def _local(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a time needs its zone")
    return value.astimezone(_SHANGHAI)


def _day_and_time(value: date | datetime) -> str:
    if isinstance(value, datetime):
        local = _local(value)
        return f"{_day(local)} {local:%H:%M}"
    return _day(value)


def _thing(value: FieldValue) -> str:
    return cut(_text(value), 20) or _BLANK


def _phrase(value: FieldValue) -> str:
    return re.sub(f"[^{_HAN}]", "", _text(value))[:5] or _BLANK


def _name(value: FieldValue) -> str:
    text = _text(value)
    if text.isascii():
        return text[:20].rstrip() or _BLANK
    return re.sub(f"[^{_HAN}A-Za-z]", "", text)[:10] or _BLANK


def _matching(pattern: re.Pattern[str], limit: int) -> Callable[[FieldValue], str]:
    """Formatter that passes what ``pattern`` allows and refuses the rest: half a number would be a lie."""

    def check(value: FieldValue) -> str:
        text = unicodedata.normalize("NFKC", _text(value))
        if len(text) > limit or not pattern.fullmatch(text):
            raise ValueError("the value does not fit the field type")
        return text

    return check


def _time(value: FieldValue) -> str:
    if isinstance(value, date) and not isinstance(value, datetime):
        raise ValueError("a time field needs an hour")
    return _matching(_TIME, 40)(value)


def _date(value: FieldValue) -> str:
    if isinstance(value, datetime):
        return _day(_local(value).date())
    return _matching(_DATE, 40)(value)


def _ascii(limit: int, drop: str) -> Callable[[FieldValue], str]:
    def keep(value: FieldValue) -> str:
        return re.sub(drop, "", unicodedata.normalize("NFKC", _text(value)))[:limit].strip() or "-"

    return keep


def _amount(value: FieldValue) -> str:
    if isinstance(value, int):  # 分
        yuan, fen = divmod(value, 100)
        return _matching(_AMOUNT, 16)(f"¥{yuan}.{fen:02d}")
    return _matching(_AMOUNT, 16)(value).replace("￥", "¥")


def _enum(value: FieldValue) -> str:
    return cut(_text(value), 20) or _BLANK


FORMATS: Mapping[str, Callable[[FieldValue], str]] = {
    "thing": _thing,
    "phrase": _phrase,
    "name": _name,
    "number": _matching(_NUMBER, 32),
    "time": _time,
    "date": _date,
    "amount": _amount,
    "character_string": _ascii(32, r"[^!-~]"),
    "letter": _ascii(32, r"[^A-Za-z]"),
    "symbol": _ascii(5, r"[A-Za-z0-9\s]"),
    "phone_number": _matching(re.compile(r"[0-9+()\- ]{3,17}"), 17),
    "car_number": _matching(re.compile(rf"[{_HAN}A-Z0-9]{{1,8}}"), 8),
    "enum": _enum,
}


def format_field(name: str, value: FieldValue) -> str:
    """``value`` as WeChat takes it for the field ``name``. Raises ValueError for an unknown type or an unfit value."""
    match = _NAME.fullmatch(name)
    if match is None or match[1] not in FORMATS:
        raise ValueError(f"unknown field type: {name}")
    return FORMATS[match[1]](value)


def format_fields(fields: Mapping[str, FieldValue]) -> dict[str, dict[str, str]]:
    """The ``data`` object of a subscribe message: field name → ``{"value": …}``. Raises ValueError as format_field."""
    return {name: {"value": format_field(name, value)} for name, value in fields.items()}
