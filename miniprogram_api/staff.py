"""Staff who sign in by name and password."""

from __future__ import annotations

from typing import Annotated

from flask import request
from pydantic import Field, StringConstraints

from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import Done, Id, In, Instant, Out
from server import limits
from server.db.base import reading, transaction
from server.db.models.people import StaffLogin
from server.domain.permissions import Actor
from server.domain.permissions import Permission as P
from server.domain.problems import Problem
from server.services import people, staff

staff_resource = Resource("staff", "工作人员登录")
ASKED = {staff.Step.SECOND: "CODE_REQUIRED", staff.Step.RENEW: "PASSWORD_OLD", staff.Step.ENROL: "SECOND_FACTOR_MISSING"}
Password = Annotated[str, StringConstraints(min_length=1, max_length=128), Field(json_schema_extra={"format": "password"})]


class StaffSignInIn(In):
    """登录名和密码；绑定了验证器的再加验证码；首次登录或密码满九十天时再加自己的新密码."""

    login: str = Field(min_length=1, max_length=64, examples=["county-01"])
    password: Password
    code: str | None = Field(None, min_length=6, max_length=24, description="验证器里的六位验证码，或一个恢复码", examples=["492039"])
    new: Password | None = Field(None, description="自己的新密码：至少 10 位，大写、小写、数字、符号至少三种")


class StaffSessionOut(Out):
    token: str = Field(description="放在 Authorization: Bearer 里")
    expires_at: Instant


class StaffLoginIn(In):
    """给一个已授角色的人开登录名."""

    person: Id = Field(description="人的编号")
    login: str = Field(min_length=3, max_length=32, description="小写字母、数字、点、横线", examples=["clerk-01"])


class StaffLoginOut(Out):
    login: str
    password: str = Field(description="一次性告知的密码；本人首次登录时必须换成自己的")


class StaffResetIn(In):
    """忘记密码或被锁定."""

    login: str = Field(min_length=3, max_length=32)


class StaffPasswordIn(In):
    """修改自己的密码."""

    old: Password
    new: Password = Field(description="至少 10 位，大写、小写、数字、符号至少三种")


@staff_resource.post(
    "/staff-sessions",
    public=True,
    transaction="own",
    body=StaffSignInIn,
    answer=StaffSessionOut,
    status=201,
    problems=("CODE_REQUIRED", "CODE_WRONG", "LOGIN_FAILED", "LOGIN_LOCKED", "PASSWORD_OLD", "PASSWORD_USED", "PASSWORD_WEAK",
              "SECOND_FACTOR_MISSING"),
)  # fmt: skip
def staff_sign_in(call: Call[StaffSignInIn]) -> StaffSessionOut:
    """工作人员登录：令牌 8 小时有效，15 分钟不用即失效；连错 5 次锁定 15 分钟."""
    limits.spend(f"sign-in:{request.remote_addr}", limits.SIGN_INS_PER_ADDRESS)
    found = _proven(call, call.body.login, call.body.password)
    proven = _proven_twice(call, found)
    hashed = _renewed(call, found)
    with transaction() as session:
        row = staff.still(session, found)
        if hashed is not None:
            staff.change(session, found=row, password=hashed, actor=Actor(found.person_id), now=call.now)
        left = staff.outstanding(session, row, proven=proven, now=call.now)
        if left is not None:
            raise Problem(ASKED[left])
        return StaffSessionOut(token=staff.sign_in(session, found=row, now=call.now), expires_at=call.now + staff.LIFETIME)


def _proven(call: Call[StaffSignInIn] | Call[StaffPasswordIn], login: str | None, password: str) -> StaffLogin:
    """The login whose password this is. Raises LOGIN_FAILED, LOGIN_LOCKED, NOT_FOUND (no login of his own)."""
    with reading() as session:
        found = staff.find(session, login) if login is not None else staff.of_person(session, call.actor.id)
    if login is None and found is None:
        raise Problem("NOT_FOUND")
    matched = staff.matches(found, password)
    tried = login or (found.login if found is not None else "")
    with transaction() as session:
        code = staff.settle(session, login=tried, found=found, matched=matched, now=call.now)
    if code is not None or found is None:
        raise Problem(code or "LOGIN_FAILED")
    return found


def _proven_twice(call: Call[StaffSignInIn], found: StaffLogin) -> bool:
    """Was the authenticator's code sent, too? Raises CODE_WRONG, LOGIN_LOCKED."""
    if call.body.code is None or found.totp_secret is None:
        return False
    with transaction() as session:
        code = staff.settle_code(session, found=found, code=call.body.code, now=call.now)
    if code is not None:
        raise Problem(code)
    return True


def _renewed(call: Call[StaffSignInIn], found: StaffLogin) -> staff.Hashed | None:
    """The new password, where one was sent; nothing is changed while the authenticator's code is missing."""
    if call.body.new is None or (found.totp_secret is not None and call.body.code is None):
        return None
    with reading() as session:
        used = staff.used(session, found)
    return staff.hashed(found.login, call.body.new, used)


@staff_resource.post(
    "/staff-logins",
    permission=P.ROLES_GRANT,
    body=StaffLoginIn,
    answer=StaffLoginOut,
    status=201,
    problems=("NOT_FOUND", "LOGIN_OF_HIS_OWN", "LOGIN_TAKEN"),
)
def create_staff_login(call: Call[StaffLoginIn]) -> StaffLoginOut:
    """开登录名；只能给自己有权任命、没有自己微信账号的人开：有微信的人扫码登录，密码自己在电脑上设."""
    person = people.by_public_id(call.session, call.body.person)
    password = staff.create(call.session, person=person, login=call.body.login, actor=call.actor, now=call.now)
    return StaffLoginOut(login=call.body.login.lower(), password=password)


@staff_resource.post(
    "/staff-logins/reset",
    permission=P.ROLES_GRANT,
    body=StaffResetIn,
    answer=StaffLoginOut,
    problems=("NOT_FOUND", "LOGIN_OF_HIS_OWN"),
)
def reset_staff_login(call: Call[StaffResetIn]) -> StaffLoginOut:
    """重置密码并解锁，解除验证器（本人重新绑定），此人的其他登录全部失效；有自己微信账号的人只能自己设."""
    found = staff.find(call.session, call.body.login)
    if found is None:
        raise Problem("NOT_FOUND")
    return StaffLoginOut(login=found.login, password=staff.reset(call.session, found=found, actor=call.actor, now=call.now))


@staff_resource.put(
    "/staff-logins/password",
    permission=P.ME,
    transaction="own",
    body=StaffPasswordIn,
    answer=Done,
    problems=("LOGIN_FAILED", "LOGIN_LOCKED", "NOT_FOUND", "PASSWORD_USED", "PASSWORD_WEAK"),
)
def change_staff_password(call: Call[StaffPasswordIn]) -> Done:
    """修改自己的密码，此人的其他登录全部失效."""
    found = _proven(call, None, call.body.old)
    with reading() as session:
        used = staff.used(session, found)
    hashed = staff.hashed(found.login, call.body.new, used)
    with transaction() as session:
        staff.change(session, found=staff.still(session, found), password=hashed, actor=call.actor, now=call.now)
    return Done()
