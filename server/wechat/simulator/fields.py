"""The typed fields of subscribe messages: what each prefix allows (WeChat's table for subscribe/send; lengths in code points)."""

import re
from typing import Any

_MONTH, _DAY = "(?:1[0-2]|0?[1-9])", "(?:3[01]|[12][0-9]|0?[1-9])"
_DATE = rf"[0-9]{{4}}(?:年{_MONTH}月{_DAY}日|-{_MONTH}-{_DAY}|/{_MONTH}/{_DAY}|\.{_MONTH}\.{_DAY})"
_CLOCK = "(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?"
_TIME, _WHEN = f"(?:{_DATE} ?)?{_CLOCK}", f"{_DATE}(?: ?{_CLOCK})?"
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"

RULES = {
    "thing": re.compile(r"[^\x00-\x1f\x7f]{1,20}"),
    "phrase": re.compile("[\u4e00-\u9fff]{1,5}"),
    "name": re.compile("[\u4e00-\u9fff·]{1,10}|[A-Za-z .·]{1,20}"),
    "character_string": re.compile(r"[\x20-\x7e]{1,32}"),
    "number": re.compile(rf"(?=.{{1,32}}$){_NUMBER}"),
    "letter": re.compile("[A-Za-z]{1,32}"),
    "symbol": re.compile(r"[^\w\s]{1,5}"),
    "time": re.compile(f"{_TIME}(?:~{_TIME})?"),
    "date": re.compile(f"{_WHEN}(?:~(?:{_WHEN}|{_CLOCK}))?"),
    "amount": re.compile(r"[¥￥$€£]?[0-9]{1,10}(?:\.[0-9]+)?元?"),
    "phone_number": re.compile("[0-9+-]{1,17}"),
    "car_number": re.compile("(?=.{1,8}$)[\u4e00-\u9fff]?[A-Z0-9]+[\u4e00-\u9fff]?"),
}


def find_fault(template: dict[str, Any], data: object) -> str | None:
    """The text after 47003's `argument invalid!` for the first field that is missing or wrong; None when all are right."""
    given = data if isinstance(data, dict) else {}
    for name in template["fields"]:
        holder = given.get(name)
        value = holder.get("value") if isinstance(holder, dict) else None
        fault = _fault(name, value, template.get("enums", {}).get(name, []))
        if fault:
            return f"data.{name}.value {fault}"
    return None


def is_known(name: str) -> bool:
    """Whether a field's name is a known prefix and a number."""
    return re.sub("[0-9]+$", "", name) in {*RULES, "enum"} and name[-1:].isdigit()


def _fault(name: str, value: object, listed: list[str]) -> str | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return "is empty"
    if not isinstance(value, str):
        return "invalid"
    kind = re.sub("[0-9]+$", "", name)
    right = value in listed if kind == "enum" else RULES[kind].fullmatch(value)
    return None if right else "invalid"
