"""漏斗: where every request of a period ended up; each is in one bucket, and the buckets add up."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from server.console import places, request_pages
from server.console.desk import Answer, Call, Desk
from server.console.forms import FIRST_YEAR, LAST_YEAR
from server.console.intake_places import highest
from server.db.models.orgs import OrgNode
from server.domain.days import local_day, period_start
from server.domain.funnels import BUCKET_NAMES, NOT_CARRIED_ON, Bucket
from server.domain.orgs import Level
from server.domain.permissions import Permission as P
from server.domain.problems import Problem
from server.domain.request_triage import ELSEWHERE, RejectChannel
from server.services import funnels

desk = Desk("funnels")
GROUPS = (
    ("不转入办理的", tuple(bucket for bucket in Bucket if bucket in NOT_CARRIED_ON)),
    ("正在办的", (Bucket.TO_TRIAGE, Bucket.TO_DISPATCH, Bucket.IN_WORK, Bucket.ESCALATED, Bucket.REWORK, Bucket.TO_SIGN)),
    ("已经结束的", (Bucket.SOLVED, Bucket.UNRATED, Bucket.EXPLAINED)),
)


@desk.page("/funnel", permission=P.TALLIES_READ)
def show_funnel(call: Call) -> Answer:
    """一段时间提交的诉求到哪里了：每件只在一格，各格相加等于总数."""
    node, chooser = _node(call)
    top = highest(call, P.TALLIES_READ)
    first, last = _period(call)
    found = funnels.of(call.session, node=node, begin=first, end=last + timedelta(days=1), actor=call.actor)
    asked = {"at": "" if node.level is not Level.COMMUNITY else node.public_id, "from": first.isoformat(), "to": last.isoformat()}
    groups = [
        (words, sum(found.buckets[one] for one in listed), [_line(one, found.buckets[one], asked) for one in listed])
        for words, listed in GROUPS
    ]
    return call.show(
        "console/funnels/list.html",
        node=node,
        top=top if top.id != node.id and top.level in (Level.STREET, Level.COUNTY) else None,
        places=chooser,
        first=first,
        last=last,
        found=found,
        groups=groups,
        channels=[(_channel(one), count) for one, count in sorted(found.channels.items())],
    )


@desk.page("/funnel/<bucket>", permission=P.TALLIES_READ)
def show_bucket(call: Call, bucket: str) -> Answer:
    """漏斗里一格的诉求，先来的在前."""
    node, _chooser = _node(call)
    first, last = _period(call)
    which = funnels.bucket_named(bucket)
    rows, following = funnels.drill(
        call.session, node=node, begin=first, end=last + timedelta(days=1), bucket=which, actor=call.actor,
        after=call.args.get("after") or None, limit=request_pages.LINES,
    )  # fmt: skip
    kept = {name: call.args.get(name, "") for name in ("at", "from", "to")}
    more = f"?{urlencode({**kept, 'after': following})}" if following else ""
    return call.show(
        "console/funnels/one.html", node=node, first=first, last=last, name=BUCKET_NAMES[which], lines=request_pages.lines(call, rows),
        more=more, to_back=f"/console/funnel?{urlencode(kept)}",
    )  # fmt: skip


def _node(call: Call) -> tuple[OrgNode, places.Places | None]:
    """A community that is named, else the uppermost place whose figures he reads."""
    top = highest(call, P.TALLIES_READ)
    chooser = places.chosen(call, P.TALLIES_READ)
    if call.args.get("at") or top.level not in (Level.STREET, Level.COUNTY):
        return chooser.here, chooser
    return top, chooser


def _period(call: Call) -> tuple[date, date]:
    """From the first day to the last, both counted; this quarter where nothing is said."""
    today = local_day(call.now)
    first, last = (_day(call.args.get(name, "")) for name in ("from", "to"))
    return first or period_start("quarter", today), last or today


def _day(said: str) -> date | None:
    try:
        found = date.fromisoformat(said) if said else None
        if found is not None and not FIRST_YEAR <= found.year <= LAST_YEAR:
            raise ValueError(said)
        return found
    except ValueError:
        raise Problem("INVALID", fields={"from": "日期请写成 2026-03-05"}) from None


def _line(bucket: Bucket, count: int, asked: dict[str, str]) -> dict[str, Any]:
    return {"name": BUCKET_NAMES[bucket], "count": count, "to": f"/console/funnel/{bucket.value}?{urlencode(asked)}"}


def _channel(said: str) -> str:
    return ELSEWHERE[RejectChannel(said)].name if said in set(RejectChannel) else "没有写明"
