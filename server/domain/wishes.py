"""微心愿: small, concrete, feasible, no cash (mission row C9; docs/rules.md §3.4)."""

from collections.abc import Mapping
from enum import StrEnum

from server.domain.permissions import Permission as P
from server.domain.states import Rule

CAP_FEN = 30_000  # 300 yuan, the default of policy wishes.cap_fen


class WishGroup(StrEnum):
    """困难党员 · 低保 · 孤寡独居老人 · 残疾人 · 困境或留守儿童 · 其他."""

    PARTY_IN_NEED = "party_in_need"
    LOW_INCOME = "low_income"
    LIVING_ALONE = "living_alone"
    DISABLED = "disabled"
    CHILD = "child"
    OTHER = "other"


class WishState(StrEnum):
    COLLECTED = "collected"
    VERIFIED = "verified"
    PUBLISHED = "published"
    CLAIMED = "claimed"
    CONTACTED = "contacted"
    FULFILLED = "fulfilled"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


class WishAction(StrEnum):
    VERIFY = "verify"
    PUBLISH = "publish"
    CLAIM = "claim"
    RELEASE = "release"
    CONTACT = "contact"
    FULFIL = "fulfil"
    CONFIRM = "confirm"
    NEXT_ROUND = "next_round"
    WITHDRAW = "withdraw"


S, A = WishState, WishAction
WISH_TRANSITIONS: Mapping[tuple[WishState, WishAction], Rule[WishState]] = {
    (S.COLLECTED, A.VERIFY): Rule(S.VERIFIED, P.WISHES_MANAGE, needs_note=True),
    (S.VERIFIED, A.PUBLISH): Rule(S.PUBLISHED, P.WISHES_MANAGE),
    (S.PUBLISHED, A.CLAIM): Rule(S.CLAIMED),
    (S.CLAIMED, A.RELEASE): Rule(S.PUBLISHED),
    (S.CLAIMED, A.CONTACT): Rule(S.CONTACTED),
    (S.CONTACTED, A.RELEASE): Rule(S.PUBLISHED),
    (S.CONTACTED, A.FULFIL): Rule(S.FULFILLED),
    (S.FULFILLED, A.CONFIRM): Rule(S.CONFIRMED),
    (S.PUBLISHED, A.NEXT_ROUND): Rule(S.PUBLISHED),
    **{
        (state, A.WITHDRAW): Rule(S.WITHDRAWN, P.WISHES_MANAGE, needs_note=True)
        for state in (S.COLLECTED, S.VERIFIED, S.PUBLISHED, S.CLAIMED, S.CONTACTED)
    },
}
