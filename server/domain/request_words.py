"""A request in plain words: short labels of at most twelve characters, and a sentence that says what happens now (docs/rules.md, A11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from server.domain.requests import CheckState, Difficulty, RequestState, Urgency


@dataclass(frozen=True)
class Plain:
    """A label for the list and a sentence for the page."""

    short: str
    sentence: str


S = RequestState
STATES: Mapping[RequestState, Plain] = {
    S.DRAFT: Plain("还没提交", "这是草稿，点“提交”社区才能看到"),
    S.SUBMITTED: Plain("社区正在看", "社区收到了，正在看怎么办"),
    S.TRIAGED: Plain("正在找人办", "社区已受理，正在安排人办"),
    S.OPEN: Plain("等人来接", "已公布给党员和单位，等人来接"),
    S.DISPATCHED: Plain("已派给人", "已经派出去，等对方答应"),
    S.ACCEPTED: Plain("有人接了", "有人接了，会先给您打电话"),
    S.IN_PROGRESS: Plain("正在办", "正在办，办好会告诉您"),
    S.WAITING: Plain("等您回话", "在等您回话，请打开看看要您做什么"),
    S.FINISHED: Plain("办好请签收", "说是办好了，请您看看，签个收"),
    S.REWORK: Plain("重新办", "您说没办好，正在重新办"),
    S.ESCALATED: Plain("交上一级了", "社区办不了，已交给上一级"),
    S.EXPLAINING: Plain("正在核实", "可能办不成，正在核实原因"),
    S.MERGED: Plain("和邻居的一起办", "和邻居提的是一件事，一起办，进展一样告诉您"),
    S.SPLIT: Plain("拆成几件办", "里面有几件事，分开办了"),
    S.REJECTED: Plain("不归社区办", "这件事不归社区办，下面写了该找谁"),
    S.WITHDRAWN: Plain("您撤回了", "您已经撤回，需要时可以再提"),
    S.CLOSED: Plain("办结", "您签收了，这件事办结"),
    S.CLOSED_UNRATED: Plain("办结，未答复", "联系不上您，先办结；没办好请再提"),
    S.CLOSED_EXPLAINED: Plain("办不了，已说明", "经两级核实办不了，原因写在下面"),
}
URGENCIES: Mapping[Urgency, str] = {Urgency.NORMAL: "不急", Urgency.URGENT: "紧急", Urgency.CRITICAL: "特急"}
DIFFICULTIES: Mapping[Difficulty, str] = {Difficulty.SIMPLE: "简单", Difficulty.ORDINARY: "一般", Difficulty.DIFFICULT: "疑难"}
CHECKS: Mapping[CheckState, str] = {
    CheckState.CHECKING: "内容检查中",
    CheckState.REVIEW: "等社区看内容",
    CheckState.PASSED: "",
    CheckState.REFUSED: "内容没通过",
}
# What the timeline says of an event: the sentence, and whether the reason that was written is for the requester.
STEPS: Mapping[str, tuple[str, bool]] = {
    "submit": ("提交了诉求", False),
    "supplement": ("补充了情况", False),
    "refuse_content": ("有内容没有通过检查，别人看不到", True),
    "triage": ("社区受理了", False),
    "merge": ("和邻居的诉求并在一起办", False),
    "split": ("拆成几件分开办", False),
    "reject": ("社区说明了该找谁", True),
    "publish": ("公布出来，等人来接", False),
    "dispatch": ("派出去了", False),
    "direct": ("派出去了", False),
    "claim": ("有人接了", False),
    "accept": ("有人接了", False),
    "decline": ("对方办不了，重新安排", False),
    "contact": ("经办人联系您", False),
    "start": ("开始办了", False),
    "pause": ("等您回话", True),
    "resume": ("接着办", False),
    "extend": ("多要了一些时间", True),
    "finish": ("说是办好了", False),
    "sign_off": ("您签收：办好了", False),
    "send_again": ("您签收：没办好，请再来", False),
    "time_out": ("联系不上您，先办结", False),
    "redo": ("重新办", False),
    "escalate": ("交给上一级", False),
    "take_up": ("上一级接手了", False),
    "explain": ("正在核实能不能办", False),
    "approve_explanation": ("两级核实，办不了", True),
    "refuse_explanation": ("核实后认为能办，接着办", False),
    "withdraw": ("撤回了", False),
}
