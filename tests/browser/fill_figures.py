"""A quarter's figures of 示例社区, and a file that is ready: for the pages of 数据."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from server.db.models.people import Person
from server.domain.days import PERIODS, local_day, period_start
from server.domain.exports import ExportKind
from server.domain.figures import span_of
from server.domain.permissions import SYSTEM
from server.domain.requests import RequestState
from server.services import exports, figure_counts, figure_sheets, tallies, unit_registrations
from server.services.unit_registrations import Slip
from tests.factories.handling import handled
from tests.factories.people import Tree, a_person, actor_of
from tests.factories.records import a_record
from tests.factories.registrations import a_bound_person, a_registration, a_unit, an_entry
from tests.factories.requests import a_request
from tests.factories.tasks import a_claim, a_post
from tests.factories.wishes import a_wish

KINDS = ("repairs", "environment", "noise", "parking", "elder_care", "repairs", "utilities", "environment")


def fill(session: Session, tree: Tree, secretary: Person, now: datetime) -> Mapping[str, str]:
    """Members, services, requests, wishes; all periods counted; the ledger of units asked for."""
    _units(session, tree, now)
    for number, kind in enumerate(KINDS):
        if number % 3:
            handled(session, now, tree, category=kind, state=RequestState.FINISHED if number % 2 else RequestState.IN_PROGRESS)
        else:
            a_request(session, now, tree, category=kind)
    post = a_post(session, now, tree, a_person(session, now, "王组织"), title="夜间巡逻", capacity=4)
    a_claim(session, now, post, a_person(session, now, "孙七"))
    a_wish(session, now, tree)
    count(session, now)
    actor = actor_of(session, secretary, now)
    row = exports.ask(session, kind=ExportKind.UNITS, node=tree.community, asked={}, reason="", actor=actor, now=now)
    exports.finish(session, row, sha256="0" * 64, rows=3, named=False, now=now)
    return {"export": row.public_id}


def _units(session: Session, tree: Tree, now: datetime) -> None:
    for number, name in enumerate(("示例气象局", "示例小学", "示例银行")):
        unit = a_unit(session, now, tree, name)
        if number < 2:
            slip = unit_registrations.submit(session, unit=unit, slip=Slip(), actor=SYSTEM, now=now)
            unit_registrations.accept(session, slip, opinion="同意接收", actor=SYSTEM, now=now)
        for who in ("张三", "李四", "王五"):
            person = a_bound_person(session, now, unit, who + "甲乙丙"[number], community="示例社区")
            a_registration(session, now, person, tree.community)
            if who != "王五":
                a_record(session, now, tree, person, minutes=45 * (number + 1), grid=who == "李四")
            if who == "张三":
                a_record(session, now, tree, person, day=local_day(now) - timedelta(days=70))
        an_entry(session, now, unit, "赵六" + "甲乙丙"[number], community="示例社区")


def count(session: Session, now: datetime) -> None:
    """As the job does it."""
    while tallies.drain(session, now=now):
        pass
    for period in PERIODS:
        first = period_start(period, local_day(now))
        figure_sheets.ask(session, period, first, now=now)
        for day in (first, figure_sheets.before(period, first)):
            span = span_of(period, day, now)
            figure_sheets.keep(session, span, figure_counts.counted(session, span), now=now)
