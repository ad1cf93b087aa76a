"""Tasks, activities, posts and their shifts."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from qr.tokens import Kind, Mode
from server.domain.permissions import SYSTEM, Role
from server.domain.problems import Problem
from server.domain.tasks import TaskKind, TaskMode, TaskState
from server.services import codes, tasks
from tests.factories.people import a_person, a_tree, actor_of, with_role
from tests.factories.tasks import a_draft, a_post, a_shift, a_task


def test_publishing_opens_the_task_and_gives_it_its_code(session: Session, now: datetime) -> None:
    tree, organiser = a_tree(session, now), a_person(session, now)
    task = a_task(session, now, tree, organiser)
    code = codes.of_subject(session, kind=Kind.TASK, subject_kind="task", subject_id=task.id)
    assert (task.state, task.published_at) == (TaskState.PUBLISHED, now)
    assert code is not None
    assert (code.mode, code.community_id) == (Mode.STATIC, tree.community.id)


def test_an_activity_may_have_a_code_that_rotates(session: Session, now: datetime) -> None:
    task = a_task(session, now, a_tree(session, now), a_person(session, now), kind=TaskKind.ACTIVITY, rotating=True)
    code = codes.of_subject(session, kind=Kind.ACTIVITY, subject_kind="task", subject_id=task.id)
    assert code is not None
    assert code.mode == Mode.ROTATING


@pytest.mark.parametrize(
    ("over", "code"),
    [
        ({"risk_note": None}, "RISK_NOTE_REQUIRED"),
        ({"risk_note": "  "}, "RISK_NOTE_REQUIRED"),
        ({"dangerous": True}, "INSURANCE_REQUIRED"),
    ],
)
def test_recruiting_states_risks_and_insures_danger(session: Session, now: datetime, over: dict[str, object], code: str) -> None:
    with pytest.raises(Problem) as refusal:
        a_task(session, now, a_tree(session, now), a_person(session, now), **over)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"category": "safety_patrol"}, "category"),
        ({"category": "nonsense"}, "category"),
        ({"five_help": "everything"}, "five_help"),
        ({"planned_minutes": 0}, "planned_minutes"),
        ({"planned_minutes": 1441}, "planned_minutes"),
        ({"capacity": 0}, "capacity"),
        ({"mode": TaskMode.PAIR}, "unit"),
    ],
)
def test_a_draft_names_the_field_that_does_not_fit(session: Session, now: datetime, over: dict[str, object], field: str) -> None:
    with pytest.raises(Problem) as refusal:
        a_draft(session, now, a_tree(session, now), a_person(session, now), **over)
    assert (refusal.value.code, list(refusal.value.fields)) == ("INVALID", [field])


def test_a_grid_of_another_community_is_refused(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    with pytest.raises(Problem) as refusal:
        a_draft(session, now, tree, a_person(session, now), community=tree.neighbour, grid_id=tree.grid.id)
    assert list(refusal.value.fields) == ["grid"]


def test_a_secretary_of_another_community_finds_nothing(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    draft = a_draft(session, now, tree, a_person(session, now))
    foreign = actor_of(session, with_role(session, now, Role.SECRETARY, tree.neighbour), now)
    with pytest.raises(Problem) as refusal:
        tasks.publish(session, draft, actor=foreign, now=now)
    assert refusal.value.code == "NOT_FOUND"


def test_a_draft_may_be_rewritten_and_an_old_view_of_it_is_stale(session: Session, now: datetime) -> None:
    draft = a_draft(session, now, a_tree(session, now), a_person(session, now))
    tasks.edit(session, draft, actor=SYSTEM, now=now, seen=0, title="打扫花坛", ends_at=now + timedelta(hours=5))
    assert (draft.title, draft.version) == ("打扫花坛", 1)
    with pytest.raises(Problem) as refusal:
        tasks.edit(session, draft, actor=SYSTEM, now=now, seen=0, title="又改了")
    assert refusal.value.code == "STALE"


def test_what_people_relied_on_stays_once_published(session: Session, now: datetime) -> None:
    task = a_task(session, now, a_tree(session, now), a_person(session, now))
    tasks.edit(session, task, actor=SYSTEM, now=now, capacity=12)
    assert task.capacity == 12
    with pytest.raises(Problem) as refusal:
        tasks.edit(session, task, actor=SYSTEM, now=now, place="别处")
    assert refusal.value.code == "TASK_FIXED"
    with pytest.raises(Problem) as emptied:
        tasks.edit(session, task, actor=SYSTEM, now=now, risk_note="")
    assert emptied.value.code == "RISK_NOTE_REQUIRED"


def test_a_past_task_is_not_published(session: Session, now: datetime) -> None:
    draft = a_draft(session, now, a_tree(session, now), a_person(session, now))
    with pytest.raises(Problem) as refusal:
        tasks.publish(session, draft, actor=SYSTEM, now=now + timedelta(days=1))
    assert refusal.value.code == "TASK_PAST"


def test_only_posts_have_shifts_and_within_their_time(session: Session, now: datetime) -> None:
    tree, organiser = a_tree(session, now), a_person(session, now)
    post = a_post(session, now, tree, organiser)
    assert a_shift(session, now, post, capacity=3).capacity == 3
    with pytest.raises(Problem) as outside:
        a_shift(session, now, post, in_hours=24 * 200)
    assert outside.value.code == "INVALID"
    with pytest.raises(Problem) as refusal:
        a_shift(session, now, a_task(session, now, tree, organiser))
    assert refusal.value.code == "NOT_A_POST"
