"""数据 in a real browser: the pictures say what the tables say, and a ledger is asked for, waited for and read."""

from __future__ import annotations

import io
import json
from datetime import datetime

import openpyxl
from sqlalchemy import select

from jobs import exports as job
from server.db.base import reading, transaction
from server.db.models.exports import Export
from server.db.models.people import Person
from server.domain.exports import EXPORTS, ExportKind
from tests.browser import fill_figures
from tests.browser.conftest import Open
from tests.factories.people import Tree


def test_pictures_say_what_the_tables_say(seated: Open, tree: Tree, secretary: Person, now: datetime) -> None:
    with transaction() as session:
        fill_figures.fill(session, tree, secretary, now)
    page = seated(secretary)
    page.goto("/console/figures")
    group = page.locator("section", has=page.get_by_role("heading", name="报到", exact=True))
    picture = group.locator("[data-chart]")
    data = json.loads(picture.get_attribute("data-chart") or "")
    shown = [cell.inner_text().strip() for cell in group.locator('td[data-label="本期"]').all()]
    assert [f"{value}%" for value in data["series"][0]["values"]] == shown == ["66.7%", "75.0%"]
    assert "单位报到率本期 66.7%" in (picture.get_attribute("aria-label") or "")
    canvas = picture.locator("canvas").first
    painted = canvas.evaluate("(c) => new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size")
    assert painted > 10, "an empty canvas has one colour"
    colours = {page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--chart-1')")}
    page.context.add_cookies([{"name": "gj_look", "value": "dark.normal", "url": page.url}])
    page.reload()
    colours.add(page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--chart-1')"))
    assert len(colours) == 2


def test_a_ledger_is_asked_for_waited_for_and_read(seated: Open, tree: Tree, secretary: Person, now: datetime) -> None:
    with transaction() as session:
        fill_figures.fill(session, tree, secretary, now)
    page = seated(secretary)
    page.goto("/console/units")
    page.get_by_role("link", name="导出 Excel").click()
    page.get_by_role("button", name="生成 Excel").click()
    page.get_by_role("progressbar").wait_for()
    with reading() as session:
        waiting = session.execute(select(Export.id).where(Export.sha256.is_(None))).scalars().all()
    for each in waiting:  # the worker
        job.make(now, export_id=each)
    with page.expect_download() as got:  # the page looks again by itself
        page.get_by_role("link", name="下载 Excel").click()
    assert got.value.suggested_filename == "单位报到台账-2026-03-05.xlsx"
    sheet = openpyxl.load_workbook(io.BytesIO(got.value.path().read_bytes())).worksheets[0]
    assert tuple(cell.value for cell in sheet[1]) == EXPORTS[ExportKind.UNITS].columns
    assert [sheet.cell(row, 2).value for row in (2, 3, 4)] == ["示例气象局", "示例小学", "示例银行"]
    assert [sheet.cell(row, 11).value for row in (2, 3, 4)] == ["75.0%"] * 3
