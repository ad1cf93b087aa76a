"""Receipts and certificates with a code that anyone can verify (mission row A6)."""

from enum import StrEnum


class DocumentKind(StrEnum):
    """报到回执 (member, unit) · 志愿服务证明."""

    MEMBER_RECEIPT = "member_receipt"
    UNIT_RECEIPT = "unit_receipt"
    SERVICE_CERTIFICATE = "service_certificate"


DOCUMENT_NAMES = {
    DocumentKind.MEMBER_RECEIPT: "党员报到回执",
    DocumentKind.UNIT_RECEIPT: "单位报到回执",
    DocumentKind.SERVICE_CERTIFICATE: "志愿服务证明",
}
