"""Saturday: a rotating code on a screen, a photograph of it, a phone that was offline, a team from door to door."""

from __future__ import annotations

from datetime import timedelta

from server.demo import phones, plan, posters, story, work
from server.demo.client import Client
from server.demo.community import Town
from server.demo.plan import CLEANUP, DRILL, STAIRS
from server.demo.telling import Telling
from server.demo.work import at

TWO_WINDOWS = timedelta(seconds=75)


def play(town: Town, telling: Telling) -> None:
    """The whole day."""
    town.clocks.go_to(at(town, 5, "08:20"))
    screen = posters.open_screen(town, CLEANUP)
    photograph(town, telling, screen)
    clean_up(town, telling, screen)
    drill(town, telling)
    late_scans(town, telling)
    confirm_clean_up(town, telling)
    revoke(town, telling)


def photograph(town: Town, telling: Telling, screen: Client) -> None:
    """Somebody photographs the screen and tries two windows later: refused, and kept with its reason."""
    picture = posters.screen_shows(screen)
    town.clocks.go_to(town.clocks.now() + TWO_WINDOWS)
    name = plan.PHOTOGRAPHS
    refused = work.refusal_of(lambda: phones.check(town.phones[name], posters.read_back(picture)))
    telling.count("scans_refused", int(refused == "QR_WINDOW_PAST"))
    ledger = town.of(story.ORGANISER).get(f"/tasks/{town.tasks[CLEANUP]}/refused-scans")["items"]
    telling.count("photographed_code_in_ledger", sum(one["code"] == "QR_WINDOW_PAST" and one["name"] == name for one in ledger))
    telling.say(town.clocks.now(), f"{name}把大屏的码拍下来，两个窗口以后再扫：{ledger[0]['message']}")


def clean_up(town: Town, telling: Telling, screen: Client) -> None:
    """Whoever comes scans the screen, in and out; one has no network, one forgets to scan out."""
    for direction, hour, seconds in (("in", "08:30", 1), ("out", "10:30", 31)):
        town.clocks.go_to(at(town, 5, hour, seconds=seconds))
        town.codes[CLEANUP] = posters.read_back(posters.screen_shows(screen))
        telling.count("screens_read")
        for name in telling.each((*plan.SCAN_SCREEN, plan.PHOTOGRAPHS, plan.NO_OUT), "扫大屏"):
            if (name, direction) != (plan.NO_OUT, "out"):
                said = work.presence(town, CLEANUP, name, direction)
                telling.count("live_rotating_scans", int(not said["late"]))
        phones.keep(town.phones[plan.OFFLINE_SCREEN], town.codes[CLEANUP], direction)
    telling.say(
        town.clocks.now(), f"社区清洁日：{len(plan.SCAN_SCREEN) + 2} 人扫了大屏上每 30 秒一换的码，{plan.OFFLINE_SCREEN}的手机没有网络"
    )


def drill(town: Town, telling: Telling) -> None:
    """The team of four."""
    for direction, hour, seconds in (("in", "14:00", 0), ("out", "15:00", 30)):
        town.clocks.go_to(at(town, 5, hour, seconds=seconds))
        for name in plan.TEAM:
            work.presence(town, DRILL, name, direction)
    work.report_and_confirm(town, telling, DRILL, plan.TEAM, by=story.ORGANISER)
    telling.say(town.clocks.now(), f"{plan.LEADER}的服务队四人上门查用电，全队确认")


def late_scans(town: Town, telling: Telling) -> None:
    """Hours later the rotating codes of the offline phone are long past: a presence, but no live one."""
    name = plan.OFFLINE_SCREEN
    town.clocks.go_to(at(town, 5, "16:45"))
    results = [*phones.catch_up(town.phones[name], order=-1), *phones.catch_up(town.phones[name])]
    telling.count("offline_messages_accepted", sum(one["status"] == "accepted" for one in results))
    telling.count("late_rotating_scans", sum(one["checkin"]["late"] for one in results))
    record = town.of(name).get("/me/records")["items"][0]
    town.records[CLEANUP, name] = record["id"]
    telling.say(town.clocks.now(), f"{name}六小时后补传：{record['minutes']} 分钟，{record['grade_text']}，等组织者确认")


def confirm_clean_up(town: Town, telling: Telling) -> None:
    """All in one go; who forgot to scan out gets the organiser's end."""
    names = (*plan.SCAN_SCREEN, plan.PHOTOGRAPHS, plan.NO_OUT, plan.OFFLINE_SCREEN)
    end = at(town, 5, "10:30", seconds=31).isoformat()
    work.report_and_confirm(town, telling, CLEANUP, names, by=story.ORGANISER, ended_at=end)
    telling.say(town.clocks.now(), f"{story.ORGANISER}批量确认清洁日 {len(names)} 人")


def revoke(town: Town, telling: Telling) -> None:
    """A poster was torn down: its code is revoked, and scanning it says so."""
    posters.revoke(town, STAIRS)
    refused = work.refusal_of(lambda: phones.check(town.phones[plan.TRIES_CODES], town.codes[STAIRS]))
    telling.count("scans_refused", int(refused == "QR_REVOKED"))
    telling.say(town.clocks.now(), "楼道的旧海报被撕走，码随即作废，再扫只得到一句说明")
