"""Start the parts of the service in order, watch them, end them all: the machine under `gongjian run`.

A part that ends by itself ends everything, with the last lines of its log. Ctrl-C, SIGTERM and a closed terminal end
everything in order; a supervisor that is killed takes its parts with it (server/dev/processes.py).
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from server.dev.processes import kill_session, spawn, tail

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE_SECONDS = 10.0
HURRY_SECONDS = 1.0  # one Ctrl-C may arrive twice, from the terminal and through make; a later one means now


class PartError(Exception):
    """A part failed; the text says which, and ends with the last lines of its log."""


class StopAskedError(Exception):
    """Somebody pressed Ctrl-C or sent SIGTERM."""


@dataclass(frozen=True)
class Part:
    """One child. `ready` is polled until it holds, for at most `seconds`.

    A part that is `once` is waited for until it ends, without a limit, and must end with 0 unless it is `shown`:
    then its output stays on the terminal and its exit code is the caller's.
    """

    name: str
    command: Sequence[str]
    ready: Callable[[], bool] | None = None
    seconds: float = 60.0
    once: bool = False
    shown: bool = False


@dataclass(frozen=True)
class Child:
    """A part that was started."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path | None


@dataclass
class Stage:
    """Where the parts run, those that do, and when we were asked to stop (monotonic seconds)."""

    env: Mapping[str, str]
    cwd: Path
    logs: Path
    children: list[Child] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)


def listen_for_stop(stage: Stage) -> None:
    """From now on the stop signals are noted instead of ending us; call it in the main thread, before any part."""
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: stage.asked.append(time.monotonic()))


def start(stage: Stage, part: Part) -> Child:
    """Start a part with a fresh log (the one before is kept as .log.1)."""
    log = None if part.shown else stage.logs / f"{part.name}.log"
    if log and log.exists():
        log.replace(log.with_suffix(".log.1"))
    try:
        process = spawn(part.command, log=log, env=stage.env, cwd=stage.cwd)
    except OSError as error:
        raise PartError(f"{part.name} 启动不了（{error}），请先运行 make 完成安装。") from None
    child = Child(part.name, process, log)
    if not part.once:
        stage.children.append(child)
    return child


def start_all(stage: Stage, parts: Sequence[Part]) -> None:
    """Start the parts together, then wait for each to be ready. Raises PartError, StopAskedError."""
    for part in parts:
        start(stage, part)
    for part in parts:
        if part.ready is not None:
            _await(stage, part, part.ready)


def _await(stage: Stage, part: Part, ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + part.seconds
    while not ready():
        check(stage)
        if time.monotonic() > deadline:
            log = stage.logs / f"{part.name}.log"
            raise PartError(f"{part.name} 在 {part.seconds:.0f} 秒内没有就绪，请查看日志 {log}。\n{tail(log)}")
        time.sleep(0.05)


def run_once(stage: Stage, part: Part) -> int:
    """Run a part to its end while the others are watched; returns its exit code. Raises PartError, StopAskedError."""
    child = start(stage, part)
    try:
        while (code := child.process.poll()) is None:
            check(stage)
            time.sleep(0.05)
    finally:
        end_all([child], stage.asked)
    if code != 0 and child.log is not None:
        raise PartError(_died(child, code))
    return code


def check(stage: Stage) -> None:
    """Raise StopAskedError when we were asked to stop, PartError when a part has ended."""
    if stage.asked:
        raise StopAskedError
    for child in stage.children:
        code = child.process.poll()
        if code is not None:
            raise PartError(_died(child, code))


def _died(child: Child, code: int) -> str:
    how = f"信号 {signal.Signals(-code).name}" if code < 0 else f"退出码 {code}"
    if child.log is None:
        return f"{child.name} 意外结束了（{how}）。"
    return f"{child.name} 意外结束了（{how}），请查看日志 {child.log}，它的最后几行是：\n{tail(child.log)}"


def watch(stage: Stage) -> None:
    """Stay until something ends: raises StopAskedError or PartError."""
    while True:
        check(stage)
        time.sleep(0.2)


def end_all(children: Sequence[Child], asked: Sequence[float]) -> None:
    """Ask all to stop, wait GRACE_SECONDS (less when asked again), kill what is left; by pid and session."""
    for child in reversed(children):
        if child.process.poll() is None:
            child.process.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    while any(child.process.poll() is None for child in children) and time.monotonic() < deadline:
        if asked and asked[-1] - asked[0] > HURRY_SECONDS:
            break
        time.sleep(0.02)
    for child in children:
        if child.process.poll() is None:
            child.process.kill()
        child.process.wait()
        kill_session(child.process.pid)
