"""A browser without eyes at the console: cookies, the token in forms, and what a page says. tests/browser has the real one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from server.console import visitors
from server.db.base import transaction
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.domain.permissions import Role
from server.services import sessions, staff
from tests.factories.people import Tree, a_tree, with_role


@dataclass
class Seat:
    """One member of staff at the console; `said` is the last page as text without tags."""

    client: FlaskClient
    person: Person
    html: str = ""
    status: int = 0

    @property
    def said(self) -> str:
        """The last page's words."""
        return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", self.html))).strip()

    def get(self, path: str, **options: Any) -> TestResponse:
        """Open a page, following redirects."""
        return self._seen(self.client.get(path, follow_redirects=True, **options))

    def post(self, path: str, *, follow: bool = True, token: bool = True, **fields: Any) -> TestResponse:
        """Send a form with the token of the last page."""
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', self.html)
        hidden = {"csrf": found.group(1)} if token and found else {}
        return self._seen(self.client.post(path, data={**hidden, **fields}, follow_redirects=follow))

    def _seen(self, answer: TestResponse) -> TestResponse:
        self.html, self.status = answer.get_data(as_text=True), answer.status_code
        return answer


def sit_down(app: Flask, session: Session, person: Person, now: datetime) -> Seat:
    """The person signed in at a browser of his own, with a page open (so that there is a token)."""
    token = sessions.start(session, person_id=person.id, channel="staff", now=now, lifetime=staff.LIFETIME)
    client = app.test_client()
    client.set_cookie(visitors.COOKIE, token, path="/console")
    return Seat(client, person)


@pytest.fixture
def tree(app: Flask, now: datetime) -> Tree:
    """The county of the test (示例社区 is `tree.community`)."""
    with transaction() as session:
        return a_tree(session, now)


def seat_of(app: Flask, now: datetime, role: Role, node: OrgNode, name: str = "李书记") -> Seat:
    """Somebody with this role here, signed in, the home page open."""
    with transaction() as session:
        seat = sit_down(app, session, with_role(session, now, role, node, name), now)
    seat.get("/console")
    return seat


@pytest.fixture
def secretary(app: Flask, tree: Tree, now: datetime) -> Seat:
    """李书记 of 示例社区 at her desk."""
    return seat_of(app, now, Role.SECRETARY, tree.community)


@pytest.fixture
def stranger(app: Flask, tree: Tree, now: datetime) -> Seat:
    """The secretary of 邻近社区, who must see nothing of 示例社区."""
    return seat_of(app, now, Role.SECRETARY, tree.neighbour, "赵书记")
