"""Receipts and service certificates: numbered, printed by a job, verified by anyone through their code (mission row A6).

What a document says is sealed as JSON under the salt of the person (or unit) it speaks of: erasing him leaves a number without a name.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from qr.tokens import Kind, Mode
from server import defer
from server.db import vault
from server.db.base import new_public_id
from server.db.models.checkins import ServiceRecord
from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import Person
from server.db.models.registrations import Document, MemberRegistration, UnitRegistration
from server.domain import documents
from server.domain.days import local_day
from server.domain.documents import DOCUMENT_NAMES, DocumentKind
from server.domain.permissions import Actor, Permission, may_for_unit
from server.domain.problems import Problem
from server.domain.records import COUNTS
from server.services import codes, events, lists, people, registrations, scopes, serials, unit_registrations
from server.services.codes import CodeRefused

FACTS = "document.facts"
SUBJECT = "document"
AREA = "documents"  # of the files port
Form = Literal["png", "pdf"]


@dataclass(frozen=True)
class Verified:
    """What the public page may say of a scanned code: `state` genuine, revoked, forged or other (a code of ours, not of a document)."""

    state: str
    document: Document | None = None
    facts: Mapping[str, Any] | None = None


def member_receipt(session: Session, row: MemberRegistration, *, actor: Actor, base: str, now: datetime) -> Document:
    """The 回执 of an accepted registration; asked for again it is the same. Raises NOT_FOUND for somebody else's, ILLEGAL_MOVE before."""
    if row.person_id != actor.person_id:
        scopes.require(session, actor, Permission.DOCUMENTS_ISSUE, row.community_id)
    if row.receipt_no is None or row.valid_from is None:
        raise Problem("ILLEGAL_MOVE")
    person, community = session.get_one(Person, row.person_id), session.get_one(OrgNode, row.community_id)
    unit = session.get(Unit, row.unit_id) if row.unit_id else None
    name = people.name_of(person)
    lines = documents.member_receipt_lines(
        name=name, unit=unit.name if unit else "", community=community.name, day=row.valid_from, number=row.receipt_no
    )
    facts = {"name": name, "lines": lines, "date": row.valid_from.isoformat()}
    kind = DocumentKind.MEMBER_RECEIPT
    return _once(session, kind, row.receipt_no, community, facts, actor=actor, base=base, now=now, person=person)


def unit_receipt(session: Session, row: UnitRegistration, *, actor: Actor, base: str, now: datetime) -> Document:
    """The 回执 of a unit's registration, once it was sent. Raises NOT_FOUND for another unit's, ILLEGAL_MOVE before."""
    unit, community = session.get_one(Unit, row.unit_id), session.get_one(OrgNode, row.community_id)
    unit_registrations.require_unit(session, actor, unit)
    if row.receipt_no is None:
        raise Problem("ILLEGAL_MOVE")
    lines = documents.unit_receipt_lines(
        unit=unit.name, community=community.name, opinion=row.opinion or "", sent_to=row.receipt_sent_to or "", number=row.receipt_no
    )
    facts = {"name": unit.name, "lines": lines, "date": local_day(row.decided_at or now).isoformat()}
    return _once(session, DocumentKind.UNIT_RECEIPT, row.receipt_no, community, facts, actor=actor, base=base, now=now, unit=unit)


def own_certificate(session: Session, *, person: Person, first: date, last: date, actor: Actor, base: str, now: datetime) -> Document:
    """The certificate a person asks for himself, free and on request. Raises INVALID, CERTIFICATE_EMPTY, NAME_REQUIRED."""
    live = registrations.live_of(session, person_id=person.id)
    latest = select(ServiceRecord.community_id).where(ServiceRecord.person_id == person.id, ServiceRecord.state.in_(COUNTS))
    place = live.community_id if live else session.execute(latest.order_by(ServiceRecord.id.desc()).limit(1)).scalar()
    if place is None:
        raise Problem("CERTIFICATE_EMPTY")
    community = session.get_one(OrgNode, place)
    return _certificate(session, person, community, first, last, actor=actor, base=base, now=now)


def certificate_for(
    session: Session, *, person: Person, community: OrgNode, first: date, last: date, actor: Actor, base: str, now: datetime
) -> Document:
    """The certificate a clerk prints for a member of her community. Raises NOT_FOUND, and what `own_certificate` refuses."""
    scopes.require(session, actor, Permission.DOCUMENTS_ISSUE, community.id)
    registered = select(MemberRegistration.id).where(
        MemberRegistration.person_id == person.id,
        MemberRegistration.community_id == community.id,
        MemberRegistration.valid_from.is_not(None),
    )
    if session.execute(registered).first() is None:
        raise Problem("NOT_FOUND")
    return _certificate(session, person, community, first, last, actor=actor, base=base, now=now)


def revoke(session: Session, row: Document, *, reason: str, actor: Actor, now: datetime) -> Document:
    """Say that a document no longer holds; the public page says so too. Raises NOT_FOUND, NOTE_REQUIRED, ILLEGAL_MOVE."""
    scopes.require(session, actor, Permission.DOCUMENTS_ISSUE, row.community_id)
    if not reason.strip():
        raise Problem("NOTE_REQUIRED", fields={"reason": "请写明原因"})
    if row.revoked_at is not None:
        raise Problem("ILLEGAL_MOVE")
    row.revoked_at, row.revoked_reason = now, reason
    session.flush()
    events.add(session, row, action="revoke", actor=actor, now=now, note=reason)
    return row


def readable(session: Session, public_id: str, *, actor: Actor) -> Document:
    """The document, for whom it speaks of and for the staff who issue them. Raises NOT_FOUND."""
    row = session.execute(select(Document).where(Document.public_id == public_id)).scalar_one_or_none()
    if row is None:
        raise Problem("NOT_FOUND")
    mine = row.person_id is not None and row.person_id == actor.person_id
    ours = row.unit_id is not None and may_for_unit(actor, Permission.UNIT_REGISTRATIONS_SUBMIT, row.unit_id)
    if not (mine or ours):
        scopes.require(session, actor, Permission.DOCUMENTS_ISSUE, row.community_id)
    return row


def of_person(session: Session, *, person: Person) -> list[Document]:
    """A person's documents, the newest first, at most fifty. Who holds `person` opens all of them without asking again."""
    found = select(Document).where(Document.person_id == person.id).order_by(Document.id.desc()).limit(50)
    return list(session.execute(found).scalars())


def of_unit(session: Session, *, unit: Unit) -> list[Document]:
    """A unit's documents, the newest first. Who holds `unit` opens all of them without asking again."""
    return list(session.execute(select(Document).where(Document.unit_id == unit.id).order_by(Document.id.desc()).limit(50)).scalars())


def page(
    session: Session, *, community: OrgNode, kind: DocumentKind | None, serial: str, actor: Actor, after: str | None, limit: int
) -> tuple[list[tuple[Document, str]], str | None]:
    """What a community has issued, the newest first, each with the name it speaks of ('' once erased). Raises NOT_FOUND out of scope."""
    scopes.require(session, actor, Permission.DOCUMENTS_ISSUE, community.id)
    found = select(Document, Person, Unit).outerjoin(Person, Person.id == Document.person_id).outerjoin(Unit, Unit.id == Document.unit_id)
    found = found.where(Document.community_id == community.id)
    found = found.where(Document.kind == kind) if kind is not None else found
    found = found.where(Document.serial == serial) if serial else found
    rows, following = lists.page(session, found, Document, after=after, limit=limit, newest_first=True)
    return [(row, unit.name if unit is not None else people.name_of(person)) for row, person, unit in rows], following


def facts_of(session: Session, row: Document) -> dict[str, Any]:
    """What the document says: name, lines, date, link, issuer; certificates first, last, visits, minutes. {} once he was erased."""
    text = vault.open_sealed(_salt(session, row), FACTS, row.public_id, row.facts)
    return dict(json.loads(text)) if text else {}


def verify(session: Session, text: str, *, now: datetime) -> Verified:
    """What a scanned code proves. Never raises for a bad code: the public page says so instead."""
    try:
        code = codes.resolve(session, text, now).code
    except CodeRefused as refused:
        return Verified("revoked" if refused.code in ("QR_REVOKED", "QR_KEY_RETIRED") else "forged")
    if code.kind != Kind.CERTIFICATE or code.subject_kind != SUBJECT:
        return Verified("other")
    row = session.get_one(Document, code.subject_id)
    return Verified("genuine" if row.revoked_at is None else "revoked", row, facts_of(session, row))


def verify_paper(session: Session, *, serial: str, name: str) -> Verified:
    """The same for who types what stands on the paper: number and name must both be right, so that numbers cannot be tried out."""
    typed = vault.normalise(serial)
    found = session.execute(select(Document).where(Document.serial.in_({typed, typed.upper()}))).scalars().first()
    facts = facts_of(session, found) if found is not None else {}
    if found is None or not facts or vault.normalise(facts["name"]) != vault.normalise(name):
        return Verified("forged")
    return Verified("genuine" if found.revoked_at is None else "revoked", found, facts)


def seal_print(session: Session, row: Document, form: Form, data: bytes) -> bytes:
    """A printed file as it may lie on a disk: it names the person, so it dies with his salt too."""
    return vault.seal(_salt(session, row) or b"", f"document.{form}", row.public_id, base64.b64encode(data).decode())


def open_print(session: Session, row: Document, form: Form, box: bytes) -> bytes:
    """The printed file. Raises NOT_FOUND once the person was erased."""
    text = vault.open_sealed(_salt(session, row), f"document.{form}", row.public_id, box)
    if not text:
        raise Problem("NOT_FOUND")
    return base64.b64decode(text)


def keep_prints(session: Session, row: Document, *, png: str, pdf: str) -> None:
    """Where the job put the sealed files, by their hashes."""
    row.png, row.pdf = png, pdf
    session.flush()


def _salt(session: Session, row: Document) -> bytes | None:
    return session.get_one(Person, row.person_id).salt if row.person_id else session.get_one(Unit, row.unit_id).salt


def _certificate(
    session: Session, person: Person, community: OrgNode, first: date, last: date, *, actor: Actor, base: str, now: datetime
) -> Document:
    if not first <= last <= local_day(now):
        raise Problem("INVALID", fields={"first": "起止日期要先后有序，且不晚于今天"})
    if person.name is None:
        raise Problem("NAME_REQUIRED")
    counted = select(func.count(), func.coalesce(func.sum(ServiceRecord.minutes), 0)).where(
        ServiceRecord.person_id == person.id, ServiceRecord.state.in_(COUNTS), ServiceRecord.day.between(first, last)
    )
    visits, minutes = session.execute(counted).one()
    if not visits:
        raise Problem("CERTIFICATE_EMPTY")
    name = people.name_of(person)
    lines = documents.certificate_lines(name=name, first=first, last=last, visits=visits, minutes=int(minutes))
    period = {"first": first.isoformat(), "last": last.isoformat(), "visits": visits, "minutes": int(minutes)}
    facts = {"name": name, "lines": lines, "date": local_day(now).isoformat(), **period}
    serial = serials.following(session, series=serials.CERTIFICATE, community=community, now=now)
    kind = DocumentKind.SERVICE_CERTIFICATE
    return _issue(session, kind, serial, community, facts, actor=actor, base=base, now=now, person=person)


def _once(session: Session, kind: DocumentKind, serial: str, community: OrgNode, facts: dict[str, Any], **about: Any) -> Document:
    """A receipt is one document for its number, however often it is asked for; after a revocation it needs a new number."""
    standing = session.execute(select(Document).where(Document.serial == serial)).scalar_one_or_none()
    if standing is not None:
        return standing
    return _issue(session, kind, serial, community, facts, **about)


def _issue(
    session: Session,
    kind: DocumentKind,
    serial: str,
    community: OrgNode,
    facts: dict[str, Any],
    *,
    actor: Actor,
    base: str,
    now: datetime,
    person: Person | None = None,
    unit: Unit | None = None,
) -> Document:
    """Seal what it says together with the link of its code, and let a job print it."""
    row = Document(
        public_id=new_public_id(),
        kind=kind,
        serial=serial,
        person_id=person.id if person else None,
        unit_id=unit.id if unit else None,
        community_id=community.id,
        facts=b"",
        issued_at=now,
        issued_by=actor.person_id,
    )
    session.add(row)
    session.flush()  # its code holds the document's id
    code = codes.make(
        session, kind=Kind.CERTIFICATE, subject_kind=SUBJECT, subject_id=row.id, community_id=community.id, label=serial, mode=Mode.STATIC,
        now=now,
    )  # fmt: skip
    said = {**facts, "title": DOCUMENT_NAMES[kind], "issuer": community.name, "link": f"{base}/v/{codes.token_of(code, now=now)}"}
    owner: Any = person or unit
    row.facts = vault.seal(owner.salt, FACTS, row.public_id, json.dumps(said, ensure_ascii=False))
    session.flush()
    events.add(session, row, action="issue", actor=actor, now=now, after=kind.value)
    defer.defer(session, "documents.render", now=now, document_id=row.id)
    return row
