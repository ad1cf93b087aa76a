"""Main tasks by keyboard alone: a broken roster repaired, a poster printed, a ledger fetched, an activity published. Nothing is clicked.

The others are with their subjects: twenty claims at once (test_today), registering on paper (test_registers), a call (test_residents).
"""

from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path

import openpyxl
import pypdfium2
import zxingcpp
from playwright.sync_api import Download, Page, expect
from sqlalchemy import select

from jobs import exports, posters
from server.db.base import reading, transaction
from server.db.models.codes import PosterPrint
from server.db.models.exports import Export
from server.db.models.people import Person
from server.db.models.tasks import Task
from server.domain.exports import EXPORTS, ExportKind
from server.domain.tasks import TaskState
from server.services import codes
from tests.browser import fill_figures
from tests.browser.conftest import Open
from tests.browser.fill_tasks import fill
from tests.browser.keys import FOCUSED, follow, go, skip, tab_to, write
from tests.factories.people import Tree
from tests.factories.roster_files import excel_file
from tests.factories.units import a_unit

HEADER = ("姓名", "手机", "工作单位", "所在支部", "居住社区")
GOOD = ("张三", "13800000001", "示例水务局", "第一支部", "示例社区")


def test_a_broken_roster_is_repaired_and_imported_by_keyboard(
    seated: Open, secretary: Person, tree: Tree, now: datetime, tmp_path: Path
) -> None:
    with transaction() as session:
        a_unit(session, now, tree)
    broken, repaired = tmp_path / "名册.xlsx", tmp_path / "名册改.xlsx"
    broken.write_bytes(excel_file([HEADER, GOOD, ("李四", "138", *GOOD[2:])]))
    repaired.write_bytes(excel_file([HEADER, GOOD, ("李四", "13800000002", *GOOD[2:])]))
    page = seated(secretary)
    page.on("filechooser", lambda _: None)  # from the beginning: who begins to listen as Space is pressed may be too late
    page.goto("/console/rosters")
    skip(page)
    follow(page, "上传名册")
    skip(page)
    _choose(page, broken)
    write(page, "示例县委组织部", "名册由谁提供")
    write(page, "   ", "依据什么提供")
    go(page)
    assert page.evaluate(FOCUSED)["name"].startswith("依据什么提供"), "the first wrong field has the focus"
    page.keyboard.insert_text("党员名册共享协议")
    _choose(page, broken, back=True)  # no browser keeps a chosen file
    follow(page, "上传并检查")
    expect(page.get_by_role("heading", name="1 行有错")).to_be_visible()
    skip(page)
    tab_to(page, "B6")
    page.keyboard.press("Enter")
    expect(page.locator("#B6")).to_be_focused()
    expect(page.locator("#B6")).to_contain_text("手机号应为 11 位")
    follow(page, "改好文件，重新上传", back=True)
    skip(page)
    _choose(page, repaired)
    tab_to(page, "依据什么提供")
    assert page.evaluate("document.activeElement.value") == "党员名册共享协议"
    go(page)
    skip(page)
    follow(page, "导入这 2 行")
    skip(page)
    follow(page, "看导入的人")
    for name in ("张三", "李四"):
        expect(page.get_by_role("rowheader", name=name)).to_be_visible()


def test_a_poster_is_printed_by_keyboard(seated: Open, secretary: Person, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        fill(session, tree, secretary, now)
    page = seated(secretary)
    page.goto("/console/codes")
    skip(page)
    follow(page, "打印清理三号楼楼道杂物")
    skip(page)
    tab_to(page, "纸张")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.selectedOptions[0].text") == "A3 纸（PDF）"
    follow(page, "打印", at="button")
    skip(page)
    tab_to(page, "现在看一下")
    with reading() as session:
        row = session.execute(select(PosterPrint).order_by(PosterPrint.id.desc()).limit(1)).scalar_one()
    posters.print_community(now, print_id=row.id)
    sheet = pypdfium2.PdfDocument(_fetched(page, "下载").path().read_bytes())
    (found,) = zxingcpp.read_barcodes(sheet[0].render(scale=2).to_pil(), formats=zxingcpp.BarcodeFormat.QRCode)
    sheet.close()
    with reading() as session:
        assert codes.resolve(session, found.text.rpartition("/")[2], now).code.label == "清理三号楼楼道杂物"


def test_a_ledger_is_chosen_made_and_fetched_by_keyboard(seated: Open, secretary: Person, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        fill_figures.fill(session, tree, secretary, now)
    page = seated(secretary)
    page.goto("/console/exports")
    skip(page)
    tab_to(page, at="[name=kind]")
    for _ in EXPORTS:
        if page.evaluate("document.activeElement.checked && document.activeElement.value") == ExportKind.UNITS:
            break
        page.keyboard.press("ArrowDown")
    follow(page, "生成 Excel")
    skip(page)
    tab_to(page, "现在看一下")
    with reading() as session:
        waiting = session.execute(select(Export.id).where(Export.sha256.is_(None))).scalars().all()
    for each in waiting:
        exports.make(now, export_id=each)
    sheet = openpyxl.load_workbook(io.BytesIO(_fetched(page, "下载 Excel").path().read_bytes())).worksheets[0]
    assert [sheet.cell(row, 2).value for row in (2, 3, 4)] == ["示例气象局", "示例小学", "示例银行"]


def test_last_month_s_activity_is_held_again_by_keyboard(seated: Open, secretary: Person, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        fill(session, tree, secretary, now)
    page = seated(secretary)
    page.goto("/console/tasks")
    skip(page)
    follow(page, "清理三号楼楼道杂物")
    skip(page)
    follow(page, "照样再办一次")
    skip(page)
    write(page, "清理五号楼楼道杂物", at="[name=title]")
    follow(page, "保存草稿")
    skip(page)
    follow(page, "发布", at="button")
    expect(page.get_by_role("status")).to_contain_text("已发布")
    with reading() as session:
        assert session.execute(select(Task.state).where(Task.title == "清理五号楼楼道杂物")).scalar_one() is TaskState.PUBLISHED


def _choose(page: Page, file: Path, *, back: bool = False) -> None:
    """The button of the file field opens the system's own window, which has keys of its own."""
    tab_to(page, "名册文件", back=back)
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files(file)


def _fetched(page: Page, name: str) -> Download:
    """The page looks again by itself: what had the focus becomes the download, and keeps it."""
    expect(page.locator("#look")).to_have_text(name, timeout=30_000)
    expect(page.locator("#look")).to_be_focused()
    with page.expect_download() as got:
        page.keyboard.press("Enter")
    return got.value
