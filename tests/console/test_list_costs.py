"""The lists of 诉求 cost the same few statements, however many rows they have."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Flask
from sqlalchemy.orm import Session

from server.db.base import transaction
from server.db.models.people import Person
from server.domain.feedbacks import FeedbackAbout, FeedbackKind
from server.domain.handling import StationKind
from server.domain.people import ConsentChannel
from server.domain.permissions import Actor, Role
from server.domain.requests import CheckState, RequestState
from server.domain.wishes import WishState
from server.services import ballot_openings, feedback_entries, stations
from server.services.feedbacks import Written
from server.services.intakes import Represented
from tests.conftest import Time
from tests.console.conftest import Seat, sit_down
from tests.console.support import statements
from tests.factories.people import Tree, a_person, actor_of, with_role
from tests.factories.ratings import BASIC, VERY, a_finished, ballot, cast_ballots
from tests.factories.registrations import a_unit
from tests.factories.requests import a_request
from tests.factories.reviews import a_panel
from tests.factories.wishes import a_wish

MOST = 12
LATER = timedelta(days=60)  # the quarter is over, whoever did not sign is called back
LISTS = {
    "/console/callbacks": "去回访",
    "/console/content-checks": "等人看的诉求",
    "/console/wishes": "银杏奶奶",
    "/console/feedbacks": "提前三天",
    "/console/feedbacks/entered": "奶奶",
    "/console/reviews": "季度",
    "/console/ratings?quarter=2026-01-01": "示例单位",
    "/console/stations": "站",
}


class Rows:
    """One more of everything at each call, as the desk's `who` has it."""

    def __init__(self, tree: Tree, now: datetime) -> None:
        self.tree, self.now, self.made = tree, now, 0

    def more(self, session: Session, who: Person) -> None:
        """A row of each list."""
        tree, now, number = self.tree, self.now, self.made
        actor = actor_of(session, who, now)
        a_finished(session, now, tree)
        a_request(session, now, tree, text_check=CheckState.REVIEW)
        a_wish(session, now, tree, (WishState.PUBLISHED, WishState.CLAIMED, WishState.COLLECTED)[number])
        self._written(session, actor)
        a_panel(session, now - timedelta(days=92 * number), tree, actor, 2)
        self._station(session, actor)
        rated = a_finished(session, now, tree, unit=a_unit(session, now, tree, f"示例单位{number}"))
        cast_ballots(session, rated, [ballot(VERY if one % 2 else BASIC) for one in range(6)])
        self.made += 1

    def _written(self, session: Session, actor: Actor) -> None:
        clerk = actor_of(session, with_role(session, self.now, Role.CLERK, self.tree.community, "周干事"), self.now)
        said = Written(FeedbackKind.SUGGESTION, FeedbackAbout.SERVICE, "通知能不能提前三天", self.tree.community)
        for by, name in ((clerk, "林奶奶"), (actor, "蒋奶奶")):
            whose = Represented(name, None, ConsentChannel.SPOKEN)
            feedback_entries.enter(session, who=whose, written=said, community=self.tree.community, actor=by, now=self.now)

    def _station(self, session: Session, actor: Actor) -> None:
        kind = list(StationKind)[self.made]
        keeper = a_person(session, self.now, f"站长{self.made}")
        made = stations.open_one(session, community=self.tree.community, kind=kind, keeper=keeper, actor=actor, now=self.now)
        queued = a_request(session, self.now, self.tree, state=RequestState.TRIAGED)
        stations.put(session, queued, station=made, actor=actor, now=self.now)


def close_quarters(now: datetime) -> None:
    with transaction() as session:
        for street, quarter in ballot_openings.quarters_to_close(session, now=now):
            ballot_openings.close_quarter(session, street_id=street, quarter=quarter, now=now)


def costs(seat: Seat) -> dict[str, int]:
    """Statements of each list; every one of them shows something."""
    found = {}
    for path, words in LISTS.items():
        found[path] = statements(lambda path=path: seat.get(path))  # type: ignore[misc]
        assert (seat.status, words in seat.said) == (200, True), (path, seat.said)
    return found


def test_lists_cost_the_same_however_long(app: Flask, tree: Tree, now: datetime, time: Time) -> None:
    rows, later = Rows(tree, now), now + LATER
    time.advance(days=LATER.days)
    with transaction() as session:
        seat = sit_down(app, session, with_role(session, now, Role.SECRETARY, tree.community), later)
    few: dict[str, int] = {}
    for _ in range(3):
        with transaction() as session:
            rows.more(session, seat.person)
        close_quarters(later)
        seat.get("/console")
        many = costs(seat)
        few = few or many
    assert many == few
    assert max(many.values()) <= MOST, many
