"""One cell of a roster: what a spreadsheet stores → clean text → a value, or a refusal in one Chinese sentence (mission row A2).

Excel and WPS store a phone number as 13800000000, as 13800000000.0, as '13800000000 with an apostrophe, in fullwidth digits, or, once it
went through a narrow column and CSV, as 1.38E+10, which cannot be mended and is refused with advice.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from server.domain.orgs import UNIT_CATEGORY_NAMES, UnitCategory
from server.domain.people import MemberType

CellReader = Callable[[str], Any]
NOTHING = frozenset({"无", "没有", "否", "/", "\\", "-", "--", "—", "——", "空", "暂无"})
FORMULA_ERRORS = ("#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!")
SCIENTIFIC = re.compile(r"\d(\.\d+)?[eE]\+?\d+")
IDENTITY_TITLES = ("身份证", "证件号", "公民身份号码")
IDENTITY_NUMBER = re.compile(r"[1-9]\d{5}(18|19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{3}[\dXx]")
MEMBER_TYPES = {
    "": MemberType.IN_SERVICE,
    "党员": MemberType.IN_SERVICE,
    "正式党员": MemberType.IN_SERVICE,
    "预备党员": MemberType.IN_SERVICE,
    "在职": MemberType.IN_SERVICE,
    "在职党员": MemberType.IN_SERVICE,
    "离退休": MemberType.RETIRED,
    "离退休党员": MemberType.RETIRED,
    "退休": MemberType.RETIRED,
    "退休党员": MemberType.RETIRED,
    "离休": MemberType.RETIRED,
    "流动": MemberType.FLOATING,
    "流动党员": MemberType.FLOATING,
    "在册": MemberType.RESIDENT_PARTY,
    "在册党员": MemberType.RESIDENT_PARTY,
    "群众": MemberType.NON_PARTY,
    "非党员": MemberType.NON_PARTY,
}
UNIT_CATEGORIES = {
    **{title: category for category, title in UNIT_CATEGORY_NAMES.items()},
    "": UnitCategory.OTHER,
    "党政机关": UnitCategory.AGENCY,
    "机关单位": UnitCategory.AGENCY,
    "行政机关": UnitCategory.AGENCY,
    "事业单位": UnitCategory.INSTITUTION,
    "国有企业": UnitCategory.STATE_FIRM,
    "学校": UnitCategory.SCHOOL,
    "两新组织": UnitCategory.NEW_ORG,
    "非公企业": UnitCategory.NEW_ORG,
    "社会组织": UnitCategory.NEW_ORG,
    "其它": UnitCategory.OTHER,
}
USCC = re.compile(r"[0-9A-HJ-NPQRTUWXY]{18}")
USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
COMPACT_DAY = re.compile(r"(\d{4})(\d{2})(\d{2})")


class CellRefusal(Exception):
    """A cell that cannot be used; the message is shown beside the cell's name."""


def cell_text(value: object) -> str:
    """What a spreadsheet stores, as clean text: NFKC, one blank between words, no apostrophe guard, no trailing `.0` of a number."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, datetime | date):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = unicodedata.normalize("NFKC", str(value))
    text = "".join(" " if char.isspace() else char for char in text if unicodedata.category(char) != "Cf")
    text = " ".join(text.split())
    if text.startswith('="') and text.endswith('"'):  # how CSV keeps Excel from turning digits into a number
        text = text[2:-1]
    return text.lstrip("'’‘`").strip()


def title(text: str) -> str:
    """A header cell without what people add to it: brackets with remarks, asterisks, colons, blanks inside the word."""
    return re.sub(r"\(.*?\)|\[.*?\]|[\s*★:：、]", "", text)


def unless_blank(text: str) -> str:
    """'' for the words and strokes people write into an empty cell."""
    return "" if text in NOTHING else text


def refuse_broken(text: str) -> None:
    """Refuse what a formula left behind and characters nobody typed."""
    if text.upper().startswith(FORMULA_ERRORS):
        raise CellRefusal("这里是公式出错的结果，请改填文字")
    if any(unicodedata.category(char) in ("Cc", "Cs", "Co", "Cn") for char in text):
        raise CellRefusal("含有不能识别的字符，请删去后重填")


def asks_for_identity(text: str) -> bool:
    """Is this the title of a column with identity numbers (R7)? Remarks such as 请勿填写身份证号 are long sentences, titles are not."""
    plain = title(text)
    return len(plain) <= 14 and any(word in plain for word in IDENTITY_TITLES) and not any(word in plain for word in ("不", "勿"))


def refuse_identity_number(text: str) -> None:
    """Refuse an identity number in any column we read (R7)."""
    if IDENTITY_NUMBER.fullmatch(text.replace(" ", "")):
        raise CellRefusal("这里像是证件号码，本系统不收，请删去")


def name(text: str) -> str | None:
    """A person's name; blanks inside a Chinese name (张 三) are for alignment only."""
    if not text:
        return None
    if not text.isascii():
        text = text.replace(" ", "")
    if len(text) > 32:
        raise CellRefusal("姓名太长，请填 32 个字以内")
    if any(char.isdigit() for char in text):
        raise CellRefusal("姓名里不应有数字，请核对是否填错了列")
    return text


def mobile(text: str) -> str | None:
    """An 11-digit mobile number."""
    plain = _digits(text)
    if not plain:
        return None
    if not plain.isdigit():
        raise CellRefusal("手机号只能有数字，一个人只填一个号码")
    if len(plain) != 11:
        raise CellRefusal("手机号应为 11 位")
    if plain[0] != "1":
        raise CellRefusal("手机号应以 1 开头")
    return plain


def phone(text: str) -> str | None:
    """A unit's phone: mobile, or a landline with its area code."""
    plain = _digits(text)
    if not plain:
        return None
    if not plain.isdigit() or not 7 <= len(plain) <= 12:
        raise CellRefusal("联系电话应为手机号或带区号的座机号，只填一个")
    return plain


def _digits(text: str) -> str:
    if SCIENTIFIC.fullmatch(text):
        raise CellRefusal("号码被存成了科学计数，末几位已丢失，请把这一列设为文本格式后重新填写")
    plain = re.sub(r"[\s\-()]", "", text)
    return re.sub(r"\.0+$", "", plain).removeprefix("+86").removeprefix("0086")


def line(text: str) -> str | None:
    """Up to 200 characters."""
    return _text(text, 200)


def short(text: str) -> str | None:
    """Up to 64 characters."""
    return _text(text, 64)


def _text(text: str, most: int) -> str | None:
    if len(text) > most:
        raise CellRefusal(f"内容太长，请缩短到 {most} 字以内")
    return text or None


def day(text: str) -> date | None:
    """A date as people write it: 2026-12-31, 2026/12/31, 2026.12.31, 2026年12月31日, 20261231."""
    if not text:
        return None
    text = text.split(" ", maxsplit=1)[0]
    found = DAY.fullmatch(text) or COMPACT_DAY.fullmatch(text)
    try:
        if found:
            return date(*(int(part) for part in found.groups()))
    except ValueError:
        pass
    raise CellRefusal("日期不对，请填如 2026-12-31")


def member_type(text: str) -> MemberType:
    """在职 where nothing is said."""
    if text.replace(" ", "") not in MEMBER_TYPES:
        raise CellRefusal("人员类别请填：在职、离退休、流动、在册、群众")
    return MEMBER_TYPES[text.replace(" ", "")]


def unit_category(text: str) -> UnitCategory:
    """其他 where nothing is said."""
    if text.replace(" ", "") not in UNIT_CATEGORIES:
        raise CellRefusal("单位类别请填：机关、事业、国企、高校、两新、部队、其他")
    return UNIT_CATEGORIES[text.replace(" ", "")]


def uscc(text: str) -> str | None:
    """A unified social credit code: 18 characters, the last one a check character."""
    if not text:
        return None
    if SCIENTIFIC.fullmatch(text):
        raise CellRefusal("代码被存成了科学计数，末几位已丢失，请把这一列设为文本格式后重新填写")
    plain = text.replace(" ", "").upper()
    if not USCC.fullmatch(plain) or uscc_check(plain[:17]) != plain[17]:
        raise CellRefusal("统一社会信用代码不对，应为 18 位，请核对后重填")
    return plain


def uscc_check(body: str) -> str:
    """The check character of 17 characters: weights 3^i mod 31 (GB 32100-2015)."""
    total = sum(USCC_ALPHABET.index(char) * pow(3, place, 31) for place, char in enumerate(body))
    return USCC_ALPHABET[-total % 31]
