"""Codes: making them, their tokens, reading one back, revoking (docs/protocol.md §1; mission rows B1, B2)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Protocol, cast

from sqlalchemy import Table, insert, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from qr import rules, tokens
from qr.tokens import BadToken, KeyRing, Kind, Mode, RingKey, Token
from server.db import keys, vault
from server.db.base import new_public_id
from server.db.inserts import insert_new
from server.db.models.codes import Code, CodeEpoch
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.services import events, scopes

BITS = 40
TRIES = 8
PREFETCHED = 288  # slots of 300 s: a person's phone works for 24 h without network (docs/protocol.md §1)
_instance = ""


class CodeRefused(Problem):
    """A code that may not be used: `code` for the person; `reason` and `code_id` for the refused-scan ledger only."""

    def __init__(self, code: str, reason: str, code_id: int | None = None, **over: Any) -> None:
        super().__init__(code, **over)
        self.reason = reason
        self.code_id = code_id


class Handle(Protocol):
    """What the checks need of a code's row."""

    @property
    def id(self) -> int: ...
    @property
    def kind(self) -> int: ...
    @property
    def mode(self) -> int: ...
    @property
    def epoch(self) -> int: ...
    @property
    def retired_at(self) -> datetime | None: ...


@dataclass(frozen=True)
class Resolved:
    """A good token and the row of its object."""

    code: Code
    token: Token


def configure(instance: str) -> None:
    """Name this deployment (settings.instance): the name stands under every MAC, so it is never changed."""
    global _instance  # noqa: PLW0603 - one instance per process
    _instance = instance


def ring() -> KeyRing:
    """The ring that signs and reads this deployment's tokens; configure() must have been called."""
    if not _instance:
        raise RuntimeError("codes.configure() first")
    return _ring(vault.current().rings["qr"], _instance)


@lru_cache(maxsize=4)
def _ring(places: tuple[keys.Key, ...], instance: str) -> KeyRing:
    return KeyRing(instance, {place.kid: RingKey(place.root, place.state) for place in places})


def make(
    session: Session,
    *,
    kind: Kind,
    subject_kind: str,
    subject_id: int,
    community_id: int | None,
    label: str,
    mode: Mode,
    now: datetime,
) -> Code:
    """The code of a subject with a fresh random handle and its first epoch; the one it has, if somebody was quicker.

    Raises ValueError for a mode the kind may not use.
    """
    if mode not in tokens.ALLOWED_MODES[kind]:
        raise ValueError(f"{kind!r} codes may not be {mode!r}")
    values = {"kind": int(kind), "mode": int(mode), "epoch": 0, "subject_kind": subject_kind, "subject_id": subject_id,
              "community_id": community_id, "label": label, "created_at": now}  # fmt: skip
    for _ in range(TRIES):
        row = {**values, "obj": new_handle(), "public_id": new_public_id()}
        code_id = session.execute(insert_new(session, cast(Table, Code.__table__)).values(**row).returning(Code.id)).scalar()
        if code_id is not None:
            session.execute(insert(CodeEpoch).values(code_id=code_id, epoch=0, valid_from=now))
            return session.get_one(Code, code_id)
        there = of_subject(session, kind=kind, subject_kind=subject_kind, subject_id=subject_id)
        if there is not None:
            return there
    raise RuntimeError("no free handle in so many draws: the random source is broken")


def new_handle() -> int:
    """Forty random bits."""
    return secrets.randbits(BITS)


def of_subject(session: Session, *, kind: Kind, subject_kind: str, subject_id: int) -> Code | None:
    """The live code of a subject."""
    return session.execute(
        select(Code).where(
            Code.subject_kind == subject_kind, Code.subject_id == subject_id, Code.kind == int(kind), Code.retired_at.is_(None)
        )
    ).scalar_one_or_none()


def for_subject(
    session: Session,
    *,
    kind: Kind,
    subject_kind: str,
    subject_id: int,
    community_id: int | None,
    label: str,
    mode: Mode,
    now: datetime,
) -> Code:
    """The live code of a subject, made when it has none. A changed `mode` begins a new epoch: what was printed stops working."""
    found = of_subject(session, kind=kind, subject_kind=subject_kind, subject_id=subject_id)
    if found is None:
        return make(session, kind=kind, subject_kind=subject_kind, subject_id=subject_id, community_id=community_id, label=label,
                    mode=mode, now=now)  # fmt: skip
    if found.mode != mode:
        found = _next_epoch(session, found, reason="mode", by_id=None, now=now)
    found.mode, found.label = int(mode), label
    session.flush()
    return found


def of_person(session: Session, *, person_id: int, now: datetime) -> Code:
    """The personal code (kind 5): rotating on his phone, static on a printed card."""
    return for_subject(session, kind=Kind.PERSON, subject_kind="person", subject_id=person_id, community_id=None, label="个人码",
                       mode=Mode.ROTATING, now=now)  # fmt: skip


def by_public_id(session: Session, public_id: str) -> Code:
    """The code. Raises NOT_FOUND."""
    code = session.execute(select(Code).where(Code.public_id == public_id)).scalar_one_or_none()
    if code is None:
        raise Problem("NOT_FOUND")
    return code


def token_of(code: Code, *, now: datetime) -> str:
    """The token that the code shows at this moment."""
    slot = tokens.slot_at(int(now.timestamp()), step_of(code)) if code.mode == Mode.ROTATING else 0
    return _mint(code, Mode(code.mode), slot)


def slots_ahead(code: Code, *, now: datetime, count: int) -> list[tuple[int, str]]:
    """(unix second it starts, token) of the present and the following slots of a rotating code."""
    step = step_of(code)
    first = tokens.slot_at(int(now.timestamp()), step)
    return [(tokens.slot_start(slot, step), _mint(code, Mode.ROTATING, slot)) for slot in range(first, first + count)]


def moment(second: int) -> datetime:
    """The start of a slot as aware UTC."""
    return datetime.fromtimestamp(second, UTC)


def card_of(code: Code) -> str:
    """The static token of a personal code, for a printed card (R6: no phone needed)."""
    return _mint(code, Mode.STATIC, 0)


def step_of(code: Handle) -> int:
    """Seconds a slot of this code lives."""
    return tokens.step_of(Kind(code.kind))


def resolve(session: Session, text: str, now: datetime) -> Resolved:
    """Read a scanned or typed text in the order of docs/protocol.md §1, up to the slot.

    Raises CodeRefused (QR_…): the code for the person, the exact reason for the ledger. Business rules are the caller's.
    """
    token = read(text)
    code = session.execute(select(Code).where(Code.obj == token.obj)).scalar_one_or_none()
    if code is None:
        raise CodeRefused("QR_UNKNOWN", "object")
    check(code, token)
    check_slot(code, token, now)
    return Resolved(code, token)


def read(text: str) -> Token:
    """The token in a text; no database is asked. Raises CodeRefused."""
    try:
        return tokens.read(ring(), text)
    except BadToken as bad:
        raise CodeRefused(bad.code, bad.reason) from None


def check(code: Handle, token: Token, *, epoch: int | None = None) -> None:
    """Handle, kind, epoch (the open one, or `epoch`) and mode. Raises CodeRefused."""
    if code.kind != token.kind:
        raise CodeRefused("QR_FORGED", "kind", code.id)
    if epoch is None and code.retired_at is not None:
        raise CodeRefused("QR_REVOKED", "retired", code.id)
    if token.epoch != (code.epoch if epoch is None else epoch):
        raise CodeRefused("QR_REVOKED", "epoch", code.id)
    if token.mode != code.mode and token.kind is not Kind.PERSON:
        raise CodeRefused("QR_REVOKED", "mode", code.id)


def check_slot(code: Handle, token: Token, now: datetime) -> None:
    """Is a rotating token on show at this moment? Raises CodeRefused."""
    if token.mode is Mode.ROTATING:
        refused = rules.live_slot(token.slot, int(now.timestamp()), step_of(code))
        if refused is not None:
            raise CodeRefused(refused, "slot", code.id)


def was_open(session: Session, code_id: int, epoch: int, *, first: datetime, last: datetime) -> bool:
    """Was this epoch open at any moment from `first` to `last`? Late messages are judged by history (docs/protocol.md §3)."""
    return (
        session.execute(
            select(CodeEpoch.id).where(
                CodeEpoch.code_id == code_id,
                CodeEpoch.epoch == epoch,
                CodeEpoch.valid_from <= last,
                or_(CodeEpoch.valid_to.is_(None), CodeEpoch.valid_to > first),
            )
        ).first()
        is not None
    )


def revoke(session: Session, code: Code, *, reason: str, actor: Actor, now: datetime) -> Code:
    """Make all printed and shown tokens of a code worthless; the next epoch begins. Returns the code that holds from now on.

    That is a new one where 255 epochs are used up. Raises NOT_FOUND out of scope, NOTE_REQUIRED, STALE.
    """
    require(session, code, actor)
    if not reason.strip():
        raise Problem("NOTE_REQUIRED", fields={"reason": "请写明原因"})
    holds = _next_epoch(session, code, reason=reason, by_id=actor.person_id, now=now)
    events.add(session, code, action="revoke", actor=actor, now=now, note=reason)
    return holds


def require(session: Session, code: Code, actor: Actor, permission: Permission = Permission.CODES_MANAGE) -> None:
    """Raise NOT_FOUND unless it is the person's own code or one of a community in the actor's charge."""
    if actor.is_system or (code.subject_kind == "person" and code.subject_id == actor.person_id):
        return
    if code.community_id is None:
        raise Problem("NOT_FOUND")
    scopes.require(session, actor, permission, code.community_id)


def _mint(code: Code, mode: Mode, slot: int) -> str:
    return tokens.mint(ring(), mode=mode, kind=Kind(code.kind), epoch=code.epoch, obj=code.obj, slot=slot)


def _next_epoch(session: Session, code: Code, *, reason: str, by_id: int | None, now: datetime) -> Code:
    """Close the open epoch and open the next one, or a new handle after the last. Raises STALE when somebody was quicker."""
    last = code.epoch == tokens.MAX_EPOCH
    changes: dict[str, Any] = {"retired_at": now} if last else {"epoch": code.epoch + 1}
    guarded = update(Code).where(Code.id == code.id, Code.epoch == code.epoch, Code.retired_at.is_(None)).values(**changes)
    if cast(Any, session.execute(guarded.execution_options(synchronize_session=False))).rowcount != 1:
        raise Problem("STALE")
    ended = update(CodeEpoch).where(CodeEpoch.code_id == code.id, CodeEpoch.valid_to.is_(None))
    session.execute(ended.values(valid_to=now, reason=reason, by_id=by_id).execution_options(synchronize_session=False))
    for name, value in changes.items():
        set_committed_value(code, name, value)
    if not last:
        session.execute(insert(CodeEpoch).values(code_id=code.id, epoch=code.epoch, valid_from=now))
        return code
    return make(session, kind=Kind(code.kind), subject_kind=code.subject_kind, subject_id=code.subject_id,
                community_id=code.community_id, label=code.label, mode=Mode(code.mode), now=now)  # fmt: skip
