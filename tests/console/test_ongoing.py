"""Where a job goes on, its own card says so; no sentence above it stays when it is done."""

from __future__ import annotations

from datetime import datetime

from flask import Flask

from server.domain.permissions import Role
from tests.console.conftest import Seat, seat_of
from tests.factories.people import Tree

SENTENCE = 'class="said done"'


def test_counting_is_said_by_its_card_alone(tree: Tree, secretary: Seat) -> None:
    secretary.get("/console/figures")
    secretary.post("/console/figures/recount", at=tree.community.public_id, period="quarter", on="2026-01-01")
    assert (secretary.status, "正在统计" in secretary.said, SENTENCE in secretary.html) == (200, True, False)


def test_verifying_is_said_by_its_card_alone(app: Flask, tree: Tree, now: datetime) -> None:
    auditor = seat_of(app, now, Role.AUDITOR, tree.county)
    auditor.get("/console/audit")
    auditor.post("/console/audit/verify")
    assert (auditor.status, "正在核验" in auditor.said, SENTENCE in auditor.html) == (200, True, False)
    auditor.get("/console/audit")
    assert SENTENCE not in auditor.html
