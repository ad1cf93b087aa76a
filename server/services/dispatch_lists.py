"""What is offered to whom: one's own offers, open requests to claim, the claims that wait, the work in hand (mission rows C3–C5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from server.db.models.orgs import OrgNode
from server.db.models.requests import Request, RequestOffer
from server.db.models.tasks import VolunteerTeam
from server.domain.permissions import GRANTS, Actor, Permission
from server.domain.requests import IN_HAND, CheckState, OfferKind, OfferState, RequestState
from server.services import dispatch, lists, receivers, request_gists, scopes


@dataclass(frozen=True)
class OfferLine:
    """An offer, what it is for, what its receiver is called, and why he (or staff) said no."""

    offer: RequestOffer
    request: Request
    community: OrgNode
    receiver: str
    reason: str | None


def mine(session: Session, *, actor: Actor, waiting: bool, after: str | None, limit: int) -> tuple[list[OfferLine], str | None]:
    """Offers to the person, his units and the teams he leads, and his own claims; newest first."""
    wanted = _lines().where(receivers.mine(actor))
    if waiting:
        wanted = wanted.where(RequestOffer.state == OfferState.WAITING)
    return _page(session, wanted, after=after, limit=limit, newest_first=True)


def claims(session: Session, *, actor: Actor, after: str | None, limit: int) -> tuple[list[OfferLine], str | None]:
    """Claims that wait for the secretary, oldest first; another decides on her own."""
    others = or_(RequestOffer.made_by_id.is_(None), RequestOffer.made_by_id != actor.person_id)
    waiting = (RequestOffer.kind == OfferKind.CLAIM, RequestOffer.state == OfferState.WAITING, others)
    reach = scopes.within(actor, Permission.CLAIMS_DECIDE, RequestOffer.community_id)
    return _page(session, _lines().where(*waiting, reach), after=after, limit=limit, newest_first=False)


def of_request(session: Session, request: Request, *, actor: Actor) -> list[OfferLine]:
    """Everybody who was asked or offered himself, and when those called by a whistle came. Raises NOT_FOUND."""
    scopes.require(session, actor, Permission.REQUESTS_DISPATCH, request.community_id)
    rows = session.execute(_lines().where(RequestOffer.request_id == request.id).order_by(RequestOffer.id).limit(200)).all()
    return _named(session, rows)


def line_of(session: Session, row: RequestOffer) -> OfferLine:
    """One offer as a line."""
    return _named(session, session.execute(_lines().where(RequestOffer.id == row.id)).all())[0]


def open_ones(session: Session, *, community: OrgNode, after: str | None, limit: int) -> tuple[list[Request], str | None]:
    """Requests anybody may claim; neither words nor place are shown."""
    wanted = select(Request).where(
        Request.community_id == community.id, Request.state == RequestState.OPEN, Request.check_state == CheckState.PASSED
    )
    rows, following = lists.page(session, wanted, Request, after=after, limit=limit)
    return [row[0] for row in rows], following


def handled(session: Session, *, actor: Actor, after: str | None, limit: int) -> tuple[list[tuple[Request, OrgNode]], str | None]:
    """What the person has in hand, for himself, a unit or a team; oldest first."""
    units = [grant.unit_id for grant in actor.grants if grant.unit_id is not None and Permission.REQUESTS_HANDLE in GRANTS[grant.role]]
    led = select(VolunteerTeam.id).where(VolunteerTeam.leader_id == actor.id, VolunteerTeam.archived_at.is_(None))
    his: ColumnElement[bool] = or_(
        Request.handler_person_id == actor.id, Request.handler_unit_id.in_(units), Request.handler_team_id.in_(led)
    )
    here = select(Request, OrgNode).options(request_gists.WITH_SPOKEN).join(OrgNode, OrgNode.id == Request.community_id)
    wanted = here.where(his, Request.state.in_(IN_HAND))
    rows, following = lists.page(session, wanted, Request, after=after, limit=limit)
    return [(row[0], row[1]) for row in rows], following


def _lines() -> Any:
    return (
        select(RequestOffer, Request, OrgNode)
        .options(request_gists.WITH_SPOKEN)
        .join(Request, Request.id == RequestOffer.request_id)
        .join(OrgNode, OrgNode.id == Request.community_id)
    )


def _page(session: Session, wanted: Any, *, after: str | None, limit: int, newest_first: bool) -> tuple[list[OfferLine], str | None]:
    rows, following = lists.page(session, wanted, RequestOffer, after=after, limit=limit, newest_first=newest_first)
    return _named(session, rows), following


def _named(session: Session, rows: Any) -> list[OfferLine]:
    offers = [row[0] for row in rows]
    names, reasons = receivers.names_of(session, offers), dispatch.reasons_of(session, offers)
    return [OfferLine(offer, request, community, names[offer.id], reasons[offer.id]) for offer, request, community in rows]
