"""A form that is sent twice, and what no column takes: one answer, nothing done twice, nothing lost without a word."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict

from server.console import forms, visitors
from server.db.base import transaction
from server.domain.permissions import Role
from server.services import idempotency
from tests.console.conftest import Seat, seat_of
from tests.console.test_intakes import CALL, all_requests, sheet
from tests.factories.handling import handled
from tests.factories.people import Tree

CALLED: dict[str, Any] = {**CALL}


def test_a_form_that_was_changed_after_going_back_is_not_taken_for_the_first(secretary: Seat) -> None:
    secretary.get("/console/intake")
    secretary.post("/console/intake", **CALLED, once="o")
    secretary.get("/console/intake")
    secretary.post("/console/intake", **{**CALLED, "name": "赵爷爷"}, once="o")
    assert (secretary.status, "赵爷爷" in secretary.html, 'value="o"' in secretary.html) == (422, True, False)
    secretary.post("/console/intake", **{**CALLED, "name": "赵爷爷"}, once="p")
    assert len(all_requests()) == 2


def test_the_slower_of_two_clicks_gets_the_quicker_one_s_answer(secretary: Seat, monkeypatch: pytest.MonkeyPatch) -> None:
    secretary.get("/console/intake")
    first = secretary.post("/console/intake", follow=False, **CALLED, once="o")
    recalled: list[str] = []

    def blind(session: Any, **asked: Any) -> Any:
        """The first look comes too early to see the other's row."""
        recalled.append(asked["key"])
        return known(session, **asked) if len(recalled) > 1 else None

    known = idempotency.recall
    monkeypatch.setattr(idempotency, "recall", blind)
    secretary.get("/console/intake")
    second = secretary.post("/console/intake", follow=False, **CALLED, once="o")
    assert (second.status_code, second.headers["Location"]) == (303, first.headers["Location"])
    assert (len(all_requests()), recalled) == (1, ["o", "o"])


ROUND: dict[str, Any] = {"name-0": "王奶奶", "content-0": "楼道灯不亮", "name-1": "", "content-1": "没有名字"}


def test_the_good_rows_of_a_round_are_taken_once(secretary: Seat) -> None:
    secretary.get("/console/intake/round")
    secretary.post("/console/intake/round", **ROUND, once="o")
    assert (secretary.status, "收下了 1 条" in secretary.said) == (422, True)
    secretary.post("/console/intake/round", **ROUND, once="o")
    assert (secretary.status, "刚才已经提交过" in secretary.said) == (409, True)
    assert len(all_requests()) == 1


def test_a_sheet_of_a_round_is_taken_once(secretary: Seat) -> None:
    for status in (200, 409):
        secretary.get("/console/intake/upload")
        file = (BytesIO(sheet([["姓名", "手机号", "类别", "诉求内容"], ["王奶奶", "", "", "楼道灯不亮"]])), "r.xlsx")
        secretary.post("/console/intake/upload", file=file, once="o")
        assert secretary.status == status
    assert "刚才已经提交过" in secretary.said
    assert len(all_requests()) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/console/members?q=%00",
        "/console/requests?number=%00",
        "/console?after=claim.%00",
        "/console/rosters?after=%00",
        "/console/sign-in/code?shown=%00",
        "/board/%00",
        "/console/funnel?from=0001-01-01",
        "/console/funnel?to=9999-12-31",
        "/console/orgs?on=0001-01-01",
    ],
)
def test_what_no_column_takes_is_no_fault_of_ours(secretary: Seat, path: str) -> None:
    assert secretary.get(path).status_code < 500


@pytest.mark.parametrize(
    ("path", "typed"),
    [
        ("/console/decide", {"pick": "claim.0123456789ABC.²", "answer": "approve"}),
        ("/console/decide", {"pick": "claim.\0.1", "answer": "approve"}),
        ("/console/decide", {"pick": "claim.0123456789ABC.1", "answer": "decline", "why": "a\0"}),
        ("/console/intake/round", {"name-0": "a\0", "category-0": "维修", "content-0": "灯\0"}),
        ("/console/notices/read", {"once": "\0"}),
        ("/verify", {"paper": "a\0", "name": "b"}),
    ],
)
def test_nor_in_a_form(secretary: Seat, path: str, typed: dict[str, Any]) -> None:
    secretary.post(path, follow=False, **typed)
    assert secretary.status < 500


def test_nor_at_the_sign_in(app: Flask) -> None:
    visitor = Seat(app.test_client(), None)  # type: ignore[arg-type]
    visitor.get("/console/sign-in")
    assert visitor.client.get_cookie(visitors.BROWSER, path="/console") is not None
    visitor.post("/console/sign-in", login="a\0", password="x")
    assert visitor.status in (401, 422)


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_days_at_the_ends_of_time_are_refused(day: str) -> None:
    class DaySheet(forms.Sheet):
        day = forms.day("哪天")
        moment = forms.moment("何时")

    sheet = DaySheet(MultiDict({"day": day, "moment": f"{day}T09:00"}))
    assert not sheet.validate()
    assert set(sheet.errors) == {"day", "moment"}
    assert DaySheet(MultiDict({"day": "2026-03-05", "moment": "2026-03-05T09:00"})).validate()


def test_who_reads_figures_only_learns_no_handler_s_name(app: Flask, secretary: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        request, _handler = handled(session, now, tree)
    name = "赵师傅"
    path = f"/console/funnel/in_work?at={tree.community.public_id}"
    secretary.get(path)
    assert (request.number or "") in secretary.said
    assert name in secretary.said
    street = seat_of(app, now, Role.STREET, tree.street, "街道")
    street.get(path)
    assert (request.number or "") in street.said
    assert name not in street.said
