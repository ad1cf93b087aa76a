"""One-use codes: login codes and phone codes, five minutes each, never interchangeable; and the session behind a login."""

import base64
import json
from typing import Any

from server.wechat.simulator.crypto import sign_raw_data, sign_session
from server.wechat.simulator.envelope import Call, succeed, text
from server.wechat.simulator.tokens import check_app
from server.wechat.simulator.world import Code, Failure, User, World, count_call, draw, find_user, now

LIFE = 300


def give_login_code(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """wx.login on a user's phone; it counts as a visit."""
    user = find_user(world, given.get("user"))
    user.last_visit = now(world)
    code = draw(world, 32)
    world.login_codes[code] = Code(given.get("appid") or world.options.appid, user.openid, now(world))
    return {"code": code, "errMsg": "login:ok"}


def give_phone_code(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """The phone-number button; a user without a number, or who denies, gives none."""
    user = find_user(world, given.get("user"))
    user.last_visit = now(world)
    if given.get("deny") or not user.phone:
        return {"errMsg": "getPhoneNumber:fail user deny"}
    code = draw(world, 64, "0123456789abcdef")
    world.phone_codes[code] = Code(given.get("appid") or world.options.appid, user.openid, now(world))
    return {"code": code, "errMsg": "getPhoneNumber:ok"}


def exchange_login(world: World, call: Call) -> dict[str, Any]:
    """`GET /sns/jscode2session`: only the query is read, so a POSTed form misses its appid."""
    check_app(world, call.query)
    if call.query.get("grant_type") != "authorization_code":
        raise Failure(40002)
    if not call.query.get("js_code"):
        raise Failure(41008)
    user = world.users[_use_login(world, call.query["js_code"]).openid]
    answer = {"session_key": _session_key(world, user), "openid": user.openid}
    return answer | ({"unionid": user.unionid} if world.settings.unionid else {})


def exchange_phone(world: World, call: Call) -> dict[str, Any]:
    """`POST /wxa/business/getuserphonenumber`: every failure of the code is 40029, another mini-program's is 40013."""
    code = world.phone_codes.get(text(call, "code", 40029))
    if code is not None and code.appid != world.options.appid:
        raise Failure(40013)
    if code is None or code.used or _expired(world, code) or call.body.get("openid", code.openid) != code.openid:
        raise Failure(40029, "invalid code hint: [simulated]")
    code.used = True
    phone = world.users[code.openid].phone
    watermark = {"timestamp": now(world), "appid": code.appid}
    numbers = {"phoneNumber": phone, "purePhoneNumber": phone, "countryCode": "86"}
    return succeed(phone_info={**numbers, "watermark": watermark})


def check_session(world: World, call: Call) -> dict[str, Any]:
    """`GET /wxa/checksession`: is the signature that of the living session key?"""
    user = world.users.get(call.query.get("openid", ""))
    if user is None:
        raise Failure(40003)
    right = call.query.get("sig_method") == "hmac_sha256" and call.query.get("signature") == sign_session(user.session_key)
    if not user.session_key or not right:
        raise Failure(87009)
    return succeed()


def give_userinfo(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """`rawData` and its signature under the session key of the user's last login."""
    user = find_user(world, given.get("user"))
    if not user.session_key:
        return {"errMsg": "getUserInfo:fail no session"}
    raw = json.dumps({"nickName": user.name, "language": "zh_CN"}, ensure_ascii=False, separators=(",", ":"))
    return {"rawData": raw, "signature": sign_raw_data(raw, user.session_key), "errMsg": "getUserInfo:ok"}


def _use_login(world: World, value: str) -> Code:
    code = world.login_codes.get(value)
    if code is None or code.appid != world.options.appid:
        raise Failure(40029)
    if code.used:
        raise Failure(40163)
    if _expired(world, code):
        raise Failure(40029)
    count_call(world, f"login {code.openid}", [("minute", 100, 45011)])
    if world.users[code.openid].blocked:
        raise Failure(40226)
    code.used = True
    return code


def _expired(world: World, code: Code) -> bool:
    return now(world) - code.issued >= LIFE


def _session_key(world: World, user: User) -> str:
    if not user.session_key or now(world) - user.session_at >= 60:
        user.session_key = base64.b64encode(world.chance.randbytes(16)).decode()
        user.session_at = now(world)
    return user.session_key
