"""The files under deploy/ name settings, secrets and commands that exist."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from server import cli, config

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
FILES = sorted(path.relative_to(DEPLOY).as_posix() for path in DEPLOY.rglob("*") if path.is_file())
OURS = re.compile(r"\b(?:GONGJIAN|WECHAT)_[A-Z0-9_]+\b")


def known_variables() -> set[str]:
    """Every variable that config.load reads."""
    names = {"GONGJIAN_CONFIG", "GONGJIAN_ENVIRONMENT", "GONGJIAN_INSTANCE"}
    for section, table in tomllib.loads(config.DEFAULT_FILE.read_text(encoding="utf-8")).items():
        if isinstance(table, dict):
            names |= {f"GONGJIAN_{section}_{key}".upper() for key in table}
    return names | set(config.SECRETS.values()) | {f"{name}_FILE" for name in config.SECRETS.values()}


@pytest.mark.parametrize("name", FILES)
def test_every_variable_is_one_the_service_reads(name: str) -> None:
    assert set(OURS.findall((DEPLOY / name).read_text(encoding="utf-8"))) <= known_variables()


@pytest.mark.parametrize("name", FILES)
def test_every_command_exists(name: str) -> None:
    text = (DEPLOY / name).read_text(encoding="utf-8")
    called = re.findall(r"-m,? server,? ([a-z]+)", text) + re.findall(r"`gongjian ([a-z]+)", text)
    assert set(called) <= {*cli.COMMANDS, "run"}


def test_compose_and_systemd_give_every_secret() -> None:
    wanted = {f"{name}_FILE" for name in config.SECRETS.values()}
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    for part in ("web", "worker", "scheduler"):
        assert wanted <= set(compose["services"][part]["environment"])
        unit = (DEPLOY / "systemd" / f"gongjian-{part}.service").read_text(encoding="utf-8")
        assert wanted <= set(OURS.findall(unit))
    assert compose["secrets"].keys() == set(compose["services"]["web"]["secrets"])


def test_the_example_environment_is_accepted_in_production(tmp_path: Path) -> None:
    lines = (DEPLOY / "gongjian.env.example").read_text(encoding="utf-8").splitlines()
    env = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    secrets = {"GONGJIAN_KEK": "a2" * 21 + "k=", "GONGJIAN_SECRET_KEY": "s" * 40, "WECHAT_SECRET": "w" * 32}
    secrets |= {"WECHAT_PUSH_TOKEN": "t" * 16, "WECHAT_AES_KEY": "A" * 43}
    for name, value in secrets.items():
        file = tmp_path / name
        file.write_text(value)
        env[f"{name}_FILE"] = str(file)
    settings = config.load(env=env)
    assert settings.production
    assert settings.web.trusted_proxies == 1
    assert settings.secrets.kek.get_secret_value() == secrets["GONGJIAN_KEK"]


def test_the_body_limits_of_nginx_and_the_service_agree() -> None:
    site = (DEPLOY / "nginx" / "gongjian.conf").read_text(encoding="utf-8")
    limit = re.search(r"client_max_body_size (\d+)m;", site)
    assert limit is not None
    assert int(limit[1]) * 1024 == config.load(env={}).web.max_body_kb
