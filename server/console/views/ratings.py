"""评分 by cell: what may be shown of a closed quarter, and slips of the paper box, five or more at a time (docs/protocol.md §4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.console import places
from server.console.desk import Answer, Call, Desk
from server.console.intake_places import highest
from server.domain.ballots import (
    LEAST,
    LONGEST_COMMENT,
    SATISFACTION_NAMES,
    TAGS,
    WITHHELD,
    Answers,
    Satisfaction,
    Tag,
    points,
    pressure,
)
from server.domain.days import local_day, period_start, quarter_name
from server.domain.orgs import Level
from server.domain.permissions import Permission as P
from server.domain.problems import Problem
from server.domain.satisfaction import rates
from server.services import ballot_comments, ballot_results, ballot_slips, units
from server.services.ballot_results import Results, Shown

desk = Desk("ratings")
SLIPS = 10
QUARTERS = 5
UNITS = 200


@desk.page("/ratings", permission=P.TALLIES_READ)
def show_ratings(call: Call) -> Answer:
    """一个社区一个季度的评分：满五份且不一致才单列，其余合并或不公布."""
    here, quarters = _place(call), _quarters(call)
    wanted = call.args.get("quarter", "")
    quarter = next((one for one in quarters if one.isoformat() == wanted), quarters[1])
    found = ballot_results.of_node(call.session, here.here, quarter=quarter, actor=call.actor)
    said = ballot_comments.shown_of(call.session, [tuple(one.group.cells) for one in found.shown])
    groups = [_group(one, words) for one, words in zip(found.shown, said, strict=True)]
    return call.show(
        "console/ratings/list.html",
        places=here,
        quarters=[(one.isoformat(), quarter_name(one)) for one in quarters],
        quarter=quarter.isoformat(),
        name=quarter_name(quarter),
        closed=found.closed,
        groups=groups,
        withheld=WITHHELD if found.handed_up or (found.closed and not found.shown) else "",
        rates=_rates(found),
        calls=rates(found.by_call)._asdict(),
        street=here.here.level is Level.STREET,
        above=highest(call, P.TALLIES_READ).level in (Level.STREET, Level.COUNTY),
    )


@desk.form("/ratings/slips", permission=P.REQUESTS_CALL_BACK)
def enter_slips(call: Call) -> Answer:
    """录入评分箱里的纸条：攒够五张一起录，打乱保存."""
    here, quarters = places.chosen(call, P.REQUESTS_CALL_BACK), _quarters(call)[:2]
    listed, _more = units.page(call.session, community=here.here, actor=call.actor, after=None, limit=UNITS)
    rows = [{name: call.typed.get(f"{name}-{n}", "") for name in ("contacted", "solved", "satisfaction", "comment")} for n in range(SLIPS)]
    tags = [call.typed.getlist(f"tags-{n}") for n in range(SLIPS)]
    if call.posted:
        slips = [_slip(row, said) for row, said in zip(rows, tags, strict=True) if any(row.values()) or said]
        unit = units.by_public_id(call.session, call.typed["unit"]) if call.typed.get("unit") else None
        day = next((one for one in quarters if one.isoformat() == call.typed.get("quarter")), quarters[0])
        ballot_slips.enter(call.session, here.here, unit=unit, day=day, slips=slips, actor=call.actor, now=call.now)
        return call.done(f"录入了 {len(slips)} 张，已打乱保存", to="/console/ratings/slips")
    return call.show(
        "console/ratings/slips.html",
        places=here,
        rows=rows,
        tags=tags,
        units=[(one.public_id, one.name) for one in listed],
        unit=call.typed.get("unit", ""),
        quarters=[(one.isoformat(), quarter_name(one)) for one in quarters],
        satisfactions=[(one.value, name) for one, name in SATISFACTION_NAMES.items()],
        tag_names=[(one.value, name) for one, name in TAGS.items()],
        least=LEAST,
        longest=LONGEST_COMMENT,
    )


def _place(call: Call) -> places.Places:
    """The communities he reads figures of; a street's own page by `?level=street`."""
    if call.args.get("level") == Level.STREET.value:
        return places.chosen(call, P.TALLIES_READ, level=Level.STREET)
    return places.chosen(call, P.TALLIES_READ)


def _quarters(call: Call) -> list[Any]:
    """This quarter and those before it, newest first."""
    found = [period_start("quarter", local_day(call.now))]
    for _ in range(QUARTERS):
        first = found[-1]
        found.append(first.replace(year=first.year - 1, month=10) if first.month == 1 else first.replace(month=first.month - 3))
    return found


def _slip(row: Mapping[str, str], tags: list[str]) -> Answers:
    """One slip. Raises INVALID for one that is not filled."""
    yes_no = {"yes": True, "no": False}
    if row["contacted"] not in yes_no or row["solved"] not in yes_no or row["satisfaction"] not in set(Satisfaction):
        raise Problem("INVALID", fields={"slips": "每张纸条的三个问题都要填"})
    if len(row["comment"]) > LONGEST_COMMENT or not set(tags) <= set(Tag):
        raise Problem("INVALID", fields={"slips": f"意见请在 {LONGEST_COMMENT} 字以内"})
    said = tuple(Tag(one) for one in dict.fromkeys(tags))
    return Answers(yes_no[row["contacted"]], yes_no[row["solved"]], Satisfaction(row["satisfaction"]), said, row["comment"].strip())


def _group(one: Shown, comments: list[str]) -> dict[str, Any]:
    """A published group; a question on which its secret ballots are of one mind is left out."""
    counts = one.group.counts
    gap = pressure(one.signed, one.group) if one.signed is not None else None
    return {
        "name": one.name,
        "merged": one.group.merged,
        "ballots": counts.ballots,
        "contacted": one.group.contacted,
        "solved": one.group.solved,
        "very": counts.very,
        "basic": counts.basic,
        "not": counts.ballots - counts.very - counts.basic,
        "signed": one.signed,
        "gap": points(gap) if gap is not None else "",
        "comments": comments,
    }


def _rates(found: Results) -> dict[str, Any]:
    """Ballots and calls together, without what one group's single mind would tell."""
    shown = rates(ballot_results.answered(one.group.counts for one in found.shown).plus(found.by_call))._asdict()
    hide = {
        "response": any(one.group.contacted is None for one in found.shown),
        "solve": any(one.group.solved is None for one in found.shown),
    }
    hide["composite"] = any(hide.values())
    return {name: None if hide.get(name) else rate for name, rate in shown.items()}
