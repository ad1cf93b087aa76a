"""签收: 办好了, or 没办好，请再来."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import In, Instant, Out
from server.db.models.sign_offs import SignOff
from server.domain.permissions import Permission as P
from server.domain.requests import RequestState
from server.domain.sign_offs import REASONS, AgainReason, Source
from server.services import requests
from server.services import sign_offs as service

sign_offs_resource = Resource("sign_offs", "签收")


class SignOffIn(In):
    """What the requester says about the work, by name."""

    done: bool = Field(description="true 办好了；false 没办好，请再来", examples=[False])
    reason: AgainReason | None = Field(
        None, description="没办好时必须选一个：" + "；".join(f"{key} {text}" for key, text in REASONS.items())
    )
    on_word: bool = Field(False, description="代别人签收时为 true：已问过本人，这是本人的话")
    version: int | None = Field(None, description="看到的 version；别人处理过则得 STALE")

    @model_validator(mode="after")
    def _no_reason_for_done(self) -> Self:
        if self.done and self.reason is not None:
            raise PydanticCustomError("sign_off", "a reason belongs to what is not done")
        return self


class SignedOut(Out):
    """The request after the 签收."""

    id: str
    state: RequestState = Field(description="closed 已办结；rework 回炉；escalated 第三次没办好，已交上一级")
    version: int
    round: int = Field(description="回炉次数")


class SignOffOut(Out):
    """One round's answer, as the community and the requester see it."""

    round: int
    done: bool
    reason: AgainReason | None
    reason_text: str | None
    source: Source = Field(description="own 本人；on_word 代签；callback 电话回访")
    at: Instant


class SignOffsOut(Out):
    """All rounds, first to last."""

    items: list[SignOffOut]


class ReasonOut(Out):
    """A reason to tap."""

    key: AgainReason
    text: str


class ReasonsOut(Out):
    """What can be tapped."""

    items: list[ReasonOut]


@sign_offs_resource.get("/sign-off-reasons", permission=P.ME, answer=ReasonsOut, etag=True)
def list_sign_off_reasons(call: Call[None]) -> ReasonsOut:
    """“没办好，请再来”可选的原因."""
    return ReasonsOut(items=[ReasonOut(key=key, text=text) for key, text in REASONS.items()])


@sign_offs_resource.post(
    "/requests/<request_id>/sign-off",
    permission=P.REQUESTS_SUBMIT,
    body=SignOffIn,
    answer=SignedOut,
    problems=("ILLEGAL_MOVE", "NOTE_REQUIRED", "SIGN_OFF_ON_WORD", "SIGN_OFF_OWN_WORK", "STALE"),
)
def sign_off(call: Call[SignOffIn], request_id: str) -> SignedOut:
    """签收：只有提出诉求的人（或代他提出的人；工作人员代提的，社区其他工作人员也可以，都要先问过本人）在办结后可以签，每一轮签一次；签收是记名的，社区看得到."""
    body = call.body
    found = requests.by_public_id(call.session, request_id)
    service.sign(
        call.session,
        found,
        done=body.done,
        reason=body.reason,
        on_word=body.on_word,
        actor=call.actor,
        now=call.now,
        seen=body.version,
    )
    return SignedOut(id=found.public_id, state=found.state, version=found.version, round=found.round)


@sign_offs_resource.get("/requests/<request_id>/sign-offs", permission=P.ME, answer=SignOffsOut)
def list_sign_offs(call: Call[None], request_id: str) -> SignOffsOut:
    """一件诉求各轮的签收，本人、代办人和社区可见；承办人看不到."""
    found = requests.visible(call.session, request_id, actor=call.actor)
    return SignOffsOut(items=[SignOffOut(**_fields(row)) for row in service.of(call.session, found)])


def _fields(row: SignOff) -> dict[str, Any]:
    text = REASONS[row.reason] if row.reason is not None else None
    return {"round": row.round, "done": row.done, "reason": row.reason, "reason_text": text, "source": row.source, "at": row.at}
