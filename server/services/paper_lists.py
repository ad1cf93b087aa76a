"""Names on a paper list and the persons they belong to: found by the whole name, a phone tells namesakes apart (mission row B5; R6)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from server.db import vault
from server.db.models.people import Person
from server.db.models.registrations import MemberRegistration
from server.db.models.tasks import Claim, Task
from server.domain.people import PersonState
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.registrations import LIVE
from server.services import organisers

MOST = 200  # names a list, as many as one decision may be about


def persons(session: Session, task: Task, text: str, *, actor: Actor) -> list[Person]:
    """The persons of a list, a line each: 姓名, or 姓名 手机号; among those registered in the task's community and those who claimed it.

    Raises NOT_FOUND out of scope, INVALID naming the lines that fit nobody or more than one; then none is taken.
    """
    organisers.require(session, actor, Permission.ATTENDANCE_RECORD, task)
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not 1 <= len(lines) <= MOST:
        raise Problem("INVALID", fields={"names": f"请写 1 到 {MOST} 个姓名，每行一个"})
    wanted = {number: _hashes(words) for number, words in lines}
    found = _known(session, task, {name for name, _ in wanted.values()})
    fitting = {number: [one for one in found if _fits(one, *hashes)] for number, hashes in wanted.items()}
    wrong = [f"第 {number} 行{_why(matches)}" for number, matches in fitting.items() if len(matches) != 1]
    if wrong:
        raise Problem("INVALID", fields={"names": "；".join(wrong)})
    return [matches[0] for matches in fitting.values()]


def one(session: Session, task: Task, text: str, *, actor: Actor) -> Person:
    """The one person that a line names. Raises as persons()."""
    return persons(session, task, " ".join(text.split()), actor=actor)[0]


def _hashes(words: Sequence[str]) -> tuple[str, str | None]:
    """A last word of digits is the phone, the rest the name."""
    phone = words[-1] if len(words) > 1 and words[-1].isdigit() else None
    name = "".join(words[:-1] if phone else words)
    return vault.lookup_hash("name", name), vault.lookup_hash("phone", phone) if phone else None


def _known(session: Session, task: Task, names: Collection[str]) -> Sequence[Person]:
    registered = select(MemberRegistration.person_id).where(
        MemberRegistration.community_id == task.community_id, MemberRegistration.state.in_(LIVE)
    )
    claimed = select(Claim.person_id).where(Claim.task_id == task.id)
    named = select(Person).where(Person.name_hash.in_(names), Person.state == PersonState.ACTIVE)
    return session.execute(named.where(or_(Person.id.in_(registered), Person.id.in_(claimed))).order_by(Person.id)).scalars().all()


def _fits(person: Person, name: str, phone: str | None) -> bool:
    return person.name_hash == name and phone in (None, person.phone_hash)


def _why(matches: Sequence[Person]) -> str:
    return "有同名的人，请在姓名后面空一格写上手机号" if matches else "没有找到，请核对姓名，或先代这位同志报到"
