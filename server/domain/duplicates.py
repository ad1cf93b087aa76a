"""Are two requests about the same thing? Place, words and days are compared, and every reason names the field (mission row C2). Pure.

Words are compared by the pairs of neighbouring characters they share (Jaccard), after filler is dropped and a few synonyms are made one.
Different buildings are different things, however alike the words are. tests/unit/duplicates.json holds labelled cases.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

WITHIN_DAYS = 7
FIELD_NAMES: Mapping[str, str] = {"submitted_at": "提交日期", "place": "地点", "content": "文字", "category": "类别"}
ALIKE = {"same": 15, "near": 20, "unknown": 34}  # percent of shared pairs asked for, by what is known of the places
DIGITS = str.maketrans("零一二三四五六七八九两", "01234567892")
TENS = re.compile(r"([一二三四五六七八九]?)十([一二三四五六七八九]?)(?=[号幢栋楼单层期])")
NUMBERED = re.compile(r"[零一二三四五六七八九两]+(?=[号幢栋楼单层期])")
BUILDING = re.compile(r"(\d+)(?:号楼|幢|栋|号)")
FILLER = re.compile(
    r"希望|请问|麻烦|能不能|可以|帮忙|反映|我们|我家|他们|大家|社区|小区|尽快|一下|一直|经常|好几天|几天|现在|还是|还有|很多|太多|"
    r"非常|没有人|没人|有人|怎么|什么时候|谢谢|安排|[请想要求了的地得很太又还也都就是在被把吗呢吧啊们个]"
)
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "坏": ("不亮", "坏掉", "失灵", "故障", "损坏", "破损", "停了", "断了", "裂开", "裂了", "松动", "松了"),
    "堵": ("堵塞", "堵住", "占用", "占"),
    "吵": ("噪音很大", "噪音", "声太大", "音乐太大"),
    "夜": ("半夜", "深夜", "夜里", "晚上", "昨晚"),
    "拴绳": ("牵绳",),
    "摔": ("摔跤", "摔倒"),
    "味": ("味道", "异味", "臭味", "气味"),
    "裂": ("爆裂", "爆"),
    "脏": ("打扫", "清扫", "清理", "清运"),
    "孩": ("孩子", "小孩", "儿童"),
    "老": ("老人", "奶奶", "爷爷"),
}
WORDS = sorted(((word, one) for one, words in SYNONYMS.items() for word in words), key=lambda pair: -len(pair[0]))


@dataclass(frozen=True)
class Said:
    """What a request says: its category, words ('' for none), coarse place ('' for none) and local day."""

    category: str
    words: str
    place: str
    day: date


@dataclass(frozen=True)
class Reason:
    """Why they seem the same: the field that was compared, and one Chinese sentence."""

    field: str
    sentence: str


def reasons(one: Said, other: Said) -> tuple[Reason, ...]:
    """Why these two are probably one; empty where they probably are not."""
    apart = abs((one.day - other.day).days)
    places = _places(one, other)
    if apart > WITHIN_DAYS or places == "different":
        return ()
    found = [Reason("submitted_at", f"两次提交相隔 {apart} 天" if apart else "同一天提交")]
    if places in ("same", "near"):
        found.append(Reason("place", "地点相同" if places == "same" else "地点相近"))
    if not one.words and not other.words:
        return (*found, Reason("category", "类别相同，都没有文字")) if places == "same" and one.category == other.category else ()
    shared = likeness(one.words, other.words)
    if shared < ALIKE[places]:
        return ()
    found.append(Reason("content", f"文字有 {shared}% 相同"))
    return (*found, Reason("category", "类别相同")) if one.category == other.category else tuple(found)


def likeness(one: str, other: str) -> int:
    """Percent of the pairs of neighbouring characters two texts share, after normalising; 0 where one has none."""
    left, right = pairs(one), pairs(other)
    return 100 * len(left & right) // len(left | right) if left and right else 0


def pairs(text: str) -> frozenset[str]:
    """The pairs of neighbouring characters of what is left of a text without places, filler and punctuation."""
    plain = BUILDING.sub("", _numbers(text))
    plain = FILLER.sub("", plain)
    for word, one in WORDS:
        plain = plain.replace(word, one)
    plain = "".join(char for char in plain if char.isalnum())
    return frozenset(plain[at : at + 2] for at in range(len(plain) - 1)) or frozenset([plain] if plain else [])


def same_place(text: str) -> str:
    """A place as it is compared: Arabic numbers, one word for building, no blanks or punctuation."""
    plain = re.sub(r"(\d+)(?:号楼|幢|栋)", r"\1号楼", _numbers(text))
    return "".join(char for char in plain if char.isalnum())


def _places(one: Said, other: Said) -> str:
    left, right = same_place(one.place), same_place(other.place)
    buildings = [set(BUILDING.findall(_numbers(said.place + said.words))) for said in (one, other)]
    if all(buildings) and not buildings[0] & buildings[1]:
        return "different"
    if left and right:
        if left == right:
            return "same"
        return "near" if left in right or right in left or buildings[0] & buildings[1] else "different"
    return "unknown"


def _numbers(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).replace(" ", "")
    text = TENS.sub(lambda found: f"{found[1] or '一'}{found[2] or '零'}".translate(DIGITS), text)
    return NUMBERED.sub(lambda found: found[0].translate(DIGITS), text)
