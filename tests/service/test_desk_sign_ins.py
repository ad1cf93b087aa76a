"""Signing a browser in by a phone: bound to the browser, one number once, 120 seconds (docs/protocol.md §1)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.db.models.codes import DeskSignIn, OneTimeCode
from server.db.models.people import LoginSession
from server.db.models.platform import Event
from server.domain.permissions import Actor, Role
from server.domain.problems import Problem
from server.services import codes, desk_sign_ins, sessions
from server.services.desk_sign_ins import Asked
from tests.conftest import Time
from tests.factories.desks import BROWSER, a_wish_to_sign_in, wrong
from tests.factories.people import Tree, a_person, a_tree, actor_of, with_role

OTHER = "the-cookie-of-somebody-else"


@pytest.fixture
def tree(session: Session, now: datetime) -> Tree:
    return a_tree(session, now)


@pytest.fixture
def phone(session: Session, tree: Tree, now: datetime) -> Actor:
    """The secretary on her phone."""
    return actor_of(session, with_role(session, now, Role.SECRETARY, tree.community), now)


def enter(session: Session, now: datetime, browser: str = BROWSER) -> str:
    return desk_sign_ins.enter(session, browser=browser, label="Windows · Edge", now=now)


def stands(session: Session, now: datetime, browser: str = BROWSER) -> Asked:
    wish = desk_sign_ins.of_browser(session, browser=browser, now=now)
    assert wish is not None
    return wish.state


def test_the_right_number_signs_the_asking_browser_in(session: Session, phone: Actor, now: datetime) -> None:
    wish = a_wish_to_sign_in(session, now)
    with pytest.raises(Problem, match="SIGN_IN_WAITING"):
        enter(session, now)
    seen = desk_sign_ins.read(session, f"https://gongjian.example/q/{wish.token}", actor=phone, now=now)
    assert (seen.row.browser, seen.row.network, len(set(seen.row.numbers))) == ("Windows · Edge", "203.0.*.*", 3)
    assert stands(session, now) is Asked.READ
    assert desk_sign_ins.pick(session, wish.token, wish.row.number, actor=phone, now=now) is None
    assert stands(session, now) is Asked.AGREED
    actor = sessions.find(session, token=enter(session, now), now=now)
    assert (actor.person_id, actor.channel) == (phone.person_id, "staff")
    assert session.execute(select(LoginSession.browser).where(LoginSession.id == actor.session_id)).scalar_one() == "Windows · Edge"
    story = session.execute(select(Event.action, Event.to_state).where(Event.subject_kind == "desk_sign_in").order_by(Event.id)).all()
    assert [tuple(row) for row in story] == [("answer", "agreed"), ("sign_in", "scan")]


def test_a_code_is_spent_once(session: Session, phone: Actor, now: datetime) -> None:
    wish = a_wish_to_sign_in(session, now)
    desk_sign_ins.read(session, wish.token, actor=phone, now=now)
    desk_sign_ins.pick(session, wish.token, wish.row.number, actor=phone, now=now)
    enter(session, now)
    with pytest.raises(Problem, match="QR_USED"):
        enter(session, now)
    with pytest.raises(Problem, match="QR_USED"):
        desk_sign_ins.read(session, wish.token, actor=phone, now=now)


def test_another_browser_is_never_signed_in(session: Session, phone: Actor, now: datetime) -> None:
    """The code of one browser was shown on another's screen: only the one that asked is let in."""
    wish = a_wish_to_sign_in(session, now)
    a_wish_to_sign_in(session, now, browser=OTHER)
    desk_sign_ins.read(session, wish.token, actor=phone, now=now)
    desk_sign_ins.pick(session, wish.token, wish.row.number, actor=phone, now=now)
    with pytest.raises(Problem, match="SIGN_IN_WAITING"):
        enter(session, now, OTHER)
    with pytest.raises(Problem, match="QR_EXPIRED"):
        enter(session, now, "a browser that never asked")


def test_a_wrong_number_kills_the_code(session: Session, phone: Actor, now: datetime) -> None:
    wish = a_wish_to_sign_in(session, now)
    desk_sign_ins.read(session, wish.token, actor=phone, now=now)
    assert desk_sign_ins.pick(session, wish.token, wrong(wish), actor=phone, now=now) == "SIGN_IN_NUMBER"
    assert desk_sign_ins.pick(session, wish.token, wrong(wish), actor=phone, now=now) == "SIGN_IN_NUMBER", "sent twice, told twice"
    with pytest.raises(Problem, match="STALE"):
        desk_sign_ins.pick(session, wish.token, wish.row.number, actor=phone, now=now)
    assert stands(session, now) is Asked.REFUSED
    with pytest.raises(Problem, match="SIGN_IN_REFUSED"):
        enter(session, now)
    code = session.execute(select(OneTimeCode)).scalar_one()
    assert (code.used_at, code.expires_at) == (None, now)


def test_it_was_not_me(session: Session, phone: Actor, now: datetime) -> None:
    wish = a_wish_to_sign_in(session, now)
    desk_sign_ins.read(session, wish.token, actor=phone, now=now)
    assert desk_sign_ins.pick(session, wish.token, desk_sign_ins.NOT_ME, actor=phone, now=now) is None
    with pytest.raises(Problem, match="SIGN_IN_REFUSED"):
        enter(session, now)


def test_who_read_it_first_answers_alone(session: Session, tree: Tree, phone: Actor, now: datetime) -> None:
    wish = a_wish_to_sign_in(session, now)
    desk_sign_ins.read(session, wish.token, actor=phone, now=now)
    colleague = actor_of(session, with_role(session, now, Role.COUNTY, tree.county), now)
    with pytest.raises(Problem, match="QR_NOT_YOURS"):
        desk_sign_ins.read(session, wish.token, actor=colleague, now=now)
    with pytest.raises(Problem, match="QR_NOT_YOURS"):
        desk_sign_ins.pick(session, wish.token, wish.row.number, actor=colleague, now=now)
    assert desk_sign_ins.read(session, wish.token, actor=phone, now=now).row.numbers == wish.row.numbers, "the same three, asked again"


def test_a_number_needs_a_code_that_was_read(session: Session, phone: Actor, now: datetime) -> None:
    wish = a_wish_to_sign_in(session, now)
    with pytest.raises(Problem, match="QR_EXPIRED"):
        desk_sign_ins.pick(session, wish.token, wish.row.number, actor=phone, now=now)
    assert stands(session, now) is Asked.WAITING


def test_two_minutes_later_it_is_over(session: Session, phone: Actor, now: datetime, time: Time) -> None:
    wish = a_wish_to_sign_in(session, now)
    desk_sign_ins.read(session, wish.token, actor=phone, now=now)
    desk_sign_ins.pick(session, wish.token, wish.row.number, actor=phone, now=time.advance(seconds=119))
    later = time.advance(seconds=1)
    with pytest.raises(Problem, match="QR_EXPIRED"):
        enter(session, later)
    with pytest.raises(Problem, match="QR_EXPIRED"):
        desk_sign_ins.read(session, wish.token, actor=phone, now=later)


def test_a_new_code_kills_the_browser_s_old_one(session: Session, phone: Actor, now: datetime) -> None:
    old = a_wish_to_sign_in(session, now).token
    new = a_wish_to_sign_in(session, now)
    with pytest.raises(Problem, match="QR_EXPIRED"):
        desk_sign_ins.read(session, old, actor=phone, now=now)
    assert desk_sign_ins.read(session, new.token, actor=phone, now=now).row.id == new.row.id


def test_only_staff_on_a_phone_may_read_it(session: Session, phone: Actor, now: datetime) -> None:
    wish = a_wish_to_sign_in(session, now)
    member = actor_of(session, a_person(session, now), now)
    at_a_desk = Actor(phone.person_id, phone.session_id, phone.grants, "staff")
    for actor in (member, at_a_desk):
        with pytest.raises(Problem, match="FORBIDDEN"):
            desk_sign_ins.read(session, wish.token, actor=actor, now=now)
        with pytest.raises(Problem, match="FORBIDDEN"):
            desk_sign_ins.pick(session, wish.token, wish.row.number, actor=actor, now=now)


def test_other_codes_are_refused(session: Session, phone: Actor, now: datetime) -> None:
    mine = codes.of_person(session, person_id=phone.id, now=now)
    for text, code in ((codes.card_of(mine), "QR_WRONG_KIND"), ("too short", "QR_FORMAT"), ("51GG" + "0" * 28, "QR_FORGED")):
        with pytest.raises(Problem, match=code):
            desk_sign_ins.read(session, text, actor=phone, now=now)


def test_one_network_cannot_flood_the_table(session: Session, now: datetime, time: Time) -> None:
    for number in range(desk_sign_ins.MOST_LIVE):
        a_wish_to_sign_in(session, now, browser=f"b{number}")
    with pytest.raises(Problem, match="TOO_MANY_REQUESTS"):
        a_wish_to_sign_in(session, now)
    a_wish_to_sign_in(session, now, network="198.51.*.*")
    a_wish_to_sign_in(session, time.advance(minutes=2))


def test_the_shown_number_is_drawn_apart_from_its_place(session: Session, now: datetime) -> None:
    places = {w.row.numbers.index(w.row.number) for w in (a_wish_to_sign_in(session, now, browser=f"b{n}") for n in range(40))}
    assert places == {0, 1, 2}


def test_old_wishes_are_forgotten(session: Session, now: datetime, time: Time) -> None:
    a_wish_to_sign_in(session, now)
    desk_sign_ins.prune(session, now=now + timedelta(days=30))
    assert session.execute(select(func.count()).select_from(DeskSignIn)).scalar_one() == 1
    desk_sign_ins.prune(session, now=now + timedelta(days=30, seconds=1))
    left = [session.execute(select(func.count()).select_from(model)).scalar_one() for model in (DeskSignIn, OneTimeCode)]
    assert left == [0, 0]
