"""axe-core on every page of the console: no violation in light, dark and large print, at both sizes, no rule disabled."""

from __future__ import annotations

from datetime import datetime

import pytest

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


@pytest.fixture
def world(tree: Tree, secretary: Person, now: datetime) -> World:
    ids: dict[str, str] = {}
    for fill in FILLS:
        with transaction() as session:
            ids |= fill(session, tree, secretary, now)
    return World(tree, secretary, now, ids)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing_on_any_page(seated: Open, world: World, base: str, size: dict[str, int]) -> None:
    page = seated(world.who, viewport=size)
    found: list[str] = []
    for chosen in LOOKS:
        look(page, base, chosen)
        for name, address in ADDRESSES:
            answer = page.goto(address if isinstance(address, str) else address(world))
            assert answer is not None
            assert answer.status == 200, name
            violations, incomplete = axe(page)
            found += [f"{name} {chosen}: {line}" for line in violations]
            found += [f"{name} {chosen}: incomplete {line}" for line in incomplete if not any(words in line for words in EXPLAINED)]
            if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                found.append(f"{name} {chosen}: the page is wider than the screen")
    assert found == []
