"""Entering for others: a child for a parent, a clerk on the phone, a round of doors, a sheet."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.notices import Notice
from server.db.models.people import Consent, Person
from server.domain.people import ConsentChannel
from server.domain.permissions import Actor, Role
from server.domain.problems import Problem
from server.domain.requests import Channel, CheckState, Relation, Urgency
from server.domain.rosters import Sheet
from server.services import intakes, people, requests
from server.services.intakes import Entry, Represented
from server.services.requests import Details
from tests.factories.people import Tree, a_person, a_tree, actor_of, with_role
from tests.factories.requests import a_requester
from tests.factories.units import next_phone

GRANNY = Represented("王奶奶", None, ConsentChannel.SPOKEN, elder=True)
LAMP = Details("repairs", "楼道灯不亮", "3号楼")


def code_of(call: Any) -> str:
    """The code a call is refused with."""
    with pytest.raises(Problem) as refusal:
        call()
    return refusal.value.code


@pytest.fixture
def tree(session: Session, now: datetime) -> Tree:
    """The county."""
    return a_tree(session, now)


def test_a_child_asks_for_her_mother_who_is_the_one_to_sign(session: Session, now: datetime, tree: Tree) -> None:
    daughter = a_requester(session, now, "女儿")
    common: dict[str, Any] = {"community": tree.community, "channel": Channel.PROXY, "text_check": CheckState.PASSED, "now": now}
    made = intakes.for_other(
        session, author=daughter, who=GRANNY, details=replace(LAMP, relation=Relation.CHILD), actor=Actor(daughter.id), **common
    )
    mother = session.get_one(Person, made.asked_for_id)
    consent = session.execute(select(Consent).where(Consent.person_id == mother.id)).scalar_one()
    assert (people.name_of(mother), mother.elder) == ("王奶奶", True)
    assert (consent.channel, consent.witness_id) == (ConsentChannel.SPOKEN, daughter.id)
    assert (made.author_id, made.relation, made.channel) == (daughter.id, Relation.CHILD, Channel.PROXY)
    assert requests.requesters(session, made) == [mother.id, daughter.id]
    session.flush()
    assert [row.facts["outcome"] for row in session.execute(select(Notice).where(Notice.person_id == mother.id)).scalars()] == ["entered"]
    for relation in (Relation.SELF, Relation.CLERK):
        said = replace(LAMP, relation=relation)
        wrong = lambda said=said: intakes.for_other(  # noqa: E731
            session, author=daughter, who=GRANNY, details=said, actor=Actor(daughter.id), **common
        )
        assert code_of(wrong) == "INVALID"


def test_a_known_phone_is_the_known_person_and_another_name_is_refused(session: Session, now: datetime, tree: Tree) -> None:
    phone = next_phone()
    granny, clerk = a_person(session, now, "王奶奶", phone=phone), with_role(session, now, Role.CLERK, tree.community)
    actor = actor_of(session, clerk, now)
    common: dict[str, Any] = {"community": tree.community, "channel": Channel.PHONE, "text_check": CheckState.PASSED, "now": now}
    made = intakes.for_other(session, author=clerk, who=replace(GRANNY, phone=phone), details=LAMP, actor=actor, **common)
    assert (made.asked_for_id, made.relation) == (granny.id, Relation.CLERK)
    assert requests.requesters(session, made) == [granny.id], "the clerk is not told of every step"
    other = replace(GRANNY, name="李爷爷", phone=phone)
    assert code_of(lambda: intakes.for_other(session, author=clerk, who=other, details=LAMP, actor=actor, **common)) == "PHONE_TAKEN"


def test_a_grid_worker_enters_in_his_grid_alone(session: Session, now: datetime, tree: Tree) -> None:
    worker = with_role(session, now, Role.GRID_WORKER, tree.grid)
    actor = actor_of(session, worker, now)
    common: dict[str, Any] = {"channel": Channel.ROUND, "text_check": CheckState.PASSED, "actor": actor, "now": now, "author": worker}
    made = intakes.for_other(session, who=GRANNY, community=tree.community, details=replace(LAMP, grid=tree.grid), **common)
    assert (made.relation, made.grid_id) == (Relation.GRID_WORKER, tree.grid.id)
    assert code_of(lambda: intakes.for_other(session, who=GRANNY, community=tree.community, details=LAMP, **common)) == "NOT_FOUND"
    assert code_of(lambda: intakes.for_other(session, who=GRANNY, community=tree.neighbour, details=LAMP, **common)) == "NOT_FOUND"


def test_a_round_takes_what_it_can_and_names_the_rest(session: Session, now: datetime, tree: Tree) -> None:
    clerk, phone = with_role(session, now, Role.CLERK, tree.community), next_phone()
    a_person(session, now, "赵大爷", phone=phone)
    entries = [Entry(GRANNY, LAMP), Entry(replace(GRANNY, phone=phone), LAMP), Entry(replace(GRANNY, name="李叔"), Details("nothing"))]
    made, refused = intakes.a_round(
        session,
        author=clerk,
        community=tree.community,
        entries=entries,
        text_check=CheckState.PASSED,
        actor=actor_of(session, clerk, now),
        now=now,
    )
    assert len(made) == 1
    assert [(one.index, one.code) for one in refused] == [(1, "PHONE_TAKEN"), (2, "INVALID")]
    named = session.execute(select(Person)).scalars()
    assert "李叔" not in {people.name_of(person) for person in named}, "a refused row leaves nobody behind"


def test_a_sheet_names_the_cell_of_each_error(session: Session, now: datetime, tree: Tree) -> None:
    clerk, phone = with_role(session, now, Role.CLERK, tree.community), next_phone()
    a_person(session, now, "赵大爷", phone=phone)
    rows = (
        ("姓名", "联系电话", "类别", "诉求内容", "地点", "紧急程度"),
        ("王奶奶", "", "", "三号楼的电梯又坏了", "3号楼", "紧急"),
        ("李叔", "123", "", "太吵", "", ""),
        ("周婶", "", "不知道", "太吵", "", ""),
        ("吴姨", phone, "噪音扰民", "太吵", "", ""),
        ("郑伯", "", "噪音扰民", "", "", ""),
    )
    made, errors = intakes.import_sheet(
        session,
        author=clerk,
        community=tree.community,
        grid=None,
        parsed=intakes.read_sheet([Sheet("走访", rows)]),
        text_check=CheckState.PASSED,
        actor=actor_of(session, clerk, now),
        now=now,
    )
    assert [(row.category, row.urgency, row.channel) for row in made] == [("repairs", Urgency.URGENT, Channel.ROUND)]
    assert [error.cell for error in errors] == ["B3", "C4", "B5", "D6"]
