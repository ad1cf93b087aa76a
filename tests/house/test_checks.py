"""The checkers themselves, so that `make test` covers them: layers, lint, format, types."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from server import VERSION
from tests.house.sources import ROOT

BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("lint-imports", "--no-cache", "--no-logo"), id="layers"),
        pytest.param(("ruff", "check", "--no-cache", "."), id="lint"),
        pytest.param(("ruff", "format", "--check", "--no-cache", "."), id="format"),
        pytest.param(("mypy",), id="types"),
    ],
)
@pytest.mark.timeout(300)
def test_the_checker_finds_nothing(command: tuple[str, ...]) -> None:
    done = subprocess.run((BIN / command[0], *command[1:]), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_version_is_said_once() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"] == VERSION
