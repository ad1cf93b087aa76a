"""The commands a county starts with: its first login, its rosters, its rules. Each runs as a person would run it, in its own process."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.factories.roster_files import MEMBER_HEADER, excel_file, plain_xlsx

ROOT = Path(__file__).resolve().parents[2]
STAFF = ("staff", "create", "--login", "county-01", "--name", "县干部")


class Instance:
    """An instance on SQLite in a directory of its own."""

    def __init__(self, directory: Path, redis_url: str) -> None:
        self.env = {**os.environ, "GONGJIAN_ENVIRONMENT": "test", "GONGJIAN_FILES_DATA": str(directory), "REDIS_URL": redis_url}
        self.env.pop("DATABASE_URL", None)

    def run(self, *words: object, code: int = 0) -> str:
        """Run `gongjian …`; what it printed, all of it."""
        command = [sys.executable, "-m", "server", *map(str, words)]
        done = subprocess.run(command, env=self.env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def instance(sqlite_template: Path, redis_url: str, tmp_path: Path) -> Instance:
    """A migrated, empty instance."""
    shutil.copy(sqlite_template, tmp_path / "gongjian.db")
    return Instance(tmp_path, redis_url)


def test_the_first_county_login(instance: Instance, tmp_path: Path) -> None:
    assert "没有找到" in instance.run(*STAFF, code=1)
    told = instance.run(*STAFF, "--county-name", "示例县")
    assert re.search(r"密码 \S{16}（只显示这一次", told)
    assert "新密码" in instance.run("staff", "reset", "--login", "county-01")
    his = """INSERT INTO wechat_account (appid, openid, person_id, created_at, last_seen_at)
             SELECT 'wx', 'o1', person_id, '2026-03-05', '2026-03-05' FROM staff_login"""
    with closing(sqlite3.connect(tmp_path / "gongjian.db")) as database, database:
        database.execute(his)
    assert "请本人扫码登录" in instance.run("staff", "reset", "--login", "county-01", code=1)
    assert "已授权" in instance.run("staff", "grant", "--login", "county-01", "--role", "security_admin", "--node", "ROOT")


def test_rosters_from_the_template_to_the_import(instance: Instance, tmp_path: Path) -> None:
    instance.run(*STAFF, "--county-name", "示例县")
    blank = tmp_path / "模板.xlsx"
    instance.run("roster", "template", blank, "--kind", "members")
    supplied = ("--kind", "members", "--node", "ROOT", "--supplied-by", "组织部", "--basis", "共享协议")
    assert "表头下面没有内容" in instance.run("roster", "import", blank, *supplied, code=1)
    filled = tmp_path / "名册.xlsx"
    filled.write_bytes(excel_file([MEMBER_HEADER, ("张三", "138", "示例水务局", "", "", "", "")]))
    told = instance.run("roster", "import", filled, *supplied, "--dry-run", code=2)
    assert "B5" in told
    assert "手机号应为 11 位" in told
    assert "核对（没有写入）：共 1 行，新增 0，更新 0，不变 0，有错 1" in told
    units = tmp_path / "单位.xlsx"
    units.write_bytes(plain_xlsx([("单位名称", "身份证号"), ("示例水务局", "")]))
    assert "B1 是证件号码列" in instance.run("roster", "import", units, "--kind", "units", *supplied[2:], code=1)
    units.write_bytes(plain_xlsx([("单位名称", "所在社区"), ("示例水务局", "没有的社区")]))
    told = instance.run("roster", "import", units, "--kind", "units", *supplied[2:], code=2)
    assert "导入完成：共 1 行，新增 0，更新 0，不变 0，有错 1" in told


def test_rules_are_set_with_a_reason_and_shown(instance: Instance) -> None:
    instance.run(*STAFF, "--county-name", "示例县")
    assert "已设定" in instance.run("policy", "set", "sessions.days", "15", "--why", "常委会议定")
    assert "常委会议定" in instance.run("policy", "show", "sessions.days")
    assert "sessions.days" in instance.run("policy", "list", "--node", "ROOT")
    assert "1 到 90" in instance.run("policy", "set", "sessions.days", "91", "--why", "试", code=1)
