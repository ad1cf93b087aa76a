"""The two families of access tokens, legacy and stable, which never affect each other."""

import re
from typing import Any

from server.wechat.simulator.envelope import Call
from server.wechat.simulator.world import ALPHANUMERIC, Failure, Family, Token, World, day, draw, now

LIFE = 7200
OVERLAP = 300
SHAPE = re.compile(r"[0-9]{2}_[0-9A-Za-z_-]{100,200}")


def issue_legacy(world: World, call: Call) -> dict[str, Any]:
    """`GET /cgi-bin/token`: a new token each time; the one before lives 300 s more."""
    check_secret(world, call.query, call.remote)
    family = world.families["legacy"]
    _end(family, now(world) + OVERLAP)
    return _answer(family, _issue(world, family), now(world))


def issue_stable(world: World, call: Call) -> dict[str, Any]:
    """`POST /cgi-bin/stable_token`: the same token until its last 300 s; forced at most every 30 s and 20 times a day."""
    check_secret(world, call.body, call.remote)
    family, clock = world.families["stable"], now(world)
    if call.body.get("force_refresh") is True and _may_force(world, family):
        _end(family, clock)
        return _answer(family, _issue(world, family), clock)
    current = family.tokens.get(family.current)
    if current is None or current.until - clock <= OVERLAP:
        if current is not None and current.until > clock:
            _end(family, clock + OVERLAP, extend=True)
        _issue(world, family)
    return _answer(family, family.current, clock)


def check_secret(world: World, given: dict[str, Any], remote: str, grant: str = "client_credential") -> None:
    """Failure unless grant type, appid, secret and address are this mini-program's."""
    if given.get("grant_type") != grant:
        raise Failure(40002)
    check_app(world, given)
    allowed = world.settings.ip_whitelist
    if allowed is not None and remote not in allowed:
        raise Failure(40164, f"invalid ip {remote} ipv6 ::ffff:{remote}, not in whitelist")


def check_app(world: World, given: dict[str, Any]) -> None:
    """Failure unless appid and secret are given and right."""
    if not given.get("appid"):
        raise Failure(41002)
    if not given.get("secret"):
        raise Failure(41004)
    if given["appid"] != world.options.appid:
        raise Failure(40013)
    if given["secret"] != world.options.secret:
        raise Failure(40125)


def check_token(world: World, value: str) -> None:
    """Failure unless `value` is a living token of either family."""
    if not value:
        raise Failure(41001)
    if not SHAPE.fullmatch(value):
        raise Failure(40014)
    found = [f.tokens[value] for f in world.families.values() if value in f.tokens]
    if not found:
        raise Failure(40001)
    if found[0].until <= now(world):
        raise Failure(40001 if found[0].replaced else 42001)


def _issue(world: World, family: Family) -> str:
    family.current = f"{world.chance.randrange(10, 100)}_{draw(world, 133, ALPHANUMERIC + '-_')}"
    family.tokens[family.current] = Token(now(world) + LIFE)
    return family.current


def _end(family: Family, at: int, *, extend: bool = False) -> None:
    current = family.tokens.get(family.current)
    if current is None or (current.until <= at and not extend):
        return
    current.until, current.replaced = at, True


def _may_force(world: World, family: Family) -> bool:
    today, clock = day(world), now(world)
    if clock - family.forced_at < 30 or family.forced[today] >= 20:
        return False
    family.forced_at = clock
    family.forced[today] += 1
    return True


def _answer(family: Family, token: str, clock: int) -> dict[str, Any]:
    return {"access_token": token, "expires_in": family.tokens[token].until - clock}
