"""Small files, small functions (house law 10). The longest are named when the limit is met, so that the next one is known."""

from __future__ import annotations

from statistics import median

import pytest

from tests.house.sources import ROOT, functions, modules

FILE_LINES = 300
FUNCTION_LINES = 50
MEDIAN_LINES = 8


@pytest.mark.parametrize("module", modules())
def test_a_file_is_no_longer_than_a_reader_s_patience(module: str) -> None:
    assert len((ROOT / module).read_text("utf-8").splitlines()) <= FILE_LINES


def test_no_function_is_longer_than_a_screen() -> None:
    assert not [name for module in modules() for name, lines in functions(module) if lines > FUNCTION_LINES]


def test_half_of_all_functions_are_tiny() -> None:
    lines = [lines for module in modules() for _, lines in functions(module)]
    assert median(lines) <= MEDIAN_LINES, sorted(lines)[-20:]
