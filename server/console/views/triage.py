"""研判: accept with category, urgency and difficulty; merge, split, reject; write down what was heard; add what was told."""

from __future__ import annotations

from typing import Any

from wtforms import FieldList, FormField

from server.console import forms, look, request_pages
from server.console.desk import Answer, Call, Desk
from server.console.forms import Sheet, choice, number, strip, text, words
from server.console.intake_places import indented
from server.db.models.orgs import OrgNode
from server.db.models.platform import Undo
from server.db.models.requests import Request
from server.domain.categories import REQUEST_CATEGORIES
from server.domain.days import local_day
from server.domain.duplicates import FIELD_NAMES
from server.domain.permissions import Permission as P
from server.domain.problems import PROBLEMS
from server.domain.request_desk import REQUEST_STATE_NAMES
from server.domain.request_triage import ELSEWHERE, LEVEL_NAMES, RejectChannel
from server.domain.request_words import DIFFICULTIES, URGENCIES
from server.domain.requests import CheckState, Difficulty, RequestLevel, Urgency
from server.services import decisions, orgs, request_cases, requests, supplements, triage, triage_hints
from server.services import places as nodes
from server.services.triage import COMMUNITY_LEVELS, HIGHEST_PRIORITY, Judgement, Part

desk = Desk("triage")
CATEGORIES = tuple(REQUEST_CATEGORIES.items())
PARTS = 4


class TriageSheet(Sheet):
    """What triage decides."""

    category = choice("类别", CATEGORIES)
    urgency = choice("缓急", [(one.value, name) for one, name in URGENCIES.items()], radio=True)
    difficulty = choice("难易（决定办结期限）", [(one.value, name) for one, name in DIFFICULTIES.items()], radio=True)
    priority = number("优先级", least=0, most=HIGHEST_PRIORITY, hint="0 到 9，大的先办；不确定就填 0")
    level = choice("哪一级负责", [(one.value, LEVEL_NAMES[one]) for one in COMMUNITY_LEVELS], hint="交街道或区县请用“升到上一级”")
    grid = choice("地点（小区、网格、楼栋）", required=False)


class RejectSheet(Sheet):
    """Who is the right one, and why."""

    channel = choice("该找谁", [forms.UNCHOSEN, *((one.value, where.name) for one, where in ELSEWHERE.items())])
    reason = words("原因（居民会看到）", longest=200)


class MergeSheet(Sheet):
    """Into which."""

    into = choice("并到哪一件", required=False, radio=True)
    number = words("或填那一件的单号", longest=32, required=False)


class PartSheet(Sheet):
    """One part; empty ones are left out."""

    category = choice("类别", [("", "不用这一件"), *CATEGORIES], required=False)
    content = text("这一件的说明（不填就沿用原文）", longest=2000, required=False, rows=2)


class SplitSheet(Sheet):
    """The parts."""

    parts = FieldList(FormField(PartSheet), min_entries=PARTS, max_entries=10)


class WordsSheet(Sheet):
    """Words that were heard."""

    content = text("文字", longest=2000, rows=6)


@desk.form("/requests/<id>/triage", permission=P.REQUESTS_TRIAGE)
def triage_one(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """研判受理：系统的建议在旁边，由人决定."""
    request = request_cases.visible(call.session, id, actor=call.actor)
    hints = triage_hints.of(call.session, request, actor=call.actor, now=call.now)
    sheet = TriageSheet(call.typed, data=_as_it_is(call, request, hints.categories))
    below = orgs.subtree(call.session, on=local_day(call.now), root=call.session.get_one(OrgNode, request.community_id))
    sheet.grid.choices = [("", "不改" if request.grid_id else "没有写明"), *indented(below[1:])]

    def accept(found: Request) -> Undo:
        return call.step(found, triage.accept, judgement=_judgement(call, sheet), seen=call.seen)

    return request_pages.step(
        call,
        id,
        sheet,
        title="研判",
        button="受理",
        act=accept,
        said="已受理，请接着派单",
        template="console/requests/triage.html",
        hints=hints,
        words=requests.words(request),
        place=requests.place(request),
        categories=REQUEST_CATEGORIES,
        difficulties=DIFFICULTIES,
        fields=FIELD_NAMES,
        until=look.until,
        states=REQUEST_STATE_NAMES,
    )


@desk.action("/requests/triage", permission=P.REQUESTS_TRIAGE)
def triage_many(call: Call) -> Answer:
    """一次受理多条，结论相同."""
    category, difficulty = call.typed.get("category", ""), call.typed.get("difficulty", "")
    judgement = Judgement(category or None, difficulty=Difficulty(difficulty) if difficulty in set(Difficulty) else None)
    act = decisions.triage_many(call.session, call.typed.getlist("ids"), judgement=judgement, actor=call.actor, now=call.now)
    failed = f"；{len(act.failed)} 条没有受理：{PROBLEMS[act.failed[0]['code']][1]}" if act.failed else ""
    to = "/console/requests?state=triaged" if act.done else "/console/requests"
    return call.done(f"受理了 {len(act.done)} 条{failed}", to=to, undo=act)


@desk.form("/requests/<id>/reject", permission=P.REQUESTS_TRIAGE)
def reject(call: Call, id: str) -> Answer:  # noqa: A002
    """不归社区办：说明该找谁和原因."""
    sheet = RejectSheet(call.typed)

    def act(request: Request) -> Undo:
        return call.step(request, triage.reject, channel=RejectChannel(sheet.channel.data), reason=sheet.reason.data, seen=call.seen)

    note = "居民会收到通知，写明该找谁和原因；这件诉求就此结束。"
    return request_pages.step(call, id, sheet, title="不归社区办", button="告知居民", act=act, said="已告知居民该找谁", note=note)


@desk.form("/requests/<id>/merge", permission=P.REQUESTS_TRIAGE)
def merge(call: Call, id: str) -> Answer:  # noqa: A002
    """并到另一件同样的诉求；每位提出人都会一直收到进展."""
    request = request_cases.visible(call.session, id, actor=call.actor)
    likes = triage_hints.of(call.session, request, actor=call.actor, now=call.now).likes
    sheet = MergeSheet(call.typed)
    sheet.into.choices = [(one.request.public_id, _like(one)) for one in likes]
    if not likes:
        del sheet.into
        sheet.number.label.text = "那一件的单号"

    def act(found: Request) -> None:
        by_hand = sheet.number.data or not likes
        into = _numbered(call, found, sheet.number.data or "") if by_hand else requests.by_public_id(call.session, sheet.into.data)
        triage.merge(call.session, found, into=into, actor=call.actor, now=call.now, seen=call.seen)

    found = "下面是系统比对地点、文字和日期找到的，理由写在后面；没有合适的就填单号。" if likes else "系统没有找到相似的诉求，请填单号。"
    note = f"{found}并案后每位提出人都会一直收到进展。"
    return request_pages.step(call, id, sheet, title="并到另一件", button="并案", act=act, said="已并案", note=note)


@desk.form("/requests/<id>/split", permission=P.REQUESTS_TRIAGE)
def split(call: Call, id: str) -> Answer:  # noqa: A002
    """一条里有几件事：拆成几件，各有单号."""
    sheet = SplitSheet(call.typed)
    request = request_cases.visible(call.session, id, actor=call.actor)

    def act(found: Request) -> None:
        parts = [Part(one["category"], one["content"] or None) for one in sheet.parts.data if one["category"]]
        triage.split(call.session, found, parts=parts, actor=call.actor, now=call.now, seen=call.seen)

    return request_pages.step(
        call,
        id,
        sheet,
        title="拆成几件",
        button="拆开",
        act=act,
        said="已拆开，每件都有自己的单号",
        template="console/requests/split.html",
        words=requests.words(request),
    )


@desk.form("/requests/<id>/transcript", permission=P.REQUESTS_TRIAGE)
def type_out(call: Call, id: str) -> Answer:  # noqa: A002
    """听录音或问清后写下文字."""
    request = request_cases.visible(call.session, id, actor=call.actor)
    sheet = WordsSheet(call.typed, data={"content": requests.words(request)})

    def act(found: Request) -> None:
        triage.type_out(call.session, found, content=sheet.content.data, actor=call.actor, now=call.now, seen=call.seen)

    meanwhile = forms.meanwhile(sheet, call.problem, {"content": requests.words(request)})
    note = "听完录音或问清以后，按居民的意思写下来；不写姓名和门牌号。"
    return request_pages.step(
        call, id, sheet, title="写下文字", button="保存", act=act, said="文字已保存", note=note,
        template="console/requests/transcript.html", voices=request_pages.voices(call, request), meanwhile=meanwhile,
    )  # fmt: skip


@desk.form("/requests/<id>/supplement", permission=P.REQUESTS_ENTER)
def supplement(call: Call, id: str) -> Answer:  # noqa: A002
    """居民又说了什么：替他补充."""
    sheet = WordsSheet(call.typed)

    def act(request: Request) -> None:
        supplements.add(
            call.session,
            request,
            text=sheet.content.data,
            media_ids=(),
            text_check=CheckState.PASSED,
            actor=call.actor,
            now=call.now,
        )

    return request_pages.step(
        call, id, sheet, title="补充情况", button="补上", act=act, said="已补上", note="居民来电来访又说了什么，写在这里。"
    )


def _as_it_is(call: Call, request: Request, guesses: Any) -> dict[str, Any]:
    """The form as it opens: what the request says, and the guessed category where it says 其他."""
    guessed = guesses[0].category if guesses and request.category == "other" else request.category
    kept = {name: getattr(request, name).value for name in ("urgency", "difficulty", "level")}
    if request.level not in COMMUNITY_LEVELS:
        kept["level"] = RequestLevel.COMMUNITY.value
    return {**kept, "category": guessed, "priority": request.priority}


def _judgement(call: Call, sheet: TriageSheet) -> Judgement:
    grid = nodes.node(call.session, sheet.grid.data) if sheet.grid.data else None
    return Judgement(
        sheet.category.data,
        Urgency(sheet.urgency.data),
        Difficulty(sheet.difficulty.data),
        sheet.priority.data,
        RequestLevel(sheet.level.data),
        grid,
    )


def _like(one: Any) -> str:
    why = "；".join(f"{FIELD_NAMES[reason.field]}：{reason.sentence}" for reason in one.reasons)
    return f"{one.request.number} {request_pages.category(one.request)}（{why}）"


def _numbered(call: Call, request: Request, said: str) -> Request:
    """The request of the same community with this number. Raises MERGE_INTO where there is none."""
    return requests.by_number(call.session, strip(said) or "", community_id=request.community_id)
