"""`gongjian run` with trivial parts in place of the service: what it says, and that it ends all it started."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.dev import instance
from tests.processes import alive, eventually, family

ROOT = Path(__file__).resolve().parents[2]
SLEEP = "import time; time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
# A worker whose job runs in a process group of its own, as RQ's do.
WORKER = """
import os, time
if os.fork() == 0:
    os.setpgrp()
    time.sleep(60)
time.sleep(60)
"""
WEB = """
import http.server, sys
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
PROGRAM = """
import sys
from server.dev import local, supervisor
from server.dev.supervisor import Part

web, other, migrate = sys.argv[1:]
python = [sys.executable, "-c"]
supervisor.GRACE_SECONDS = 1.0
local._gongjian = lambda *words: [*python, migrate]
local.service_parts = lambda settings, where: [
    Part("web", [*python, web, str(where.port)], ready=lambda: local._answers(where.base)),
    Part("worker", [*python, other]),
]
sys.exit(local.run(seed=False))
"""


class Instance:
    """A supervisor in a process of its own, on its own data directory and ports."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("GONGJIAN_")}
        self.env |= {"GONGJIAN_FILES_DATA": str(data), "PYTHONUNBUFFERED": "1"}
        self.env |= {"GONGJIAN_PORT": str(instance.free_port()), "GONGJIAN_SIM_PORT": str(instance.free_port())}
        self.env.pop("REDIS_URL", None)
        self.env.pop("DATABASE_URL", None)
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *, web: str = WEB, worker: str = SLEEP, migrate: str = "pass") -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", PROGRAM, web, worker, migrate]
        process = subprocess.Popen(command, cwd=ROOT, env=self.env, stderr=subprocess.PIPE, text=True)
        self.started.append(process)
        return process

    def start_up(self, *, worker: str = SLEEP) -> "subprocess.Popen[str]":
        process = self.start(worker=worker)
        assert process.stderr is not None
        assert "已启动" in process.stderr.readline()
        return process


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Instance]:
    made = Instance(tmp_path / "var")
    yield made
    for process in made.started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_every_child(one: Instance, number: signal.Signals) -> None:
    process = one.start_up(worker=WORKER)
    assert eventually(lambda: len(family(process.pid)) == 4)  # redis, web, the worker and its job
    started = family(process.pid)
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 0, said
    assert "正在停止" in said
    assert not any(alive(pid) for pid in started)
    assert not (one.data / "run.env").exists()


def test_a_child_that_will_not_stop_is_killed(one: Instance) -> None:
    process = one.start_up(worker=STUBBORN)
    started = family(process.pid)
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert not any(alive(pid) for pid in started)


def test_children_die_with_a_supervisor_that_was_killed(one: Instance) -> None:
    process = one.start_up()
    started = family(process.pid)
    assert len(started) == 3
    process.kill()
    process.wait()
    assert eventually(lambda: not any(alive(pid) for pid in started))
    again = one.start_up()  # the ports and the folder are free again, or soon
    again.terminate()
    again.communicate(timeout=20)
    assert again.returncode == 0


def test_a_child_that_dies_ends_all_and_shows_its_last_words(one: Instance) -> None:
    process = one.start(worker="import time; time.sleep(1.5); raise SystemExit('内存不够')")
    assert eventually(lambda: len(family(process.pid)) == 3)
    started = family(process.pid)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "worker 意外结束了（退出码 1）" in said
    assert "内存不够" in said
    assert not any(alive(pid) for pid in started)


def test_a_child_that_is_killed_is_named_with_its_signal(one: Instance) -> None:
    process = one.start(worker="import os, signal; os.kill(os.getpid(), signal.SIGKILL)")  # before or after the web is ready
    _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "worker 意外结束了（信号 SIGKILL）" in said


def test_a_failed_migration_stops_before_the_service_starts(one: Instance) -> None:
    process = one.start(migrate="raise SystemExit('迁移失败')")
    _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "migrate 意外结束了" in said
    assert "迁移失败" in said
    assert not (one.data / "log" / "web.log").exists()


@pytest.mark.parametrize("variable", ["GONGJIAN_PORT", "GONGJIAN_SIM_PORT"])
def test_a_busy_port_is_named_with_its_variable(one: Instance, variable: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        one.env[variable] = str(other.getsockname()[1])
        process = one.start()
        _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert f"端口 {one.env[variable]} " in said
    assert f"{variable}=" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("wrong", ["abc", "0", "70000", "８０８０"])
def test_a_port_that_is_none_is_refused(one: Instance, wrong: str) -> None:
    one.env["GONGJIAN_PORT"] = wrong
    process = one.start()
    _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "GONGJIAN_PORT" in said
    assert len(said.splitlines()) == 1


def test_a_second_run_says_that_the_first_is_up(one: Instance) -> None:
    first = one.start_up()
    second = one.start()
    _, said = second.communicate(timeout=20)
    assert second.returncode == 0
    assert f"http://127.0.0.1:{one.env['GONGJIAN_PORT']}" in said
    assert f"进程 {first.pid}" in said
    assert first.poll() is None


def test_production_is_refused(one: Instance) -> None:
    one.env |= {"GONGJIAN_ENVIRONMENT": "production", "GONGJIAN_WEB_PUBLIC_BASE": "https://example.org"}
    process = one.start()
    _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert not one.data.exists(), said


def test_secrets_are_made_once_and_are_private(one: Instance) -> None:
    one.start_up()
    kept = instance.development_secrets(one.data)
    assert set(kept) == {"GONGJIAN_KEK", "GONGJIAN_SECRET_KEY"}
    assert stat.S_IMODE((one.data / "dev-secrets.env").stat().st_mode) == 0o600
    assert instance.development_secrets(one.data) == kept
    known = instance.environment_of(one.data)
    assert known["GONGJIAN_KEK"] == kept["GONGJIAN_KEK"]
    assert re.match(r"unix://.*s\.sock", known["REDIS_URL"])
    assert stat.S_IMODE((one.data / "run.env").stat().st_mode) == 0o600
