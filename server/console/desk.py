"""The edge of the console: one declaration per page, from which come the guard, the transaction and the way refusals are shown.

    tasks = Desk("tasks")

    @tasks.page("/tasks", permission=P.TASKS_MANAGE)                    # GET: reads
    def list_tasks(call: Call) -> Answer:
        return call.show("console/tasks/list.html", rows=…)

    @tasks.form("/tasks/new", permission=P.TASKS_MANAGE)                # GET shows, POST writes in one transaction
    def new_task(call: Call) -> Answer:
        sheet = TaskSheet(call.typed)
        if call.posted and sheet.validate():
            …
            return call.done("任务已保存", to=…)
        return call.show("console/tasks/edit.html", sheet=sheet)

    @tasks.action("/tasks/<id>/publish", permission=P.TASKS_MANAGE)     # POST only: a button
    def publish(call: Call, id: str) -> Answer:
        …
        return call.done("已发布", to=…)

A page names its permission; there is no other way in (default deny), and whoever holds no role at all is not staff. The life of a request:
session (else the sign-in page, which keeps what was typed) → permission → token against forged forms → first answer for a form that was
sent twice → view. A refusal rolls the work back; a form is shown again with what was typed and the sentence, a button's page is reopened
with the sentence. `transaction="own"`: the view talks to WeChat, reads a workbook or draws, and opens its transactions itself.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Literal, cast
from urllib.parse import quote

from flask import Blueprint, Response, flash, g, make_response, request
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from server import clock
from server.console import look, once, visitors
from server.db.base import reading, transaction
from server.db.models.platform import Undo
from server.domain.permissions import Actor, Permission, may
from server.domain.problems import Kind, Problem
from server.services import sessions, undos
from server.statuses import STATUS

LONGEST_ID = 64
LONGEST_VERSION = 10  # digits
away = once.away
Answer = str | Response
View = Callable[..., Answer]
Mode = Literal["read", "write", "own"]


@dataclass(frozen=True)
class Call:
    """What a view gets. `typed` is the posted form, empty on GET; it stays filled when a refused form is shown again (not `posted`)."""

    now: datetime
    actor: Actor
    session: Session
    posted: bool = False
    typed: MultiDict[str, str] = field(default_factory=MultiDict)
    problem: Problem | None = None

    @property
    def args(self) -> MultiDict[str, str]:
        """The query of the address."""
        return request.args

    @property
    def seen(self) -> int | None:
        """The version of the row that the typed form was made from; None where the form says none."""
        said = self.typed.get("seen", "")
        return int(said) if said.isascii() and said.isdigit() and len(said) < LONGEST_VERSION else None

    def show(self, template: str, status: int = 200, **values: Any) -> Response:
        """A page of the console; a refused form comes back with its refusal's status."""
        if self.problem is not None and status == 200:
            status = STATUS[self.problem.kind]
        page = look.page(template, session=self.session, actor=self.actor, now=self.now, problem=self.problem, **values)
        return look.answer(page, status)

    def part(self, template: str, **values: Any) -> Response:
        """A fragment for htmx, without the frame of the page."""
        return look.answer(look.fragment(template, now=self.now, **values), 200)

    def step(self, row: Any, service: Callable[..., Any], **said: Any) -> Undo:
        """Do what the page decides about `row` by `service(session, row, actor, now, …)`, to be taken back within ten seconds."""
        act = partial(service, self.session, row, actor=self.actor, now=self.now, **said)
        return undos.step(self.session, row, act, actor=self.actor, now=self.now)

    def done(self, said: str, *, to: str, undo: Undo | None = None) -> Response:
        """The work is done: say so on the next page, with a button to take back what can be undone; or that nothing of it could be."""
        if undo is None or not (undo.done or undo.failed):
            flash(said, "done")
        else:
            flash(said, f"undo:{undo.public_id}" if undo.done else "problem")
        return away(to)


@dataclass(frozen=True)
class Spot:
    """One declared address; the guard and the house tests read it."""

    rule: str
    view: View
    permission: Permission
    kind: Literal["page", "form", "action"]
    mode: Mode
    desk: str

    @property
    def endpoint(self) -> str:
        """`console.<subject>.<view>`'s last two parts."""
        return f"{self.desk}_{self.view.__name__}"

    @property
    def methods(self) -> list[str]:
        """What it answers to."""
        return {"page": ["GET"], "form": ["GET", "POST"], "action": ["POST"]}[self.kind]


@dataclass
class Desk:
    """The pages of one subject."""

    name: str
    spots: list[Spot] = field(default_factory=list)

    def page(self, rule: str, *, permission: Permission, transaction: Literal["read", "own"] = "read") -> Callable[[View], View]:
        """Declare a page that only reads."""
        return self._declare(rule, permission, "page", transaction)

    def form(self, rule: str, *, permission: Permission, transaction: Literal["write", "own"] = "write") -> Callable[[View], View]:
        """Declare a page with a form that posts to itself."""
        return self._declare(rule, permission, "form", transaction)

    def action(self, rule: str, *, permission: Permission, transaction: Literal["write", "own"] = "write") -> Callable[[View], View]:
        """Declare a button."""
        return self._declare(rule, permission, "action", transaction)

    def _declare(self, rule: str, permission: Permission, kind: Any, mode: Mode) -> Callable[[View], View]:
        def declare(view: View) -> View:
            self.spots.append(Spot(rule, view, permission, kind, mode, self.name))
            return view

        return declare


def mount(blueprint: Blueprint, spot: Spot) -> None:
    """Make the declared page answer."""
    blueprint.add_url_rule(spot.rule, spot.endpoint, partial(_serve, spot), methods=spot.methods)


def download(data: bytes, media: str, name: str) -> Response:
    """A file for the person's folder; its name may be Chinese."""
    answer = Response(data, mimetype=media)
    plain = "file" + "".join(char for char in name[name.rfind(".") :] if char.isascii() and (char.isalnum() or char == "."))
    answer.headers["Content-Disposition"] = f"attachment; filename={plain}; filename*=UTF-8''{quote(name, safe='')}"  # headers are latin-1
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def signed_in(session: Session, token: str, now: datetime) -> Actor:
    """The member of staff behind the cookie. Raises UNAUTHENTICATED (no such session), FORBIDDEN (holds no role)."""
    if not token:
        raise Problem("UNAUTHENTICATED")
    actor = sessions.find(session, token=token, now=now)
    if actor.channel != sessions.STAFF:
        raise Problem("UNAUTHENTICATED")
    if not actor.grants:
        raise Problem("FORBIDDEN")
    g.actor = actor
    return actor


def _serve(spot: Spot, **path: str) -> Response:
    now, token = clock.now(), visitors.token()
    posted = request.method == "POST"
    try:
        if not all(value.isascii() and value.isprintable() and len(value) <= LONGEST_ID for value in path.values()):
            raise Problem("NOT_FOUND")
        answer = make_response(_answered(spot, token, now, path, posted=posted))
        _note(now)
        return answer
    except IntegrityError:
        done = once.answered_meanwhile() if posted else None
        return done if done is not None else _refused(spot, token, now, path, Problem("STALE"), posted=posted)
    except DataError:  # a character or a number that no column takes: nobody types it by chance
        return _refused(spot, token, now, path, Problem("INVALID"), posted=posted)
    except Problem as problem:
        return _refused(spot, token, now, path, problem, posted=posted)


def _note(now: datetime) -> None:
    """Somebody works here: the idle minutes begin anew. Written once a minute at most."""
    if sessions.due(g.actor, now):
        with transaction() as session:
            sessions.note(session, g.actor, now)


def _answered(spot: Spot, token: str, now: datetime, path: dict[str, str], *, posted: bool) -> Answer:
    if not posted and spot.mode != "own":
        with reading() as session:
            return spot.view(Call(now, _allowed(spot, session, token, now), session), **path)
    with reading() as session:
        actor = _allowed(spot, session, token, now)
    if posted:
        visitors.check_csrf(token)
    call = Call(now, actor, cast(Session, None), posted, request.form)
    if spot.mode == "own":
        return spot.view(call, **path)
    with transaction() as session:
        return once.answered(session, actor, partial(_view, spot, replace(call, session=session), path), now)


def _view(spot: Spot, call: Call, path: dict[str, str]) -> Response:
    return make_response(spot.view(call, **path))


def _allowed(spot: Spot, session: Session, token: str, now: datetime) -> Actor:
    actor = signed_in(session, token, now)
    if not may(actor, spot.permission):
        raise Problem("FORBIDDEN")
    return actor


def _refused(spot: Spot, token: str, now: datetime, path: dict[str, str], problem: Problem, *, posted: bool) -> Response:
    """A refusal as the person meets it."""
    if problem.kind is Kind.UNAUTHENTICATED:
        return _sign_in_again(token, posted=posted)
    if spot.kind == "form" and posted and problem.kind not in (Kind.NOT_FOUND, Kind.FORBIDDEN):
        return _again(spot, token, now, path, problem)
    if posted and problem.code not in ("NOT_FOUND", "FORBIDDEN"):
        flash(problem.message, "problem")
        return away(visitors.back("/console"))
    return lost(problem, token, now) if problem.kind is Kind.NOT_FOUND else look.answer(look.refusal(problem), STATUS[problem.kind])


def lost(problem: Problem, token: str, now: datetime) -> Response:
    """Nothing is here: with the menu for who is signed in, also where nobody has asked yet who that is."""
    if "actor" not in g:
        with suppress(Problem), reading() as session:
            signed_in(session, token, now)
    return look.answer(look.refusal(problem), STATUS[problem.kind])


def _again(spot: Spot, token: str, now: datetime, path: dict[str, str], problem: Problem) -> Response:
    """The form once more, with everything that was typed."""
    try:
        with reading() as session:
            actor = _allowed(spot, session, token, now)
            own = cast(Session, None) if spot.mode == "own" else session
            return make_response(spot.view(Call(now, actor, own, False, request.form, problem), **path))
    except Problem as worse:
        return look.answer(look.refusal(worse), STATUS[worse.kind])


def _sign_in_again(token: str, *, posted: bool) -> Response:
    """To the sign-in page and back; what was typed goes along."""
    if not posted:
        return away(look.sign_in_address(visitors.here()))
    draft = ""
    if token:
        with reading() as session:
            owner = sessions.owner(session, token=token)
        draft = visitors.seal_draft(owner) if owner is not None else ""
    made = look.sign_in(draft=draft, to=visitors.back("/console"), status=401)
    if request.headers.get("HX-Request"):  # htmx shows no refusal; this one takes the place of the page
        made.status_code = 200
        made.headers["HX-Retarget"], made.headers["HX-Reswap"] = "body", "innerHTML"
    return made
