"""axe-core on every page of the console: no violation in light, dark and large print, at both sizes, no rule disabled."""

from __future__ import annotations

from datetime import datetime

import pytest
from playwright.sync_api import Page

from server.db.base import transaction
from server.db.models.people import Person
from tests.browser.addresses import ADDRESSES, World
from tests.browser.conftest import DESKTOP, PHONE, Open, axe, look
from tests.browser.worlds import FILLS
from tests.factories.people import Tree

# What axe cannot decide by itself, and why it is right here: (its words, reason). Everything else that is incomplete fails, too.
EXPLAINED: dict[str, str] = {
    "Element content contains only non-text characters": "a sign beside a word of the same colour: the word is measured",
}
LOOKS = ["light.normal", "dark.normal", "light.large"]
# Where the Tab key stops without a ring around it: nobody sees where he is (WCAG 2.4.7).
UNSEEN = """() => [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
  .filter((one) => one.checkVisibility() && one.tabIndex >= 0)
  .filter((one) => {
    one.focus();
    const ring = getComputedStyle(one);
    return document.activeElement === one && (ring.outlineStyle === 'none' || parseFloat(ring.outlineWidth) < 2);
  })
  .map((one) => one.outerHTML.slice(0, 120))"""


@pytest.fixture
def world(tree: Tree, secretary: Person, now: datetime) -> World:
    ids: dict[str, str] = {}
    for fill in FILLS:
        with transaction() as session:
            ids |= fill(session, tree, secretary, now)
    return World(tree, secretary, now, ids)


def wear(page: Page, chosen: str) -> None:
    """The open page in another look, without fetching it again: the two attributes that the frame sets from the cookie."""
    theme, size = chosen.split(".")
    page.evaluate("([theme, size]) => Object.assign(document.documentElement.dataset, {theme, print: size})", [theme, size])


def faults_of(page: Page) -> list[str]:
    """What axe finds in this look at this size, and whether the page is wider than the screen."""
    violations, incomplete = axe(page)
    wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    unsure = [f"incomplete {line}" for line in incomplete if not any(words in line for words in EXPLAINED)]
    return violations + unsure + (["the page is wider than the screen"] if wide else [])


def in_every_look(page: Page) -> list[str]:
    """What is wrong with the open page at both sizes in each look; it is left as wide as a desktop."""
    found: list[str] = []
    for size in (PHONE, DESKTOP):
        page.set_viewport_size({"width": size["width"], "height": size["height"]})
        for chosen in LOOKS:
            wear(page, chosen)
            found += [f"{chosen} {size['width']}: {line}" for line in faults_of(page)]
    return found


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("half", [0, 1])
def test_axe_finds_nothing_on_any_page(seated: Open, world: World, half: int) -> None:
    """Two halves, so that two workers share them. axe itself is read once a page: it takes longer to load than to look."""
    page = seated(world.who)
    found: list[str] = []
    for name, address in ADDRESSES[half::2]:
        answer = page.goto(address if isinstance(address, str) else address(world))
        assert answer is not None
        assert answer.status == 200, name
        page.keyboard.press("Tab")
        found += [f"{name}: no ring around {one}" for one in page.evaluate(UNSEEN)]
        found += [f"{name} {line}" for line in in_every_look(page)]
    assert found == []


def test_the_cookie_of_the_look_sets_the_attributes(seated: Open, secretary: Person, base: str) -> None:
    """What `wear` relies on."""
    page = seated(secretary)
    for chosen in LOOKS:
        look(page, base, chosen)
        page.goto("/console")
        assert (
            ".".join(page.evaluate("Object.values({t: document.documentElement.dataset.theme, p: document.documentElement.dataset.print})"))
            == chosen
        )
