"""今天: the queue as pages, deciding on one or many, taking it back, and that nothing is lost or done twice."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import event, select

from server.db.base import engine, reading, transaction
from server.db.models.requests import Request
from server.db.models.tasks import Claim, Task
from server.domain.notices import DESK_PAGES, NoticeKind, desk_page
from server.domain.permissions import Actor, Role
from server.domain.records import RecordState
from server.domain.requests import RequestState
from server.domain.tasks import ClaimState
from server.services import binding_requests, claims, notices
from tests.conftest import Time
from tests.console.conftest import Seat, seat_of
from tests.factories.people import Tree, a_person
from tests.factories.records import a_record
from tests.factories.registrations import a_member, a_registration, agree
from tests.factories.requests import a_request
from tests.factories.tasks import a_claim, a_task


def claimed(tree: Tree, now: datetime, *names: str, **over: object) -> list[Claim]:
    """A task with a pending claim of each."""
    with transaction() as session:
        task = a_task(session, now, tree, a_person(session, now, "王组织"), **{"capacity": 100, **over})
        return [a_claim(session, now, task, a_person(session, now, name), ClaimState.PENDING) for name in names]


def states() -> list[ClaimState]:
    with reading() as session:
        return list(session.execute(select(Claim.state).order_by(Claim.id)).scalars())


def pick(claim: Claim) -> str:
    return f"claim.{claim.public_id}.{claim.version}"


def undo_path(seat: Seat) -> str:
    found = re.search(r'action="(/console/undos/\w+)"', seat.html)
    assert found is not None
    return found.group(1)


def test_the_queue_says_what_who_since_when_and_until_when(app: Flask, tree: Tree, secretary: Seat, now: datetime) -> None:
    claimed(tree, now - timedelta(days=2), "赵大", title="巡河", starts_at=now - timedelta(hours=1), ends_at=now + timedelta(hours=1))
    with transaction() as session:
        a_registration(session, now, agree(session, now, a_person(session, now, "钱二")), tree.community)
    secretary.get("/console")
    assert secretary.said.index("赵大") < secretary.said.index("钱二")
    assert "巡河" in secretary.said
    assert "（2 天前）" in secretary.said
    assert "✕ 已逾期" in secretary.said
    assert "全部 2" in secretary.said


def test_a_tab_shows_its_kinds_alone(tree: Tree, secretary: Seat, now: datetime) -> None:
    claimed(tree, now, "赵大")
    secretary.get("/console?tab=records")
    assert ("赵大" in secretary.said, "都办完了" in secretary.said) == (False, True)
    secretary.get("/console?tab=claims")
    assert "赵大" in secretary.said


def test_more_is_on_the_next_page_and_the_badge_counts_all(tree: Tree, secretary: Seat, now: datetime) -> None:
    claimed(tree, now, *(f"居民{number:02}" for number in range(25)))
    secretary.get("/console")
    assert "居民19" in secretary.said
    assert "居民20" not in secretary.said
    assert "待办 25" in secretary.said
    following = re.search(r'href="(\?after=[^"]+)"', secretary.html)
    assert following is not None
    secretary.get(f"/console{following.group(1)}")
    assert ("居民19" in secretary.said, "居民24" in secretary.said) == (False, True)


def test_approving_one_and_taking_it_back(tree: Tree, secretary: Seat, now: datetime) -> None:
    (claim,) = claimed(tree, now, "赵大")
    secretary.get("/console")
    secretary.post("/console/decide", pick=pick(claim), answer="approve", back="/console")
    assert (states(), "已通过 1 条" in secretary.said, "赵大" in secretary.said) == ([ClaimState.APPROVED], True, False)
    secretary.post(undo_path(secretary), back="/console")
    assert (states(), "已撤销 1 条" in secretary.said, "赵大" in secretary.said) == ([ClaimState.PENDING], True, True)


def test_after_ten_seconds_it_stands(tree: Tree, secretary: Seat, now: datetime, time: Time) -> None:
    (claim,) = claimed(tree, now, "赵大")
    secretary.post("/console/decide", pick=pick(claim), answer="approve", back="/console")
    time.advance(seconds=11)
    secretary.post(undo_path(secretary), back="/console")
    assert (states(), "已超过十秒" in secretary.said) == ([ClaimState.APPROVED], True)


def test_nobody_else_takes_it_back(app: Flask, tree: Tree, secretary: Seat, now: datetime) -> None:
    (claim,) = claimed(tree, now, "赵大")
    secretary.post("/console/decide", pick=pick(claim), answer="approve", back="/console")
    other = seat_of(app, now, Role.SECRETARY, tree.community, "周副书记")
    other.post(undo_path(secretary))
    assert (other.status, states()) == (404, [ClaimState.APPROVED])


@pytest.mark.parametrize(
    ("why", "more", "kept"), [("名额已满，请看看其他活动", "", "名额已满，请看看其他活动"), ("", "改到下周了", "改到下周了")]
)
def test_declining_with_a_ready_reason_or_one_s_own(tree: Tree, secretary: Seat, now: datetime, *, why: str, more: str, kept: str) -> None:
    (claim,) = claimed(tree, now, "赵大")
    secretary.post("/console/decide", pick=pick(claim), answer="decline", why=why, more=more, back="/console")
    with reading() as session:
        row = session.execute(select(Claim)).scalar_one()
    assert (row.state, row.reason) == (ClaimState.DECLINED, kept)


def test_a_no_without_a_reason_and_nothing_chosen_are_refused(tree: Tree, secretary: Seat, now: datetime) -> None:
    (claim,) = claimed(tree, now, "赵大")
    secretary.post("/console/decide", pick=pick(claim), answer="decline", back="/console")
    assert "请写明原因" in secretary.said
    secretary.post("/console/decide", answer="approve", back="/console")
    assert states() == [ClaimState.PENDING]
    for bad in ("claim", "nothing.X.1", "claim.X.one", "wish.X.0"):
        secretary.post("/console/decide", pick=bad, answer="approve", back="/console")
        assert "✕" in secretary.said, bad
    secretary.post("/console/decide", pick=pick(claim), answer="", back="/console")
    assert states() == [ClaimState.PENDING]


def test_of_fifty_where_three_fail_forty_seven_stand_and_each_failure_is_named(tree: Tree, secretary: Seat, now: datetime) -> None:
    rows = claimed(tree, now, *(f"居民{number:02}" for number in range(50)))
    with transaction() as session:
        for row in rows[:3]:
            claims.withdraw(session, session.get_one(Claim, row.id), actor=_himself(row), now=now)
    secretary.post("/console/decide", pick=[pick(row) for row in rows], answer="approve", back="/console?tab=claims")
    assert "已通过 47 条，3 条没有办成" in secretary.said
    for name in ("居民00", "居民01", "居民02"):
        assert f"活动报名“清理楼道杂物”{name}" in secretary.said
    assert "别人刚刚处理过" in secretary.said
    secretary.post(undo_path(secretary), back="/console")
    assert "已撤销 47 条" in secretary.said
    assert sorted(states()) == sorted([ClaimState.WITHDRAWN] * 3 + [ClaimState.PENDING] * 47)
    with reading() as session:
        assert session.execute(select(Task.taken)).scalar_one() == 47


def test_the_second_secretary_learns_that_the_first_was_quicker(app: Flask, tree: Tree, secretary: Seat, now: datetime) -> None:
    (claim,) = claimed(tree, now, "赵大")
    other = seat_of(app, now, Role.SECRETARY, tree.community, "周副书记")
    other.get("/console")
    secretary.post("/console/decide", pick=pick(claim), answer="approve", back="/console")
    other.post("/console/decide", pick=pick(claim), answer="decline", why="名额已满", back="/console")
    assert ("没有办成" in other.said, "别人刚刚处理过" in other.said, states()) == (True, True, [ClaimState.APPROVED])
    assert "✕ 1 条没有办成，原因在下面" in other.said  # with the sign of what did not go well


def test_what_cannot_be_decided_at_once_has_no_button_for_it(tree: Tree, secretary: Seat, now: datetime) -> None:
    with transaction() as session:
        person = a_person(session, now, "方小满")
        agree(session, now, person)
        binding_requests.submit(session, community=tree.community, name="方小满", actor=Actor(person.id), now=now)
    secretary.get("/console/bindings")
    assert ("退回所选" in secretary.said, "通过所选" in secretary.said) == (True, False)


def test_a_form_sent_twice_decides_once(tree: Tree, secretary: Seat, now: datetime) -> None:
    (claim,) = claimed(tree, now, "赵大")
    for _ in range(2):
        secretary.post("/console/decide", pick=pick(claim), answer="approve", back="/console", once="a-double-click")
    assert (states(), "没有办成" in secretary.said) == ([ClaimState.APPROVED], False)


def test_another_community_sees_and_decides_nothing(tree: Tree, stranger: Seat, now: datetime) -> None:
    (claim,) = claimed(tree, now, "赵大")
    stranger.get("/console")
    assert "赵大" not in stranger.said
    stranger.post("/console/decide", pick=pick(claim), answer="approve", back="/console")
    assert (states(), "不在您办理范围内" in stranger.said, "赵大" in stranger.said) == ([ClaimState.PENDING], True, False)


def test_hostile_names_are_words_only(tree: Tree, secretary: Seat, now: datetime) -> None:
    name = "<script>alert(1)</script>\u202e王\"'&"
    claimed(tree, now, name, title="=1+1<b>活动</b>")
    secretary.get("/console")
    assert "<script>alert" not in secretary.html
    assert "<b>活动" not in secretary.html
    assert "alert(1)" in secretary.said


def test_who_may_decide_nothing_has_an_empty_desk(app: Flask, tree: Tree, now: datetime) -> None:
    claimed(tree, now, "赵大")
    for role in (Role.AUDITOR, Role.GRID_WORKER):
        seat = seat_of(app, now, role, tree.community)
        assert (seat.status, "赵大" in seat.said, "都办完了" in seat.said) == (200, False, True)


def test_the_page_costs_few_statements_and_little_however_much_waits(tree: Tree, secretary: Seat, now: datetime) -> None:
    claimed(tree, now, *(f"居民{number}" for number in range(30)))
    with transaction() as session:
        for number in range(30):
            a_record(session, now, tree, a_person(session, now, f"服务{number}"), state=RecordState.REPORTED)
            a_registration(session, now, agree(session, now, a_person(session, now)), tree.community)
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(engine(), "before_cursor_execute", note)
    secretary.get("/console")
    event.remove(engine(), "before_cursor_execute", note)
    assert len([one for one in seen if not one.startswith(("BEGIN", "COMMIT"))]) <= 12, seen
    assert len(secretary.html.encode()) <= 150_000


def test_a_notice_leads_to_its_page(secretary: Seat) -> None:
    assert secretary.client.get("/console/go/claim/ABC").headers["Location"] == "/console/claims/ABC"
    assert secretary.client.get("/console/go/nothing/ABC").status_code == 404


@pytest.mark.parametrize("kind", sorted(DESK_PAGES))
def test_every_page_a_notice_leads_to_is_there(app: Flask, kind: str) -> None:
    endpoint, _ = app.url_map.bind("localhost").match(desk_page(kind, "ABC"), method="GET")
    assert endpoint != "console.nowhere"


def test_the_inbox_tells_of_the_office_with_a_way_there(tree: Tree, secretary: Seat, now: datetime) -> None:
    with transaction() as session:
        for number, kind in enumerate((NoticeKind.REQUEST_ESCALATED, NoticeKind.CLAIM_DECIDED)):
            notices.tell(
                session,
                person_id=secretary.person.id,
                kind=kind,
                subject_kind="request",
                subject_public_id="ABC",
                facts={"title": "维修"},
                dedupe=f"test:{number}",
                now=now,
            )
    secretary.get("/console/notices")
    assert "一件“维修”诉求升级到您这一级" in secretary.said
    assert secretary.html.count('href="/console/requests/ABC"') == 1
    secretary.post("/console/notices/read")
    assert ("都标为已读了" in secretary.said, "未读" in secretary.said) == (True, False)


def test_a_dispatch_is_taken_back(tree: Tree, secretary: Seat, now: datetime) -> None:
    with transaction() as session:
        request = a_request(session, now, tree, state=RequestState.TRIAGED)
        helper = a_member(session, now, tree, "会修灯的老李")
    path = f"/console/requests/{request.public_id}/dispatch"
    secretary.get(f"{path}?called=会修灯的老李")
    secretary.post(path, to=f"person:{helper.public_id}", called="会修灯的老李")
    assert "已派出" in secretary.said
    secretary.post(undo_path(secretary), back="/console")
    assert "已撤销 1 条" in secretary.said
    with reading() as session:
        assert session.get_one(Request, request.id).state is RequestState.TRIAGED


def _himself(claim: Claim) -> Actor:
    return Actor(claim.person_id)


def mixed(tree: Tree, now: datetime) -> tuple[str, str]:
    """A claim and a form that wait, as check-box values."""
    (claim,) = claimed(tree, now, "赵大")
    with transaction() as session:
        form = a_registration(session, now, agree(session, now, a_person(session, now, "钱二")), tree.community)
        return pick(claim), f"registration.{form.public_id}.{form.version}"


def test_a_reason_of_another_kind_is_refused_by_line(tree: Tree, secretary: Seat, now: datetime) -> None:
    both = list(mixed(tree, now))
    secretary.post("/console/decide", pick=both, answer="decline", why="名额已满，请看看其他活动", back="/console")
    assert "不通过 1 条，1 条没有办成" in secretary.said
    assert "党员报到：钱二 ：这条原因是给别的事项用的" in secretary.said
    assert states() == [ClaimState.DECLINED]
    secretary.post("/console/decide", pick=both[1], answer="decline", more="请带介绍信来一趟", back="/console", once="own")
    assert "已退回 1 条" in secretary.said


def test_reasons_stand_by_kind_and_only_those_of_the_page(tree: Tree, secretary: Seat, now: datetime) -> None:
    mixed(tree, now)
    secretary.get("/console")
    bulk = secretary.html.partition('id="why-all"')[2].partition("</select>")[0]
    assert re.findall(r'<optgroup label="([^"]+)"', bulk) == ["活动报名", "党员报到"]
    secretary.get("/console?tab=claims")
    bulk = secretary.html.partition('id="why-all"')[2].partition("</select>")[0]
    assert ("optgroup" in bulk, bulk.count("<option")) == (False, 4)


def test_a_line_and_the_bar_have_one_word(tree: Tree, secretary: Seat, now: datetime) -> None:
    mixed(tree, now)
    for page, words in (("/claims", ("通过所选", "不通过所选")), ("/registrations", ("接收所选", "退回所选"))):
        secretary.get(f"/console{page}")
        assert re.findall(r">([^<>]+所选)</span></(?:button|summary)>", secretary.html) == [*words, f"确定{words[1]}"]
    secretary.get("/console")
    assert ">通过、接收所选<" in secretary.html
