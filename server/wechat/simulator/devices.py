"""The device API: the phones, the clock and the workbench of the simulator (docs/simulator.md lists each call)."""

import dataclasses
import datetime as dt
import hashlib
from collections.abc import Callable
from typing import Any

from server.wechat.simulator import codes, faults, fields, messages, pushes, scans, settings
from server.wechat.simulator.world import ALPHANUMERIC, Refused, User, World, find_user, now, reset

LONGEST_LEAP = 10 * 366 * 86_400
HIDDEN = {"session_key", "session_at"}
Device = Callable[[World, dict[str, Any]], dict[str, Any]]


def clock(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """Show the simulated clock, after moving it by `advance` or setting its `set_offset`, in seconds."""
    for name in ("advance", "set_offset"):
        value = given.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LONGEST_LEAP:
            raise Refused("wrong_clock", f"{name} 要是十年以内的秒数，请改正后再发。")
    world.offset = given.get("set_offset", world.offset) + given.get("advance", 0)
    world.wake.set()
    moment = dt.datetime.fromtimestamp(now(world), dt.UTC)
    return {"now": now(world), "offset": world.offset, "iso": moment.isoformat().replace("+00:00", "Z")}


def start_again(world: World, _: dict[str, Any]) -> dict[str, Any]:
    """Everything as at start."""
    reset(world)
    return {"ok": True}


def put_user(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """Make a user by name, or change the one of that name; the openid depends on seed, appid and name alone."""
    name = given.get("name")
    if not isinstance(name, str) or not name:
        raise Refused("wrong_user", "用户要有 name，请补上后再发。")
    openid = _derive(world, "openid", name)
    user = world.users.setdefault(openid, User(openid, name, unionid=_derive(world, "unionid", name)))
    for part, kind in (("phone", str), ("unionid", str), ("blocked", bool), ("platform", str)):
        if part in given:
            if not isinstance(given[part], kind):
                raise Refused("wrong_user", f"{part} 的值不对，请改正后再发。")
            setattr(user, part, given[part])
    return _show_user(user)


def list_users(world: World, _: dict[str, Any]) -> dict[str, Any]:
    """All users."""
    return {"users": [_show_user(user) for user in world.users.values()]}


def visit(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """The user opens the mini-program; content checks need it within two hours."""
    user = find_user(world, given.get("user"))
    user.last_visit = now(world)
    return {"last_visit": user.last_visit}


def show_templates(world: World, _: dict[str, Any]) -> dict[str, Any]:
    """The template registry."""
    return {"templates": world.templates}


def put_template(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """Register a template with typed fields."""
    names, enums = given.get("fields"), given.get("enums", {})
    if not isinstance(given.get("id"), str) or not isinstance(given.get("title"), str):
        raise Refused("wrong_template", "模板要有 id 和 title，请补上后再发。")
    if not isinstance(names, dict) or not names or not all(map(fields.is_known, names)) or not isinstance(enums, dict):
        raise Refused("wrong_template", "模板的 fields 要用已知的类型加编号，如 thing1，请改正后再发。")
    template = {"title": given["title"], "fields": names, "long_term": given.get("long_term") is True, "enums": enums}
    world.templates[given["id"]] = template
    return show_templates(world, {})


def show_subscriptions(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """The main switch and the sends left of a user."""
    user = find_user(world, given.get("user"))
    return {"switch": user.switch, "quotas": messages.quotas(world, user)}


def list_messages(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """Delivered subscribe messages, oldest first, of one user or of all."""
    openid = find_user(world, given["user"]).openid if given.get("user") else None
    return {"messages": [message for message in world.messages if openid in (None, message["openid"])]}


def show_journal(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """The journal, by kind and path, after line `since`."""
    kind, path, since = given.get("kind"), given.get("path"), str(given.get("since") or 0)
    if not since.isdecimal():
        raise Refused("wrong_since", "since 要是一个编号，请改正后再发。")
    lines = (line for line in world.journal if line["n"] > int(since) and kind in (None, line["kind"]))
    return {"journal": [line for line in lines if path in (None, line.get("path"))]}


def clear_faults(world: World, _: dict[str, Any]) -> dict[str, Any]:
    """Forget all scripted faults."""
    world.faults.clear()
    return faults.show(world)


def show_pushes(world: World, _: dict[str, Any]) -> dict[str, Any]:
    """How many events wait, and the record of those sent."""
    return {"pending": len(world.pending), "sent": world.sent}


def flush_pushes(world: World, _: dict[str, Any]) -> dict[str, Any]:
    """Send all that waits, due or not."""
    return {"sent": pushes.deliver(world, everything=True)}


def send_push(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """Send any event now, on purpose wrongly if `tamper` says so."""
    event, tamper = given.get("event"), given.get("tamper")
    if not isinstance(event, dict) or tamper not in (None, *pushes.TAMPERS):
        raise Refused("wrong_push", "推送要有 event 对象，tamper 要是已知的一种，请改正后再发。")
    return pushes.send(world, event, tamper)


def verify_push(world: World, _: dict[str, Any]) -> dict[str, Any]:
    """GET verification of the push URL."""
    return pushes.verify(world)


def replay_push(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """An earlier push again, byte for byte."""
    return pushes.replay(world, given.get("n"))


def _derive(world: World, purpose: str, name: str) -> str:
    seed = f"{world.options.seed}|{world.options.appid}|{purpose}|{name}"
    digest = hashlib.sha256(seed.encode()).digest()
    return "o" + "".join(ALPHANUMERIC[byte % len(ALPHANUMERIC)] for byte in digest[:27])


def _show_user(user: User) -> dict[str, Any]:
    return {name: value for name, value in dataclasses.asdict(user).items() if name not in HIDDEN}


# Those in UNLOCKED talk to the network and take the lock themselves, briefly.
UNLOCKED: set[Device] = {flush_pushes, send_push, verify_push, replay_push}
ROUTES: dict[tuple[str, str], Device] = {
    ("GET", "clock"): clock,
    ("POST", "clock"): clock,
    ("POST", "reset"): start_again,
    ("GET", "settings"): lambda world, _: settings.show(world),
    ("POST", "settings"): settings.change,
    ("GET", "templates"): show_templates,
    ("POST", "templates"): put_template,
    ("GET", "users"): list_users,
    ("POST", "users"): put_user,
    ("POST", "visit"): visit,
    ("POST", "login"): codes.give_login_code,
    ("POST", "phone"): codes.give_phone_code,
    ("POST", "userinfo"): codes.give_userinfo,
    ("POST", "subscribe"): messages.subscribe,
    ("POST", "subscriptions"): messages.change,
    ("GET", "subscriptions"): show_subscriptions,
    ("POST", "scan"): scans.scan,
    ("POST", "open"): scans.open_code,
    ("GET", "messages"): list_messages,
    ("GET", "journal"): show_journal,
    ("GET", "faults"): lambda world, _: faults.show(world),
    ("POST", "faults"): faults.add,
    ("DELETE", "faults"): clear_faults,
    ("GET", "pushes"): show_pushes,
    ("POST", "pushes/flush"): flush_pushes,
    ("POST", "push"): send_push,
    ("POST", "push/verify"): verify_push,
    ("POST", "push/replay"): replay_push,
}
