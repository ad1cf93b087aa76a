"""`make demo` from the outside. This is the slowest test of all: a whole instance, a whole week."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from server.demo import plan

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 400


@pytest.mark.timeout(SECONDS + 20)
def test_the_week_is_played_and_every_count_is_what_the_story_says(tmp_path: Path) -> None:
    env = {**os.environ, "TMPDIR": str(tmp_path), "GONGJIAN_ENVIRONMENT": "development"}
    done = subprocess.run(
        [sys.executable, "-m", "server", "demo"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    said = done.stdout.strip().splitlines()
    assert said, done.stderr[-2000:]
    told = json.loads(said[-1])
    wrong = {name: (wanted, told["counts"][name]) for name, (_, wanted) in plan.EXPECTED.items() if told["counts"][name] != wanted}
    assert not wrong, "(expected, got)"
    assert (told["ok"], told["tally_equals_rebuild"], told["audit_chain_holds"], done.returncode) == (True, True, True, 0)
    assert not list(tmp_path.glob("gj-demo-*")), "the instance is gone with its directory"
