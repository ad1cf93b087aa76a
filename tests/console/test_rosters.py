"""名册导入 at the desk: what is wrong is shown in the sheet's own layout, kept, repaired, imported."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, select

from jobs import rosters as job
from server.db.base import reading, transaction
from server.db.models.rosters import RosterDraft, RosterEntry, RosterImport
from server.domain.permissions import Role
from tests.console.conftest import Seat, seat_of
from tests.console.support import HOSTILE, statements
from tests.factories.people import Tree
from tests.factories.roster_files import excel_file, plain_xlsx
from tests.factories.units import a_unit

HEADER = ("姓名", "手机", "工作单位", "所在支部", "居住社区")
GOOD = ("张三", "13800000001", "示例水务局", "第一支部", "示例社区")


@pytest.fixture(autouse=True)
def unit(app: Flask, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        a_unit(session, now, tree)


def upload(seat: Seat, data: bytes, name: str = "名册.xlsx", *, follow: bool = True, again: str = "", **over: str) -> str:
    """Send a file; the address one comes to."""
    address = "/console/rosters/new" + (f"?again={again}" if again else "")
    seat.get(address)
    node = re.search(r'<option (?:selected )?value="([0-9A-Z]+)">', seat.html)
    assert node is not None
    form: dict[str, Any] = {"kind": "members", "node": node.group(1), "supplied_by": "示例县委组织部", "basis": "名册共享协议", **over}
    answer = seat.post(address, follow=False, file=(io.BytesIO(data), name), **form)
    to = answer.headers.get("Location", "")
    if to and follow:
        seat.get(to)
    return to


def broken(rows: Sequence[Sequence[object]] = ()) -> bytes:
    """As Excel leaves it: the header in row 4; a wrong phone in B6, a missing unit in C7."""
    return excel_file([HEADER, GOOD, ("李四", "138", *GOOD[2:]), ("王五", "13800000003", "没有的单位", "", ""), *rows])


def entries() -> int:
    with reading() as session:
        return len(session.execute(select(RosterEntry.id)).all())


def test_errors_stand_in_the_sheet_s_own_cells(secretary: Seat, tree: Tree) -> None:
    upload(secretary, broken())
    assert secretary.status == 200
    assert "2 行有错，共 2 处" in secretary.said
    assert re.search(
        r'<td class="wrong-cell" id="B6" tabindex="-1"><span aria-hidden="true">✕</span> <bdi>138</bdi><small>', secretary.html
    )
    assert re.search(r'<td class="wrong-cell" id="C7"', secretary.html)
    assert '<a href="#B6">B6</a>' in secretary.html
    assert "只导入没有错的 1 行" in secretary.said
    assert entries() == 0


def test_the_good_rows_are_imported_without_a_second_upload(secretary: Seat, tree: Tree) -> None:
    to = upload(secretary, broken())
    secretary.post(f"{to}/import", once="x")
    assert "已导入" in secretary.said
    assert entries() == 1
    secretary.post(f"{to}/import", once="y")
    assert entries() == 1
    secretary.get("/console/rosters")
    assert re.search(r"名册.xlsx ，3月5日 09:00导入 党员名册 示例社区 示例县委组织部 3月5日 09:00 1 0 2", secretary.said)
    found = re.search(r"/console/rosters/imports/\w+", secretary.html)
    assert found is not None
    secretary.get(found.group())
    assert "B6 手机号" in secretary.said


def test_a_repaired_file_is_uploaded_again_without_typing_again(secretary: Seat, tree: Tree) -> None:
    to = upload(secretary, broken())
    secretary.get(f"/console/rosters/new?again={to.rsplit('/', 1)[1]}")
    assert 'value="示例县委组织部"' in secretary.html
    assert 'value="名册共享协议"' in secretary.html
    to = upload(secretary, excel_file([HEADER, GOOD]))
    assert "没有错，可以导入" in secretary.said
    secretary.post(f"{to}/import", once="x")
    assert entries() == 1


def test_a_long_sheet_stays_a_small_page_with_its_errors_page_by_page(secretary: Seat, tree: Tree) -> None:
    rows = [(chr(0x4E00 + n) + "长" * 20, f"138{n:08}" if n % 2 else "13", *GOOD[2:]) for n in range(2000)]
    to = upload(secretary, plain_xlsx([HEADER, *rows]))
    assert "1000 行有错" in secretary.said
    assert len(secretary.html.encode()) < 150_000
    pages = int(re.search(r"共 (\d+) 页", secretary.said).group(1))  # type: ignore[union-attr]
    seen: set[str] = set()
    for page in range(1, pages + 1):
        secretary.get(f"{to}?page={page}")
        seen |= set(re.findall(r'id="(B\d+)"', secretary.html))
        assert len(secretary.html.encode()) < 150_000
    assert len(seen) == 1000
    assert statements(lambda: secretary.get(f"{to}?page=2")) <= 12


def test_a_long_import_runs_as_a_job_that_one_can_watch(secretary: Seat, tree: Tree, now: datetime) -> None:
    rows = [(f"党员{chr(0x4E00 + n)}", f"138{n:08}", *GOOD[2:]) for n in range(400)]
    to = upload(secretary, plain_xlsx([HEADER, *rows]))
    secretary.post(f"{to}/import", once="x")
    assert "在排队" in secretary.said
    assert "<progress" in secretary.html
    secretary.get(f"{to}/progress")
    assert "看看到哪了" in secretary.said
    with reading() as session:
        draft_id = session.execute(select(RosterDraft.id)).scalar_one()
    job.import_draft(now, draft_id=draft_id)
    answer = secretary.client.get(f"{to}/progress", headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == to
    secretary.get(to)
    assert "新增 400" in secretary.said


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (b"", "名册.xlsx", "表头下面没有内容"),
        (b"not a workbook", "名册.doc", "不是 xlsx 或 CSV"),
        (b"PK\x03\x04rubbish", "名册.xlsx", "名册打不开"),
        (plain_xlsx([("姓名", "单位", "身份证号"), ("张三", "示例水务局", "1")]), "名册.xlsx", "C1 是证件号码列"),
        (plain_xlsx([("甲", "乙")]), "名册.xlsx", "没有找到表头"),
    ],
)
def test_a_file_that_is_none_is_refused_with_what_to_do(secretary: Seat, tree: Tree, data: bytes, name: str, said: str) -> None:
    assert upload(secretary, data, name, supplied_by="我打的字") == ""
    assert secretary.status >= 400
    assert said in secretary.said
    assert 'value="我打的字"' in secretary.html


def test_a_form_without_supplier_is_shown_again(secretary: Seat, tree: Tree) -> None:
    assert upload(secretary, broken(), supplied_by="", basis="协议甲") == ""
    assert "请填写这一项" in secretary.said
    assert 'value="协议甲"' in secretary.html


def test_hostile_cells_are_shown_as_what_they_are(secretary: Seat, tree: Tree) -> None:
    rows = [(text, "1", text, text, text) for text in HOSTILE]
    upload(secretary, plain_xlsx([HEADER, *rows]), name="<img src=x onerror=alert(1)>.xlsx")
    assert secretary.status == 200
    assert "<script>alert" not in secretary.html
    assert "<img src=x" not in secretary.html
    assert "&lt;script&gt;alert" in secretary.html
    assert "…（共 300 字）" in secretary.html


def test_an_upload_that_was_not_meant_is_deleted(secretary: Seat, tree: Tree) -> None:
    to = upload(secretary, broken())
    secretary.post(f"{to}/discard", once="x")
    assert "已删除这次上传" in secretary.said
    secretary.get(to)
    assert secretary.status == 404


def test_the_template_is_a_workbook(secretary: Seat, tree: Tree) -> None:
    answer = secretary.client.get("/console/rosters/templates/members")
    assert answer.data[:2] == b"PK"
    assert secretary.client.get("/console/rosters/templates/people").status_code == 404


def test_another_community_sees_nothing_of_it(secretary: Seat, stranger: Seat, tree: Tree) -> None:
    to = upload(secretary, broken())
    secretary.post(f"{to}/import", once="x")
    with reading() as session:
        made = session.execute(select(RosterImport.public_id)).scalar_one()
    draft = to.rsplit("/", 1)[1]
    for address in (to, f"{to}/progress", f"/console/rosters/imports/{made}", f"/console/rosters/new?again={draft}"):
        stranger.get(address)
        assert stranger.status == 404, address
    for address in (f"{to}/import", f"{to}/discard"):
        stranger.get("/console")
        stranger.post(address)
        assert stranger.status == 404, address
    stranger.get("/console/rosters")
    assert "名册.xlsx" not in stranger.said


def test_nobody_uploads_for_a_place_that_is_not_his(secretary: Seat, stranger: Seat, tree: Tree) -> None:
    assert upload(secretary, broken(), node=tree.neighbour.public_id) == ""
    assert "请从列出的里面选" in secretary.said
    with reading() as session:
        assert session.execute(select(RosterDraft.id)).first() is None


def test_a_street_that_only_reads_figures_has_no_rosters(app: Flask, tree: Tree, now: datetime) -> None:
    street = seat_of(app, now, Role.STREET, tree.street)
    street.get("/console/rosters")
    assert street.status == 403
    street.get("/console")
    assert "名册导入" not in street.said


def test_the_list_costs_the_same_for_many(secretary: Seat, tree: Tree, database: Engine) -> None:
    upload(secretary, broken())
    one = statements(lambda: secretary.get("/console/rosters"))
    for _ in range(3):
        upload(secretary, broken())
    assert statements(lambda: secretary.get("/console/rosters")) == one <= 12
