"""Requests: drafts, submission, who sees them, what stops a flood, what the same thing sent twice becomes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from server.db.base import transaction
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.requests import Request
from server.domain.media import MediaPurpose
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.problems import Problem
from server.domain.request_triage import RejectChannel
from server.domain.requests import Channel, CheckState, RequestState, Urgency
from server.services import media, policies, requests, supplements, triage
from server.services.requests import Details
from tests.conftest import START
from tests.factories.people import Tree, a_person, a_tree, actor_of, with_role
from tests.factories.requests import a_request, a_requester, agree

LAMP = Details(category="repairs", content="3号楼楼道灯不亮", place="3号楼")


def code_of(call: Any) -> str:
    """The code a call is refused with."""
    with pytest.raises(Problem) as refusal:
        call()
    return refusal.value.code


@pytest.fixture
def tree(session: Session, now: datetime) -> Tree:
    """The county."""
    return a_tree(session, now)


def submitted(session: Session, now: datetime, community: OrgNode, person: Person, details: Details = LAMP) -> Request:
    """What the person's phone sends."""
    return requests.submit(
        session,
        author=person,
        asked_for=person,
        community=community,
        channel=Channel.APP,
        details=details,
        text_check=CheckState.PASSED,
        actor=Actor(person.id),
        now=now,
    )


def test_a_category_and_a_tap_are_enough(session: Session, now: datetime, tree: Tree) -> None:
    made = submitted(session, now, tree.community, a_requester(session, now), Details(category="repairs"))
    assert (made.state, made.check_state, requests.words(made), requests.place(made)) == (
        RequestState.SUBMITTED,
        CheckState.PASSED,
        "",
        "",
    )
    assert made.number is not None
    assert made.number.startswith("SQ-")
    assert made.due_at is not None
    assert made.due_at > now


def test_words_and_place_are_sealed_under_the_request(session: Session, now: datetime, tree: Tree) -> None:
    made = submitted(session, now, tree.community, a_requester(session, now))
    assert requests.words(made) == "3号楼楼道灯不亮"
    assert "楼道".encode() not in bytes(made.content or b"")
    again = a_request(session, now, tree, place="3 幢")
    assert again.place_hash == made.place_hash, "the same building written otherwise is the same place"


def test_urgent_is_due_in_two_hours_and_the_evening_waits_for_the_morning(session: Session, now: datetime, tree: Tree) -> None:
    urgent = a_request(session, now, tree, urgency=Urgency.URGENT)
    assert urgent.due_at == now + timedelta(hours=2)
    evening = now + timedelta(hours=10)  # 19:00
    late = a_request(session, evening, tree)
    early = a_request(session, now, tree)
    assert late.due_at is not None
    assert early.due_at is not None
    assert late.due_at > early.due_at


def test_without_consent_nothing_is_taken(session: Session, now: datetime, tree: Tree) -> None:
    stranger = a_person(session, now)
    assert code_of(lambda: submitted(session, now, tree.community, stranger)) == "CONSENT_REQUIRED"
    assert session.execute(select(func.count()).select_from(Request)).scalar_one() == 0


def test_what_is_asked_for_must_be_known_and_in_a_community(session: Session, now: datetime, tree: Tree) -> None:
    person = a_requester(session, now)
    assert code_of(lambda: submitted(session, now, tree.street, person)) == "NOT_COMMUNITY"
    assert code_of(lambda: submitted(session, now, tree.community, person, Details(category="nothing"))) == "INVALID"
    assert code_of(lambda: submitted(session, now, tree.neighbour, person, Details(category="repairs", grid=tree.grid))) == "INVALID"


def test_the_same_again_within_ten_minutes_is_the_first(session: Session, now: datetime, tree: Tree) -> None:
    person = a_requester(session, now)
    first = submitted(session, now, tree.community, person)
    assert submitted(session, now + timedelta(minutes=9), tree.community, person).id == first.id
    assert submitted(session, now + timedelta(minutes=11), tree.community, person).id != first.id
    assert submitted(session, now, tree.community, person, Details(category="noise")).id != first.id
    other = a_requester(session, now, "李叔")
    assert submitted(session, now, tree.community, other).id != first.id


def test_a_day_has_a_limit_for_a_person_and_none_for_staff(session: Session, now: datetime, tree: Tree) -> None:
    policies.put(session, key="requests.per_day", value=2, why="试点", valid_from=date(2026, 1, 1), actor=SYSTEM, now=now)
    person = a_requester(session, now)
    for number in range(2):
        submitted(session, now, tree.community, person, Details(category="repairs", content=f"第{number}件"))
    third = Details(category="repairs", content="再来一件")
    assert code_of(lambda: submitted(session, now, tree.community, person, third)) == "REQUEST_TOO_MANY"
    assert submitted(session, now + timedelta(days=1), tree.community, person, third).state is RequestState.SUBMITTED
    clerk = with_role(session, now, Role.CLERK, tree.community)
    for number in range(4):
        requests.submit(
            session,
            author=clerk,
            asked_for=person,
            community=tree.community,
            channel=Channel.PHONE,
            details=Details(category="repairs", content=f"来电{number}"),
            text_check=CheckState.PASSED,
            actor=actor_of(session, clerk, now),
            now=now,
        )


def test_a_draft_is_its_author_s_and_becomes_a_request_once(session: Session, now: datetime, tree: Tree) -> None:
    person = a_requester(session, now)
    draft = a_request(session, now, tree, person, RequestState.DRAFT)
    clerk = actor_of(session, with_role(session, now, Role.CLERK, tree.community), now)
    assert code_of(lambda: requests.visible(session, draft.public_id, actor=clerk)) == "NOT_FOUND"
    changed = Details(category="noise", content="楼上太吵")
    rewrite = partial(requests.rewrite, session, draft, author=person, details=changed, text_check=CheckState.PASSED, now=now)
    rewrite(seen=draft.version)
    assert code_of(lambda: rewrite(seen=0)) == "STALE"
    requests.send(session, draft, actor=Actor(person.id), now=now)
    assert (draft.category, requests.words(draft), requests.place(draft)) == ("noise", "楼上太吵", "")
    assert code_of(lambda: requests.send(session, draft, actor=Actor(person.id), now=now)) == "ILLEGAL_MOVE"
    assert code_of(lambda: rewrite(seen=draft.version)) == "ILLEGAL_MOVE"


def test_author_subject_and_own_staff_see_a_request_and_nobody_else(session: Session, now: datetime, tree: Tree) -> None:
    daughter, mother, stranger = a_requester(session, now), a_person(session, now, "王奶奶"), a_requester(session, now)
    agree(session, now, mother)
    made = a_request(session, now, tree, daughter, asked_for=mother)
    clerk, neighbour = with_role(session, now, Role.CLERK, tree.community), with_role(session, now, Role.CLERK, tree.neighbour)
    street = with_role(session, now, Role.STREET, tree.street)
    seen = [
        person.id
        for person in (daughter, mother, stranger, clerk, neighbour, street)
        if _sees(session, made.public_id, actor_of(session, person, now))
    ]
    assert seen == [daughter.id, mother.id, clerk.id]
    assert requests.requesters(session, made) == [mother.id, daughter.id]


def test_what_has_not_passed_is_not_for_others(session: Session, now: datetime, tree: Tree) -> None:
    made = a_request(session, now, tree, text_check=CheckState.REVIEW)
    assert made.check_state is CheckState.REVIEW
    assert code_of(lambda: requests.require_checked(made)) == "REQUEST_UNCHECKED"


def test_a_voice_note_is_a_minute_at_most(session: Session, now: datetime) -> None:
    """By its own frames; what cannot be measured by its size."""
    person, unmeasured = a_requester(session, now), b"\0\0\0\x10ftypM4A \0\0\0\0" + bytes(2 << 20)
    spoken = lambda seconds: b"#!AMR\n" + (bytes([60]) + bytes(31)) * 50 * seconds  # noqa: E731 - 12.2 kbit/s
    keep = lambda data: media.upload(session, owner_id=person.id, purpose=MediaPurpose.VOICE, data=data, now=now)  # noqa: E731
    assert keep(spoken(60)).check_state is CheckState.REVIEW
    assert code_of(lambda: keep(spoken(62))) == "VOICE_TOO_LONG"
    assert keep(unmeasured[: 2 << 20]).check_state is CheckState.REVIEW
    assert code_of(lambda: keep(unmeasured)) == "VOICE_TOO_LONG"


def test_words_are_forgotten_two_years_after_the_end(session: Session, now: datetime, tree: Tree) -> None:
    person = a_requester(session, now)
    ended, going = a_request(session, now, tree, person), a_request(session, now, tree, person, content="还在办")
    added = supplements.add(session, ended, text="补充", media_ids=(), text_check=CheckState.PASSED, actor=Actor(person.id), now=now)
    triage.reject(session, ended, channel=RejectChannel.COURT, reason="要打官司", actor=SYSTEM, now=now)
    assert requests.forget_words(session, now=now + timedelta(days=730)) == 0
    later = now + timedelta(days=731)
    assert (requests.forget_words(session, now=later), requests.forget_words(session, now=later)) == (1, 0)
    session.expire_all()
    assert (ended.content, ended.place, added.text) == (None, None, None)
    assert requests.words(going) == "还在办"


def _sees(session: Session, public_id: str, actor: Actor) -> bool:
    try:
        return requests.visible(session, public_id, actor=actor) is not None
    except Problem:
        return False


def test_twenty_taps_in_a_second_are_one_request(database: Engine, redis: Any, vaulted: None, time: Any) -> None:
    with transaction() as session:
        tree = a_tree(session, START)
        person = a_requester(session, START)

    def tap(_: int) -> str:
        with transaction() as session:
            community, author = session.get_one(OrgNode, tree.community.id), session.get_one(Person, person.id)
            return submitted(session, START, community, author).public_id

    with ThreadPoolExecutor(20) as pool:
        answers = set(pool.map(tap, range(20)))
    with transaction() as session:
        assert (len(answers), session.execute(select(func.count()).select_from(Request)).scalar_one()) == (1, 1)
