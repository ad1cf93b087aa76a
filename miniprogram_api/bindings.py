"""Binding requests: a person whose phone does not say who he is, and the secretary who knows him."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from sqlalchemy.orm import Session

from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import Id, In, Instant, Line, LongLine, Out, Page, PageQuery, Reason
from server.db.models.orgs import OrgNode
from server.db.models.people import BindingRequest, Person, PersonMerge
from server.domain.people import BindingState, MemberType
from server.domain.permissions import Permission as P
from server.services import binding_requests, bindings, merges, people, places
from server.services.bindings import Candidate

bindings_resource = Resource("bindings", "人工核对身份")


class BindingIn(In):
    """请社区核对我是名册里的谁."""

    community: Id = Field(description="居住社区的编号", examples=["1A2B3C4D5E6F7"])
    name: Line = Field(description="姓名", examples=["张三"])
    unit_name: Line | None = Field(None, description="工作单位", examples=["示例县第一小学"])
    note: LongLine | None = Field(None, description="方便社区核对的话", examples=["手机号上个月换了"])


class BindingOut(Out):
    id: str
    community_id: str
    community: str
    name: str = Field(description="本人填写的姓名")
    unit_name: str | None
    note: str | None
    state: BindingState = Field(description="submitted 待核对，accepted 已核对，returned 被退回，withdrawn 已撤回")
    reason: str | None = Field(description="退回的原因")
    submitted_at: Instant
    decided_at: Instant | None


class BindingsOut(Out):
    items: list[BindingOut]


class QueueQuery(PageQuery):
    state: BindingState = BindingState.SUBMITTED


class UndoMergeIn(In):
    reason: Reason = Field(description="为什么撤销", examples=["核对后发现是同名的两个人"])


class MergeOut(Out):
    """一次把两个档案认作同一个人."""

    id: str
    person: str = Field(description="合并后保留的人员编号")
    name: str
    merged_at: Instant
    undone_at: Instant | None = Field(description="已撤销的时间")


class CandidateOut(Out):
    """名册里可能是他的人."""

    id: str = Field(description="名册条目编号，接受申请时带回")
    name: str
    unit: str
    branch: str | None
    member_type: MemberType
    reasons: list[str] = Field(description="same_name 同名，same_phone 手机号相同，same_unit 单位相近，same_community 居住社区相同")


class CandidatesOut(Out):
    items: list[CandidateOut]


class DecideIn(In):
    """核对结论."""

    action: Literal["accept", "return"] = Field(description="accept 就是名册里的这个人，return 退回")
    entry: Id | None = Field(None, description="accept 时选定的名册条目编号")
    reason: Reason | None = Field(None, description="return 时必须写明的原因", examples=["名册里没有这个名字，请先联系单位补报"])


@bindings_resource.post(
    "/binding-requests",
    permission=P.ME,
    body=BindingIn,
    answer=BindingOut,
    status=201,
    problems=("ALREADY_BOUND", "BINDING_OPEN", "CONSENT_REQUIRED", "NOT_COMMUNITY", "NOT_FOUND"),
)
def request_binding(call: Call[BindingIn]) -> BindingOut:
    """申请人工核对身份；同一时间只有一份在等待."""
    body = call.body
    community = places.community(call.session, body.community, now=call.now)
    row = binding_requests.submit(
        call.session, community=community, name=body.name, unit_name=body.unit_name, note=body.note, actor=call.actor, now=call.now
    )
    return _out(row, call.session.get_one(Person, row.person_id), community)


@bindings_resource.get("/me/binding-requests", permission=P.ME, answer=BindingsOut)
def my_binding_requests(call: Call[None]) -> BindingsOut:
    """我的核对申请，新的在前."""
    person = call.session.get_one(Person, call.actor.id)
    rows = binding_requests.of_person(call.session, person_id=person.id)
    nodes = places.nodes(call.session, {row.community_id for row in rows})
    return BindingsOut(items=[_out(row, person, nodes[row.community_id]) for row in rows])


@bindings_resource.post("/binding-requests/<id>/withdraw", permission=P.ME, answer=BindingOut, problems=("ILLEGAL_MOVE",))
def withdraw_binding_request(call: Call[None], id: str) -> BindingOut:  # noqa: A002 - the URL's word
    """撤回自己的核对申请."""
    row = binding_requests.withdraw(call.session, binding_requests.by_public_id(call.session, id), actor=call.actor, now=call.now)
    return _whole(call.session, row)


@bindings_resource.get("/communities/<id>/binding-requests", permission=P.BINDINGS_DECIDE, query=QueueQuery, answer=Page[BindingOut])
def binding_queue(call: Call[None], id: str) -> Page[BindingOut]:  # noqa: A002
    """社区待核对的申请，先来的在前."""
    community = places.node(call.session, id)
    query = call.query
    rows, following = binding_requests.queue(
        call.session, community=community, actor=call.actor, state=query.state, after=query.after, limit=query.limit
    )
    return Page[BindingOut](items=[_out(row, person, community) for row, person in rows], next=following)


@bindings_resource.get("/binding-requests/<id>/candidates", permission=P.BINDINGS_DECIDE, answer=CandidatesOut)
def binding_candidates(call: Call[None], id: str) -> CandidatesOut:  # noqa: A002
    """名册里可能的人选和理由，最像的在前."""
    row = binding_requests.by_public_id(call.session, id)
    found = binding_requests.candidates(call.session, row, actor=call.actor, now=call.now)
    units = places.units(call.session, {candidate.entry.unit_id for candidate in found})
    branches = places.branches(call.session, {candidate.entry.branch_id for candidate in found})
    return CandidatesOut(items=[_candidate(one, units, branches) for one in found])


@bindings_resource.post(
    "/binding-requests/<id>/decision",
    permission=P.BINDINGS_DECIDE,
    body=DecideIn,
    answer=BindingOut,
    problems=("BINDING_PARTED", "ILLEGAL_MOVE", "NOTE_REQUIRED", "ROSTER_ENTRY_TAKEN"),
)
def decide_binding_request(call: Call[DecideIn], id: str) -> BindingOut:  # noqa: A002
    """书记核对：认定是名册里的某人，或写明原因退回."""
    row = binding_requests.by_public_id(call.session, id)
    if call.body.action == "return":
        binding_requests.send_back(call.session, row, reason=call.body.reason or "", actor=call.actor, now=call.now)
    else:
        entry = bindings.entry(call.session, call.body.entry)
        binding_requests.accept(call.session, row, entry=entry, actor=call.actor, now=call.now)
    return _whole(call.session, row)


@bindings_resource.get("/communities/<id>/merges", permission=P.MERGES_UNDO, query=PageQuery, answer=Page[MergeOut])
def list_merges(call: Call[None], id: str) -> Page[MergeOut]:  # noqa: A002
    """本社区（区县：全区县）认作同一个人的记录，新的在前."""
    node, query = places.node(call.session, id), call.query
    rows, following = merges.of_community(call.session, node=node, actor=call.actor, after=query.after, limit=query.limit)
    return Page[MergeOut](items=[_merge(row, person) for row, person in rows], next=following)


@bindings_resource.post(
    "/merges/<id>/undo", permission=P.MERGES_UNDO, body=UndoMergeIn, answer=MergeOut, problems=("ILLEGAL_MOVE", "NOTE_REQUIRED")
)
def undo_merge(call: Call[UndoMergeIn], id: str) -> MergeOut:  # noqa: A002
    """撤销：当时转过去的账号、同意、通知、诉求等原样转回；手机上要重新登录，合并之后新办的事留在保留的人名下."""
    row = merges.undo(call.session, merges.by_public_id(call.session, id), reason=call.body.reason, actor=call.actor, now=call.now)
    return _merge(row, call.session.get_one(Person, row.into_id))


def _merge(row: PersonMerge, person: Person) -> MergeOut:
    return MergeOut(
        id=row.public_id, person=person.public_id, name=people.name_of(person), merged_at=row.merged_at, undone_at=row.undone_at
    )


def _whole(session: Session, row: BindingRequest) -> BindingOut:
    return _out(row, session.get_one(Person, row.person_id), session.get_one(OrgNode, row.community_id))


def _out(row: BindingRequest, person: Person, community: OrgNode) -> BindingOut:
    name, unit = binding_requests.claimed(person, row)
    return BindingOut(
        id=row.public_id,
        community_id=community.public_id,
        community=community.name,
        name=name,
        unit_name=unit or None,
        note=binding_requests.note_of(person, row) or None,
        state=row.state,
        reason=row.reason,
        submitted_at=row.submitted_at,
        decided_at=row.decided_at,
    )


def _candidate(one: Candidate, units: dict[int, str], branches: dict[int, str]) -> CandidateOut:
    return CandidateOut(
        id=one.entry.public_id,
        name=bindings.name_of(one.entry),
        unit=units[one.entry.unit_id],
        branch=branches.get(one.entry.branch_id or 0),
        member_type=one.entry.member_type,
        reasons=list(one.reasons),
    )
