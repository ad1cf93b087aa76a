"""代录: one request by telephone or at the counter, ten of a round of doors in a table, or a sheet of them (R6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flask import request as sent

from server.console import once, photos, request_pages
from server.console.desk import Answer, Call, Desk, download
from server.console.forms import UNCHOSEN, Sheet, blame, choice, text, words
from server.console.intake_places import named, spots, where
from server.console.person_fields import consent, elder, mobile_of, person_name, person_phone, represented
from server.db.base import reading, transaction
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.domain import request_sheets
from server.domain.categories import REQUEST_CATEGORIES
from server.domain.permissions import Permission as P
from server.domain.permissions import may_on_node
from server.domain.problems import Problem
from server.domain.request_words import URGENCIES
from server.domain.requests import Channel, CheckState, Urgency
from server.domain.rosters import CellError, Parsed
from server.domain.rosters import Sheet as Rows
from server.services import intakes, roster_files
from server.services.requests import Details

desk = Desk("intakes")
ROWS = 10
COLUMNS = request_sheets.COLUMNS
CHANNELS = ((Channel.PHONE.value, "来电或来访"), (Channel.ROUND.value, "上门时说的"))


class IntakeSheet(Sheet):
    """One request on one screen; only name and category are needed."""

    channel = choice("怎么来的", CHANNELS, radio=True, default=Channel.PHONE.value)
    phone = person_phone()
    name = person_name()
    category = choice("类别", [UNCHOSEN, *REQUEST_CATEGORIES.items()])
    content = text("他怎么说", longest=2000, required=False, hint="照他的话写，不写姓名和门牌号；可以不填")
    grid = choice("在哪里", required=False)
    place = words("具体地点", longest=100, required=False, hint="到楼栋即可")
    urgency = choice("缓急", [(one.value, name) for one, name in URGENCIES.items()], radio=True, default=Urgency.NORMAL.value)
    consent = consent()
    elder = elder()
    photos = photos.photos()


@desk.form("/intake", permission=P.REQUESTS_ENTER)
def enter_one(call: Call) -> Answer:
    """来电、来访或上门时替居民记一条；签收和评分会请本人来做."""
    here, below = where(call, call.session, P.REQUESTS_ENTER)
    sheet = IntakeSheet(call.typed)
    sheet.grid.choices = spots(call, P.REQUESTS_ENTER, here.here, below)
    finding = bool(call.typed.get("find"))
    if call.posted and not finding and sheet.validate():
        made = _enter(call, here.here, below, sheet)
        photos.put(call, made)
        to = request_pages.address(made) if may_on_node(call.actor, P.REQUESTS_READ, here.here.path) else "/console/intake"
        return call.done(f"已记下，单号 {made.number}", to=to)
    blame(sheet, call.problem)
    may_find = may_on_node(call.actor, P.REQUESTS_READ, here.here.path)
    found = _met(call, here.here, sheet) if finding and may_find else None
    status = 422 if call.posted and not finding else 200
    return call.show("console/intakes/one.html", status, sheet=sheet, places=here, found=found, may_find=may_find)


@desk.form("/intake/round", permission=P.REQUESTS_ENTER)
def enter_round(call: Call) -> Answer:
    """走访一圈后一次录入十行；能收的先收下，有错的格子逐个指出."""
    here, below = where(call, call.session, P.REQUESTS_ENTER)
    typed = [tuple(call.typed.get(f"{column.key}-{number}", "").strip() for column in COLUMNS) for number in range(ROWS)]
    filled = [row for row in typed if any(row)]
    errors: Sequence[CellError] = ()
    said = call.problem.fields.get("rows", "") if call.problem is not None else ""
    if call.posted and not filled:
        said = "请至少填一行"
    elif call.posted:
        parsed = intakes.read_sheet([Rows("走访录入", (tuple(column.title for column in COLUMNS), *filled))])
        made, errors = _import(call, call.session, here.here, below, parsed)
        if not errors:
            return call.done(f"收下了 {made} 条", to="/console/intake/round")
        if made:
            once.claim(call.session, call.actor, call.now)
        said = f"收下了 {made} 条；下面这几行还有错，改好再提交" if made else "下面这几行有错，改好再提交"
        wrong = sorted({error.row for error in errors})
        filled = [filled[row - 2] for row in wrong]
        errors = [CellError(wrong.index(error.row), error.column, error.message) for error in errors]
    status = 422 if call.posted else 200
    rows = [*filled, *[("",) * len(COLUMNS)] * (ROWS - len(filled))]
    wrong_cells = {(error.row, error.column): error.message for error in errors}
    return call.show(
        "console/intakes/round.html", status, rows=rows, columns=COLUMNS, wrong=wrong_cells, wrong_words=said, places=here,
        spots=spots(call, P.REQUESTS_ENTER, here.here, below), grid=call.typed.get("grid", ""),
        categories=REQUEST_CATEGORIES,
    )  # fmt: skip


@desk.form("/intake/upload", permission=P.REQUESTS_ENTER, transaction="own")
def upload_round(call: Call) -> Answer:
    """从 Excel 导入走访表；有错的单元格逐个指出，其余行照常收下."""
    outcome: dict[str, Any] = {}
    if call.posted:
        file = sent.files.get("file")
        if file is None or not file.filename:
            raise Problem("INVALID", fields={"file": "请选择要导入的走访表"})
        parsed = intakes.read_sheet(roster_files.read_apart(file.stream.read(), file.filename))
        with transaction() as session:
            once.claim(session, call.actor, call.now)
            here, below = where(call, session, P.REQUESTS_ENTER)
            made, errors = _import(call, session, here.here, below, parsed)
        outcome = {"made": made, "errors": errors, "done": True, "failed": len({error.row for error in errors})}
    with reading() as session:
        here, below = where(call, session, P.REQUESTS_ENTER)
        shown = {"places": here, "spots": spots(call, P.REQUESTS_ENTER, here.here, below), "columns": COLUMNS}
        fields = call.problem.fields if call.problem is not None else {}
        wrong = fields.get("file") or fields.get("rows", "")
        grid = call.typed.get("grid", "")
        return replace(call, session=session).show("console/intakes/upload.html", 200, wrong_words=wrong, grid=grid, **shown, **outcome)


@desk.page("/intake/template", permission=P.REQUESTS_ENTER, transaction="own")
def template(_call: Call) -> Answer:
    """空白走访表."""
    return download(roster_files.blank(request_sheets.NAME, COLUMNS), roster_files.XLSX, "走访诉求表.xlsx")


def _checked(call: Call, community: OrgNode) -> CheckState:
    """Staff who triage the community are the human who looks; anybody else's words wait for one."""
    return CheckState.PASSED if may_on_node(call.actor, P.REQUESTS_TRIAGE, community.path) else CheckState.REVIEW


def _enter(call: Call, community: OrgNode, below: Sequence[OrgNode], sheet: IntakeSheet) -> Any:
    grid, urgency = named(below, sheet.grid.data or ""), Urgency(sheet.urgency.data)
    details = Details(sheet.category.data, sheet.content.data or None, sheet.place.data or None, urgency, grid=grid)
    return intakes.for_other(
        call.session,
        author=call.session.get_one(Person, call.actor.id),
        who=represented(sheet),
        community=community,
        channel=Channel(sheet.channel.data),
        details=details,
        text_check=_checked(call, community),
        actor=call.actor,
        now=call.now,
    )


def _met(call: Call, community: OrgNode, sheet: IntakeSheet) -> Any:
    """Who calls from the number typed; an unreadable number is said at the field."""
    if not sheet.phone.validate(sheet) or not sheet.phone.data:
        return None
    name, rows = intakes.met_before(call.session, phone=mobile_of(sheet.phone.data) or "", community=community, actor=call.actor)
    return {"name": name, "lines": request_pages.lines(call, rows)}


def _import(call: Call, session: Any, community: OrgNode, below: Sequence[OrgNode], parsed: Parsed) -> tuple[int, list[CellError]]:
    made, errors = intakes.import_sheet(
        session,
        author=session.get_one(Person, call.actor.id),
        community=community,
        grid=named(below, call.typed.get("grid", "")),
        parsed=parsed,
        text_check=_checked(call, community),
        actor=call.actor,
        now=call.now,
    )
    return len(made), errors
