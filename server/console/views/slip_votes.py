"""The page on which a panel's member votes with the code of his paper slip: any device, no sign-in, no script (docs/protocol.md §4)."""

from __future__ import annotations

from flask import Response, request

from server import limits
from server.console.views import pages
from server.db.base import reading, transaction
from server.domain.problems import Problem
from server.domain.reviews import VOTE_NAMES, Vote
from server.services import review_slips, review_votes
from server.statuses import STATUS

ADDRESS = review_slips.ADDRESS
LONGEST = 64


def vote() -> Response:
    """The code first, then the questions, then thanks; a code that is wrong or was used is said to be."""
    code = request.form.get("code", "").strip()[:LONGEST]
    if request.method == "GET" or not code:
        return _ask(code, said="请填写编号" if request.method == "POST" else "")
    try:
        limits.spend(f"ip:{request.remote_addr}", limits.PER_ADDRESS)
        return _voted(code)
    except Problem as problem:
        return _ask(code, said=problem.message, status=STATUS[problem.kind])


def _voted(code: str) -> Response:
    """Keep the votes if every question has one; else the questions, with what was chosen. Who guesses codes only reads."""
    with reading() as session:
        slip = review_slips.find(session, code)
    chosen = {item.public_id: request.form.get(f"vote-{item.public_id}", "") for item in slip.items}
    if not all(said in set(Vote) for said in chosen.values()):
        said = "每件事都请选一个；不清楚的选“说不准”" if "cast" in request.form else ""
        shown = {"code": slip.token, "items": slip.items, "chosen": chosen, "votes": VOTE_NAMES, "said": said}
        return pages.public("public/vote.html", 422 if said else 200, private=True, **shown)
    votes = {item: Vote(said) for item, said in chosen.items()}
    with transaction() as session:
        slip = review_slips.find(session, code)  # it may have been used, or the vote counted, since
        review_votes.receive(session, token=slip.token, cell_public_id=slip.cell.public_id, votes=votes)
    return pages.public("public/vote_done.html", private=True)


def _ask(code: str, *, said: str, status: int = 200) -> Response:
    return pages.public("public/vote_code.html", status, private=True, code=code, said=said)
