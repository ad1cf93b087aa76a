"""What `make run` plays into an empty database: six days of 示例社区 up to this moment, so that every page has something to show.

It ends at the real time with a task open right now, 张三 approved for it, and its poster as a picture in <data>/demo/poster.png.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from server import config
from server.demo import around, community, midweek, opening, phones, plan, posters, residents_today, story, tuesday, work
from server.demo.community import Town
from server.demo.devices import Clocks, Device
from server.demo.plan import CLEANUP, STAIRS, TUTOR, TaskPart
from server.demo.telling import Telling
from server.dev import instance
from server.domain.days import local_day, start_of

LOGIN = "lishuji"
DUTY, LECTURE = "duty", "lecture"
OPEN_NOW = TaskPart("今天的社区值守", "task", "menu", "safety", "社区服务大厅", 6, "", "", 60, 10)
NEXT_WEEK = TaskPart("送政策上门", "task", "menu", "elder_care", "花园小区", 6, "", "", 90, 8)
ON_DUTY = ("张三", "陈晓燕")
ASKING = ("赵丽华", "黄海涛", "许家豪", "韩梅芳")
VISITORS = ("张三", "许家豪", "韩梅芳", "冯立新", "曾庆华", "袁学文", "潘卫东", "于慧敏")
UNREPORTED = 3  # of the visitors: their records still wait on the secretary's queue
STRANGERS = ("方小满", "秦大川")  # on no roster: one asks to be matched, both wait for the secretary


def play(base: str, sim: str) -> None:
    """Six days and today."""
    telling = Telling({})
    clocks = Clocks(base, Device(sim))
    monday = local_day(datetime.now(UTC)) - timedelta(days=6)  # whatever day of the week it is
    clocks.go_to(start_of(monday) + timedelta(hours=8))
    town = community.found(base, clocks, monday)
    opening.play(town, telling)
    first_days(town, telling)
    yesterday(town, telling)
    book = residents_today.yesterday(town, telling)
    clocks.set_offset(0)
    now(town, telling)
    residents_today.now(town, telling, book)
    around.play(town, telling, book)
    open_desk(town)
    say_what_next(town)


def first_days(town: Town, telling: Telling) -> None:
    """The stairs and the school, confirmed; one record disputed and not yet decided."""
    town.clocks.go_to(work.at(town, 1, "09:00"))
    for key in (STAIRS, TUTOR, CLEANUP):
        work.publish(town, key)
    town.codes[STAIRS] = posters.code_of(town.of(story.CLERK), town.tasks[STAIRS])["link"]
    town.codes[TUTOR] = posters.code_of(town.of(story.CLERK), town.tasks[TUTOR])["link"]
    tuesday.claim_stairs(town, telling)
    tuesday.decide_stairs(town, telling)
    for name in plan.TUTORS:
        work.claim(town, TUTOR, name)
    midweek.work_on_stairs(town, telling)
    midweek.finish_stairs(town, telling)
    midweek.tutor(town, telling)
    record = town.records[TUTOR, plan.TUTORS[1]]
    town.of(plan.TUTORS[1]).post(f"/records/{record}/dispute", {"reason": "那天我提前走了，请核对时长"})


def yesterday(town: Town, telling: Telling) -> None:
    """The clean-up with its rotating code; some records are confirmed, some wait."""
    for direction, hour, seconds in (("in", "08:30", 1), ("out", "10:30", 31)):
        town.clocks.go_to(work.at(town, 5, hour, seconds=seconds))
        screen = posters.open_screen(town, CLEANUP)
        town.codes[CLEANUP] = posters.read_back(posters.screen_shows(screen))
        for name in VISITORS:
            work.presence(town, CLEANUP, name, direction)
    work.report_and_confirm(town, telling, CLEANUP, VISITORS[:-UNREPORTED], by=story.ORGANISER)
    work.report(town, CLEANUP, VISITORS[-1], "捡了三袋垃圾")
    telling.say(town.clocks.now(), f"社区清洁日：{len(VISITORS)} 人扫了大屏上的动态码，{UNREPORTED} 条记录等着确认")


def now(town: Town, telling: Telling) -> None:
    """At this moment: a task that is open, claims and registrations that wait, a transfer that was asked for."""
    present = town.clocks.now()
    work.publish_part(town, DUTY, OPEN_NOW, present - timedelta(minutes=10), present + timedelta(hours=12))
    work.publish_part(town, LECTURE, NEXT_WEEK, present + timedelta(days=2), present + timedelta(days=2, hours=2))
    made = [work.claim(town, DUTY, name)["id"] for name in ON_DUTY]
    town.of(story.SECRETARY).post("/claims/decide", {"ids": made, "approve": True})
    for name in ASKING:
        work.claim(town, LECTURE, name)
    for name in STRANGERS:
        community.welcome(town, name)
        community.report_in(town, name)
    town.of(STRANGERS[0]).post("/binding-requests", {"community": town.home, "name": STRANGERS[0], "unit_name": story.SCHOOL})
    ask_to_move(town)
    phones.subscribe(town.phones["张三"], "claim_decided", "reminder", "record_confirmed")
    telling.say(present, f"今天的社区值守开着，{'、'.join(ON_DUTY)}已通过；{len(ASKING)} 个报名、{len(STRANGERS)} 份报到和一份转接等着处理")


def ask_to_move(town: Town) -> None:
    """Somebody moved house and waits for both communities."""
    mine = town.of(story.MOVES_AWAY).get("/me/registrations")["items"][0]["id"]
    body = {"community": town.nodes[story.NEIGHBOUR], "reason": "moved_house"}
    town.of(story.MOVES_AWAY).post(f"/registrations/{mine}/transfers", body)


def open_desk(town: Town) -> None:
    """The secretary's login for the console, which she makes herself; `gongjian run` tells it at every start."""
    password = community.open_desk(town, story.SECRETARY, LOGIN)
    file = config.load().data_dir / instance.CONSOLE
    file.parent.mkdir(parents=True, exist_ok=True)
    instance.write_env(file, {"NAME": story.SECRETARY, "LOGIN": LOGIN, "PASSWORD": password})


def say_what_next(town: Town) -> None:
    """The poster as a file, and the commands with which a stranger goes on."""
    file = config.load().data_dir / "demo" / "poster.png"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(posters.of_task(town, DUTY))
    gongjian = "gongjian" if shutil.which("gongjian") else ".venv/bin/gongjian"
    print(
        f"""
示例社区演好了。在另一个终端里接着试：
  {gongjian} phone scan {_from_here(file)} --as 张三    # 从海报的像素读码，签到（仅签到，还不计入）
  {gongjian} phone confirm 记录编号 --as 李书记    # 上一条会告诉您记录编号；确认后计入
  {gongjian} phone me --as 张三    # 看记录和统计
  {gongjian} phone --help    # 还能做什么""",
        flush=True,
    )


def _from_here(file: Path) -> Path:
    here = Path.cwd()
    return file.relative_to(here) if file.is_relative_to(here) else file


def main() -> int:
    """Read --base and --sim."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--base", required=True)
    reader.add_argument("--sim", required=True)
    given = reader.parse_args()
    play(given.base, given.sim)
    return 0


if __name__ == "__main__":
    sys.exit(main())
