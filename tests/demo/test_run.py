"""What a stranger does: `make run`, then three commands in a second terminal; and once more after a restart."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from server.dev.instance import free_port

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 240
ON_THE_DESK = {
    "requests": "待研判", "content-checks": "去看", "wishes": "待走访核实", "feedbacks": "去答复",
    "teams": "夕阳红巡逻队", "stations": "便民维修站", "reviews": "报名中",
}  # fmt: skip
Type = Callable[..., str]
pytestmark = pytest.mark.timeout(SECONDS + 120)


@contextmanager
def running(env: dict[str, str], log: Path, mark: str) -> Iterator[None]:
    """`gongjian run` until it has said `mark`; ended as by Ctrl-C's brother, and it must end with 0."""
    with log.open("wb") as sink:
        process = subprocess.Popen([sys.executable, "-m", "server", "run"], cwd=ROOT, env=env, stdout=sink, stderr=sink)
        try:
            deadline = time.monotonic() + SECONDS
            while mark not in log.read_text("utf-8", errors="replace"):
                assert process.poll() is None, log.read_text("utf-8", errors="replace")[-2000:]
                assert time.monotonic() < deadline, log.read_text("utf-8", errors="replace")[-2000:]
                time.sleep(0.2)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(30)
    assert code == 0, log.read_text("utf-8", errors="replace")[-2000:]


def typing(env: dict[str, str]) -> Type:
    """`gongjian phone …` in a second terminal."""

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "server", "phone", *words], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def read(log: Path) -> str:
    """What was said so far, once the console's line is there."""
    deadline = time.monotonic() + 20
    while "管理后台" not in (said := log.read_text("utf-8", errors="replace")):
        assert time.monotonic() < deadline, said[-2000:]
        time.sleep(0.2)
    return said


def at_the_console(address: str, login: str, password: str) -> None:
    """Sign in there as a browser would; every list of the residents' requests has something in it."""
    http = requests.Session()
    http.trust_env = False
    page = http.get(address, timeout=20).text
    csrf = re.search(r'name="csrf" value="(\w+)"', page)
    assert csrf is not None
    form = {"csrf": csrf.group(1), "login": login, "password": password, "back": "/console"}
    home = http.post(f"{address}/sign-in", data=form, timeout=20)
    assert home.status_code == 200
    assert "李书记" in home.text
    assert "退出登录" in home.text
    for page, words in ON_THE_DESK.items():
        assert words in http.get(f"{address}/{page}", timeout=20).text, page


def test_a_stranger_sees_his_record_in_the_tally(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GONGJIAN_", "REDIS_", "DATABASE_"))}
    ports = {"GONGJIAN_PORT": str(free_port()), "GONGJIAN_SIM_PORT": str(free_port())}
    env = {**kept, **ports, "GONGJIAN_FILES_DATA": str(tmp_path / "var"), "HOME": str(tmp_path)}
    phone = typing(env)
    with running(env, tmp_path / "first.log", "phone --help"):
        before = phone("me", "--as", "张三")
        scanned = phone("scan", str(tmp_path / "var" / "demo" / "poster.png"), "--as", "张三")
        assert "仅签到" in scanned
        record = scanned.split("记录编号 ")[1].split("，")[0]
        assert "已确认：张三" in phone("confirm", record, "--as", "李书记", "--note", "我在现场看到")
        after = phone("me", "--as", "张三")
        assert "本年 2 次 240 分钟" in before
        assert "本年 3 次 240 分钟" in after
    with running(env, tmp_path / "again.log", "共建已启动"):
        assert phone("me", "--as", "张三") == after
        told = re.search(r"管理后台：(\S+)\n  登录名 (\S+)，密码 (\S+?)（", read(tmp_path / "again.log"))
        assert told is not None, "a second start tells the same sign-in"
        at_the_console(*told.groups())
