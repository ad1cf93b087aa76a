"""The tables of rules: no state without a way in or a way out, no job without a function, no command without a module."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import click
import pytest

from server.cli import COMMANDS
from server.defer import JOBS, QUEUES
from server.dev.documents.states import MACHINES, Machine
from server.domain.states import Rule
from tests.house.sources import modules, tree

every_machine = pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.states.__name__)


@every_machine
def test_every_state_can_be_reached(machine: Machine) -> None:
    reached = set(machine.starts)
    for _ in machine.states:
        reached |= {rule.to for (state, _action), rule in machine.table.items() if state in reached}
    assert reached == set(machine.states)


@every_machine
def test_every_state_that_is_not_final_has_a_way_out(machine: Machine) -> None:
    leaves = {state for (state, _action), rule in machine.table.items() if rule.to != state}
    assert set(machine.states) - set(machine.final) <= leaves


@every_machine
def test_every_state_leads_to_an_end(machine: Machine) -> None:
    ends = set(machine.final)
    for _ in machine.states:
        ends |= {state for (state, _action), rule in machine.table.items() if rule.to in ends}
    assert ends == set(machine.states)


@every_machine
def test_every_action_is_somewhere_allowed(machine: Machine) -> None:
    action = type(next(iter(machine.table))[1])
    assert {used for (_state, used) in machine.table} == set(action)


def test_every_table_of_transitions_is_drawn() -> None:
    """A *_TRANSITIONS table that MACHINES forgets would be neither tested nor documented."""
    found = [
        value
        for name in modules("server/domain")
        for attribute, value in vars(import_module(name.removesuffix(".py").replace("/", "."))).items()
        if attribute.endswith("TRANSITIONS")
    ]
    assert all(isinstance(rule, Rule) for table in found for rule in table.values())
    assert {id(table) for table in found} == {id(machine.table) for machine in MACHINES}


@pytest.mark.parametrize("name", sorted(JOBS))
def test_a_job_resolves_to_a_function(name: str) -> None:
    job = JOBS[name]
    module, _, function = job.path.rpartition(".")
    assert callable(getattr(import_module(module), function))
    assert job.queue in QUEUES
    assert job.timeout > 0


@pytest.mark.parametrize("path", ["jobs.entry.run_outbox", "jobs.entry.run_wake"])
def test_what_redis_carries_resolves(path: str) -> None:
    module, _, function = path.rpartition(".")
    assert callable(getattr(import_module(module), function))


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_has_its_module_and_its_help(name: str) -> None:
    assert find_spec(f"server.commands.{name}") is not None
    command = import_module(f"server.commands.{name}").command
    assert isinstance(command, click.Command)
    assert (command.help or "").strip()


def test_every_subject_of_the_services_is_a_plural_noun() -> None:
    forbidden = {"utils", "helpers", "common", "misc", "manager", "base", "request", "queue"}
    assert not [name for name in modules("server/services", "server/domain", "miniprogram_api") if name.split("/")[-1][:-3] in forbidden]
    assert tree("server/services/events.py").body
