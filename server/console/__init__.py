"""The secretaries' web console: server-rendered pages, htmx where it saves a reload, usable without script where that is possible."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint

from server.console import desk as edge
from server.console import look
from server.console.desk import Desk
from server.console.views import (
    account,
    administration,
    attendances,
    codes,
    duties,
    exports,
    figures,
    halls,
    refusals,
    registers,
    residents,
    sign_in,
    tasks,
)
from server.domain import money

DESKS: Sequence[Desk] = (
    *duties.DESKS,
    *residents.DESKS,
    tasks.desk,
    attendances.desk,
    codes.desk,
    halls.desk,
    *registers.DESKS,
    figures.desk,
    exports.desk,
    *administration.DESKS,
    account.desk,
)


def blueprint() -> Blueprint:
    """All pages under /console."""
    made = Blueprint("console", __name__, url_prefix="/console", static_folder="static", template_folder="templates")
    made.add_app_template_filter(look.when, "when")
    made.add_app_template_filter(look.until, "until")
    made.add_app_template_filter(look.between, "between")
    made.add_app_template_filter(money.yuan, "yuan")
    made.add_app_template_global(look.asset, "asset")
    made.add_app_template_global(look.badge, "state_badge")
    sign_in.mount(made)
    for each in DESKS:
        for spot in each.spots:
            edge.mount(made, spot)
    refusals.mount(made)
    return made
