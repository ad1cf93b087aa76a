"""The frame of every page: readable for everybody, in every look and at both sizes."""

from __future__ import annotations

import pytest

from server.db.models.people import Person
from tests.browser.conftest import DESKTOP, PHONE, Open, axe, look


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("chosen", ["light.normal", "dark.normal", "light.large"])
def test_axe_finds_nothing(seated: Open, secretary: Person, base: str, size: dict[str, int], chosen: str) -> None:
    page = seated(secretary, viewport=size)
    look(page, base, chosen)
    for path in ("/console/sign-in", "/console"):
        page.goto(path)
        violations, _ = axe(page)
        assert violations == [], path
