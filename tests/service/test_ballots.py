"""Tokens, envelopes, openings and what is shown: docs/protocol.md §4 (tests 3 to 6; the dump game is in tests/api/test_ballot_dump.py)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, inspect, select
from sqlalchemy.orm import Session

from server.db import redis_client, vault
from server.db.models import ballots as tables
from server.db.models.ballots import Ballot, Cell, Envelope, Issued, PoolToken, SpentToken
from server.db.models.orgs import OrgNode
from server.domain import figures
from server.domain.ballots import CellKind, Channel, Signed, pack
from server.domain.days import local_day
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.problems import Problem
from server.domain.sign_offs import AgainReason, Source
from server.services import ballot_openings, ballot_pools, ballot_results, ballots, figure_counts, sessions, sign_offs
from tests.factories.people import a_person, a_tree, actor_of, with_role
from tests.factories.ratings import BASIC, NOT, VERY, a_finished, a_stocked_cell, ballot, cast_ballots, finish_again, quarter_of, rater
from tests.factories.units import a_unit

ALLOWED = {
    "ballot_cell": {"id", "public_id", "key", "kind", "node_id", "unit_id", "quarter", "opened_on", "closed_on"},
    "ballot_pool": {"token_hash", "cell_id"},
    "ballot_issued": {"request_id", "round", "on_day"},
    "ballot_envelope": {"token_hash", "cell_id", "body"},
    "ballot_spent": {"token_hash"},
    "ballot": {
        "key",
        "cell_id",
        "channel",
        "contacted",
        "solved",
        "satisfaction",
        "tags",
        "comment",
        "comment_state",
        "opened_on",
    },
}
FOUR = [ballot(VERY), ballot(BASIC), ballot(NOT, solved=False), ballot(VERY)]


def rows(session: Session, model: Any) -> int:
    return int(session.execute(select(func.count()).select_from(model)).scalar_one())


def test_the_tables_have_the_allowed_columns_and_no_way_to_a_person(session: Session) -> None:
    found = {name: {column["name"] for column in inspect(session.connection()).get_columns(name)} for name in ALLOWED}
    assert found == ALLOWED
    secret = [tables.PoolToken, tables.Envelope, tables.SpentToken, tables.Ballot]
    led_to = {key.column.table.name for model in secret for key in model.__table__.foreign_keys}
    assert led_to == {"ballot_cell"}
    assert all("INT" not in str(column.type) for model in secret for column in model.__table__.primary_key)


def test_a_token_is_fetched_once_and_again_within_ten_minutes(session: Session, now: datetime) -> None:
    request = a_finished(session, now, a_tree(session, now))
    a_stocked_cell(session, request)
    first = ballots.issue(session, request, actor=rater(request), now=now)
    again = [ballots.issue(session, request, actor=rater(request), now=now).token for _ in range(20)]
    assert set(again) == {first.token}
    assert rows(session, Issued) == 1
    kept = redis_client.client().keys("gongjian:ballot-kept:*")[0]
    assert 0 < redis_client.client().ttl(kept) <= 600
    redis_client.client().delete(kept)
    with pytest.raises(Problem, match="BALLOT_TOKEN_TAKEN"):
        ballots.issue(session, request, actor=rater(request), now=now)


def test_a_desk_s_session_fetches_nobody_s_token(session: Session, now: datetime) -> None:
    """Who gives somebody a login sees its first password: what is secret goes to the phone alone."""
    request = a_finished(session, now, a_tree(session, now))
    a_stocked_cell(session, request)
    desk = replace(rater(request), channel=sessions.STAFF)
    with pytest.raises(Problem, match="FORBIDDEN"):
        ballots.issue(session, request, actor=desk, now=now)
    assert rows(session, Issued) == 0


def test_redis_never_holds_a_token_in_the_clear(session: Session, now: datetime) -> None:
    request = a_finished(session, now, a_tree(session, now))
    cell = a_stocked_cell(session, request)
    ticket = ballots.issue(session, request, actor=rater(request), now=now)
    held = b"".join(redis_client.client().lrange(ballot_pools.pool_key(cell), 0, -1) + [redis_client.client().get(key) for key in _kept()])
    assert ticket.token.encode() not in held
    assert session.get(PoolToken, vault.token_hash(ticket.token)) is not None


def test_who_asked_alone_and_not_about_his_own_doing(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    child, elder, handler = a_person(session, now, "王小明"), a_person(session, now, "王奶奶"), a_person(session, now, "陈师傅")
    proxied = a_finished(session, now, tree, child, asked_for=elder)
    with pytest.raises(Problem, match="NOT_FOUND"):
        ballots.prepare(session, proxied, actor=Actor(child.id), now=now)
    with pytest.raises(Problem, match="BALLOT_OWN_WORK"):
        ballots.prepare(session, a_finished(session, now, tree, handler, handler=handler), actor=Actor(handler.id), now=now)


def test_a_token_can_be_fetched_after_signing_but_not_after_the_window(session: Session, now: datetime) -> None:
    request = a_finished(session, now, a_tree(session, now))
    sign_offs.sign(session, request, done=True, actor=rater(request), now=now)
    a_stocked_cell(session, request)
    with pytest.raises(Problem, match="BALLOT_CLOSED"):
        ballots.issue(session, request, actor=rater(request), now=now + timedelta(days=7, seconds=1))
    assert ballots.issue(session, request, actor=rater(request), now=now).token


def test_the_cell_is_the_handling_unit_s_the_member_s_unit_s_or_the_community_s_own(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    unit = a_unit(session, now, tree)
    member = a_person(session, now, "赵六")
    member.unit_id = unit.id
    of_unit = ballots.cell_of(session, a_finished(session, now, tree, unit=unit))
    of_member = ballots.cell_of(session, a_finished(session, now, tree, handler=member))
    own = ballots.cell_of(session, a_finished(session, now, tree, handler=a_person(session, now, "邻居")))
    assert (of_unit.id, of_unit.kind, own.kind, own.unit_id) == (of_member.id, CellKind.UNIT, CellKind.OWN, None)


def test_the_first_ballot_of_a_token_counts_and_what_is_not_good_is_dropped(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    request = a_finished(session, now, tree)
    other = ballots.cell_of(session, a_finished(session, now, tree, unit=a_unit(session, now, tree)))
    cell = a_stocked_cell(session, request)
    token = ballot_pools.draw(cell, kept="test:one", fresh=True)
    for wrong in ({"token": "x" * 43, "cell_public_id": cell.public_id}, {"token": token, "cell_public_id": other.public_id}):
        ballots.receive(session, body=pack(ballot(NOT)), **wrong)
    assert rows(session, Envelope) == 0
    for said in (ballot(VERY, comment="第一次"), ballot(NOT)):
        ballots.receive(session, token=token, cell_public_id=cell.public_id, body=pack(said))
    assert rows(session, Envelope) == 1
    cast_ballots(session, request, FOUR)
    assert ballot_openings.open_cell(session, cell.id, now=now) == 5
    ballots.receive(session, token=token, cell_public_id=cell.public_id, body=pack(ballot(NOT)))
    assert (rows(session, Envelope), rows(session, Ballot), rows(session, SpentToken)) == (0, 5, 5)
    comments = [row for row in session.execute(select(Ballot)).scalars() if row.comment]
    assert vault.open_sealed(ballot_pools.SALT, ballot_openings.COMMENT, comments[0].key, comments[0].comment) == "第一次"


def test_a_second_envelope_that_slipped_in_during_the_opening_is_not_counted(session: Session, now: datetime) -> None:
    request = a_finished(session, now, a_tree(session, now))
    cell = cast_ballots(session, request, [*FOUR, ballot(VERY)])
    late = session.execute(select(Envelope.token_hash, Envelope.body)).first()
    assert late is not None
    ballot_openings.open_cell(session, cell.id, now=now)
    session.add(Envelope(token_hash=late.token_hash, cell_id=cell.id, body=late.body))
    cast_ballots(session, request, [*FOUR, ballot(VERY)])
    assert ballot_openings.open_cell(session, cell.id, now=now) == 5
    assert (rows(session, Ballot), rows(session, SpentToken), rows(session, Envelope)) == (10, 10, 0)


def test_every_envelope_has_one_size(session: Session, now: datetime) -> None:
    cast_ballots(session, a_finished(session, now, a_tree(session, now)), [ballot(VERY), ballot(NOT, comment="很好" * 100)])
    assert len({len(body) for body in session.execute(select(Envelope.body)).scalars()}) == 1


def test_four_are_not_opened(session: Session, now: datetime) -> None:
    cell = cast_ballots(session, a_finished(session, now, a_tree(session, now)), FOUR)
    assert ballot_openings.due(session, now=now) == []
    assert ballot_openings.open_cell(session, cell.id, now=now) == 0
    assert rows(session, Ballot) == 0


def test_at_most_one_batch_a_day(session: Session, now: datetime) -> None:
    request = a_finished(session, now, a_tree(session, now))
    cell = cast_ballots(session, request, [*FOUR, ballot(VERY)])
    assert ballot_openings.due(session, now=now) == [cell.id]
    ballot_openings.open_cell(session, cell.id, now=now)
    cast_ballots(session, request, [*FOUR, ballot(VERY)])
    assert ballot_openings.due(session, now=now) == []
    assert ballot_openings.due(session, now=now + timedelta(days=1)) == [cell.id]


def close(session: Session, street: OrgNode, now: datetime) -> None:
    for street_id, quarter in ballot_openings.quarters_to_close(session, now=now):
        assert street_id == street.id
        ballot_openings.close_quarter(session, street_id=street_id, quarter=quarter, now=now)


def shown(session: Session, node: OrgNode, now: datetime, quarter: datetime) -> ballot_results.Results:
    return ballot_results.of_node(session, node, quarter=quarter_of(quarter), actor=SYSTEM)


def test_nothing_is_shown_before_the_quarter_is_closed_and_three_weeks_pass(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    cell = cast_ballots(session, a_finished(session, now, tree), [*FOUR, ballot(VERY)])
    ballot_openings.open_cell(session, cell.id, now=now)
    assert shown(session, tree.community, now, now) == ballot_results.Results(False, (), False, ballot_results.NOBODY)
    assert ballot_openings.quarters_to_close(session, now=datetime.fromisoformat("2026-04-21T00:00+08:00")) == []
    close(session, tree.street, datetime.fromisoformat("2026-04-22T00:00+08:00"))
    found = shown(session, tree.community, now, now)
    assert [(one.name, one.group.counts) for one in found.shown] == [("社区自办", (5, 5, 4, 3, 1))]
    assert not found.handed_up


def test_slips_do_not_uncover_what_others_said_in_secret(session: Session, now: datetime) -> None:
    """Five phones of one mind and five slips of another: whoever typed the slips would only have to subtract them."""
    tree = a_tree(session, now)
    cell = cast_ballots(session, a_finished(session, now, tree), [ballot(NOT)] * 5)
    ballot_openings.open_cell(session, cell.id, now=now)
    ballot_openings.add_ballots(session, cell, [ballot(VERY)] * 5, channel=Channel.PAPER, today=local_day(now))
    close(session, tree.street, AFTER)
    found = shown(session, tree.community, now, now)
    assert (found.shown, found.handed_up) == ((), True)
    street = shown(session, tree.street, now, now)
    assert (street.shown, street.handed_up) == ((), True)


def test_slips_do_not_uncover_a_question_on_which_the_phones_are_of_one_mind(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    said = [*[ballot(VERY)] * 3, ballot(NOT, contacted=False), ballot(BASIC)]
    cell = cast_ballots(session, a_finished(session, now, tree), said)
    ballot_openings.open_cell(session, cell.id, now=now)
    ballot_openings.add_ballots(session, cell, [ballot(NOT, solved=False)] * 5, channel=Channel.PAPER, today=local_day(now))
    close(session, tree.street, AFTER)
    (found,) = shown(session, tree.community, now, now).shown
    assert (found.group.counts.ballots, found.group.contacted, found.group.solved) == (10, 9, None)


def test_a_street_hides_the_same_question(session: Session, now: datetime) -> None:
    """Three phones here and two next door, both too few alone, all solved; the slips are not."""
    tree = a_tree(session, now)
    for node, said in ((tree.community, [ballot(VERY)] * 3), (tree.neighbour, [ballot(NOT, contacted=False)] * 2)):
        cell = cast_ballots(session, a_finished(session, now, tree, community=node), said)
        ballot_openings.add_ballots(session, cell, [ballot(BASIC, solved=False)] * 5, channel=Channel.PAPER, today=local_day(now))
    close(session, tree.street, AFTER)
    (found,) = shown(session, tree.street, now, now).shown
    assert (found.group.counts.ballots, found.group.contacted, found.group.solved) == (15, 13, None)


def test_no_figure_tells_what_the_results_hide(session: Session, now: datetime) -> None:
    """The sums of a quarter less what was said on the telephone would be the hidden count (docs/protocol.md §4)."""
    tree = a_tree(session, now)
    said = [*[ballot(VERY)] * 3, ballot(NOT, contacted=False), ballot(BASIC)]
    cell = cast_ballots(session, a_finished(session, now, tree), said)
    ballot_openings.open_cell(session, cell.id, now=now)
    close(session, tree.street, AFTER)
    (found,) = shown(session, tree.community, now, now).shown
    assert found.group.solved is None
    counts = figure_counts.counted(session, figures.span_of("quarter", quarter_of(now), AFTER))
    assert not [key for key, row in counts.items() if any(row.get(figures.ANSWERS, ()))]


AFTER = datetime.fromisoformat("2026-05-01T00:00+08:00")


def test_a_cell_that_stands_alone_has_its_signatures_beside_it(session: Session, now: datetime) -> None:
    """Of its own work in the quarter it was finished in, in the app or on somebody's word; no call, no neighbour, no merged group."""
    tree = a_tree(session, now)
    unit = a_unit(session, now, tree)
    member = a_person(session, now, "赵六")
    member.unit_id = unit.id
    cast_ballots(session, a_finished(session, now, tree, unit=unit), [*FOUR, ballot(VERY)])
    cast_ballots(session, a_finished(session, now, tree), [ballot(VERY)] * 5)
    for over in ({"unit": unit}, {"handler": member}, {"unit": unit, "community": tree.neighbour}, {}):
        request = a_finished(session, now, tree, **over)
        sign_offs.sign(session, request, done=True, actor=rater(request), now=now)
    back = a_finished(session, now, tree, unit=unit)
    sign_offs.sign(session, back, done=False, reason=AgainReason.CAME_BACK, actor=rater(back), now=now)
    later = now + timedelta(days=40)
    finish_again(session, back, later)
    sign_offs.sign(session, back, done=True, actor=rater(back), now=later)
    called = a_finished(session, now, tree, unit=unit)
    sign_offs.settle(session, called, done=True, reason=None, source=Source.CALLBACK, actor=Actor(member.id), now=now)
    close(session, tree.street, AFTER)
    found = shown(session, tree.community, AFTER, now).shown
    assert [(one.unit, one.signed) for one in found] == [(unit.public_id, Signed(3, 2))]
    cast_ballots(session, back, [*FOUR, ballot(NOT)])
    close(session, tree.street, later + timedelta(days=110))
    assert [one.signed for one in shown(session, tree.community, later, later).shown] == [Signed(1, 1)]


def test_small_and_unanimous_cells_are_merged_in_the_community(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    small, alike = a_unit(session, now, tree, "示例小学"), a_unit(session, now, tree, "示例医院")
    cast_ballots(session, a_finished(session, now, tree, unit=small), [ballot(NOT), ballot(VERY)])
    cast_ballots(session, a_finished(session, now, tree, unit=alike), [ballot(VERY)] * 6)
    cast_ballots(session, a_finished(session, now, tree), [ballot(NOT), ballot(VERY), ballot(VERY)])
    close(session, tree.street, AFTER)
    found = shown(session, tree.community, AFTER, now)
    assert [(one.name, one.group.counts.ballots, one.group.merged) for one in found.shown] == [("其余承办方合并", 11, True)]
    assert found.shown[0].signed is None
    kinds = session.execute(select(Cell.kind, func.count()).join(Ballot, Ballot.cell_id == Cell.id).group_by(Cell.kind)).all()
    assert {row[0]: row[1] for row in kinds} == {CellKind.UNIT: 6, CellKind.COMMUNITY: 5}, "five leftovers do not say whose they were"


def test_what_is_too_little_in_each_community_is_shown_for_the_street(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    cast_ballots(session, a_finished(session, now, tree), FOUR)
    cast_ballots(session, a_finished(session, now, tree, community=tree.neighbour), FOUR[:2])
    close(session, tree.street, AFTER)
    for community in (tree.community, tree.neighbour):
        found = shown(session, community, AFTER, now)
        assert (found.closed, found.shown, found.handed_up) == (True, (), True), "no ballot stayed here"
    assert [one.group.counts.ballots for one in shown(session, tree.street, AFTER, now).shown] == [6]


def test_what_is_too_little_is_said_to_be_so_beside_what_is_shown(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    cast_ballots(session, a_finished(session, now, tree, unit=a_unit(session, now, tree)), [*FOUR, ballot(VERY)])
    cast_ballots(session, a_finished(session, now, tree), [ballot(NOT)])
    close(session, tree.street, AFTER)
    found = shown(session, tree.community, AFTER, now)
    assert ([one.group.counts.ballots for one in found.shown], found.handed_up) == ([5], True)


def test_four_in_the_whole_street_are_never_opened(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    request = a_finished(session, now, tree)
    cell = cast_ballots(session, request, FOUR)
    close(session, tree.street, AFTER)
    assert (rows(session, Ballot), rows(session, Envelope)) == (0, 0)
    assert not shown(session, tree.street, AFTER, now).shown
    ballots.receive(
        session, token=ballot_pools.draw(cell, kept="test:late", fresh=True), cell_public_id=cell.public_id, body=pack(ballot())
    )
    assert rows(session, Envelope) == 0, "a ballot after the closing is not counted"


def test_closing_twice_opens_nothing_twice(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    cast_ballots(session, a_finished(session, now, tree), [*FOUR, ballot(VERY)])
    for _ in range(2):
        ballot_openings.close_quarter(session, street_id=tree.street.id, quarter=quarter_of(now), now=AFTER)
    assert rows(session, Ballot) == 5


def test_results_are_for_who_may_read_figures_here(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    secretary = actor_of(session, with_role(session, now, Role.SECRETARY, tree.neighbour), now)
    with pytest.raises(Problem, match="NOT_FOUND"):
        ballot_results.of_node(session, tree.community, quarter=quarter_of(now), actor=secretary)


def test_a_pool_that_redis_lost_is_filled_again(session: Session, now: datetime) -> None:
    request = a_finished(session, now, a_tree(session, now))
    cell = a_stocked_cell(session, request)
    redis_client.client().delete(ballot_pools.pool_key(cell))
    with pytest.raises(Problem, match="UNAVAILABLE"):
        ballot_pools.draw(cell, kept="test:gone", fresh=True)
    a_stocked_cell(session, request)
    assert ballots.issue(session, request, actor=rater(request), now=now).token
    assert rows(session, PoolToken) == 2 * ballot_pools.BATCH
    session.execute(delete(PoolToken))


def _kept() -> list[bytes]:
    return list(redis_client.client().keys("gongjian:ballot-kept:*"))
