"""Rates as a pair (numerator, denominator): no floats, null where the denominator is 0 (docs/rules.md §4)."""

from __future__ import annotations

from typing import NamedTuple


class Rate(NamedTuple):
    """`numerator` of `denominator`, the denominator being at least 1."""

    numerator: int
    denominator: int

    @property
    def percent(self) -> str:
        """In per cent with one decimal, rounded half up: 33 of 40 → "82.5"."""
        return tenths(1000 * self.numerator, self.denominator)

    @property
    def average(self) -> str:
        """The quotient with one decimal, rounded half up: 5 of 4 → "1.3"."""
        return tenths(10 * self.numerator, self.denominator)


def rate(numerator: int, denominator: int) -> Rate | None:
    """The pair, None where there is nothing to divide by."""
    return Rate(numerator, denominator) if denominator else None


def tenths(numerator: int, denominator: int) -> str:
    """numerator ÷ denominator rounded half up to a whole number of tenths, written with one decimal."""
    whole = (2 * numerator + denominator) // (2 * denominator)
    return f"{whole // 10}.{whole % 10}"
