"""Courtesy messages: at most one, only while allowed, through the real client on the simulated WeChat."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from jobs import notices as job
from server.db.base import reading, transaction
from server.db.models.notices import Notice, Subscription
from server.db.models.people import Person, WechatAccount
from server.domain.notices import TEMPLATES, NoticeKind, PushState, Template, message, sentence
from server.services import notices
from server.wechat.port import Wechat
from tests.conftest import Time
from tests.factories.people import a_person
from tests.jobs.support import dies, suicide
from tests.simulator import APPID, Simulator

FACTS = {"title": "整理楼道", "community": "示例社区", "outcome": "approved", "starts_at": "2026-03-07T01:00:00+00:00", "minutes": 90}


@pytest.fixture
def member(database: Engine, vaulted: None, wechat: Wechat, simulator: Simulator, now: datetime) -> Person:
    """张三 with a phone in his pocket, who has allowed one message about claims."""
    openid = simulator.user("张三")
    simulator.post("subscribe", user="张三", tmplIds=["tpl_claim_decided"])
    with transaction() as session:
        person = a_person(session, now)
        session.add(WechatAccount(appid=APPID, openid=openid, person_id=person.id, created_at=now, last_seen_at=now))
        notices.answer(session, answers={Template.CLAIM_DECIDED: True}, person_id=person.id)
    return person


def tell(person: Person, now: datetime, kind: NoticeKind = NoticeKind.CLAIM_DECIDED, dedupe: str = "one") -> None:
    with transaction() as session:
        notices.tell(
            session, person_id=person.id, kind=kind, subject_kind="claim", subject_public_id="C", facts=FACTS, dedupe=dedupe, now=now
        )


def states() -> list[PushState]:
    with reading() as session:
        return list(session.execute(select(Notice.push_state).order_by(Notice.id)).scalars())


def left() -> int:
    with reading() as session:
        return session.execute(select(Subscription.left).where(Subscription.kind == Template.CLAIM_DECIDED)).scalar_one()


def messages(simulator: Simulator) -> list[dict[str, Any]]:
    return list(simulator.get("messages")["messages"])


def test_one_message_and_no_second(member: Person, simulator: Simulator, now: datetime) -> None:
    tell(member, now)
    job.push(now)
    job.push(now)
    assert (states(), left(), len(messages(simulator))) == ([PushState.SENT], 0, 1)
    assert messages(simulator)[0]["data"]["phrase2"] == "已通过"


def test_without_quota_it_stays_in_the_inbox_only(member: Person, simulator: Simulator, now: datetime) -> None:
    tell(member, now)
    tell(member, now, dedupe="two")
    job.push(now)
    assert (states(), len(messages(simulator))) == ([PushState.SENT, PushState.NO_QUOTA], 1)


def test_our_count_yields_to_wechats(member: Person, simulator: Simulator, now: datetime) -> None:
    simulator.post("subscriptions", user="张三", reject=["tpl_claim_decided"])
    tell(member, now)
    job.push(now)
    assert (states(), left()) == ([PushState.NO_QUOTA], 0)


def test_nobody_is_woken_at_night(member: Person, simulator: Simulator, time: Time) -> None:
    evening = time.advance(hours=12)  # 21:00
    tell(member, evening)
    job.push(evening)
    assert (states(), messages(simulator)) == ([PushState.WAITING], [])
    job.push(time.advance(hours=11))
    assert states() == [PushState.SENT]


def test_who_muted_is_left_alone(member: Person, simulator: Simulator, now: datetime) -> None:
    with transaction() as session:
        session.execute(update(Subscription).values(muted=True))
    tell(member, now)
    job.push(now)
    assert (states(), left(), messages(simulator)) == ([PushState.NONE], 1, [])


def test_who_has_no_phone_has_the_inbox(member: Person, now: datetime) -> None:
    with transaction() as session:
        elder = a_person(session, now, "王奶奶")
    tell(elder, now)
    job.push(now)
    assert states() == [PushState.NONE]


def test_a_stale_courtesy_is_dropped(member: Person, simulator: Simulator, now: datetime) -> None:
    tell(member, now)
    job.push(now + timedelta(hours=25))
    assert (states(), messages(simulator)) == ([PushState.NONE], [])


def test_busy_wechat_is_asked_again(member: Person, simulator: Simulator, now: datetime) -> None:
    simulator.fault("/cgi-bin/message/subscribe/send", "errcode", errcode=-1)
    tell(member, now)
    job.push(now)
    assert (states(), left()) == ([PushState.WAITING], 1)
    job.push(now)
    assert states() == [PushState.WAITING]
    job.push(now + timedelta(seconds=60))
    assert (states(), left(), len(messages(simulator))) == ([PushState.SENT], 0, 1)


def test_an_answer_that_was_lost_is_never_sent_again(member: Person, simulator: Simulator, now: datetime) -> None:
    simulator.fault("/cgi-bin/message/subscribe/send", "lost")
    tell(member, now)
    job.push(now)
    job.push(now + timedelta(hours=1))
    assert (states(), len(messages(simulator))) == ([PushState.UNKNOWN], 1)


def test_killed_after_sending_it_is_not_sent_again(
    member: Person, simulator: Simulator, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(member, now)
    with monkeypatch.context() as patched:
        patched.setattr(job.notice_pushes, "sent", suicide)
        dies(lambda: job.push(now))
    job.push(now)
    assert (states(), len(messages(simulator))) == ([PushState.UNKNOWN], 1)


def test_a_refused_message_fails_and_costs_nothing(member: Person, simulator: Simulator, now: datetime) -> None:
    simulator.fault("/cgi-bin/message/subscribe/send", "errcode", errcode=47003)
    tell(member, now)
    job.push(now)
    assert (states(), left()) == ([PushState.FAILED], 1)


@pytest.mark.parametrize("kind", list(NoticeKind))
@pytest.mark.parametrize("facts", [{}, FACTS, {"outcome": "strange"}])
def test_every_kind_has_a_sentence_and_a_message(kind: NoticeKind, facts: dict[str, Any]) -> None:
    assert "{" not in sentence(kind, facts)
    fields = message(kind, facts)
    assert fields is None or set(fields) <= {"thing1", "phrase2", "time2", "thing3", "number3"}
    assert (fields is None) == (TEMPLATES[kind] is Template.REMINDER and "starts_at" not in facts)
