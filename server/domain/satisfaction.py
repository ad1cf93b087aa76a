"""响应率, 解决率, 满意率 and 三率综合 from valid answers (docs/rules.md §4). Pure; whole numbers only.

satisfaction = (satisfied + 0.9 × basically satisfied) ÷ valid; the plain variant counts both as one. Composite = 0.1 response + 0.5 solve +
0.4 satisfaction, of rates in per cent. Valid is who was reached and answered, whether by a ballot or a call.
"""

from __future__ import annotations

from typing import NamedTuple

from server.domain.rates import Rate, rate


class Answered(NamedTuple):
    """Valid answers, and how many of them say so."""

    valid: int
    contacted: int
    solved: int
    satisfied: int
    basic: int

    def plus(self, other: Answered) -> Answered:
        """Both together."""
        return Answered(*(mine + its for mine, its in zip(self, other, strict=True)))


class ThreeRates(NamedTuple):
    """The rates of a scope; None where nobody answered."""

    response: Rate | None
    solve: Rate | None
    satisfaction: Rate | None
    satisfaction_plain: Rate | None
    composite: Rate | None


NOBODY = Answered(0, 0, 0, 0, 0)


def rates(said: Answered) -> ThreeRates:
    """All five; tenths and hundredths are kept in the denominators, so nothing is rounded twice."""
    weighted = 10 * said.satisfied + 9 * said.basic
    composite = 10 * said.contacted + 50 * said.solved + 4 * weighted
    return ThreeRates(
        rate(said.contacted, said.valid),
        rate(said.solved, said.valid),
        rate(weighted, 10 * said.valid),
        rate(said.satisfied + said.basic, said.valid),
        rate(composite, 100 * said.valid),
    )
