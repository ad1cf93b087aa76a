"""Subscribe messages: consent on the phone, quotas per person and template, sending, and the three events that tell of it."""

import time
from typing import Any

from server.wechat.simulator import constants, fields
from server.wechat.simulator.envelope import Call, succeed, text
from server.wechat.simulator.world import (
    Failure,
    Refused,
    User,
    World,
    find_user,
    next_number,
    now,
    schedule,
)

DECISIONS = ("accept", "reject", "ban", "filter")
STATES = ("developer", "trial", "formal")
LONGEST_HINT = 48


def subscribe(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """wx.requestSubscribeMessage: each `accept` allows one later send; a popup event is pushed."""
    user, ids = find_user(world, given.get("user")), given.get("tmplIds")
    user.last_visit = now(world)
    refusal = _refuse_request(world, user, ids)
    if refusal:
        return {"errMsg": "requestSubscribeMessage:fail", "errCode": refusal}
    wanted = given.get("decisions") or {}
    if not isinstance(wanted, dict) or not all(decision in DECISIONS for decision in wanted.values()):
        raise Refused("wrong_decision", "决定只能是 accept、reject、ban 或 filter，请改正后再发。")
    decisions: dict[str, str] = {str(key): wanted.get(key, "accept") for key in ids or []}
    for key, decision in decisions.items():
        _note_decision(world, user, key, decision)
    _announce(world, user, "subscribe_msg_popup_event", decisions)
    return {**decisions, "errMsg": "requestSubscribeMessage:ok"}


def change(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """The settings page on the phone: refuse some templates, or switch all messages off or on; quotas refused are gone."""
    user = find_user(world, given.get("user"))
    refused = given.get("reject") or []
    if not isinstance(refused, list) or any(key not in list(world.templates) for key in refused):
        raise Refused("unknown_template", "没有这个模板，请先看 /__sim__/templates。", 404)
    if "switch" in given:
        if given["switch"] not in ("on", "off"):
            raise Refused("wrong_switch", "开关只能是 on 或 off，请改正后再发。")
        user.switch = given["switch"]
        refused += [key for key in quotas(world, user) if user.switch == "off"]
    for key in refused:
        world.quotas[user.openid, key] = 0
    if refused:
        _announce(world, user, "subscribe_msg_change_event", dict.fromkeys(refused, "reject"))
    return {"switch": user.switch, "quotas": quotas(world, user)}


def quotas(world: World, user: User) -> dict[str, int]:
    """Sends left per template."""
    return {key: left for (openid, key), left in world.quotas.items() if openid == user.openid and left > 0}


def send(world: World, call: Call) -> dict[str, Any]:
    """`POST /cgi-bin/message/subscribe/send`; holds the lock only at its ends, so that overlapping sends can meet (43108)."""
    with world.lock:
        user, template_id = _read_target(world, call)
        if user.openid in world.sending:
            raise Failure(43108)
        world.sending.add(user.openid)
    try:
        time.sleep(world.settings.send_seconds)
        with world.lock:
            return _finish(world, call, user, template_id)
    finally:
        with world.lock:
            world.sending.discard(user.openid)


def _read_target(world: World, call: Call) -> tuple[User, str]:
    user = world.users.get(text(call, "touser", 40003))
    if user is None:
        raise Failure(40003)
    template_id = text(call, "template_id", 40037)
    if template_id not in world.templates:
        raise Failure(40037)
    return user, template_id


def _finish(world: World, call: Call, user: User, template_id: str) -> dict[str, Any]:
    template, page = world.templates[template_id], call.body.get("page") or ""
    if page and str(page).split("?")[0] not in world.settings.pages:
        raise Failure(41030)
    if call.body.get("miniprogram_state", "formal") not in STATES:
        raise Failure(40097)
    if user.switch == "off" or world.quotas[user.openid, template_id] < 1:
        raise Failure(43101)
    fault = fields.find_fault(template, call.body.get("data"))
    if fault:
        raise Failure(47003, f"{constants.ERRORS[47003]} {fault}"[:LONGEST_HINT])
    values = "".join(call.body["data"][name]["value"] for name in template["fields"])
    if any(word in values for word in world.settings.sensitive_words):
        raise Failure(45168)
    if not template.get("long_term"):
        world.quotas[user.openid, template_id] -= 1
    return succeed(msgid=_deliver(world, call, user, template_id))


def _deliver(world: World, call: Call, user: User, template_id: str) -> int:
    msgid = now(world) * 1_000_000 + next_number(world)
    message = {
        "msgid": msgid,
        "openid": user.openid,
        "name": user.name,
        "template_id": template_id,
        "title": world.templates[template_id]["title"],
        "data": {key: holder["value"] for key, holder in call.body["data"].items() if isinstance(holder, dict)},
        "page": call.body.get("page") or "",
        "miniprogram_state": call.body.get("miniprogram_state", "formal"),
        "at": now(world),
    }
    world.messages.append(message)
    sent = {"TemplateId": template_id, "MsgID": str(msgid), "ErrorCode": "0", "ErrorStatus": "success"}
    later = world.settings.sent_event_seconds
    event = _event(world, user, "subscribe_msg_sent_event", [sent], at=now(world) + int(later))
    schedule(world, later, lambda: event)
    return msgid


def _refuse_request(world: World, user: User, ids: object) -> int | None:
    if not isinstance(ids, list) or not ids:
        return 10001
    if any(key not in list(world.templates) for key in ids):
        return 20001
    if len({bool(world.templates[key].get("long_term")) for key in ids}) > 1:
        return 20002
    if len(ids) > 5:
        return 20003
    return 20004 if user.switch == "off" else None


def _note_decision(world: World, user: User, key: str, decision: str) -> None:
    slot = (user.openid, key)
    if decision == "accept":
        world.quotas[slot] = 1 if world.templates[key].get("long_term") else world.quotas[slot] + 1
    if decision == "reject":
        world.quotas[slot] = 0


def _announce(world: World, user: User, name: str, decisions: dict[str, str]) -> None:
    scene = {"PopupScene": "0"} if name == "subscribe_msg_popup_event" else {}
    items = [{"TemplateId": key, "SubscribeStatusString": decision, **scene} for key, decision in decisions.items()]
    event = _event(world, user, name, items, at=now(world))
    schedule(world, 0, lambda: event)


def _event(world: World, user: User, name: str, items: list[dict[str, str]], *, at: int) -> dict[str, Any]:
    head = {"ToUserName": constants.ORIGINAL_ID, "FromUserName": user.openid, "CreateTime": str(at)}
    return {**head, "MsgType": "event", "Event": name, "List": items}
