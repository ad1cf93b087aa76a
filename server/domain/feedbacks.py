"""投诉建议: written by anybody, answered in five working days, not shown to whom it is about (mission row G10; docs/rules.md §3.7)."""

from collections.abc import Mapping
from enum import StrEnum

from server.domain.states import Rule


class FeedbackKind(StrEnum):
    COMPLAINT = "complaint"
    SUGGESTION = "suggestion"


class FeedbackAbout(StrEnum):
    """软件 · 一项服务或活动 · 社区的工作 · 工作人员或办理人."""

    APP = "app"
    SERVICE = "service"
    COMMUNITY = "community"
    STAFF = "staff"


class FeedbackAudience(StrEnum):
    """Who answers. What is about a community or its staff goes past it to the county."""

    COMMUNITY = "community"
    COUNTY = "county"


class FeedbackState(StrEnum):
    OPEN = "open"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"


FEEDBACK_KIND_NAMES: Mapping[FeedbackKind, str] = {FeedbackKind.COMPLAINT: "投诉", FeedbackKind.SUGGESTION: "建议"}
FEEDBACK_ABOUT_NAMES: Mapping[FeedbackAbout, str] = {
    FeedbackAbout.APP: "软件",
    FeedbackAbout.SERVICE: "一项服务或活动",
    FeedbackAbout.COMMUNITY: "社区的工作",
    FeedbackAbout.STAFF: "工作人员或办理人",
}
FEEDBACK_AUDIENCE_NAMES: Mapping[FeedbackAudience, str] = {FeedbackAudience.COMMUNITY: "社区", FeedbackAudience.COUNTY: "县里"}
FEEDBACK_STATE_NAMES: Mapping[FeedbackState, str] = {
    FeedbackState.OPEN: "待答复",
    FeedbackState.ANSWERED: "已答复",
    FeedbackState.WITHDRAWN: "已撤回",
}


class FeedbackAction(StrEnum):
    ANSWER = "answer"
    HAND_UP = "hand_up"
    ASK_AGAIN = "ask_again"
    WITHDRAW = "withdraw"
    TELL = "tell"  # the reply was read out to somebody without a phone


S, A = FeedbackState, FeedbackAction
FEEDBACK_TRANSITIONS: Mapping[tuple[FeedbackState, FeedbackAction], Rule[FeedbackState]] = {
    (S.OPEN, A.ANSWER): Rule(S.ANSWERED),
    (S.OPEN, A.HAND_UP): Rule(S.OPEN),
    (S.OPEN, A.WITHDRAW): Rule(S.WITHDRAWN),
    (S.ANSWERED, A.ASK_AGAIN): Rule(S.OPEN),
    (S.ANSWERED, A.TELL): Rule(S.ANSWERED),
}


def audience_of(about: FeedbackAbout, *, named_community: bool) -> FeedbackAudience:
    """The county, unless it is about the app or a service and names a community that can answer."""
    harmless = about in (FeedbackAbout.APP, FeedbackAbout.SERVICE)
    return FeedbackAudience.COMMUNITY if harmless and named_community else FeedbackAudience.COUNTY
