"""What test_scope asks for: one object of every kind in 示例社区, by the place in an address where its id stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.console.desk import Spot
from server.db import vault
from server.db.base import new_public_id
from server.db.models.ballots import Ballot
from server.db.models.orgs import Unit
from server.db.models.people import LoginSession, Person, RoleGrant, StaffLogin
from server.db.models.platform import Undo
from server.db.models.registrations import MemberRegistration
from server.db.models.requests import Request, RequestOffer
from server.db.models.reviews import ReviewItem
from server.db.models.tasks import Task
from server.domain.exports import ExportKind
from server.domain.operations import OperationKind
from server.domain.permissions import SYSTEM, Actor, Role
from server.services import ballot_openings, exports, operations, people, screens, staff
from tests.browser.worlds import FILLS
from tests.factories.checkins import a_scan, code_of, open_task
from tests.factories.people import Tree, a_person, actor_of, with_role
from tests.factories.ratings import VERY, a_finished, ballot, cast_ballots
from tests.factories.requests import a_request
from tests.hostile.residents import a_picture

PLACEHOLDER = re.compile(r"<(\w+)>")
# (the address before the placeholder, without placeholders; its name) → which object of the world; `=x`: the word itself.
OBJECTS: Mapping[tuple[str, str], str] = {
    ("undos", "id"): "undo",
    ("go", "kind"): "=request",
    ("go", "id"): "request",
    ("claims", "id"): "duty_claim",
    ("records", "id"): "duty_record",
    ("registrations", "id"): "duty_registration",
    ("transfers", "id"): "duty_transfer",
    ("bindings", "id"): "duty_binding",
    ("merges", "id"): "merge",
    ("unit-registrations", "id"): "duty_unit_registration",
    ("requests", "id"): "request",
    ("request-claims", "id"): "offer",
    ("requests/claims", "offer"): "offer",
    ("requests/offers", "offer"): "offer",
    ("media", "id"): "media",
    ("content-checks", "id"): "request_check",
    ("content-checks/comments", "key"): "comment",
    ("wishes", "id"): "wish",
    ("wishes", "move"): "=release",
    ("feedbacks", "id"): "feedback",
    ("reviews", "id"): "panel",
    ("reviews/items", "item"): "review_item",
    ("reviews/volunteers", "person"): "member",
    ("reviews/slips", "person"): "member",
    ("care", "id"): "care",
    ("mediations", "id"): "mediation",
    ("stations", "id"): "station",
    ("funnel", "bucket"): "=to_triage",
    ("tasks", "id"): "task",
    ("tasks/claims", "claim_id"): "task_claim",
    ("codes", "id"): "task_code",
    ("codes/prints", "id"): "poster",
    ("screens", "id"): "screen",
    ("halls", "id"): "hall",
    ("members", "id"): "member",
    ("units", "id"): "unit",
    ("teams", "id"): "team",
    ("teams/members", "person"): "member",
    ("teams/members", "act"): "=leave",
    ("documents", "id"): "document",
    ("documents", "form"): "=pdf",
    ("rosters/templates", "kind"): "=members",
    ("rosters", "id"): "draft",
    ("rosters/imports", "id"): "imported",
    ("exports", "id"): "export",
    ("orgs", "id"): "community",
    ("roles", "id"): "grant",
    ("roles/people", "id"): "clerk",
    ("policies", "key"): "=claims.remind_hours",
    ("keys", "ring"): "=qr",
    ("keys", "kid"): "=1",
    ("keys/reseals", "id"): "reseal",
    ("audit/verifications", "id"): "verification",
    ("account/sessions", "id"): "session",
}


def fill(session: Session, tree: Tree, who: Person, now: datetime) -> dict[str, str]:
    """The community as the browser tests show it, and what they do not need: a screen, a print, an export, a comment, an undo."""
    ids: dict[str, str] = {"community": tree.community.public_id, "street": tree.street.public_id, "grid": tree.grid.public_id}
    for each in FILLS:
        ids |= each(session, tree, who, now)
    actor = actor_of(session, who, now)
    clerk = with_role(session, now, Role.CLERK, tree.community, "文书欧阳")
    staff.create(session, person=clerk, login="clerk-a", actor=SYSTEM, now=now)
    ids |= {"clerk": clerk.public_id, "who": who.public_id}
    rows: dict[str, Any] = {
        "screen": _screen(session, tree, actor, now),
        "export": exports.ask(session, kind=next(iter(ExportKind)), node=tree.community, asked={}, reason="核对", actor=actor, now=now),
        "reseal": operations.start(session, OperationKind.KEYS_RESEAL, actor=actor, now=now, ring="fields"),
        "verification": operations.start(session, OperationKind.AUDIT_VERIFY, actor=actor, now=now),
        "grant": session.execute(select(RoleGrant).where(RoleGrant.person_id == clerk.id)).scalar_one(),
        "session": session.execute(select(LoginSession).where(LoginSession.person_id == who.id).limit(1)).scalar_one(),
        "undo": _undo(session, who, now),
        "media": _picture(session, tree, now),
        **{name: _any(session, model) for name, model in (("offer", RequestOffer), ("review_item", ReviewItem))},
    }
    return ids | {name: row.public_id for name, row in rows.items()} | {"comment": _comment(session, tree, now)}


def secrets(session: Session, tree: Tree, ours: set[int]) -> set[str]:
    """What nobody of the neighbour may read: names of people and units, titles, logins, what was asked.

    Not secret are `ours`, and who moved in from there with his unit: they know him.
    """
    moved = select(MemberRegistration.person_id).where(MemberRegistration.community_id == tree.neighbour.id)
    known = ours | set(session.execute(moved).scalars())
    strangers = session.execute(select(Person).where(Person.id.not_in(known))).scalars()
    theirs = select(Person.unit_id).where(Person.id.in_(known), Person.unit_id.is_not(None))
    found = {people.name_of(row) for row in strangers} | set(session.execute(select(Unit.name).where(Unit.id.not_in(theirs))).scalars())
    found |= set(session.execute(select(Task.title)).scalars()) | set(session.execute(select(StaffLogin.login)).scalars())
    found |= {_words(row) for row in session.execute(select(Request)).scalars()}
    return {word for word in found if len(word) > 1}


def address(spot: Spot, ids: Mapping[str, str]) -> str:
    """The spot's address with the objects of the world. Raises KeyError for a placeholder that the table does not know."""
    made, before = [], []
    for part in spot.rule.strip("/").split("/"):
        match = PLACEHOLDER.fullmatch(part)
        if match is None:
            made.append(part)
            before.append(part)
            continue
        name = OBJECTS[("/".join(before), match.group(1))]
        made.append(name[1:] if name.startswith("=") else ids[name])
    return "/console/" + "/".join(made)


def _screen(session: Session, tree: Tree, actor: Actor, now: datetime) -> Any:
    task = open_task(session, now, tree, a_person(session, now, "组织者端木"), title="大屏上的活动", rotating=True)
    a_scan(session, now, task, a_person(session, now, "到场的司马"))
    screen, _ = screens.open_screen(session, code_of(session, task), actor=actor, now=now)
    return screen


def _undo(session: Session, who: Person, now: datetime) -> Undo:
    row = Undo(public_id=new_public_id(), person_id=who.id, action="x", made_at=now, until=now.replace(year=2027), done=[], failed=[])
    session.add(row)
    session.flush()
    return row


def _picture(session: Session, tree: Tree, now: datetime) -> Any:
    """A picture that belongs to a request."""
    asker = a_person(session, now, "拍照的令狐")
    picture = a_picture(session, now, asker, 7)
    a_request(session, now, tree, asker, content="令狐家门口的路灯不亮", media=[picture.public_id])
    return picture


def _comment(session: Session, tree: Tree, now: datetime) -> str:
    """The key of a ballot with a comment in it."""
    request = a_finished(session, now, tree, a_person(session, now, "评议的上官"))
    cell = cast_ballots(session, request, [ballot(VERY, comment="上官说做得很好") for _ in range(5)])
    ballot_openings.open_cell(session, cell.id, now=now)
    return session.execute(select(Ballot.key).where(Ballot.cell_id == cell.id).limit(1)).scalar_one()


def _any(session: Session, model: Any) -> Any:
    return session.execute(select(model).order_by(model.id).limit(1)).scalar_one()


def _words(request: Request) -> str:
    return vault.open_sealed(request.salt, "request.content", request.public_id, request.content)
