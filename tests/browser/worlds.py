"""A community with something on every page, made through the services: each subject adds a function that returns its public ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from server.db.models.people import Person
from tests.browser import fill_duties, fill_figures, fill_registers, fill_residents, fill_tasks
from tests.factories.people import Tree

Fill = Callable[[Session, Tree, Person, datetime], Mapping[str, str]]
# Each is called once, in a transaction, with the secretary who opens the pages; the names of ids must be unique.
FILLS: Sequence[Fill] = (fill_registers.fill, fill_tasks.fill, fill_duties.fill, fill_residents.fill, fill_figures.fill)
