"""评价例会 and 评分 at the desk: volunteers to minutes, results by cell, slips of the box."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from flask import Flask

from server.db.base import transaction
from server.db.models.reviews import ReviewPanel
from server.domain.ballots import Channel
from server.domain.days import local_day
from server.domain.permissions import Role
from server.domain.reviews import ReviewState, Vote
from server.services import ballot_openings, reviews
from tests.conftest import Time
from tests.console.conftest import Seat, seat_of
from tests.factories.people import Tree, a_person, actor_of, headers, token_of
from tests.factories.ratings import BASIC, NOT, VERY, a_finished, ballot, cast_ballots, quarter_of
from tests.factories.reviews import a_closed, a_panel, a_vote, vote


def client_rates(app: Flask, tree: Tree, seat: Seat, now: datetime) -> Any:
    """The same quarter over the API."""
    with transaction() as session:
        token = token_of(session, session.merge(seat.person), now)
    path = f"/api/v1/nodes/{tree.community.public_id}/ballot-results?day=2026-03-31"
    return app.test_client().get(path, headers=headers(token)).json


def again(panel: ReviewPanel) -> ReviewPanel:
    with transaction() as session:
        return reviews.by_public_id(session, panel.public_id)


def test_a_panel_is_called_and_drawn(secretary: Seat, tree: Tree, now: datetime) -> None:
    secretary.get("/console/reviews/new")
    secretary.post("/console/reviews/new", quarter=quarter_of(now).isoformat(), seats="4")
    assert (secretary.status, "请填 5 到 51 之间的整数" in secretary.said) == (422, True)
    secretary.post("/console/reviews/new", quarter=quarter_of(now).isoformat(), seats="5")
    assert "已开始报名" in secretary.said
    assert "2026 年第一季度" in secretary.said
    with transaction() as session:
        (panel,) = reviews.of_community(session, tree.community)
        for number in range(6):
            person = a_person(session, now, f"评议员{number}")
            reviews.volunteer(session, panel, person=person, actor=actor_of(session, person, now), now=now)
    secretary.get(f"/console/reviews/{panel.public_id}")
    secretary.post(f"/console/reviews/{panel.public_id}/draw")
    assert "抽出了 5 位评议员" in secretary.said
    assert again(panel).state is ReviewState.SELECTED


def test_choosing_by_hand_needs_a_reason_for_each(secretary: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        panel, people = a_panel(session, now, tree, actor_of(session, secretary.person, now), 6)
    to = f"/console/reviews/{panel.public_id}/choose"
    picked = [person.public_id for person in people[:5]]
    secretary.get(to)
    secretary.post(to, chosen=picked, **{f"reason-{picked[0]}": "住在三号楼"})
    assert (secretary.status, "请为每一位选定的评议员写明理由" in secretary.said) == (422, True)
    assert 'value="住在三号楼"' in secretary.html
    secretary.post(to, chosen=picked, **{f"reason-{one}": "了解情况" for one in picked})
    assert "选定了 5 位评议员" in secretary.said


def test_votes_are_counted_and_what_is_not_solved_begins_again(secretary: Seat, stranger: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        a_closed(session, now, tree)
        panel, people = a_vote(session, now, tree, actor_of(session, secretary.person, now))
        vote(session, now, panel, people, [Vote.UNSOLVED] * 5)
    to = f"/console/reviews/{panel.public_id}"
    for page in ("", "/choose", "/close", "/call-off"):
        stranger.get(to + page)
        assert stranger.status == 404
    secretary.get(to)
    assert "至少要" in secretary.said
    secretary.post(f"{to}/count")
    (item,) = re.findall(rf"{to}/items/(\w+)/reopen", secretary.html)
    secretary.post(f"{to}/items/{item}/reopen")
    assert "已重新立一件" in secretary.said
    secretary.get(f"{to}/close")
    secretary.post(f"{to}/close", minutes="")
    assert secretary.status == 422
    secretary.post(f"{to}/close", minutes="<b>大家同意</b>再办一次")
    assert "<b>大家同意</b>再办一次" in secretary.said
    assert again(panel).state is ReviewState.CLOSED


def test_calling_off_says_why(secretary: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        panel, _people = a_panel(session, now, tree, actor_of(session, secretary.person, now), 1)
    secretary.get(f"/console/reviews/{panel.public_id}/call-off")
    secretary.post(f"/console/reviews/{panel.public_id}/call-off", reason="报名的人太少")
    assert again(panel).state is ReviewState.VOID


@pytest.fixture
def closed(tree: Tree, now: datetime, time: Time) -> datetime:
    """A quarter that is over, with six ballots on the community's own work."""
    with transaction() as session:
        request = a_finished(session, now, tree)
        said = [ballot(VERY), ballot(BASIC), ballot(NOT, solved=False), ballot(VERY), ballot(VERY), ballot(VERY, contacted=False)]
        cast_ballots(session, request, said)
    time.advance(days=60)
    with transaction() as session:
        for street, quarter in ballot_openings.quarters_to_close(session, now=time.now):
            ballot_openings.close_quarter(session, street_id=street, quarter=quarter, now=time.now)
    return time.now


def test_results_of_a_closed_quarter(app: Flask, tree: Tree, closed: datetime) -> None:
    secretary = seat_of(app, closed, Role.SECRETARY, tree.community)
    secretary.get("/console/ratings?quarter=2026-01-01")
    for words in ("社区自办", "4 / 1 / 1", "响应率", "这里不排名"):
        assert words in secretary.said
    secretary.get("/console/ratings?quarter=2026-04-01")
    assert "这个季度还没有公布" in secretary.said


def test_a_question_on_which_the_phones_agree_shows_nothing_beside_slips(app: Flask, tree: Tree, now: datetime, time: Time) -> None:
    with transaction() as session:
        cell = cast_ballots(session, a_finished(session, now, tree), [*[ballot(VERY)] * 3, ballot(BASIC), ballot(NOT, contacted=False)])
        slips = [ballot(NOT, solved=False)] * 5
        ballot_openings.add_ballots(session, cell, slips, channel=Channel.PAPER, today=local_day(now))
    time.advance(days=60)
    with transaction() as session:
        for street, quarter in ballot_openings.quarters_to_close(session, now=time.now):
            ballot_openings.close_quarter(session, street_id=street, quarter=quarter, now=time.now)
    secretary = seat_of(app, time.now, Role.SECRETARY, tree.community)
    secretary.get("/console/ratings?quarter=2026-01-01")
    cells = re.findall(r'data-label="(?:办前联系|已解决)">([^<]*)<', secretary.html)
    assert cells == ["9", "—"]
    node = client_rates(app, tree, secretary, time.now)
    assert [(one["contacted"], one["solved"]) for one in node["groups"]] == [(9, None)]
    assert (node["together"]["response"]["shown"], node["together"]["solve"], node["together"]["composite"]) == ("90.0", None, None)


def test_slips_come_five_at_a_time(secretary: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        for _ in range(6):
            a_finished(session, now, tree)
    secretary.get("/console/ratings/slips")

    def slips(count: int) -> dict[str, str]:
        rows = [{f"contacted-{n}": "yes", f"solved-{n}": "yes", f"satisfaction-{n}": "very"} for n in range(count)]
        return {name: value for row in rows for name, value in row.items()}

    secretary.post("/console/ratings/slips", **slips(4), **{"comment-0": "谢谢小李"})
    assert (secretary.status, "攒够五张" in secretary.said, "谢谢小李" in secretary.html) == (422, True, True)
    secretary.post("/console/ratings/slips", **{**slips(5), "solved-2": ""})
    assert "每张纸条的三个问题都要填" in secretary.said
    secretary.post("/console/ratings/slips", **slips(5))
    assert "录入了 5 张" in secretary.said


def test_a_stranger_enters_no_slips_here(stranger: Seat, tree: Tree) -> None:
    for page in ("/console/ratings/slips", "/console/ratings", "/console/reviews/new"):
        stranger.get(f"{page}?at={tree.community.public_id}")
        assert stranger.status == 404


def test_who_has_no_phone_is_signed_up_by_a_clerk(app: Flask, secretary: Seat, stranger: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        panel, _people = a_panel(session, now, tree, actor_of(session, secretary.person, now), 1)
    to = f"/console/reviews/{panel.public_id}/volunteers"
    stranger.get(to)
    assert stranger.status == 404
    clerk = seat_of(app, now, Role.CLERK, tree.community, "周干事")
    clerk.get("/console/reviews")
    assert f'href="{to}"' in clerk.html
    clerk.get(to)
    clerk.post(to, name="王奶奶", phone="12", consent="paper")
    assert (clerk.status, 'value="王奶奶"' in clerk.html) == (422, True)
    clerk.post(to, name="王奶奶", phone="", consent="paper", elder="y")
    assert "王奶奶已报名" in clerk.said
    clerk.post(to, name="王奶奶", phone="", consent="spoken")
    assert (clerk.status, "已有一位同名的人报了名" in clerk.said) == (409, True)
    secretary.get(f"/console/reviews/{panel.public_id}")
    assert "王奶奶 纸面" in secretary.said
    (back,) = re.findall(rf"{to}/\w+/withdraw", clerk.html)
    clerk.post(back)
    assert "已撤回报名" in clerk.said
    assert "工作人员代报的" not in clerk.said


def test_nobody_is_asked_to_draw_before_enough_have_signed_up(secretary: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        panel, _ = a_panel(session, now, tree, actor_of(session, secretary.person, now), 4)
    to = f"/console/reviews/{panel.public_id}"
    secretary.get(to)
    assert (f'action="{to}/draw"' in secretary.html, f'href="{to}/choose"' in secretary.html) == (False, False)
    assert "还差 1 位" in secretary.said
    with transaction() as session:
        person = a_person(session, now, "第五位")
        panel = reviews.by_public_id(session, panel.public_id)
        reviews.volunteer(session, panel, person=person, actor=actor_of(session, person, now), now=now)
    secretary.get(to)
    assert (f'action="{to}/draw"' in secretary.html, f'href="{to}/choose"' in secretary.html) == (True, True)
    folded = secretary.html.partition("怎样核对抽签</summary>")[2].partition("</details>")[0]
    assert (panel.seed_hash in folded, secretary.html.count(panel.seed_hash)) == (True, 1)
