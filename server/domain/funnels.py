"""Where every request of a period ended up (mission row C12): each state belongs to exactly one bucket, so the buckets add up. Pure."""

from collections.abc import Mapping
from enum import StrEnum

from server.domain.requests import RequestState


class Bucket(StrEnum):
    """Not carried on (with its reason) · under way · ended."""

    TO_TRIAGE = "to_triage"
    MERGED = "merged"
    SPLIT = "split"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    TO_DISPATCH = "to_dispatch"
    IN_WORK = "in_work"
    ESCALATED = "escalated"
    REWORK = "rework"
    TO_SIGN = "to_sign"
    SOLVED = "solved"
    UNRATED = "unrated"
    EXPLAINED = "explained"


S, B = RequestState, Bucket
BUCKET_OF: Mapping[RequestState, Bucket] = {
    S.SUBMITTED: B.TO_TRIAGE,
    S.MERGED: B.MERGED,
    S.SPLIT: B.SPLIT,
    S.REJECTED: B.REJECTED,
    S.WITHDRAWN: B.WITHDRAWN,
    S.TRIAGED: B.TO_DISPATCH,
    S.OPEN: B.TO_DISPATCH,
    S.DISPATCHED: B.TO_DISPATCH,
    S.ACCEPTED: B.IN_WORK,
    S.IN_PROGRESS: B.IN_WORK,
    S.WAITING: B.IN_WORK,
    S.ESCALATED: B.ESCALATED,
    S.EXPLAINING: B.ESCALATED,
    S.REWORK: B.REWORK,
    S.FINISHED: B.TO_SIGN,
    S.CLOSED: B.SOLVED,
    S.CLOSED_UNRATED: B.UNRATED,
    S.CLOSED_EXPLAINED: B.EXPLAINED,
}  # a draft was never sent: it is nobody's request yet
NOT_CARRIED_ON = frozenset({B.MERGED, B.SPLIT, B.REJECTED, B.WITHDRAWN})
BUCKET_NAMES: Mapping[Bucket, str] = {
    B.TO_TRIAGE: "待研判",
    B.MERGED: "并案",
    B.SPLIT: "拆分",
    B.REJECTED: "不受理（已告知渠道）",
    B.WITHDRAWN: "居民撤回",
    B.TO_DISPATCH: "待派单或接单",
    B.IN_WORK: "办理中",
    B.ESCALATED: "升级处理",
    B.REWORK: "回炉",
    B.TO_SIGN: "待签收",
    B.SOLVED: "已签收办结",
    B.UNRATED: "办结未签收",
    B.EXPLAINED: "说明结案（未解决）",
}


def states_of(bucket: Bucket) -> tuple[RequestState, ...]:
    """The states that make up a bucket."""
    return tuple(state for state, found in BUCKET_OF.items() if found is bucket)
