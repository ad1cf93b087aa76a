"""Pages that say why there is nothing to see: with the menu for who is signed in, and they never fail themselves."""

from __future__ import annotations

from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from server.console import look, navigation
from server.domain.permissions import Role
from server.services import duties, request_desks
from tests.console.conftest import Seat, seat_of
from tests.factories.people import Tree

MENU = 'aria-label="主菜单"'
TO_DO = "请检查地址，或回到今天"


def breaks(error: Exception) -> object:
    """A function that does nothing but fail."""

    def fail(*_args: object, **_named: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize("path", ["/console/gibt-es-nicht", "/console/requests/0000000000000", "/console/requests/%E4%BD%A0"])
def test_an_address_that_is_not_there_says_what_to_do_and_keeps_the_menu(secretary: Seat, path: str) -> None:
    secretary.get(path)
    assert (secretary.status, MENU in secretary.html, TO_DO in secretary.said) == (404, True, True)
    assert "李书记" in secretary.said
    assert "请返回上一页" not in secretary.said


def test_who_is_not_signed_in_gets_the_plain_page(app: Flask, tree: Tree) -> None:
    answer = app.test_client().get("/console/gibt-es-nicht")
    words = answer.get_data(as_text=True)
    assert (answer.status_code, MENU in words, TO_DO in words) == (404, False, True)


def test_a_page_that_is_not_his_keeps_the_menu(app: Flask, tree: Tree, now: datetime) -> None:
    auditor = seat_of(app, now, Role.AUDITOR, tree.county)
    auditor.get("/console/members")
    assert (auditor.status, MENU in auditor.html, "审计日志" in auditor.said) == (403, True, True)


def test_a_fault_keeps_the_menu_and_reads_nothing(secretary: Seat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_desks, "listed", breaks(RuntimeError("broken")))
    monkeypatch.setattr(duties, "at_desk", breaks(RuntimeError("broken too")))
    secretary.get("/console/requests")
    assert (secretary.status, MENU in secretary.html, "系统出了问题" in secretary.said) == (500, True, True)


def test_a_database_that_does_not_answer_is_not_asked_again(secretary: Seat, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = OperationalError("select", {}, Exception("gone"))
    monkeypatch.setattr(request_desks, "listed", breaks(gone))
    monkeypatch.setattr(look, "reading", breaks(gone))
    secretary.get("/console/requests")
    assert (secretary.status, MENU in secretary.html) == (503, True)


def test_where_the_menu_itself_fails_the_plain_page_comes(secretary: Seat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(navigation, "for_actor", breaks(RuntimeError("no menu")))
    secretary.get("/console/requests")
    assert (secretary.status, MENU in secretary.html, "回到今天" in secretary.said) == (500, False, True)
    secretary.get("/console/gibt-es-nicht")
    assert (secretary.status, MENU in secretary.html, TO_DO in secretary.said) == (404, False, True)
