"""微心愿: small, concrete, feasible, no cash (mission row C9; docs/rules.md §3.4)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from server.domain.money import yuan
from server.domain.permissions import Permission as P
from server.domain.problems import Problem
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


class WishProof(StrEnum):
    """How it was confirmed; all are worth the same (R6)."""

    APP = "app"
    CALLBACK = "callback"
    SLIP = "slip"


WISH_GROUP_NAMES: Mapping[WishGroup, str] = {
    WishGroup.PARTY_IN_NEED: "困难党员",
    WishGroup.LOW_INCOME: "低保",
    WishGroup.LIVING_ALONE: "孤寡独居老人",
    WishGroup.DISABLED: "残疾人",
    WishGroup.CHILD: "困境或留守儿童",
    WishGroup.OTHER: "其他",
}
WISH_STATE_NAMES: Mapping[WishState, str] = {
    WishState.COLLECTED: "待走访核实",
    WishState.VERIFIED: "待公布",
    WishState.PUBLISHED: "待认领",
    WishState.CLAIMED: "已认领",
    WishState.CONTACTED: "已联系",
    WishState.FULFILLED: "待确认",
    WishState.CONFIRMED: "已实现",
    WishState.WITHDRAWN: "已撤回",
}
WISH_PROOF_NAMES: Mapping[WishProof, str] = {
    WishProof.APP: "本人或监护人在小程序确认",
    WishProof.CALLBACK: "社区电话回访",
    WishProof.SLIP: "本人签字单",
}


S, A = WishState, WishAction
WISH_TRANSITIONS: Mapping[tuple[WishState, WishAction], Rule[WishState]] = {
    (S.COLLECTED, A.VERIFY): Rule(S.VERIFIED, P.WISHES_MANAGE, undo=True),
    (S.VERIFIED, A.PUBLISH): Rule(S.PUBLISHED, P.WISHES_MANAGE, undo=True),
    (S.PUBLISHED, A.CLAIM): Rule(S.CLAIMED, undo=True),
    (S.CLAIMED, A.RELEASE): Rule(S.PUBLISHED, undo=True),
    (S.CLAIMED, A.CONTACT): Rule(S.CONTACTED, undo=True),
    (S.CONTACTED, A.RELEASE): Rule(S.PUBLISHED, undo=True),
    (S.CONTACTED, A.FULFIL): Rule(S.FULFILLED, undo=True),
    (S.FULFILLED, A.CONFIRM): Rule(S.CONFIRMED, undo=True),
    (S.PUBLISHED, A.NEXT_ROUND): Rule(S.PUBLISHED, P.WISHES_MANAGE),
    **{(state, A.WITHDRAW): Rule(S.WITHDRAWN, needs_note=True, undo=True) for state in (S.COLLECTED, S.VERIFIED, S.PUBLISHED)},
    **{(state, A.WITHDRAW): Rule(S.WITHDRAWN, needs_note=True, undo=True) for state in (S.CLAIMED, S.CONTACTED)},
}
TAKEN = (S.CLAIMED, S.CONTACTED, S.FULFILLED, S.CONFIRMED)


@dataclass(frozen=True)
class Words:
    """What is published: an alias, the wish in staff's words, what it is worth (分)."""

    alias: str
    content: str
    value_fen: int


PHONE = re.compile(r"(?<!\d)(?:1[3-9]\d{9}|0\d{2,3}\d{7,8})(?!\d)")
LONG_NUMBER = re.compile(r"\d{7,}")  # phones without their area, bank cards, identity numbers
IDENTITY = re.compile(r"\d{14,17}[\dXx]")
COUNTED = r"[\d一二三四五六七八九十百零〇]+"
HOUSE = re.compile(
    rf"{COUNTED}(?:幢|栋|单元|号楼|号院|号房|号门|门牌|弄)|\d{{3,4}}[室房]|(?:路|街|巷|弄|里|村|道|胡同|小区|花园){COUNTED}号|(?<!\d)\d{{1,3}}-\d{{1,3}}-\d{{2,4}}(?!\d)"
)
CASH = re.compile(
    r"现金|红包|转账|汇款|打款|借款|借钱|贷款|还债|还款|欠款|给钱|发钱|要钱|人民币|救助金|慰问金|生活费|微信支付|支付宝|购物卡|代金券|储值卡|充值|话费"
)
GAPS = re.compile(r"(?<=\d)[\s\-.·—]+(?=\d)")


def check_words(words: Words, *, cap_fen: int, names: Iterable[str] = ()) -> None:
    """Raise WISH_DETAILS (telephone, identity or house number, one of `names`), WISH_CASH, WISH_VALUE (docs/rules.md §3.4)."""
    said = {"alias": words.alias, "content": words.content}
    for name, text in said.items():
        if details_in(text) or any(len(known) > 1 and known in text for known in names):
            raise Problem("WISH_DETAILS", fields={name: "请去掉姓名、电话、证件号和门牌号"})
    if asks_cash(words.content):
        raise Problem("WISH_CASH", fields={"content": "请写一件具体的东西或一件事"})
    if not 0 <= words.value_fen <= cap_fen:
        raise Problem("WISH_VALUE", fields={"value_fen": f"上限是 {yuan(cap_fen)} 元"})


def details_in(text: str) -> bool:
    """Does it hold what looks like a telephone, identity or house number? Full-width digits and gaps between them do not hide it."""
    wide = unicodedata.normalize("NFKC", text)
    dense = GAPS.sub("", wide)
    return any(pattern.search(dense) for pattern in (PHONE, LONG_NUMBER, IDENTITY)) or bool(HOUSE.search("".join(wide.split())))


def asks_cash(text: str) -> bool:
    """Does the text ask for money or what is as good as money?"""
    return bool(CASH.search("".join(unicodedata.normalize("NFKC", text).split())))
