"""The instance `gongjian run` starts on one machine: embedded Redis, SQLite, simulated WeChat, web, worker, scheduler.

REDIS_URL and DATABASE_URL replace the embedded part; GONGJIAN_PORT and GONGJIAN_SIM_PORT move the two ports.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from server import config
from server.dev import instance
from server.dev.embedded import EmbeddedError, start_redis
from server.dev.supervisor import (
    Child,
    Part,
    PartError,
    Stage,
    StopAskedError,
    end_all,
    listen_for_stop,
    run_once,
    start_all,
    watch,
)

ROOT = Path(__file__).resolve().parents[2]
SIM_PORT = 8081
SEED = ("server.demo.play",)  # plays the demonstration community into an empty instance
WEEK = ("server.demo.week",)  # plays the story of `make demo`; its last line is one JSON object
UNFINISHED = "demo-unfinished"  # in the data directory while the demonstration community is being played


@dataclass(frozen=True)
class Addresses:
    """Where the two doors of an instance are."""

    host: str
    port: int
    sim_port: int

    @property
    def base(self) -> str:
        """The service's address on this machine."""
        return f"http://{'127.0.0.1' if self.host == '0.0.0.0' else self.host}:{self.port}"  # noqa: S104  (compared)

    @property
    def sim(self) -> str:
        """The WeChat simulator's address, always on loopback."""
        return f"http://127.0.0.1:{self.sim_port}"


def run(*, seed: bool = True) -> int:
    """Run until Ctrl-C or SIGTERM; returns the exit code. An instance that is up already is told, not doubled."""
    try:
        data = _data_directory(os.environ)
        addresses = _addresses(os.environ)
        with instance.only_one(data, addresses.base) as crashed:
            patience = 10.0 if crashed else 0.0
            instance.require_free_port(addresses.host, addresses.port, "GONGJIAN_PORT", patience=patience)
            instance.require_free_port("127.0.0.1", addresses.sim_port, "GONGJIAN_SIM_PORT", patience=patience)
            env = child_environment(os.environ, data, addresses)
            return _supervise(env, data, addresses, lambda stage, new: _serve(stage, addresses, data, seed=seed and new))
    except StopAskedError:
        return 0
    except instance.AlreadyRunningError as up:
        _say(str(up))
        return 0
    except (instance.InstanceError, config.ConfigError, EmbeddedError) as error:
        _say(str(error))
        return 1


def play_week() -> int:
    """Start a fresh instance on free ports, play the demonstration's week, end all; returns the story's exit code.

    Everything is embedded, whatever the environment says: the story must not be played into somebody's database.
    """
    kept = {name: value for name, value in os.environ.items() if name not in _ADDRESS_NAMES}
    with tempfile.TemporaryDirectory(prefix="gj-demo-") as folder:
        addresses = Addresses("127.0.0.1", instance.free_port(), instance.free_port())
        week = Part("demo", _play(WEEK, addresses), once=True, shown=True)
        try:
            env = child_environment(kept, Path(folder), addresses)
            return _supervise(env, Path(folder), addresses, lambda stage, _: run_once(stage, week))
        except StopAskedError:
            return 130
        except (config.ConfigError, EmbeddedError) as error:
            _say(str(error))
            return 1


def _supervise(env: dict[str, str], data: Path, addresses: Addresses, when_up: Callable[[Stage, bool], int]) -> int:
    (data / "log").mkdir(parents=True, exist_ok=True)
    stage = Stage(env, ROOT, data / "log")
    listen_for_stop(stage)
    try:
        with _redis(stage, env, data), _ending(stage):
            settings = config.load(env=env)
            new = _is_new(settings)
            run_once(stage, Part("migrate", _gongjian("db", "upgrade"), once=True))
            start_all(stage, service_parts(settings, addresses))
            instance.write_env(data / instance.ADDRESSES, {name: env[name] for name in _ADDRESS_NAMES if name in env})
            return when_up(stage, new)
    except PartError as error:
        _say(str(error))
        return 1
    finally:
        (data / instance.ADDRESSES).unlink(missing_ok=True)


@contextlib.contextmanager
def _redis(stage: Stage, env: dict[str, str], data: Path) -> Iterator[None]:
    """The embedded Redis where none is given; it ends after the parts that use it."""
    if env.get("REDIS_URL"):
        yield
        return
    log = stage.logs / "redis.log"
    running = start_redis(data, log=log)
    try:
        env["REDIS_URL"] = running.url
        stage.children.append(Child("redis", running.process, log))
        yield
    finally:
        running.stop()


@contextlib.contextmanager
def _ending(stage: Stage) -> Iterator[None]:
    keep = len(stage.children)
    try:
        yield
    finally:
        if len(stage.children) > keep:
            _say("正在停止……")
        end_all(stage.children[keep:], stage.asked)


def _serve(stage: Stage, addresses: Addresses, data: Path, *, seed: bool) -> int:
    _say(f"共建已启动：{addresses.base}/（接口文档 {addresses.base}/docs，模拟微信 {addresses.sim}）。按 Ctrl-C 停止。")
    mark = data / UNFINISHED
    if mark.exists():
        _say(f"示例社区上次没有演完，想重新来请停止后删除 {data} 再启动。")
    if seed:
        mark.touch()
        _say("数据库是空的，正在通过公开接口演示一个示例社区……")
        if run_once(stage, Part("demo", _play(SEED, addresses), once=True, shown=True)) != 0:
            raise PartError("示例社区没有演完，请看上面的说明。")
        mark.unlink()
    _say(console_words(addresses, data))
    watch(stage)
    return 0


def console_words(addresses: Addresses, data: Path) -> str:
    """Where the console is and, where the demonstration was played, who may sign in there."""
    known = instance.read_env(data / instance.CONSOLE)
    if not known:
        return f"管理后台：{addresses.base}/console（登录名用 gongjian staff create 开）"
    who = f"登录名 {known['LOGIN']}，密码 {known['PASSWORD']}（示例社区的{known['NAME']}，只用于本机演示）"
    return f"管理后台：{addresses.base}/console\n  {who}"


def service_parts(settings: config.Settings, addresses: Addresses) -> list[Part]:
    """The long-running parts, in the order in which they are named to people."""
    return [
        Part("simulator", _simulator(settings, addresses), ready=lambda: _answers(addresses.sim)),
        Part("web", _web(settings, addresses), ready=lambda: _answers(f"{addresses.base}/readyz", want=200)),
        Part("worker", _gongjian("worker")),
        Part("scheduler", _gongjian("scheduler")),
    ]


def _web(settings: config.Settings, addresses: Addresses) -> list[str]:
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", "--log-level", "warning"]
    command += ["--host", addresses.host, "--port", str(addresses.port)]
    command += ["--workers", str(settings.web.workers), "--blocking-threads", str(settings.web.threads)]
    return [*command, "server.wsgi:app"]


def _simulator(settings: config.Settings, addresses: Addresses) -> list[str]:
    secrets, pages = settings.secrets, f"pages/index/index,{settings.wechat.scan_page}"
    command = [sys.executable, "-m", "server.wechat.simulator", "--port", str(addresses.sim_port)]
    command += ["--appid", settings.wechat.appid, "--secret", secrets.wechat_secret.get_secret_value()]
    command += ["--push-token", secrets.push_token.get_secret_value(), "--aes-key", secrets.aes_key.get_secret_value()]
    command += ["--start", str(time.time_ns())]  # a code of an earlier start must not come again: it would sign somebody else in
    return [*command, "--push-url", f"{addresses.base}/wechat/push", "--pages", pages]


def _gongjian(*words: str) -> list[str]:
    return [sys.executable, "-m", "server", *words]


def _play(module: tuple[str, ...], addresses: Addresses) -> list[str]:
    return [sys.executable, "-m", *module, "--base", addresses.base, "--sim", addresses.sim]


_ADDRESS_NAMES = ("REDIS_URL", "DATABASE_URL", "GONGJIAN_FILES_DATA", "GONGJIAN_WECHAT_BASE", "GONGJIAN_WEB_PUBLIC_BASE")


def child_environment(env: Mapping[str, str], data: Path, addresses: Addresses) -> dict[str, str]:
    """What the parts are started with: our environment, the secrets of `data`, the addresses of this instance."""
    return {
        "GONGJIAN_WEB_PUBLIC_BASE": addresses.base,
        "GONGJIAN_WECHAT_BASE": addresses.sim,
        **instance.development_secrets(data),
        **env,
        "GONGJIAN_WEB_PORT": str(addresses.port),
        "GONGJIAN_FILES_DATA": str(data),
        "PYTHONUNBUFFERED": "1",
    }


def _data_directory(env: Mapping[str, str]) -> Path:
    """The data directory, made if missing; a relative one is beside config.toml, wherever we were called from."""
    settings = config.load(env=env)
    if settings.production:
        raise instance.InstanceError("正式环境不用 gongjian run，请按 deploy/README.md 用 systemd 或 compose 启动。")
    data = (ROOT / settings.files.data).resolve()
    data.mkdir(parents=True, exist_ok=True)
    return data


def _addresses(env: Mapping[str, str]) -> Addresses:
    web = config.load(env=env).web
    return Addresses(web.host, _port(env, "GONGJIAN_PORT", web.port), _port(env, "GONGJIAN_SIM_PORT", SIM_PORT))


def _port(env: Mapping[str, str], variable: str, default: int) -> int:
    said = env.get(variable) or str(default)
    if said.isascii() and said.isdecimal() and 0 < int(said) < 65536:
        return int(said)
    raise instance.InstanceError(f"{variable} 应当是 1 到 65535 的端口号，现在是 {said}，请改正。")


def _is_new(settings: config.Settings) -> bool:
    """Whether the database has no table yet."""
    import sqlalchemy

    url = sqlalchemy.make_url(settings.database_url)
    if url.get_backend_name() == "sqlite":  # looked at from outside: the library that opens it is server.db's choice
        file = Path(url.database or "")
        return not file.exists() or file.stat().st_size == 0
    engine = sqlalchemy.create_engine(url)
    try:
        return not sqlalchemy.inspect(engine).get_table_names()
    finally:
        engine.dispose()


def _answers(url: str, *, want: int | None = None) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  (our own http address)
            return want in (None, answer.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return want is None
    except OSError:
        return False


def _say(text: str) -> None:
    """To the terminal; the standard output belongs to the story, whose last line is JSON."""
    print(text, file=sys.stderr, flush=True)
