"""我的登录: one's own sessions, password and authenticator at the desk (docs/rules.md §6)."""

from __future__ import annotations

from dataclasses import replace

from wtforms import PasswordField
from wtforms.validators import InputRequired

from server.console import forms, visitors
from server.console.desk import Answer, Call, Desk
from server.console.forms import Sheet, words
from server.console.views import sign_in_steps
from server.db.base import reading, transaction
from server.db.models.people import Person, StaffLogin
from server.domain import passwords
from server.domain.permissions import Permission as P
from server.domain.problems import PROBLEMS, Problem
from server.services import people, second_factors, sessions, staff

desk = Desk("account")
HOME = "/console/account"


def secret_word(label: str, *, hint: str = "") -> PasswordField:
    """A field whose text is never sent back."""
    return PasswordField(label, [InputRequired("请填写这一项")], description=hint)


class NewPasswordSheet(Sheet):
    """A new password, twice."""

    new_password = secret_word("新密码", hint="至少 10 位，大写字母、小写字母、数字、符号至少有三种；最近用过的五个不能再用")
    again_password = secret_word("再输入一次新密码")


class PasswordSheet(NewPasswordSheet):
    """The old password, too."""

    password = secret_word("现在的密码")


class LoginSheet(NewPasswordSheet):
    """The name as well, for who has none yet."""

    login = words("登录名", longest=32, hint="3 到 32 位小写字母、数字、点、横线，例如 clerk-01")


class ProofSheet(Sheet):
    """That it is he who sits there."""

    password = secret_word("现在的密码", hint="防止别人趁您离开时改动")


class AuthenticatorSheet(ProofSheet):
    """The same, and what the new authenticator shows."""

    code = words("验证器现在显示的六位数字", longest=12)


@desk.page("/account", permission=P.ME)
def account(call: Call) -> Answer:
    """Where one is signed in, and by what one may be."""
    found = staff.of_person(call.session, call.actor.id)
    left = second_factors.codes_left(call.session, found) if found is not None and found.totp_secret is not None else None
    rows = sessions.open_of(call.session, person_id=call.actor.id, now=call.now)
    by_scan = people.has_account(call.session, call.session.get_one(Person, call.actor.id))
    return call.show("console/account/home.html", rows=rows, mine=call.actor.session_id, login=found, codes_left=left, by_scan=by_scan)


@desk.action("/account/sessions/<id>/end", permission=P.ME)
def end_session(call: Call, id: str) -> Answer:  # noqa: A002 - the URL's word
    """Sign out somewhere else."""
    sessions.end_own(call.session, id, actor=call.actor, now=call.now)
    return call.done("已退出那一处", to=HOME)


@desk.action("/account/sessions/end-others", permission=P.ME)
def end_other_sessions(call: Call) -> Answer:
    """Sign out everywhere but here."""
    sessions.revoke_all(call.session, person_id=call.actor.id, now=call.now, keep=call.actor.session_id)
    return call.done("其他各处都已退出", to=HOME)


@desk.form("/account/password", permission=P.ME, transaction="own")
def password(call: Call) -> Answer:
    """A new password; all other sessions end."""
    found, sheet = _login(call), PasswordSheet(call.typed)
    if call.posted and sheet.validate() and _is_he(call, found, sheet.password) and _alike(sheet):
        with reading() as session:
            used = staff.used(session, found)
        hashed = staff.hashed(found.login, sheet.new_password.data, used)
        with transaction() as session:
            staff.change(session, found=staff.still(session, found), password=hashed, actor=call.actor, now=call.now)
        return call.done("密码已修改，其他各处都已退出", to=HOME)
    return _show(call, "console/account/password.html", sheet=sheet)


@desk.form("/account/login", permission=P.ME, transaction="own")
def own_login(call: Call) -> Answer:
    """A login he makes himself, or a new password for the one he forgot; for who has just signed in by his own phone."""
    with reading() as session:
        found, fresh = staff.of_person(session, call.actor.id), sessions.is_fresh(session, call.actor, call.now)
        if not people.has_account(session, session.get_one(Person, call.actor.id)):
            raise Problem("NOT_FOUND")
    sheet = (LoginSheet if found is None else NewPasswordSheet)(call.typed or None)
    if call.posted and sheet.validate() and _alike(sheet):
        _set_own(call, found, found.login if found is not None else sheet.login.data, sheet.new_password.data)
        return call.done("登录名和密码已设好，其他各处都已退出", to=HOME)
    forms.blame(sheet, call.problem)
    return _show(call, "console/account/login.html", sheet=sheet, login=found, fresh=fresh)


@desk.form("/account/authenticator", permission=P.ME, transaction="own")
def authenticator(call: Call) -> Answer:
    """An authenticator, the first or a new one in place of the old; ten recovery codes with it."""
    found, sheet, secret = _login(call), AuthenticatorSheet(call.typed), sign_in_steps.carried_secret()
    if call.posted and sheet.validate() and secret is not None and _is_he(call, found, sheet.password):
        codes = _enrolled(call, found, secret, sheet)
        if codes:
            return _show(call, "console/account/codes.html", codes=codes)
    return _show(call, "console/account/authenticator.html", sheet=sheet, **sign_in_steps.enrolment(found.login, secret))


@desk.form("/account/recovery-codes", permission=P.ME, transaction="own")
def recovery_codes(call: Call) -> Answer:
    """Ten fresh recovery codes; the old ones die."""
    found, sheet = _login(call), ProofSheet(call.typed)
    if found.totp_secret is None:
        raise Problem("NOT_FOUND")
    if call.posted and sheet.validate() and _is_he(call, found, sheet.password):
        with transaction() as session:
            codes = second_factors.new_codes(session, found=staff.still(session, found), actor=call.actor, now=call.now)
        return _show(call, "console/account/codes.html", codes=codes)
    return _show(call, "console/account/recovery.html", sheet=sheet)


def _login(call: Call) -> StaffLogin:
    """His login. Raises NOT_FOUND for who signs in by phone only."""
    with reading() as session:
        found = staff.of_person(session, call.actor.id)
    if found is None:
        raise Problem("NOT_FOUND")
    return found


def _is_he(call: Call, found: StaffLogin, field: PasswordField) -> bool:
    """Is this his password? A wrong one is said at the field and counts to the lock like any other."""
    matched = staff.matches(found, field.data)
    with transaction() as session:
        refused = staff.settle(session, login=found.login, found=found, matched=matched, now=call.now, device=visitors.known())
    if refused is not None:
        field.errors = ["现在的密码不对" if refused == "LOGIN_FAILED" else PROBLEMS[refused][1]]
    return refused is None


def _set_own(call: Call, found: StaffLogin | None, login: str, password: str) -> None:
    with reading() as session:
        used = staff.used(session, found) if found is not None else ()
    hashed = staff.hashed(passwords.login_name(login), password, used)
    with transaction() as session:
        person = session.get_one(Person, call.actor.id)
        staff.set_own(session, person=person, login=login, password=hashed, actor=call.actor, now=call.now)


def _enrolled(call: Call, found: StaffLogin, secret: str, sheet: AuthenticatorSheet) -> list[str]:
    """The recovery codes; none, and a word at the field, where the code is not the authenticator's."""
    try:
        with transaction() as session:
            row = staff.still(session, found)
            return second_factors.enrol(session, found=row, secret=secret, code=sheet.code.data, actor=call.actor, now=call.now)
    except Problem as problem:  # its kind would lead to the sign-in page
        sheet.code.errors = [problem.message]
        return []


def _alike(sheet: NewPasswordSheet) -> bool:
    if sheet.new_password.data != sheet.again_password.data:
        sheet.again_password.errors = [PROBLEMS["PASSWORD_DIFFERS"][1]]
    return not sheet.again_password.errors


def _show(call: Call, template: str, **values: object) -> Answer:
    """The page; what was typed wrong makes it a 422."""
    sheet = values.get("sheet")
    wrong = call.posted and isinstance(sheet, Sheet) and any(field.errors for field in sheet)
    with reading() as session:
        return replace(call, session=session).show(template, 422 if wrong else 200, **values)
