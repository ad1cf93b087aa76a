"""config.toml and environment → frozen, typed Settings. An unknown key refuses to start (docs/configuration.md)."""

from __future__ import annotations

import base64
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

DEFAULT_FILE = Path(__file__).resolve().parent.parent / "config.toml"
SECRETS = {
    "kek": "GONGJIAN_KEK",
    "secret_key": "GONGJIAN_SECRET_KEY",
    "wechat_secret": "WECHAT_SECRET",
    "push_token": "WECHAT_PUSH_TOKEN",
    "aes_key": "WECHAT_AES_KEY",
}
# What `make run` and the tests use where nothing was set; production refuses every one of them.
DEVELOPMENT_SECRETS = {
    "kek": base64.b64encode(b"gongjian development kek, 32 B!!").decode(),
    "secret_key": "development-secret-key",
    "wechat_secret": "simulator-secret",
    "push_token": "simulatorpushtoken",
    "aes_key": "simulatorAesKey0123456789abcdefghijklmnopqr",
}


class ConfigError(Exception):
    """The configuration cannot be used; the message says which key and what to do."""


class Section(BaseModel):
    """A frozen table of config.toml; a key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Web(Section):
    """Where the web process listens (host, port) and what it may take (kB, threads)."""

    host: str
    port: int
    public_base: str
    workers: int
    threads: int
    max_body_kb: int
    trusted_proxies: int


class Database(Section):
    """SQLAlchemy URL (empty: SQLite under files.data) and connections per process."""

    url: str
    pool_size: int


class Redis(Section):
    """redis:// or unix:// URL."""

    url: str


class Files(Section):
    """Where SQLite, files, keys and logs live: a local directory (several web machines share it, e.g. by NFS)."""

    data: str


class WechatSettings(Section):
    """The mini-program's account; its secrets are in Secrets."""

    appid: str
    base: str
    env_version: Literal["release", "trial", "develop"]
    mp_state: Literal["formal", "trial", "developer"]
    scan_page: str
    verify_file_name: str
    verify_file_text: str
    templates: dict[str, str]


class Crypto(Section):
    """Which suite seals fields: aes (international) or sm (国密)."""

    suite: Literal["aes", "sm"]


class About(Section):
    """What the about page must show (sponsor, 备案编号, contact)."""

    sponsor: str
    filing_no: str
    contact: str


class Secrets(Section):
    """From the environment only (names in SECRETS, or <NAME>_FILE with a path)."""

    kek: SecretStr
    secret_key: SecretStr
    wechat_secret: SecretStr
    push_token: SecretStr
    aes_key: SecretStr


class Settings(Section):
    """All that says how this deployment runs."""

    environment: Literal["development", "test", "production"]
    instance: str = Field(min_length=1, max_length=32)
    web: Web
    database: Database
    redis: Redis
    files: Files
    wechat: WechatSettings
    crypto: Crypto
    about: About
    secrets: Secrets
    root: Path = Path()

    @property
    def production(self) -> bool:
        """True where the guards against development conveniences apply."""
        return self.environment == "production"

    @property
    def data_dir(self) -> Path:
        """The directory of database, keys, files and logs, absolute; a relative one stands beside config.toml."""
        return (self.root / self.files.data).resolve()

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL; SQLite under the data directory where none is set."""
        return self.database.url or f"sqlite:///{self.data_dir / 'gongjian.db'}"


def load(path: Path | None = None, env: Mapping[str, str] | None = None) -> Settings:
    """Read config.toml (or `path`, or $GONGJIAN_CONFIG), lay the environment over it, check it. Raises ConfigError."""
    env = os.environ if env is None else env
    file = path or Path(env.get("GONGJIAN_CONFIG", DEFAULT_FILE))
    values = _read(file)
    production = env.get("GONGJIAN_ENVIRONMENT", values.get("environment")) == "production"
    _overlay(values, env)
    values["root"] = file.resolve().parent
    values["secrets"] = {field: _secret(field, env, production) for field in SECRETS}
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{file}: {_first(error)}") from None
    _guard(settings)
    return settings


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{file}: 没有这个配置文件，请用 GONGJIAN_CONFIG 指明位置") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: 配置写法有误，请改正：{error}") from None


def _overlay(values: dict[str, Any], env: Mapping[str, str]) -> None:
    """Lay DATABASE_URL, REDIS_URL and GONGJIAN_<SECTION>_<KEY> over what the file says."""
    for section, table in values.items():
        if isinstance(table, dict):
            for key in table:
                name = f"GONGJIAN_{section}_{key}".upper()
                if name in env and not isinstance(table[key], dict):
                    table[key] = env[name]
    for key in ("environment", "instance"):
        values[key] = env.get(f"GONGJIAN_{key.upper()}", values.get(key))
    for name, section in (("DATABASE_URL", "database"), ("REDIS_URL", "redis")):
        if env.get(name):
            values.setdefault(section, {})["url"] = env[name]


def _secret(field: str, env: Mapping[str, str], production: bool) -> str:
    name = SECRETS[field]
    if f"{name}_FILE" in env:
        return Path(env[f"{name}_FILE"]).read_text(encoding="utf-8").strip()
    if name in env:
        return env[name]
    if production:
        raise ConfigError(f"正式环境必须设置 {name}（或 {name}_FILE）")
    return DEVELOPMENT_SECRETS[field]


def _first(error: ValidationError) -> str:
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"不认识的配置项 {where}，请删去或改正拼写"
    return f"配置项 {where} 不能用：{problem['msg']}"


def _guard(settings: Settings) -> None:
    try:
        if len(base64.b64decode(settings.secrets.kek.get_secret_value(), validate=True)) != 32:
            raise ValueError
    except ValueError:
        raise ConfigError(f"{SECRETS['kek']} 必须是 32 字节的 base64，可用 gongjian keys new-kek 生成") from None
    if not settings.production:
        return
    for field, default in DEVELOPMENT_SECRETS.items():
        if getattr(settings.secrets, field).get_secret_value() == default:
            raise ConfigError(f"正式环境不能用开发用的 {SECRETS[field]}，请换成自己的")
    if urlsplit(settings.web.public_base).scheme != "https":
        raise ConfigError("正式环境的 web.public_base 必须是 https 地址")
