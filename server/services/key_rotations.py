"""Rotating a key ring from the console, step by step: add, use, seal anew, retire (mission row G7; docs/operations.md).

Every process reads the key file again before its next request or job, so a new key is known everywhere after a minute: only then may it be
used. The look-up ring cannot be rotated: whoever is registered would not be found any more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from server.db import keys, vault
from server.db.models.platform import Operation
from server.domain.operations import OperationKind
from server.domain.permissions import Actor
from server.domain.problems import Problem
from server.services import operations, reseals

SETTLES = timedelta(minutes=1)
ROTATABLE: Sequence[keys.RingName] = ("qr", "fields")
KINDS = frozenset(OperationKind) - {OperationKind.AUDIT_VERIFY}


@dataclass(frozen=True)
class Ring:
    """One ring without its secrets: (kid, state) of its keys; the key that waits to be used, if any; those that may be retired."""

    name: keys.RingName
    places: Sequence[tuple[int, str]]
    waiting: int | None
    former: Sequence[int]
    rotatable: bool


def rings() -> list[Ring]:
    """All three. A key younger than the one in use waits; an older one that still verifies may be retired."""
    return [_ring(name, places) for name, places in vault.current().rings.items()]


def ring_of(name: str) -> Ring:
    """The ring that may be rotated. Raises NOT_FOUND."""
    found = next((ring for ring in rings() if ring.name == name and ring.rotatable), None)
    if found is None:
        raise Problem("NOT_FOUND")
    return found


def add(session: Session, ring: Ring, *, actor: Actor, now: datetime) -> Operation:
    """First step: a key that only verifies. Raises STALE while one waits already, KEYS_FULL."""
    if ring.waiting is not None:
        raise Problem("STALE")
    kid = max(kid for kid, _ in ring.places) + 1
    if kid >= keys.PLACES:
        raise Problem("KEYS_FULL")
    made = operations.note(session, OperationKind.KEYS_ADD, actor=actor, now=now, ring=ring.name, kid=kid)
    _write(lambda stored: keys.add(stored, ring.name))
    return made


def promote(session: Session, ring: Ring, *, kid: int, actor: Actor, now: datetime) -> Operation:
    """Second step: from now on new things are made with it. Raises STALE, KEYS_SOON."""
    if ring.waiting != kid:
        raise Problem("STALE")
    if now < (ready_at(session, ring) or now):
        raise Problem("KEYS_SOON")
    made = operations.note(session, OperationKind.KEYS_PROMOTE, actor=actor, now=now, ring=ring.name, kid=kid)
    _write(lambda stored: keys.promote(stored, ring.name, kid))
    return made


def reseal(session: Session, *, actor: Actor, now: datetime) -> Operation:
    """Third step for the fields: a job seals everything anew."""
    return operations.start(session, OperationKind.KEYS_RESEAL, actor=actor, now=now, ring="fields")


def retire(session: Session, ring: Ring, *, kid: int, actor: Actor, now: datetime) -> Operation:
    """Last step: nothing made with it is accepted any more. Raises STALE, KEYS_IN_USE, RedisError."""
    if kid not in ring.former:
        raise Problem("STALE")
    if ring.name == "fields" and reseals.sealed_with(session, kid):
        raise Problem("KEYS_IN_USE")
    made = operations.note(session, OperationKind.KEYS_RETIRE, actor=actor, now=now, ring=ring.name, kid=kid)
    _write(lambda stored: keys.retire(stored, ring.name, kid))
    return made


def ready_at(session: Session, ring: Ring) -> datetime | None:
    """When the key that waits may be used; None where none was added from here."""
    for operation, _ in operations.newest(session, (OperationKind.KEYS_ADD,), limit=10):
        if operation.args == {"ring": ring.name, "kid": ring.waiting}:
            return operation.asked_at + SETTLES
    return None


def _ring(name: keys.RingName, places: Sequence[keys.Key]) -> Ring:
    states: Mapping[int, str] = {key.kid: key.state for key in places}
    used = next(kid for kid, state in states.items() if state == "sign")
    verifying = [kid for kid, state in states.items() if state == "verify"]
    waiting = max((kid for kid in verifying if kid > used), default=None)
    former = [kid for kid in verifying if kid < used]
    return Ring(name, sorted(states.items(), reverse=True), waiting, former, name in ROTATABLE)


def _write(step: Callable[[keys.Rings], keys.Rings]) -> None:
    """Raises STALE where the command line was quicker."""
    try:
        vault.change(step)
    except keys.KeyFileError:
        raise Problem("STALE") from None
