"""The bounds of the benchmark and how its figures are shown: a table for people, one JSON line for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click


@dataclass(frozen=True)
class Bound:
    """A figure's name in the JSON line, its limit, whether more is better, and what it says."""

    name: str
    limit: float
    at_least: bool
    meaning: str

    def holds(self, value: float | None) -> bool:
        """Is the figure within its limit? One that was not measured is not."""
        return value is not None and (value >= self.limit if self.at_least else value <= self.limit)


BOUNDS = (
    Bound("ratio_to_floor", 0.75, True, "scans/s ÷ the floor's, the worse of 8 and 32 connections"),
    Bound("p99_ratio", 2.0, False, "p99 ÷ the floor's, the worse of both"),
    Bound("statements", 6, False, "SQL statements a scan, the first as the hundred-thousandth"),
    Bound("open_loop_p95_ratio", 2.5, False, "20 scans/s in open loop: p95 ÷ the floor's"),
    Bound("open_loop_slowest", 10.0, False, "… slowest answer ÷ p50"),
    Bound("web_mb", 200.0, False, "MB a web process"),
    Bound("growth_mb", 15.0, False, "MB it grew from scan 10,000 to 100,000"),
    Bound("tally_lag_s", 2.0, False, "s from a confirmation to the tally, p95, 20 confirmations/s"),
)


def show(figures: Mapping[str, Any], faults: Sequence[str]) -> bool:
    """Print the table and, as the last line, the JSON object. Returns whether every bound holds and nothing was lost or doubled."""
    click.echo(f"\n{'figure':<22}{'value':>10}  {'bound':<9}")
    for bound in BOUNDS:
        value = figures.get(bound.name)
        shown = "-" if value is None else f"{value:.3f}".rstrip("0").rstrip(".")
        sign = "≥" if bound.at_least else "≤"
        click.echo(f"{bound.name:<22}{shown:>10}  {sign} {bound.limit:<6g} {'  ' if bound.holds(value) else '✗ '}{bound.meaning}")
    for fault in faults:
        click.echo(f"✗ {fault}")
    ok = not faults and all(bound.holds(figures.get(bound.name)) for bound in BOUNDS)
    click.echo(json.dumps({"ok": ok, **figures}, ensure_ascii=False))
    return ok
