"""回访 and 内容待查 at the desk: whom to call with the script, the number by a logged reading; words a human looks at."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import func, select

from server.db.base import transaction
from server.db.models.requests import ContactReading, Request
from server.domain.permissions import Role
from server.domain.requests import CheckState, RequestState
from server.services import ballot_openings, requests
from tests.conftest import Time
from tests.console.conftest import Seat, seat_of
from tests.factories.people import Tree
from tests.factories.ratings import VERY, a_finished, ballot, cast_ballots
from tests.factories.requests import a_request

SAID = {"reached": "yes", "contacted": "yes", "solved": "yes", "reason": "", "satisfaction": "very"}


def again(request: Request) -> Request:
    with transaction() as session:
        return requests.by_public_id(session, request.public_id)


@pytest.fixture
def finished(tree: Tree, now: datetime, time: Time) -> Request:
    """Finished long enough ago to be called about."""
    with transaction() as session:
        made = a_finished(session, now, tree)
    time.advance(days=8)
    return made


@pytest.fixture
def clerk(app: Flask, tree: Tree, finished: Request, time: Time) -> Seat:
    """周干事, today."""
    return seat_of(app, time.now, Role.CLERK, tree.community, "周干事")


def test_whom_to_call_what_to_say_and_the_number_once_asked_for(clerk: Seat, finished: Request) -> None:
    clerk.get("/console/callbacks")
    for words in (str(finished.number), "王阿姨", "****", "去回访"):
        assert words in clerk.said
    address = f"/console/requests/{finished.public_id}"
    clerk.get(address)
    assert "登记回访" in clerk.said
    clerk.get(f"{address}/callback")
    assert "不是匿名的" in clerk.said
    assert 'href="tel:' not in clerk.html
    clerk.post(f"{address}/callback/number")
    assert 'href="tel:139' in clerk.html
    with transaction() as session:
        assert session.execute(select(func.count()).select_from(ContactReading)).scalar_one() == 1
    clerk.post(f"{address}/callback", **SAID)
    assert "已登记回访" in clerk.said
    assert again(finished).state is RequestState.CLOSED


def test_not_solved_needs_a_reason_and_sends_it_round_again(clerk: Seat, finished: Request) -> None:
    address = f"/console/requests/{finished.public_id}/callback"
    clerk.get(address)
    clerk.post(address, **{**SAID, "solved": "no"})
    assert (clerk.status, "请选一个原因" in clerk.said) == (422, True)
    clerk.post(address, **{**SAID, "solved": "no", "reason": "came_back", "satisfaction": ""})
    assert again(finished).state is RequestState.REWORK


def test_a_stranger_calls_nobody(app: Flask, tree: Tree, finished: Request, time: Time) -> None:
    stranger = seat_of(app, time.now, Role.SECRETARY, tree.neighbour, "赵书记")
    for act in (lambda: stranger.get(f"/console/requests/{finished.public_id}/callback"),
                lambda: stranger.post(f"/console/requests/{finished.public_id}/callback", **SAID),
                lambda: stranger.post(f"/console/requests/{finished.public_id}/callback/number")):  # fmt: skip
        stranger.get("/console")
        act()
        assert stranger.status == 404
    assert again(finished).state is RequestState.FINISHED


def test_who_is_not_due_is_not_called(secretary: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        made = a_finished(session, now, tree)
    secretary.get(f"/console/requests/{made.public_id}")
    assert "登记回访" not in secretary.said
    secretary.get(f"/console/requests/{made.public_id}/callback")
    assert (secretary.status, "还没到回访的日子" in secretary.said) == (409, True)


def test_words_are_looked_at_and_passed_or_refused(secretary: Seat, stranger: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        one, two = (a_request(session, now, tree, text_check=CheckState.REVIEW, content=f"<i>灯{n}</i>") for n in range(2))
    secretary.get("/console/content-checks")
    assert str(one.number) in secretary.said
    address = f"/console/content-checks/{one.public_id}"
    stranger.get(address)
    assert stranger.status == 404
    secretary.get(address)
    assert "<i>灯0</i>" not in secretary.html
    secretary.post(address, decision="refuse", reason="")
    assert (secretary.status, "请写明原因" in secretary.said) == (422, True)
    secretary.post(address, decision="refuse", reason="有别人的电话")
    assert again(one).check_state is CheckState.REFUSED
    secretary.get(f"/console/content-checks/{two.public_id}")
    secretary.post(f"/console/content-checks/{two.public_id}", decision="pass", reason="")
    assert "已通过" in secretary.said
    assert again(two).check_state is CheckState.PASSED


def test_comments_of_ballots_are_read_first(secretary: Seat, stranger: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        request = a_finished(session, now, tree)
        cell = cast_ballots(session, request, [ballot(VERY, comment=f"<b>谢谢{n}</b>") for n in range(5)])
        ballot_openings.open_cell(session, cell.id, now=now)
    secretary.get("/console/content-checks/comments")
    assert secretary.said.count("<b>谢谢") == 5
    assert "<b>谢谢" not in secretary.html
    (key, *_) = re.findall(r"/console/content-checks/comments/([^\"]+)", secretary.html)
    secretary.post(f"/console/content-checks/comments/{key}", decision="pass")
    assert "已公开" in secretary.said
    (key, *_) = re.findall(r"/console/content-checks/comments/([^\"]+)", secretary.html)
    stranger.get("/console/content-checks/comments")
    assert "谢谢" not in stranger.said
    stranger.get("/console")
    stranger.post(f"/console/content-checks/comments/{key}", decision="pass")
    assert stranger.status == 404
    stranger.get("/console")
    stranger.post("/console/content-checks/comments/nokey", decision="pass")
    assert stranger.status == 404
