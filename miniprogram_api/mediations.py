"""矛盾调解."""

from __future__ import annotations

from pydantic import Field

from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import In, Instant, Line, Out, Text
from server.db.models.handling import Mediation
from server.domain.handling import MediationAction, MediationState
from server.domain.permissions import Permission as P
from server.services import mediations as service
from server.services import requests

mediations_resource = Resource("mediations", "矛盾调解")


class MediationIn(In):
    """Who is at odds."""

    parties: list[Line] = Field(min_length=2, max_length=10, description="当事人", examples=[["301户", "401户"]])


class MediationCloseIn(In):
    """What came of it."""

    action: MediationAction = Field(description="agree 达成一致，fail 未达成，refer 转法院或仲裁")
    result: Text = Field(description="调解结果", examples=["双方同意晚十点后不使用洗衣机"])


class MediationOut(Out):
    """A case; only the mediator and the community's staff see it."""

    id: str
    state: MediationState
    version: int
    parties: list[str]
    result: str
    opened_at: Instant
    closed_at: Instant | None


@mediations_resource.post(
    "/requests/<request_id>/mediation",
    permission=P.REQUESTS_HANDLE,
    body=MediationIn,
    answer=MediationOut,
    status=201,
    problems=("ILLEGAL_MOVE", "MEDIATION_EXISTS"),
)
def open_mediation(call: Call[MediationIn], request_id: str) -> MediationOut:
    """为一件诉求建调解记录；建的人是调解员."""
    request = requests.by_public_id(call.session, request_id)
    return _out(service.open_case(call.session, request, parties=call.body.parties, actor=call.actor, now=call.now))


@mediations_resource.get("/mediations/<mediation_id>", permission=P.REQUESTS_HANDLE, answer=MediationOut)
def show_mediation(call: Call[None], mediation_id: str) -> MediationOut:
    """一件调解记录（调解员和社区可看）."""
    return _out(service.visible(call.session, mediation_id, actor=call.actor))


@mediations_resource.post(
    "/mediations/<mediation_id>/close",
    permission=P.REQUESTS_HANDLE,
    body=MediationCloseIn,
    answer=MediationOut,
    problems=("ILLEGAL_MOVE", "NOTE_REQUIRED"),
)
def close_mediation(call: Call[MediationCloseIn], mediation_id: str) -> MediationOut:
    """调解员填写结果并结束调解."""
    case, body = service.visible(call.session, mediation_id, actor=call.actor), call.body
    return _out(service.close(call.session, case, action=body.action, result=body.result, actor=call.actor, now=call.now))


def _out(case: Mediation) -> MediationOut:
    return MediationOut(
        id=case.public_id,
        state=case.state,
        version=case.version,
        parties=service.parties_of(case),
        result=service.result_of(case),
        opened_at=case.opened_at,
        closed_at=case.closed_at,
    )
