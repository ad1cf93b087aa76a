"""People, consents and binding requests (mission rows A3, G5)."""

from collections.abc import Mapping
from enum import StrEnum

from server.domain.permissions import Permission
from server.domain.states import Rule


class MemberType(StrEnum):
    """在职 · 离退休 · 流动 · 在册 · 群众."""

    IN_SERVICE = "in_service"
    RETIRED = "retired"
    FLOATING = "floating"
    RESIDENT_PARTY = "resident_party"
    NON_PARTY = "non_party"


MEMBER_TYPE_NAMES: Mapping[MemberType, str] = {
    MemberType.IN_SERVICE: "在职党员",
    MemberType.RETIRED: "离退休党员",
    MemberType.FLOATING: "流动党员",
    MemberType.RESIDENT_PARTY: "在册党员",
    MemberType.NON_PARTY: "群众",
}


class PersonState(StrEnum):
    ACTIVE = "active"
    ERASED = "erased"
    MERGED = "merged"


class Purpose(StrEnum):
    """What a person may consent to, each apart (R7)."""

    SERVICE = "service"  # registration and service records in his community
    PARTY_DATA = "party_data"  # membership and branch, treated as sensitive
    SHARE_UNIT = "share_unit"  # what he did is shown to his unit's branch (双报告)
    HONOUR = "honour"  # his name on the public board
    WISHES = "wishes"  # his micro-wish, shown under an alias; his contact to who claimed it


class ConsentChannel(StrEnum):
    """How it was given; paper and spoken need a witness (R6)."""

    APP = "app"
    PAPER = "paper"
    SPOKEN = "spoken"


CONSENT_CHANNEL_NAMES: Mapping[ConsentChannel, str] = {
    ConsentChannel.APP: "本人在小程序同意",
    ConsentChannel.PAPER: "纸面同意",
    ConsentChannel.SPOKEN: "口头同意",
}


class BindingState(StrEnum):
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"


class BindingAction(StrEnum):
    ACCEPT = "accept"
    RETURN = "return"
    WITHDRAW = "withdraw"


BINDING_TRANSITIONS: Mapping[tuple[BindingState, BindingAction], Rule[BindingState]] = {
    (BindingState.SUBMITTED, BindingAction.ACCEPT): Rule(BindingState.ACCEPTED, Permission.BINDINGS_DECIDE, undo=True),
    (BindingState.SUBMITTED, BindingAction.RETURN): Rule(BindingState.RETURNED, Permission.BINDINGS_DECIDE, needs_note=True, undo=True),
    (BindingState.SUBMITTED, BindingAction.WITHDRAW): Rule(BindingState.WITHDRAWN),
}
