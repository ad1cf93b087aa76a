"""人员 in a real browser: a broken roster is shown, repaired and imported; and somebody without a phone is registered by keyboard alone."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from playwright.sync_api import Page, expect

from server.db.base import transaction
from server.db.models.people import Person
from tests.browser.conftest import Open
from tests.browser.keys import follow, skip, tab_to, write
from tests.factories.people import Tree
from tests.factories.roster_files import excel_file
from tests.factories.units import a_unit

HEADER = ("姓名", "手机", "工作单位", "所在支部", "居住社区")
GOOD = ("张三", "13800000001", "示例水务局", "第一支部", "示例社区")


def test_a_broken_roster_is_repaired_and_imported(seated: Open, secretary: Person, tree: Tree, now: datetime, tmp_path: Path) -> None:
    with transaction() as session:
        a_unit(session, now, tree)
    broken, repaired = tmp_path / "名册.xlsx", tmp_path / "名册改.xlsx"
    broken.write_bytes(excel_file([HEADER, GOOD, ("李四", "138", *GOOD[2:]), ("王五", "13800000003", "没有的单位", "", "")]))
    repaired.write_bytes(excel_file([HEADER, GOOD, ("李四", "13800000002", *GOOD[2:]), ("王五", "13800000003", *GOOD[2:])]))
    page = seated(secretary)
    page.goto("/console/rosters")
    page.get_by_role("link", name="上传名册", exact=True).click()
    page.get_by_label("由谁提供").fill("示例县委组织部")
    page.get_by_label("依据什么").fill("党员名册共享协议")
    _send(page, broken)
    expect(page.get_by_role("heading", name="2 行有错")).to_be_visible()
    wrong = page.locator("td.wrong-cell")
    expect(wrong).to_have_count(2)
    assert [cell.get_attribute("id") for cell in wrong.all()] == ["B6", "C7"]
    page.get_by_role("link", name="B6").click()
    expect(page.locator("#B6")).to_be_in_viewport()
    expect(page.locator("#B6")).to_contain_text("手机号应为 11 位")
    page.get_by_role("link", name="改好文件，重新上传").click()
    expect(page.get_by_label("由谁提供")).to_have_value("示例县委组织部")
    _send(page, repaired)
    page.get_by_role("button", name="导入这 3 行").click()
    expect(page.get_by_role("heading", name="已导入")).to_be_visible()
    page.get_by_role("link", name="看导入的人").click()
    for name in ("张三", "李四", "王五"):
        expect(page.get_by_role("rowheader", name=name)).to_be_visible()


def test_somebody_without_a_phone_is_registered_by_keyboard_alone(seated: Open, secretary: Person, tree: Tree) -> None:
    page = seated(secretary)
    page.goto("/console/members")
    skip(page)
    follow(page, "代为报到")
    skip(page)
    write(page, "赵大爷", "姓名")
    tab_to(page, "在登记表上签了名")
    page.keyboard.press("Space")
    write(page, "示例小区3幢", "住址")
    follow(page, "报到", at="button")
    expect(page.get_by_role("status")).to_contain_text("赵大爷的报到已提交")
    expect(page.get_by_role("heading", level=1)).to_have_text("赵大爷")


def _send(page: Page, file: Path) -> None:
    page.get_by_label("名册文件").set_input_files(file)
    page.get_by_role("button", name="上传并检查").click()
