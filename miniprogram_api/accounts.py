"""Signing in, the phone, what a person says of himself, and his consents."""

from __future__ import annotations

from flask import current_app
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from miniprogram_api import account_schemas as s
from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import Done
from server import wechat
from server.db.base import reading, transaction
from server.db.models.people import Person
from server.domain.consents import TEXTS
from server.domain.people import Purpose
from server.domain.permissions import Permission as P
from server.domain.problems import PROBLEMS
from server.services import accounts, bindings, consents, profiles
from server.services.accounts import SignedIn
from server.services.bindings import Outcome

accounts_resource = Resource("accounts", "登录、本人资料与同意书")


@accounts_resource.post(
    "/sessions", public=True, transaction="own", body=s.SignInIn, answer=s.SessionOut, status=201, problems=("UNAVAILABLE",)
)
def sign_in(call: Call[s.SignInIn]) -> s.SessionOut:
    """登录：wx.login 的 code 换取本系统令牌.

    先问微信，再开事务。微信不认 code 时是 422，`code` 以 WECHAT_ 开头；微信没有答复时是 503。
    code 五分钟内有效、只能用一次；三十秒内重发得到同一个微信账号。令牌 30 天有效，可用 DELETE /sessions/current 退出。
    """
    openid = wechat.current().login(call.body.code).openid
    try:
        return _open_session(call, openid)
    except IntegrityError:  # the same account's first sign-in came in twice at once: now it is there
        return _open_session(call, openid)


@accounts_resource.post(
    "/me/phone",
    permission=P.ME,
    transaction="own",
    body=s.PhoneIn,
    answer=s.PhoneOut,
    problems=("CONSENT_REQUIRED", "PHONE_TAKEN", "NOT_FOUND", "UNAVAILABLE"),
)
def take_phone(call: Call[s.PhoneIn]) -> s.PhoneOut:
    """授权手机号并与名册核对.

    需先同意 service。名册里恰有一人用这个号码则立即绑定；没有或不止一人时号码照样保存，`bound` 为 false，下一步提交核对申请。
    """
    appid = _appid()
    with reading() as session:
        consents.require(session, person_id=call.actor.id, purpose=Purpose.SERVICE)
        openid = accounts.openid_of(session, person_id=call.actor.id, appid=appid)
    phone = wechat.current().phone_number(call.body.code, openid)
    with transaction() as session:
        person = session.get_one(Person, call.actor.id)
        person, outcome = accounts.take_phone(session, person=person, phone=phone, actor=call.actor, now=call.now)
        return _phone_answer(session, person, outcome)


@accounts_resource.get("/me", permission=P.ME, answer=s.MeOut)
def who_am_i(call: Call[None]) -> s.MeOut:
    """本人资料：姓名、绑定、报到、角色与已给的同意."""
    return s.me(profiles.of(call.session, person=call.session.get_one(Person, call.actor.id), now=call.now))


@accounts_resource.put("/me", permission=P.ME, body=s.MeIn, answer=s.MeOut, problems=("CONSENT_REQUIRED", "NAME_ON_ROSTER"))
def change_me(call: Call[s.MeIn]) -> s.MeOut:
    """修改姓名或长辈版开关；已与名册核对的姓名以名册为准."""
    person = call.session.get_one(Person, call.actor.id)
    accounts.describe(call.session, person=person, actor=call.actor, now=call.now, name=call.body.name, elder=call.body.elder)
    return s.me(profiles.of(call.session, person=person, now=call.now))


@accounts_resource.get("/consent-texts", public=True, answer=s.ConsentTextsOut)
def consent_texts(call: Call[None]) -> s.ConsentTextsOut:
    """个人信息使用说明：每个用途一份，收集任何信息之前先给人看."""
    return s.ConsentTextsOut(items=[s.text(purpose, text) for purpose, text in TEXTS.items()])


@accounts_resource.get("/me/consents", permission=P.ME, answer=s.ConsentsOut)
def my_consents(call: Call[None]) -> s.ConsentsOut:
    """本人现行的同意."""
    return s.ConsentsOut(items=[s.consent(row) for row in consents.of(call.session, person_id=call.actor.id)])


@accounts_resource.post("/me/consents", permission=P.ME, body=s.ConsentIn, answer=s.ConsentOut, status=201, problems=("CONSENT_OUTDATED",))
def give_consent(call: Call[s.ConsentIn]) -> s.ConsentOut:
    """同意一个用途；重复同意不变."""
    person = call.session.get_one(Person, call.actor.id)
    given = consents.give(call.session, person=person, purpose=call.body.purpose, version=call.body.version, actor=call.actor, now=call.now)
    return s.consent(given)


@accounts_resource.delete("/me/consents/<purpose>", permission=P.ME, answer=Done)
def withdraw_consent(call: Call[None], purpose: str) -> Done:
    """撤回一个用途的同意，立即生效."""
    person = call.session.get_one(Person, call.actor.id)
    consents.withdraw(call.session, person=person, purpose=s.purpose_of(purpose), actor=call.actor, now=call.now)
    return Done()


def _open_session(call: Call[s.SignInIn], openid: str) -> s.SessionOut:
    with transaction() as session:
        made: SignedIn = accounts.sign_in(session, appid=_appid(), openid=openid, now=call.now)
        profile = profiles.of(session, person=made.person, now=call.now)
        return s.SessionOut(token=made.token, expires_at=made.expires_at, person=s.me(profile))


def _phone_answer(session: Session, person: Person, outcome: Outcome) -> s.PhoneOut:
    if outcome is Outcome.BOUND:
        entry = bindings.of(session, person_id=person.id)
        return s.PhoneOut(bound=True, person_id=person.public_id, name=bindings.name_of(entry) if entry else None)
    message = PROBLEMS[outcome.value][1]
    return s.PhoneOut(bound=False, person_id=person.public_id, next="binding_request", reason=outcome.value, message=message)


def _appid() -> str:
    return str(current_app.config["SETTINGS"].wechat.appid)
