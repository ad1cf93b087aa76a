"""Roster files as Excel, WPS and older programs leave them: written part by part, so that no writer of ours tidies them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date
from xml.sax.saxutils import escape

from openpyxl import Workbook
from openpyxl.styles import Font, PatternFill

from server.domain.rosters import letters

MEMBER_HEADER = ("姓名", "手机", "工作单位", "所在支部", "居住社区", "人员类别", "免报到原因")
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def plain_xlsx(rows: Sequence[Sequence[object]]) -> bytes:
    """One sheet, nothing else."""
    book = Workbook()
    for row in rows:
        book.active.append(list(row))
    return _saved(book)


def excel_file(rows: Sequence[Sequence[object]], title: str = "示例县在职党员名册") -> bytes:
    """As Excel keeps a roster: a cover sheet, merged titles above the header, colours, a date as a date, styled blank rows at the end."""
    book = Workbook()
    cover = book.active
    cover.title = "封面"
    cover["B3"] = title
    cover["B5"] = "填报日期"
    cover["C5"] = date(2026, 3, 1)
    cover.merge_cells("B3:F3")
    sheet = book.create_sheet("名册")
    sheet["A1"] = title
    sheet.merge_cells("A1:G1")
    sheet["A2"] = "制表单位：示例县委组织部　　2026年3月"
    sheet.merge_cells("A2:G2")
    for number, row in enumerate(rows, start=4):
        for place, value in enumerate(row, start=1):
            sheet.cell(number, place, value)  # type: ignore[arg-type]
    for cell in sheet[4]:
        cell.font, cell.fill = Font(bold=True), PatternFill("solid", fgColor="FFD9D9D9")
    for number in range(4 + len(rows), 4 + len(rows) + 300):
        for place in range(1, 8):
            sheet.cell(number, place).fill = PatternFill("solid", fgColor="FFFFFFFF")
    sheet.column_dimensions["B"].width = 14
    book.create_sheet("备注")["A1"] = "本表由各单位填报"
    return _saved(book)


def wps_file(rows: Sequence[Sequence[str | float]]) -> bytes:
    """As WPS writes it: its own marks, a wrong dimension, inline and shared strings mixed, rich text, phonetic hints, kept blanks."""
    shared: list[str] = []
    body = "".join(_wps_row(number, row, shared) for number, row in enumerate(rows, start=1))
    merged = '<mergeCells count="1"><mergeCell ref="A1:D1"/></mergeCells>'
    sheet = (
        f'{HEAD}<worksheet xmlns="{MAIN}" xmlns:r="{RELS}" xmlns:etc="http://www.wps.cn/officeDocument/2017/etCustomData">'
        f'<sheetPr/><dimension ref="A1"/><sheetViews><sheetView workbookViewId="0"/></sheetViews><sheetFormatPr defaultRowHeight="13.5"/>'
        f'<sheetData>{body}<row r="{len(rows) + 40}" spans="1:7"><c r="A{len(rows) + 40}" s="1"/></row></sheetData>{merged}</worksheet>'
    )
    strings = f'{HEAD}<sst xmlns="{MAIN}" count="{len(shared)}" uniqueCount="{len(shared)}">{"".join(shared)}</sst>'
    return _zipped({**WPS_PARTS, "xl/worksheets/sheet1.xml": sheet, "xl/sharedStrings.xml": strings})


def _wps_row(number: int, row: Sequence[str | float], shared: list[str]) -> str:
    cells = "".join(_wps_cell(f"{letters(place)}{number}", value, shared, place) for place, value in enumerate(row) if value != "")
    return f'<row r="{number}" spans="1:{len(row)}" ht="14.25" customHeight="1">{cells}</row>'


def _wps_cell(name: str, value: str | float, shared: list[str], place: int) -> str:
    if isinstance(value, float):
        return f'<c r="{name}" s="2"><v>{value!r}</v></c>'
    text = f'<t xml:space="preserve">{escape(value)}</t>'
    if place % 3 == 2:
        return f'<c r="{name}" t="inlineStr"><is>{text}</is></c>'
    rich = f'<r><rPr><b/><rFont val="宋体"/></rPr>{text}</r><rPh sb="0" eb="1"><t>zhang</t></rPh>' if place == 0 else text
    shared.append(f"<si>{rich}</si>")
    return f'<c r="{name}" s="1" t="s"><v>{len(shared) - 1}</v></c>'


WPS_PARTS: Mapping[str, str] = {
    "[Content_Types].xml": (
        f'{HEAD}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
        '<Override PartName="/xl/worksheets/sheet1.xml"'
        ' ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
        '<Override PartName="/xl/sharedStrings.xml"'
        ' ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/>'
        '<Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/>'
        '<Override PartName="/docProps/app.xml" ContentType="application/vnd.openxmlformats-officedocument.extended-properties+xml"/>'
        '<Override PartName="/docProps/custom.xml" ContentType="application/vnd.openxmlformats-officedocument.custom-properties+xml"/>'
        "</Types>"
    ),
    "_rels/.rels": (
        f'{HEAD}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="rId1" Type="{RELS}/officeDocument" Target="xl/workbook.xml"/>'
        f'<Relationship Id="rId2" Type="{RELS}/extended-properties" Target="docProps/app.xml"/>'
        f'<Relationship Id="rId3" Type="{RELS}/custom-properties" Target="docProps/custom.xml"/></Relationships>'
    ),
    "docProps/app.xml": (
        f'{HEAD}<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/extended-properties">'
        "<Application>WPS Office</Application><AppVersion>12.1</AppVersion></Properties>"
    ),
    "docProps/custom.xml": (
        f'{HEAD}<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/custom-properties"'
        ' xmlns:vt="http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes">'
        '<property fmtid="{D5CDD505-2E9C-101B-9397-08002B2CF9AE}" pid="2" name="KSOProductBuildVer">'
        "<vt:lpwstr>2052-12.1.0.1</vt:lpwstr></property></Properties>"
    ),
    "xl/workbook.xml": (
        f'{HEAD}<workbook xmlns="{MAIN}" xmlns:r="{RELS}"><fileVersion appName="xl" lastEdited="3" lowestEdited="5" rupBuild="9302"/>'
        '<workbookPr/><bookViews><workbookView windowWidth="28800" windowHeight="12540"/></bookViews>'
        '<sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets><calcPr calcId="144525"/></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'{HEAD}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="rId1" Type="{RELS}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{RELS}/styles" Target="styles.xml"/>'
        f'<Relationship Id="rId3" Type="{RELS}/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
    ),
    "xl/styles.xml": (
        f'{HEAD}<styleSheet xmlns="{MAIN}"><numFmts count="1"><numFmt numFmtId="176" formatCode="0_ "/></numFmts>'
        '<fonts count="1"><font><sz val="11"/><name val="宋体"/><charset val="134"/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"><alignment vertical="center"/></xf></cellStyleXfs>'
        '<cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
        '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
        '<xf numFmtId="176" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs></styleSheet>'
    ),
}


def bomb(unpacked: int) -> bytes:
    """A small file that says it is a workbook and unpacks to this many bytes."""
    return _zipped({**WPS_PARTS, "xl/worksheets/sheet1.xml": " " * unpacked})


def _saved(book: Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _zipped(parts: Mapping[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()
