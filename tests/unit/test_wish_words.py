"""What may be published about a micro-wish: no number that leads to a person, no money."""

import pytest

from server.domain.problems import Problem
from server.domain.wishes import Words, asks_cash, check_words, details_in

TELLING = [
    "请打13912345678",
    "电话 139 1234 5678",
    "电话１３９１２３４５６７８",
    "座机 0571-8765 4321",
    "小灵通87654321",
    "身份证11010119900307123X",
    "卡号6222 0212 3456 7890",
    "送到3幢",
    "送到三号楼",
    "住5单元",
    "在 12 栋楼下",
    "家在502室",
    "人民路25号",
    "幸福小区8号",
    "地址 3-2-501",
]
HARMLESS = [
    "想要一台声音大、按键大的收音机",
    "一辆二手轮椅",
    "五号电池二十节",
    "一双42码的棉鞋",
    "一套五年级的课外书",
    "3月5日前修好窗户",
    "一台200元左右的电饭锅",
    "请人来家里打扫一次卫生",
    "A4纸两包",
]


@pytest.mark.parametrize("text", TELLING)
def test_what_leads_to_a_person_or_a_door_is_found(text: str) -> None:
    assert details_in(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_a_wish_in_plain_words_passes(text: str) -> None:
    assert not details_in(text)
    assert not asks_cash(text)
    check_words(Words("银杏奶奶", text, 12_000), cap_fen=30_000, names=["王秀英"])


@pytest.mark.parametrize("text", ["想要三百元现金", "发个红 包", "转账给我", "一张购物卡", "帮忙还债", "话费一百元", "想借钱看病"])
def test_money_and_what_is_as_good_is_refused(text: str) -> None:
    assert asks_cash(text)
    assert refusal(Words("银杏奶奶", text, 100)) == ("WISH_CASH", {"content"})


@pytest.mark.parametrize(
    ("words", "code", "field"),
    [
        (Words("王秀英", "一台收音机", 100), "WISH_DETAILS", "alias"),
        (Words("银杏奶奶", "王秀英想要一台收音机", 100), "WISH_DETAILS", "content"),
        (Words("3幢的奶奶", "一台收音机", 100), "WISH_DETAILS", "alias"),
        (Words("银杏奶奶", "一台收音机", 30_001), "WISH_VALUE", "value_fen"),
        (Words("银杏奶奶", "一台收音机", -1), "WISH_VALUE", "value_fen"),
    ],
)
def test_the_field_at_fault_is_named(words: Words, code: str, field: str) -> None:
    assert refusal(words) == (code, {field})


def test_the_cap_itself_is_allowed() -> None:
    check_words(Words("银杏奶奶", "一台收音机", 30_000), cap_fen=30_000)


def refusal(words: Words) -> tuple[str, set[str]]:
    with pytest.raises(Problem) as refused:
        check_words(words, cap_fen=30_000, names=["王秀英"])
    return refused.value.code, set(refused.value.fields)
