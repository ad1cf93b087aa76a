"""Receipts and service certificates, as data, PNG and PDF."""

from __future__ import annotations

from flask import Response, current_app
from pydantic import Field
from sqlalchemy.orm import Session

from miniprogram_api.edge import Call, Resource, raw
from miniprogram_api.schemas import Day, In, Instant, Out, Reason
from server import files
from server.db.models.people import Person
from server.db.models.registrations import Document
from server.domain.documents import DocumentKind
from server.domain.permissions import Permission as P
from server.services import documents, people, places, registrations, unit_registrations
from server.services.documents import Form

documents_resource = Resource("documents", "回执与服务证明")

WAIT_S = 2


class PeriodIn(In):
    """证明的起止日期（北京时间，含首尾两天）."""

    first: Day = Field(description="从哪天", examples=["2026-01-01"])
    last: Day = Field(description="到哪天，不晚于今天", examples=["2026-03-31"])


class RevokeIn(In):
    reason: Reason = Field(description="作废的原因", examples=["姓名有误，另行开具"])


class DocumentOut(Out):
    """一份回执或证明."""

    id: str
    kind: DocumentKind = Field(description="member_receipt 党员报到回执，unit_receipt 单位报到回执，service_certificate 志愿服务证明")
    title: str
    serial: str = Field(description="编号", examples=["ZM-110101001001-2026-00001"])
    lines: list[str] = Field(description="正文")
    issuer: str = Field(description="出具单位", examples=["示例社区"])
    link: str = Field(description="公开核验页，就是证明上二维码的内容")
    visits: int | None = Field(None, description="服务次数（服务证明）")
    minutes: int | None = Field(None, description="服务分钟数（服务证明）")
    issued_at: Instant
    revoked_at: Instant | None = Field(description="作废时间；有效时为 null")
    ready: bool = Field(description="PNG 和 PDF 是否已经印好；没好时隔两秒再取")


class NotReadyOut(Out):
    """还在印."""

    ready: bool = Field(default=False, description="false：隔 Retry-After 秒再取")


class DocumentsOut(Out):
    items: list[DocumentOut]


@documents_resource.post(
    "/me/certificates",
    permission=P.ME,
    body=PeriodIn,
    answer=DocumentOut,
    status=201,
    problems=("CERTIFICATE_EMPTY", "NAME_REQUIRED"),
)
def my_certificate(call: Call[PeriodIn]) -> DocumentOut:
    """给自己开志愿服务证明，免费，随时可开."""
    person = call.session.get_one(Person, call.actor.id)
    row = documents.own_certificate(
        call.session, person=person, first=call.body.first, last=call.body.last, actor=call.actor, base=_base(), now=call.now
    )
    return _out(call.session, row)


@documents_resource.post(
    "/communities/<id>/members/<person>/certificates",
    permission=P.DOCUMENTS_ISSUE,
    body=PeriodIn,
    answer=DocumentOut,
    status=201,
    problems=("CERTIFICATE_EMPTY", "NAME_REQUIRED"),
)
def certificate_for(call: Call[PeriodIn], id: str, person: str) -> DocumentOut:  # noqa: A002 - the URL's word
    """社区给不用手机的人开志愿服务证明."""
    row = documents.certificate_for(
        call.session,
        person=people.by_public_id(call.session, person),
        community=places.node(call.session, id),
        first=call.body.first,
        last=call.body.last,
        actor=call.actor,
        base=_base(),
        now=call.now,
    )
    return _out(call.session, row)


@documents_resource.post(
    "/registrations/<id>/receipt", permission=P.REGISTRATIONS_SUBMIT, answer=DocumentOut, status=201, problems=("ILLEGAL_MOVE",)
)
def member_receipt(call: Call[None], id: str) -> DocumentOut:  # noqa: A002
    """党员报到回执：已报到才有；重复领取是同一份."""
    row = registrations.by_public_id(call.session, id)
    return _out(call.session, documents.member_receipt(call.session, row, actor=call.actor, base=_base(), now=call.now))


@documents_resource.post(
    "/unit-registrations/<id>/receipt",
    permission=P.UNIT_REGISTRATIONS_SUBMIT,
    answer=DocumentOut,
    status=201,
    problems=("ILLEGAL_MOVE",),
)
def unit_receipt(call: Call[None], id: str) -> DocumentOut:  # noqa: A002
    """单位报到回执：社区发出回执后才有；重复领取是同一份."""
    row, _ = unit_registrations.readable(call.session, id, actor=call.actor)
    return _out(call.session, documents.unit_receipt(call.session, row, actor=call.actor, base=_base(), now=call.now))


@documents_resource.get("/me/documents", permission=P.ME, answer=DocumentsOut)
def my_documents(call: Call[None]) -> DocumentsOut:
    """我的回执和证明，新的在前."""
    person = call.session.get_one(Person, call.actor.id)
    return DocumentsOut(items=[_out(call.session, row) for row in documents.of_person(call.session, person=person)])


@documents_resource.get("/documents/<id>", permission=P.ME, answer=DocumentOut)
def one_document(call: Call[None], id: str) -> DocumentOut:  # noqa: A002
    """一份回执或证明."""
    return _out(call.session, documents.readable(call.session, id, actor=call.actor))


@documents_resource.get("/documents/<id>.png", permission=P.ME, media="image/png", later=NotReadyOut)
def document_png(call: Call[None], id: str) -> Response:  # noqa: A002
    """PNG 图片；还没印好时回 202，隔两秒再取."""
    return _file(call, id, "png", "image/png")


@documents_resource.get("/documents/<id>.pdf", permission=P.ME, media="application/pdf", later=NotReadyOut)
def document_pdf(call: Call[None], id: str) -> Response:  # noqa: A002
    """PDF 文件；还没印好时回 202，隔两秒再取."""
    return _file(call, id, "pdf", "application/pdf")


@documents_resource.post(
    "/documents/<id>/revoke", permission=P.DOCUMENTS_ISSUE, body=RevokeIn, answer=DocumentOut, problems=("ILLEGAL_MOVE", "NOTE_REQUIRED")
)
def revoke_document(call: Call[RevokeIn], id: str) -> DocumentOut:  # noqa: A002
    """作废一份回执或证明，公开核验页随即显示已作废."""
    row = documents.readable(call.session, id, actor=call.actor)
    return _out(call.session, documents.revoke(call.session, row, reason=call.body.reason, actor=call.actor, now=call.now))


def _out(session: Session, row: Document) -> DocumentOut:
    facts = documents.facts_of(session, row)
    return DocumentOut(
        id=row.public_id,
        kind=row.kind,
        title=facts.get("title", ""),
        serial=row.serial,
        lines=facts.get("lines", []),
        issuer=facts.get("issuer", ""),
        link=facts.get("link", ""),
        visits=facts.get("visits"),
        minutes=facts.get("minutes"),
        issued_at=row.issued_at,
        revoked_at=row.revoked_at,
        ready=row.pdf is not None,
    )


def _file(call: Call[None], public_id: str, form: Form, media: str) -> Response:
    row = documents.readable(call.session, public_id, actor=call.actor)
    digest = getattr(row, form)
    if digest is None:
        body = NotReadyOut().model_dump_json()
        return Response(body, status=202, mimetype="application/json", headers={"Retry-After": str(WAIT_S)})
    data = documents.open_print(call.session, row, form, files.get(documents.AREA, digest))
    return raw(data, media, name=f"{row.serial}.{form}")


def _base() -> str:
    return str(current_app.config["SETTINGS"].web.public_base)
