"""活动 · 二维码与海报: the codes of a community, their posters, revoking them, and the screens that show rotating ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import current_app

from qr import bitmaps
from qr.tokens import Mode
from server import files
from server.console import places
from server.console.desk import Answer, Call, Desk, away, download
from server.db.base import transaction
from server.db.models.codes import PosterPrint
from server.domain.permissions import Permission as P
from server.domain.posters import KIND_NAMES, PURPOSES, STEPS, PosterForm, PosterStyle, PrintState, when_and_where
from server.domain.problems import Problem
from server.services import code_lists, codes, posters, scopes, screens

desk = Desk("codes")
PAGE = 50
LATELY = 10  # prints in the list
FORMS = {
    PosterForm.PDF_A4: "A4 纸（PDF）",
    PosterForm.PDF_A3: "A3 纸（PDF）",
    PosterForm.PNG_A4: "A4 图片",
    PosterForm.PNG_PHONE: "手机图片，发到微信群",
}
PAPER = {form: name for form, name in FORMS.items() if form in (PosterForm.PDF_A4, PosterForm.PDF_A3)}
STYLES = {PosterStyle.LINK: "普通二维码", PosterStyle.WXA: "小程序码"}
PRINT_STATES = {PrintState.WAITING: ("正在印", "wait"), PrintState.DONE: ("已印好", "good"), PrintState.FAILED: ("没有印成", "bad")}
NAMES: dict[str, Any] = {"kinds": KIND_NAMES, "forms": FORMS, "paper": PAPER, "styles": STYLES, "print_states": PRINT_STATES}


@desk.page("/codes", permission=P.CODES_MANAGE, transaction="own")
def list_codes(call: Call) -> Answer:
    """The community's codes; its own is made when it is first looked for."""
    with transaction() as session:
        here = replace(call, session=session)
        where = places.chosen(here, P.CODES_MANAGE)
        rows, following = code_lists.of_community(
            session, where.here, actor=call.actor, now=call.now, after=call.args.get("after"), limit=PAGE
        )
        printed = code_lists.prints_of(session, where.here)
        reprint = code_lists.to_reprint(session, where.here, prints=printed, now=call.now)
        further = f"/console/codes?at={where.here.public_id}&after={following}" if following else None
        shown: dict[str, Any] = {
            "places": where,
            "rows": rows,
            "reprint": reprint,
            "printed": printed[:LATELY],
            "further": further,
            "rotating": Mode.ROTATING,
        }
        return here.show("console/codes/list.html", **shown, **NAMES)


@desk.page("/codes/<id>", permission=P.SCREENS_OPEN)
def show_code(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """One code: how its poster looks, printing, revoking, or the screens that show it."""
    code, task = code_lists.detail(call.session, id, actor=call.actor, permission=P.SCREENS_OPEN)
    rotating = code.mode == Mode.ROTATING
    shown: dict[str, Any] = {
        "code": code,
        "task": task,
        "picture": None if rotating else bitmaps.data_uri(_link(codes.token_of(code, now=call.now)), "Q"),
        "place": when_and_where(task.place, task.starts_at, task.ends_at) if task is not None else "",
        "purpose": PURPOSES[code.kind],
        "steps": STEPS[code.kind],
        "serial": f"{code.public_id}-{code.epoch}",
        "epochs": code_lists.epochs_of(call.session, code),
        "screens": screens.open_of(call.session, code, now=call.now) if rotating else (),
        "prints_it": scopes.allows(call.session, call.actor, P.CODES_MANAGE, code.community_id or 0),
    }
    return call.show("console/codes/show.html", rotating=rotating, **shown, **NAMES)


@desk.page("/tasks/<id>/code", permission=P.SCREENS_OPEN)
def code_of_task(call: Call, id: str) -> Answer:  # noqa: A002
    """From a task to its code."""
    code, _ = code_lists.of_task(call.session, id, actor=call.actor)
    return away(f"/console/codes/{code.public_id}")


@desk.action("/codes/print", permission=P.CODES_MANAGE)
def print_all(call: Call) -> Answer:
    """All posters of a community as one file."""
    where = places.chosen(call, P.CODES_MANAGE)
    form, style = _asked(call)
    row = posters.of_community(call.session, where.here, form=form, style=style, actor=call.actor, now=call.now)
    return away(f"/console/codes/prints/{row.public_id}")


@desk.action("/codes/<id>/print", permission=P.CODES_MANAGE)
def print_one(call: Call, id: str) -> Answer:  # noqa: A002
    """One poster."""
    code, _ = code_lists.detail(call.session, id, actor=call.actor)
    form, style = _asked(call)
    row = posters.of_code(call.session, code, form=form, style=style, actor=call.actor, now=call.now)
    return away(f"/console/codes/prints/{row.public_id}")


@desk.action("/codes/<id>/revoke", permission=P.CODES_MANAGE)
def revoke_code(call: Call, id: str) -> Answer:  # noqa: A002
    """Whatever was printed or shown stops working; a new code takes its place."""
    code, _ = code_lists.detail(call.session, id, actor=call.actor)
    holds = codes.revoke(call.session, code, reason=call.typed.get("reason", "").strip()[:200], actor=call.actor, now=call.now)
    return call.done("旧码已作废，请把旧海报取下，印新的贴上", to=f"/console/codes/{holds.public_id}")


@desk.action("/codes/<id>/show", permission=P.SCREENS_OPEN)
def show_on_screen(call: Call, id: str) -> Answer:  # noqa: A002
    """Open a screen for a rotating code and go there; the form sends no `once`, for the address holds a token that is kept nowhere."""
    code, _ = code_lists.detail(call.session, id, actor=call.actor, permission=P.SCREENS_OPEN)
    _, token = screens.open_screen(call.session, code, actor=call.actor, now=call.now)
    return away(f"/screen/{token}")


@desk.action("/screens/<id>/end", permission=P.SCREENS_OPEN)
def end_screen(call: Call, id: str) -> Answer:  # noqa: A002
    """No more codes for this screen."""
    code = screens.end(call.session, id, actor=call.actor, now=call.now)
    return call.done("这块屏已停用，几秒后不再显示新码", to=f"/console/codes/{code.public_id}")


@desk.page("/codes/prints/<id>", permission=P.CODES_MANAGE)
def show_print(call: Call, id: str) -> Answer:  # noqa: A002
    """A print: how far it is, the file."""
    row = posters.by_public_id(call.session, id, actor=call.actor)
    return call.show("console/codes/print.html", row=row, **_about(call, row))


@desk.page("/codes/prints/<id>/progress", permission=P.CODES_MANAGE)
def show_progress(call: Call, id: str) -> Answer:  # noqa: A002
    """The same without the frame, for a page that looks again by itself."""
    row = posters.by_public_id(call.session, id, actor=call.actor)
    return call.part("console/codes/progress.html", row=row, **_about(call, row))


@desk.page("/codes/prints/<id>/file", permission=P.CODES_MANAGE)
def fetch_print(call: Call, id: str) -> Answer:  # noqa: A002
    """The file. Raises POSTER_NOT_READY, POSTER_FAILED."""
    row = posters.by_public_id(call.session, id, actor=call.actor)
    if row.sha256 is None:
        raise Problem("POSTER_FAILED" if row.state is PrintState.FAILED else "POSTER_NOT_READY")
    name = row.content[0]["title"] if row.total == 1 else f"{row.content[0]['issuer']}海报"
    return download(files.get(posters.AREA, row.sha256), row.form.media, f"{name}.{row.form.suffix}")


def _about(call: Call, row: PosterPrint) -> dict[str, Any]:
    state, tone = PRINT_STATES[row.state]
    return {"state": state, "tone": tone, "seconds": int((call.now - row.requested_at).total_seconds()), **NAMES}


def _asked(call: Call) -> tuple[PosterForm, PosterStyle]:
    """Form and style as chosen. Raises INVALID."""
    try:
        return PosterForm(call.typed.get("form", "")), PosterStyle(call.typed.get("style", ""))
    except ValueError:
        raise Problem("INVALID", fields={"form": "请选择纸张和样式"}) from None


def _link(token: str) -> str:
    return bitmaps.link(current_app.config["SETTINGS"].web.public_base, token)
