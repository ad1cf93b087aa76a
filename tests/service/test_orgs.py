"""The org tree: validity in time, the responsibility chain, what may stand where (mission row A1)."""

from datetime import date, datetime

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.db.models.platform import Event
from server.domain.orgs import Level
from server.domain.permissions import SYSTEM, Role
from server.domain.problems import Problem
from server.services import orgs
from tests.factories.people import a_tree, actor_of, with_role

TODAY = date(2026, 3, 5)


def add(session: Session, now: datetime, parent: orgs.OrgNode | None, level: Level, name: str, **over: object) -> orgs.OrgNode:
    values: dict[str, object] = {"valid_from": TODAY, "actor": SYSTEM, **over}
    return orgs.create(session, parent=parent, level=level, name=name, now=now, **values)  # type: ignore[arg-type]


def refused(code: str):
    return pytest.raises(Problem, match=code)


def test_the_chain_names_every_level_above(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    assert [node.name for node in orgs.chain(session, tree.building)] == [
        "示例县", "示例街道", "示例社区", "示例小区", "第一网格", "1幢",
    ]  # fmt: skip


def test_a_subtree_stops_at_the_deepest_level_asked_for(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    names = [node.name for node in orgs.subtree(session, on=TODAY, deepest=Level.COMMUNITY)]
    assert names == ["示例县", "示例街道", "示例社区", "邻近社区"]
    assert [node.name for node in orgs.subtree(session, on=TODAY, root=tree.estate)] == ["示例小区", "第一网格", "1幢"]


def test_the_tree_is_read_in_one_statement(session: Session, now: datetime) -> None:
    a_tree(session, now)
    counted: list[str] = []
    from sqlalchemy import event

    event.listen(session.get_bind(), "before_cursor_execute", lambda *args: counted.append(args[2]))
    assert len(orgs.subtree(session, on=TODAY)) == 7
    assert len(counted) == 1


def test_ending_a_community_ends_all_below_and_leaves_the_past(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    assert orgs.end(session, node=tree.community, on=date(2026, 4, 1), actor=SYSTEM, now=now) == 4
    before = {node.name for node in orgs.subtree(session, on=date(2026, 3, 31))}
    after = {node.name for node in orgs.subtree(session, on=date(2026, 4, 1))}
    assert "示例社区" in before
    assert after == {"示例县", "示例街道", "邻近社区"}
    with refused("ORG_ENDED"):
        orgs.end(session, node=tree.community, on=date(2026, 5, 1), actor=SYSTEM, now=now)


def test_a_merger_is_a_new_node_and_two_ended(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    merged = add(session, now, tree.street, Level.COMMUNITY, "新示例社区", valid_from=date(2026, 4, 1))
    for node in (tree.community, tree.neighbour):
        orgs.end(session, node=node, on=date(2026, 4, 1), actor=SYSTEM, now=now)
    assert [n.id for n in orgs.subtree(session, on=date(2026, 4, 1), root=tree.street)] == [tree.street.id, merged.id]
    assert merged.name not in [n.name for n in orgs.subtree(session, on=date(2026, 3, 31), root=tree.street)]


def test_a_node_cannot_end_before_it_began(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    with pytest.raises(Problem, match="INVALID") as refusal:
        orgs.end(session, node=tree.community, on=date(2025, 12, 31), actor=SYSTEM, now=now)
    assert "on" in refusal.value.fields


@pytest.mark.parametrize(("level", "parent"), [(Level.BUILDING, "community"), (Level.COMMUNITY, "county"), (Level.STREET, "community")])
def test_a_level_fits_only_under_its_own_parents(session: Session, now: datetime, level: Level, parent: str) -> None:
    tree = a_tree(session, now)
    with refused("ORG_LEVEL"):
        add(session, now, getattr(tree, parent), level, "放错了")


def test_a_second_county_is_not_made_by_a_person(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    actor = actor_of(session, with_role(session, now, Role.COUNTY, tree.county), now)
    with refused("ORG_LEVEL"):
        add(session, now, None, Level.COUNTY, "另一个县", actor=actor)


def test_two_open_namesakes_under_one_parent_are_refused(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    with refused("ORG_EXISTS"):
        add(session, now, tree.street, Level.COMMUNITY, "示例社区")
    orgs.end(session, node=tree.community, on=TODAY, actor=SYSTEM, now=now)
    assert add(session, now, tree.street, Level.COMMUNITY, "示例社区").id != tree.community.id


def test_a_code_is_used_once(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    add(session, now, tree.street, Level.COMMUNITY, "甲社区", code="SL003")
    with refused("ORG_EXISTS"):
        add(session, now, tree.street, Level.COMMUNITY, "乙社区", code="SL003")
    assert orgs.by_code_or_id(session, "SL003").name == "甲社区"
    assert orgs.by_code_or_id(session, "ROOT").id == tree.county.id


def test_nothing_is_added_under_an_ended_node(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    orgs.end(session, node=tree.estate, on=TODAY, actor=SYSTEM, now=now)
    with refused("ORG_ENDED"):
        add(session, now, tree.estate, Level.GRID, "第二网格")


def test_a_new_name_keeps_the_old_one_in_the_events(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    orgs.change(session, node=tree.grid, name="幸福网格", contact_post="网格长", actor=SYSTEM, now=now)
    assert (tree.grid.name, tree.grid.contact_post) == ("幸福网格", "网格长")
    noted = select(func.count()).where(Event.subject_kind == "org_node", Event.subject_id == tree.grid.id, Event.note == "第一网格")
    assert session.execute(noted).scalar_one() == 1
    with refused("ORG_EXISTS"):
        orgs.change(session, node=tree.community, name="邻近社区", actor=SYSTEM, now=now)


def test_only_the_county_changes_the_tree(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    actor = actor_of(session, with_role(session, now, Role.SECRETARY, tree.community), now)
    with refused("NOT_FOUND"):
        add(session, now, tree.community, Level.ESTATE, "新小区", actor=actor)
    with refused("NOT_FOUND"):
        orgs.end(session, node=tree.grid, on=TODAY, actor=actor, now=now)


def test_what_people_call_a_community(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    names = orgs.community_names(session, on=TODAY)
    assert names["示例社区"] == names["示例"] == {tree.community.id}
    other = add(session, now, tree.county, Level.STREET, "另一街道")
    twin = add(session, now, other, Level.COMMUNITY, "示例社区")
    assert orgs.community_names(session, on=TODAY)["示例"] == {tree.community.id, twin.id}
    assert orgs.community_names(session, on=TODAY, below=other.path)["示例"] == {twin.id}
