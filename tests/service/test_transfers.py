"""转接: released by the old community or by its deadline, accepted by the new one, history kept."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from server.db.models.registrations import MemberRegistration, Transfer
from server.domain.permissions import Actor, Role
from server.domain.problems import Problem
from server.domain.registrations import MemberState, TransferReason, TransferState
from server.services import registrations, transfers, workdays
from tests.factories.people import Tree, a_tree, actor_of, with_role
from tests.factories.registrations import a_member


class Scene:
    """A member on the move, the secretaries of both communities."""

    def __init__(self, session: Session, now: datetime) -> None:
        self.tree: Tree = a_tree(session, now)
        self.person = a_member(session, now, self.tree)
        self.me = Actor(self.person.id)
        self.old, self.new = (
            actor_of(session, with_role(session, now, Role.SECRETARY, node), now) for node in (self.tree.community, self.tree.neighbour)
        )
        live = registrations.live_of(session, person_id=self.person.id)
        assert live is not None
        self.live: MemberRegistration = live

    def ask(self, session: Session, now: datetime) -> Transfer:
        return transfers.request(session, self.live, to=self.tree.neighbour, reason=TransferReason.MOVED_HOUSE, actor=self.me, now=now)


@pytest.fixture
def scene(session: Session, now: datetime) -> Scene:
    return Scene(session, now)


def refusal(code: str) -> "pytest.RaisesExc[Problem]":
    return pytest.raises(Problem, check=lambda problem: problem.code == code)


def test_released_accepted_and_the_history_goes_along(session: Session, now: datetime, scene: Scene) -> None:
    row = scene.ask(session, now)
    assert scene.live.state is MemberState.TRANSFERRING
    with refusal("NOT_FOUND"):
        transfers.release(session, row, actor=scene.new, now=now)
    transfers.release(session, row, actor=scene.old, now=now)
    with refusal("NOT_FOUND"):
        transfers.accept(session, row, actor=scene.old, now=now)
    transfers.accept(session, row, actor=scene.new, now=now)
    new = registrations.live_of(session, person_id=scene.person.id)
    assert new is not None
    assert (scene.live.state, scene.live.valid_to) == (MemberState.CLOSED, date(2026, 3, 5))
    assert (new.community_id, new.transferred_from_id, new.skills) == (scene.tree.neighbour.id, scene.live.id, ["急救"])
    assert (row.new_registration_id, new.receipt_no) == (new.id, f"DY-{scene.tree.neighbour.public_id}-2026-00001")
    assert [one.id for one in registrations.of_person(session, person_id=scene.person.id)] == [new.id, scene.live.id]


def test_released_by_itself_after_three_working_days_and_once(session: Session, now: datetime, scene: Scene) -> None:
    row = scene.ask(session, now)  # Thursday 5 March: Friday, Monday, Tuesday
    assert row.release_due_at.isoformat() == "2026-03-10T16:00:00+00:00"
    assert transfers.release_due(session, now=row.release_due_at - timedelta(seconds=1)) == 0
    assert transfers.release_due(session, now=row.release_due_at) == 1
    assert (row.state, row.released_by) == (TransferState.RELEASED, None)
    assert transfers.release_due(session, now=row.release_due_at) == 0


def test_the_county_knows_its_own_holidays(session: Session, now: datetime, scene: Scene) -> None:
    workdays.put(session, day=date(2026, 3, 9), working=False, why="庙会", actor=scene.old, now=now)
    workdays.put(session, day=date(2026, 3, 7), working=True, why="调休", actor=scene.old, now=now)
    assert scene.ask(session, now).release_due_at.isoformat() == "2026-03-10T16:00:00+00:00"
    workdays.put(session, day=date(2026, 3, 7), working=False, why="不调了", actor=scene.old, now=now)
    assert workdays.end_of(session, now=now, count=3).isoformat() == "2026-03-11T16:00:00+00:00"


def test_sent_back_he_stays_where_he_was(session: Session, now: datetime, scene: Scene) -> None:
    row = scene.ask(session, now)
    transfers.release(session, row, actor=scene.old, now=now)
    with refusal("NOTE_REQUIRED"):
        transfers.send_back(session, row, reason=None, actor=scene.new, now=now)
    transfers.send_back(session, row, reason="地址不在本社区", actor=scene.new, now=now)
    assert (row.state, row.refusal, scene.live.state) == (TransferState.RETURNED, "地址不在本社区", MemberState.ACTIVE)
    assert scene.ask(session, now).state is TransferState.REQUESTED


def test_cancelled_he_stays_too(session: Session, now: datetime, scene: Scene) -> None:
    row = scene.ask(session, now)
    with refusal("ILLEGAL_MOVE"):
        scene.ask(session, now)
    with refusal("NOT_FOUND"):
        transfers.cancel(session, row, actor=scene.new, now=now)
    transfers.cancel(session, row, actor=scene.me, now=now)
    assert (row.state, scene.live.state) == (TransferState.CANCELLED, MemberState.ACTIVE)
    assert transfers.release_due(session, now=now + timedelta(days=30)) == 0


def test_not_to_where_he_is(session: Session, now: datetime, scene: Scene) -> None:
    with refusal("TRANSFER_SAME"):
        transfers.request(session, scene.live, to=scene.tree.community, reason=TransferReason.OTHER, actor=scene.me, now=now)


def test_each_queue_shows_what_waits_there(session: Session, now: datetime, scene: Scene) -> None:
    row = scene.ask(session, now)

    def waiting(actor: Actor, node: object) -> list[int]:
        return [one.id for one, _ in transfers.queue(session, community=node, actor=actor, after=None, limit=10)[0]]  # type: ignore[arg-type]

    assert (waiting(scene.old, scene.tree.community), waiting(scene.new, scene.tree.neighbour)) == ([row.id], [])
    transfers.release(session, row, actor=scene.old, now=now)
    assert (waiting(scene.old, scene.tree.community), waiting(scene.new, scene.tree.neighbour)) == ([], [row.id])
