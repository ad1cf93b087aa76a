"""Money: 分 inside, yuan outside."""

import pytest

from server.domain.money import fen, yuan


@pytest.mark.parametrize(("text", "amount"), [("0", 0), ("120", 12000), (" 120.5 ", 12050), ("120.05", 12005), ("9999999.99", 999999999)])
def test_what_people_write(text: str, amount: int) -> None:
    assert fen(text) == amount


@pytest.mark.parametrize("text", ["", "-1", "1.234", "1e3", "1,2", ".5", "１２", "一百", "12345678"])
def test_what_is_no_amount(text: str) -> None:
    assert fen(text) is None


@pytest.mark.parametrize(("amount", "text"), [(0, "0"), (5, "0.05"), (12000, "120"), (12050, "120.50")])
def test_how_it_is_shown(amount: int, text: str) -> None:
    assert yuan(amount) == text
    assert fen(text) == amount
