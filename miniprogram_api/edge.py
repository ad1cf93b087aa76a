"""The edge of the phone API: one declaration per route, from which come the guard, validation, idempotency and OpenAPI.

    tasks = Resource("tasks", "岗位、任务与活动")

    @tasks.post("/tasks/<id>/claims", permission=P.CLAIMS_CREATE, body=ClaimIn, answer=ClaimOut, status=201, problems=("TASK_FULL",))
    def claim(call: Call[ClaimIn], id: str) -> ClaimOut:
        ...

A route names its permission or says that it is public; there is no third way (default deny). The life of a request: request id → client
version → rate limit → actor (401) → permission (403) → first answer for a repeated Idempotency-Key → body and query (422) → view → answer.
Writes run in one transaction with their idempotency row, so an answer is remembered exactly when the work is. Refusals are remembered too.
Views that must talk to WeChat or decode an image first say `transaction="own"` and open it themselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Generic, Literal, TypeVar, cast

from flask import Blueprint, Response, g, request
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from miniprogram_api import errors, limits
from miniprogram_api.schemas import In, Out
from server import clock
from server.db.base import reading, transaction
from server.domain.permissions import VISITOR, Actor, Permission, may
from server.domain.problems import Problem
from server.services import idempotency, sessions

B = TypeVar("B")
Mode = Literal["read", "write", "own"]
View = Callable[..., Any]
KEY_MAX = 64


@dataclass(frozen=True)
class Call(Generic[B]):
    """What a view gets: the checked body and query, who calls, the present, and the open session (none where it opens its own)."""

    now: datetime
    actor: Actor
    session: Session
    body: B
    query: Any = None
    key: str = ""


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
    media: str
    upload: bool
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
        media: str = "application/json",
        upload: bool = False,
    ) -> Callable[[View], View]:
        """Declare a route. `keyed`: needs an Idempotency-Key (writes do by default); `upload`: multipart with one file `file`."""
        if (permission is None) is not public:
            raise ValueError(f"{rule}: name a permission or say that it is public")
        mode: Mode = transaction or ("read" if method == "GET" else "write")
        keyed = (mode == "write" and not public) if keyed is None else keyed

        def declare(view: View) -> View:
            self.routes.append(
                Route(method, rule, view, permission, body, query, answer, status, problems, mode, keyed, etag, media, upload, self.name)
            )
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
    token = _token()
    limits.spend(token or f"ip:{request.remote_addr}", limits.PER_ACCOUNT if token else limits.PER_ADDRESS)
    if route.mode == "read":
        with reading() as session:
            return _render(route, _call(route, session, _actor(route, session, token, now), now, path))
    if route.mode == "own":
        with reading() as session:
            actor = _actor(route, session, token, now)
        return _render(route, _call(route, cast(Session, None), actor, now, path))
    if not route.keyed:
        with transaction() as session:
            return _render(route, _call(route, session, _actor(route, session, token, now), now, path))
    return _once(route, token, now, path)


def _once(route: Route, token: str, now: datetime, path: dict[str, str]) -> Response:
    """A keyed write: the first answer is kept and given again."""
    key = _idempotency_key()
    asked = idempotency.request_hash(route.method, request.full_path, _fingerprint(route))
    try:
        with transaction() as session:
            actor = _actor(route, session, token, now)
            name = f"person:{actor.id}"
            stored = idempotency.recall(session, actor=name, key=key, asked=asked)
            if stored is not None:
                return _replay(stored)
            answer = _render(route, _call(route, session, actor, now, path, key))
            kept = idempotency.Answer(answer.status_code, answer.get_data())
            idempotency.remember(session, actor=name, key=key, asked=asked, answer=kept, now=now)
            return answer
    except Problem as problem:
        if problem.code in ("UNAUTHENTICATED", "FORBIDDEN", "IDEMPOTENCY_KEY_REUSED"):
            raise
        return _remember_refusal(problem, token, key, asked, now)
    except IntegrityError:
        return _after_race(token, key, asked, now)


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


def _call(
    route: Route, session: Session, actor: Actor, now: datetime, path: dict[str, str], key: str = ""
) -> tuple[Call[Any], dict[str, str]]:
    body = _body(route) if route.body is not None else None
    query = _checked(route.query, request.args.to_dict()) if route.query is not None else None
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


def _body(route: Route) -> In:
    model = cast(type[In], route.body)
    if route.upload:
        return _checked(model, request.form.to_dict())
    try:
        return model.model_validate_json(request.get_data(cache=True))
    except ValidationError as error:
        if any(item["type"] == "json_invalid" for item in error.errors(include_url=False, include_input=False)):
            raise Problem("BAD_JSON") from None
        raise errors.invalid(error) from None


def _checked(model: type[In], values: Mapping[str, Any]) -> In:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise errors.invalid(error) from None


def _fingerprint(route: Route) -> bytes:
    """What makes two requests the same; a multipart boundary does not."""
    if not route.upload:
        return request.get_data(cache=True)
    parts = [f"{name}={value}".encode() for name, value in sorted(request.form.items())]
    for name, file in sorted(request.files.items()):
        parts.append(name.encode() + hashlib.sha256(file.stream.read()).digest())
        file.stream.seek(0)
    return b"\0".join(parts)


def _token() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme == "Bearer" else ""


def _idempotency_key() -> str:
    key = request.headers.get("Idempotency-Key", "")
    if not key or len(key) > KEY_MAX or not key.isascii() or not key.isprintable():
        raise Problem("IDEMPOTENCY_KEY_MISSING")
    return key
