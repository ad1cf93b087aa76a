"""待办: everything that waits for this person's decision, as one queue, oldest first, and how much of each kind (docs/console.md).

One statement for a page of the queue, one for all counts, one for the names, however much waits. Names are opened here for those whose
permission shows them in the kind's own queue; a complaint's writer and a request's resident are never named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Dialect, Row, Select, and_, false, func, or_, select, true, union_all
from sqlalchemy.orm import Session

from server.db import vault
from server.db.models.people import Person
from server.domain.categories import REQUEST_CATEGORIES
from server.domain.days import local_day, start_of
from server.domain.duties import NEEDS, DutyKind, due
from server.domain.feedbacks import FEEDBACK_KIND_NAMES, FeedbackKind
from server.domain.permissions import Actor, may
from server.domain.problems import Problem
from server.services import duty_sources as sources
from server.services import people, request_gists

KINDS = tuple(DutyKind)
VALUES = frozenset(kind.value for kind in DutyKind)
COUNTED = 100  # a count stops here and is shown as 99+
OF_REQUESTS = frozenset({"triage", "dispatch", "request_claim", "escalated", "explanation", "content", "callback"})


@dataclass(frozen=True)
class Duty:
    """A line of the queue: what, who, since when, due when; `pick` names it in a form, with the version one had before one."""

    kind: DutyKind
    id: str
    version: int
    state: str
    about: str
    who: str
    number: str
    since: datetime
    due: datetime | None
    words: str = ""

    @property
    def pick(self) -> str:
        """As a check-box's value."""
        return f"{self.kind.value}.{self.id}.{self.version}"


def kinds_of(actor: Actor) -> list[DutyKind]:
    """The kinds this person may decide on somewhere."""
    return [kind for kind in KINDS if may(actor, NEEDS[kind])]


def queue(
    session: Session, *, actor: Actor, now: datetime, kinds: Sequence[DutyKind], after: str | None, limit: int
) -> tuple[list[Duty], str | None]:
    """The oldest duties of these kinds, and the next `after`. Raises INVALID for a cursor that is none."""
    asked = tuple(kind for kind in kinds if may(actor, NEEDS[kind]))
    if not asked:
        return [], None
    rows: Sequence[Any]
    if after:
        rows = session.execute(_page(asked, actor, now, _cursor(session, after), limit + 1)).all()
    else:
        first = _first_page(session.get_bind().dialect, asked, _who(actor), local_day(now), limit + 1)
        rows = session.connection().exec_driver_sql(first).all()
    shown, more = rows[:limit], len(rows) > limit
    return _described(session, shown), _name(shown[-1]) if more else None


def some(session: Session, named: Mapping[DutyKind, Sequence[str]], *, actor: Actor) -> list[Duty]:
    """These rows within reach, in whatever state they are by now: to name what could not be decided."""
    parts = []
    for kind, ids in named.items():
        model = sources.SOURCES[kind].model
        mine = sources.reach(actor, NEEDS[kind], model.community_id)
        parts.append(sources.described(kind).where(model.public_id.in_(ids), mine).subquery())
    if not parts:
        return []
    lines = union_all(*(select(part) for part in parts)).subquery()
    return _described(session, session.execute(sources.worded(lines, actor)).all())


def counts(session: Session, *, actor: Actor, now: datetime) -> dict[DutyKind, int]:
    """How many wait of each kind, up to a hundred, in one statement; kinds without any are there too."""
    return at_desk(session, actor=actor, now=now)[1]


def at_desk(session: Session, *, actor: Actor, now: datetime) -> tuple[str, dict[DutyKind, int]]:
    """The name of who sits there and how much waits for him, in one statement: every page of the console pays for it."""
    asked = tuple(kinds_of(actor))
    told = _counting(session.get_bind().dialect, asked, _who(actor), local_day(now))
    public_id, salt, name, *numbers = session.connection().exec_driver_sql(told).one()
    return vault.open_sealed(salt, "person.name", public_id, name), dict(zip(asked, numbers, strict=True))


def _who(actor: Actor) -> Actor:
    """What of an actor the statements depend on."""
    return Actor(actor.id, grants=actor.grants)


# Building sixteen SELECTs costs some ten milliseconds of Python, running them a third of one: the text of each person's day is kept.
@lru_cache(maxsize=512)
def _counting(dialect: Dialect, asked: tuple[DutyKind, ...], actor: Actor, day: date) -> str:
    wanted = select(Person.public_id, Person.salt, Person.name, *_columns(asked, actor, start_of(day))).where(Person.id == actor.id)
    return str(wanted.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


@lru_cache(maxsize=512)
def _first_page(dialect: Dialect, asked: tuple[DutyKind, ...], actor: Actor, day: date, count: int) -> str:
    wanted = _page(asked, actor, start_of(day), None, count)
    return str(wanted.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def _page(asked: Sequence[DutyKind], actor: Actor, now: datetime, last: Any, count: int) -> Select[Any]:
    lines = union_all(*(select(_part(kind, actor, now, last, count)) for kind in asked)).subquery()
    page = select(lines).order_by(lines.c.since, lines.c.rank, lines.c.id).limit(count).subquery()
    return sources.worded(page, actor).order_by(page.c.since, page.c.rank, page.c.id)


def _columns(asked: Sequence[DutyKind], actor: Actor, now: datetime) -> list[Any]:
    """A count a kind."""
    columns = []
    for kind in asked:
        source = sources.SOURCES[kind]
        few = select(source.model.id).where(*source.where(actor, now)).limit(COUNTED).subquery()
        columns.append(select(func.count()).select_from(few).scalar_subquery().label(kind.value))
    return columns


def _part(kind: DutyKind, actor: Actor, now: datetime, last: Row[Any] | None, count: int) -> Any:
    source = sources.SOURCES[kind]
    wanted = sources.described(kind).where(*source.where(actor, now))
    if last is not None:
        rank = sources.RANK[kind]
        same = source.model.id > last.id if rank == last.rank else (true() if rank > last.rank else false())
        wanted = wanted.where(or_(source.since > last.since, and_(source.since == last.since, same)))
    return wanted.order_by(source.since, source.model.id).limit(count).subquery()


def _cursor(session: Session, after: str | None) -> Any:
    """Where the last line stood: `kind.public_id`."""
    if not after:
        return None
    kind, _, public_id = after.partition(".")
    row = None
    if kind in VALUES:
        described = sources.described(DutyKind(kind))
        row = session.execute(described.where(sources.SOURCES[DutyKind(kind)].model.public_id == public_id)).one_or_none()
    if row is None:
        raise Problem("INVALID", fields={"after": "翻页位置已失效，请回到第一页"})
    return row


def _name(row: Any) -> str:
    return f"{KINDS[row.rank].value}.{row.public_id}"


def _described(session: Session, rows: Sequence[Any]) -> list[Duty]:
    ids = {row.person_id for row in rows if row.person_id is not None}
    persons = {row.id: row for row in session.execute(select(Person).where(Person.id.in_(ids))).scalars()} if ids else {}
    return [_line(row, persons.get(row.person_id)) for row in rows]


def _moment(value: Any) -> Any:
    """SQLite gives a moment as the text it keeps."""
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value


def _line(row: Any, person: Person | None) -> Duty:
    kind = KINDS[row.rank]
    about = row.about or ""
    if kind.value in OF_REQUESTS:
        about = REQUEST_CATEGORIES.get(about, "诉求")
    elif kind is DutyKind.FEEDBACK:
        about = FEEDBACK_KIND_NAMES[FeedbackKind(about)]
    return Duty(
        kind=kind,
        id=row.public_id,
        version=row.version,
        state=row.state,
        about=about,
        who=row.who or _called(row, person),
        number=row.number or "",
        since=_moment(row.since),
        due=due(kind, _moment(row.since), _moment(row.due)),
        words=request_gists.opened(row.salt, row.of, row.content, spoken=bool(row.spoken)),
    )


def _called(row: Any, person: Person | None) -> str:
    if person is None:
        return ""
    name = people.name_of(person)
    return name or (vault.open_sealed(person.salt, "binding_request.claimed_name", row.public_id, row.box) if row.box else "")
