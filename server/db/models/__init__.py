"""All models, imported once so that the metadata is whole. One file per aggregate."""

from server.db.models import (
    ballots,
    checkins,
    codes,
    media,
    notices,
    orgs,
    people,
    platform,
    registrations,
    requests,
    rosters,
    tallies,
    tasks,
    wishes,
)

__all__ = [
    "ballots",
    "checkins",
    "codes",
    "media",
    "notices",
    "orgs",
    "people",
    "platform",
    "registrations",
    "requests",
    "rosters",
    "tallies",
    "tasks",
    "wishes",
]
