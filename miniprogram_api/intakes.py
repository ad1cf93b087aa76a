"""Entering requests for residents: on the phone, after a round of doors, from Excel."""

from __future__ import annotations

from typing import Any, Literal

from flask import Response, request
from pydantic import Field

from miniprogram_api import word_checks
from miniprogram_api.edge import Call, Resource, raw
from miniprogram_api.request_schemas import DetailsIn, PersonIn, RequestLineOut, details, line_out
from miniprogram_api.rosters import REFUSALS as SHEET_REFUSALS
from miniprogram_api.rosters import CellErrorOut
from miniprogram_api.schemas import Id, In, Out
from server.db.models.people import Person
from server.domain import request_sheets
from server.domain.permissions import Actor
from server.domain.permissions import Permission as P
from server.domain.problems import Problem
from server.domain.requests import Channel, CheckState
from server.domain.rosters import Parsed
from server.services import intakes, places, roster_files
from server.services.intakes import MOST_OF_A_ROUND, Entry, Represented

intakes_resource = Resource("intakes", "代录诉求")
REFUSALS = ("CONTENT_REFUSED", "MEDIA_UNFIT", "NOT_COMMUNITY", "NOT_FOUND", "PHONE_TAKEN", "WITNESS_REQUIRED")


class EntryIn(DetailsIn):
    """替一位居民记一条."""

    person: PersonIn


class PhoneEntryIn(EntryIn):
    """来电、来访或上门时记一条."""

    community: Id = Field(description="社区编号；网格员还要填 grid")
    channel: Literal["phone", "round"] = Field("phone", description="phone 来电来访，round 上门")


class RoundIn(In):
    """走访一圈后一次录入."""

    community: Id
    entries: list[EntryIn] = Field(min_length=1, max_length=MOST_OF_A_ROUND)


class ImportIn(In):
    """从 Excel 导入（multipart，文件字段 file，xlsx 或 CSV）."""

    community: Id
    grid: Id | None = Field(None, description="网格员导入时填自己的网格")


class RefusedOut(Out):
    index: int = Field(description="第几条，从 0 数")
    code: str
    message: str


class RoundOut(Out):
    """收下的和没收下的；没收下的改好后可以只重发那几条."""

    made: list[RequestLineOut]
    refused: list[RefusedOut]


class ImportOut(Out):
    """收下的和有错的单元格；有错的行没有导入，其余照常."""

    made: int
    failed: int
    errors: list[CellErrorOut]


def _words_of_entry(actor: Actor, body: PhoneEntryIn) -> CheckState:
    return word_checks.words(actor, body.content, body.place, community=body.community)


def _words_of_round(actor: Actor, body: RoundIn) -> CheckState:
    return word_checks.many(actor, [text for one in body.entries for text in (one.content, one.place)], community=body.community)


def _read(actor: Actor, body: ImportIn) -> tuple[Parsed, CheckState]:
    """Read the file in a process of its own, then let WeChat look at its words."""
    file = request.files.get("file")
    if file is None:
        raise Problem("INVALID", fields={"file": "请选择要导入的走访表"})
    parsed = intakes.read_sheet(roster_files.read_apart(file.stream.read(), file.filename or ""))
    texts = [str(line.values.get(key) or "") for line in parsed.lines for key in ("content", "place")]
    return parsed, word_checks.many(actor, texts, community=body.community)


@intakes_resource.post(
    "/request-entries",
    permission=P.REQUESTS_ENTER,
    body=PhoneEntryIn,
    answer=RequestLineOut,
    status=201,
    prepare=_words_of_entry,
    problems=REFUSALS,
)
def enter_request(call: Call[PhoneEntryIn]) -> RequestLineOut:
    """替居民记一条诉求（来电、来访、上门）；签收和评分会请本人来做."""
    body, session = call.body, call.session
    entry = _entry(call, body)
    made = intakes.for_other(
        session,
        author=session.get_one(Person, call.actor.id),
        who=entry.who,
        community=places.community(session, body.community, now=call.now),
        channel=Channel(body.channel),
        details=entry.details,
        text_check=call.prepared,
        actor=call.actor,
        now=call.now,
    )
    return line_out(made)


@intakes_resource.post(
    "/request-rounds",
    permission=P.REQUESTS_ENTER,
    body=RoundIn,
    answer=RoundOut,
    status=201,
    prepare=_words_of_round,
    problems=("NOT_COMMUNITY", "NOT_FOUND"),
)
def enter_round(call: Call[RoundIn]) -> RoundOut:
    """走访一圈后一次录入，最多 50 条；能收的先收下，其余逐条说明."""
    body, session = call.body, call.session
    made, refused = intakes.a_round(
        session,
        author=session.get_one(Person, call.actor.id),
        community=places.community(session, body.community, now=call.now),
        entries=[_entry(call, one) for one in body.entries],
        text_check=call.prepared,
        actor=call.actor,
        now=call.now,
    )
    return RoundOut(made=[line_out(row) for row in made], refused=[RefusedOut.model_validate(one) for one in refused])


@intakes_resource.post(
    "/request-imports",
    permission=P.REQUESTS_ENTER,
    upload=True,
    body=ImportIn,
    answer=ImportOut,
    status=201,
    prepare=_read,
    problems=("NOT_COMMUNITY", "NOT_FOUND", *SHEET_REFUSALS),
)
def import_requests(call: Call[ImportIn]) -> ImportOut:
    """导入走访表；有错的单元格逐个指出，其余行照常收下."""
    body, session = call.body, call.session
    parsed, text_check = call.prepared
    made, errors = intakes.import_sheet(
        session,
        author=session.get_one(Person, call.actor.id),
        community=places.community(session, body.community, now=call.now),
        grid=places.node(session, body.grid) if body.grid else None,
        parsed=parsed,
        text_check=text_check,
        actor=call.actor,
        now=call.now,
    )
    shown = [CellErrorOut(cell=error.cell, message=error.message) for error in errors]
    return ImportOut(made=len(made), failed=len({error.row for error in errors}), errors=shown)


@intakes_resource.get("/request-template", permission=P.REQUESTS_ENTER, media=roster_files.XLSX)
def request_template(_call: Call[None]) -> Response:
    """下载空白走访表（xlsx）."""
    return raw(roster_files.blank(request_sheets.NAME, request_sheets.COLUMNS), roster_files.XLSX, name="requests.xlsx")


def _entry(call: Call[Any], body: EntryIn) -> Entry:
    grid = places.node(call.session, body.grid) if body.grid else None
    who = Represented(body.person.name, body.person.phone, body.person.consent, body.person.elder)
    return Entry(who, details(body, grid))
