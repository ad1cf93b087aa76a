"""What a route does before its transaction: letting WeChat look at the words somebody sends (mission row G2)."""

from __future__ import annotations

from collections.abc import Sequence

from server.db.base import reading
from server.domain.permissions import Actor, Permission
from server.domain.requests import CheckState
from server.services import content_checks, places, scopes


def words(actor: Actor, *texts: str | None, community: str | None = None) -> CheckState:
    """PASSED or REVIEW; staff who triage the community are the human who looks. Raises CONTENT_REFUSED, NOT_FOUND."""
    said = [text for text in texts if text]
    return content_checks.of_text(_openid(actor), "\n".join(said)) if said and not _looks(actor, community) else CheckState.PASSED


def many(actor: Actor, texts: Sequence[str | None], *, community: str) -> CheckState:
    """`words` of a whole list; a doubt about one sends the list to a human instead of refusing it."""
    said = [text for text in texts if text]
    return content_checks.of_many(_openid(actor), said) if said and not _looks(actor, community) else CheckState.PASSED


def _looks(actor: Actor, community: str | None) -> bool:
    if community is None:
        return False
    with reading() as session:
        node = places.node(session, community)
        return scopes.allows(session, actor, Permission.REQUESTS_TRIAGE, node.id)


def _openid(actor: Actor) -> str | None:
    with reading() as session:
        return content_checks.openid_of(session, actor.id)
