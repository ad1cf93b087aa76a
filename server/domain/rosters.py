"""Rosters: what can be imported and what an entry may be (mission row A2)."""

from enum import StrEnum


class RosterKind(StrEnum):
    UNITS = "units"
    MEMBERS = "members"


class EntryState(StrEnum):
    LISTED = "listed"
    LEFT = "left"
