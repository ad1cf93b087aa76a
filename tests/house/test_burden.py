"""R1, R2, R5, R7: what this system must not be able to measure, rank or collect (docs/rules.md §4, "Never measured")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import miniprogram_api
from server.db.base import Base
from server.domain.notices import NoticeKind
from server.services.policies import POLICIES
from tests.house.sources import application

FORBIDDEN = re.compile(
    r"login_count|login_days|logins_per|online|install|active_users|dau\b|session_length|duration_in_app|open_count|open_rate|"
    r"bind(ing)?_rate|ranking|\brank\b|leaderboard|top_\d|likes?\b|shares?_count|votes?_count|share_count|like_count|streak|"
    r"not_scanned|unscanned|overdue_person|id_card|id_number|identity_no|身份证|track\b|trajectory|latitude|longitude|"
    r"room_no|face|last_active|打卡|排名|在线时长"
)
# The place of a task is published by its organiser; a person's place is never a pair of numbers.
PLACES_OF_THINGS = {"place_lat_e6", "place_lng_e6"}


def names_in_the_database() -> Iterator[str]:
    for table in Base.metadata.sorted_tables:
        yield table.name
        yield from (column.name for column in table.columns)


def names_in_the_api(node: Any) -> Iterator[str]:
    """Every property, parameter and operation under this part of the document."""
    if isinstance(node, dict):
        yield from (str(name) for name in node.get("properties", {}))
        yield from (str(node[key]) for key in ("operationId",) if key in node)
        yield from ([str(node["name"])] if "in" in node and "name" in node else [])
        for value in node.values():
            yield from names_in_the_api(value)
    elif isinstance(node, list):
        for value in node:
            yield from names_in_the_api(value)


def test_the_database_keeps_nothing_that_may_not_be_measured() -> None:
    assert not {name for name in names_in_the_database() if FORBIDDEN.search(name)}


def test_the_api_tells_nothing_that_may_not_be_measured() -> None:
    found = set(names_in_the_api(miniprogram_api.document()))
    assert "code" in found, "the walk reaches the schemas"
    assert not {name for name in found if FORBIDDEN.search(name)}


def test_no_route_is_a_ranking() -> None:
    assert not [rule.rule for rule in application().url_map.iter_rules() if FORBIDDEN.search(rule.rule)]


def test_a_position_of_a_person_is_a_word() -> None:
    """R5: in or out of range, as a boolean, and only where it is a scan or a record."""
    numbers = {name for name in names_in_the_database() if re.search(r"lat_|lng_|lon_|_e6|accuracy", name)}
    assert numbers <= PLACES_OF_THINGS


def test_a_list_may_not_be_sorted_by_what_people_did() -> None:
    sortable = [
        parameter
        for path in miniprogram_api.document()["paths"].values()
        for operation in path.values()
        for parameter in operation.get("parameters", [])
        if parameter["name"] in ("sort", "order", "order_by")
    ]
    assert not sortable


def test_reminders_can_be_turned_off_and_there_is_one_kind_of_them() -> None:
    assert "reminders.on" in POLICIES
    assert [kind for kind in NoticeKind if "remind" in kind or "urge" in kind] == [NoticeKind.REMINDER]
