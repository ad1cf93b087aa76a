"""Uploaded pictures (mission row B10)."""

from enum import StrEnum


class MediaPurpose(StrEnum):
    RECORD = "record"


class MediaState(StrEnum):
    UPLOADED = "uploaded"
    READY = "ready"
    REFUSED = "refused"
    DELETED = "deleted"
