"""All that the simulator remembers, guarded by one lock; and its clock, its chance and its counters."""

import datetime as dt
import random
import string
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from server.wechat.simulator import constants

ALPHANUMERIC = string.ascii_letters + string.digits
CHINA = dt.timezone(dt.timedelta(hours=8))


class Failure(Exception):
    """A WeChat errcode; `hint` replaces the usual text."""

    def __init__(self, errcode: int, hint: str | None = None) -> None:
        super().__init__(errcode)
        self.errcode = errcode
        self.hint = hint


class Refused(Exception):
    """A wrong call of the device API: a stable code, a Chinese sentence, an HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.status = status


@dataclass
class Settings:
    """What the device API may change while the simulator runs (docs/simulator.md)."""

    pages: list[str] = field(default_factory=lambda: list(constants.PAGES))
    unionid: bool = False
    ip_whitelist: list[str] | None = None
    code_limit: int = 100_000
    send_seconds: float = 0.0
    sent_event_seconds: float = 1.0
    media_delay: float | str = 1.0
    media_verdicts: dict[str, list[Any]] = field(default_factory=dict)
    words: dict[str, list[Any]] = field(default_factory=lambda: {w: list(v) for w, v in constants.WORDS.items()})
    sensitive_words: list[str] = field(default_factory=lambda: list(constants.SENSITIVE_WORDS))
    quotas: dict[str, list[Any]] = field(default_factory=lambda: {p: list(q) for p, q in constants.QUOTAS.items()})
    link_rules: list[dict[str, Any]] = field(default_factory=list)
    push_url: str = ""
    push_token: str = constants.PUSH_TOKEN
    aes_key: str = constants.AES_KEY
    push_mode: str = "secure"
    push_format: str = "json"
    push_timeout: float = 5.0
    push_tries: int = 3
    push_copies: int = 1
    push_hold: int = 0
    tamper: str = ""


@dataclass
class User:
    """A person with a phone; `sessions` and quotas live with him."""

    openid: str
    name: str
    phone: str = ""
    unionid: str = ""
    blocked: bool = False
    platform: str = "android"
    last_visit: int = 0
    switch: str = "on"
    session_key: str = ""
    session_at: int = 0


@dataclass
class Code:
    """A one-use login or phone code."""

    appid: str
    openid: str
    issued: int
    used: bool = False


@dataclass
class Token:
    """An access token; `until` is its end, `replaced` tells that a newer one ended it."""

    until: int
    replaced: bool = False


@dataclass
class Family:
    """One of the two token families; neither sees the other."""

    current: str = ""
    tokens: dict[str, Token] = field(default_factory=dict)
    forced_at: int = -10_000
    forced: Counter[str] = field(default_factory=Counter)


@dataclass(order=True)
class Delivery:
    """An event to push at `due` (simulated seconds); `build` makes the payload outside the lock, since it may fetch a file."""

    due: float
    number: int
    build: Callable[[], dict[str, Any]] = field(compare=False)


@dataclass(frozen=True)
class Options:
    """What the command line fixes for the life of the process; `wall` is the clock beneath the simulated one, in unix seconds.

    `start` tells one start from another: no code of one is ever drawn by another, as with WeChat itself; the users stay the same.
    """

    appid: str = constants.APPID
    secret: str = constants.SECRET
    seed: int = 1
    settings: dict[str, Any] = field(default_factory=dict)
    wall: Callable[[], float] = time.time
    start: int = 0


@dataclass
class World:
    """The whole state. Handlers hold `lock` while they touch it; nothing else in the process does."""

    options: Options
    settings: Settings
    chance: random.Random
    offset: float = 0.0
    users: dict[str, User] = field(default_factory=dict)
    login_codes: dict[str, Code] = field(default_factory=dict)
    phone_codes: dict[str, Code] = field(default_factory=dict)
    families: dict[str, Family] = field(default_factory=lambda: {"legacy": Family(), "stable": Family()})
    templates: dict[str, dict[str, Any]] = field(default_factory=lambda: dict(constants.TEMPLATES))
    quotas: Counter[tuple[str, str]] = field(default_factory=Counter)
    calls: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    drawn: set[tuple[str, str]] = field(default_factory=set)
    sending: set[str] = field(default_factory=set)
    messages: list[dict[str, Any]] = field(default_factory=list)
    faults: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    journal: list[dict[str, Any]] = field(default_factory=list)
    pending: list[Delivery] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)
    serial: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)
    wake: threading.Event = field(default_factory=threading.Event)


def new_world(options: Options) -> World:
    """A world as at start."""
    return World(options, Settings(**options.settings), random.Random(f"{options.seed}|{options.start}"))


def reset(world: World) -> None:
    """Put every part of `world` back as at start; threads keep their hold of the same object."""
    fresh = new_world(world.options)
    kept = {"options", "lock", "wake"}
    with world.lock:
        vars(world).update({name: value for name, value in vars(fresh).items() if name not in kept})


def now(world: World) -> int:
    """Simulated unix seconds."""
    return int(world.options.wall() + world.offset)


def day(world: World) -> str:
    """The business date in Asia/Shanghai, as text."""
    return dt.datetime.fromtimestamp(now(world), CHINA).date().isoformat()


def draw(world: World, length: int, alphabet: str = ALPHANUMERIC) -> str:
    """`length` characters by the world's own chance."""
    return "".join(world.chance.choices(alphabet, k=length))


def trace(world: World) -> str:
    """A rid or trace id: three groups of eight hex digits, the first of which is the clock."""
    return f"{now(world):08x}-{world.chance.getrandbits(32):08x}-{world.chance.getrandbits(32):08x}"


def next_number(world: World) -> int:
    """The next of one ascending series, for message ids, journal lines and deliveries."""
    world.serial += 1
    return world.serial


def note(world: World, kind: str, **facts: Any) -> dict[str, Any]:
    """Add a line to the journal and give it back."""
    line = {"n": next_number(world), "kind": kind, "at": now(world), **facts}
    world.journal.append(line)
    return line


def count_call(world: World, subject: str, quotas: list[Any]) -> None:
    """Count one call of `subject`; Failure with the quota's errcode when it is one too many."""
    windows = {"minute": str(now(world) // 60), "day": day(world)}
    for window, limit, errcode in quotas:
        key = (subject, window, windows[window])
        world.calls[key] += 1
        if world.calls[key] > limit:
            raise Failure(errcode)


def find_user(world: World, who: object) -> User:
    """The user of a name or an openid; Refused when there is none."""
    for user in world.users.values():
        if who in (user.openid, user.name):
            return user
    raise Refused("unknown_user", "没有这个模拟用户，请先用 /__sim__/users 建立。", 404)


def schedule(world: World, after: float, build: Callable[[], dict[str, Any]]) -> None:
    """Have `build`'s event pushed `after` simulated seconds from now."""
    world.pending.append(Delivery(now(world) + after, next_number(world), build))
    world.wake.set()
