"""All models, imported once so that the metadata is whole. One file per aggregate."""

from server.db.models import checkins, codes, media, notices, orgs, people, platform, registrations, rosters, tallies, tasks

__all__ = [
    "checkins",
    "codes",
    "media",
    "notices",
    "orgs",
    "people",
    "platform",
    "registrations",
    "rosters",
    "tallies",
    "tasks",
]
