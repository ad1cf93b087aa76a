"""Staff who sign in by name and password."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import Done, Id, In, Instant, Out
from server.db.base import reading, transaction
from server.domain.permissions import Permission as P
from server.domain.problems import Problem
from server.services import people, staff

staff_resource = Resource("staff", "工作人员登录")
Password = Annotated[str, StringConstraints(min_length=1, max_length=128), Field(json_schema_extra={"format": "password"})]


class StaffSignInIn(In):
    """登录名和密码."""

    login: str = Field(min_length=1, max_length=64, examples=["county-01"])
    password: Password


class StaffSessionOut(Out):
    token: str = Field(description="放在 Authorization: Bearer 里")
    expires_at: Instant


class StaffLoginIn(In):
    """给一个已授角色的人开登录名."""

    person: Id = Field(description="人的编号")
    login: str = Field(min_length=3, max_length=32, description="小写字母、数字、点、横线", examples=["clerk-01"])


class StaffLoginOut(Out):
    login: str
    password: str = Field(description="一次性告知的密码，请本人尽快修改")


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
    problems=("LOGIN_FAILED", "LOGIN_LOCKED"),
)
def staff_sign_in(call: Call[StaffSignInIn]) -> StaffSessionOut:
    """工作人员登录：令牌 8 小时有效；连错 5 次锁定 15 分钟."""
    with reading() as session:
        found = staff.find(session, call.body.login)
    matched = staff.matches(found, call.body.password)
    with transaction() as session:
        code = staff.settle(session, found=found, matched=matched, now=call.now)
        token = staff.sign_in(session, found=found, now=call.now) if code is None and found is not None else ""
    if code is not None:
        raise Problem(code)
    return StaffSessionOut(token=token, expires_at=call.now + staff.LIFETIME)


@staff_resource.post(
    "/staff-logins",
    permission=P.ROLES_GRANT,
    body=StaffLoginIn,
    answer=StaffLoginOut,
    status=201,
    problems=("NOT_FOUND", "LOGIN_TAKEN"),
)
def create_staff_login(call: Call[StaffLoginIn]) -> StaffLoginOut:
    """开登录名；只能给自己有权任命的人开."""
    person = people.by_public_id(call.session, call.body.person)
    password = staff.create(call.session, person=person, login=call.body.login, actor=call.actor, now=call.now)
    return StaffLoginOut(login=call.body.login.lower(), password=password)


@staff_resource.post("/staff-logins/reset", permission=P.ROLES_GRANT, body=StaffResetIn, answer=StaffLoginOut, problems=("NOT_FOUND",))
def reset_staff_login(call: Call[StaffResetIn]) -> StaffLoginOut:
    """重置密码并解锁，此人的其他登录全部失效."""
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
    problems=("LOGIN_FAILED", "LOGIN_LOCKED", "NOT_FOUND", "PASSWORD_WEAK"),
)
def change_staff_password(call: Call[StaffPasswordIn]) -> Done:
    """修改自己的密码，此人的其他登录全部失效."""
    with reading() as session:
        found = staff.of_person(session, call.actor.id)
    if found is None:
        raise Problem("NOT_FOUND")
    matched = staff.matches(found, call.body.old)
    with transaction() as session:
        code = staff.settle(session, found=found, matched=matched, now=call.now)
    if code is not None:
        raise Problem(code)
    with transaction() as session:
        again = staff.find(session, found.login)
        if again is not None:
            staff.change(session, found=again, password=call.body.new, actor=call.actor, now=call.now)
    return Done()
