"""Rosters that are not what they say: nobody comes in by them, nothing outside is read."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import openpyxl
import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from server.db.base import reading
from server.db.models.rosters import RosterEntry
from server.services import bindings
from tests.hostile import calls
from tests.hostile.test_bodies import shape
from tests.hostile.test_files import HOSTILE_NAMES, HTML
from tests.hostile.world import World, picture

pytestmark = pytest.mark.usefixtures("unlimited")


def book(*sheets: list[list[Any]]) -> bytes:
    made = openpyxl.Workbook()
    made.remove(made.active)
    for number, lines in enumerate(sheets):
        sheet = made.create_sheet(f"表{number}")
        for line in lines:
            sheet.append(line)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


HEADER = ["姓名", "手机号", "工作单位"]
ROW = ["吕新来", "13611112222", "示例水务局"]


def rewritten(data: bytes, **parts: bytes) -> bytes:
    """A workbook with parts replaced or added; `__` in a name is a slash, `_x_` a dot."""
    out = io.BytesIO()
    named = {name.replace("__", "/").replace("_x_", "."): content for name, content in parts.items()}
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            if item.filename not in named:
                new.writestr(item.filename, old.read(item))
        for name, content in named.items():
            new.writestr(name, content)
    return out.getvalue()


def xxe() -> bytes:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 8}">' for n in range(1, 9))
    document = f'<!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY e0 "aaaaaaaa">{entities}]>'
    cell = '<row r="1"><c r="A1" t="inlineStr"><is><t>&x;&e8;</t></is></c></row>'
    body = f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{cell}</sheetData></worksheet>'
    sheet = f'<?xml version="1.0"?>{document}{body}'.encode()
    return rewritten(book([HEADER, ROW]), xl__worksheets__sheet1_x_xml=sheet)


def bomb() -> bytes:
    return rewritten(book([HEADER, ROW]), xl__sharedStrings_x_xml=b"<sst>" + b" " * 70_000_000 + b"</sst>")


def submit(client: FlaskClient, world: World, data: bytes, name: str = "名册.xlsx", **over: str) -> Any:
    form = {"kind": "members", "node": world.ids["communities"], "supplied_by": "甲", "basis": "乙", "dry_run": "false", **over}
    said = {"Authorization": f"Bearer {world.tokens['secretary']}"}
    return client.post("/api/v1/roster-imports", headers=said, **calls.multipart(form, data, name))


def listed() -> int:
    with reading() as session:
        return session.execute(select(func.count()).select_from(RosterEntry)).scalar_one()


ROSTERS: dict[str, Any] = {
    "bomb": bomb, "xxe": xxe, "not a zip": lambda: b"PK\x03\x04" + b"\0" * 500,
    "empty": lambda: b"", "html": lambda: HTML,
    "a picture": picture, "other zip": lambda: zipped({"a.txt": b"x"}),
    "climbing zip": lambda: zipped({"../../x": b"x", "[Content_Types].xml": b"<"}),
    "id numbers": lambda: book([[*HEADER, "身份证号"], [*ROW, "330100199001011234"]]),
    "id numbers hidden": lambda: book([HEADER, ROW], [["姓名", "公民身份号码"], ["甲", "330100199001011234"]]),
    "id number as a name": lambda: book([HEADER, ["330100199001011234", "13611112222", "示例水务局"]]),
    "formula": lambda: book([HEADER, ['=HYPERLINK("http://x","y")', "13611112222", "示例水务局"]]),
    "dde": lambda: book([HEADER, ["=cmd|'/c calc'!A1", "13611112222", "示例水务局"]]),
    "plus": lambda: book([HEADER, ["+1+1", "13611112222", "示例水务局"]]),
    "control": "姓名,手机号,工作单位\n吕\u0007新,13611112222,示例水务局\n".encode,
}  # fmt: skip


def zipped(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, content in parts.items():
            made.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize("kind", ROSTERS)
def test_a_hostile_roster_brings_nobody_in(client: FlaskClient, world: World, kind: str) -> None:
    before = listed()
    answer = submit(client, world, ROSTERS[kind]())
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        shape(answer, kind)
    else:
        assert answer.json["errors"], answer.text
    assert "root:" not in answer.text
    assert "3301001990" not in answer.text
    assert listed() == before


def test_a_macro_and_an_outside_link_are_never_followed(client: FlaskClient, world: World) -> None:
    office, package = "http://schemas.openxmlformats.org/officeDocument/2006", "http://schemas.openxmlformats.org/package/2006"
    outside = f'<Relationship Id="rId1" Type="{office}/relationships/externalLinkPath" Target="file:///etc/passwd" TargetMode="External"/>'
    link = f'<?xml version="1.0"?><Relationships xmlns="{package}/relationships">{outside}</Relationships>'.encode()
    data = rewritten(book([HEADER, ROW]), xl__vbaProject_x_bin=b"macro", xl__externalLinks___rels__externalLink1_x_xml_x_rels=link)
    answer = submit(client, world, data, name="名册.xlsm")
    assert answer.status_code < 500
    assert "root:" not in answer.text


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_roster_with_a_hostile_name(client: FlaskClient, world: World, name: str) -> None:
    answer = submit(client, world, book([HEADER, ROW]), name=name)
    assert answer.status_code in (200, 201, 422), answer.text
    kept = client.get("/api/v1/roster-imports", headers={"Authorization": f"Bearer {world.tokens['secretary']}"})
    assert kept.status_code == 200
    assert "Set-Cookie" not in answer.headers


def test_a_name_is_listed_without_its_invisible_marks(client: FlaskClient, world: World) -> None:
    assert submit(client, world, book([HEADER, ["\u202e吕\u200b新来", "13611112222", "示例水务局"]])).json["created"] == 1
    with reading() as session:
        entry = session.execute(select(RosterEntry).order_by(RosterEntry.id.desc()).limit(1)).scalar_one()
    assert bindings.name_of(entry) == "吕新来"
