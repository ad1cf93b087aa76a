"""Content security: words at once, pictures by a job and WeChat's push, what is in doubt by a human; twice and late are harmless."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.serving import make_server

from jobs import contents, wechat
from jobs import media as pictures
from server import config, files
from server.db.base import reading, transaction
from server.db.models.media import Media
from server.db.models.notices import Notice
from server.db.models.people import Person, WechatAccount
from server.db.models.platform import WechatPush
from server.db.models.requests import Request
from server.domain.media import MediaPurpose
from server.domain.problems import Problem
from server.domain.requests import CheckState
from server.services import content_checks, media, picture_links
from server.wechat.port import WechatRetryLater
from tests.conftest import Time
from tests.factories.people import a_person, a_tree
from tests.factories.requests import a_request, agree
from tests.jobs.test_media import a_picture
from tests.simulator import Simulator

C = CheckState


@pytest.fixture
def served(app: Flask, simulator: Simulator, time: Time, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """The application on a socket at the simulator's time, so that WeChat can fetch pictures and push its verdicts."""
    time.now = datetime.fromtimestamp(simulator.get("clock")["now"], UTC)
    listening = make_server("127.0.0.1", 0, app)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    base = f"http://127.0.0.1:{listening.port}"
    loaded = config.load()
    monkeypatch.setattr(config, "load", lambda: loaded.model_copy(update={"web": loaded.web.model_copy(update={"public_base": base})}))
    simulator.post("settings", push_url=f"{base}/wechat/push")
    yield simulator
    simulator.post("settings", push_url="")
    listening.shutdown()
    thread.join()
    listening.server_close()


def a_member(now: datetime, openid: str | None) -> Person:
    """Somebody who agreed, with an account."""
    with transaction() as session:
        person = a_person(session, now)
        agree(session, now, person)
        if openid is not None:
            session.add(WechatAccount(appid="any", openid=openid, person_id=person.id, created_at=now, last_seen_at=now))
        return person


def a_visitor(simulator: Simulator) -> str:
    """The openid of somebody who has just opened the mini-program."""
    openid = simulator.user("张三")
    simulator.post("visit", user="张三")
    return openid


def with_picture(now: datetime, person: Person, data: bytes) -> tuple[int, int]:
    """A request with one picture, re-encoded; ids of both."""
    with transaction() as session:
        tree, owner = a_tree(session, now), session.get_one(Person, person.id)
        row = media.upload(session, owner_id=owner.id, purpose=MediaPurpose.REQUEST, data=data, now=now)
        request = a_request(session, now, tree, owner, media=(row.public_id,))
        assert request.check_state is C.CHECKING
    pictures.reencode(now, media_id=row.id)
    return request.id, row.id


def states(request_id: int, media_id: int) -> tuple[CheckState, CheckState | None]:
    with reading() as session:
        return session.get_one(Request, request_id).check_state, session.get_one(Media, media_id).check_state


def judged(simulator: Simulator, media_id: int, verdict: str) -> None:
    """What WeChat will say of this picture."""
    with reading() as session:
        row = session.get_one(Media, media_id)
    assert row.sha256 is not None
    known = hashlib.sha256(files.get(media.AREA, row.sha256)).hexdigest()
    simulator.post("settings", media_verdicts={known: [verdict, 20002]})


@pytest.mark.parametrize(
    ("verdict", "picture", "whole"), [("pass", C.PASSED, C.PASSED), ("review", C.REVIEW, C.REVIEW), ("risky", C.REFUSED, C.PASSED)]
)
def test_a_picture_waits_for_wechat(served: Simulator, time: Time, verdict: str, picture: CheckState, whole: CheckState) -> None:
    person = a_member(time.now, a_visitor(served))
    request_id, media_id = with_picture(time.now, person, a_picture(3))
    judged(served, media_id, verdict)
    for _ in range(2):
        contents.check_picture(time.now, media_id=media_id)
    assert states(request_id, media_id) == (C.CHECKING, C.CHECKING)
    served.post("pushes/flush")
    for _ in range(2):
        wechat.work(time.now)
    assert states(request_id, media_id) == (whole, picture)
    assert len(served.requests("/wxa/media_check_async")) == 1
    with reading() as session:
        told = [row.facts["outcome"] for row in session.execute(select(Notice).where(Notice.person_id == person.id)).scalars()]
    assert told == (["picture_refused"] if picture is C.REFUSED else [])


def test_a_verdict_that_beats_our_commit_is_parked(served: Simulator, time: Time) -> None:
    person = a_member(time.now, a_visitor(served))
    request_id, media_id = with_picture(time.now, person, a_picture(4))
    with transaction() as session:
        payload = '{"trace_id": "early", "suggest": "pass", "errcode": 0, "label": 100}'
        session.add(WechatPush(dedupe="d", event="wxa_media_check", payload=payload, received_at=time.now))
    wechat.work(time.now)
    assert states(request_id, media_id)[1] is C.CHECKING
    with transaction() as session:
        content_checks.note_trace(session, session.get_one(Media, media_id), "early", now=time.now)
    wechat.work(time.now)
    assert states(request_id, media_id) == (C.PASSED, C.PASSED)


def test_a_verdict_nobody_asked_for_is_given_up_after_an_hour(served: Simulator, time: Time) -> None:
    with transaction() as session:
        payload = '{"trace_id": "nobody", "suggest": "pass"}'
        session.add(WechatPush(dedupe="d", event="wxa_media_check", payload=payload, received_at=time.now))
    wechat.work(time.now)
    wechat.work(time.now + timedelta(hours=1))
    with reading() as session:
        assert session.execute(select(WechatPush.done_at)).scalar_one() == time.now + timedelta(hours=1)


def test_silence_of_half_an_hour_goes_to_a_human(served: Simulator, time: Time) -> None:
    person = a_member(time.now, a_visitor(served))
    request_id, media_id = with_picture(time.now, person, a_picture(5))
    contents.check_picture(time.now, media_id=media_id)
    contents.lapse(time.now + timedelta(minutes=29))
    assert states(request_id, media_id) == (C.CHECKING, C.CHECKING)
    for _ in range(2):
        contents.lapse(time.now + timedelta(minutes=30))
    assert states(request_id, media_id) == (C.REVIEW, C.REVIEW)


def test_whom_wechat_does_not_know_a_human_looks_at(served: Simulator, time: Time) -> None:
    request_id, media_id = with_picture(time.now, a_member(time.now, None), a_picture(6))
    contents.check_picture(time.now, media_id=media_id)
    assert states(request_id, media_id) == (C.REVIEW, C.REVIEW)


def test_a_busy_wechat_is_asked_again(served: Simulator, time: Time) -> None:
    request_id, media_id = with_picture(time.now, a_member(time.now, a_visitor(served)), a_picture(7))
    served.fault("/wxa/media_check_async", "errcode", errcode=-1)
    with pytest.raises(WechatRetryLater):
        contents.check_picture(time.now, media_id=media_id)
    assert states(request_id, media_id) == (C.CHECKING, C.CHECKING)
    contents.check_picture(time.now, media_id=media_id)
    served.post("pushes/flush")
    wechat.work(time.now)
    assert states(request_id, media_id) == (C.PASSED, C.PASSED)


def test_words_pass_wait_or_are_refused(served: Simulator, time: Time) -> None:
    openid = a_visitor(served)
    served.post("settings", words={"坏词": ["risky", 20001], "疑词": ["review", 21000]})
    assert content_checks.of_text(openid, "楼道灯不亮") is C.PASSED
    assert content_checks.of_text(openid, "有疑词") is C.REVIEW
    with pytest.raises(Problem, match="CONTENT_REFUSED"):
        content_checks.of_text(openid, "有坏词")
    assert content_checks.of_many(openid, ["楼道灯不亮", "有坏词"]) is C.REVIEW
    assert content_checks.of_text(None, "楼道灯不亮") is C.REVIEW
    assert content_checks.of_text(None, " ") is C.PASSED
    assert content_checks.of_text(openid, "好" * 2499 + "坏" * 2000) is C.PASSED


@pytest.mark.parametrize("errcode", [61010, 45009, 40003, -1])
def test_what_wechat_cannot_say_a_human_does(served: Simulator, time: Time, errcode: int) -> None:
    openid = a_visitor(served)
    served.fault("/wxa/msg_sec_check", "errcode", errcode=errcode)
    assert content_checks.of_text(openid, "楼道灯不亮") is C.REVIEW


def test_a_link_is_for_an_hour_and_for_one_picture(served: Simulator, time: Time, client: Any) -> None:
    _, media_id = with_picture(time.now, a_member(time.now, None), a_picture(8))
    with reading() as session:
        row = session.get_one(Media, media_id)
    path = picture_links.link("", row, now=time.now)
    answer = client.get(path)
    assert (answer.status_code, answer.data[:3]) == (200, b"\xff\xd8\xff")
    forged = path[:-1] + ("0" if path[-1] != "0" else "1")
    assert client.get(forged).status_code == 404
    time.advance(minutes=61)
    assert client.get(path).status_code == 404
