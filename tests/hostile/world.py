"""One object of every kind in 示例社区, who may touch it and who may not. Built once a session, copied for each test."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import media as pictures
from server import files
from server.db.base import transaction
from server.db.models.checkins import ServiceRecord
from server.db.models.notices import Notice
from server.db.models.orgs import Unit
from server.db.models.people import Person, RoleGrant
from server.db.models.registrations import Document
from server.db.models.tasks import Task
from server.domain.days import local_day
from server.domain.media import MediaPurpose
from server.domain.people import Purpose
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.posters import PosterForm, PosterStyle
from server.domain.registrations import TransferReason
from server.domain.tasks import ClaimState
from server.services import (
    binding_requests,
    bindings,
    codes,
    confirmations,
    documents,
    media,
    merges,
    posters,
    records,
    registrations,
    screens,
    staff,
    stand_ins,
    teams,
    transfers,
    unit_registrations,
)
from server.services.documents import Form
from server.services.people import create
from server.services.unit_registrations import Slip
from tests.factories.checkins import a_scan, code_of, open_task
from tests.factories.people import Tree, a_person, a_tree, actor_of, token_of, with_role
from tests.factories.registrations import a_bound_person, a_member, a_registration, a_unit, agree, an_entry, of_unit
from tests.factories.staff import without_second_factor
from tests.factories.tasks import a_claim, a_draft, a_post, a_shift, a_task, a_team
from tests.hostile.residents import Loop, residents

NAME = "欧阳绝密"  # the member's name and phone: a dump that holds them has leaked
PHONE = "13600008888"
PASSWORD = "Minsheng-2026"
FORMS: tuple[Form, ...] = ("png", "pdf")


@dataclass
class World:
    """`ids`: kind (the path segment before the id, or a field's name) → public id; `tokens`: role in the story → bearer token."""

    ids: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)


def picture(text: bytes = b"") -> bytes:
    """A small JPEG whose bytes are its own."""
    out = io.BytesIO()
    Image.new("RGB", (64, 48), (len(text) % 255, 90, 200)).save(out, "JPEG", comment=text)
    return out.getvalue()


def build(began: datetime) -> World:
    """Everything, two hours before the tests begin."""
    world = World()
    with transaction() as session:
        tree = a_tree(session, began)
        people = _people(session, began, tree, world)
        work = _work(session, began, tree, people, world)
        _registered(session, began, tree, people, world)
        _loop(session, began, tree, people, world)
    later = began + timedelta(hours=2)
    with transaction() as session:
        _served(session, later, people, work, world)
    return world


def _people(session: Session, now: datetime, tree: Tree, world: World) -> dict[str, Person]:
    unit, other_unit = a_unit(session, now, tree, "示例水务局"), a_unit(session, now, tree, "邻近银行", community=tree.neighbour)
    people = {
        "secretary": with_role(session, now, Role.SECRETARY, tree.community),
        "clerk": with_role(session, now, Role.CLERK, tree.community, "周文书"),
        "county": with_role(session, now, Role.COUNTY, tree.county, "县干部"),
        "street": with_role(session, now, Role.STREET, tree.street, "街道干部"),
        "security": with_role(session, now, Role.SECURITY_ADMIN, tree.county, "安全员"),
        "organiser": a_person(session, now, "王组织"),
        "liaison": of_unit(session, now, Role.UNIT_LIAISON, unit),
        "member": _named_member(session, now, tree, unit),
        "mate": a_member(session, now, tree, "陈同伴", unit=unit),
        "mover": a_member(session, now, tree, "林搬家", unit=unit),
        "neighbour_secretary": with_role(session, now, Role.SECRETARY, tree.neighbour, "何书记"),
        "neighbour_clerk": with_role(session, now, Role.CLERK, tree.neighbour, "孙文书"),
        "neighbour_worker": with_role(session, now, Role.GRID_WORKER, tree.neighbour, "钱网格"),
        "neighbour_liaison": of_unit(session, now, Role.UNIT_LIAISON, other_unit, "吴联络"),
        "stranger": a_member(session, now, tree, "郑邻居", community=tree.neighbour, unit=other_unit),
        "newcomer": agree(session, now, a_person(session, now, "冯新来")),
    }
    staff.create(session, person=people["county"], login="county-01", actor=SYSTEM, now=now, password=PASSWORD)
    without_second_factor(session, now)
    world.tokens |= {name: token_of(session, person, now) for name, person in people.items()}
    places = {"communities": tree.community, "orgs": tree.community, "grid": tree.grid, "county": tree.county, "neighbour": tree.neighbour}
    world.ids |= {name: node.public_id for name, node in places.items()} | {"units": unit.public_id, "members": people["member"].public_id}
    world.ids |= {
        "mate": people["mate"].public_id,
        "mover": people["mover"].public_id,
        "stranger": people["stranger"].public_id,
        "other_unit": other_unit.public_id,
    }
    world.ids |= {"secretary_person": people["secretary"].public_id, "clerk_person": people["clerk"].public_id}
    world.ids["entry"] = an_entry(session, now, unit, "吕名册").public_id
    return people


def _named_member(session: Session, now: datetime, tree: Tree, unit: Any) -> Person:
    """The person whose name and phone are looked for in every dump."""
    an_entry(session, now, unit, NAME, PHONE)
    person = agree(session, now, a_person(session, now, NAME, phone=PHONE), Purpose.SHARE_UNIT)
    bindings.by_phone(session, person=person, actor=Actor(person.id), now=now)
    a_registration(session, now, person, tree.community)
    return person


def _work(session: Session, now: datetime, tree: Tree, people: dict[str, Person], world: World) -> Task:
    """A running activity with a scan, a task with claims, a post with a shift, a team, a draft."""
    running = open_task(session, now, tree, people["organiser"], title="文明劝导")
    task = a_task(session, now, tree, people["organiser"], starts_at=now + timedelta(hours=6), ends_at=now + timedelta(hours=8))
    post = a_post(session, now, tree, people["organiser"])
    claim = a_claim(session, now, task, people["member"], ClaimState.APPROVED)
    stand_ins.offer(session, claim, to=people["mate"], actor=Actor(people["member"].id), now=now)
    team = a_team(session, now, tree, people["mate"], [people["member"]])
    teams.join(session, team, person=people["mover"], actor=Actor(people["mover"].id), now=now)
    world.ids["asking"] = people["mover"].public_id
    world.ids |= {"tasks": task.public_id, "claims": claim.public_id, "teams": team.public_id, "post": post.public_id}
    world.ids |= {"shift": a_shift(session, now, post, in_hours=9).public_id, "running": running.public_id}
    world.ids["draft"] = a_draft(session, now, tree, people["organiser"]).public_id
    a_scan(session, now, running, people["member"])
    a_scan(session, now, running, people["mate"])
    world.codes["tok"] = codes.token_of(code_of(session, running), now=now)
    return running


def _registered(session: Session, now: datetime, tree: Tree, people: dict[str, Person], world: World) -> None:
    """A unit's slip, a waiting registration, a transfer, a binding request, the member's own registration and notice."""
    slip = Slip(leader="马局长", liaison="王联络员")
    unit = session.get(Person, people["member"].id)
    assert unit is not None
    assert unit.unit_id is not None
    slips = unit_registrations.submit(session, unit=session.get_one(Unit, unit.unit_id), slip=slip, actor=SYSTEM, now=now)
    mine = registrations.live_of(session, person_id=people["member"].id)
    moving = registrations.live_of(session, person_id=people["mover"].id)
    assert mine is not None
    assert moving is not None
    transfer = transfers.request(
        session, moving, to=tree.neighbour, reason=TransferReason.MOVED_HOUSE, actor=Actor(people["mover"].id), now=now
    )
    twin = create(session, created_via="wechat", now=now)
    merge = merges.absorb(session, empty=twin, into=people["mover"], actor=SYSTEM, now=now)
    asked = binding_requests.submit(session, community=tree.community, name="吕名册", actor=Actor(people["newcomer"].id), now=now)
    waiting = a_registration(session, now, people["newcomer"], tree.community)
    grant = session.execute(select(RoleGrant).where(RoleGrant.person_id == people["clerk"].id)).scalar_one()
    rows: dict[str, Any] = {
        "unit-registrations": slips, "registrations": mine, "transfers": transfer, "binding-requests": asked,
        "role-grants": grant, "waiting": waiting, "merges": merge,
    }  # fmt: skip
    world.ids |= {kind: row.public_id for kind, row in rows.items()}
    _coded(session, now, tree, people, world)
    a_bound_person(session, now, session.get_one(Unit, unit.unit_id), "施未报")


def _loop(session: Session, now: datetime, tree: Tree, people: dict[str, Person], world: World) -> None:
    """The residents' loop: every row under the name of its kind; a ballot's comment has a key and no id."""
    rows, tokens = residents(Loop(session, now, tree, people, f"{NAME} {PHONE} 家里漏水"))
    world.ids |= {kind: row if isinstance(row, str) else row.public_id for kind, row in rows.items()}
    world.ids["nodes"] = tree.community.public_id
    world.codes |= tokens


def _coded(session: Session, now: datetime, tree: Tree, people: dict[str, Person], world: World) -> None:
    """The code of a task, a print of its poster, a screen for a rotating one."""
    organiser = actor_of(session, people["organiser"], now)
    code = code_of(session, session.execute(select(Task).where(Task.public_id == world.ids["tasks"])).scalar_one())
    rotating = code_of(session, open_task(session, now, tree, people["organiser"], title="广场义诊", rotating=True))
    printed = posters.of_code(session, code, form=PosterForm.PNG_PHONE, style=PosterStyle.LINK, actor=organiser, now=now)
    screen, world.tokens["screen"] = screens.open_screen(session, rotating, actor=organiser, now=now)
    rows: dict[str, Any] = {"codes": code, "rotating_code": rotating, "prints": printed, "screens": screen}
    world.ids |= {kind: row.public_id for kind, row in rows.items()}


def _served(session: Session, now: datetime, people: dict[str, Person], running: Task, world: World) -> None:
    """The member reports back with a picture; 陈同伴's record is confirmed and certified; all have a notice."""
    by_person = {row.person_id: row for row in session.execute(select(ServiceRecord)).scalars()}
    record, mates = by_person[people["member"].id], by_person[people["mate"].id]
    a_scan(session, now, running, people["member"], "out")
    a_scan(session, now, running, people["mate"], "out")
    session.refresh(record)
    session.refresh(mates)
    shown = media.upload(session, owner_id=people["member"].id, purpose=MediaPurpose.RECORD, data=picture(), now=now)
    text = f"{NAME} {PHONE} 清运了三车杂物"
    records.report(session, record, text=text, media_ids=[shown.public_id], actor=Actor(people["member"].id), now=now)
    organiser = actor_of(session, people["organiser"], now)
    confirmations.confirm(session, mates, actor=organiser, now=now)
    period = (local_day(now) - timedelta(days=30), local_day(now))
    paper = documents.own_certificate(
        session,
        person=people["mate"],
        first=period[0],
        last=period[1],
        actor=Actor(people["mate"].id),
        base="http://127.0.0.1:8080",
        now=now,
    )
    notice = session.execute(select(Notice).where(Notice.person_id == people["member"].id).limit(1)).scalar_one()
    rows: dict[str, Any] = {"records": record, "media": shown, "documents": paper, "notices": notice}
    world.ids |= {kind: row.public_id for kind, row in rows.items()} | {"final": mates.public_id}
    world.codes["document"] = documents.facts_of(session, paper)["link"]
    world.ids |= {"media_row": str(shown.id), "document_row": str(paper.id)}


def finish(world: World, now: datetime) -> None:
    """What the workers do: re-encode the picture, print the certificate (its picture is not the point: drawing takes seconds)."""
    pictures.reencode(now, media_id=int(world.ids.pop("media_row")))
    with transaction() as session:
        row = session.get_one(Document, int(world.ids.pop("document_row")))
        prints = {form: files.put(documents.AREA, documents.seal_print(session, row, form, form.encode())) for form in FORMS}
        documents.keep_prints(session, row, png=prints["png"], pdf=prints["pdf"])


__all__ = ["NAME", "PASSWORD", "PHONE", "World", "build", "finish", "picture"]
