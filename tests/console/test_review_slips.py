"""A panel's vote on paper at the desk and at the device in the hall; and what an attacker reads of the result."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from server.db.base import reading, transaction
from server.domain.permissions import Role
from server.domain.reviews import Vote
from server.services import review_slips, review_votes, reviews
from tests.console.conftest import Seat, seat_of
from tests.factories.people import Tree, actor_of, headers, token_of
from tests.factories.reviews import a_closed, a_vote, sign_for_slips

S, U, Q = Vote.SOLVED, Vote.UNSOLVED, Vote.UNSURE


@dataclass(frozen=True)
class Hall:
    """A vote of seven on two requests: its address, the members, and a clerk's seat."""

    to: str
    panel: str
    people: tuple[Any, ...]
    clerk: Seat


@pytest.fixture
def hall(app: Flask, tree: Tree, secretary: Seat, now: datetime) -> Hall:
    with transaction() as session:
        for _ in range(2):
            a_closed(session, now, tree)
        panel, people = a_vote(session, now, tree, actor_of(session, secretary.person, now), 7)
    clerk = seat_of(app, now, Role.CLERK, tree.community, "周干事")
    return Hall(f"/console/reviews/{panel.public_id}/slips", panel.public_id, tuple(people), clerk)


def slips_of(hall: Hall, now: datetime, number: int) -> list[str]:
    """The codes that the first members drew."""
    with transaction() as session:
        panel = reviews.by_public_id(session, hall.panel)
        clerk = actor_of(session, session.merge(hall.clerk.person), now)
        return sign_for_slips(session, now, panel, hall.people[:number], clerk)


def items_of(hall: Hall) -> list[str]:
    with reading() as session:
        return [item.public_id for item in reviews.items_of(session, reviews.by_public_id(session, hall.panel))]


def waiting(hall: Hall) -> int:
    with reading() as session:
        return review_slips.waiting(session, reviews.by_public_id(session, hall.panel))


def print_slips(hall: Hall, once: str) -> TestResponse:
    """The button, without following: a file or a refusal."""
    hall.clerk.get(hall.to)
    (csrf, *_) = re.findall(r'name="csrf" value="([0-9a-f]+)"', hall.clerk.html)
    return hall.clerk.client.post(f"{hall.to}/print", data={"csrf": csrf, "once": once, "back": hall.to})


def test_slips_are_printed_drawn_and_signed_for(hall: Hall, stranger: Seat) -> None:
    clerk, first = hall.clerk, hall.people[0]
    for page in ("", "/box"):
        assert stranger.get(hall.to + page).status_code == 404
    clerk.get("/console/reviews")
    assert "纸面投票" in clerk.said
    clerk.get(hall.to)
    assert "签收了 0 张，投了 0 张" in clerk.said
    clerk.post(f"{hall.to}/{first.public_id}/sign", back=hall.to)
    assert "还没有打印纸条" in clerk.said
    printed = print_slips(hall, "print-1")
    assert (printed.mimetype, printed.data[:5], printed.headers["Cache-Control"]) == ("application/pdf", b"%PDF-", "private, no-store")
    assert print_slips(hall, "print-1").status_code == 303, "a double click voids nothing"
    clerk.post(f"{hall.to}/{first.public_id}/sign", back=hall.to)
    assert "评议员0已签收一张纸条" in clerk.said
    clerk.post(f"{hall.to}/{first.public_id}/sign", back=hall.to)
    assert "已经领过" in clerk.said
    assert print_slips(hall, "print-2").status_code == 303
    clerk.get(hall.to)
    assert "已经有人签收了纸条" in clerk.said
    clerk.post(f"{hall.to}/{first.public_id}/return", back=hall.to)
    assert "签收已取消" in clerk.said


def test_the_box_is_typed_in_and_wrong_slips_are_named(hall: Hall, now: datetime) -> None:
    codes = slips_of(hall, now, 6)
    clerk = hall.clerk
    clerk.get(f"{hall.to}/box")
    typed: dict[str, Any] = {f"code-{n}": code for n, code in enumerate(codes[:5])} | {f"vote-{n}-0": "unsolved" for n in range(5)}
    clerk.post(f"{hall.to}/box", **(typed | {"code-4": "", "vote-4-0": ""}))
    assert (clerk.status, "攒够五张" in clerk.said) == (422, True)
    clerk.post(f"{hall.to}/box", **(typed | {"code-4": "<b>0"}))
    assert (clerk.status, "说的是第 5 张" in clerk.said, 'value="&lt;b&gt;0"' in clerk.html) == (422, True, True)
    clerk.post(f"{hall.to}/box", **typed)
    assert "录入了 5 张，已打乱保存" in clerk.said
    assert "签收了 6 张，投了 5 张" in clerk.said
    assert waiting(hall) == 5


def test_a_member_votes_at_the_device_in_the_hall(app: Flask, hall: Hall, now: datetime, capsys: pytest.CaptureFixture[str]) -> None:
    code, items, device = slips_of(hall, now, 1)[0], items_of(hall), app.test_client()
    assert device.get("/vote").status_code == 200
    assert "没有这个编号" in device.post("/vote", data={"code": "0" * 13}).get_data(as_text=True)
    capsys.readouterr()
    asked = device.post("/vote", data={"code": code.lower()})
    assert asked.get_data(as_text=True).count("<fieldset") == 2
    some = device.post("/vote", data={"code": code, "cast": "1", f"vote-{items[0]}": "solved"})
    assert (some.status_code, "每件事都请选一个" in some.get_data(as_text=True)) == (422, True)
    done = device.post("/vote", data={"code": code, "cast": "1", **{f"vote-{item}": "solved" for item in items}})
    device.get("/verify")
    assert ("已经收到您的票" in done.get_data(as_text=True), "X-Request-Id" in done.headers, "Set-Cookie" in done.headers) == (
        True,
        False,
        False,
    )
    logged = capsys.readouterr().out
    assert ("/verify" in logged, "/vote" in logged, code in logged.upper()) == (True, False, False)
    assert "已经投过票" in device.post("/vote", data={"code": code}).get_data(as_text=True)
    assert waiting(hall) == 1


def cast(hall: Hall, now: datetime, first: list[Vote], second: list[Vote]) -> None:
    """All seven by slip at the device, each his vote on either request."""
    codes, items = slips_of(hall, now, 7), items_of(hall)
    with transaction() as session:
        for code, *said in zip(codes, first, second, strict=True):
            slip = review_slips.find(session, code)
            votes = dict(zip(items, said, strict=True))
            review_votes.receive(session, token=slip.token, cell_public_id=slip.cell.public_id, votes=votes)


@pytest.mark.parametrize("said", [([U] * 7, [U, U, U, U, S, S, Q]), ([S] * 7, [S, S, S, S, U, Q, U]), ([Q] * 7, [S, U] + [Q] * 5)])
def test_an_attacker_reads_no_difference_between_one_mind_and_several(
    app: Flask, hall: Hall, secretary: Seat, now: datetime, said: tuple[list[Vote], list[Vote]]
) -> None:
    """He knows who voted and reads all there is, page and API: two items decided alike look alike, however it came about."""
    cast(hall, now, *said)
    panel = f"/console/reviews/{hall.panel}"
    secretary.get(panel)
    secretary.post(f"{panel}/count")
    rows = re.findall(r"<tr><th scope=\"row\">(?:[^<]*)</th><td data-label=\"为什么评\">.*?</tr>", secretary.html)
    plain = [re.sub(r"[0-9A-Z]{13}|value=\"[^\"]*\"|^.*?</th>", "", row) for row in rows]
    assert (len(plain), len(set(plain))) == (2, 1)
    with transaction() as session:
        tokens = [token_of(session, session.merge(person), now) for person in (secretary.person, hall.people[0])]
    for token in tokens:
        answer: Any = app.test_client().get(f"/api/v1/reviews/{hall.panel}/items", headers=headers(token)).json
        items = [{key: value for key, value in one.items() if key not in ("id", "text")} for one in answer["items"]]
        assert (len(items), items[0]) == (2, items[1])
    assert not re.search(r"(已解决|没解决|说不准) \d", secretary.said)
