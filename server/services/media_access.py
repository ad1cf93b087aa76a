"""Who may look at a picture or hear a voice note: its owner, and who may see what it belongs to (mission rows B10, C1)."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.checkins import ServiceRecord
from server.db.models.media import Media
from server.db.models.requests import Request
from server.db.models.tasks import Task
from server.domain.media import MediaState
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.requests import IN_HAND, CheckState
from server.services import handling, organisers, requests


def readable(session: Session, public_id: str, actor: Actor) -> Media:
    """The picture, for its owner, for who may confirm the record and who may see the request it belongs to. Raises NOT_FOUND."""
    media = session.execute(select(Media).where(Media.public_id == public_id)).scalar_one_or_none()
    if media is None or media.state is MediaState.DELETED:
        raise Problem("NOT_FOUND")
    if media.owner_id != actor.person_id:
        _require_subject(session, media, actor)
    return media


def _require_subject(session: Session, media: Media, actor: Actor) -> None:
    if media.subject_kind == "request" and media.subject_id is not None:
        _require_request(session, media, session.get_one(Request, media.subject_id), actor)
    elif media.subject_kind == "service_record":
        task = session.execute(
            select(Task).join(ServiceRecord, ServiceRecord.task_id == Task.id).where(ServiceRecord.id == media.subject_id)
        ).scalar_one()
        organisers.require(session, actor, Permission.RECORDS_CONFIRM, task)
    else:
        raise Problem("NOT_FOUND")


def _require_request(session: Session, media: Media, request: Request, actor: Actor) -> None:
    """The staff see all of it, whose request it is what has passed and all of the requesters' own, the handler what has passed, and only
    while he has it in hand.
    """
    if requests.read_by_staff(session, request, actor):
        return
    passed = media.check_state is CheckState.PASSED
    if requests.is_own(request, actor) and (passed or media.owner_id in (request.author_id, request.asked_for_id)):
        return
    if not passed or request.state not in IN_HAND or not handling.is_handler(session, request, actor):
        raise Problem("NOT_FOUND")
