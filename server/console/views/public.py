"""The pages that need no sign-in and no script: verifying a paper, a community's notice board, the privacy rules, who runs this.

/vote: a panel's member without a phone types in the code of his paper slip; nothing of it is logged (docs/protocol.md §4).
/v/<token>: anyone with a printed receipt or certificate sees whether it is genuine, the name masked; /verify is for who cannot scan.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy.exc import DataError

from server import clock
from server.console.views import pages, slip_votes
from server.db.base import reading
from server.domain.consents import TEXTS
from server.domain.days import local_day
from server.domain.documents import DOCUMENT_NAMES, DocumentKind, date_text, hours_text
from server.domain.posters import when_and_where
from server.domain.problems import Problem
from server.domain.tasks import TASK_KIND_NAMES
from server.services import boards, documents, policies, profiles
from server.services.documents import Verified

LONGEST = 300  # characters of what somebody types or pastes
LINK = re.compile(r"/v/([0-9A-Za-z]+)$")
STATUS = {"genuine": 200, "revoked": 200, "forged": 404, "other": 404}


@dataclass(frozen=True)
class Verdict:
    """A state as people read it: the word, its sign (never colour alone), and what to do."""

    word: str
    sign: str
    advice: str


VERDICTS: Mapping[str, Verdict] = {
    "genuine": Verdict("真实有效", "✓", "这份文件由本系统开出，请核对下面的内容与手里的文件是否一致。"),
    "revoked": Verdict("已经作废", "！", "这份文件曾由本系统开出，现已作废，请向出具单位询问。"),
    "forged": Verdict("无法核实", "✕", "本系统没有开出过这份文件，请不要采信，并向出具单位询问。"),
    "other": Verdict("不是证明", "？", "这个码不是回执或证明上的码，请扫文件上“扫码核验”旁边的码。"),
}


def blueprint() -> Blueprint:
    """All of them."""
    made = Blueprint("public", __name__, template_folder="../templates")
    made.add_url_rule("/v/<token>", "scanned", verify_scanned)
    made.add_url_rule("/verify", "verify", verify_typed, methods=["GET", "POST"])
    made.add_url_rule("/vote", "vote", slip_votes.vote, methods=["GET", "POST"])
    made.add_url_rule("/board", "boards", list_boards)
    made.add_url_rule("/board/<community>", "board", show_board)
    made.add_url_rule("/privacy", "privacy", show_privacy)
    made.add_url_rule("/about", "about", show_about)
    made.add_url_rule("/", "home", show_about)
    made.register_error_handler(DataError, lambda _error: pages.public("public/nothing.html", 404))  # a character that no column takes
    return made


def verify_scanned(token: str) -> Response:
    """What the code on a paper proves."""
    now = clock.now()
    with reading() as session:
        return _verdict(documents.verify(session, token, now=now))


def verify_typed() -> Response:
    """The form for who cannot scan, and its answer; posted, so that a name stands in no address and no log."""
    typed = {name: request.form.get(name, "").strip()[:LONGEST] for name in ("paper", "name")}
    if request.method == "GET" or not typed["paper"]:
        return pages.public("public/verify_form.html", typed=typed, said="请填写编号" if request.method == "POST" else "")
    now, linked = clock.now(), LINK.search(typed["paper"])
    with reading() as session:
        if linked:
            return _verdict(documents.verify(session, linked.group(1), now=now))
        return _verdict(documents.verify_paper(session, serial=typed["paper"], name=typed["name"]), typed=True)


def nowhere() -> Response:
    """An address that is not there, in a browser."""
    return pages.public("public/nowhere.html", 404)


def list_boards() -> Response:
    """Every community, to choose one's own."""
    with reading() as session:
        return pages.public("public/boards.html", streets=boards.communities(session, now=clock.now()))


def show_board(community: str) -> Response:
    """One community's board."""
    try:
        with reading() as session:
            board = boards.of(session, community[:LONGEST], now=clock.now())
    except Problem:
        return pages.public("public/nothing.html", 404)
    return pages.public("public/board.html", board=board, kinds=TASK_KIND_NAMES, hours=hours_text, place=when_and_where)


def show_privacy() -> Response:
    """What is agreed to for which purpose, as people are asked it, and how long they stay signed in."""
    with reading() as session:
        days = policies.value(session, "sessions.days", today=local_day(clock.now()))
    return pages.public("public/privacy.html", texts=TEXTS.values(), days=days)


def show_about() -> Response:
    """Who runs this, its filing number, its version, whom to turn to."""
    return pages.public("public/about.html")


def _verdict(found: Verified, *, typed: bool = False) -> Response:
    shown = {"state": found.state, "verdict": VERDICTS[found.state], "rows": _rows(found), "typed": typed}
    return pages.public("public/verify.html", STATUS[found.state], private=True, **shown)


def _rows(found: Verified) -> list[tuple[str, str]]:
    """What the page shows: label and value; of a name no more than its first character."""
    row, facts = found.document, found.facts
    if row is None:
        return []
    about_unit = row.kind is DocumentKind.UNIT_RECEIPT
    rows = [("文件", DOCUMENT_NAMES[row.kind]), ("编号", row.serial)]
    if facts:
        rows += [("单位", facts["name"]) if about_unit else ("姓名", profiles.masked_name(facts["name"])), *_figures(facts)]
        rows += [("出具单位", facts["issuer"])]
    else:
        rows += [("姓名", "本人信息已按其要求删除")]
    rows += [("开具日期", date_text(local_day(row.issued_at)))]
    return [*rows, ("作废日期", date_text(local_day(row.revoked_at)))] if row.revoked_at else rows


def _figures(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    if "minutes" not in facts:
        return [("报到日期", date_text(date.fromisoformat(facts["date"])))]
    period = [date_text(date.fromisoformat(facts[end])) for end in ("first", "last")]
    return [("起止日期", " 至 ".join(period)), ("服务次数", f"{facts['visits']} 次"), ("服务时长", hours_text(facts["minutes"]))]
