"""What administrators start and watch: rotating keys, verifying the audit chain (mission rows G4, G7)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class OperationKind(StrEnum):
    """One of these; values are never renamed."""

    KEYS_ADD = "keys_add"
    KEYS_PROMOTE = "keys_promote"
    KEYS_RESEAL = "keys_reseal"
    KEYS_RETIRE = "keys_retire"
    AUDIT_VERIFY = "audit_verify"


OPERATION_NAMES: Mapping[OperationKind, str] = {
    OperationKind.KEYS_ADD: "添加新密钥",
    OperationKind.KEYS_PROMOTE: "启用新密钥",
    OperationKind.KEYS_RESEAL: "重新加密",
    OperationKind.KEYS_RETIRE: "停用旧密钥",
    OperationKind.AUDIT_VERIFY: "核验链条",
}
LASTING = frozenset({OperationKind.KEYS_RESEAL, OperationKind.AUDIT_VERIFY})  # jobs; the others are done when they are asked for
