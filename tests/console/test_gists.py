"""Lists say what a request is about: its first words, for whoever may open it, in no statement more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from server.db.base import transaction
from server.db.models.requests import Request
from server.domain.media import MediaPurpose
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.requests import CheckState, RequestLevel, RequestState
from server.services import dispatch, media, request_claims
from server.services.receivers import Receiver
from tests.conftest import Time
from tests.console.conftest import Seat, seat_of, sit_down
from tests.console.support import statements
from tests.factories.handling import handled
from tests.factories.people import Tree, a_person, with_role
from tests.factories.ratings import a_finished
from tests.factories.requests import a_request, a_requester

LONG = "三号楼 一单元\n电梯又坏了，老人下不了楼，请尽快来修"
FIRST = "三号楼 一单元 电梯又坏了，老人…"
HOSTILE = "<b onclick='x'>坏</b>"


def rise(request: Request, check: CheckState) -> None:
    """It waits at the street, its content checked or not."""
    up = {"state": RequestState.ESCALATED, "level": RequestLevel.STREET, "check_state": check}
    with transaction() as session:
        session.execute(update(Request).where(Request.id == request.id).values(**up))


def seen(seat: Seat, paths: Sequence[str], words: str) -> dict[str, bool]:
    """On which of these pages the words stand."""
    return {path: words in (seat.get(path), seat.said)[1] for path in paths}


def test_the_queue_and_the_list_show_sixteen_characters_on_one_line(tree: Tree, secretary: Seat, now: datetime) -> None:
    with transaction() as session:
        a_request(session, now, tree, content=LONG)
    for path in ("/console", "/console?tab=requests", "/console/requests", "/console/requests?state=submitted"):
        secretary.get(path)
        assert f"<bdi>{FIRST}</bdi>" in secretary.html, path
        assert "下不了楼" not in secretary.html


def test_what_is_typed_is_escaped(tree: Tree, secretary: Seat, now: datetime) -> None:
    with transaction() as session:
        a_request(session, now, tree, content=HOSTILE)
    for path in ("/console", "/console/requests"):
        secretary.get(path)
        assert ("<b onclick" in secretary.html, "&lt;b onclick=" in secretary.html) == (False, True)


def test_a_voice_note_without_words_says_so(tree: Tree, secretary: Seat, now: datetime) -> None:
    with transaction() as session:
        resident = a_requester(session, now)
        data = b"#!AMR\n" + (bytes([60]) + bytes(31)) * 50
        note = media.upload(session, owner_id=resident.id, purpose=MediaPurpose.VOICE, data=data, now=now)
        a_request(session, now, tree, resident, content=None, place=None, media=[note.public_id])
        a_request(session, now, tree, content=None, place=None)
    for path in ("/console", "/console/requests", "/console/content-checks"):
        secretary.get(path)
        assert secretary.html.count("<bdi>语音</bdi>") == (2 if path == "/console" else 1), path  # triage, and its content to look at


def test_claims_call_backs_offers_and_checks_show_them(app: Flask, tree: Tree, now: datetime, time: Time) -> None:
    later = now + timedelta(days=60)
    time.advance(days=60)
    with transaction() as session:
        seat = sit_down(app, session, with_role(session, now, Role.SECRETARY, tree.community), later)
        a_finished(session, now, tree, content="办完的水管")
        a_request(session, now, tree, content="要看的内容", text_check=CheckState.REVIEW)
        handled(session, now, tree, handler=seat.person, state=RequestState.DISPATCHED, content="请您答复的灯")
        handled(session, now, tree, handler=seat.person, content="手上的井盖")
        helper = a_person(session, now, "赵师傅")
        public = a_request(session, now, tree, state=RequestState.TRIAGED, content="公开认领的树")
        dispatch.publish(session, public, actor=SYSTEM, now=now)
        request_claims.claim(session, public, by=Receiver(person_id=helper.id), actor=Actor(helper.id), now=now)
    seat.get("/console")
    where = {
        "/console/callbacks": "办完的水管",
        "/console/content-checks": "要看的内容",
        "/console/requests/mine": "请您答复的灯",
        "/console/request-claims": "公开认领的树",
    }
    assert {path: seen(seat, [path], words)[path] for path, words in where.items()} == dict.fromkeys(where, True)
    assert "手上的井盖" in (seat.get("/console/requests/mine"), seat.said)[1]


def test_street_sees_the_words_once_it_has_come_up_and_was_checked(app: Flask, tree: Tree, secretary: Seat, now: datetime) -> None:
    with transaction() as session:
        request = a_request(session, now, tree, content="管网老化")
    street, pages = seat_of(app, now, Role.STREET, tree.street, "钱主任"), ("/console", "/console/requests/escalated")
    below = "/console/requests/escalated?category=repairs&state=submitted"
    assert seen(street, [below], str(request.number))[below]
    assert not seen(street, [below], "管网老化")[below], "what has not come up is the community's"
    rise(request, CheckState.REVIEW)
    assert seen(street, pages, str(request.number)) == dict.fromkeys(pages, True)
    assert seen(street, pages, "管网老化") == dict.fromkeys(pages, False)
    assert seen(secretary, ("/console/requests",), "管网老化")["/console/requests"], "the place's own staff read it before the check"
    rise(request, CheckState.PASSED)
    assert seen(street, pages, "管网老化") == dict.fromkeys(pages, True)


def test_a_row_that_does_not_open_hides_no_other(tree: Tree, secretary: Seat, now: datetime) -> None:
    with transaction() as session:
        broken, whole = a_request(session, now, tree, content="换过盐的"), a_request(session, now, tree, content="还在的")
        broken.salt = whole.salt
    for path in ("/console", "/console/requests"):
        secretary.get(path)
        assert ("文字打不开" in secretary.said, "还在的" in secretary.said, "换过盐的" in secretary.said) == (True, True, False)


def test_words_cost_no_statement(tree: Tree, secretary: Seat, now: datetime) -> None:
    costs = []
    for number in (1, 6):
        with transaction() as session:
            for each in range(number):
                a_request(session, now, tree, content=f"第{each}件")
        costs.append([statements(lambda path=path: secretary.get(path)) for path in ("/console", "/console/requests")])  # type: ignore[misc]
    assert costs[0] == costs[1]


def test_words_stand_in_no_log(tree: Tree, secretary: Seat, now: datetime, capfd: pytest.CaptureFixture[str]) -> None:
    with transaction() as session:
        a_request(session, now, tree, content="只给看的人")
    secretary.get("/console")
    secretary.get("/console/requests")
    assert "只给看的人" in secretary.said
    written = capfd.readouterr()
    assert "只给看的人" not in written.out + written.err
