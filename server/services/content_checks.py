"""Content security: WeChat looks at words at once and at pictures later; what is in doubt waits for a human (mission row G2).

`of_text` talks to WeChat and is called before any transaction. Staff who triage a community are the human who looks: their own words pass.
A voice note always waits for somebody who listens. A refused picture is never shown, and the request goes on without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from server import defer, wechat
from server.db.models.media import Media
from server.db.models.people import Person, WechatAccount
from server.db.models.requests import Request, RequestSupplement
from server.domain.categories import REQUEST_CATEGORIES
from server.domain.media import MediaPurpose, MediaState
from server.domain.notices import NoticeKind
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.requests import CheckState, RequestState
from server.services import events, lists, media, notices, request_gists, scopes
from server.wechat.port import WechatError

SCENE = 2  # a comment
LONGEST = 2500  # characters WeChat takes at once
LAPSES = timedelta(minutes=30)  # WeChat promises its verdict on a picture within this
C = CheckState


def openid_of(session: Session, person_id: int) -> str | None:
    """The account he last used; None where he never used a phone."""
    newest = select(WechatAccount.openid).where(WechatAccount.person_id == person_id).order_by(WechatAccount.last_seen_at.desc())
    return session.execute(newest.limit(1)).scalar()


def of_text(openid: str | None, text: str) -> CheckState:
    """What WeChat says of the words: PASSED, or REVIEW by a human where it doubts or cannot say. Raises CONTENT_REFUSED (risky).

    Not to be called inside a transaction.
    """
    if not text.strip():
        return C.PASSED
    if openid is None:
        return C.REVIEW
    try:
        verdicts = [wechat.current().check_text(openid, SCENE, part) for part in _parts(text)]
    except WechatError:  # a visit too long ago, no quota, no answer: a human looks
        return C.REVIEW
    if any(verdict.suggest == "risky" for verdict in verdicts):
        raise Problem("CONTENT_REFUSED")
    return C.PASSED if all(verdict.passed for verdict in verdicts) else C.REVIEW


def of_many(openid: str | None, texts: Sequence[str]) -> CheckState:
    """`of_text` of a whole list at once: one doubt, and a human looks at all of it; nothing of a list is lost to one line."""
    try:
        return of_text(openid, "\n".join(text for text in texts if text))
    except Problem:
        return C.REVIEW


def take(session: Session, request: Request, public_ids: Sequence[str], *, owner: Person, now: datetime) -> None:
    """Put one's own uploads on a request, whatever they were uploaded for: nobody else sees them before they are checked.

    Raises MEDIA_UNFIT.
    """
    media.attach(session, public_ids, owner=owner, subject_kind="request", subject_id=request.id)
    unchecked = (Media.subject_kind == "request", Media.subject_id == request.id, Media.check_state.is_(None))
    for picture in session.execute(select(Media).where(*unchecked)).scalars().all() if public_ids else ():
        picture.check_state = C.CHECKING
        defer.defer(session, "media.check", now=now, media_id=picture.id)  # one still to be re-encoded is looked at after that
    settle(session, request)


def settle(session: Session, request: Request) -> CheckState:
    """The state of the whole from its words and pictures, read under the request's lock."""
    session.execute(select(Request.id).where(Request.id == request.id).with_for_update()).all()
    parts = [request.text_check]
    mine = select(Media.check_state).where(
        Media.subject_kind == "request", Media.subject_id == request.id, Media.state.in_((MediaState.UPLOADED, MediaState.READY))
    )
    parts += [state for state in session.execute(mine).scalars() if state in (C.CHECKING, C.REVIEW)]
    added = select(RequestSupplement.check_state).where(RequestSupplement.request_id == request.id)
    parts += [state for state in session.execute(added).scalars() if state is C.REVIEW]
    request.check_state = _worst(parts)
    session.flush()
    return request.check_state


def decide(session: Session, request: Request, *, passes: bool, reason: str | None, actor: Actor, now: datetime) -> Request:
    """A human has looked at all that waits. Raises NOT_FOUND out of scope, ILLEGAL_MOVE where nothing waits, NOTE_REQUIRED for a no."""
    scopes.require(session, actor, Permission.REQUESTS_TRIAGE, request.community_id)
    if request.state is RequestState.DRAFT:
        raise Problem("NOT_FOUND")
    if request.check_state not in (C.REVIEW, C.CHECKING):
        raise Problem("ILLEGAL_MOVE", data={"state": request.check_state.value})
    if not passes and not (reason or "").strip():
        raise Problem("NOTE_REQUIRED", fields={"reason": "请写明原因"})
    verdict = C.PASSED if passes else C.REFUSED
    if request.text_check is C.REVIEW:
        request.text_check = verdict
    for part in parts_of(session, request):
        part.check_state = verdict
    session.flush()
    settle(session, request)
    events.add(session, request, action="pass_content" if passes else "refuse_content", actor=actor, now=now, note=reason)
    return request


def parts_of(session: Session, request: Request) -> list[Media | RequestSupplement]:
    """Pictures, voice notes and additions that wait for a human, held until the transaction ends."""
    of_request = (Media.subject_kind == "request", Media.subject_id == request.id, Media.check_state.in_((C.REVIEW, C.CHECKING)))
    added = (RequestSupplement.request_id == request.id, RequestSupplement.check_state == C.REVIEW)
    parts: list[Media | RequestSupplement] = []
    for wanted in (select(Media).where(*of_request), select(RequestSupplement).where(*added)):
        held = wanted.with_for_update(key_share=True).execution_options(populate_existing=True)
        parts += session.execute(held).scalars().all()
    return parts


def heard(session: Session, request: Request) -> None:
    """Somebody has listened to the voice notes and found nothing against them."""
    notes = (Media.subject_kind == "request", Media.subject_id == request.id, Media.purpose == MediaPurpose.VOICE)
    session.execute(update(Media).where(*notes, Media.check_state == C.REVIEW).values(check_state=C.PASSED))
    session.flush()


def waiting(session: Session, *, community_id: int, actor: Actor, after: str | None, limit: int) -> tuple[list[Request], str | None]:
    """What waits for a human in a community, oldest first, and the next `after`. Raises NOT_FOUND out of scope."""
    scopes.require(session, actor, Permission.REQUESTS_TRIAGE, community_id)
    wanted = (
        select(Request)
        .options(request_gists.WITH_SPOKEN)
        .where(Request.community_id == community_id, Request.check_state == C.REVIEW, Request.state != RequestState.DRAFT)
    )
    rows, following = lists.page(session, wanted, Request, after=after, limit=limit)
    return [row[0] for row in rows], following


def note_trace(session: Session, media: Media, trace: str, *, now: datetime) -> None:
    """WeChat looks at the picture and will say so under this trace."""
    media.check_trace, media.checked_at = trace, now
    session.flush()


def picture_judged(session: Session, media: Media, verdict: CheckState, *, now: datetime) -> None:
    """CHECKING → the verdict, once; the request it is on follows, and who sent it is told of a refusal."""
    if media.check_state is not C.CHECKING:
        return
    media.check_state = verdict
    session.flush()
    if media.subject_kind != "request" or media.subject_id is None:
        return
    request = session.get_one(Request, media.subject_id)
    settle(session, request)
    if verdict is C.REFUSED and request.state is not RequestState.DRAFT:
        _tell_refused(session, request, media, now)


def verdict_of(suggest: Any) -> CheckState:
    """WeChat's word in ours: only an explicit pass passes."""
    return {"pass": C.PASSED, "risky": C.REFUSED}.get(suggest, C.REVIEW)


def lapse_due(session: Session, *, now: datetime) -> int:
    """Pictures WeChat said nothing about for half an hour go to a human. Returns how many."""
    since = func.coalesce(Media.checked_at, Media.created_at)
    late = select(Media).where(Media.check_state == C.CHECKING, since <= now - LAPSES).order_by(Media.id).limit(500)
    rows = session.execute(late).scalars().all()
    for picture in rows:
        picture_judged(session, picture, C.REVIEW, now=now)
    return len(rows)


def _tell_refused(session: Session, request: Request, media: Media, now: datetime) -> None:
    notices.tell(
        session,
        person_id=media.owner_id,
        kind=NoticeKind.REQUEST_PROGRESS,
        subject_kind="request",
        subject_public_id=request.public_id,
        facts={"title": REQUEST_CATEGORIES.get(request.category, "诉求"), "outcome": "picture_refused"},
        dedupe=f"picture:{media.id}",
        now=now,
    )


def _parts(text: str) -> list[str]:
    return [text[start : start + LONGEST] for start in range(0, len(text), LONGEST)]


def _worst(parts: Sequence[CheckState]) -> CheckState:
    return next((state for state in (C.REFUSED, C.REVIEW, C.CHECKING) if state in parts), C.PASSED)
