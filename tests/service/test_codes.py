"""Codes: handles, tokens, epochs and one-time codes, on both databases."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from qr import tokens
from qr.tokens import Kind, Mode
from server.db import keys, vault
from server.db.models.codes import Code, CodeEpoch, OneTimeCode
from server.domain.permissions import SYSTEM, Role
from server.domain.problems import Problem
from server.services import codes, one_time_codes
from tests.factories.people import Tree, a_person, a_tree, actor_of, with_role


def a_code(session: Session, now: datetime, tree: Tree, kind: Kind = Kind.TASK, mode: Mode = Mode.STATIC, *, subject: int = 1) -> Code:
    """A code of something in the community."""
    return codes.for_subject(session, kind=kind, subject_kind=kind.name.lower(), subject_id=subject, community_id=tree.community.id,
                             label="示例", mode=mode, now=now)  # fmt: skip


def refused(session: Session, text: str, now: datetime) -> tuple[str, str]:
    """(what the person is told, the exact reason)."""
    with pytest.raises(codes.CodeRefused) as caught:
        codes.resolve(session, text, now)
    assert caught.value.data == {}  # the reason never leaves
    return caught.value.code, caught.value.reason


def test_a_subject_has_one_code_and_its_token_leads_back(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    code = a_code(session, now, tree)
    assert a_code(session, now, tree).id == code.id
    found = codes.resolve(session, f"https://gongjian.example/q/{codes.token_of(code, now=now).lower()}", now)
    assert (found.code.id, found.token.obj, found.token.epoch) == (code.id, code.obj, 0)


def test_a_clash_of_handles_is_drawn_again(session: Session, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = a_tree(session, now)
    taken = a_code(session, now, tree).obj
    draws = iter([taken, taken, 7])
    monkeypatch.setattr(codes, "new_handle", lambda: next(draws))
    assert a_code(session, now, tree, subject=2).obj == 7


def test_a_code_that_becomes_rotating_makes_the_posters_worthless(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    poster = codes.token_of(a_code(session, now, tree), now=now)
    code = a_code(session, now, tree, mode=Mode.ROTATING)
    assert (code.mode, code.epoch) == (Mode.ROTATING, 1)
    assert refused(session, poster, now) == ("QR_REVOKED", "epoch")


def test_a_broken_random_source_is_a_fault_and_not_a_loop(session: Session, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = a_tree(session, now)
    taken = a_code(session, now, tree).obj
    monkeypatch.setattr(codes, "new_handle", lambda: taken)
    with pytest.raises(RuntimeError):
        a_code(session, now, tree, subject=2)


def test_a_mode_the_kind_may_not_use_is_a_bug(session: Session, now: datetime) -> None:
    with pytest.raises(ValueError, match="may not be"):
        a_code(session, now, a_tree(session, now), kind=Kind.COMMUNITY, mode=Mode.ROTATING)


def test_a_rotating_code_lives_for_two_slots(session: Session, now: datetime) -> None:
    code = a_code(session, now, a_tree(session, now), mode=Mode.ROTATING)
    text = codes.token_of(code, now=now)
    assert codes.resolve(session, text, now + timedelta(seconds=59)).token.slot == tokens.slot_at(int(now.timestamp()), 30)
    assert refused(session, text, now + timedelta(seconds=60)) == ("QR_WINDOW_PAST", "slot")
    assert refused(session, text, now - timedelta(seconds=3)) == ("QR_WINDOW_AHEAD", "slot")
    assert codes.resolve(session, text, now - timedelta(seconds=2)).code.id == code.id


def test_slots_ahead_begin_with_the_present_one(session: Session, now: datetime) -> None:
    code = codes.of_person(session, person_id=a_person(session, now).id, now=now)
    ahead = codes.slots_ahead(code, now=now, count=codes.PREFETCHED)
    assert (len(ahead), ahead[0]) == (288, (int(now.timestamp()), codes.token_of(code, now=now)))
    last = now + timedelta(seconds=287 * 300)
    assert codes.resolve(session, ahead[-1][1], last).code.id == code.id


def test_a_printed_card_and_a_phone_are_the_same_person(session: Session, now: datetime) -> None:
    code = codes.of_person(session, person_id=a_person(session, now).id, now=now)
    assert codes.resolve(session, codes.card_of(code), now).code.id == code.id
    assert codes.resolve(session, codes.token_of(code, now=now), now).code.id == code.id


def test_what_is_refused_and_why(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    code = a_code(session, now, tree, mode=Mode.ROTATING)
    good = codes.token_of(code, now=now)
    stranger = tokens.mint(codes.ring(), mode=Mode.STATIC, kind=Kind.TASK, epoch=0, obj=code.obj ^ 1)
    printed = tokens.mint(codes.ring(), mode=Mode.STATIC, kind=Kind.TASK, epoch=0, obj=code.obj)
    swapped = tokens.mint(codes.ring(), mode=Mode.ROTATING, kind=Kind.ACTIVITY, epoch=0, obj=code.obj, slot=1)
    assert refused(session, good[:-1] + ("0" if good[-1] != "0" else "1"), now) == ("QR_FORGED", "mac")
    assert refused(session, good[:31], now) == ("QR_FORMAT", "length")
    assert refused(session, "你好" * 16, now) == ("QR_FORMAT", "alphabet")
    assert refused(session, stranger, now) == ("QR_UNKNOWN", "object")
    assert refused(session, printed, now) == ("QR_REVOKED", "mode")  # the object became rotating: old posters stop
    assert refused(session, swapped, now) == ("QR_FORGED", "kind")


def test_another_instance_does_not_read_our_codes(session: Session, now: datetime) -> None:
    text = codes.token_of(a_code(session, now, a_tree(session, now)), now=now)
    codes.configure("demo2")
    assert refused(session, text, now) == ("QR_FORGED", "mac")


def test_the_published_vectors_come_through_the_door(session: Session, now: datetime) -> None:
    rings = vault.current().rings
    ours = (keys.Key(1, bytes(range(32)), "sign"), keys.Key(2, bytes(range(32, 64)), "verify"))
    vault.configure({**rings, "qr": ours}, "aes")
    tree = a_tree(session, now)
    poster, screen = a_code(session, now, tree, Kind.COMMUNITY), a_code(session, now, tree, Kind.ACTIVITY, Mode.ROTATING)
    poster.obj, screen.obj, screen.epoch = 0x4D2, 0xA1B2C3D4E5, 7
    session.flush()
    assert codes.resolve(session, "40GG0000002D4000000E657HB44X51QB", now).code.id == poster.id
    assert codes.resolve(session, "51ggf8djrfaeaow5m2wepvbkaqg5nfh6", now).code.id == screen.id
    assert codes.token_of(screen, now=now) == "51GGF8DJRFAEA0W5M2WEPVBKAQG5NFH6"
    assert refused(session, "51GGH8DJRFAEA0W5M2WEPVBKAQG5NFH6", now) == ("QR_FORGED", "mac")
    assert refused(session, "661000938NKRKQNDQVQW9G0J8605RTV4", now) == ("QR_UNKNOWN", "object")


def test_revoking_opens_the_next_epoch_and_history_keeps_the_old(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    clerk = actor_of(session, with_role(session, now, Role.CLERK, tree.community), now)
    code = a_code(session, now, tree)
    old = codes.token_of(code, now=now)
    later = now + timedelta(hours=1)
    assert codes.revoke(session, code, reason="海报被撕", actor=clerk, now=later) is code
    assert refused(session, old, later) == ("QR_REVOKED", "epoch")
    assert codes.resolve(session, codes.token_of(code, now=later), later).token.epoch == 1
    asked = [(0, now - timedelta(seconds=1)), (0, now), (1, now), (0, later), (1, later)]
    assert [codes.was_open(session, code.id, epoch, first=at, last=at) for epoch, at in asked] == [False, True, False, False, True]


def test_revoking_needs_a_reason_and_the_right_community(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    stranger = actor_of(session, with_role(session, now, Role.CLERK, tree.neighbour), now)
    code = a_code(session, now, tree)
    for actor, reason, expected in ((SYSTEM, " ", "NOTE_REQUIRED"), (stranger, "丢了", "NOT_FOUND")):
        with pytest.raises(Problem) as caught:
            codes.revoke(session, code, reason=reason, actor=actor, now=now)
        assert caught.value.code == expected


def test_a_person_revokes_his_own_card_and_nobody_elses(session: Session, now: datetime) -> None:
    mine, other = a_person(session, now), a_person(session, now, "李四")
    code = codes.of_person(session, person_id=mine.id, now=now)
    with pytest.raises(Problem) as caught:
        codes.revoke(session, code, reason="卡丢了", actor=actor_of(session, other, now), now=now)
    assert caught.value.code == "NOT_FOUND"
    codes.revoke(session, code, reason="卡丢了", actor=actor_of(session, mine, now), now=now)
    assert code.epoch == 1


def test_the_last_epoch_is_followed_by_a_new_handle(session: Session, now: datetime) -> None:
    code = a_code(session, now, a_tree(session, now))
    code.epoch = 255
    session.flush()
    old = codes.token_of(code, now=now)
    fresh = codes.revoke(session, code, reason="用完", actor=SYSTEM, now=now)
    assert (fresh.id != code.id, fresh.epoch, code.retired_at) == (True, 0, now)
    assert refused(session, old, now) == ("QR_REVOKED", "retired")
    assert session.execute(select(CodeEpoch.valid_to).where(CodeEpoch.code_id == code.id)).scalars().all() == [now]


def test_revoking_twice_at_once_is_stale(session: Session, now: datetime) -> None:
    code = a_code(session, now, a_tree(session, now))
    seen = replace_epoch(code)
    codes.revoke(session, code, reason="一", actor=SYSTEM, now=now)
    seen(code)
    with pytest.raises(Problem) as caught:
        codes.revoke(session, code, reason="二", actor=SYSTEM, now=now)
    assert caught.value.code == "STALE"


def replace_epoch(code: Code):  # type: ignore[no-untyped-def]
    """Give the row object back what it said before: what a second clerk has on her screen."""
    from sqlalchemy.orm.attributes import set_committed_value

    before = code.epoch
    return lambda row: set_committed_value(row, "epoch", before)


def test_a_retired_key_asks_for_a_new_poster(session: Session, now: datetime) -> None:
    text = codes.token_of(a_code(session, now, a_tree(session, now)), now=now)
    rings = keys.retire(keys.promote(keys.add(vault.current().rings, "qr"), "qr", 2), "qr", 1)
    vault.configure(rings, "aes")
    assert refused(session, text, now) == ("QR_KEY_RETIRED", "retired_kid")


def spend(session: Session, text: str, now: datetime, *, person: int, key: str = "k1", bound: str = "shop:1") -> OneTimeCode:
    """Spend a one-time token."""
    return one_time_codes.spend(session, token=codes.read(text), bound_to=bound, person_id=person, key=key, now=now)


def test_a_one_time_code_is_spent_once_and_a_retry_gets_the_same_answer(session: Session, now: datetime) -> None:
    one, two = a_person(session, now), a_person(session, now, "李四")
    text = one_time_codes.issue(session, kind=Kind.WRITE_OFF, bound_to="shop:1", subject_id=9, lifetime=timedelta(minutes=10), now=now)
    first = spend(session, text, now, person=one.id)
    assert first.subject_id == 9
    assert spend(session, text, now + timedelta(hours=1), person=one.id).id == first.id
    for person, key in ((one, "k2"), (two, "k1")):
        with pytest.raises(Problem) as caught:
            spend(session, text, now, person=person.id, key=key)
        assert caught.value.code == "QR_USED"


def test_one_time_codes_expire_belong_to_somebody_and_can_be_killed(session: Session, now: datetime) -> None:
    person = a_person(session, now).id
    lifetime = timedelta(seconds=120)

    def fresh() -> str:
        return one_time_codes.issue(session, kind=Kind.CONSOLE_LOGIN, bound_to="shop:1", subject_id=None, lifetime=lifetime, now=now)

    def told(text: str, at: datetime, bound: str = "shop:1") -> str:
        with pytest.raises(Problem) as caught:
            spend(session, text, at, person=person, bound=bound)
        return caught.value.code

    killed = fresh()
    one_time_codes.kill(session, token=codes.read(killed), now=now)
    ghost = tokens.mint(codes.ring(), mode=Mode.ONE_TIME, kind=Kind.CONSOLE_LOGIN, epoch=0, obj=1, slot=1)
    assert told(fresh(), now + lifetime) == "QR_EXPIRED"
    assert told(fresh(), now, "shop:2") == "QR_NOT_YOURS"
    assert told(killed, now) == "QR_EXPIRED"
    assert told(ghost, now) == "QR_UNKNOWN"
