"""Slips of the box: whose work they may be about."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.db.models.ballots import Ballot, Cell
from server.db.models.orgs import Unit
from server.domain.days import local_day
from server.domain.permissions import Role
from server.domain.problems import Problem
from server.services import ballot_slips
from tests.factories.people import Tree, a_tree, actor_of, with_role
from tests.factories.ratings import BASIC, VERY, a_finished, ballot
from tests.factories.units import a_unit

FIVE = [*[ballot(VERY)] * 4, ballot(BASIC)]


def enter(session: Session, now: datetime, tree: Tree, unit: Unit, slips: int = 5) -> Cell:
    clerk = actor_of(session, with_role(session, now, Role.CLERK, tree.community, "周文员"), now)
    return ballot_slips.enter(session, tree.community, unit=unit, day=local_day(now), slips=FIVE[:slips], actor=clerk, now=now)


@pytest.mark.parametrize("slips", [1, 5])
def test_a_unit_from_elsewhere_that_did_nothing_here_is_not_there(session: Session, now: datetime, slips: int) -> None:
    """Not "too few" or "too many": those words would say that there is such a unit."""
    tree = a_tree(session, now)
    foreign = a_unit(session, now, tree, "邻近供电所", community=tree.neighbour)
    with pytest.raises(Problem, match="NOT_FOUND"):
        enter(session, now, tree, foreign, slips)
    assert session.execute(select(func.count()).select_from(Cell)).scalar() == 0


def test_a_unit_from_elsewhere_is_rated_for_what_it_did_here(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    foreign = a_unit(session, now, tree, "邻近供电所", community=tree.neighbour)
    for _ in range(5):
        a_finished(session, now, tree, unit=foreign)
    cell = enter(session, now, tree, foreign)
    assert cell.unit_id == foreign.id
    assert session.execute(select(func.count()).where(Ballot.cell_id == cell.id)).scalar() == 5


def test_a_unit_of_the_community_that_finished_less_is_told_so(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    with pytest.raises(Problem, match="SLIPS_MANY"):
        enter(session, now, tree, a_unit(session, now, tree))
