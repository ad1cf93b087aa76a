"""Entering requests for others: a child for a parent, a clerk on the phone, a grid worker after a round of doors (mission row C1).

Whose request it is, is the one who is asked for 签收 and 评分 later. He agrees by word of mouth or on paper, and who enters it is witness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db import vault
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.requests import Request
from server.domain import classify, request_sheets
from server.domain.categories import REQUEST_CATEGORIES
from server.domain.notices import NoticeKind
from server.domain.people import ConsentChannel, MemberType, Purpose
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.request_desk import OPEN_STATES
from server.domain.requests import Channel, CheckState, Relation
from server.domain.rosters import CellError, Parsed, Sheet, parse_columns
from server.services import consents, notices, people, profiles, request_gists, requests, scopes
from server.services.requests import Details

MOST_OF_A_ROUND = 50
STAFF = (Relation.CLERK, Relation.GRID_WORKER)


@dataclass(frozen=True)
class Represented:
    """Whose request it is: by name, a phone if he has one, how he agreed, and whether he wants the simple display."""

    name: str
    phone: str | None
    consent: ConsentChannel
    elder: bool = False


@dataclass(frozen=True)
class Entry:
    """One request of a round."""

    who: Represented
    details: Details


@dataclass(frozen=True)
class Refused:
    """An entry that was not taken: its place in the list (from 0), the code and the sentence."""

    index: int
    code: str
    message: str


def for_other(
    session: Session,
    *,
    author: Person,
    who: Represented,
    community: OrgNode,
    channel: Channel,
    details: Details,
    text_check: CheckState,
    actor: Actor,
    now: datetime,
) -> Request:
    """A request entered for somebody else; he is told. Staff enter within their scope (a grid worker names his grid), a resident says what
    he is to the other.

    Raises NOT_FOUND out of scope, INVALID without a relation, PHONE_TAKEN where the phone is another name's, and what `submit` does.
    """
    details = replace(details, relation=_relation(session, community, channel, details, actor))
    person = represented(session, who=who, actor=actor, now=now)
    if person.id == author.id:
        raise Problem("INVALID", fields={"person": "给自己提诉求不用代办，请直接提交"})
    made = requests.submit(
        session,
        author=author,
        asked_for=person,
        community=community,
        channel=channel,
        details=details,
        text_check=text_check,
        actor=actor,
        now=now,
    )
    if made.submitted_at == now:
        _tell(session, made, person, now)
    return made


def met_before(session: Session, *, phone: str, community: OrgNode, actor: Actor) -> tuple[str, list[Request]]:
    """Who calls from this number, masked ('' nobody we know), and what of his is open here. Raises NOT_FOUND out of scope."""
    scopes.require(session, actor, Permission.REQUESTS_READ, community.id)
    person = people.by_phone(session, phone)
    if person is None:
        return "", []
    here = select(Request).options(request_gists.WITH_SPOKEN).where(Request.asked_for_id == person.id, Request.community_id == community.id)
    his = here.where(Request.state.in_(OPEN_STATES))
    return profiles.masked_name(people.name_of(person)), list(session.execute(his.order_by(Request.id.desc()).limit(20)).scalars())


def represented(session: Session, *, who: Represented, actor: Actor, now: datetime) -> Person:
    """Find or make him, and keep that he agreed with the actor as witness. Raises PHONE_TAKEN, WITNESS_REQUIRED."""
    person = _known(session, who)
    if person is None:
        person = people.create(session, created_via="proxy", now=now, name=who.name, phone=who.phone, member_type=MemberType.NON_PARTY)
        person.elder = who.elder
    if not consents.stands(session, person_id=person.id, purpose=Purpose.SERVICE):
        consents.give(
            session, person=person, purpose=Purpose.SERVICE, channel=who.consent, witness_id=actor.person_id, actor=actor, now=now
        )
    return person


def a_round(
    session: Session, *, author: Person, community: OrgNode, entries: Sequence[Entry], text_check: CheckState, actor: Actor, now: datetime
) -> tuple[list[Request], list[Refused]]:
    """Enter what a round of doors brought: what can be taken is taken, each other entry is named. Raises NOT_FOUND out of scope."""
    made: list[Request] = []
    refused: list[Refused] = []
    for index, entry in enumerate(entries):
        common = {"author": author, "community": community, "channel": Channel.ROUND, "actor": actor, "now": now}
        try:
            with session.begin_nested():
                made.append(for_other(session, who=entry.who, details=entry.details, text_check=text_check, **common))  # type: ignore[arg-type]
        except Problem as problem:
            if problem.code == "NOT_FOUND":
                raise
            refused.append(Refused(index, problem.code, next(iter(problem.fields.values()), problem.message)))
    return made, refused


def read_sheet(sheets: Sequence[Sheet]) -> Parsed:
    """The rows of a round's sheet. Raises what `rosters.parse` does, ROSTER_TOO_LONG past 500 rows."""
    parsed = parse_columns(request_sheets.COLUMNS, sheets, of_people=True)
    if parsed.rows > request_sheets.MOST_ROWS:
        raise Problem("ROSTER_TOO_LONG")
    return parsed


def import_sheet(
    session: Session,
    *,
    author: Person,
    community: OrgNode,
    grid: OrgNode | None,
    parsed: Parsed,
    text_check: CheckState,
    actor: Actor,
    now: datetime,
) -> tuple[list[Request], list[CellError]]:
    """Enter the readable rows; errors name the cell."""
    entries = [_entry(line.values, grid) for line in parsed.lines]
    made, refused = a_round(session, author=author, community=community, entries=entries, text_check=text_check, actor=actor, now=now)
    column = {"PHONE_TAKEN": "phone", "WITNESS_REQUIRED": "name"}
    wrong = [parsed.error(parsed.lines[one.index], column.get(one.code, "content"), one.message) for one in refused]
    return made, sorted((*parsed.errors, *wrong))


def _entry(values: object, grid: OrgNode | None) -> Entry:
    row = dict(values)  # type: ignore[call-overload]
    content = row["content"]
    guess = next(iter(classify.guesses(content)), None)
    category = row.get("category") or (guess.category if guess else "other")
    details = Details(category, content, row.get("place"), grid=grid)
    if row.get("urgency"):
        details = replace(details, urgency=row["urgency"])
    return Entry(Represented(row["name"], row.get("phone"), ConsentChannel.SPOKEN), details)


def _relation(session: Session, community: OrgNode, channel: Channel, details: Details, actor: Actor) -> Relation:
    """Who enters it: staff by their scope, a resident by what he says he is."""
    if channel is Channel.PROXY:
        if details.relation in (Relation.SELF, *STAFF):
            raise Problem("INVALID", fields={"relation": "请选择您和本人的关系"})
        return details.relation
    scopes.require(session, actor, Permission.REQUESTS_ENTER, (details.grid or community).id)
    return Relation.CLERK if scopes.allows(session, actor, Permission.REQUESTS_TRIAGE, community.id) else Relation.GRID_WORKER


def _known(session: Session, who: Represented) -> Person | None:
    """The person with this phone, if he has this name."""
    known = people.by_phone(session, who.phone) if who.phone else None
    if known is None or (known.name is None and people.has_account(session, known)):
        return known  # who signs in gives his name himself
    if known.name is None:
        people.set_name(known, who.name)
    if known.name_hash != vault.lookup_hash("name", who.name):
        raise Problem("PHONE_TAKEN")
    return known


def _tell(session: Session, request: Request, person: Person, now: datetime) -> None:
    notices.tell(
        session,
        person_id=person.id,
        kind=NoticeKind.REQUEST_PROGRESS,
        subject_kind="request",
        subject_public_id=request.public_id,
        facts={"title": REQUEST_CATEGORIES.get(request.category, "诉求"), "outcome": "entered"},
        dedupe=f"request:{request.id}:entered",
        now=now,
    )
