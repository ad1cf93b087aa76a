"""Rendered documents are fresh (house law 8), and the hand-written ones name everything that exists."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from server.dev import documents
from server.dev.documents import settings
from server.domain.permissions import Permission
from server.services.policies import POLICIES
from tests.house.sources import ROOT


@pytest.mark.parametrize("name", sorted(documents.DOCUMENTS))
def test_the_document_says_what_the_tables_say(name: str) -> None:
    assert (ROOT / "docs" / name).read_text("utf-8") == documents.DOCUMENTS[name](), "run `gongjian docs`"


def test_writing_twice_changes_nothing(tmp_path: Path) -> None:
    assert documents.write(tmp_path) == list(documents.DOCUMENTS)
    assert documents.stale(tmp_path) == []
    (tmp_path / "errors.md").write_text("old")
    assert documents.write(tmp_path) == ["errors.md"]


def test_every_key_of_the_configuration_is_explained() -> None:
    assert [key.full for key in settings.listed() if not key.meaning] == []


def test_every_key_of_the_file_is_read() -> None:
    sections = tomllib.loads((ROOT / "config.toml").read_text("utf-8"))
    assert {key.full for key in settings.listed()} == set(_flat(sections))


def _flat(table: dict[str, object], before: str = "") -> list[str]:
    names: list[str] = []
    for name, value in table.items():
        names += _flat(value, f"{before}{name}.") if isinstance(value, dict) else [f"{before}{name}"]
    return names


def test_every_policy_has_a_sentence_and_bounds_that_hold_its_default() -> None:
    assert all(policy.meaning and policy.low <= int(policy.default) <= policy.high for policy in POLICIES.values())


def test_every_dependency_is_accounted_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    names = {re.split(r"[\[=<>; ]", line)[0] for line in wanted}
    listed = set(re.findall(r"^\| `([\w.-]+)`", (ROOT / "docs/dependencies.md").read_text("utf-8"), re.MULTILINE))
    vendored = {path.name for path in (ROOT / "server/console/static/vendor").glob("*.js")}
    assert listed == names | vendored


def test_every_rule_is_explained() -> None:
    text = (ROOT / "docs/rules.md").read_text("utf-8")
    assert [rule for rule in range(1, 9) if f"### R{rule} " not in text] == []


def test_the_grid_holds_every_permission() -> None:
    text = (ROOT / "docs/permissions.md").read_text("utf-8")
    assert [permission for permission in Permission if f"| `{permission.value}` |" not in text] == []
