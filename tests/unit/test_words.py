"""What the pages call things: no code of ours stands where a person reads."""

from __future__ import annotations

import importlib
import pkgutil
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import server
from server import defer, domain
from server.console import look
from server.domain.audit_words import ACTIONS, STATES, state_name
from server.domain.job_words import JOB_NAMES
from server.domain.permissions import Role
from server.domain.posters import when_and_where
from server.domain.requests import RequestState

SERVICES = Path(server.__file__).parent / "services"
MODULES = [importlib.import_module(f"server.domain.{found.name}") for found in pkgutil.iter_modules(domain.__path__)]
TABLES = {name: table for module in MODULES for name, table in vars(module).items() if name.endswith("_TRANSITIONS")}


def test_every_job_has_a_name() -> None:
    assert set(defer.JOBS) <= set(JOB_NAMES)


def test_every_action_has_a_word_in_the_audit_log() -> None:
    declared = {action.value for table in TABLES.values() for _, action in table}
    written = {word for path in SERVICES.glob("*.py") for word in re.findall(r'\baction="([a-z_]+)"', path.read_text("utf-8"))}
    assert declared | written <= set(ACTIONS)


def test_every_state_has_a_word_in_the_audit_log() -> None:
    states = {state for table in TABLES.values() for moved, _ in table for state in type(moved)}
    named = {str(word) for words in STATES.values() for word in words}
    assert [state for state in states if str(state) not in named] == []


def test_a_state_is_called_by_its_subject() -> None:
    assert [state_name("request", RequestState.TRIAGED.value), state_name("role_grant", Role.AUDITOR.value)] == ["待派单", "审计员"]
    assert [state_name("request", None), state_name("person", "M3RK")] == ["", "M3RK"]


@pytest.mark.parametrize(
    ("at", "shown", "end"),
    [
        (datetime(2026, 3, 5, 1, tzinfo=UTC), "3月5日 09:00", "3月5日 09:00"),
        (datetime(2026, 11, 27, 16, tzinfo=UTC), "11月28日 00:00", "11月27日 24:00"),
    ],
)
def test_moments_read_as_people_say_them(at: datetime, shown: str, end: str) -> None:
    assert [look.when(at), look.until(at)] == [shown, end]
    assert look.when(at, "%Y年%m月%d日") == f"2026年{shown.partition(' ')[0]}"


def test_a_span_names_its_day_once() -> None:
    start = datetime(2026, 11, 22, 10, tzinfo=UTC)
    assert look.between(start, start.replace(hour=12)) == "11月22日 18:00 至 20:00"
    assert look.between(start, start.replace(hour=22)) == "11月22日 18:00 至 11月23日 06:00"


@pytest.mark.parametrize(("hours", "shown"), [(2, "18:00—20:00"), (12, "18:00—次日06:00"), (30, "18:00—11月24日")])
def test_a_night_ends_the_next_day(hours: int, shown: str) -> None:
    start = datetime(2026, 11, 22, 10, tzinfo=UTC)
    assert when_and_where("社区大厅", start, start + timedelta(hours=hours)) == f"社区大厅　11月22日 {shown}"
