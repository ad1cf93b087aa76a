"""Importing rosters and the template to fill in."""

from __future__ import annotations

from datetime import date

from flask import Response, request
from pydantic import Field
from sqlalchemy.orm import Session

from miniprogram_api.edge import Call, Resource, raw
from miniprogram_api.schemas import Day, Id, In, Instant, LongLine, Out, Page, PageQuery
from server.db.base import reading, transaction
from server.db.models.rosters import RosterImport
from server.domain.permissions import Permission as P
from server.domain.problems import Problem
from server.domain.rosters import RosterKind, Sheet
from server.services import orgs, roster_files, rosters
from server.services.roster_plans import Supply

rosters_resource = Resource("rosters", "名册导入")
REFUSALS = (
    "ROSTER_EMPTY",
    "ROSTER_FORMAT",
    "ROSTER_ID_COLUMN",
    "ROSTER_NO_HEADER",
    "ROSTER_TOO_BIG",
    "ROSTER_TOO_LONG",
    "ROSTER_UNREADABLE",
)


class RosterIn(In):
    """导入名册（multipart，文件字段 file，xlsx 或 CSV）."""

    kind: RosterKind = Field(description="units 单位，members 党员")
    node: Id = Field(description="为哪个组织导入：社区、街道或区县的编号")
    supplied_by: LongLine = Field(description="名册由谁提供", examples=["示例县委组织部"])
    basis: LongLine = Field(description="依据什么提供", examples=["党员名册共享协议"])
    valid_until: Day | None = Field(None, description="名册有效期至", examples=["2026-12-31"])
    dry_run: bool = Field(False, description="true 只核对，不写入")


class CellErrorOut(Out):
    cell: str = Field(description="单元格", examples=["C7"])
    message: str = Field(examples=["手机号应为 11 位"])


class RosterOut(Out):
    """核对或导入的结果；有错的行不导入，其余照常."""

    id: str | None = Field(description="导入编号；只核对时为 null")
    kind: RosterKind
    sheet: str = Field(description="读的是哪张表")
    rows: int
    created: int
    updated: int
    unchanged: int
    failed: int = Field(description="有错的行数")
    ignored: list[str] = Field(description="没有用到的列")
    errors: list[CellErrorOut] = Field(description="最多列 500 处")
    errors_total: int


class RosterImportOut(Out):
    id: str
    kind: RosterKind
    node: str
    node_name: str
    filename: str
    supplied_by: str
    basis: str
    valid_until: date | None
    rows: int
    created: int
    updated: int
    unchanged: int
    failed: int
    imported_at: Instant


@rosters_resource.post(
    "/roster-imports",
    permission=P.ROSTERS_IMPORT,
    transaction="own",
    upload=True,
    body=RosterIn,
    answer=RosterOut,
    problems=("NOT_FOUND", "STALE", *REFUSALS),
)
def import_roster(call: Call[RosterIn]) -> RosterOut:
    """核对或导入名册；同一份名册可以重复导入，不会重复."""
    data, filename = _upload()
    sheets = roster_files.read_apart(data, filename)
    if call.body.dry_run:
        with reading() as session:
            return _answer(_check(session, call, sheets), None)
    with transaction() as session:
        preview = _check(session, call, sheets)
        node = orgs.by_public_id(session, call.body.node)
        made = rosters.apply(
            session,
            preview=preview,
            node=node,
            filename=filename,
            sha256=rosters.hash_of(data),
            supply=_supply(call),
            actor=call.actor,
            now=call.now,
        )
        return _answer(preview, made.public_id)


@rosters_resource.get("/roster-imports", permission=P.ROSTERS_IMPORT, query=PageQuery, answer=Page[RosterImportOut])
def list_roster_imports(call: Call[None]) -> Page[RosterImportOut]:
    """导入记录，新的在前."""
    rows, following = rosters.page(call.session, actor=call.actor, after=call.query.after, limit=call.query.limit)
    return Page[RosterImportOut](items=[_listed(*row) for row in rows], next=following)


@rosters_resource.get("/roster-templates/<kind>", permission=P.ROSTERS_IMPORT, media=roster_files.XLSX)
def roster_template(call: Call[None], kind: str) -> Response:
    """下载空白名册（xlsx）：kind 为 units 或 members."""
    if kind not in list(RosterKind):
        raise Problem("NOT_FOUND")
    return raw(roster_files.template(RosterKind(kind)), roster_files.XLSX, name=f"{kind}.xlsx")


def _upload() -> tuple[bytes, str]:
    file = request.files.get("file")
    if file is None:
        raise Problem("INVALID", fields={"file": "请选择要导入的名册文件"})
    return file.stream.read(), file.filename or ""


def _supply(call: Call[RosterIn]) -> Supply:
    return Supply(call.body.supplied_by, call.body.basis, call.body.valid_until)


def _check(session: Session, call: Call[RosterIn], sheets: tuple[Sheet, ...]) -> rosters.Preview:
    node = orgs.by_public_id(session, call.body.node)
    return rosters.check(session, kind=call.body.kind, node=node, sheets=sheets, supply=_supply(call), actor=call.actor, now=call.now)


def _answer(preview: rosters.Preview, made: str | None) -> RosterOut:
    return RosterOut(
        id=made,
        kind=preview.kind,
        sheet=preview.sheet,
        rows=preview.rows,
        created=preview.created,
        updated=preview.updated,
        unchanged=preview.unchanged,
        failed=preview.failed,
        ignored=list(preview.ignored),
        errors=[CellErrorOut(cell=error.cell, message=error.message) for error in preview.errors[: rosters.ERRORS_KEPT]],
        errors_total=len(preview.errors),
    )


def _listed(row: RosterImport, node: str, name: str) -> RosterImportOut:
    own = {key: getattr(row, key) for key in RosterImportOut.model_fields if key not in ("id", "node", "node_name")}
    return RosterImportOut(id=row.public_id, node=node, node_name=name, **own)
