"""Rates: a pair, rounded half up when shown, nothing where there is nothing to divide by."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from server.domain.rates import rate


def test_the_worked_examples() -> None:
    shown = [rate(*pair).percent for pair in ((38, 40), (30, 40), (33, 40), (1, 3), (2, 3), (1, 8), (1, 16), (1, 2000))]
    assert shown == ["95.0", "75.0", "82.5", "33.3", "66.7", "12.5", "6.3", "0.1"]
    assert rate(5, 4).average == "1.3"
    assert rate(0, 0) is None
    assert rate(3, 0) is None


@given(st.integers(0, 10**9), st.integers(1, 10**9))
def test_half_a_tenth_goes_up(numerator: int, denominator: int) -> None:
    shown = Fraction(rate(numerator, denominator).percent)
    exact = Fraction(100 * numerator, denominator)
    assert -Fraction(1, 20) < shown - exact <= Fraction(1, 20)
