"""The embedded servers are real ones: they start, keep what they should, and leave nothing behind."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis

from server.dev import embedded
from tests import servers
from tests.processes import alive, eventually

ROOT = Path(__file__).resolve().parents[2]


def test_redis_keeps_its_data_over_a_restart_and_its_socket_private(tmp_path: Path) -> None:
    first = embedded.start_redis(tmp_path)
    with redis.Redis.from_url(first.url) as line:
        line.set("scan", "1")
    home = tmp_path / embedded.redis_kind(embedded.redis_binary())
    assert (home / "s.sock").stat().st_mode & 0o077 == 0
    first.stop()
    assert not alive(first.pid)

    second = embedded.start_redis(tmp_path)
    try:
        with redis.Redis.from_url(second.url) as line:
            assert line.get("scan") == b"1"
    finally:
        second.stop()
        second.stop()


def test_redis_survives_a_kill(tmp_path: Path) -> None:
    first = embedded.start_redis(tmp_path)
    with redis.Redis.from_url(first.url) as line:
        line.set("scan", "1")
        line.execute_command("WAITAOF", 1, 0, 5000)
    first.process.kill()
    first.process.wait()
    second = embedded.start_redis(tmp_path)
    try:
        with redis.Redis.from_url(second.url) as line:
            assert line.get("scan") == b"1"
    finally:
        second.stop()


def test_redis_in_a_deep_folder_gets_a_socket_with_a_short_path(tmp_path: Path) -> None:
    running = embedded.start_redis(tmp_path / ("很深的目录" * 12))
    try:
        path = running.url.removeprefix("unix://").partition("?")[0]
        assert len(path) <= embedded.SOCKET_PATH_BYTES
        with redis.Redis.from_url(running.url) as line:
            assert line.ping()
    finally:
        running.stop()
    assert not Path(path).parent.exists()


def test_two_redis_never_share_a_folder(tmp_path: Path) -> None:
    running = embedded.start_redis(tmp_path)
    try:
        with pytest.raises(embedded.EmbeddedError, match="另一个 Redis"):
            embedded.start_redis(tmp_path)
    finally:
        running.stop()


def test_redis_that_cannot_start_says_why(tmp_path: Path) -> None:
    home = tmp_path / embedded.redis_kind(embedded.redis_binary()) / "appendonlydir"
    home.mkdir(parents=True)
    (home / "appendonly.aof.manifest").write_text("not a manifest\n")
    with pytest.raises(embedded.EmbeddedError, match="manifest"):
        embedded.start_redis(tmp_path)


@pytest.mark.parametrize(("durable", "fsync"), [(False, "off"), (True, "on")])
def test_postgres_starts_answers_and_leaves_nothing(tmp_path: Path, durable: bool, fsync: str) -> None:
    running = embedded.start_postgres(tmp_path, durable=durable)
    with psycopg.connect(servers.libpq(running.url)) as line:
        assert line.execute("SHOW fsync").fetchone() == (fsync,)
        assert line.execute("SHOW server_encoding").fetchone() == ("UTF8",)
        assert line.execute("SHOW listen_addresses").fetchone() == ("",)
        home = Path(line.info.host)
    assert home.stat().st_mode & 0o077 == 0
    running.stop()
    running.stop()
    assert not alive(running.pid)
    assert not home.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to give its rights away")
def test_postgres_runs_for_root_from_below_a_private_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private = tmp_path / "home"
    private.mkdir(mode=0o700)
    package = embedded.postgres_binaries().parents[1]
    for part in (f"{package.name}/pginstall", f"{package.name}.libs"):
        shutil.copytree(package.parent / part, private / part, symlinks=True)
    binaries = private / package.name / "pginstall" / "bin"
    monkeypatch.setattr(embedded, "postgres_binaries", lambda: binaries)
    running = embedded.start_postgres(private, durable=False)
    try:
        with psycopg.connect(servers.libpq(running.url)) as line:
            assert line.execute("SELECT 1").fetchone() == (1,)
        assert Path(f"/proc/{running.pid}").stat().st_uid == embedded.NOBODY
        assert private.stat().st_mode & 0o777 == 0o700  # no door was opened for it
    finally:
        running.stop()


def test_servers_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys, time\n"
        "from server.dev.embedded import start_postgres, start_redis\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "postgres = start_postgres(folder, durable=False)\n"
        "print(postgres.url.partition('host=')[2], start_redis(folder).pid, postgres.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        home, *words = parent.stdout.readline().split()
        pids = [int(word) for word in words]
        assert len(pids) == 2
        assert all(alive(pid) for pid in pids)
        parent.send_signal(signal.SIGKILL)
    try:
        assert eventually(lambda: not any(alive(pid) for pid in pids))
    finally:
        shutil.rmtree(home, ignore_errors=True)


def test_session_servers_are_shared_and_go_with_their_last_user(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys, time\n"
        "from tests import servers\n"
        "root = pathlib.Path(sys.argv[1])\n"
        "print(servers.redis_server(root), servers.postgres_server(root), flush=True)\n"
        "time.sleep(60)\n"
    )

    def user() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", program, str(tmp_path)]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    with user() as first, user() as second:
        assert first.stdout is not None
        assert second.stdout is not None
        urls = first.stdout.readline().split()
        assert len(urls) == 2
        assert second.stdout.readline().split() == urls
        first.kill()
        first.wait()
        with redis.Redis.from_url(servers.redis_database(urls[0], "gw1")) as line:
            assert line.ping()
        second.kill()
    assert eventually(lambda: not (tmp_path / "redis.url").exists() and not (tmp_path / "postgres.url").exists())
    folder = Path(urls[1].partition("host=")[2])
    assert eventually(lambda: not folder.exists())


def test_template_is_built_once_and_copied(tmp_path: Path) -> None:
    url = servers.postgres_server(tmp_path)
    built: list[str] = []

    def build(empty: str) -> None:
        built.append(empty)
        with psycopg.connect(servers.libpq(empty)) as line:
            line.execute("CREATE TABLE probe (n int)")

    for worker in ("gw0", "gw1", "gw1"):
        template = servers.template_database(url, tmp_path, "tpl", build)
        copy = servers.create_database(url, worker, template=template)
        with psycopg.connect(servers.libpq(copy)) as line:
            assert line.execute("SELECT count(*) FROM probe").fetchone() == (0,)
            line.execute("INSERT INTO probe VALUES (1)")
    assert len(built) == 1
