"""`gongjian keys` and `gongjian poster`, each run as an operator runs it, in its own process."""

from __future__ import annotations

import base64
import io
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from server.db import base, keys, vault
from server.db.models.tasks import Task
from server.services import codes
from tests.factories.checkins import code_of, open_task
from tests.factories.people import a_person, a_tree

ROOT = Path(__file__).resolve().parents[2]
KEK = b"gongjian development kek, 32 B!!"


@pytest.fixture
def instance(sqlite_template: Path, redis_url: str, tmp_path: Path) -> tuple[Path, dict[str, str], Task]:
    """An instance with one published task."""
    shutil.copy(sqlite_template, tmp_path / "gongjian.db")
    now = datetime.now(UTC)
    vault.configure(keys.load(tmp_path / "keys.json", KEK), "aes")
    codes.configure("demo")
    base.connect(f"sqlite:///{tmp_path / 'gongjian.db'}")
    with base.transaction() as session:
        task = open_task(session, now, a_tree(session, now), a_person(session, now))
    base.dispose()
    env = {**os.environ, "GONGJIAN_ENVIRONMENT": "test", "GONGJIAN_FILES_DATA": str(tmp_path), "REDIS_URL": redis_url}
    env.pop("DATABASE_URL", None)
    return tmp_path, env, task


def run(env: dict[str, str], *words: object, code: int = 0, typed: str = "") -> str:
    command = [sys.executable, "-m", "server", *map(str, words)]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, input=typed)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_rotation_from_the_first_step_to_the_last(instance: tuple[Path, dict[str, str], Task]) -> None:
    directory, env, _ = instance
    assert len(base64.b64decode(run(env, "keys", "new-kek"))) == 32
    run(env, "keys", "add", "qr")
    run(env, "keys", "promote", "qr", 2)
    assert "不能停用" in run(env, "keys", "retire", "qr", 2, "--yes", code=1)
    assert run(env, "keys", "retire", "qr", 1, code=1, typed="n\n").count("重印：") == 1  # asked, and no
    shown = run(env, "keys", "retire", "qr", 1, "--yes")
    assert "重印：示例社区 · 任务签到码 · 清理楼道杂物" in shown
    listed = run(env, "keys", "list")
    assert [line.split()[-1] for line in listed.splitlines() if line.startswith("qr")] == ["已停用", "在用"]
    assert (directory / "keys.json").stat().st_mode & 0o77 == 0


def test_a_field_key_is_retired_only_when_nothing_needs_it(instance: tuple[Path, dict[str, str], Task]) -> None:
    _, env, _ = instance
    run(env, "keys", "add", "fields")
    run(env, "keys", "promote", "fields", 2)
    assert "gongjian keys reseal" in run(env, "keys", "retire", "fields", 1, "--yes", code=1)
    assert "已重新加密" in run(env, "keys", "reseal")
    run(env, "keys", "retire", "fields", 1, "--yes")
    assert "已重新加密 0 项" in run(env, "keys", "reseal")


def test_what_cannot_be_rotated_is_said(instance: tuple[Path, dict[str, str], Task]) -> None:
    _, env, _ = instance
    assert "没有可启用的 7 号密钥" in run(env, "keys", "promote", "qr", 7, code=1)
    run(env, "keys", "add", "lookup")
    assert "不支持轮换" in run(env, "keys", "promote", "lookup", 2, code=1)


def test_a_poster_from_the_command_line(instance: tuple[Path, dict[str, str], Task]) -> None:
    directory, env, task = instance
    out = directory / "poster.png"
    assert "已印 1 张" in run(env, "poster", "--task", task.public_id, "--format", "png_phone", out)
    found = zxingcpp.read_barcodes(Image.open(io.BytesIO(out.read_bytes())), formats=zxingcpp.BarcodeFormat.QRCode)
    vault.configure(keys.load(directory / "keys.json", KEK), "aes")
    base.connect(f"sqlite:///{directory / 'gongjian.db'}")
    with base.reading() as session:
        assert codes.read(found[0].text).obj == code_of(session, task).obj
    base.dispose()
    assert "没有找到" in run(env, "poster", "--task", "0123456789ABC", out, code=1)
    assert "其中一个" in run(env, "poster", out, code=2)
