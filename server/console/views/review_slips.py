"""评价例会 on paper: print the slips, note who drew one, type in the box (R6; docs/protocol.md §4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import current_app

from server.console import once
from server.console.desk import Answer, Call, Desk, download
from server.console.views.reviews import about
from server.db.base import transaction
from server.db.models.reviews import ReviewItem, ReviewPanel
from server.domain.ballots import LEAST
from server.domain.days import quarter_name
from server.domain.permissions import Permission as P
from server.domain.permissions import may_on_node
from server.domain.reviews import VOTE_NAMES, Vote
from server.services import people, review_slips, reviews, scopes

desk = Desk("review_slips")
MOST = 20  # slips on one page; of more than that, FEWER, so that five or more are left for the next
FEWER = 14


@desk.page("/reviews/<id>/slips", permission=P.REVIEWS_ENTER)
def show_slips(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """纸条：打印、签收、录入票箱；谁签收了写名字，抽的是哪一张谁也不知道."""
    panel = reviews.by_public_id(call.session, id)
    rows = review_slips.members(call.session, panel, actor=call.actor)
    return call.show(
        "console/reviews/slips.html",
        **about(panel),
        rows=[(person.public_id, people.name_of(person), one) for one, person in rows],
        handed_out=review_slips.handed_out(call.session, panel),
        used=review_slips.used(call.session, panel),
        least=LEAST,
        page=_base() + review_slips.ADDRESS,
        holds=may_on_node(call.actor, P.REVIEWS_HOLD, scopes.path_of(call.session, panel.community_id)),
    )


@desk.action("/reviews/<id>/slips/print", permission=P.REVIEWS_ENTER, transaction="own")
def print_slips(call: Call, id: str) -> Answer:  # noqa: A002
    """一份 PDF，每位评议员一张；编号只在这份文件里，再打印一次，以前的就作废."""
    with transaction() as session:
        panel = reviews.by_public_id(session, id)
        codes = review_slips.print_codes(session, panel, actor=call.actor, now=call.now)
        draw = review_slips.drawn(session, panel, codes, base=_base())
        once.claim(session, call.actor, call.now)
    return download(draw(), "application/pdf", f"{quarter_name(panel.quarter)}评价例会纸条.pdf")


@desk.action("/reviews/<id>/slips/<person>/sign", permission=P.REVIEWS_ENTER)
def sign_for_slip(call: Call, id: str, person: str) -> Answer:  # noqa: A002
    """他抽了一张：签收."""
    panel, who = reviews.by_public_id(call.session, id), people.by_public_id(call.session, person)
    review_slips.hand_out(call.session, panel, person=who, actor=call.actor, now=call.now)
    return call.done(f"{people.name_of(who)}已签收一张纸条", to=f"/console/reviews/{id}/slips")


@desk.action("/reviews/<id>/slips/<person>/return", permission=P.REVIEWS_ENTER)
def give_slip_back(call: Call, id: str, person: str) -> Answer:  # noqa: A002
    """没用的还回来了，或者点错了人."""
    panel, who = reviews.by_public_id(call.session, id), people.by_public_id(call.session, person)
    review_slips.give_back(call.session, panel, person=who, actor=call.actor, now=call.now)
    return call.done(f"{people.name_of(who)}的签收已取消", to=f"/console/reviews/{id}/slips")


@desk.form("/reviews/<id>/slips/box", permission=P.REVIEWS_ENTER)
def enter_box(call: Call, id: str) -> Answer:  # noqa: A002
    """录入票箱：至少五张一起录，打乱保存，计票时一起开封."""
    panel = reviews.by_public_id(call.session, id)
    review_slips.members(call.session, panel, actor=call.actor)
    items = reviews.items_of(call.session, panel)
    rows = _rows(call, panel, items)
    if call.posted:
        slips = [(code, _votes(items, said)) for code, said in rows if code or any(said)]
        review_slips.enter(call.session, panel, slips, actor=call.actor, now=call.now)
        return call.done(f"录入了 {len(slips)} 张，已打乱保存", to=f"/console/reviews/{id}/slips")
    wrong = call.problem.data.get("slip") if call.problem is not None else None
    return call.show(
        "console/reviews/box.html", **about(panel), rows=rows, items=items, votes=list(VOTE_NAMES.items()), wrong=wrong, least=LEAST
    )


def _rows(call: Call, panel: ReviewPanel, items: Sequence[ReviewItem]) -> list[tuple[str, list[str]]]:
    """What was typed in, or as many empty lines as there are slips out."""
    left = review_slips.handed_out(call.session, panel) - review_slips.used(call.session, panel)
    lines = max(LEAST, left if left <= MOST else FEWER)
    return [
        (call.typed.get(f"code-{n}", "").strip()[:64], [call.typed.get(f"vote-{n}-{at}", "") for at in range(len(items))])
        for n in range(lines)
    ]


def _votes(items: Sequence[ReviewItem], said: Sequence[str]) -> dict[str, Vote]:
    """An item without a tick is left out, which counts as not sure."""
    return {item.public_id: Vote(one) for item, one in zip(items, said, strict=True) if one in set(Vote)}


def _base() -> str:
    base: Any = current_app.config["SETTINGS"].web.public_base
    return str(base).rstrip("/")
