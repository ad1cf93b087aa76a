"""The edge of the phone API: one declaration per route, from which come the guard, validation, idempotency and OpenAPI.

    tasks = Resource("tasks", "岗位、任务与活动")

    @tasks.post("/tasks/<id>/claims", permission=P.CLAIMS_CREATE, body=ClaimIn, answer=ClaimOut, status=201, problems=("TASK_FULL",))
    def claim(call: Call[ClaimIn], id: str) -> ClaimOut:
        ...

A route names its permission or says that it is public; there is no third way (default deny). The life of a request: request id → client
version → rate limit → actor (401) → permission (403) → first answer for a repeated Idempotency-Key → body and query (422) → view → answer.
Writes run in one transaction with their idempotency row, so an answer is remembered exactly when the work is. Refusals are remembered too.
Views that must talk to WeChat or decode an image first say `transaction="own"` and open it themselves. A route with `own_answers` keeps
first answers in rows of its own (a scan is its own idempotency row); `refused` is told of every refusal after the work was rolled back.
`prepare(actor, body)` is what a keyed write does before its transaction (asking WeChat about words); the view finds it in `call.prepared`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Generic, Literal, TypeVar, cast

from flask import Blueprint, Response, g, request
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from miniprogram_api import errors, incoming, presence
from miniprogram_api.schemas import In, Out
from server import clock, limits
from server.db.base import reading, transaction
from server.domain.permissions import VISITOR, Actor, Permission, may
from server.domain.problems import Problem
from server.services import idempotency, sessions

B = TypeVar("B")
Mode = Literal["read", "write", "own"]
View = Callable[..., Any]
LONGEST_ID = 64
Refused = Callable[[Problem, datetime], None]
Prepare = Callable[[Actor, Any], Any]


@dataclass(frozen=True)
class Call(Generic[B]):
    """What a view gets: the checked body and query, who calls, the present, and the open session (none where it opens its own)."""

    now: datetime
    actor: Actor
    session: Session
    body: B
    query: Any = None
    key: str = ""
    prepared: Any = None


@dataclass(frozen=True)
class Route:
    """One declared route; the guard, the documentation and the house tests read it."""

    method: str
    rule: str
    view: View
    permission: Permission | None
    body: type[In] | None
    query: type[In] | None
    answer: type[Out] | None
    status: int
    problems: tuple[str, ...]
    mode: Mode
    keyed: bool
    etag: bool
    media: tuple[str, ...]
    upload: bool
    own_answers: bool
    refused: Refused | None
    later: type[Out] | None
    prepare: Prepare | None
    tag: str

    @property
    def name(self) -> str:
        """The operationId."""
        return self.view.__name__


@dataclass
class Resource:
    """The routes of one subject."""

    name: str
    title: str
    routes: list[Route] = field(default_factory=list)

    def route(
        self,
        method: str,
        rule: str,
        *,
        permission: Permission | None = None,
        public: bool = False,
        body: type[In] | None = None,
        query: type[In] | None = None,
        answer: type[Out] | None = None,
        status: int = 200,
        problems: tuple[str, ...] = (),
        transaction: Mode | None = None,
        keyed: bool | None = None,
        etag: bool = False,
        media: str | tuple[str, ...] = "application/json",
        upload: bool = False,
        own_answers: bool = False,
        refused: Refused | None = None,
        later: type[Out] | None = None,
        prepare: Prepare | None = None,
    ) -> Callable[[View], View]:
        """Declare a route. `keyed`: needs an Idempotency-Key (writes do by default); `upload`: multipart with one file `file`.

        `later`: what a 202 says while a worker still makes the file that is asked for.
        """
        if (permission is None) is not public:
            raise ValueError(f"{rule}: name a permission or say that it is public")
        mode: Mode = transaction or ("read" if method == "GET" else "write")
        keyed = (mode == "write" and not public) if keyed is None else keyed

        def declare(view: View) -> View:
            shared = (permission, body, query, answer, status, problems, mode, keyed)
            kinds = (media,) if isinstance(media, str) else media
            self.routes.append(Route(method, rule, view, *shared, etag, kinds, upload, own_answers, refused, later, prepare, self.name))
            return view

        return declare

    def get(self, rule: str, **options: Any) -> Callable[[View], View]:
        """Declare a GET."""
        return self.route("GET", rule, **options)

    def post(self, rule: str, **options: Any) -> Callable[[View], View]:
        """Declare a POST."""
        return self.route("POST", rule, **options)

    def put(self, rule: str, **options: Any) -> Callable[[View], View]:
        """Declare a PUT."""
        return self.route("PUT", rule, **options)

    def delete(self, rule: str, **options: Any) -> Callable[[View], View]:
        """Declare a DELETE."""
        return self.route("DELETE", rule, **options)


def mount(blueprint: Blueprint, route: Route) -> None:
    """Make the declared route answer."""
    blueprint.add_url_rule(route.rule, route.name, partial(_serve, route), methods=[route.method])


def raw(data: bytes, media: str, *, name: str | None = None) -> Response:
    """A file answer; `name` makes it a download."""
    answer = Response(data, mimetype=media)
    answer.headers["Cache-Control"] = "private, no-store"
    if name:
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _serve(route: Route, **path: str) -> Response:
    now = clock.now()
    token = incoming.bearer_token()
    address = f"ip:{request.remote_addr}"
    limits.spend(token[:LONGEST_ID] or address, limits.PER_ACCOUNT if token else limits.PER_ADDRESS)
    try:
        return presence.noted(_answered(route, token, now, path), now)
    except Problem as problem:
        if problem.code == "UNAUTHENTICATED" and token:
            limits.spend(address, limits.PER_ADDRESS)  # made-up tokens are no way around the limit
        if route.refused is not None:
            route.refused(problem, now)
        raise


def _answered(route: Route, token: str, now: datetime, path: dict[str, str]) -> Response:
    if route.permission is not None and not token:
        raise Problem("UNAUTHENTICATED")  # before anything else of the request is looked at
    if route.mode == "read":
        with reading() as session:
            return _render(route, _call(route, session, _actor(route, session, token, now), now, path))
    if route.mode == "own":
        with reading() as session:
            actor = _actor(route, session, token, now)
        return _render(route, _call(route, cast(Session, None), actor, now, path))
    if route.keyed and not route.own_answers:
        return _once(route, token, now, path)
    key = incoming.idempotency_key() if route.keyed else ""
    with transaction() as session:
        return _render(route, _call(route, session, _actor(route, session, token, now), now, path, key))


def _once(route: Route, token: str, now: datetime, path: dict[str, str]) -> Response:
    """A keyed write: the first answer is kept and given again."""
    key = incoming.idempotency_key()
    asked = idempotency.request_hash(route.method, request.full_path, incoming.fingerprint(upload=route.upload))
    try:
        prepared = _prepared(route, token, key, asked, now)
        with transaction() as session:
            actor = _actor(route, session, token, now)
            name = f"person:{actor.id}"
            stored = idempotency.recall(session, actor=name, key=key, asked=asked)
            if stored is not None:
                return _replay(stored)
            call, path = _call(route, session, actor, now, path, key)
            answer = _render(route, (replace(call, prepared=prepared), path))
            kept = idempotency.Answer(answer.status_code, answer.get_data())
            idempotency.remember(session, actor=name, key=key, asked=asked, answer=kept, now=now)
            return answer
    except Problem as problem:
        if problem.code in ("UNAUTHENTICATED", "FORBIDDEN", "IDEMPOTENCY_KEY_REUSED"):
            raise
        if route.refused is not None:
            route.refused(problem, now)
        return _remember_refusal(problem, token, key, asked, now)
    except IntegrityError:
        return _after_race(token, key, asked, now)


def _prepared(route: Route, token: str, key: str, asked: str, now: datetime) -> Any:
    """What the route does before its transaction; nothing for a write that was answered already."""
    if route.prepare is None:
        return None
    with reading() as session:
        actor = _actor(route, session, token, now)
        if idempotency.recall(session, actor=f"person:{actor.id}", key=key, asked=asked) is not None:
            return None
    return route.prepare(actor, incoming.body(route.body, upload=route.upload) if route.body is not None else None)


def _remember_refusal(problem: Problem, token: str, key: str, asked: str, now: datetime) -> Response:
    """The work was rolled back; the refusal itself is kept in a transaction of its own."""
    answer = errors.respond(problem)
    try:
        with transaction() as session:
            name = f"person:{sessions.find(session, token=token, now=now).id}"
            kept = idempotency.Answer(answer.status_code, answer.get_data())
            idempotency.remember(session, actor=name, key=key, asked=asked, answer=kept, now=now)
    except IntegrityError:
        return _after_race(token, key, asked, now)
    return answer


def _after_race(token: str, key: str, asked: str, now: datetime) -> Response:
    """Somebody was quicker: with the same key (give his answer), or on the same row (the person looks again)."""
    with reading() as session:
        name = f"person:{sessions.find(session, token=token, now=now).id}"
        stored = idempotency.recall(session, actor=name, key=key, asked=asked)
    return _replay(stored) if stored is not None else errors.respond(Problem("STALE"))


def _replay(stored: idempotency.Answer) -> Response:
    answer = Response(stored.body, status=stored.status, mimetype="application/json")
    answer.headers["Idempotent-Replay"] = "true"
    return answer


def _actor(route: Route, session: Session, token: str, now: datetime) -> Actor:
    if route.permission is None:
        return VISITOR
    if not token:
        raise Problem("UNAUTHENTICATED")
    actor = sessions.find(session, token=token, now=now)
    g.actor = actor
    if not may(actor, route.permission):
        raise Problem("FORBIDDEN")
    return actor


def _call(  # noqa: PLR0917
    route: Route, session: Session, actor: Actor, now: datetime, path: dict[str, str], key: str = ""
) -> tuple[Call[Any], dict[str, str]]:
    if not all(value.isascii() and value.isprintable() and len(value) <= LONGEST_ID for value in path.values()):
        raise Problem("NOT_FOUND")  # no id of ours; PostgreSQL would not even take a NUL
    body = incoming.body(route.body, upload=route.upload) if route.body is not None else None
    query = incoming.checked(route.query, request.args.to_dict()) if route.query is not None else None
    return Call(now, actor, session, body, query, key), path


def _render(route: Route, prepared: tuple[Call[Any], dict[str, str]]) -> Response:
    call, path = prepared
    made = route.view(call, **path)
    if isinstance(made, Response):
        return made
    model = made if isinstance(made, BaseModel) else cast(type[Out], route.answer).model_validate(made)
    answer = Response(model.model_dump_json(), status=route.status, mimetype="application/json")
    return _tagged(answer) if route.etag else answer


def _tagged(answer: Response) -> Response:
    """ETag for polled lists: unchanged costs 304 and no body."""
    answer.set_etag(hashlib.sha256(answer.get_data()).hexdigest()[:24], weak=True)
    return cast(Response, answer.make_conditional(request))
