"""A row as it was before a decision, kept as JSON, and put back by a guarded UPDATE (server/services/undos.py).

A row with a state machine goes back by its table's leave, if nobody has moved it since. A plain row (a person, a roster entry, a picture)
has no version: it goes back if the columns that the decision wrote still hold what it wrote.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from server.db.models.care import CarePlan
from server.db.models.checkins import ServiceRecord
from server.db.models.handling import RequestExtension
from server.db.models.media import Media
from server.db.models.people import BindingRequest, Person
from server.db.models.registrations import MemberRegistration, Transfer, UnitRegistration
from server.db.models.requests import Request, RequestOffer, RequestSupplement
from server.db.models.rosters import RosterEntry
from server.db.models.tasks import Claim, Task, TeamMember
from server.db.models.wishes import Wish
from server.domain.handling import CARE_PLAN_TRANSITIONS, EXTENSION_TRANSITIONS
from server.domain.people import BINDING_TRANSITIONS
from server.domain.permissions import Actor
from server.domain.problems import Problem
from server.domain.records import RECORD_TRANSITIONS
from server.domain.registrations import MEMBER_TRANSITIONS, TRANSFER_TRANSITIONS, UNIT_TRANSITIONS
from server.domain.requests import OFFER_TRANSITIONS, REQUEST_TRANSITIONS
from server.domain.states import Rule
from server.domain.tasks import CLAIM_TRANSITIONS, TASK_TRANSITIONS
from server.domain.wishes import WISH_TRANSITIONS
from server.services import events

MACHINES: Mapping[str, tuple[Any, Mapping[Any, Rule[Any]]]] = {
    model.__tablename__: (model, table)
    for model, table in (
        (BindingRequest, BINDING_TRANSITIONS),
        (CarePlan, CARE_PLAN_TRANSITIONS),
        (Claim, CLAIM_TRANSITIONS),
        (MemberRegistration, MEMBER_TRANSITIONS),
        (Request, REQUEST_TRANSITIONS),
        (RequestExtension, EXTENSION_TRANSITIONS),
        (RequestOffer, OFFER_TRANSITIONS),
        (ServiceRecord, RECORD_TRANSITIONS),
        (Task, TASK_TRANSITIONS),
        (Transfer, TRANSFER_TRANSITIONS),
        (UnitRegistration, UNIT_TRANSITIONS),
        (Wish, WISH_TRANSITIONS),
    )
}
MODELS: Mapping[str, Any] = {
    **{name: model for name, (model, _) in MACHINES.items()},
    **{model.__tablename__: model for model in (Media, Person, RequestSupplement, RosterEntry, TeamMember)},
}
FIXED = frozenset({"id", "public_id", "version"})


@dataclass(frozen=True)
class Seen:
    """A row and its columns before the decision; `plain`: guarded by its columns, not by its version."""

    row: Any
    before: dict[str, Any]
    plain: bool = False

    def moved(self) -> bool:
        """By this decision alone: one version on, or, of a plain row, another value somewhere."""
        if not self.plain:
            return bool(self.row.version == self.before["version"] + 1)
        return any(getattr(self.row, name) != value for name, value in self.before.items())

    def saved(self) -> dict[str, Any]:
        """As JSON: the columns that changed, as they were."""
        changed = {name: value for name, value in self.before.items() if name not in FIXED and getattr(self.row, name) != value}
        kept = {"table": type(self.row).__tablename__, "id": self.row.id, "version": getattr(self.row, "version", None)}
        if self.plain:
            kept["after"] = {name: _packed(getattr(self.row, name)) for name in changed}
        else:
            changed = {"state": self.before["state"], **changed}
        return {**kept, "before": {name: _packed(value) for name, value in changed.items()}}


def seen(row: Any, *, plain: bool = False) -> Seen:
    """The row as it is now."""
    names = [prop.key for prop in type(row).__mapper__.column_attrs]
    return Seen(row, {name: getattr(row, name) for name in names}, plain or not hasattr(row, "version"))


def found(session: Session, saved: Mapping[str, Any]) -> Any:
    """The row today. Raises UNDO_MOVED where somebody has changed it since."""
    model = MODELS[saved["table"]]
    row = session.get_one(model, saved["id"], populate_existing=True)
    wrote = {name: _opened(model, name, value) for name, value in saved.get("after", {}).items()}
    if getattr(row, "version", None) != saved["version"] or any(getattr(row, name) != value for name, value in wrote.items()):
        raise Problem("UNDO_MOVED")
    return row


def state_before(row: Any, saved: Mapping[str, Any]) -> Any:
    """The state it comes back to; None for a row without a machine."""
    return _opened(type(row), "state", saved["before"]["state"]) if "state" in saved["before"] else None


def put_back(session: Session, row: Any, saved: Mapping[str, Any], *, actor: Actor, now: datetime) -> None:
    """Write the columns it had. Raises what events.undo raises; UNDO_MOVED for a plain row that was changed at this moment."""
    restored = {name: _opened(type(row), name, value) for name, value in saved["before"].items()}
    if "after" in saved:
        _restore(session, row, restored)
    else:
        before = restored.pop("state")
        events.undo(session, row, table=MACHINES[saved["table"]][1], before=before, actor=actor, now=now, **restored)


def _restore(session: Session, row: Any, restored: Mapping[str, Any]) -> None:
    model = type(row)
    same = [getattr(model, name).is_not_distinct_from(getattr(row, name)) for name in (*restored, "version") if hasattr(model, name)]
    done: Any = session.execute(
        update(model).where(model.id == row.id, *same).values(**restored).execution_options(synchronize_session=False)
    )
    if done.rowcount != 1:
        raise Problem("UNDO_MOVED")
    session.refresh(row)


def _packed(value: Any) -> Any:
    """As JSON, with its kind where JSON has none."""
    if isinstance(value, datetime | date):
        return {"at": value.isoformat()}
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    return value.value if isinstance(value, Enum) else value


def _opened(model: Any, name: str, value: Any) -> Any:
    if isinstance(value, dict) and "at" in value:
        text = value["at"]
        return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
    if isinstance(value, dict) and "bytes" in value:
        return base64.b64decode(value["bytes"])
    enum = getattr(model.__table__.c[name].type, "enum_class", None)
    return enum(value) if enum is not None and value is not None else value
