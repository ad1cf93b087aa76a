"""转接: the member asks, the old community releases, the new one accepts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from miniprogram_api import registration_schemas as s
from miniprogram_api.edge import Call, Resource
from miniprogram_api.registrations import CODES, arrival
from miniprogram_api.schemas import Page, PageQuery
from server.db.models.people import Person
from server.db.models.registrations import Transfer
from server.domain.permissions import Permission as P
from server.services import people, places, registrations, transfers

transfers_resource = Resource("transfers", "组织关系转接")


@transfers_resource.post(
    "/registrations/<id>/transfers",
    permission=P.REGISTRATIONS_SUBMIT,
    body=s.TransferIn,
    answer=s.TransferOut,
    status=201,
    problems=("ILLEGAL_MOVE", "NOT_COMMUNITY", "TRANSFER_SAME", *CODES),
)
def request_transfer(call: Call[s.TransferIn], id: str) -> s.TransferOut:  # noqa: A002 - the URL's word
    """申请转到另一个社区；转出社区到期不处理则自动放行."""
    body, session = call.body, call.session
    row = transfers.request(
        session,
        registrations.by_public_id(session, id),
        to=arrival(call),
        reason=body.reason,
        note=body.note,
        actor=call.actor,
        now=call.now,
    )
    return _one(session, row)


@transfers_resource.get("/me/transfers", permission=P.ME, answer=s.TransfersOut)
def my_transfers(call: Call[None]) -> s.TransfersOut:
    """我的转接，新的在前."""
    person = call.session.get_one(Person, call.actor.id)
    rows = transfers.of_person(call.session, person_id=person.id)
    return s.TransfersOut(items=_outs(call.session, [(row, person) for row in rows]))


@transfers_resource.get("/communities/<id>/transfers", permission=P.REGISTRATIONS_DECIDE, query=PageQuery, answer=Page[s.TransferOut])
def transfer_queue(call: Call[None], id: str) -> Page[s.TransferOut]:  # noqa: A002
    """等本社区处理的转接：待转出的和待接收的."""
    community, query = places.node(call.session, id), call.query
    rows, following = transfers.queue(call.session, community=community, actor=call.actor, after=query.after, limit=query.limit)
    return Page[s.TransferOut](items=_outs(call.session, rows), next=following)


@transfers_resource.post(
    "/transfers/<id>/decision",
    permission=P.REGISTRATIONS_DECIDE,
    body=s.TransferDecideIn,
    answer=s.TransferOut,
    problems=("ILLEGAL_MOVE", "NOTE_REQUIRED"),
)
def decide_transfer(call: Call[s.TransferDecideIn], id: str) -> s.TransferOut:  # noqa: A002
    """转出社区放行；转入社区接收或退回."""
    row = transfers.by_public_id(call.session, id)
    if call.body.action == "return":
        transfers.send_back(call.session, row, reason=call.body.reason, actor=call.actor, now=call.now)
    else:
        decide = transfers.release if call.body.action == "release" else transfers.accept
        decide(call.session, row, actor=call.actor, now=call.now)
    return _one(call.session, row)


@transfers_resource.post("/transfers/<id>/cancel", permission=P.REGISTRATIONS_SUBMIT, answer=s.TransferOut, problems=("ILLEGAL_MOVE",))
def cancel_transfer(call: Call[None], id: str) -> s.TransferOut:  # noqa: A002
    """不转了，留在原社区."""
    return _one(call.session, transfers.cancel(call.session, transfers.by_public_id(call.session, id), actor=call.actor, now=call.now))


def _one(session: Session, row: Transfer) -> s.TransferOut:
    return _outs(session, [(row, session.get_one(Person, row.person_id))])[0]


def _outs(session: Session, rows: Sequence[tuple[Transfer, Person]]) -> list[s.TransferOut]:
    nodes = places.nodes(session, {row.from_community_id for row, _ in rows} | {row.to_community_id for row, _ in rows})
    known = registrations.public_ids(session, {one for row, _ in rows for one in (row.registration_id, row.new_registration_id)})
    return [
        s.TransferOut(
            id=row.public_id,
            registration_id=known[row.registration_id],
            new_registration_id=known.get(row.new_registration_id or 0),
            person_id=person.public_id,
            name=people.name_of(person),
            from_id=nodes[row.from_community_id].public_id,
            from_community=nodes[row.from_community_id].name,
            to_id=nodes[row.to_community_id].public_id,
            to_community=nodes[row.to_community_id].name,
            state=row.state,
            reason=row.reason,
            note=transfers.note_of(person, row),
            refusal=row.refusal,
            requested_at=row.requested_at,
            release_due_at=row.release_due_at,
            released_at=row.released_at,
            decided_at=row.decided_at,
        )
        for row, person in rows
    ]
