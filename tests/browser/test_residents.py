"""The residents' loop by keyboard alone: a telephone request is written down, judged, sent to somebody, and its way can be read."""

from __future__ import annotations

from datetime import datetime

import pytest
from playwright.sync_api import Page

from server.db.base import transaction
from server.db.models.people import Person
from tests.browser.conftest import Open
from tests.factories.people import Tree
from tests.factories.registrations import a_member

MOST = 150  # steps of the Tab key on one page


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the element has the focus; it must be seen to have it."""
    for _ in range(MOST):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none", selector
            return
    pytest.fail(f"Tab does not lead to {selector}")


def fill(page: Page, name: str, words: str) -> None:
    tab_to(page, f'[name="{name}"]')
    page.keyboard.insert_text(words)


def press(page: Page, selector: str) -> None:
    tab_to(page, selector)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_a_call_by_keyboard_from_the_telephone_to_the_timeline(seated: Open, tree: Tree, secretary: Person, now: datetime) -> None:
    with transaction() as session:
        member = a_member(session, now, tree, "赵建国").public_id
    page = seated(secretary)
    page.goto("/console/intake")
    fill(page, "name", "陈桂英")
    tab_to(page, "#category")
    page.keyboard.press("ArrowDown")
    fill(page, "content", "三楼楼道灯坏了一周，老人晚上不敢下楼")
    fill(page, "place", "3号楼")
    press(page, "main form button:not([name])")
    assert "已记下，单号" in page.inner_text("#said")

    press(page, 'a.button[href$="/triage"]')
    tab_to(page, '[name="difficulty"]')
    page.keyboard.press("ArrowLeft")
    press(page, "main form button")
    assert "已受理" in page.inner_text("#said")

    press(page, 'a.button[href$="/dispatch"]')
    tab_to(page, '[name="to"]')
    page.keyboard.press("Space")
    assert page.eval_on_selector('[name="to"]:checked', "box => box.value") == f"person:{member}"
    press(page, 'main form[method="post"] button')
    assert "已派出" in page.inner_text("#said")
    said = page.inner_text(".timeline")
    for words in ("提交", "研判，受理", "派单", "李书记"):
        assert words in said
    assert "等对方答复" in page.inner_text(".title-line")
