"""Duplicates and categories: labelled cases, with the precision and recall they are held to."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from server.domain import classify
from server.domain.duplicates import Said, likeness, reasons, same_place

CASES = json.loads(Path(__file__).with_name("duplicates.json").read_text("utf-8"))
DAY = date(2026, 3, 2)


def seems_same(case: dict[str, object]) -> bool:
    """What the rule says of a labelled pair."""
    one, other = ({"category": "", **case[name]} for name in ("one", "other"))  # type: ignore[dict-item]
    return bool(reasons(Said(**one, day=DAY), Said(**other, day=DAY + timedelta(days=case["days"]))))  # type: ignore[arg-type]


def test_precision_and_recall_over_the_labelled_cases() -> None:
    said = [(seems_same(case), bool(case["same"])) for case in CASES]
    hits = sum(guess and label for guess, label in said)
    guessed, labelled = sum(guess for guess, _ in said), sum(label for _, label in said)
    print(f"{len(CASES)} cases: precision {hits}/{guessed}, recall {hits}/{labelled}")  # noqa: T201 - the figures are the result
    assert len(CASES) >= 60
    assert 0 < labelled < len(CASES)
    assert 10 * hits >= 8 * guessed
    assert 10 * hits >= 8 * labelled


def test_it_does_not_matter_which_came_first() -> None:
    for case in CASES:
        assert seems_same(case) == seems_same({**case, "one": case["other"], "other": case["one"]})


def test_every_reason_names_the_field_that_was_compared() -> None:
    one = Said("repairs", "楼道灯不亮", "3号楼", DAY)
    found = reasons(one, Said("repairs", "楼道的灯坏了", "三幢", DAY + timedelta(days=2)))
    assert [reason.field for reason in found] == ["submitted_at", "place", "content", "category"]
    assert [reason.sentence for reason in found][:2] == ["两次提交相隔 2 天", "地点相同"]


def test_a_week_and_a_day_are_too_far_apart() -> None:
    one = Said("repairs", "楼道灯不亮", "3号楼", DAY)
    assert reasons(one, Said("repairs", "楼道灯不亮", "3号楼", DAY + timedelta(days=7)))
    assert not reasons(one, Said("repairs", "楼道灯不亮", "3号楼", DAY + timedelta(days=8)))


@pytest.mark.parametrize(("one", "other"), [("3号楼", "三幢"), ("十二号楼", "12栋"), ("3 号楼", "３号楼"), ("东门。", "东门")])
def test_the_same_place_in_other_words(one: str, other: str) -> None:
    assert same_place(one) == same_place(other)


def test_likeness_is_a_percentage_of_shared_pairs() -> None:
    assert likeness("楼道灯不亮", "楼道灯不亮") == 100
    assert likeness("楼道灯不亮", "") == 0
    assert likeness("路灯", "停水") == 0


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("三号楼的电梯又坏了", "repairs"),
        ("楼下烧烤店太吵", "noise"),
        ("昨晚停电到现在", "utilities"),
        ("想问医保怎么报销", "policy"),
        ("有人遛狗不拴绳", "pets"),
        ("东门垃圾没人收，很臭", "environment"),
        ("业主车位被占", "parking"),
        ("物业费太高，物业不管事", "property"),
    ],
)
def test_the_words_speak_for_a_category(text: str, category: str) -> None:
    best = classify.guesses(text)[0]
    assert best.category == category
    assert all(word in text for word in best.words)


def test_words_that_say_nothing_suggest_nothing() -> None:
    assert classify.guesses("你好") == ()
