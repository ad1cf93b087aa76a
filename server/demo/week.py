"""A week of members, three of residents and the end of their quarter in 示例社区, played on a fresh instance (`make demo`).

It is told as it happens, then comes a table, then one JSON line.

Everything goes through the public API, the simulator's device API and the clock port; the first login and the final check are commands.
"""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from datetime import UTC, date, datetime, timedelta

from server.demo import (
    closing,
    community,
    midweek,
    opening,
    plan,
    residents,
    residents_after,
    residents_plan,
    residents_quarter,
    residents_ratings,
    tuesday,
    weekend,
)
from server.demo.client import Refused
from server.demo.devices import Clocks, Device, DeviceError
from server.demo.telling import Telling
from server.domain.days import local_day, period_end, period_start, start_of

DAWN, WEEKS = timedelta(hours=8), timedelta(days=20)


def play(base: str, sim: str) -> int:
    """Play the whole week. Returns the exit code: 0 only if every count is what the story says."""
    telling = Telling({**plan.EXPECTED, **residents_plan.EXPECTED, **residents_ratings.EXPECTED})
    clocks = Clocks(base, Device(sim))
    monday = a_monday(local_day(datetime.now(UTC)))
    clocks.go_to(start_of(monday) + DAWN)
    town = community.found(base, clocks, monday)
    for day in (opening, tuesday, midweek, weekend):
        day.play(town, telling)
    facts = closing.play(town, telling)
    facts |= residents_after.play(town, telling, residents.play(town, telling))
    facts["tally_equals_rebuild"] &= residents_quarter.play(town, telling)
    facts["audit_chain_holds"] &= closing.audit_holds()
    return telling.finish(**facts)


def a_monday(today: date) -> date:
    """The next Monday whose week lies within one month and the residents' weeks within its quarter: no period ends on the way."""
    monday = today + timedelta(days=7 - today.weekday())
    while (monday + timedelta(days=6)).month != monday.month or period_end("quarter", period_start("quarter", monday)) <= monday + WEEKS:
        monday += timedelta(days=7)
    return monday


def main() -> int:
    """Read --base and --sim; a story that broke off says where, and its last line is JSON all the same."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--base", required=True)
    reader.add_argument("--sim", required=True)
    given = reader.parse_args()
    try:
        return play(given.base, given.sim)
    except (Refused, DeviceError) as problem:
        traceback.print_exc()
        print(json.dumps({"ok": False, "tally_equals_rebuild": False, "broke_off": str(problem)}, ensure_ascii=False), flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
