"""The pages that tests/browser/test_axe.py looks at in every look and at both sizes: a line per page; `World` says what there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from server.db.models.people import Person
from tests.factories.people import Tree


@dataclass(frozen=True)
class World:
    """What the pages are about; `who` opens them. Subjects put their public ids into `ids` (tests/browser/worlds.py)."""

    tree: Tree
    who: Person
    now: datetime
    ids: dict[str, str]


# (name of the page, its address). Addresses may need ids: a function of the world.
ADDRESSES: Sequence[tuple[str, str | Callable[[World], str]]] = (
    ("sign-in", "/console/sign-in"),
    ("today", "/console"),
)
