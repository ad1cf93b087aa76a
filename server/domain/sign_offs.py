"""签收: named and about the work (docs/protocol.md §4). The reasons are neutral words, and the handler reads a task instead.

A handler may guess, because a request has one requester; so his task says what is to be done, never what somebody thought of him.
"""

from collections.abc import Mapping
from enum import StrEnum

MOST_FAILURES = 3  # the third 没办好 goes one level up and to the quarter's panel


class AgainReason(StrEnum):
    """Why it is to be done again."""

    NOT_FINISHED = "not_finished"
    CAME_BACK = "came_back"
    OTHER_PLACE = "other_place"
    NOBODY_CAME = "nobody_came"
    UNCLEAR = "unclear"
    OTHER = "other"


# What the requester taps, and the neutral task the handler reads.
REASONS: Mapping[AgainReason, str] = {
    AgainReason.NOT_FINISHED: "还有一部分没办完",
    AgainReason.CAME_BACK: "办过以后问题又出现了",
    AgainReason.OTHER_PLACE: "办的地方或内容不对",
    AgainReason.NOBODY_CAME: "没有人来过",
    AgainReason.UNCLEAR: "结果没有说明白",
    AgainReason.OTHER: "其他情况",
}
TASKS: Mapping[AgainReason, str] = {
    AgainReason.NOT_FINISHED: "请核对事项是否全部办完，把剩下的部分办好",
    AgainReason.CAME_BACK: "请再到现场看一次，找到原因后处理",
    AgainReason.OTHER_PLACE: "请重新核对地点和内容，再办一次",
    AgainReason.NOBODY_CAME: "请约好时间上门办理",
    AgainReason.UNCLEAR: "请联系诉求人，把办理情况说明白",
    AgainReason.OTHER: "请联系诉求人，核实后再办一次",
}


class Source(StrEnum):
    """How the answer came: from himself, through who entered the request for him, or by a call."""

    OWN = "own"
    ON_WORD = "on_word"
    CALLBACK = "callback"


SOURCE_NAMES: Mapping[Source, str] = {Source.OWN: "本人", Source.ON_WORD: "代签（已问过本人）", Source.CALLBACK: "电话回访"}
