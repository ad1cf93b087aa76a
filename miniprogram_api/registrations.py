"""党员报到: by the member, for him, and what the community decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from miniprogram_api import registration_schemas as s
from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import Page
from server import limits
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.registrations import MemberRegistration
from server.domain.permissions import Permission as P
from server.domain.registrations import Source
from server.services import arrivals, bindings, people, places, proxies, registrations
from server.services.codes import CodeRefused
from server.services.proxies import Represented
from server.services.registrations import Details

registrations_resource = Resource("registrations", "党员报到")
CODES = (
    "QR_EXPIRED",
    "QR_FORGED",
    "QR_FORMAT",
    "QR_KEY_RETIRED",
    "QR_NOT_COMMUNITY",
    "QR_REVOKED",
    "QR_THROTTLED",
    "QR_UNKNOWN",
    "QR_VERSION",
)
GUESSES = ("QR_FORGED", "QR_FORMAT")
REFUSALS = ("CONSENT_REQUIRED", "NAME_REQUIRED", "NOT_COMMUNITY", "REGISTRATION_ELSEWHERE", "REGISTRATION_EXISTS", "REGISTRATION_OPEN")


@registrations_resource.post(
    "/registrations",
    permission=P.REGISTRATIONS_SUBMIT,
    body=s.RegisterIn,
    answer=s.RegistrationOut,
    status=201,
    problems=(*REFUSALS, *CODES, "NOT_FOUND"),
)
def register(call: Call[s.RegisterIn]) -> s.RegistrationOut:
    """报到：扫社区的码或选社区.

    名册一致的立即生效（active），其余等社区接收（submitted）。
    """
    body, session = call.body, call.session
    community = arrival(call)
    source = Source.SCAN if body.token else Source.WEB
    person = session.get_one(Person, call.actor.id)
    row = registrations.submit(
        session, person=person, community=community, source=source, details=_details(session, body), actor=call.actor, now=call.now
    )
    return _one(session, row)


@registrations_resource.post(
    "/communities/<id>/registrations",
    permission=P.REGISTRATIONS_PROXY,
    body=s.ProxyIn,
    answer=s.RegistrationOut,
    status=201,
    problems=(*REFUSALS, "PHONE_TAKEN", "REGISTERS_HIMSELF", "ROSTER_ENTRY_TAKEN", "WITNESS_REQUIRED"),
)
def register_for(call: Call[s.ProxyIn], id: str) -> s.RegistrationOut:  # noqa: A002 - the URL's word
    """代办报到或录入纸质登记表；网格员要填网格；已有账号的人请他自己在手机上报到，或凭本人签字的纸质表."""
    body, session = call.body, call.session
    entry = bindings.entry(session, body.entry) if body.entry else None
    who = Represented(body.name, body.phone, body.member_type, body.consent, entry)
    community = places.community(session, id, now=call.now)
    row = proxies.register(session, who=who, community=community, details=_details(session, body), actor=call.actor, now=call.now)
    return _one(session, row)


@registrations_resource.get("/me/registrations", permission=P.ME, answer=s.RegistrationsOut)
def my_registrations(call: Call[None]) -> s.RegistrationsOut:
    """我的报到和历史，新的在前."""
    person = call.session.get_one(Person, call.actor.id)
    rows = registrations.of_person(call.session, person_id=person.id)
    return s.RegistrationsOut(items=outs(call.session, [(row, person) for row in rows]))


@registrations_resource.get(
    "/communities/<id>/registrations", permission=P.MEMBERS_READ, query=s.QueueQuery, answer=Page[s.RegistrationOut], etag=True
)
def registration_queue(call: Call[None], id: str) -> Page[s.RegistrationOut]:  # noqa: A002
    """社区的报到，按状态，先来的在前."""
    community, query = places.node(call.session, id), call.query
    rows, following = registrations.queue(
        call.session, community=community, state=query.state, actor=call.actor, after=query.after, limit=query.limit
    )
    return Page[s.RegistrationOut](items=outs(call.session, rows), next=following)


@registrations_resource.post(
    "/registrations/<id>/decision",
    permission=P.REGISTRATIONS_DECIDE,
    body=s.DecideIn,
    answer=s.RegistrationOut,
    problems=("ILLEGAL_MOVE", "NOTE_REQUIRED", "REGISTRATION_ELSEWHERE"),
)
def decide_registration(call: Call[s.DecideIn], id: str) -> s.RegistrationOut:  # noqa: A002
    """社区的决定：接收、退回、转为离退休、转为流动、结束."""
    row, reason = registrations.by_public_id(call.session, id), call.body.reason
    plain = {"accept": registrations.accept, "retire": registrations.retire, "float": registrations.float_away}
    if call.body.action in plain:
        plain[call.body.action](call.session, row, actor=call.actor, now=call.now)
    else:
        reasoned = registrations.send_back if call.body.action == "return" else registrations.end
        reasoned(call.session, row, reason=reason, actor=call.actor, now=call.now)
    return _one(call.session, row)


@registrations_resource.post(
    "/communities/<id>/registrations/decisions",
    permission=P.REGISTRATIONS_DECIDE,
    body=s.DecideManyIn,
    answer=s.DecidedOut,
    problems=("INVALID",),
)
def decide_registrations(call: Call[s.DecideManyIn], id: str) -> s.DecidedOut:  # noqa: A002
    """一次处理多份报到；没办成的逐一说明，办成的算数."""
    body = call.body
    outcome = registrations.decide_many(
        call.session,
        body.ids,
        community=places.node(call.session, id),
        accepting=body.action == "accept",
        reason=body.reason,
        actor=call.actor,
        now=call.now,
    )
    return s.DecidedOut(
        done=[row.public_id for row in outcome.done], failed=[s.FailureOut.model_validate(failure) for failure in outcome.failed]
    )


@registrations_resource.post(
    "/registrations/<id>/resubmit",
    permission=P.REGISTRATIONS_SUBMIT,
    body=s.DetailsIn,
    answer=s.RegistrationOut,
    problems=("ILLEGAL_MOVE",),
)
def resubmit_registration(call: Call[s.DetailsIn], id: str) -> s.RegistrationOut:  # noqa: A002
    """被退回后改好再交."""
    row = registrations.by_public_id(call.session, id)
    registrations.resubmit(call.session, row, details=_details(call.session, call.body), actor=call.actor, now=call.now)
    return _one(call.session, row)


@registrations_resource.put(
    "/registrations/<id>", permission=P.REGISTRATIONS_SUBMIT, body=s.DetailsIn, answer=s.RegistrationOut, problems=("ILLEGAL_MOVE",)
)
def change_registration(call: Call[s.DetailsIn], id: str) -> s.RegistrationOut:  # noqa: A002
    """更正专长、时间、住址和网格；整份替换."""
    row = registrations.by_public_id(call.session, id)
    registrations.change(call.session, row, details=_details(call.session, call.body), actor=call.actor, now=call.now)
    return _one(call.session, row)


@registrations_resource.post(
    "/registrations/<id>/withdraw", permission=P.REGISTRATIONS_SUBMIT, answer=s.RegistrationOut, problems=("ILLEGAL_MOVE",)
)
def withdraw_registration(call: Call[None], id: str) -> s.RegistrationOut:  # noqa: A002
    """撤回自己的报到，或退出."""
    row = registrations.by_public_id(call.session, id)
    return _one(call.session, registrations.withdraw(call.session, row, actor=call.actor, now=call.now))


def arrival(call: Call[Any]) -> OrgNode:
    """The community of the body's `token` or `community`; a forged code counts against the account (docs/protocol.md §1)."""
    try:
        return arrivals.community(call.session, token=call.body.token, public_id=call.body.community, now=call.now)
    except CodeRefused as refused:
        if refused.code in GUESSES:
            limits.note_bad_code(call.actor.id)
        raise


def outs(session: Session, rows: Sequence[tuple[MemberRegistration, Person]]) -> list[s.RegistrationOut]:
    """Registrations as answers: four statements, however many rows."""
    nodes = places.nodes(session, {row.community_id for row, _ in rows} | {row.grid_id or 0 for row, _ in rows})
    units = places.units(session, {row.unit_id for row, _ in rows})
    branches = places.branches(session, {row.branch_id for row, _ in rows})
    origins = registrations.public_ids(session, {row.transferred_from_id for row, _ in rows})
    return [
        s.RegistrationOut(
            id=row.public_id,
            person_id=person.public_id,
            name=people.name_of(person),
            member_type=person.member_type,
            unit=units.get(row.unit_id or 0),
            branch=branches.get(row.branch_id or 0),
            community_id=nodes[row.community_id].public_id,
            community=nodes[row.community_id].name,
            grid_id=nodes[row.grid_id].public_id if row.grid_id else None,
            address=registrations.address_of(person, row) or None,
            transferred_from=origins.get(row.transferred_from_id or 0),
            **_plain(row),
        )
        for row, person in rows
    ]


def _plain(row: MemberRegistration) -> dict[str, Any]:
    names = ("state", "source", "skills", "service_types", "available_times", "reason", "receipt_no", "submitted_at", "decided_at")
    return {name: getattr(row, name) for name in (*names, "valid_from", "valid_to")}


def _one(session: Session, row: MemberRegistration) -> s.RegistrationOut:
    return outs(session, [(row, session.get_one(Person, row.person_id))])[0]


def _details(session: Session, body: s.DetailsIn) -> Details:
    grid: OrgNode | None = places.node(session, body.grid) if body.grid else None
    return Details(body.skills, body.service_types, body.available_times, body.address, grid)
