"""The story is consistent in itself, and the demonstration plays it from outside only."""

from __future__ import annotations

import ast
import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from server.demo import pictures, plan, story
from server.demo.phones import number_of
from server.demo.telling import Telling
from server.demo.week import a_monday
from server.domain.days import period_start

DEMO = Path(__file__).resolve().parents[2] / "server" / "demo"
# Beside itself: settings, the file that tells `gongjian run` who may sign in, and two pure tables. Nothing that opens the database.
MAY_IMPORT = ("server.demo", "server.config", "server.dev.instance", "server.domain.days", "server.domain.passwords")
STAFF = (story.OFFICER, story.SECRETARY, story.CLERK, story.ORGANISER, story.GRID_WORKER, story.NEXT_DOOR, story.STREET_OFFICER)


def imports_of(module: Path) -> list[str]:
    """Dotted names of what a module imports, `from a import b` as a.b."""
    found = []
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            found += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
    return found


@pytest.mark.parametrize("module", sorted(DEMO.glob("*.py")), ids=lambda path: str(path.name))
def test_the_demonstration_reaches_the_service_from_outside_only(module: Path) -> None:
    ours = [name for name in imports_of(module) if name.split(".")[0] in ("server", "miniprogram_api", "jobs", "qr", "sqlalchemy")]
    assert not [name for name in ours if not name.startswith(MAY_IMPORT)]


def test_forty_members_of_three_units_each_with_a_number() -> None:
    assert (len(story.ALL), len(story.MEMBERS), len(story.UNITS)) == (40, 3, 3)
    everybody = {*story.ALL, *STAFF}
    assert len(everybody) == 47
    assert len({number_of(name) for name in everybody}) == 47
    assert all(unit.liaison in story.MEMBERS[unit.name] for unit in story.UNITS)


def test_the_figures_are_those_the_story_was_written_with() -> None:
    assert plan.figures() == (32, 3270, 31)
    assert [plan.figures(unit) for unit in story.MEMBERS] == [(11, 1260, 10), (10, 1020, 10), (11, 990, 11)]
    assert plan.own("张三") == (2, 240)
    assert plan.own(plan.SCANS_ONLY) == plan.own(plan.TICKED_WRONGLY) == (0, 0), "a scan alone and a voided record count nothing"


@pytest.mark.parametrize("ahead", range(0, 400, 7))
def test_the_week_stays_in_its_month_and_the_residents_weeks_in_its_quarter(ahead: int) -> None:
    for today in (date(2026, 1, 1) + timedelta(days=ahead + day) for day in range(7)):
        monday = a_monday(today)
        assert monday > today
        assert monday.weekday() == 0
        assert (monday + timedelta(days=6)).month == monday.month
        assert period_start("quarter", monday + timedelta(days=20)) == period_start("quarter", monday)


def test_a_count_that_differs_fails_the_week(capsys: pytest.CaptureFixture[str]) -> None:
    telling = Telling({"posters": ("海报", 2)})
    telling.count("posters")
    assert telling.wrong() == ["posters"]
    assert telling.finish(tally_equals_rebuild=True) == 1
    telling.count("posters")
    assert telling.finish(tally_equals_rebuild=False) == 1
    assert telling.finish(tally_equals_rebuild=True) == 0
    last = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert (last["ok"], last["tally_equals_rebuild"], last["counts"]) == (True, True, {"posters": 2})


def test_a_count_nobody_expects_is_a_mistake_in_the_story() -> None:
    with pytest.raises(KeyError):
        Telling({"posters": ("海报", 2)}).count("poster")


def test_a_picture_is_read_from_its_pixels() -> None:
    assert pictures.read(pictures.screen(plan.FOREIGN_TOKEN)) == plan.FOREIGN_TOKEN
    assert pictures.read(pictures.photo(1)) is None
    assert pictures.read(b"not a picture") is None


def test_a_phone_leaves_its_position_in_a_photo() -> None:
    assert pictures.has_exif(pictures.photo(1))
    assert pictures.photo(1) == pictures.photo(1) != pictures.photo(2)
    assert not pictures.has_exif(pictures.screen("x"))
