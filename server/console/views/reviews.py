"""评价例会: the quarter's panel from the call for volunteers to the minutes and the 回炉 list."""

from __future__ import annotations

from typing import Any

from server.console import places
from server.console.desk import Answer, Call, Desk
from server.console.forms import Sheet, blame, choice, number, text
from server.console.person_fields import consent, elder, person_name, person_phone, represented
from server.db.models.reviews import ReviewPanel
from server.domain.ballots import LEAST
from server.domain.days import local_day, period_start, quarter_name
from server.domain.people import ConsentChannel
from server.domain.permissions import Permission as P
from server.domain.permissions import may_on_node
from server.domain.problems import Problem
from server.domain.reviews import ITEM_KIND_NAMES, REVIEW_STATE_NAMES, VERDICT_NAMES, ReviewState
from server.services import people, review_sign_ups, review_votes, reviews, scopes

desk = Desk("reviews")
S = ReviewState
NEXT = {
    S.GATHERING: "等居民自愿报名；人数够了就抽签，或逐人写明理由选定",
    S.SELECTED: "请列出事项并开始投票：第三次没办好的，和抽查的",
    S.VOTING: "等评议员匿名投票，用手机或抽一张纸条；人数够了再计票",
    S.COUNTED: "请把评为没解决的列入回炉清单，写好会议纪要并结束",
    S.CLOSED: "已经结束",
    S.VOID: "已经取消",
}
WAYS = {ConsentChannel.APP: "小程序", ConsentChannel.PAPER: "纸面", ConsentChannel.SPOKEN: "口头"}
TONES = {S.CLOSED: "good", S.VOID: "bad", S.VOTING: "wait"}


class NewSheet(Sheet):
    """A panel to be held."""

    quarter = choice("哪个季度")
    seats = number("评议员名额", least=5, most=51, default=9, hint="至少 5 人，才能匿名投票")


class MinutesSheet(Sheet):
    """What was said."""

    minutes = text("会议纪要", longest=2000, rows=8)


class ReasonSheet(Sheet):
    """Why it is not held."""

    reason = text("原因", longest=200, rows=3)


class VolunteerSheet(Sheet):
    """Somebody without a phone who wants to be on the panel."""

    name = person_name()
    phone = person_phone()
    consent = consent("本人怎么报的名")
    elder = elder()


@desk.page("/reviews", permission=P.REVIEWS_ENTER)
def list_reviews(call: Call) -> Answer:
    """本社区的评价例会，新的在前；召集和选人由书记做，替人报名谁都可以."""
    here = places.chosen(call, P.REVIEWS_ENTER)
    holds = may_on_node(call.actor, P.REVIEWS_HOLD, here.here.path)
    found = reviews.of_community(call.session, here.here)
    rows = [(panel, quarter_name(panel.quarter), REVIEW_STATE_NAMES[panel.state], TONES.get(panel.state, "plain")) for panel in found]
    return call.show("console/reviews/list.html", places=here, rows=rows, holds=holds)


@desk.form("/reviews/new", permission=P.REVIEWS_HOLD)
def create(call: Call) -> Answer:
    """召集一个季度的评价例会，并公布抽签种子的哈希."""
    here, sheet = places.chosen(call, P.REVIEWS_HOLD), NewSheet(call.typed)
    this = period_start("quarter", local_day(call.now))
    last = period_start("quarter", this.replace(year=this.year - 1, month=10) if this.month == 1 else this.replace(month=this.month - 3))
    sheet.quarter.choices = [(one.isoformat(), quarter_name(one)) for one in (this, last)]
    if call.posted and sheet.validate():
        quarter = next(one for one in (this, last) if one.isoformat() == sheet.quarter.data)
        made = reviews.create(call.session, community=here.here, quarter=quarter, seats=sheet.seats.data, actor=call.actor, now=call.now)
        return call.done("已开始报名", to=_address(made))
    blame(sheet, call.problem)
    return call.show("console/reviews/new.html", 422 if call.posted else 200, places=here, sheet=sheet)


@desk.page("/reviews/<id>", permission=P.REVIEWS_HOLD)
def show_review(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """一次评价例会：报名的人、事项、结果、回炉清单."""
    panel = _held(call, id)
    items, signed_up = reviews.items_of(call.session, panel), reviews.members_of(call.session, panel)
    gathering = panel.state is S.GATHERING
    counted = panel.state in (S.COUNTED, S.CLOSED)
    return call.show(
        "console/reviews/one.html",
        **about(panel),
        members=[(one, person.public_id, people.name_of(person)) for one, person in signed_up],
        short=max(panel.seats - len(signed_up), 0) if gathering else 0,
        draws=len(signed_up) >= panel.seats,
        chooses=len(signed_up) >= LEAST,
        items=[(item, counted and item.verdict is not None) for item in items],
        needed=review_votes.needed(call.session, panel, now=call.now) if panel.state is S.VOTING else 0,
        minutes=reviews.minutes_of(panel),
        kinds=ITEM_KIND_NAMES,
        ways=WAYS,
        verdicts=VERDICT_NAMES,
    )


@desk.form("/reviews/<id>/volunteers", permission=P.REVIEWS_ENTER)
def enter_volunteer(call: Call, id: str) -> Answer:  # noqa: A002
    """替没有手机的居民报名，您就是见证人."""
    panel, sheet = reviews.by_public_id(call.session, id), VolunteerSheet(call.typed)
    entered = review_sign_ups.entered(call.session, panel, actor=call.actor)
    if call.posted and sheet.validate():
        review_sign_ups.enter(call.session, panel, who=represented(sheet), actor=call.actor, now=call.now)
        return call.done(f"{sheet.name.data}已报名", to=f"{_address(panel)}/volunteers")
    blame(sheet, call.problem)
    rows = [(person.public_id, people.name_of(person), WAYS[one.channel]) for one, person in entered]
    return call.show("console/reviews/volunteers.html", 422 if call.posted else 200, sheet=sheet, rows=rows, **about(panel))


@desk.action("/reviews/<id>/volunteers/<person>/withdraw", permission=P.REVIEWS_ENTER)
def take_back_volunteer(call: Call, id: str, person: str) -> Answer:  # noqa: A002
    """本人不想参加了：选定前撤回."""
    panel, who = reviews.by_public_id(call.session, id), people.by_public_id(call.session, person)
    review_sign_ups.take_back(call.session, panel, person=who, actor=call.actor, now=call.now)
    return call.done("已撤回报名", to=f"{_address(panel)}/volunteers")


@desk.action("/reviews/<id>/draw", permission=P.REVIEWS_HOLD)
def draw(call: Call, id: str) -> Answer:  # noqa: A002
    """按公布的种子抽签."""
    chosen = reviews.draw(call.session, _held(call, id), actor=call.actor, now=call.now)
    return call.done(f"抽出了 {len(chosen)} 位评议员，种子已公布，谁都可以重算", to=f"/console/reviews/{id}")


@desk.form("/reviews/<id>/choose", permission=P.REVIEWS_HOLD)
def choose(call: Call, id: str) -> Answer:  # noqa: A002
    """组织筛选：逐人写明理由."""
    panel = _held(call, id)
    members = [(person.public_id, people.name_of(person)) for _one, person in reviews.members_of(call.session, panel)]
    ticked = set(call.typed.getlist("chosen"))
    reasons = {public_id: call.typed.get(f"reason-{public_id}", "").strip()[:200] for public_id, _name in members}
    if call.posted:
        picked = {public_id: reasons.get(public_id, "") for public_id in ticked}
        reviews.choose(call.session, panel, picked, actor=call.actor, now=call.now)
        return call.done(f"选定了 {len(ticked)} 位评议员", to=_address(panel))
    return call.show("console/reviews/choose.html", **about(panel), members=members, ticked=ticked, reasons=reasons)


@desk.action("/reviews/<id>/vote", permission=P.REVIEWS_HOLD)
def open_vote(call: Call, id: str) -> Answer:  # noqa: A002
    """列出事项并开始投票."""
    review_votes.open_vote(call.session, _held(call, id), actor=call.actor, now=call.now)
    return call.done("投票开始了，请告诉评议员在手机上投；没有手机的抽一张纸条", to=f"/console/reviews/{id}")


@desk.action("/reviews/<id>/count", permission=P.REVIEWS_HOLD)
def count(call: Call, id: str) -> Answer:  # noqa: A002
    """投票人数够了以后一起开封计票."""
    review_votes.count(call.session, _held(call, id), actor=call.actor, now=call.now)
    return call.done("已计票", to=f"/console/reviews/{id}")


@desk.action("/reviews/<id>/items/<item>/reopen", permission=P.REVIEWS_HOLD)
def reopen(call: Call, id: str, item: str) -> Answer:  # noqa: A002
    """列入回炉清单：重新立一件，原件不变."""
    panel = _held(call, id)
    found = next((one for one in reviews.items_of(call.session, panel) if one.public_id == item), None)
    if found is None:
        raise Problem("NOT_FOUND")
    made = review_votes.reopen(call.session, panel, found, actor=call.actor, now=call.now)
    return call.done(f"已重新立一件，单号 {made.number}", to=_address(panel))


@desk.form("/reviews/<id>/close", permission=P.REVIEWS_HOLD)
def close(call: Call, id: str) -> Answer:  # noqa: A002
    """写会议纪要并结束."""
    panel, sheet = _held(call, id), MinutesSheet(call.typed)
    if call.posted and sheet.validate():
        reviews.close(call.session, panel, minutes=sheet.minutes.data, actor=call.actor, now=call.now)
        return call.done("纪要已保存，例会结束", to=_address(panel))
    return call.show("console/reviews/step.html", 422 if call.posted else 200, sheet=sheet, title="写纪要并结束", **about(panel))


@desk.form("/reviews/<id>/call-off", permission=P.REVIEWS_HOLD)
def call_off(call: Call, id: str) -> Answer:  # noqa: A002
    """不开了：写明原因；没开封的票不再开封."""
    panel, sheet = _held(call, id), ReasonSheet(call.typed)
    if call.posted and sheet.validate():
        reviews.call_off(call.session, panel, reason=sheet.reason.data, actor=call.actor, now=call.now)
        return call.done("已取消，没开封的票已经销毁", to=_address(panel))
    return call.show("console/reviews/step.html", 422 if call.posted else 200, sheet=sheet, title="不开了", **about(panel))


def _held(call: Call, public_id: str) -> ReviewPanel:
    panel = reviews.by_public_id(call.session, public_id)
    scopes.require(call.session, call.actor, P.REVIEWS_HOLD, panel.community_id)
    return panel


def _address(panel: ReviewPanel) -> str:
    return f"/console/reviews/{panel.public_id}"


def about(panel: ReviewPanel) -> dict[str, Any]:
    """What every page of a panel says of it."""
    return {
        "panel": panel,
        "quarter": quarter_name(panel.quarter),
        "state": REVIEW_STATE_NAMES[panel.state],
        "tone": TONES.get(panel.state, "plain"),
        "next": NEXT[panel.state],
    }
