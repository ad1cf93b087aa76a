"""Signing in with a real browser: by the code's pixels and the phone API, by password and authenticator, back to what was typed before."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Page, expect

from server.db.base import transaction
from server.db.models.people import Person
from server.demo.client import Client, Refused
from server.domain.permissions import SYSTEM, Role
from server.services import people, roles, staff
from tests.browser.conftest import DESKTOP, PHONE, Open, axe, look
from tests.browser.test_axe import EXPLAINED
from tests.conftest import Time
from tests.factories.people import Tree
from tests.factories.registrations import a_member
from tests.factories.staff import code_of, without_second_factor
from tests.simulator import Simulator

PASSWORD = "Shili-2026-ok"


def a_login(now: datetime, person: Person) -> None:
    with transaction() as session:
        staff.create(session, person=person, login="lishuji", password=PASSWORD, actor=SYSTEM, now=now)


@pytest.fixture
def phone(base: str, simulator: Simulator, tree: Tree, now: datetime) -> Client:
    """A phone in the simulated WeChat, signed in over HTTP; its owner is made the secretary of 示例社区."""
    simulator.user("李书记")
    client = Client(base)
    made = client.post("/sessions", {"code": simulator.login_code("李书记")})
    client.token = made["token"]
    with transaction() as session:
        person = people.by_public_id(session, made["person"]["id"])
        people.set_name(person, "李书记")
        roles.grant(session, person=person, role=Role.SECRETARY, node=tree.community, actor=SYSTEM, now=now)
    return client


def in_the_picture(page: Page) -> str:
    """What a camera reads off the screen."""
    page.locator("#scan img").wait_for()
    found = zxingcpp.read_barcodes(Image.open(io.BytesIO(page.screenshot())))
    assert len(found) == 1
    return str(found[0].text)


def shown_number(page: Page) -> int:
    return int(page.locator("#scan .match").inner_text())


def test_the_phone_reads_the_screen_and_the_desk_opens(visitor: Open, base: str, phone: Client) -> None:
    page = visitor()
    page.goto("/console/members")  # whoever is not signed in is asked to, and gets there
    text, number = in_the_picture(page), shown_number(page)
    seen: Any = phone.post("/desk-sign-ins", {"tok": text})
    assert number in seen["numbers"]
    expect(page.locator("#scan")).to_contain_text("已扫码")
    assert shown_number(page) == number
    phone.post("/desk-sign-ins/agree", {"tok": text, "number": number})
    page.wait_for_url("**/console/members")
    expect(page.locator("summary", has_text="李书记")).to_be_visible()
    page.goto("/console/account")
    expect(page.get_by_role("row", name="手机小程序")).to_be_visible()
    expect(page.locator(".badge", has_text="这里")).to_be_visible()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_who_came_by_phone_makes_her_own_login(visitor: Open, phone: Client, time: Time, size: dict[str, int]) -> None:
    page = visitor(viewport=size)
    page.goto("/console/account")
    text, number = in_the_picture(page), shown_number(page)
    phone.post("/desk-sign-ins", {"tok": text})
    phone.post("/desk-sign-ins/agree", {"tok": text, "number": number})
    expect(page.get_by_role("heading", level=1)).to_have_text("我的登录")
    found = check(page, "account, no login")
    page.get_by_role("link", name="开一个登录名").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("开登录名")
    found += check(page, "make a login")
    for name, typed in (("login", "lishuji"), ("new_password", PASSWORD), ("again_password", PASSWORD)):
        page.locator(f'input[name="{name}"]').fill(typed)
    page.get_by_role("button", name="开登录名").click()
    expect(page.locator(".said.done")).to_contain_text("已设好")
    found += check(page, "account, own login")
    page.get_by_role("link", name="忘记了密码").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("设新密码")
    found += check(page, "forgotten")
    time.advance(minutes=10)
    page.reload()
    expect(page.get_by_text("重新扫码登录")).to_be_visible()
    found += check(page, "too late")
    assert found == []


def test_a_wrong_number_opens_nothing_and_another_code_does(visitor: Open, phone: Client) -> None:
    page = visitor()
    page.goto("/console/sign-in")
    text, number = in_the_picture(page), shown_number(page)
    seen: Any = phone.post("/desk-sign-ins", {"tok": text})
    with pytest.raises(Refused, match="SIGN_IN_NUMBER"):
        phone.post("/desk-sign-ins/agree", {"tok": text, "number": next(one for one in seen["numbers"] if one != number)})
    expect(page.locator("#scan")).to_contain_text("没有同意")
    page.get_by_role("button", name="换一个码").click()
    fresh = in_the_picture(page)
    assert fresh != text
    phone.post("/desk-sign-ins", {"tok": fresh})
    phone.post("/desk-sign-ins/agree", {"tok": fresh, "number": shown_number(page)})
    page.wait_for_url("**/console")


def test_without_a_script_the_buttons_do_it(visitor: Open, phone: Client) -> None:
    page = visitor(java_script_enabled=False)
    page.goto("/console/sign-in")
    page.get_by_role("button", name="显示登录码").click()
    text = in_the_picture(page)
    phone.post("/desk-sign-ins", {"tok": text})
    phone.post("/desk-sign-ins/agree", {"tok": text, "number": shown_number(page)})
    page.get_by_role("button", name="我已在手机上点过").click()
    assert page.url.endswith("/console")


def fill_sign_in(page: Page) -> None:
    page.get_by_role("textbox", name="登录名").fill("lishuji")
    page.get_by_role("textbox", name="密码").fill(PASSWORD)
    page.get_by_role("button", name="登录", exact=True).click()


def test_a_session_that_ends_in_the_middle_of_a_form_loses_nothing(
    seated: Open, secretary: Person, tree: Tree, now: datetime, time: Time
) -> None:
    a_login(now, secretary)
    with transaction() as session:
        without_second_factor(session, now)
        a_member(session, now, tree, "王队长")
    page = seated(secretary)
    page.goto("/console/teams/new")
    page.get_by_label("队伍名称").fill("晚霞红<b>志愿队</b>")
    page.get_by_label("类别").select_option(index=2)
    chosen = page.get_by_label("类别").input_value()
    page.get_by_label("队长").fill("王队长")
    time.advance(minutes=16)
    page.get_by_role("button", name="成立").click()
    expect(page.get_by_text("您刚才填写的内容还在")).to_be_visible()
    assert check(page, "draft") == []
    fill_sign_in(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("您填写的内容还在")
    assert check(page, "draft") == []
    assert page.locator('input[name="category"]').input_value() == chosen
    page.get_by_role("button", name="继续提交").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("晚霞红<b>志愿队</b>")
    expect(page.locator(".said.done")).to_contain_text("已成立")


@pytest.fixture
def login(secretary: Person, now: datetime, time: Time) -> None:
    """李书记's login, whose password has to be changed."""
    a_login(now, secretary)
    time.advance(days=90)


@pytest.mark.parametrize("chosen", ["light.normal", "dark.normal", "light.large"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.usefixtures("login")
def test_password_authenticator_and_recovery_codes(visitor: Open, base: str, time: Time, size: dict[str, int], chosen: str) -> None:
    """Every step in every look, axe on each; keyboard only."""
    page = visitor(viewport=size)
    look(page, base, chosen)
    page.goto("/console/sign-in")
    page.locator("#scan img").wait_for()
    found = check(page, "sign-in")
    page.get_by_role("textbox", name="登录名").fill("lishuji")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("设置自己的密码")
    found += check(page, "renew")
    for typed in ("Xiangjian-2027", "Xiangjian-2027"):
        page.keyboard.type(typed)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("绑定验证器")
    found += check(page, "enrol")
    link = zxingcpp.read_barcodes(Image.open(io.BytesIO(page.locator("img.code").screenshot())))[0].text
    assert link.startswith("otpauth://totp/")
    secret = link.split("secret=")[1].split("&")[0]
    page.get_by_label("六位数字").fill(code_of(secret, time.now))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("请抄下恢复码")
    found += check(page, "codes")
    page.get_by_role("link", name="已抄好").click()
    for name in ("account", "account/password", "account/authenticator", "account/recovery-codes"):
        page.goto(f"/console/{name}")
        found += check(page, name)
    page.goto("/console/account")
    page.locator("details.own > summary").click()
    page.get_by_role("button", name="退出登录").click()
    page.goto("/console/sign-in")
    page.get_by_role("textbox", name="登录名").fill("lishuji")
    page.get_by_role("textbox", name="密码").fill("Xiangjian-2027")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("输入验证码")
    found += check(page, "second")
    page.keyboard.type(code_of(secret, time.advance(seconds=30)))
    page.keyboard.press("Enter")
    page.wait_for_url("**/console")
    assert found == []


def check(page: Page, name: str) -> list[str]:
    """What axe finds and whether the page is wider than the screen."""
    violations, unsure = axe(page)
    incomplete = [line for line in unsure if not any(words in line for words in EXPLAINED)]
    wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return [f"{name}: {line}" for line in violations + incomplete] + ([f"{name}: wider than the screen"] if wide else [])
