"""The desk by keyboard alone: twenty claims approved at once, taken back, the counts right; and the keys leave who types alone."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import expect
from sqlalchemy import func, select

from server import clock
from server.db.base import reading, transaction
from server.db.models.people import Person
from server.db.models.tasks import Claim, Task
from server.domain.tasks import ClaimState
from tests.browser.conftest import PHONE, Open, awake
from tests.browser.keys import go, skip, tab_to
from tests.factories.people import Tree, a_person
from tests.factories.registrations import a_registration, agree
from tests.factories.tasks import a_claim, a_task


@pytest.fixture
def claimed(tree: Tree, now: datetime) -> None:
    """Twenty-three people want to help."""
    with transaction() as session:
        task = a_task(session, now, tree, a_person(session, now, "王组织"), capacity=50)
        for number in range(23):
            a_claim(session, now, task, a_person(session, now, f"居民{number:02}"), ClaimState.PENDING)


def how_many(state: ClaimState) -> int:
    with reading() as session:
        return session.execute(select(func.count()).select_from(Claim).where(Claim.state == state)).scalar_one()


def taken() -> int:
    with reading() as session:
        return session.execute(select(Task.taken)).scalar_one()


@pytest.mark.usefixtures("claimed")
def test_twenty_claims_are_approved_and_taken_back_by_keyboard_alone(seated: Open, secretary: Person) -> None:
    page = seated(secretary)
    page.goto("/console")
    expect(page.get_by_role("link", name="待办 待办 23")).to_be_visible()
    skip(page)
    tab_to(page, "全选本页")
    page.keyboard.press("Space")
    expect(page.locator("[data-chosen]")).to_have_text("已选 20 条")
    go(page, "a")
    expect(page.locator("#said")).to_contain_text("已通过 20 条")
    assert (how_many(ClaimState.APPROVED), how_many(ClaimState.PENDING), taken()) == (20, 3, 23)
    expect(page.get_by_role("link", name="待办 待办 3")).to_be_visible()
    go(page, "u")
    expect(page.locator("#said")).to_contain_text("已撤销 20 条")
    assert (how_many(ClaimState.APPROVED), how_many(ClaimState.PENDING), taken()) == (0, 23, 23)


@pytest.mark.usefixtures("claimed")
def test_down_the_list_choosing_some_declining_one(seated: Open, secretary: Person) -> None:
    page = seated(secretary)
    page.goto("/console")
    for key in "jxjjx":
        page.keyboard.press(key)
    expect(page.locator("[data-chosen]")).to_have_text("已选 2 条")
    go(page, "a")
    expect(page.locator("#said")).to_contain_text("已通过 2 条")
    page.keyboard.press("j")
    page.keyboard.press("d")
    page.keyboard.press("Tab")
    page.keyboard.type("a just d typed x")
    go(page)
    expect(page.locator("#said")).to_contain_text("不通过 1 条")
    with reading() as session:
        assert session.execute(select(Claim.reason).where(Claim.state == ClaimState.DECLINED)).scalar_one() == "a just d typed x"
    assert how_many(ClaimState.APPROVED) == 2


@pytest.mark.usefixtures("claimed")
def test_enter_on_a_box_decides_nothing_and_the_keys_can_be_switched_off(seated: Open, secretary: Person) -> None:
    page = seated(secretary)
    page.goto("/console")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.locator("tr[data-duty] input[type=checkbox]").first.press("Enter")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_label("使用快捷键").uncheck()
    page.get_by_role("button", name="关闭").click()
    page.locator("tr[data-duty]").first.focus()
    page.keyboard.press("a")
    page.reload()
    assert how_many(ClaimState.PENDING) == 23


@pytest.mark.usefixtures("claimed")
def test_the_seconds_run_out_and_the_sentence_stays(seated: Open, secretary: Person, time: object) -> None:
    page = seated(secretary, viewport=PHONE)
    page.clock.install(time=clock.now())
    page.goto("/console")
    page.get_by_role("button", name=re.compile("^通过.*居民00")).click()
    expect(page.get_by_role("button", name="撤销")).to_be_visible()
    awake(page)
    page.clock.run_for(11_000)
    expect(page.get_by_role("button", name="撤销")).to_have_count(0)
    expect(page.locator("#said")).to_contain_text("已通过 1 条")


@pytest.mark.usefixtures("claimed")
def test_all_of_it_works_without_a_script(seated: Open, secretary: Person) -> None:
    page = seated(secretary, java_script_enabled=False)
    page.goto("/console")
    for box in page.locator("tr[data-duty] input[type=checkbox]").all()[:3]:
        box.check()
    page.get_by_role("button", name="通过所选").click()
    expect(page.locator("#said")).to_contain_text("已通过 3 条")
    page.get_by_role("button", name="撤销").click()
    expect(page.locator("#said")).to_contain_text("已撤销 3 条")
    assert how_many(ClaimState.PENDING) == 23


@pytest.mark.usefixtures("claimed")
def test_the_reasons_and_words_are_those_of_the_ticked_lines(seated: Open, secretary: Person, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        a_registration(session, now - timedelta(days=1), agree(session, now, a_person(session, now, "钱二")), tree.community)
    page = seated(secretary)
    page.goto("/console", wait_until="load")
    bulk, box = page.locator("#bulk"), page.locator("tr[data-duty] input[type=checkbox]")
    shown = "option:not(optgroup[hidden] option)"
    expect(bulk.locator(f"#why-all {shown}")).to_have_count(7)
    box.first.check()
    expect(bulk.locator("summary")).to_have_text("退回所选")
    expect(bulk.locator(f"#why-all {shown}")).to_have_text(
        ["请补充工作单位", "不住在本社区，请到居住地社区报到", "信息有误，请核对后重新提交", re.compile("其他")]
    )
    expect(bulk.locator("#why-all")).to_have_value("请补充工作单位")
    box.nth(1).check()
    expect(bulk.locator("summary")).to_have_text("退回、不通过所选")
    expect(bulk.locator(f"#why-all {shown}")).to_have_text([re.compile("其他")])
    box.first.uncheck()
    expect(bulk.locator("#why-all")).to_have_value("名额已满，请看看其他活动")
    bulk.locator("summary").click()
    bulk.get_by_role("button", name="确定不通过所选").click()
    expect(page.locator("#said")).to_contain_text("不通过 1 条")
    assert how_many(ClaimState.DECLINED) == 1
