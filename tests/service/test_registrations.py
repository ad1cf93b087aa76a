"""党员报到: who is taken in at once, who waits, one live registration a person, serial numbers, the proxy and paper paths."""

import threading
from datetime import date, datetime

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.db.base import transaction
from server.db.models.notices import Notice
from server.db.models.people import Consent, Person, WechatAccount
from server.db.models.platform import Event
from server.db.models.registrations import MemberRegistration
from server.domain.people import ConsentChannel, MemberType, Purpose
from server.domain.permissions import SYSTEM, Role
from server.domain.problems import Problem
from server.domain.registrations import MemberState, Source
from server.services import bindings, intakes, people, policies, proxies, registrations, serials
from server.services.proxies import Represented
from server.services.registrations import Details
from tests.factories.people import Tree, a_person, a_tree, actor_of, with_role
from tests.factories.registrations import a_bound_person, a_member, a_registration, a_unit, agree, an_entry


@pytest.fixture
def tree(session: Session, now: datetime) -> Tree:
    return a_tree(session, now)


def events_of(session: Session, row: MemberRegistration) -> list[tuple[str, int | None]]:
    found = select(Event.action, Event.actor_id).where(Event.subject_kind == "member_registration", Event.subject_id == row.id)
    return [(event.action, event.actor_id) for event in session.execute(found.order_by(Event.id))]


def refusal(code: str) -> "pytest.RaisesExc[Problem]":
    return pytest.raises(Problem, check=lambda problem: problem.code == code)


def test_who_the_roster_knows_is_taken_in_at_once(session: Session, now: datetime, tree: Tree) -> None:
    person = a_bound_person(session, now, a_unit(session, now, tree))
    row = a_registration(session, now, person, tree.community)
    assert (row.state, row.unit_id, row.valid_from, row.skills) == (MemberState.ACTIVE, person.unit_id, date(2026, 3, 5), ["急救"])
    assert row.receipt_no == f"DY-{tree.community.public_id}-2026-00001"
    assert events_of(session, row) == [("submit", person.id), ("accept", None)]
    told = session.execute(select(Notice)).scalar_one()
    assert (told.person_id, told.facts) == (person.id, {"community": "示例社区", "outcome": "accepted"})


def test_a_roster_that_names_another_community_waits(session: Session, now: datetime, tree: Tree) -> None:
    person = a_bound_person(session, now, a_unit(session, now, tree), community="邻近社区")
    assert a_registration(session, now, person, tree.community).state is MemberState.SUBMITTED
    assert a_registration(session, now, person, tree.neighbour).state is MemberState.ACTIVE


def test_a_community_may_look_at_everybody_itself(session: Session, now: datetime, tree: Tree) -> None:
    policies.put(
        session, key="registrations.auto_accept", value=0, why="人工核对", valid_from=date(2026, 1, 1), actor=SYSTEM, now=now,
        node_id=tree.community.id,
    )  # fmt: skip
    person = a_bound_person(session, now, a_unit(session, now, tree))
    assert a_registration(session, now, person, tree.community).state is MemberState.SUBMITTED


def test_nothing_before_consent_and_name(session: Session, now: datetime, tree: Tree) -> None:
    person = a_person(session, now)
    with refusal("CONSENT_REQUIRED"):
        a_registration(session, now, person, tree.community)
    with refusal("NAME_REQUIRED"):
        a_registration(session, now, agree(session, now, people.create(session, created_via="test", now=now)), tree.community)


def test_a_stranger_waits_for_the_secretary(session: Session, now: datetime, tree: Tree) -> None:
    person = agree(session, now, a_person(session, now))
    row = a_registration(session, now, person, tree.community)
    assert (row.state, row.receipt_no) == (MemberState.SUBMITTED, None)
    with refusal("REGISTRATION_OPEN"):
        a_registration(session, now, person, tree.community)
    secretary = actor_of(session, with_role(session, now, Role.SECRETARY, tree.community), now)
    foreign = actor_of(session, with_role(session, now, Role.SECRETARY, tree.neighbour), now)
    with refusal("NOT_FOUND"):
        registrations.accept(session, row, actor=foreign, now=now)
    with refusal("NOTE_REQUIRED"):
        registrations.send_back(session, row, reason=" ", actor=secretary, now=now)
    registrations.send_back(session, row, reason="住址不清", actor=secretary, now=now)
    registrations.resubmit(session, row, details=Details(address="示例小区 3 幢"), actor=actor_of(session, person, now), now=now)
    assert (row.state, row.reason, registrations.address_of(person, row)) == (MemberState.SUBMITTED, None, "示例小区 3 幢")
    registrations.accept(session, row, actor=secretary, now=now)
    assert row.state is MemberState.ACTIVE
    with refusal("REGISTRATION_EXISTS"):
        a_registration(session, now, person, tree.community)
    with refusal("REGISTRATION_ELSEWHERE"):
        a_registration(session, now, person, tree.neighbour)


def test_one_live_registration_whoever_accepts(session: Session, now: datetime, tree: Tree) -> None:
    person = agree(session, now, a_person(session, now))
    here, there = (a_registration(session, now, person, place) for place in (tree.community, tree.neighbour))
    registrations.accept(session, here, actor=SYSTEM, now=now)
    with refusal("REGISTRATION_ELSEWHERE"):
        registrations.accept(session, there, actor=SYSTEM, now=now)


def test_two_communities_that_accept_at_once(database: object, redis: object, vaulted: None, now: datetime) -> None:
    with transaction() as session:
        tree = a_tree(session, now)
        person = agree(session, now, a_person(session, now))
        ids = [a_registration(session, now, person, place).id for place in (tree.community, tree.neighbour)]
    start, outcomes = threading.Barrier(2), []

    def accept(row_id: int) -> None:
        start.wait(10)
        try:
            with transaction() as own:
                registrations.accept(own, own.get_one(MemberRegistration, row_id), actor=SYSTEM, now=now)
            outcomes.append("accepted")
        except Problem as problem:
            outcomes.append(problem.code)

    threads = [threading.Thread(target=accept, args=(row_id,)) for row_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["REGISTRATION_ELSEWHERE", "accepted"]


def test_receipts_are_numbered_by_community_and_year(session: Session, now: datetime, tree: Tree) -> None:
    def number(node: object, at: datetime) -> str:
        return serials.following(session, series=serials.MEMBER, community=node, now=at)[-10:]  # type: ignore[arg-type]

    assert [number(tree.community, now), number(tree.community, now), number(tree.neighbour, now)] == [
        "2026-00001",
        "2026-00002",
        "2026-00001",
    ]
    assert number(tree.community, now.replace(year=2027)) == "2027-00001"


def test_a_failed_acceptance_takes_no_number(session: Session, now: datetime, tree: Tree) -> None:
    a_member(session, now, tree)
    stranger = a_registration(session, now, agree(session, now, a_person(session, now, "李四")), tree.community)
    busy = agree(session, now, a_person(session, now, "王五"))
    elsewhere = a_registration(session, now, busy, tree.community)
    registrations.accept(session, a_registration(session, now, busy, tree.neighbour), actor=SYSTEM, now=now)
    ids = ["0" * 13, elsewhere.public_id, stranger.public_id]
    outcome = registrations.decide_many(session, ids, community=tree.community, accepting=True, reason=None, actor=SYSTEM, now=now)
    assert [row.id for row in outcome.done] == [stranger.id]
    assert [(one.id, one.code) for one in outcome.failed] == [(ids[0], "NOT_FOUND"), (ids[1], "REGISTRATION_ELSEWHERE")]
    assert str(stranger.receipt_no).endswith("00002")


def test_retiring_and_floating_leave_the_registration(session: Session, now: datetime, tree: Tree) -> None:
    for change, kind in ((registrations.retire, MemberType.RETIRED), (registrations.float_away, MemberType.FLOATING)):
        person = a_member(session, now, tree, "张三" if kind is MemberType.RETIRED else "李四")
        row = registrations.live_of(session, person_id=person.id)
        assert row is not None
        change(session, row, actor=SYSTEM, now=now)
        entry = bindings.of(session, person_id=person.id)
        assert entry is not None
        assert (row.state, person.member_type, entry.member_type) == (MemberState.ACTIVE, kind, kind)


def test_ending_and_leaving(session: Session, now: datetime, tree: Tree) -> None:
    person = a_member(session, now, tree)
    row = registrations.live_of(session, person_id=person.id)
    assert row is not None
    with refusal("NOTE_REQUIRED"):
        registrations.end(session, row, reason=None, actor=SYSTEM, now=now)
    registrations.end(session, row, reason="出国", actor=SYSTEM, now=now)
    assert (row.state, row.valid_to, row.reason) == (MemberState.CLOSED, date(2026, 3, 5), "出国")
    again = a_registration(session, now, person, tree.neighbour)
    registrations.withdraw(session, again, actor=actor_of(session, person, now), now=now)
    assert registrations.live_of(session, person_id=person.id) is None


def test_a_grid_worker_registers_somebody_without_a_phone(session: Session, now: datetime, tree: Tree) -> None:
    worker = with_role(session, now, Role.GRID_WORKER, tree.grid, "网格员")
    actor = actor_of(session, worker, now)
    who = Represented("赵大爷", None, MemberType.RETIRED, ConsentChannel.SPOKEN)
    with refusal("NOT_FOUND"):
        proxies.register(session, who=who, community=tree.community, details=Details(), actor=actor, now=now)
    row = proxies.register(session, who=who, community=tree.community, details=Details(grid=tree.grid), actor=actor, now=now)
    assert (row.state, row.source, row.recorded_by, row.grid_id) == (MemberState.SUBMITTED, Source.PROXY, worker.id, tree.grid.id)
    given = session.execute(select(Consent).where(Consent.person_id == row.person_id)).scalar_one()
    assert (given.purpose, given.channel, given.witness_id) == (Purpose.SERVICE, ConsentChannel.SPOKEN, worker.id)
    with refusal("NOT_FOUND"):
        proxies.register(session, who=who, community=tree.neighbour, details=Details(grid=tree.grid), actor=actor, now=now)


def test_paper_with_a_phone_finds_the_roster_and_the_person(session: Session, now: datetime, tree: Tree) -> None:
    clerk = actor_of(session, with_role(session, now, Role.CLERK, tree.community), now)
    an_entry(session, now, a_unit(session, now, tree), "钱阿姨", "13800138000")
    paper = Represented("钱阿姨", "13800138000", MemberType.NON_PARTY, ConsentChannel.PAPER)
    row = proxies.register(session, who=paper, community=tree.community, details=Details(), actor=clerk, now=now)
    assert (row.state, row.source) == (MemberState.ACTIVE, Source.PAPER)
    with refusal("REGISTRATION_EXISTS"):
        proxies.register(session, who=paper, community=tree.community, details=Details(), actor=clerk, now=now)
    with refusal("PHONE_TAKEN"):
        other = Represented("孙阿姨", "13800138000", MemberType.NON_PARTY, ConsentChannel.PAPER)
        proxies.register(session, who=other, community=tree.community, details=Details(), actor=clerk, now=now)
    named = select(func.count()).where(Person.phone_hash.is_not(None), Person.created_via == "proxy")
    assert session.execute(named).scalar_one() == 1


def test_a_clerk_names_the_roster_entry_of_somebody_without_a_phone(session: Session, now: datetime, tree: Tree) -> None:
    clerk = actor_of(session, with_role(session, now, Role.CLERK, tree.community), now)
    entry = an_entry(session, now, a_unit(session, now, tree), "周大妈", "")
    who = Represented("周大妈", None, MemberType.NON_PARTY, ConsentChannel.PAPER, entry)
    row = proxies.register(session, who=who, community=tree.community, details=Details(), actor=clerk, now=now)
    assert (row.state, row.person_id) == (MemberState.ACTIVE, entry.person_id)


def signs_in(session: Session, now: datetime, person: Person) -> None:
    """He has an account of his own."""
    session.add(WechatAccount(appid="wx1", openid=f"o{person.id}", person_id=person.id, created_at=now, last_seen_at=now))
    session.flush()


def test_who_signs_in_himself_is_not_registered_on_anothers_word(session: Session, now: datetime, tree: Tree) -> None:
    """His phone or his signature; by telephone number and by roster entry alike. He is told of the form that was entered (R7)."""
    clerk = actor_of(session, with_role(session, now, Role.CLERK, tree.community), now)
    person = a_person(session, now, "郑师傅", phone="13700000001")
    signs_in(session, now, person)
    entry = an_entry(session, now, a_unit(session, now, tree), "郑师傅", "")
    entry.person_id = person.id
    session.flush()
    for phone, named in (("13700000001", None), (None, entry)):
        who = Represented("郑师傅", phone, MemberType.NON_PARTY, ConsentChannel.SPOKEN, named)
        with refusal("REGISTERS_HIMSELF"):
            proxies.register(session, who=who, community=tree.community, details=Details(), actor=clerk, now=now)
    assert session.execute(select(func.count()).select_from(Consent)).scalar_one() == 0
    other = a_person(session, now, "冯师傅", phone="13700000003")
    signs_in(session, now, other)
    signed = Represented("冯师傅", "13700000003", MemberType.NON_PARTY, ConsentChannel.PAPER)
    row = proxies.register(session, who=signed, community=tree.community, details=Details(), actor=clerk, now=now)
    assert (row.person_id, row.source) == (other.id, Source.PAPER)
    told = session.execute(select(Notice).where(Notice.person_id == other.id)).scalars()
    assert [one.facts["outcome"] for one in told] == ["entered"]


def test_nobody_names_the_account_of_another(session: Session, now: datetime, tree: Tree) -> None:
    """A signed-in person who gave no name yet gives it himself."""
    clerk = actor_of(session, with_role(session, now, Role.CLERK, tree.community), now)
    person = people.create(session, created_via="login", now=now, phone="13700000002")
    signs_in(session, now, person)
    who = Represented("随便写", "13700000002", MemberType.NON_PARTY, ConsentChannel.PAPER)
    with refusal("REGISTERS_HIMSELF"):
        proxies.register(session, who=who, community=tree.community, details=Details(), actor=clerk, now=now)
    asked = intakes.Represented("随便写", "13700000002", ConsentChannel.SPOKEN)
    assert intakes.represented(session, who=asked, actor=clerk, now=now).id == person.id
    assert person.name is None


def test_nobody_witnesses_for_himself(session: Session, now: datetime, tree: Tree) -> None:
    clerk = with_role(session, now, Role.CLERK, tree.community, "吴干事")
    who = Represented("吴干事", people.phone_of(clerk), MemberType.RESIDENT_PARTY, ConsentChannel.PAPER)
    with refusal("WITNESS_REQUIRED"):
        proxies.register(session, who=who, community=tree.community, details=Details(), actor=actor_of(session, clerk, now), now=now)
