"""The sender of message pushes: three modes, two formats, five seconds, three tries, and ways to send it wrongly on purpose."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

from server.wechat.simulator import crypto
from server.wechat.simulator.world import Refused, World, draw, next_number, note, now

LISTS = {
    "subscribe_msg_popup_event": "SubscribeMsgPopupEvent",
    "subscribe_msg_change_event": "SubscribeMsgChangeEvent",
    "subscribe_msg_sent_event": "SubscribeMsgSentEvent",
}
TYPES = {"json": "application/json", "xml": "text/xml"}
TAMPERS = ("", "signature", "appid", "body", "stale")


@dataclass(frozen=True)
class Shipment:
    """One signed push as it goes over the wire."""

    event: str
    query: dict[str, str]
    body: bytes
    content_type: str


def render(facts: Mapping[str, Any], form: str) -> bytes:
    """The body in JSON or XML. In JSON a `List` of one is an object, not an array; in XML it hides in an element named after the event."""
    facts = dict(facts)
    items, wrapper = facts.get("List"), LISTS.get(str(facts.get("Event")))
    if wrapper and isinstance(items, list):
        if form == "xml":
            facts[wrapper] = {"List": facts.pop("List")}
        elif len(items) == 1:
            facts["List"] = items[0]
    if form == "json":
        return json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()
    return f"<xml>{_elements(facts)}</xml>".encode()


def _elements(facts: Mapping[str, Any]) -> str:
    return "".join(_element(name, value) for name, value in facts.items())


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(name, item) for item in value)
    if isinstance(value, dict):
        inner = _elements(value)
    elif isinstance(value, str):
        inner = "<![CDATA[" + value.replace("]]>", "]]]]><![CDATA[>") + "]]>"
    else:
        inner = str(value)
    return f"<{name}>{inner}</{name}>"


def seal(world: World, event: Mapping[str, Any], tamper: str = "") -> Shipment:
    """Sign and, but in plain mode, encrypt an event as the settings say; `tamper` makes it wrong in one way."""
    with world.lock:
        settings = world.settings
        nonce, random16 = draw(world, 9, "123456789"), draw(world, 16, "0123456789abcdef").encode()
        timestamp = str(now(world) - (3600 if tamper == "stale" else 0))
    form, token = settings.push_format, settings.push_token
    query = {"signature": crypto.sign(token, timestamp, nonce), "timestamp": timestamp, "nonce": nonce}
    if str(event.get("FromUserName", "")).startswith("o"):
        query["openid"] = str(event["FromUserName"])
    facts = dict(event)
    if settings.push_mode != "plain":
        appid = "wxsimforeign0000000" if tamper == "appid" else world.options.appid
        secret = crypto.encrypt(settings.aes_key, appid, render(event, form), random16)
        query |= {"encrypt_type": "aes", "msg_signature": crypto.sign(token, timestamp, nonce, secret)}
        plain = event if settings.push_mode == "compat" else {"ToUserName": event.get("ToUserName", "")}
        facts = {**plain, "Encrypt": secret}
    if tamper == "signature":
        query |= {name: _spoil(value) for name, value in query.items() if name.endswith("signature")}
    if tamper == "body":
        facts |= {name: _spoil(str(value)) for name, value in facts.items() if name in ("Encrypt", "CreateTime")}
    return Shipment(str(event.get("Event", "")), query, render(facts, form), TYPES[form])


def _spoil(value: str) -> str:
    return value[:8] + ("1" if value[8:9] != "1" else "2") + value[9:]


def send(world: World, event: Mapping[str, Any], tamper: str | None = None) -> dict[str, Any]:
    """Seal and post one event now; the record of it, also kept in `world.sent`. Not to be called under the lock."""
    return post(world, seal(world, event, world.settings.tamper if tamper is None else tamper))


def post(world: World, shipment: Shipment) -> dict[str, Any]:
    """Post a sealed push, the same bytes each time, until it is accepted or the tries are used up."""
    tries: list[dict[str, Any]] = []
    with requests.Session() as session:
        session.trust_env = False
        while world.settings.push_url and len(tries) < world.settings.push_tries and not _accepted(tries):
            tries.append(_try(world, session, shipment))
    record: dict[str, Any] = {"event": shipment.event, "query": shipment.query, "body": shipment.body.decode()}
    record |= {"content_type": shipment.content_type, "accepted": _accepted(tries), "tries": tries}
    with world.lock:
        record = {"n": next_number(world), "at": now(world), **record}
        world.sent.append(record)
        note(world, "push", path=world.settings.push_url, event=shipment.event, accepted=record["accepted"], tries=tries)
    return record


def _try(world: World, session: requests.Session, shipment: Shipment) -> dict[str, Any]:
    settings, headers = world.settings, {"Content-Type": shipment.content_type}
    try:
        reply = session.post(
            settings.push_url,
            params=shipment.query,
            data=shipment.body,
            headers=headers,
            timeout=settings.push_timeout,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        return {"error": type(error).__name__}
    return {"status": reply.status_code, "reply": reply.text[:200]}


def _accepted(tries: list[dict[str, Any]]) -> bool:
    last = tries[-1] if tries else {}
    return last.get("status") == 200 and last["reply"] in ("", "success")


def verify(world: World) -> dict[str, Any]:
    """The GET with which WeChat verifies a push URL: the echo must come back as it went."""
    with world.lock:
        echo, nonce, timestamp = draw(world, 19, "123456789"), draw(world, 9, "123456789"), str(now(world))
    query = {"signature": crypto.sign(world.settings.push_token, timestamp, nonce), "timestamp": timestamp}
    query |= {"nonce": nonce, "echostr": echo}
    with requests.Session() as session:
        session.trust_env = False
        try:
            reply = session.get(world.settings.push_url, params=query, timeout=world.settings.push_timeout)
        except requests.RequestException as error:
            return {"ok": False, "error": type(error).__name__}
    return {"ok": reply.status_code == 200 and reply.text == echo, "status": reply.status_code, "reply": reply.text[:200]}


def replay(world: World, number: int | None = None) -> dict[str, Any]:
    """Post record `number`, or the last, again byte for byte."""
    with world.lock:
        found = [record for record in world.sent if number in (None, record["n"])]
    if not found:
        raise Refused("unknown_push", "没有这一次推送，请先看 /__sim__/pushes。", 404)
    old = found[-1]
    return post(world, Shipment(old["event"], old["query"], old["body"].encode(), old["content_type"]))


def deliver(world: World, *, everything: bool = False) -> list[dict[str, Any]]:
    """Send what is due, or everything; with `push_hold` wait for that many and send them in reverse."""
    with world.lock:
        clock, hold, copies = now(world), world.settings.push_hold, world.settings.push_copies
        due = sorted(delivery for delivery in world.pending if everything or delivery.due <= clock)
        if len(due) < hold and not everything:
            return []
        world.pending = [delivery for delivery in world.pending if delivery not in due]
    if hold:
        due.reverse()
    records = []
    for delivery in due:
        event = delivery.build()
        records += [send(world, event) for _ in range(copies)]
    return records


def run_pusher(world: World, stop: threading.Event) -> None:
    """Deliver what falls due until `stop`; the clock may jump, so it is looked at twenty times a second while something waits."""
    while not stop.is_set():
        world.wake.wait(0.05 if world.pending else 0.5)
        world.wake.clear()
        deliver(world)
