"""Pages in a real Chromium: the application on a port of its own, staff signed in, axe at hand.

The system's Chromium is found on PATH or by CHROMIUM=; in CI a missing one is a failure, elsewhere the tests are skipped by name. Every
test also fails on a console error, on a request that leaves the host, and on a script that the page's policy stopped.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright
from werkzeug.serving import make_server

from server import clock
from server.console import visitors
from server.db.base import transaction
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.domain.permissions import Role
from server.services import sessions, staff
from tests.factories.people import Tree, a_tree, with_role

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip
DESKTOP = {"width": 1366, "height": 768}
PHONE = {"width": 390, "height": 844}
AXE = Path(__file__).parent / "vendor" / "axe-4.14.1.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def chromium() -> str | None:
    """Where the browser is."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of this worker."""
    path = chromium()
    if path is None:
        message = "no chromium on PATH and no CHROMIUM="
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def base(app: Flask) -> Iterator[str]:
    """The application on a port of its own."""
    served = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    thread.join()
    served.server_close()


@pytest.fixture
def tree(app: Flask, now: datetime) -> Tree:
    """The county of the test (示例社区 is `tree.community`)."""
    with transaction() as session:
        return a_tree(session, now)


class Faults(list[str]):
    """What went wrong in the pages of a test: console errors, requests to other hosts, failed scripts."""

    def watch(self, page: Page, base: str) -> None:
        """Note the faults of this page; an answer of 4xx that the test asks for itself is not one."""
        page.on(
            "console", lambda said: self.append(said.text) if said.type == "error" and "Failed to load resource" not in said.text else None
        )
        page.on("pageerror", lambda error: self.append(str(error)))
        page.on(
            "request", lambda asked: None if asked.url.startswith((base, "data:", "blob:")) else self.append(f"left the host: {asked.url}")
        )


@pytest.fixture
def faults() -> Iterator[Faults]:
    """Must be empty at the end."""
    found = Faults()
    yield found
    assert not found


Open = Callable[..., Page]


@pytest.fixture
def visitor(browser: Browser, base: str, faults: Faults) -> Iterator[Open]:
    """A browser without a session: visitor(**context options) → page."""
    contexts: list[BrowserContext] = []

    def open_page(**options: Any) -> Page:
        context = browser.new_context(
            **{"base_url": base, "viewport": DESKTOP, "locale": "zh-CN", "timezone_id": "Asia/Shanghai", **options}
        )
        contexts.append(context)
        page = context.new_page()
        faults.watch(page, base)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def seated(visitor: Open, base: str, now: datetime) -> Open:
    """A browser in which somebody is signed in: seated(person, **context options) → page, nothing opened yet."""

    def open_page(person: Person, **options: Any) -> Page:
        with transaction() as session:
            token = sessions.start(session, person_id=person.id, channel="staff", now=clock.now(), lifetime=staff.LIFETIME)
        page = visitor(**options)
        page.context.add_cookies([{"name": visitors.COOKIE, "value": token, "url": f"{base}/console", "httpOnly": True}])
        return page

    return open_page


def someone(now: datetime, role: Role, node: OrgNode, name: str = "李书记") -> Person:
    """A person with this role here."""
    with transaction() as session:
        return with_role(session, now, role, node, name)


@pytest.fixture
def secretary(tree: Tree, now: datetime) -> Person:
    """李书记 of 示例社区."""
    return someone(now, Role.SECRETARY, tree.community)


def look(page: Page, base: str, chosen: str) -> None:
    """Choose light, dark or large print in this browser: `dark.normal`."""
    page.context.add_cookies([{"name": "gj_look", "value": chosen, "url": f"{base}/console"}])


def awake(page: Page) -> None:
    """Wait until the scripts of the page that has just come have run: a key pressed before that is nobody's."""
    page.wait_for_load_state("load")


def axe(page: Page) -> tuple[list[str], list[str]]:
    """What axe-core finds on the open page, every rule on: (violations, incomplete), a line each."""
    if not page.evaluate("typeof window.axe === 'object'"):
        page.evaluate(AXE.read_text("utf-8"))
    with still(page):
        found = page.evaluate("(tags) => axe.run(document, {runOnly: {type: 'tag', values: tags}})", RULES)
    return _lines(found["violations"]), _lines(found["incomplete"])


@contextmanager
def still(page: Page) -> Iterator[None]:
    """Hold back what a page asks for to renew itself: axe loses its way where a piece is replaced under it."""
    if not page.evaluate("document.querySelector('[hx-trigger], [data-every]') !== null"):
        yield
        return
    page.wait_for_load_state("networkidle")
    waiting: list[Route] = []

    def hold(route: Route) -> None:
        waiting.append(route)

    page.route("**", hold)
    while not waiting and page.evaluate("document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling') !== null"):
        page.wait_for_timeout(20)  # what was asked for just before still arrives
    yield
    page.unroute("**", hold)
    for route in waiting:
        route.continue_()


def _lines(found: list[dict[str, Any]]) -> list[str]:
    return [f"{rule['id']}: {node['target']} {node.get('failureSummary', '')[:200]}" for rule in found for node in rule["nodes"]]
