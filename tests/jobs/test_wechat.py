"""The push address: what WeChat signs is stored once and worked on; what it did not sign is refused."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.serving import make_server

from jobs import wechat as job
from server.db.base import reading, transaction
from server.db.models.notices import Subscription
from server.db.models.people import WechatAccount
from server.db.models.platform import WechatPush
from server.domain.notices import Template
from server.services import notices
from tests.conftest import Time
from tests.factories.people import a_person
from tests.simulator import Simulator

PUSH = "/wechat/push"


@pytest.fixture
def served(app: Flask, simulator: Simulator, time: Time) -> Iterator[Simulator]:
    """The application on a socket, at the simulator's time, with 张三 who allows two messages about claims."""
    time.now = datetime.fromtimestamp(simulator.get("clock")["now"], UTC)
    openid = simulator.user("张三")
    simulator.post("subscribe", user="张三", tmplIds=["tpl_claim_decided"])
    simulator.post("pushes/flush")
    appid = app.config["SETTINGS"].wechat.appid
    with transaction() as session:
        person = a_person(session, time.now)
        session.add(WechatAccount(appid=appid, openid=openid, person_id=person.id, created_at=time.now, last_seen_at=time.now))
        for _ in range(2):
            notices.answer(session, answers={Template.CLAIM_DECIDED: True}, person_id=person.id)
    listening = make_server("127.0.0.1", 0, app)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    simulator.post("settings", push_url=f"http://127.0.0.1:{listening.port}{PUSH}")
    yield simulator
    simulator.post("settings", push_url="")
    listening.shutdown()
    thread.join()
    listening.server_close()


def stored() -> list[tuple[str, bool]]:
    with reading() as session:
        rows = session.execute(select(WechatPush.event, WechatPush.done_at).order_by(WechatPush.id))
        return [(row.event, row.done_at is not None) for row in rows]


def left() -> int:
    with reading() as session:
        return session.execute(select(Subscription.left)).scalar_one()


def event(simulator: Simulator, name: str, **facts: Any) -> dict[str, Any]:
    openid = simulator.user("张三")
    sent = {"MsgType": "event", "Event": name, "CreateTime": 1714112445, "FromUserName": openid, **facts}
    return dict(simulator.post("push", event=sent))


def refusal(status: str = "reject") -> dict[str, Any]:
    return {"List": {"TemplateId": "tpl_claim_decided", "SubscribeStatusString": status}}


def test_the_address_is_verified(served: Simulator) -> None:
    assert served.post("push/verify")["ok"] is True


def test_a_no_is_stored_once_and_empties_the_count(served: Simulator, time: Time) -> None:
    first = event(served, "subscribe_msg_change_event", **refusal())
    assert first["tries"][0] == {"status": 200, "reply": "success"}
    served.post("push/replay")
    assert stored() == [("subscribe_msg_change_event", False)]
    job.work(time.now)
    job.work(time.now)
    assert (stored(), left()) == ([("subscribe_msg_change_event", True)], 0)


def test_a_yes_was_counted_when_the_phone_told_it(served: Simulator, time: Time) -> None:
    event(served, "subscribe_msg_popup_event", **refusal("accept"))
    job.work(time.now)
    assert left() == 2


def test_a_verdict_on_a_picture_is_parked(served: Simulator, time: Time) -> None:
    event(served, "wxa_media_check", trace_id="t-1", result={"suggest": "pass", "label": 100}, errcode=0)
    event(served, "something_new")
    job.work(time.now)
    assert stored() == [("wxa_media_check", False), ("something_new", True)]


@pytest.mark.parametrize("tamper", ["signature", "appid", "body", "stale"])
def test_a_forgery_is_refused_and_leaves_nothing(served: Simulator, tamper: str) -> None:
    sent = served.post("push", event={"MsgType": "event", "Event": "x", "CreateTime": 1, "FromUserName": "o"}, tamper=tamper)
    assert sent["accepted"] is False
    assert sent["tries"][0]["status"] in (400, 403)
    assert stored() == []


@pytest.mark.parametrize(("body", "status"), [(b"", 400), (b"\xff", 400), (b"x" * (64 * 1024 + 1), 413)])
def test_rubbish_is_refused_in_the_one_shape(client: Any, body: bytes, status: int, now: datetime) -> None:
    answer = client.post(f"{PUSH}?timestamp={int(now.timestamp())}&nonce=1&signature=0", data=body)
    assert (answer.status_code, set(answer.json["error"]) >= {"code", "message", "request_id"}) == (status, True)
    with reading() as session:
        assert session.execute(select(func.count()).select_from(WechatPush)).scalar() == 0
