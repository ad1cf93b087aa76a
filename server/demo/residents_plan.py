"""The residents' weeks as data: who asks for what, what becomes of it, and every count that must come of it.

Nine residents, forty requests. `day` 7 is the Monday after the members' week; sums are taken over ASKS, never from the service.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from server.demo import story

DAUGHTER, MOTHER, UNCLE = "沈佳", "林阿婆", "郭大爷"  # she asks for her mother; the grid worker and the clerk enter for him
WITH_PHONE = ("秦海", "罗敏", "丁兰", "魏强", "姚芳", "邱磊", DAUGHTER)
RESIDENTS = (*WITH_PHONE, MOTHER, UNCLE)
HANDLERS = ("陈晓燕", "赵丽华", "周敏", "郭静怡", "曾庆华", "袁学文", "韩梅芳", "许家豪")
CALLED_IN = (story.POWER, story.BUREAU)  # by the whistle; the first to accept leads
DECLINES = "潘卫东"


class Fate(StrEnum):
    """What becomes of a request."""

    DONE = "done"
    CLAIMED = "claimed"  # a member offers himself, the secretary approves
    DECLINED = "declined"  # the first one asked says no, the second does it
    WHISTLE = "whistle"  # two units are called, one leads, both come
    MERGED = "merged"  # into the first one
    SPLIT = "split"  # into two, both done
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    REWORK = "rework"  # 没办好，请再来; then done
    ESCALATED = "escalated"  # nobody answers: the timer sends it up, the street does it
    EXPLAINED = "explained"  # proven impossible, approved by another
    CALLED_BACK = "called_back"  # says nothing in the app, but on the phone
    UNREACHED = "unreached"  # three calls in vain


F = Fate
ENDED_BY_TRIAGE = (F.MERGED, F.REJECTED, F.SPLIT, F.WITHDRAWN)
PARTS = 2
TRIES = 3


@dataclass(frozen=True)
class Ask:
    """A request: for whom, which category, the words, the place, its fate; `by` enters it for him, `to` is where a rejected one belongs."""

    who: str
    category: str
    words: str
    place: str
    fate: Fate = F.DONE
    by: str = ""
    to: str = ""


ASKS: tuple[Ask, ...] = (
    Ask("秦海", "repairs", "3幢二楼的楼道灯不亮", "3幢"),
    Ask("罗敏", "repairs", "3幢楼道灯坏了，晚上看不见", "3幢", F.MERGED),
    Ask("丁兰", "repairs", "3幢二楼楼道灯不亮", "3幢", F.MERGED),
    Ask("魏强", "repairs", "楼道灯不亮，3幢二楼", "3幢", F.MERGED),
    Ask("秦海", "noise", "楼上装修到晚上十点", "3幢"),
    Ask("秦海", "parking", "消防通道停了车，电线也拖在地上", "示例小区东门", F.WHISTLE),
    Ask("秦海", "environment", "垃圾桶满了没人倒", "示例小区西门", F.CLAIMED),
    Ask("秦海", "culture", "想请人教老年人用手机", "社区活动室"),
    Ask("罗敏", "pets", "有人遛狗不牵绳", "花园小区"),
    Ask("罗敏", "property", "电梯里的广告收益应当公开", "花园小区", F.REJECTED, to="property"),
    Ask("罗敏", "environment", "绿化带里有枯枝", "花园小区", F.CLAIMED),
    Ask("罗敏", "safety", "有人在楼道里给电动车充电", "5幢"),
    Ask("丁兰", "children", "放学后没人接孩子", "1幢"),
    Ask("丁兰", "order", "和楼下因为漏水吵起来了", "1幢", F.DECLINED),
    Ask("丁兰", "culture", "合唱队想借排练的地方", "社区活动室"),
    Ask("丁兰", "policy", "居住证怎么办", "1幢"),
    Ask("魏强", "jobs", "想学一门手艺再找工作", "2幢"),
    Ask("魏强", "legal", "租房合同的押金不退", "2幢"),
    Ask("魏强", "order", "接到可疑的转账电话", "2幢", F.REJECTED, to="110"),
    Ask("魏强", "other", "门口路灯不亮，另外想问医保怎么续", "2幢", F.SPLIT),
    Ask("姚芳", "utilities", "六楼水压太低", "6幢", F.ESCALATED),
    Ask("姚芳", "repairs", "单元门关不上", "6幢", F.REWORK),
    Ask("姚芳", "health", "想请人来量血压", "6幢"),
    Ask("姚芳", "parking", "希望再画一百个车位", "花园小区", F.EXPLAINED),
    Ask("姚芳", "other", "阳台的花盆想换个地方", "6幢", F.WITHDRAWN),
    Ask("邱磊", "property", "楼顶漏水", "4幢"),
    Ask("邱磊", "safety", "井盖松动", "示例小区北路"),
    Ask("邱磊", "environment", "宣传栏玻璃脏了", "社区广场", F.CLAIMED),
    Ask("邱磊", "noise", "广场舞音响太响", "社区广场", F.CALLED_BACK),
    Ask("邱磊", "repairs", "健身器材的螺丝松了", "社区广场", F.UNREACHED),
    Ask(DAUGHTER, "children", "想报周末的书法课", "4幢"),
    Ask(DAUGHTER, "elder_care", "老人助餐怎么申请", "4幢"),
    Ask(DAUGHTER, "policy", "异地医保怎么备案", "4幢"),
    Ask(MOTHER, "elder_care", "想请人陪着去医院", "4幢", by=DAUGHTER),
    Ask(MOTHER, "repairs", "纱窗破了", "4幢", by=DAUGHTER),
    Ask(MOTHER, "health", "药盒上的字看不清", "4幢", by=DAUGHTER),
    Ask(UNCLE, "hardship", "冬衣不够", "2幢", by=story.GRID_WORKER),
    Ask(UNCLE, "utilities", "煤气灶打不着火", "2幢", by=story.GRID_WORKER),
    Ask(UNCLE, "repairs", "门锁不好开", "2幢", by=story.GRID_WORKER),
    Ask(UNCLE, "elder_care", "想有人每周来看看", "2幢", by=story.CLERK),
)
FATES = Counter(ask.fate for ask in ASKS)
NOT_CARRIED_ON = FATES[F.MERGED] + FATES[F.SPLIT] + FATES[F.REJECTED] + FATES[F.WITHDRAWN]
TOTAL = len(ASKS) + PARTS * FATES[F.SPLIT]
SOLVED = TOTAL - NOT_CARRIED_ON - FATES[F.EXPLAINED] - FATES[F.UNREACHED]

PANEL = WITH_PHONE
FIGURES = {"wishes_published": 4, "wishes_claimed": 2, "wishes_confirmed": 2}
EXPECTED: Mapping[str, tuple[str, int]] = {
    "residents": ("提诉求的居民", len(RESIDENTS)),
    "requests_submitted": ("提出的诉求", len(ASKS)),
    "requests_by_proxy": ("其中子女代办的", sum(ask.by == DAUGHTER for ask in ASKS)),
    "requests_by_round": ("其中网格员走访录入的", sum(ask.by == story.GRID_WORKER for ask in ASKS)),
    "requests_by_phone": ("其中电话录入的", sum(ask.by == story.CLERK for ask in ASKS)),
    "requests_of_split": ("拆分出来的诉求", PARTS * FATES[F.SPLIT]),
    "merges_suggested": ("系统提示重复、并案的", FATES[F.MERGED]),
    "merged_told": ("并案后看到进展的提出人", FATES[F.MERGED]),
    "dispatches_declined": ("不接并写明原因的派单", FATES[F.DECLINED]),
    "request_claims_approved": ("书记通过的诉求认领", FATES[F.CLAIMED]),
    "units_arrived": ("吹哨后到场的单位", len(CALLED_IN) * FATES[F.WHISTLE]),
    "phone_readings": ("查看居民电话（每次都有记录）", TOTAL - NOT_CARRIED_ON - FATES[F.ESCALATED] - FATES[F.EXPLAINED]),
    "reworks": ("回炉", FATES[F.REWORK]),
    "escalated_by_timer": ("逾期自动升级", FATES[F.ESCALATED]),
    "explanations_approved": ("另一人复核的说明", FATES[F.EXPLAINED]),
    "callbacks": ("回访", FATES[F.CALLED_BACK] + TRIES * FATES[F.UNREACHED]),
    "funnel_total": ("漏斗：提交", TOTAL),
    "funnel_carried_on": ("漏斗：转入办理", TOTAL - NOT_CARRIED_ON),
    "funnel_merged": ("漏斗：并案", FATES[F.MERGED]),
    "funnel_split": ("漏斗：拆分", FATES[F.SPLIT]),
    "funnel_rejected": ("漏斗：不受理（已告知渠道）", FATES[F.REJECTED]),
    "funnel_withdrawn": ("漏斗：居民撤回", FATES[F.WITHDRAWN]),
    "funnel_solved": ("漏斗：签收办结", SOLVED),
    "funnel_unrated": ("漏斗：未评价结束", FATES[F.UNREACHED]),
    "funnel_explained": ("漏斗：说明结案", FATES[F.EXPLAINED]),
    "wishes_refused": ("不能公布的微心愿文字（要现金、有门牌）", 2),
    "wishes_published": ("公布的微心愿", FIGURES["wishes_published"]),
    "wishes_put_back": ("七天没联系、自动放回的微心愿", 1),
    "wishes_claimed": ("微心愿统计：已认领", FIGURES["wishes_claimed"]),
    "wishes_confirmed": ("微心愿统计：已实现", FIGURES["wishes_confirmed"]),
    "feedbacks_answered": ("答复的投诉建议", 2),
    "complaints_seen_by_community": ("社区看到的、关于社区的投诉", 0),
    "panel_members": ("评价例会抽签选出的评议员", 5),
    "panel_votes": ("评议员的匿名票", 5),
    "panel_unsolved": ("例会认为没解决的", 0),
}
