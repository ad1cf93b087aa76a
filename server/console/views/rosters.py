"""名册导入: upload, see what is wrong in the sheet's own layout, import (mission row A2)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath
from typing import Any

from flask import request

from server.console import forms
from server.console.desk import Answer, Call, Desk, away, download
from server.console.sheet_pages import sheet_page
from server.db.base import reading, transaction
from server.db.models.orgs import OrgNode
from server.domain.people import MEMBER_TYPE_NAMES
from server.domain.permissions import Permission as P
from server.domain.problems import PROBLEMS, Problem
from server.domain.rosters import COLUMNS, KIND_NAMES, DraftState, RosterKind, find_header
from server.services import orgs, roster_drafts, roster_files, rosters
from server.services.roster_plans import Supply

desk = Desk("rosters")
LISTED = 20
PAGE = 50


class RosterSheet(forms.Sheet):
    """Which roster this is, whose it is, and on what basis it was supplied."""

    kind = forms.choice("名册种类", list(KIND_NAMES.items()), radio=True, default=RosterKind.MEMBERS)
    node = forms.choice("为哪里导入", hint="党员名册里的单位要先在这里登记过")
    supplied_by = forms.words("名册由谁提供", longest=200, hint="例如：示例县委组织部")
    basis = forms.words("依据什么提供", longest=200, hint="例如：党员名册共享协议、双报到工作通知")
    valid_until = forms.day("名册有效期至", required=False, hint="没有写明的不用填")


@desk.page("/rosters", permission=P.ROSTERS_IMPORT)
def list_rosters(call: Call) -> Answer:
    """What waits to be imported, and the history."""
    rows, following = rosters.page(call.session, actor=call.actor, after=call.args.get("after"), limit=LISTED)
    waiting = roster_drafts.waiting(call.session, actor=call.actor, limit=LISTED)
    return call.show("console/rosters/list.html", rows=rows, following=following, waiting=waiting, kinds=KIND_NAMES)


@desk.page("/rosters/templates/<kind>", permission=P.ROSTERS_IMPORT, transaction="own")
def roster_template(call: Call, kind: str) -> Answer:
    """An empty roster to fill in."""
    if kind not in list(RosterKind):
        raise Problem("NOT_FOUND")
    return download(roster_files.template(RosterKind(kind)), roster_files.XLSX, f"{KIND_NAMES[RosterKind(kind)]}模板.xlsx")


@desk.form("/rosters/new", permission=P.ROSTERS_IMPORT, transaction="own")
def upload_roster(call: Call) -> Answer:
    """Choose a file; nothing is imported yet."""
    with reading() as session:
        nodes = rosters.importable(session, actor=call.actor, now=call.now)
        sheet = RosterSheet(call.typed, data=_again(replace(call, session=session)))
        sheet.node.choices = [(node.public_id, node.name) for node in nodes]
        if not (call.posted and sheet.validate()):
            forms.blame(sheet, call.problem)
            shown: dict[str, Any] = {"sheet": sheet, "columns": COLUMNS, "kinds": KIND_NAMES}
            return replace(call, session=session).show("console/rosters/new.html", 422 if call.posted else 200, **shown)
    draft_id = _checked(call, sheet)
    return away(f"/console/rosters/{draft_id}")


@desk.page("/rosters/<id>", permission=P.ROSTERS_IMPORT)
def one_roster(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """The preview; while it is imported its progress, and afterwards what came of it."""
    draft = roster_drafts.one(call.session, id, actor=call.actor)
    node = call.session.get_one(OrgNode, draft.node_id)
    about: dict[str, Any] = {
        "draft": draft,
        "node": node,
        "kinds": KIND_NAMES,
        "refused": PROBLEMS[draft.problem][1] if draft.problem else "",
    }
    if draft.state in (DraftState.READY, DraftState.FAILED):
        content = roster_drafts.content_of(draft)
        return call.show("console/rosters/preview.html", content=content, view=_page_of(call, draft.kind, content), **about)
    made = roster_drafts.made_of(call.session, draft)
    return call.show("console/rosters/import.html", made=made, progress=roster_drafts.progress_of(draft), **about)


@desk.page("/rosters/<id>/progress", permission=P.ROSTERS_IMPORT)
def roster_progress(call: Call, id: str) -> Answer:  # noqa: A002
    """How far the import is, for the page that watches it."""
    draft = roster_drafts.one(call.session, id, actor=call.actor)
    if draft.state is not DraftState.IMPORTING:
        return away(f"/console/rosters/{id}")
    return call.part("console/rosters/progress.html", draft=draft, progress=roster_drafts.progress_of(draft))


@desk.action("/rosters/<id>/import", permission=P.ROSTERS_IMPORT)
def import_roster(call: Call, id: str) -> Answer:  # noqa: A002
    """Import the rows without errors."""
    draft = roster_drafts.start(call.session, roster_drafts.one(call.session, id, actor=call.actor), actor=call.actor, now=call.now)
    to = f"/console/rosters/{id}"
    return call.done("名册已导入", to=to) if draft.state is DraftState.DONE else away(to)  # the page says how far it is


@desk.action("/rosters/<id>/discard", permission=P.ROSTERS_IMPORT)
def discard_roster(call: Call, id: str) -> Answer:  # noqa: A002
    """Delete an upload that was not meant."""
    roster_drafts.discard(call.session, roster_drafts.one(call.session, id, actor=call.actor))
    return call.done("已删除这次上传", to="/console/rosters")


@desk.page("/rosters/imports/<id>", permission=P.ROSTERS_IMPORT)
def one_import(call: Call, id: str) -> Answer:  # noqa: A002
    """One import of the history: the rows it left out, and whom it brought."""
    made = rosters.one(call.session, id, actor=call.actor)
    rows, following = rosters.members(call.session, made, after=call.args.get("after"), limit=PAGE)
    shown: dict[str, Any] = {"made": made, "node": call.session.get_one(OrgNode, made.node_id), "rows": rows, "following": following}
    return call.show("console/rosters/imported.html", kinds=KIND_NAMES, types=MEMBER_TYPE_NAMES, **shown)


def _checked(call: Call, sheet: RosterSheet) -> str:
    """Read the file in a process of its own, check it without writing, keep it. Raises what the file is refused for."""
    data, filename = _file()
    sheets = roster_files.read_apart(data, filename)
    supply = Supply(sheet.supplied_by.data, sheet.basis.data, sheet.valid_until.data)
    with reading() as session:
        node = orgs.by_public_id(session, sheet.node.data)
        preview = rosters.check(
            session, kind=RosterKind(sheet.kind.data), node=node, sheets=sheets, supply=supply, actor=call.actor, now=call.now
        )
    with transaction() as session:
        draft = roster_drafts.keep(
            session,
            preview=preview,
            sheets=sheets,
            node=node,
            filename=PurePath(filename).name,
            sha256=rosters.hash_of(data),
            supply=supply,
            actor=call.actor,
            now=call.now,
        )
        return draft.public_id


def _file() -> tuple[bytes, str]:
    file = request.files.get("file")
    if file is None or not file.filename:
        raise Problem("INVALID", fields={"file": "请选择要导入的名册文件"})
    return file.stream.read(), file.filename


def _again(call: Call) -> dict[str, Any]:
    """What was said about the upload that is now repaired, so that nobody types it twice."""
    if not call.args.get("again"):
        return {}
    draft = roster_drafts.one(call.session, call.args["again"], actor=call.actor)
    node = call.session.get_one(OrgNode, draft.node_id).public_id
    return {"kind": draft.kind, "node": node, "supplied_by": draft.supplied_by, "basis": draft.basis, "valid_until": draft.valid_until}


def _page_of(call: Call, kind: RosterKind, content: roster_drafts.Content) -> Any:
    header = find_header(COLUMNS[kind], content.rows)
    if header is None:  # the titles we know have changed since
        raise Problem("ROSTER_DRAFT_GONE")
    return sheet_page(content.rows, header, content.errors, call.args.get("page", 1, type=int))
