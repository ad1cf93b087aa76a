"""投诉建议 at the desk: entered for somebody, answered by the right one, read out."""

from __future__ import annotations

from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import select

from server.db.base import transaction
from server.db.models.feedbacks import Feedback
from server.domain.feedbacks import FeedbackState
from server.domain.permissions import Role
from tests.console.conftest import Seat, seat_of
from tests.factories.people import Tree

SAID = {
    "kind": "suggestion", "about": "service", "text": "通知能不能提前三天<script>", "number": "", "name": "王奶奶", "phone": "",
    "consent": "spoken",
}  # fmt: skip


def only() -> Feedback:
    with transaction() as session:
        return session.execute(select(Feedback)).scalar_one()


@pytest.fixture
def clerk(app: Flask, tree: Tree, now: datetime) -> Seat:
    """周干事."""
    return seat_of(app, now, Role.CLERK, tree.community, "周干事")


def entered(clerk: Seat, **over: str) -> str:
    clerk.get("/console/feedbacks/new")
    clerk.post("/console/feedbacks/new", **{**SAID, **over})
    assert "已记下，五个工作日内答复" in clerk.said, clerk.said
    return f"/console/feedbacks/{only().public_id}"


def test_entered_answered_and_read_out(clerk: Seat, secretary: Seat) -> None:
    to = entered(clerk)
    assert "王奶奶" in clerk.said
    secretary.get("/console/feedbacks")
    assert "还有 5 个工作日" in secretary.said
    assert "王奶奶" not in secretary.said
    secretary.get(to)
    assert "通知能不能提前三天<script>" in secretary.said
    assert "三天<script>" not in secretary.html
    secretary.get(f"{to}/answer")
    secretary.post(f"{to}/answer", text="")
    assert secretary.status == 422
    secretary.post(f"{to}/answer", text="谢谢，下周起提前三天")
    clerk.get("/console/feedbacks/entered?to_tell=1")
    assert "请念给本人" in clerk.said
    clerk.get(to)
    assert "谢谢，下周起提前三天" in clerk.said
    clerk.post(f"{to}/told")
    assert only().told_at is not None
    clerk.get(f"{to}/ask-again")
    clerk.post(f"{to}/ask-again", text="还是没有通知")
    assert only().state is FeedbackState.OPEN
    secretary.get(to)
    assert secretary.status == 404


def test_what_is_about_staff_goes_past_the_community(app: Flask, tree: Tree, now: datetime, clerk: Seat, secretary: Seat) -> None:
    to = entered(clerk, about="staff", kind="complaint")
    secretary.get("/console/feedbacks")
    assert "没有要答复的" in secretary.said
    secretary.get(to)
    assert secretary.status == 404
    county = seat_of(app, now, Role.COUNTY, tree.county, "县里")
    county.get("/console/feedbacks")
    assert "通知能不能提前三天" in county.said
    county.get(f"{to}/answer")
    county.post(f"{to}/answer", text="已核实")
    assert only().state is FeedbackState.ANSWERED


def test_handing_up_and_withdrawing(clerk: Seat, secretary: Seat) -> None:
    to = entered(clerk)
    secretary.get(to)
    secretary.post(f"{to}/hand-up")
    assert "已交县里答复" in secretary.said, secretary.said
    clerk.get(to)
    clerk.post(f"{to}/withdraw")
    assert only().state is FeedbackState.WITHDRAWN


@pytest.mark.parametrize("step", ["", "/answer", "/ask-again"])
def test_a_stranger_finds_nothing(clerk: Seat, stranger: Seat, step: str) -> None:
    to = entered(clerk)
    stranger.get(f"{to}{step}")
    assert stranger.status == 404
    for click in ("hand-up", "told", "withdraw"):
        stranger.get("/console")
        stranger.post(f"{to}/{click}")
        assert stranger.status == 404


def test_a_wrong_number_keeps_what_was_typed(clerk: Seat) -> None:
    clerk.get("/console/feedbacks/new")
    clerk.post("/console/feedbacks/new", **{**SAID, "number": "SQ-9"})
    assert (clerk.status, "没有这个单号" in clerk.said, "王奶奶" in clerk.html) == (422, True, True)
