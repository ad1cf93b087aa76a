"""The sheet of paper slips: a slip for each code, every question on each, and nothing that tells them apart but the code."""

from __future__ import annotations

import pypdfium2  # type: ignore[import-untyped]
import pytest

from qr import slips
from server.services.review_slips import ADVICE

CODES = ["4CZ8WQ3N7T1KD", "0123456789ABC", "ZZZZZZZZZZZZZ"]
ANSWERS = ("已解决", "没解决", "说不准")


def a_ballot(questions: int) -> slips.Ballot:
    words = tuple(f"公共设施维修：办了 {number + 1} 轮，用时 {number} 天，已交街道" for number in range(questions))
    return slips.Ballot("示例社区 2026 年第一季度评价例会 匿名票", ADVICE, words, ANSWERS, "https://gongjian.example.org/vote")


def pages(data: bytes) -> list[str]:
    with pypdfium2.PdfDocument(data) as document:
        return [page.get_textpage().get_text_range() for page in document]


@pytest.mark.parametrize(("questions", "sheets"), [(1, 2), (8, 2), (9, 3), (40, 3)])
def test_each_code_has_a_slip_with_every_question(questions: int, sheets: int) -> None:
    found = pages(slips.pdf(a_ballot(questions), CODES))
    text = "".join("".join(found).split())
    assert len(found) == sheets
    assert [text.count(code) for code in CODES] == [1, 1, 1]
    assert [text.count(f"办了{number + 1}轮") for number in range(questions)] == [3] * questions
    assert [text.count(answer) for answer in ANSWERS] == [3 * questions] * 3


def test_nothing_to_print_is_said() -> None:
    with pytest.raises(ValueError, match="no slips"):
        slips.pdf(a_ballot(1), [])


def test_a_code_is_read_in_fours() -> None:
    assert slips.spaced(CODES[0]) == "4CZ8 WQ3N 7T1K D"
