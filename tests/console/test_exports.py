"""导出 at the desk: asked for, made by the job, fetched by who asked alone; both are kept, and names need a reason."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from typing import Any

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import select

from jobs import exports as job
from server import files
from server.db.base import reading, transaction
from server.db.models.exports import Export
from server.db.models.notices import Notice
from server.db.models.people import Person, RoleGrant
from server.db.models.platform import Event, Outbox
from server.domain.exports import EXPORTS, NAMES, ExportKind
from server.domain.permissions import Role
from server.services import exports, people, units
from tests.console.conftest import Seat, seat_of
from tests.console.support import HOSTILE
from tests.factories.people import Tree
from tests.factories.records import a_record
from tests.factories.registrations import a_member, a_unit


@pytest.fixture
def zhang(app: Flask, tree: Tree, now: datetime) -> Person:
    """张三 of 示例水务局, registered, with a service; his unit's contact is written down."""
    with transaction() as session:
        unit = a_unit(session, now, tree, "示例水务局")
        units.set_contact(unit, contact_name="王联络", contact_phone="13812345678")
        person = a_member(session, now, tree, "张三", unit=unit)
        a_record(session, now, tree, person)
        return person


def asked(seat: Seat, tree: Tree, kind: ExportKind, **over: str) -> str:
    """Ask for a file; its address."""
    form = {"kind": kind.value, "at": tree.community.public_id, "period": "quarter", "on": "2026-03-05", "reason": "", **over}
    seat.get("/console/exports")
    answer = seat.post("/console/exports", follow=False, **form)
    return str(answer.headers.get("Location", ""))


def made(now: datetime) -> None:
    """The job, for whatever waits."""
    with reading() as session:
        waiting = session.execute(select(Export.id)).scalars().all()
    for each in waiting:
        job.make(now, export_id=each)


def opened(seat: Seat, address: str) -> Any:
    answer = seat.client.get(f"{address}/file")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "private, no-store"
    return openpyxl.load_workbook(io.BytesIO(answer.data))


def test_a_ledger_is_asked_for_made_and_fetched(secretary: Seat, zhang: Person, tree: Tree, now: datetime) -> None:
    address = asked(secretary, tree, ExportKind.UNITS)
    secretary.get(address)
    assert "正在生成" in secretary.said
    assert secretary.client.get(f"{address}/file").status_code == 409
    made(now)
    secretary.get(address)
    assert ("已生成" in secretary.said, "正在生成" in secretary.said) == (True, False), "what was said at the start does not outlive it"
    sheet = opened(secretary, address).worksheets[0]
    assert tuple(cell.value for cell in sheet[1]) == EXPORTS[ExportKind.UNITS].columns
    assert sheet.cell(2, 2).value == "示例水务局"
    with reading() as session:
        kept = [
            (row.action, row.actor_id)
            for row in session.execute(select(Event).where(Event.subject_kind == "export").order_by(Event.id)).scalars()
        ]
    assert kept == [("ask", secretary.person.id), ("fetch", secretary.person.id)]


def test_every_sheet_says_who_took_it_out_and_when(secretary: Seat, zhang: Person, tree: Tree, now: datetime) -> None:
    address = asked(secretary, tree, ExportKind.MEMBERS, reason="核对一季度服务记录")
    made(now)
    book = opened(secretary, address)
    mark = "导出人：李书记　导出时间：2026-03-05 09:00　仅供工作使用，请勿外传"
    ledger, notes = book.worksheets
    assert ledger.cell(ledger.max_row, 1).value == mark
    for sheet in (ledger, notes):
        assert mark in sheet.oddHeader.right.text
        assert mark in sheet.oddFooter.left.text
    assert ("用途", "核对一季度服务记录") in {(row[0].value, row[1].value) for row in notes.iter_rows()}


def test_phones_are_masked_and_nothing_is_a_formula(secretary: Seat, zhang: Person, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        a_unit(session, now, tree, '=HYPERLINK("http://example.org","点我")')
        a_unit(session, now, tree, "+86 办公室")
        a_unit(session, now, tree, "@某某中心")
    address = asked(secretary, tree, ExportKind.UNITS)
    made(now)
    cells = [cell for row in opened(secretary, address).worksheets[0].iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n"}
    assert not [cell for cell in cells if cell.hyperlink]
    said = {str(cell.value) for cell in cells}
    assert {'=HYPERLINK("http://example.org","点我")', "+86 办公室", "@某某中心", "王联络 138****5678"} <= said
    assert not [text for text in said if "13812345678" in text or people.phone_of(zhang) in text]


@pytest.mark.parametrize("kind", [kind for kind in ExportKind if EXPORTS[kind].names])
def test_names_need_a_reason(secretary: Seat, tree: Tree, kind: ExportKind) -> None:
    assert asked(secretary, tree, kind, reason="  ") == ""
    assert secretary.status == 422
    assert "请写明为什么" in secretary.said
    assert f'value="{kind.value}"' in next(tag for tag in secretary.html.split("<input ") if tag.startswith("checked"))
    with reading() as session:
        assert session.execute(select(Export)).first() is None


@pytest.mark.parametrize("kind", list(ExportKind))
def test_every_kind_can_be_made_of_a_county(app: Flask, tree: Tree, zhang: Person, now: datetime, kind: ExportKind) -> None:
    county = seat_of(app, now, Role.COUNTY, tree.county)
    address = asked(county, tree, kind, at=tree.county.public_id, reason="核对全县数据")
    made(now)
    book = opened(county, address)
    assert tuple(cell.value for cell in book.worksheets[0][1]) == EXPORTS[kind].columns
    assert book.worksheets[0].max_row >= 2


def test_a_file_is_nobody_else_s(secretary: Seat, stranger: Seat, zhang: Person, tree: Tree, now: datetime) -> None:
    address = asked(secretary, tree, ExportKind.UNITS)
    made(now)
    colleague = seat_of(secretary.client.application, now, Role.SECRETARY, tree.community, "钱书记")
    for seat in (stranger, colleague):
        for path in (address, f"{address}/file", f"{address}/progress"):
            assert seat.get(path).status_code == 404, path
    assert asked(stranger, tree, ExportKind.UNITS) == ""
    assert stranger.status in (404, 422)


def test_who_lost_his_role_gets_nothing_more(secretary: Seat, zhang: Person, tree: Tree, now: datetime) -> None:
    """Asked for while he held it; what may stand in it is asked again when it is made."""
    address = asked(secretary, tree, ExportKind.UNITS)
    with transaction() as session:
        grant = session.execute(select(RoleGrant).where(RoleGrant.person_id == secretary.person.id)).scalar_one()
        grant.valid_to = now.date() - timedelta(days=1)
    made(now)
    with reading() as session:
        row = session.execute(select(Export)).scalar_one()
    assert (row.sha256, row.problem) == (None, "NOT_FOUND")
    assert secretary.get(address).status_code == 403


@pytest.mark.parametrize("kind", list(NAMES))
def test_names_are_fetched_by_who_may_still_read_them(secretary: Seat, zhang: Person, tree: Tree, now: datetime, kind: ExportKind) -> None:
    """Of a ledger open to whoever reads figures: made with names, asked again when it is fetched; without them it stays his."""
    address = asked(secretary, tree, kind)
    made(now)
    assert secretary.client.get(f"{address}/file").status_code == 200
    with transaction() as session:
        grant = session.execute(select(RoleGrant).where(RoleGrant.person_id == secretary.person.id)).scalar_one()
        grant.role, grant.node_id = Role.STREET, tree.street.id
    assert secretary.client.get(f"{address}/file").status_code == 404
    without = asked(secretary, tree, kind)
    made(now)
    assert secretary.client.get(f"{without}/file").status_code == 200


def test_the_job_runs_twice_and_makes_one_file(secretary: Seat, zhang: Person, tree: Tree, now: datetime) -> None:
    asked(secretary, tree, ExportKind.UNITS)
    made(now)
    with reading() as session:
        first = session.execute(select(Export)).scalar_one().sha256
    made(now)
    with reading() as session:
        assert session.execute(select(Export)).scalar_one().sha256 == first
        assert [row.job for row in session.execute(select(Outbox)).scalars() if row.job == "exports.make"] == ["exports.make"]


def test_who_waited_long_is_told(secretary: Seat, zhang: Person, tree: Tree, now: datetime) -> None:
    address = asked(secretary, tree, ExportKind.UNITS)
    made(now + timedelta(minutes=2))
    with reading() as session:
        told = session.execute(select(Notice).where(Notice.kind == "export_made")).scalar_one()
    assert address.endswith(told.subject_public_id)
    assert secretary.get(f"/console/go/{told.subject_kind}/{told.subject_public_id}").status_code == 200


def test_the_file_lies_sealed_and_goes_after_a_week(secretary: Seat, zhang: Person, tree: Tree, now: datetime) -> None:
    address = asked(secretary, tree, ExportKind.MEMBERS, reason="核对一季度服务记录")
    made(now)
    with reading() as session:
        row = session.execute(select(Export)).scalar_one()
    assert row.sha256 is not None
    assert not files.get(exports.area(row.public_id), row.sha256).startswith(b"PK")
    job.forget(now + timedelta(days=6))
    assert secretary.get(address).status_code == 200
    job.forget(now + timedelta(days=8))
    job.forget(now + timedelta(days=8))
    assert secretary.get(address).status_code == 404
    with pytest.raises(FileNotFoundError):
        files.get(exports.area(row.public_id), row.sha256)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_reasons_are_text(secretary: Seat, zhang: Person, tree: Tree, now: datetime, text: str) -> None:
    address = asked(secretary, tree, ExportKind.MEMBERS, reason=text)
    if not address:
        assert secretary.status == 422
        return
    made(now)
    secretary.get(address)
    assert "<script>alert" not in secretary.html
    assert "<b onmouseover" not in secretary.html
    assert not [cell for row in opened(secretary, address).worksheets[1].iter_rows() for cell in row if cell.data_type == "f"]


def test_a_double_click_asks_once(secretary: Seat, zhang: Person, tree: Tree) -> None:
    assert asked(secretary, tree, ExportKind.UNITS, once="abc") == asked(secretary, tree, ExportKind.UNITS, once="abc")
    with reading() as session:
        assert len(session.execute(select(Export)).all()) == 1


def test_a_street_reads_no_names(app: Flask, tree: Tree, zhang: Person, now: datetime) -> None:
    street = seat_of(app, now, Role.STREET, tree.street)
    street.get("/console/exports")
    assert "单位报到台账" in street.said
    assert "在职党员报到台账：" not in street.said
    assert asked(street, tree, ExportKind.MEMBERS, reason="核对一季度服务记录") == ""
    address = asked(street, tree, ExportKind.UNITS, at=tree.street.public_id)
    made(now)
    said = {str(cell.value) for row in opened(street, address).worksheets[0].iter_rows() for cell in row}
    assert "示例水务局" in said
    assert not [text for text in said if "王联络" in text]


@pytest.mark.parametrize("kind", ["members", "units", "wishes", "tasks", "requests"])
def test_a_list_leads_to_its_file(secretary: Seat, tree: Tree, kind: str) -> None:
    secretary.get(f"/console/{kind}")
    assert f'href="/console/exports?kind={kind}&amp;at={tree.community.public_id}"' in secretary.html
    secretary.get(f"/console/exports?kind={kind}&at={tree.community.public_id}")
    chosen = [tag for tag in secretary.html.split("<input ") if tag.startswith("checked")]
    assert [kind in tag for tag in chosen] == [True]


def test_an_organiser_is_offered_no_file(app: Flask, tree: Tree, now: datetime) -> None:
    organiser = seat_of(app, now, Role.ORGANISER, tree.community)
    assert organiser.get("/console/tasks").status_code == 200
    assert "/console/exports" not in organiser.html
    assert organiser.get("/console/exports").status_code == 403
