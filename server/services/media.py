"""Pictures: taking one in, its fate after re-encoding, showing it, and the flag for one seen before (mission row B10, R5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select, true, update
from sqlalchemy.orm import Session

from server import defer, files
from server.db.base import new_public_id
from server.db.models.media import Media
from server.db.models.people import Person
from server.domain import voices
from server.domain.days import local_day
from server.domain.media import (
    KEPT,
    LARGEST_BYTES,
    LONGEST_VOICE,
    MediaPurpose,
    MediaState,
    Refusal,
    alike,
    looks_like_picture,
    voice_type,
)
from server.domain.problems import Problem
from server.domain.requests import CheckState

AREA = "media"
NEAR = 2000  # the newest pictures a near-duplicate is looked for among; an exact one is found in all
MOST = 9  # pictures of one record


@dataclass(frozen=True)
class Encoded:
    """A picture as it is kept: the stored JPEG's hash and bytes counted, pixels, perceptual hash (16 hex digits)."""

    sha256: str
    size: int
    width: int
    height: int
    phash: str


def upload(session: Session, *, owner_id: int, purpose: MediaPurpose, data: bytes, now: datetime, declared: int | None = None) -> Media:
    """Take the bytes in and let a worker re-encode them. A voice note is kept as it is.

    Raises MEDIA_NOT_A_PICTURE, MEDIA_TRUNCATED, TOO_LARGE (over 10 MB), VOICE_FORMAT, VOICE_TOO_LONG (over 2 MB or sixty seconds).
    """
    _refuse(purpose, data, declared)
    if purpose is MediaPurpose.VOICE:
        return _keep_voice(session, owner_id, data, now)
    public_id = new_public_id()
    media = Media(
        public_id=public_id,
        owner_id=owner_id,
        purpose=purpose,
        state=MediaState.UPLOADED,
        original=files.put(upload_area(public_id), data),
        check_state=CheckState.CHECKING if purpose is MediaPurpose.REQUEST else None,
        size=len(data),
        created_at=now,
        delete_after=local_day(now) + KEPT,
    )
    session.add(media)
    session.flush()
    defer.defer(session, "media.reencode", now=now, media_id=media.id)
    return media


def upload_all(session: Session, *, owner_id: int, pictures: Sequence[bytes], check: CheckState, now: datetime) -> list[Media]:
    """Several pictures for one request, none kept unless all can be; `check` is what content security knows of them.

    Raises MEDIA_UNFIT for more than nine, else as upload().
    """
    if len(pictures) > MOST:
        raise Problem("MEDIA_UNFIT")
    for data in pictures:
        _refuse(MediaPurpose.REQUEST, data, None)
    made = [upload(session, owner_id=owner_id, purpose=MediaPurpose.REQUEST, data=data, now=now) for data in pictures]
    for one in made:
        one.check_state = check
    session.flush()
    return made


def _refuse(purpose: MediaPurpose, data: bytes, declared: int | None) -> None:
    voice = purpose is MediaPurpose.VOICE
    if len(data) > (LONGEST_VOICE if voice else LARGEST_BYTES):
        raise Problem("VOICE_TOO_LONG" if voice else "TOO_LARGE")
    if declared is not None and declared != len(data):
        raise Problem("MEDIA_TRUNCATED")
    if voice and voice_type(data) is None:
        raise Problem("VOICE_FORMAT")
    if voice and voices.too_long(data):
        raise Problem("VOICE_TOO_LONG")
    if not voice and not looks_like_picture(data):
        raise Problem("MEDIA_NOT_A_PICTURE")


def _keep_voice(session: Session, owner_id: int, data: bytes, now: datetime) -> Media:
    """A voice note is kept as it came; whoever listens to it types the words and decides whether it passes."""
    sha256 = files.put(AREA, data)
    media = Media(
        public_id=new_public_id(),
        owner_id=owner_id,
        purpose=MediaPurpose.VOICE,
        state=MediaState.READY,
        check_state=CheckState.REVIEW,
        original=sha256,
        sha256=sha256,
        size=len(data),
        created_at=now,
        delete_after=local_day(now) + KEPT,
    )
    session.add(media)
    session.flush()
    return media


def upload_area(public_id: str) -> str:
    """Where the uploaded bytes lie until they are re-encoded; nobody else's row points there, so they can be deleted safely."""
    return f"uploads/{public_id}"


def attach(session: Session, public_ids: Sequence[str], *, owner: Person, subject_kind: str, subject_id: int) -> None:
    """Put one's own uploaded pictures on a subject. Raises MEDIA_UNFIT for another's, a refused one, or one already used."""
    if not public_ids:
        return
    fit = (
        update(Media)
        .where(
            Media.public_id.in_(public_ids),
            Media.owner_id == owner.id,
            Media.state.in_((MediaState.UPLOADED, MediaState.READY)),
            or_(Media.check_state.is_(None), Media.check_state != CheckState.REFUSED),
            or_(Media.subject_id.is_(None), (Media.subject_kind == subject_kind) & (Media.subject_id == subject_id)),
        )
        .values(subject_kind=subject_kind, subject_id=subject_id)
    )
    result: Any = session.execute(fit.execution_options(synchronize_session="fetch"))
    if result.rowcount != len(set(public_ids)) or len(public_ids) > MOST:
        raise Problem("MEDIA_UNFIT")


def finish(session: Session, media: Media, encoded: Encoded) -> bool:
    """UPLOADED → READY, with the earlier picture it looks like. False where somebody else finished it."""
    seen = earlier_like(session, media, encoded.phash)
    values = {"sha256": encoded.sha256, "size": encoded.size, "width": encoded.width, "height": encoded.height, "phash": encoded.phash}
    return _fate(session, media, MediaState.READY, reuse_of_id=seen, **values)


def check_later(session: Session, media: Media, *, now: datetime) -> None:
    """Let WeChat look at a picture that others will see, once it is re-encoded."""
    if media.check_state is CheckState.CHECKING:
        defer.defer(session, "media.check", now=now, media_id=media.id)


def refuse(session: Session, media: Media, why: Refusal) -> bool:
    """UPLOADED → REFUSED with the reason. False where somebody else finished it."""
    return _fate(session, media, MediaState.REFUSED, refusal=why.value)


def earlier_like(session: Session, media: Media, phash: str) -> int | None:
    """The id of an earlier picture of another record that is the same or looks alike: exact among all, near among the newest."""
    elsewhere = true() if media.subject_id is None else or_(Media.subject_id != media.subject_id, Media.subject_id.is_(None))
    used = or_(Media.subject_id.is_not(None), Media.owner_id != media.owner_id)
    before = (Media.id < media.id, Media.state == MediaState.READY, elsewhere, used)
    exact = select(Media.id).where(or_(Media.phash == phash, Media.original == media.original), *before).order_by(Media.id).limit(1)
    found = session.execute(exact).scalar()
    if found is not None:
        return found
    newest = select(Media.id, Media.phash).where(*before).order_by(Media.id.desc()).limit(NEAR)
    return next((row.id for row in session.execute(newest) if row.phash and alike(row.phash, phash)), None)


def of_subject(session: Session, kind: str, subject_id: int) -> list[Media]:
    """The pictures and voice notes of one subject, oldest first."""
    mine = select(Media).where(Media.subject_kind == kind, Media.subject_id == subject_id, Media.state != MediaState.DELETED)
    return list(session.execute(mine.order_by(Media.id)).scalars())


def of_records(session: Session, record_ids: Sequence[int]) -> dict[int, list[Media]]:
    """The pictures of these records, oldest first."""
    found: dict[int, list[Media]] = {record_id: [] for record_id in record_ids}
    mine = select(Media).where(Media.subject_kind == "service_record", Media.subject_id.in_(record_ids)).order_by(Media.id)
    for media in session.execute(mine).scalars() if record_ids else ():
        if media.subject_id is not None and media.state is not MediaState.DELETED:
            found[media.subject_id].append(media)
    return found


def picture(media: Media) -> bytes:
    """The JPEG. Raises MEDIA_NOT_READY, MEDIA_REFUSED."""
    if media.state is MediaState.REFUSED:
        raise Problem("MEDIA_REFUSED")
    if media.sha256 is None:
        raise Problem("MEDIA_NOT_READY")
    return files.get(AREA, media.sha256)


def _fate(session: Session, media: Media, to: MediaState, **values: Any) -> bool:
    decided = update(Media).where(Media.id == media.id, Media.state == MediaState.UPLOADED).values(state=to, **values)
    result: Any = session.execute(decided.execution_options(synchronize_session=False))
    return bool(result.rowcount == 1)
