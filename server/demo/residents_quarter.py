"""The quarter is over: three weeks later its ratings are published, what is fewer than five is not (docs/protocol.md §4)."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime, timedelta

from server.demo import closing, posters, residents_ratings, story
from server.demo import residents_work as work
from server.demo.community import Town
from server.demo.phones import Json
from server.demo.residents_ratings import PUBLISHED
from server.demo.telling import Telling
from server.domain.days import period_end, period_start, start_of

MORNING = timedelta(hours=9)
CLOSES_AFTER = timedelta(days=21)  # the county may set 8 to 60
WITHHELD = "不足五份，不公布"


def play(town: Town, telling: Telling) -> bool:
    """The first morning of the next quarter, and that of the publication. Returns whether the tallies are still what a rebuild gives."""
    over = period_end("quarter", period_start("quarter", rated_on(town)))
    look_early(town, telling, start_of(over) + MORNING)
    publish(town, telling, start_of(over + CLOSES_AFTER) + MORNING)
    return closing.tally_is_right()


def rated_on(town: Town) -> date:
    """The day on which most was done."""
    return town.monday + timedelta(days=8)


def look_early(town: Town, telling: Telling, moment: datetime) -> None:
    """Nothing is shown while ballots may still come."""
    town.clocks.go_to(moment)
    work.wake_up(town, story.SECRETARY)  # a login of thirty days is over
    telling.count("ratings_shown_early", len(results(town, story.SECRETARY, story.COMMUNITY)["groups"]))
    telling.say(town.clocks.now(), "季度结束了，评分还不公布：迟交的还可以来")


def publish(town: Town, telling: Telling, moment: datetime) -> None:
    """The worker closes the quarter by itself; the secretary and the street read what may be shown."""
    town.clocks.go_to(moment)
    work.wake_up(town, story.SECRETARY, story.STREET_OFFICER)
    shown = posters.until(lambda: results(town, story.SECRETARY, story.COMMUNITY), lambda found: bool(found["closed"]))
    for group in shown["groups"]:
        telling.count("cells_published", int(not group["merged"] and group["ballots"] >= residents_ratings.LEAST))
        telling.count("ballots_published", group["ballots"])
        telling.count("cells_with_right_figures", int(is_right(group)))
        telling.say(town.clocks.now(), in_words(group))
    for found, place in ((shown, story.COMMUNITY), (results(town, story.STREET_OFFICER, story.STREET), story.STREET)):
        telling.count("cells_withheld", int(found["withheld"] == WITHHELD))
        telling.say(town.clocks.now(), f"{place}：其余的{found['withheld']}")


def results(town: Town, name: str, place: str) -> Json:
    """What this one may read of the quarter."""
    said: Json = town.of(name).get(f"/nodes/{town.nodes[place]}/ballot-results", day=rated_on(town).isoformat())
    return said


def is_right(group: Json) -> bool:
    """Every figure as the plan has it; the gap is what is signed less what is said in secret."""
    wanted = PUBLISHED.get(group["name"])
    got = {**group, "signed": group["gauge"]["signed"], "signed_done": group["gauge"]["signed_done"]} if group["gauge"] else {}
    return wanted is not None and all(got.get(name) == value for name, value in asdict(wanted).items())


def in_words(group: Json) -> str:
    """One unit's line."""
    gap = group["gauge"]["gap"] if group["gauge"] else None
    beside = f"；记名签“办好了”比匿名“已解决”高 {gap} 个百分点" if gap is not None else ""
    said = f"满意 {group['very']}、基本满意 {group['basic']}、不满意 {group['not_satisfied']}"
    return f"{group['name']}：{group['ballots']} 份评分，{said}{beside}"
