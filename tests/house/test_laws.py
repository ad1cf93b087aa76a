"""The laws that hold line by line: who commits, who reads the clock, who draws lots, where a model is touched."""

from __future__ import annotations

import ast
import re

import pytest

from tests.house.sources import calls, dotted, modules, tree

# Who may ask what time it is, and why. Everybody else is handed `now`.
CLOCK_READERS = {
    "server/clock.py": "the port itself",
    "server/app.py": "start-up configures the port; the request log measures its own duration",
    "server/health.py": "an edge: the age of the outbox as an operator sees it",
    "server/wechat/login_flight.py": "waits for another process's login, by the monotonic clock",
    "miniprogram_api/edge.py": "the edge of the phone API",
    "miniprogram_api/wechat_push.py": "the edge of WeChat's pushes",
    "server/limits.py": "counts per real minute, whatever the development clock says",
}
CLOCK_FOLDERS = {
    "server/commands/": "the edge of the command line",
    "server/console/": "the edge of the web console",
    "server/demo/": "plays a week: it moves the clock",
    "server/dev/": "starts and awaits processes; the development clock's route",
    "server/wechat/simulator/": "a process of its own with a clock of its own",
    "jobs/": "the edge of the workers",
}
TIME = re.compile(
    r"^(clock\.(now|offset|set_offset)|(datetime|dt)\.(now|utcnow|today)|datetime\.datetime\.(now|utcnow)|date\.today|time\.\w+|monotonic|sleep)$"
)
LOTS = re.compile(r"^(random\.\w+|secrets\.\w+|os\.urandom|uuid\.uuid[14]|uuid4|urandom)$")
PURE = ("server/domain/", "qr/")


def test_only_the_database_module_begins_and_ends_transactions() -> None:
    found = {
        module
        for module in modules()
        for name, call in calls(module)
        if re.search(r"\.(commit|rollback)$", name) or re.search(r"session\.begin$", name)
    }
    assert found <= {"server/db/base.py", "server/db/schema.py"}, (
        "only transaction() commits (a savepoint ends nothing); schema.py migrates"
    )
    assert "server/db/base.py" in found


def test_services_open_no_transaction() -> None:
    inner = modules("server/services", "server/domain", "qr")
    assert not [module for module in inner for name, _ in calls(module) if name.split(".")[-1] in ("transaction", "reading", "connect")]


def test_only_the_edges_read_the_clock() -> None:
    readers = {module for module in modules() for name, _ in calls(module) if TIME.match(name)}
    strangers = {module for module in readers if module not in CLOCK_READERS and not module.startswith(tuple(CLOCK_FOLDERS))}
    assert not strangers, "take `now` as an argument"


def test_the_list_of_clock_readers_is_no_longer_than_needed() -> None:
    readers = {module for module in modules() for name, _ in calls(module) if TIME.match(name)}
    assert set(CLOCK_READERS) <= readers


@pytest.mark.parametrize("module", modules("server/domain", "qr"))
def test_the_core_draws_no_lots(module: str) -> None:
    assert not [name for name, _ in calls(module) if LOTS.match(name)]


def test_a_plain_random_number_is_never_drawn() -> None:
    """Ids and secrets come from `secrets`; whoever needs sampling says here why `random` will do."""
    drawn = {module for module in modules() for name, _ in calls(module) if name.startswith("random.")}
    assert not {module for module in drawn if not module.startswith(("server/demo/", "server/wechat/simulator/"))}


def test_flask_sqlalchemy_is_known_to_one_module() -> None:
    importers = {
        module
        for module in modules()
        for node in ast.walk(tree(module))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("flask_sqlalchemy")
    }
    assert importers == {"server/db/base.py"}


def test_a_state_is_written_by_the_guarded_update_alone() -> None:
    """`row.state = …` outside events.shift would pass by the version and leave no event."""
    assigned = [
        f"{module}:{node.lineno}"
        for module in modules("server/services", "jobs", "miniprogram_api", "server/console")
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Attribute) and target.attr in ("state", "version") and dotted(target.value) != "self"
    ]
    assert not assigned


def test_an_event_row_is_never_changed_or_deleted() -> None:
    changed = [
        f"{module}:{call.lineno}"
        for module in modules()
        for name, call in calls(module)
        if name in ("update", "delete") and call.args and dotted(call.args[0]) in ("Event", "platform.Event")
    ]
    assert not changed


@pytest.mark.parametrize("folder", PURE)
def test_the_core_reads_no_environment_and_opens_no_file(folder: str) -> None:
    opened = [f"{module}:{name}" for module in modules(folder.rstrip("/")) for name, _ in calls(module) if name in ("open", "os.getenv")]
    assert not opened
