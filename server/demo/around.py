"""What else `make run` shows: a team that is asked to take somebody in, a station with a request, a panel that looks for members."""

from __future__ import annotations

from server.demo import residents_today, story
from server.demo.community import Town
from server.demo.residents_plan import Ask
from server.demo.telling import Telling

TEAM, LEADER, JOINING = "夕阳红巡逻队", "张三", ("赵丽华", "黄海涛")
VOLUNTEERS = ("丁兰", "罗敏")


def play(town: Town, telling: Telling, book: dict[Ask, str]) -> None:
    """Nothing of it is done: one request to join, one of the station and the drawing of the panel wait for the secretary."""
    secretary = town.of(story.SECRETARY)
    team = secretary.post("/teams", {"community": town.home, "name": TEAM, "category": "safety_watch", "leader": town.people[LEADER]})
    for name in JOINING:
        town.of(name).post(f"/teams/{team['id']}/join")
    secretary.post(f"/teams/{team['id']}/asking/{town.people[JOINING[0]]}", {"accept": True})
    station = secretary.post(f"/communities/{town.home}/stations", {"kind": "repairs", "keeper": town.people[story.CLERK]})
    secretary.post(f"/requests/{book[residents_today.WAITING]}/station", {"station": station["id"]})
    panel = secretary.post("/reviews", {"community": town.home, "day": town.monday.isoformat()})
    for name in VOLUNTEERS:
        town.of(name).post(f"/reviews/{panel['id']}/volunteers")
    telling.say(town.clocks.now(), f"{TEAM}有人申请加入；便民维修站开了，排着一件诉求；评价例会在报名，{len(VOLUNTEERS)} 位居民报了名")
