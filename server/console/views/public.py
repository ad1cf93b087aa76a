"""/v/<token>: anyone with a printed receipt or certificate sees whether it is genuine. No script, no sign-in, the name masked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, Response, current_app, render_template

from server import clock
from server.console.views import pages
from server.db.base import reading
from server.domain.days import local_day
from server.domain.documents import DOCUMENT_NAMES, DocumentKind, date_text, hours_text
from server.services import documents, profiles
from server.services.documents import Verified

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
    """The verification page."""
    made = Blueprint("public", __name__, template_folder="../templates")

    @made.get("/v/<token>")
    def verify(token: str) -> Response:
        now = clock.now()
        with reading() as session:
            found = documents.verify(session, token, now=now)
        page = render_template(
            "public/verify.html",
            state=found.state,
            verdict=VERDICTS[found.state],
            rows=_rows(found),
            about=current_app.config["SETTINGS"].about,
        )
        return _answer(page, STATUS[found.state])

    return made


def _answer(page: str, status: int) -> Response:
    answer = pages.readable(page, status)
    answer.headers["Cache-Control"] = "private, no-store"
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer


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
