"""The benchmark's own rules: the floor is never edited, and a figure that was not measured is not a figure that holds."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.bench import report
from tests.bench.load import Phase

FLOOR = Path(__file__).resolve().parents[1] / "bench" / "floor.py"
GOOD = {bound.name: bound.limit for bound in report.BOUNDS}


def test_the_floor_is_the_one_every_ratio_is_measured_against() -> None:
    assert hashlib.sha256(FLOOR.read_bytes()).hexdigest() == "932f39f1177fe7c8c148c95519d1c411d45c2915605920d9a7581526f3d48a18"


def test_figures_at_their_bounds_hold() -> None:
    assert report.show(GOOD, [])


@pytest.mark.parametrize("bound", report.BOUNDS, ids=lambda bound: bound.name)
def test_one_figure_past_its_bound_or_missing_is_enough(bound: report.Bound, capsys: pytest.CaptureFixture[str]) -> None:
    past = bound.limit - 0.01 if bound.at_least else bound.limit + 0.01
    assert not report.show({**GOOD, bound.name: past}, [])
    assert not report.show({name: value for name, value in GOOD.items() if name != bound.name}, [])
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["ok"] is False


def test_a_lost_answer_is_worse_than_any_figure() -> None:
    assert not report.show(GOOD, ["service: 1 requests without an answer"])


def test_a_phase_knows_its_rate_and_its_slowest_answer() -> None:
    phase = Phase([], latencies=[0.001 * number for number in range(1, 101)], seconds=2.0)
    assert phase.rate == 50
    assert phase.quantile(0.5) == pytest.approx(0.051)
    assert phase.quantile(1.0) == pytest.approx(0.1)
