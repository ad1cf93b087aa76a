"""The shape of a state machine: a table (state, action) → Rule (house law 2). Each subject keeps its table in its own module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from server.domain.permissions import Permission
from server.domain.problems import Problem

S = TypeVar("S", bound=StrEnum)
A = TypeVar("A", bound=StrEnum)


@dataclass(frozen=True)
class Rule(Generic[S]):
    """Where an action leads, the permission it needs on the row's community (None: the service checks who), whether a reason is due.

    `undo`: whoever did it at a desk may take it back within ten seconds; that leads where it came from (server/services/undos.py).
    """

    to: S
    permission: Permission | None = None
    needs_note: bool = False
    undo: bool = False


def permission_for(table: Mapping[tuple[S, A], Rule[S]], action: A) -> Permission | None:
    """What the action needs, whatever the state: asked before the state is, so that a foreign row's state is not told to outsiders."""
    return next((rule.permission for (_, named), rule in table.items() if named is action), None)


def rule_for(table: Mapping[tuple[S, A], Rule[S]], state: S, action: A, *, note: str | None = None) -> Rule[S]:
    """The rule of this move. Raises ILLEGAL_MOVE where the table has none, NOTE_REQUIRED where a reason is missing."""
    rule = table.get((state, action))
    if rule is None:
        raise Problem("ILLEGAL_MOVE", data={"state": state.value, "action": action.value})
    if rule.needs_note and not (note or "").strip():
        raise Problem("NOTE_REQUIRED", fields={"reason": "请写明原因"})
    return rule
