"""Changing the simulator's settings, each value checked, so that a misspelt one cannot pass for a setting."""

import dataclasses
from collections.abc import Callable
from typing import Any

from server.wechat.simulator.contents import is_loopback
from server.wechat.simulator.pushes import TAMPERS, TYPES
from server.wechat.simulator.world import Refused, World


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_verdicts(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(verdict, list) and len(verdict) == 2 and verdict[0] in ("pass", "review", "risky") and _is_count(verdict[1])
        for verdict in value.values()
    )


def _is_quotas(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(quota, list | tuple) and len(quota) == 3 and quota[0] in ("minute", "day") and _is_count(quota[1])
        for quotas in value.values()
        for quota in quotas
    )


def _is_rules(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(rule, dict)
        and isinstance(rule.get("rule"), str)
        and isinstance(rule.get("page"), str)
        and len(rule.get("test_links", [])) <= 5
        for rule in value
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str)


CHECKS: dict[str, Callable[[Any], bool]] = {
    "pages": lambda value: _is_texts(value) and bool(value),
    "unionid": lambda value: isinstance(value, bool),
    "ip_whitelist": lambda value: value is None or _is_texts(value),
    "code_limit": _is_count,
    "send_seconds": _is_number,
    "sent_event_seconds": _is_number,
    "media_delay": lambda value: value in ("never", "before") or _is_number(value),
    "media_verdicts": _is_verdicts,
    "words": _is_verdicts,
    "sensitive_words": _is_texts,
    "quotas": _is_quotas,
    "link_rules": _is_rules,
    "push_url": lambda value: value == "" or (_is_text(value) and is_loopback(value)),
    "push_token": _is_text,
    "aes_key": lambda value: _is_text(value) and len(value) == 43,
    "push_mode": lambda value: value in ("plain", "compat", "secure"),
    "push_format": lambda value: value in tuple(TYPES),
    "push_timeout": _is_number,
    "push_tries": _is_count,
    "push_copies": _is_count,
    "push_hold": _is_count,
    "tamper": lambda value: value in TAMPERS,
}


def check(given: dict[str, Any]) -> dict[str, Any]:
    """`given` itself, each name known and each value of its kind; Refused otherwise."""
    for name, value in given.items():
        if name not in CHECKS:
            raise Refused("unknown_setting", f"没有 {name} 这项设置，请对照 docs/simulator.md 改正。")
        if not CHECKS[name](value):
            raise Refused("wrong_setting", f"{name} 的值不对，请对照 docs/simulator.md 改正。")
    return given


def change(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """Set the given settings; all of them and the appid."""
    for name, value in check(given).items():
        setattr(world.settings, name, value)
    return show(world)


def show(world: World) -> dict[str, Any]:
    """All settings and the appid."""
    return {"appid": world.options.appid, **dataclasses.asdict(world.settings)}
