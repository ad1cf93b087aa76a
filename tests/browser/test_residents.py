"""The residents' loop by keyboard alone: a telephone request is written down, judged, sent to somebody, and its way can be read."""

from __future__ import annotations

from datetime import datetime

from server.db.base import transaction
from server.db.models.people import Person
from tests.browser.conftest import Open
from tests.browser.keys import follow, skip, tab_to, write
from tests.factories.people import Tree
from tests.factories.registrations import a_member


def test_a_call_by_keyboard_from_the_telephone_to_the_timeline(seated: Open, tree: Tree, secretary: Person, now: datetime) -> None:
    with transaction() as session:
        member = a_member(session, now, tree, "赵建国").public_id
    page = seated(secretary)
    page.goto("/console/intake")
    skip(page)
    write(page, "陈桂英", at="[name=name]")
    tab_to(page, at="#category")
    page.keyboard.press("ArrowDown")  # from 请选择 to the first
    page.keyboard.press("ArrowDown")
    write(page, "三楼楼道灯坏了一周，老人晚上不敢下楼", at="[name=content]")
    write(page, "3号楼", at="[name=place]")
    follow(page, "记下", at="button")
    assert "已记下，单号" in page.inner_text("#said")

    skip(page)
    follow(page, at='a.button[href$="/triage"]')
    skip(page)
    tab_to(page, at="[name=difficulty]")
    page.keyboard.press("ArrowLeft")
    follow(page, "受理")
    assert "已受理" in page.inner_text("#said")

    skip(page)
    follow(page, at='a.button[href$="/dispatch"]')
    skip(page)
    tab_to(page, at="[name=to]")
    page.keyboard.press("Space")
    assert page.eval_on_selector('[name="to"]:checked', "box => box.value") == f"person:{member}"
    follow(page, "派单", at="button")
    assert "已派出" in page.inner_text("#said")
    said = page.inner_text(".timeline")
    for words in ("提交", "研判，受理", "派单", "李书记"):
        assert words in said
    assert "等对方答复" in page.inner_text(".title-line")
