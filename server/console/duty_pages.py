"""What the pages of duties share: a page of the queue as lines for people, the sentence after deciding, the lines that failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from server.console.desk import Answer, Call
from server.console.look import when
from server.db.models.platform import Undo
from server.domain.days import SHANGHAI, local_day
from server.domain.duties import DUTY_NAMES, REASONS, VERBS, DutyKind, verbs
from server.domain.problems import PROBLEMS, Problem
from server.services import decisions, duties, undos
from server.services.decisions import Pick, Word
from server.services.duties import Duty

LINES = 20
MIDNIGHT = time()
BACK_DEFAULT = "/console"
K = DutyKind
PATHS = {
    K.CLAIM: "/console/claims",
    K.RECORD: "/console/records",
    K.DISPUTE: "/console/records",
    K.REGISTRATION: "/console/registrations",
    K.TRANSFER: "/console/transfers",
    K.BINDING: "/console/bindings",
    K.UNIT_REGISTRATION: "/console/unit-registrations",
    K.REQUEST_CLAIM: "/console/request-claims",
    K.CONTENT: "/console/content-checks",
    K.WISH: "/console/wishes",
    K.FEEDBACK: "/console/feedbacks",
}
TO_DO = {
    K.RECORD: "填写结束时间",
    K.DISPUTE: "去裁定",
    K.BINDING: "去核对",
    K.TRIAGE: "去研判",
    K.DISPATCH: "去派单",
    K.ESCALATED: "去办理",
    K.EXPLANATION: "去核准",
    K.CONTENT: "去复核",
    K.CALLBACK: "去回访",
    K.WISH: "去办理",
    K.FEEDBACK: "去答复",
}
SAID = {"approve": "已通过", "decline": "已退回"}
HOLDS = {
    "flagged": "系统有提示",
    "night": "夜间服务",
    "out_of_place": "不在服务地点",
    "overlap": "与已确认的时间重叠",
    "too_long": "超过计划时间",
}


@dataclass(frozen=True)
class Line:
    """A duty as one reads it."""

    duty: Duty
    name: str
    title: str
    to: str
    yes: str
    no: str
    act: str
    reasons: Sequence[str]
    since: str
    due: str
    tone: str


def queue_page(call: Call, template: str, kinds: Sequence[DutyKind], **more: Any) -> Answer:
    """A page of the queue in this template, with what could not be decided a moment ago."""
    after = call.args.get("after") or None
    found, following = duties.queue(call.session, actor=call.actor, now=call.now, kinds=kinds, after=after, limit=LINES)
    kept = {name: value for name, value in call.args.items() if name not in ("after", "act")}
    more_to = f"?{urlencode({**kept, 'after': following})}" if following else ""
    lines = lines_of(found, call.now)
    more |= {"lines": lines, "more": more_to, "first": after is None, "bulk": reasons_of(lines), "failed": failures(call)}
    return call.show(template, **more)


def reasons_of(lines: Sequence[Line]) -> list[tuple[str, str, Sequence[str]]]:
    """Kind, its name and its ready-made reasons, of what can be declined on this page."""
    there = {line.duty.kind for line in lines if line.no}
    return [(kind.value, DUTY_NAMES[kind], reasons) for kind, reasons in REASONS.items() if kind in there]


def lines_of(found: Sequence[Duty], now: datetime) -> list[Line]:
    """As they are shown."""
    return [_line(duty, now) for duty in found]


def failures(call: Call) -> list[tuple[str, str]]:
    """What could not be decided a moment ago (`?act=`): what it is, and why not."""
    if not call.args.get("act"):
        return []
    act = undos.by_public_id(call.session, call.args["act"], actor=call.actor)
    why = {one["id"]: _why(one) for one in act.failed}
    named: dict[DutyKind, list[str]] = {}
    for one in act.failed:
        named.setdefault(DutyKind(one["kind"]), []).append(one["id"])
    names = {duty.id: _named(duty) for duty in duties.some(call.session, named, actor=call.actor)}
    return [(names.get(public_id, "不在您办理范围内的一条"), reason) for public_id, reason in why.items()]


def _named(duty: Duty) -> str:
    about = f"“{duty.about}”" if duty.about else "："
    return f"{DUTY_NAMES[duty.kind]}{about}{duty.who}"


def said_of(act: Undo) -> str:
    """What was done, in one sentence."""
    failed = f"{len(act.failed)} 条没有办成，原因在下面" if act.failed else ""
    return "，".join(part for part in (f"{_word_of(act)} {len(act.done)} 条" if act.done else "", failed) if part)


def _word_of(act: Undo) -> str:
    """What its button said, where all that was done had the same; else the word that holds for all."""
    kinds = {one["subject"].partition(".")[0] for one in act.done}
    column = 0 if act.action == "approve" else 1
    words = {both[column] for (kind, _), both in VERBS.items() if kind.value in kinds and both[column]}
    word = words.pop() if len(words) == 1 else ""
    return (word if word.startswith("不") else f"已{word}") if word else SAID[act.action]


def address(duty: Duty) -> str:
    """The page of the duty."""
    if duty.kind is K.CALLBACK:
        return f"/console/requests/{duty.id}/callback"
    return f"{PATHS.get(duty.kind, '/console/requests')}/{duty.id}"


def _why(one: dict[str, Any]) -> str:
    reasons = "、".join(HOLDS.get(reason, reason) for reason in one["reasons"])
    return PROBLEMS[one["code"]][1] + (f"（{reasons}）" if reasons else "")


def _line(duty: Duty, now: datetime) -> Line:
    yes, no = verbs(duty.kind, duty.state)
    due, tone = _due(duty.due, now)
    act = "" if yes else TO_DO.get(duty.kind, "查看")
    title = f"转到{duty.about}" if duty.kind is K.TRANSFER else duty.about or DUTY_NAMES[duty.kind]
    return Line(
        duty, DUTY_NAMES[duty.kind], title, address(duty), yes, no, act, REASONS.get(duty.kind, ()), _ago(duty.since, now), due, tone
    )


def _due(due: datetime | None, now: datetime) -> tuple[str, str]:
    """A date that ends at midnight is the day before."""
    if due is None:
        return "", "plain"
    whole = due.astimezone(SHANGHAI).time() == MIDNIGHT
    last = due - timedelta(minutes=1) if whole else due
    if due <= now:
        return f"已逾期（{when(last, '%m月%d日')}）", "bad"
    if local_day(last) == local_day(now):
        return "今天到期" if whole else f"今天 {when(due, '%H:%M')} 到期", "wait"
    return when(last, "%m月%d日" if whole else "%m月%d日 %H:%M"), "plain"


def _ago(since: datetime, now: datetime) -> str:
    days = (local_day(now) - local_day(since)).days
    if days <= 0:
        return f"今天 {when(since, '%H:%M')}"
    return f"昨天 {when(since, '%H:%M')}" if days == 1 else f"{when(since, '%m月%d日')}（{days} 天前）"


@dataclass(frozen=True)
class Form:
    """The buttons of one row on its own page."""

    pick: str
    yes: str
    no: str
    reasons: Sequence[str]
    back: str


def form_of(kind: DutyKind, row: Any) -> Form:
    """What can be decided on this row as it stands; it leads back to the kind's list."""
    yes, no = verbs(kind, row.state.value)
    return Form(f"{kind.value}.{row.public_id}.{row.version}", yes, no, REASONS.get(kind, ()), PATHS[kind])


def decided_one(call: Call, kind: DutyKind, public_id: str, word: Word, *, said: str, to: str) -> Answer:
    """Decide on one row from its own page: a refusal shows the form again. Raises what the decision fails with."""
    version = call.typed.get("seen", "")
    try:
        seen = int(version) if decisions.VERSION.fullmatch(version) else None
        act = decisions.decide_one(call.session, Pick(kind, public_id, seen), word)
    except Problem as problem:
        held = "、".join(HOLDS.get(reason, reason) for reason in problem.data.get("reasons", ()))
        raise Problem(problem.code, fields={"note": f"请写明怎样核对的：{held}"} if held else problem.fields) from None
    return call.done(said, to=to, undo=act)
