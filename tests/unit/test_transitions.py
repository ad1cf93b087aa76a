"""Every table of states, tried whole: what is in it leads where it says, what is not is refused."""

from enum import StrEnum
from importlib import import_module
from itertools import product
from pkgutil import iter_modules
from typing import Any

import pytest

from server import domain
from server.domain.problems import Problem
from server.domain.states import Rule, rule_for

Table = dict[tuple[StrEnum, StrEnum], Rule[Any]]


def tables() -> dict[str, Table]:
    """All TRANSITIONS tables of server/domain by name; a new one is tried without anybody remembering it."""
    modules = [import_module(f"server.domain.{info.name}") for info in iter_modules(domain.__path__)]
    return {name: table for module in modules for name, table in vars(module).items() if name.endswith("_TRANSITIONS")}


def pairs() -> list[Any]:
    """Every (state, action) of every machine, in its table or not."""
    found = []
    for name, table in sorted(tables().items()):
        states, actions = {type(state) for state, _ in table}, {type(action) for _, action in table}
        assert (len(states), len(actions)) == (1, 1), name
        every = product(states.pop(), actions.pop())
        found += [pytest.param(table, state, action, id=f"{name}-{state}-{action}") for state, action in every]
    return found


@pytest.mark.parametrize(("table", "state", "action"), pairs())
def test_a_pair_leads_where_its_table_says_or_is_refused(table: Table, state: StrEnum, action: StrEnum) -> None:
    rule = table.get((state, action))
    if rule is None:
        with pytest.raises(Problem) as refusal:
            rule_for(table, state, action, note="原因")
        assert (refusal.value.code, refusal.value.data) == ("ILLEGAL_MOVE", {"state": state.value, "action": action.value})
        return
    assert rule_for(table, state, action, note="原因") is rule
    assert isinstance(rule.to, type(state))
    if rule.needs_note:
        for blank in (None, "", "  "):
            with pytest.raises(Problem) as missing:
                rule_for(table, state, action, note=blank)
            assert missing.value.code == "NOTE_REQUIRED"


def test_all_machines_were_found() -> None:
    assert {"BINDING_TRANSITIONS", "CLAIM_TRANSITIONS", "MEMBER_TRANSITIONS", "RECORD_TRANSITIONS", "TASK_TRANSITIONS"} <= tables().keys()


@pytest.mark.parametrize("name", sorted(tables()))
def test_every_state_can_be_reached_or_is_where_rows_begin(name: str) -> None:
    table = tables()[name]
    states = set(type(next(iter(table))[0]))
    reached = {rule.to for rule in table.values()}
    beginnings = states - reached
    assert beginnings <= {state for state, _ in table}, f"{beginnings} can neither be reached nor left"
