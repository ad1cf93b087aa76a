"""内容待查: words, pictures and voice notes that wait for a human, and comments of opened ballots."""

from __future__ import annotations

from urllib.parse import urlencode

from server.console import places, request_pages
from server.console.desk import Answer, Call, Desk
from server.console.forms import Sheet, blame, choice, words
from server.domain.media import MediaPurpose
from server.domain.permissions import Permission as P
from server.domain.problems import Problem
from server.domain.request_words import CHECKS
from server.domain.requests import CheckState
from server.services import ballot_comments, content_checks, decisions, media, requests, scopes, supplements

desk = Desk("content_checks")
PASS, REFUSE = "pass", "refuse"


class CheckSheet(Sheet):
    """After looking."""

    decision = choice("看过之后", [(PASS, "通过，承办人可以看"), (REFUSE, "不通过，只有本人和工作人员看得到")], radio=True)
    reason = words("不通过的原因（本人会看到）", longest=200, required=False)


@desk.page("/content-checks", permission=P.REQUESTS_TRIAGE)
def list_checks(call: Call) -> Answer:
    """等人看内容的诉求，先提交的在前."""
    here, after = places.chosen(call, P.REQUESTS_TRIAGE), call.args.get("after") or None
    rows, following = content_checks.waiting(
        call.session, community_id=here.here.id, actor=call.actor, after=after, limit=request_pages.LINES
    )
    more = f"?{urlencode({'at': here.here.public_id, 'after': following})}" if following else ""
    return call.show("console/content_checks/list.html", places=here, lines=request_pages.lines(call, rows), more=more)


@desk.form("/content-checks/<id>", permission=P.REQUESTS_TRIAGE)
def check_one(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """看过文字、图片、录音后决定能不能给承办人看."""
    request, sheet = requests.by_public_id(call.session, id), CheckSheet(call.typed)
    scopes.require(call.session, call.actor, P.REQUESTS_TRIAGE, request.community_id)
    if call.posted and sheet.validate():
        passes, reason = sheet.decision.data == PASS, sheet.reason.data or None
        act = decisions.look_through(call.session, request, passes=passes, reason=reason, actor=call.actor, now=call.now)
        return call.done("已通过" if passes else "已标为不通过", to="/console/content-checks", undo=act)
    blame(sheet, call.problem)
    parts = media.of_subject(call.session, "request", request.id)
    return call.show(
        "console/content_checks/one.html",
        422 if call.posted else 200,
        request=request,
        category=request_pages.category(request),
        sheet=sheet,
        words=requests.words(request),
        place=requests.place(request),
        supplements=supplements.of(call.session, request),
        pictures=[one for one in parts if one.purpose is not MediaPurpose.VOICE],
        voices=[one for one in parts if one.purpose is MediaPurpose.VOICE],
        checks=CHECKS,
        waits=request.check_state in (CheckState.REVIEW, CheckState.CHECKING),
    )


@desk.page("/content-checks/comments", permission=P.REVIEWS_HOLD)
def list_comments(call: Call) -> Answer:
    """开封后还没有人看过的评分意见，不知道是谁写的、写给哪一件."""
    here = places.chosen(call, P.REVIEWS_HOLD)
    found = ballot_comments.waiting(call.session, here.here, actor=call.actor)
    return call.show("console/content_checks/comments.html", places=here, comments=found)


@desk.action("/content-checks/comments/<key>", permission=P.REVIEWS_HOLD)
def decide_comment(call: Call, key: str) -> Answer:
    """公开或不公开."""
    decision = call.typed.get("decision")
    if decision not in (PASS, REFUSE):
        raise Problem("INVALID")
    ballot_comments.decide(call.session, key, show=decision == PASS, actor=call.actor)
    return call.done("已公开" if decision == PASS else "不公开", to="/console/content-checks/comments")
