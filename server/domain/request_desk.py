"""A request in the words of the desk: its states, steps and deadlines as staff read them, and what to do next. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from server.domain import workdays
from server.domain.days import SHANGHAI, local_day
from server.domain.requests import ENDS, Channel, OfferKind, OfferState, Relation, RequestState

S = RequestState
REQUEST_STATE_NAMES: Mapping[RequestState, str] = {
    S.DRAFT: "草稿",
    S.SUBMITTED: "待研判",
    S.TRIAGED: "待派单",
    S.OPEN: "公开认领中",
    S.DISPATCHED: "等对方答复",
    S.ACCEPTED: "已接单",
    S.IN_PROGRESS: "办理中",
    S.WAITING: "等居民回话",
    S.FINISHED: "待签收",
    S.REWORK: "回炉",
    S.ESCALATED: "已升级",
    S.EXPLAINING: "待复核",
    S.MERGED: "已并案",
    S.SPLIT: "已拆分",
    S.REJECTED: "不受理",
    S.WITHDRAWN: "居民撤回",
    S.CLOSED: "已签收办结",
    S.CLOSED_UNRATED: "办结未签收",
    S.CLOSED_EXPLAINED: "说明结案",
}
OPEN_STATES = tuple(state for state in S if state not in (*ENDS, S.DRAFT))
# One sentence that says what to do next.
NEXT: Mapping[RequestState, str] = {
    S.DRAFT: "这是草稿，提交后才能办理",
    S.SUBMITTED: "请研判：定类别、缓急和难易，受理后派单；不归社区办的，说明该找谁",
    S.TRIAGED: "请派给单位、队伍或党员，也可以公开认领；要几家一起到场的请吹哨",
    S.OPEN: "等人认领；有人报名请审核，也可以直接派单",
    S.DISPATCHED: "等对方答复；不接的话会回到待派单",
    S.ACCEPTED: "等承办人联系居民并开始办理",
    S.IN_PROGRESS: "等承办人办结；要几家一起到场的请吹哨",
    S.WAITING: "计时已停；居民回话后由承办人接着办",
    S.FINISHED: "等居民签收；过了签收期没有回音的，请打电话回访",
    S.REWORK: "居民说没办好：第一次可由原承办人重办，第二次起请换人再派",
    S.ESCALATED: "请这一级决定：派下去、自己办，或说明办不了",
    S.EXPLAINING: "等另一位负责人复核“办不了”的说明",
    S.MERGED: "已经并案，进展看并入的那一件",
    S.SPLIT: "已经拆开，进展看拆出的各件",
    S.REJECTED: "已告知居民该找谁，不用再办",
    S.WITHDRAWN: "居民已撤回，不用再办",
    S.CLOSED: "已经办结，不用再办",
    S.CLOSED_UNRATED: "几次打不通，已按未签收办结，不计入满意率",
    S.CLOSED_EXPLAINED: "已说明结案，按未解决统计",
}
# The same for whoever handles it.
IN_YOUR_HANDS: Mapping[RequestState, str] = {
    S.ACCEPTED: "由您来办：请先查看电话联系居民，再开始办理",
    S.IN_PROGRESS: "由您来办：办好后请报办结；要等居民的，请停下计时",
    S.WAITING: "由您来办：居民回话后请点“接着办”",
    S.REWORK: "由您来办：居民说没办好，请重新办理",
}
CHANNEL_NAMES: Mapping[Channel, str] = {
    Channel.APP: "小程序",
    Channel.PROXY: "家人邻居代提",
    Channel.PHONE: "来电来访",
    Channel.ROUND: "上门走访",
    Channel.REVIEW: "评价例会回炉",
}
RELATION_NAMES: Mapping[Relation, str] = {
    Relation.SELF: "本人",
    Relation.CHILD: "子女",
    Relation.SPOUSE: "配偶",
    Relation.RELATIVE: "亲属",
    Relation.NEIGHBOUR: "邻居",
    Relation.GRID_WORKER: "网格员",
    Relation.CLERK: "社区工作人员",
    Relation.OTHER: "其他人",
}
OFFER_KIND_NAMES: Mapping[OfferKind, str] = {OfferKind.DISPATCH: "派单", OfferKind.CLAIM: "认领", OfferKind.WHISTLE: "吹哨"}
OFFER_STATE_NAMES: Mapping[OfferState, str] = {
    OfferState.WAITING: "待答复",
    OfferState.ACCEPTED: "已接受",
    OfferState.DECLINED: "未接受",
    OfferState.LAPSED: "已失效",
}
# What happened, by (kind of row, action).
STEP_NAMES: Mapping[tuple[str, str], str] = {
    **{
        ("request", action): words
        for action, words in {
            "draft": "写了草稿",
            "submit": "提交",
            "supplement": "补充情况",
            "pass_content": "内容看过，通过",
            "refuse_content": "内容看过，不通过",
            "type_out": "把录音或口述写成文字",
            "triage": "研判，受理",
            "merge": "并入另一件",
            "split": "拆成几件",
            "reject": "不受理，告知渠道",
            "publish": "公开认领",
            "dispatch": "派单",
            "direct": "上级派单",
            "whistle": "办理中吹哨",
            "claim": "认领通过",
            "accept": "接单",
            "decline": "没有接成，回到待派单",
            "queue": "放进服务站队列",
            "contact": "查看电话，联系居民",
            "start": "开始办理",
            "visit": "上门",
            "pause": "等居民回话，计时停下",
            "resume": "接着办，期限顺延",
            "extend": "延期生效",
            "finish": "报办结",
            "sign_off": "签收：办好了",
            "send_again": "签收：没办好，回炉",
            "time_out": "几次打不通，按未签收办结",
            "redo": "重新办理",
            "escalate": "升到上一级",
            "take_up": "本级自己办",
            "explain": "说明办不了，送复核",
            "approve_explanation": "复核同意，说明结案",
            "refuse_explanation": "复核不同意，继续办",
            "withdraw": "撤回",
            "hand_on": "提出人撤回，接着为其他提出人办",
            "undo": "十秒内撤销了上一步",
        }.items()
    },
    ("request_extension", "ask"): "申请延期",
    ("request_extension", "approve"): "批准延期",
    ("request_extension", "refuse"): "不批准延期",
    ("request_extension", "undo"): "十秒内撤销了批复",
    ("callback", "call"): "电话回访",
    ("mediation", "open"): "开始调解",
    ("mediation", "agree"): "调解：达成一致",
    ("mediation", "fail"): "调解：未达成一致",
    ("mediation", "refer"): "调解：转法院或仲裁",
}


@dataclass(frozen=True)
class Deadline:
    """How much time there is, as a badge says it; `tone` is plain, wait, bad or good."""

    words: str
    tone: str


def deadline(
    state: RequestState, due_at: datetime | None, now: datetime, overrides: Mapping[date, bool] = workdays.NO_OVERRIDES
) -> Deadline:
    """How long this stage may still take, in working days (docs/rules.md §3.3)."""
    if state in ENDS:
        return Deadline("已结束", "good")
    if due_at is None:
        return Deadline("没有期限", "plain")
    today, last = local_day(now), local_day(due_at - timedelta(microseconds=1))
    if state is S.WAITING:
        return Deadline(f"计时已停，最晚 {last.month}月{last.day}日 恢复", "wait")
    if due_at <= now:
        late = workdays.between(last, today, overrides)
        return Deadline(f"逾期 {late} 个工作日" if late else "已过时限", "bad")
    if last == today:
        at = due_at.astimezone(SHANGHAI)
        return Deadline("今天到期" if local_day(due_at) != today else f"今天 {at:%H:%M} 到期", "wait")
    left = workdays.between(today, last, overrides)
    return Deadline(f"还有 {left} 个工作日" if left else f"{last.month}月{last.day}日 到期", "plain")
