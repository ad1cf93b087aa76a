"""Wednesday to Friday: the work itself, with all that goes wrong in a real week."""

from __future__ import annotations

from server.demo import phones, pictures, plan, posters, story, work
from server.demo.community import Town
from server.demo.plan import PATROL, RAIN, STAIRS, TUTOR
from server.demo.telling import Telling
from server.demo.work import at


def play(town: Town, telling: Telling) -> None:
    """Three days."""
    work_on_stairs(town, telling)
    finish_stairs(town, telling)
    patrol_first(town, telling)
    rain(town, telling)
    patrol_second(town, telling)
    dispute(town, telling)
    tutor(town, telling)
    move_away(town, telling)


def work_on_stairs(town: Town, telling: Telling) -> None:
    """Wednesday morning: most scan in and out, one leaves early, one forgets, one is on paper, one has no signal."""
    town.clocks.go_to(at(town, 2, "08:00"))
    claim = town.claims[STAIRS, plan.EXCUSED]
    town.of(plan.EXCUSED).post(f"/claims/{claim}/excuse", {"reason": "孩子发烧"})
    telling.count("claims_excused")
    refused = work.refusal_of(lambda: work.presence(town, STAIRS, plan.WITHDRAWS))
    telling.count("scans_refused", int(refused in ("CHECKIN_EARLY", "CHECKIN_NOT_CLAIMED")))
    phones.hear(town.phones[plan.OFFLINE_STAIRS])
    town.phones[plan.OFFLINE_STAIRS].skew = 7 * 60_000
    town.clocks.go_to(at(town, 2, "09:00"))
    retry(town, telling)
    town.clocks.go_to(at(town, 2, "09:00"))  # twenty tries take a while on a slow machine; the others came at nine as well
    for name in (*plan.SCAN_STAIRS, plan.FORGETS_OUT, plan.LEAVES_EARLY, plan.SCANS_ONLY):
        if name != plan.RETRIES:
            work.presence(town, STAIRS, name)
    phones.keep(town.phones[plan.OFFLINE_STAIRS], town.codes[STAIRS], "in")
    try_bad_codes(town, telling)
    town.clocks.go_to(at(town, 2, "10:00", seconds=30))
    work.presence(town, STAIRS, plan.LEAVES_EARLY, "out")
    town.clocks.go_to(at(town, 2, "11:00", seconds=30))
    for name in plan.SCAN_STAIRS:
        work.presence(town, STAIRS, name, "out")
    phones.keep(town.phones[plan.OFFLINE_STAIRS], town.codes[STAIRS], "out")
    telling.say(town.clocks.now(), f"清理楼道：{len(plan.SCAN_STAIRS)} 人扫码来去，{plan.LEAVES_EARLY}提前走，{plan.FORGETS_OUT}忘了签退")


def retry(town: Town, telling: Telling) -> None:
    """The answer was lost: the same scan goes twenty times, and is one record with one answer."""
    phone = town.phones[plan.RETRIES]
    message = phones.capture(phone, town.codes[STAIRS], "in")
    answers = [phones.send(phone, message) for _ in range(plan.RETRY_TIMES)]
    town.records[STAIRS, plan.RETRIES] = answers[0]["record"]
    telling.count("retries_sent", len(answers))
    telling.count("retries_answered_the_same", sum(one == answers[0] for one in answers))
    records = town.of(plan.RETRIES).get("/me/records")["items"]
    telling.count("records_of_retries", len(records))
    telling.say(
        town.clocks.now(), f"{plan.RETRIES}的手机把同一次签到发了 {len(answers)} 遍：{len(records)} 条记录，{answers[0]['state_text']}"
    )


def try_bad_codes(town: Town, telling: Telling) -> None:
    """Forged, foreign, truncated, of another's task: each gets a sentence and stays in the ledger."""
    good = town.codes[STAIRS]
    token = good[-32:]
    forged = good[:-1] + ("A" if token[-1] != "A" else "B")
    phone = town.phones[plan.TRIES_CODES]
    for text, expected in (
        (forged, "QR_FORGED"),
        (plan.FOREIGN_TOKEN, "QR_FORGED"),
        (token[:-4], "QR_FORMAT"),
        (good, "CHECKIN_NOT_CLAIMED"),
    ):
        refused = work.refusal_of(lambda text=text: phones.check(phone, text))  # type: ignore[misc]
        telling.count("scans_refused", int(refused == expected))
    telling.say(town.clocks.now(), f"{plan.TRIES_CODES}试了伪造的、外县的、截断的码，和没报名的任务：都有一句话的原因")


def finish_stairs(town: Town, telling: Telling) -> None:
    """Paper for an elder, a no-show, six hours later the offline phone, reports, and the organiser's word."""
    body = {"people": [town.people[plan.ON_PAPER]], "method": "paper", "started_at": at(town, 2, "09:00").isoformat(),
            "ended_at": at(town, 2, "10:30").isoformat()}  # fmt: skip
    done = town.of(story.CLERK).post(f"/tasks/{town.tasks[STAIRS]}/attendance", body)["done"]
    town.records[STAIRS, plan.ON_PAPER] = done[0]["record"]
    telling.count("presences_on_paper", len(done))
    town.of(story.ORGANISER).post(f"/claims/{town.claims[STAIRS, plan.NO_SHOW]}/no-show")
    telling.count("no_shows")
    report_stairs(town, telling)
    town.clocks.go_to(at(town, 2, "17:05"))
    network_is_back(town, telling)
    confirm_stairs(town, telling)


def report_stairs(town: Town, telling: Telling) -> None:
    """Text is enough; one adds a photo, another adds the same photo again."""
    picture = pictures.photo(1)
    for name in (*plan.SCAN_STAIRS, plan.FORGETS_OUT, plan.LEAVES_EARLY):
        media = [work.upload(town, name, picture)] if name in (plan.RETRIES, plan.REUSES_PHOTO) else []
        telling.count("photos_uploaded", len(media))
        said = work.report(town, STAIRS, name, "清运楼道杂物，扫了台阶", media)
        telling.count("reports_made", int(said["state"] == "reported"))


def network_is_back(town: Town, telling: Telling) -> None:
    """Six hours without a network, a clock that is seven minutes fast: out before in, and all of it twice."""
    name = plan.OFFLINE_STAIRS
    phone = town.phones[name]
    first, second = phones.catch_up(phone, order=-1), phones.catch_up(phone)
    for result in (*first, *second):
        telling.count("offline_messages_accepted", int(result["status"] == "accepted"))
    records = town.of(name).get("/me/records")["items"]
    telling.count("records_of_offline", len(records))
    town.records[STAIRS, name] = records[0]["id"]
    telling.count("reports_made", int(work.report(town, STAIRS, name, "楼道没信号，回家补传")["state"] == "reported"))
    telling.say(town.clocks.now(), f"{name}六小时没有网络，先签退后签到、还传了两遍：{len(records)} 条记录，{records[0]['minutes']} 分钟")


def confirm_stairs(town: Town, telling: Telling) -> None:
    """In bulk; who has no end is named, and gets it from the organiser; one report is sent back and comes again."""
    organiser, back = town.of(story.ORGANISER), plan.SENT_BACK
    organiser.post(f"/records/{town.records[STAIRS, back]}/send-back", {"reason": "请写明清了哪几层"})
    telling.count("reports_sent_back")
    names = (*plan.SCAN_STAIRS, plan.OFFLINE_STAIRS, plan.FORGETS_OUT, plan.LEAVES_EARLY, plan.ON_PAPER)
    outcome = work.confirm_all(town, story.ORGANISER, [(STAIRS, name) for name in names])
    telling.count("records_confirmed", len(outcome["done"]))
    telling.count("records_failed_in_bulk", len(outcome["failed"]))
    failures = "；".join(f"{work.name_of_record(town, one['id'])}：{one['message']}" for one in outcome["failed"])
    telling.say(town.clocks.now(), f"{story.ORGANISER}批量确认 {len(outcome['done'])} 条，{len(outcome['failed'])} 条没办成（{failures}）")
    end = {"ended_at": at(town, 2, "11:00", seconds=30).isoformat()}
    organiser.post(f"/records/{town.records[STAIRS, plan.FORGETS_OUT]}/confirm", end)
    work.report(town, STAIRS, back, "清了 1 幢 2 到 4 层")
    telling.count("reports_made")
    organiser.post(f"/records/{town.records[STAIRS, back]}/confirm")
    telling.count("records_confirmed", 2)


def patrol_first(town: Town, telling: Telling) -> None:
    """Wednesday evening: the organiser scans two personal codes, one has a stand-in."""
    asks, stands_in = plan.ASKS_STAND_IN, plan.STANDS_IN
    town.of(asks).post(f"/claims/{town.claims[PATROL, asks]}/stand-in", {"person": town.people[stands_in]})
    taken = town.of(stands_in).post(f"/claims/{town.claims[PATROL, asks]}/stand-in/answer", {"accept": True})
    telling.count("stand_ins", int(taken["state"] == "approved"))
    for direction, hour, seconds in (("in", "19:00", 0), ("out", "20:30", 30)):
        town.clocks.go_to(at(town, 2, hour, seconds=seconds))
        work.presence(town, PATROL, stands_in, direction)
        for name in plan.PERSONAL_CODES:
            text = posters.personal_code(town, name)
            body = {"tok": text, "dir": direction}
            said = town.of(story.ORGANISER).post(f"/tasks/{town.tasks[PATROL]}/attendance/scan", body)
            town.records[PATROL, name] = said["record"]
            telling.count("personal_codes_scanned")
    work.report_and_confirm(town, telling, PATROL, (*plan.PERSONAL_CODES, stands_in), by=story.SECRETARY)
    telling.say(town.clocks.now(), f"平安巡逻第一晚：{story.ORGANISER}扫了两位的个人码，{stands_in}替{asks}顶班")


def rain(town: Town, telling: Telling) -> None:
    """Thursday morning: cancelled; whoever had claimed is told."""
    town.clocks.go_to(at(town, 3, "07:30"))
    town.of(story.SECRETARY).post(f"/tasks/{town.tasks[RAIN]}/cancel", {"reason": "暴雨"})
    cancelled = [town.of(name).get(f"/claims/{town.claims[RAIN, name]}")["state"] for name in plan.RAINED_OFF]
    telling.count("claims_cancelled", cancelled.count("cancelled"))
    telling.say(town.clocks.now(), "暴雨，露天宣传取消，报了名的人都收到通知")


def patrol_second(town: Town, telling: Telling) -> None:
    """Thursday evening: a tick for an elder without a phone, a wrong tick, a no-show; the wrong one is disputed and voided."""
    town.clocks.go_to(at(town, 3, "19:00"))
    work.presence(town, PATROL, plan.PATROL_SCAN)
    town.clocks.go_to(at(town, 3, "20:30", seconds=30))
    work.presence(town, PATROL, plan.PATROL_SCAN, "out")
    for name, end in ((plan.TICKED, "20:00"), (plan.TICKED_WRONGLY, "20:30")):
        body = {"people": [town.people[name]], "started_at": at(town, 3, "19:00").isoformat(), "ended_at": at(town, 3, end).isoformat()}
        done = town.of(story.ORGANISER).post(f"/tasks/{town.tasks[PATROL]}/attendance", body)["done"]
        town.records[PATROL, name] = done[0]["record"]
        telling.count("presences_ticked", len(done))
    town.clocks.go_to(at(town, 3, "20:45"))
    town.of(story.ORGANISER).post(f"/claims/{town.claims[PATROL, plan.PATROL_NO_SHOW]}/no-show")
    telling.count("no_shows")
    work.report_and_confirm(town, telling, PATROL, (plan.PATROL_SCAN,), by=story.SECRETARY)
    ticked = [(PATROL, plan.TICKED), (PATROL, plan.TICKED_WRONGLY)]
    refused = work.confirm_all(town, story.ORGANISER, ticked)
    telling.count("recorder_may_not_confirm", sum(one["code"] == "RECORDER_CONFIRMS" for one in refused["failed"]))
    telling.count("records_confirmed", len(work.confirm_all(town, story.SECRETARY, ticked)["done"]))


def dispute(town: Town, telling: Telling) -> None:
    """Friday: she was not there, and says so; the record leaves every figure."""
    name = plan.TICKED_WRONGLY
    town.clocks.go_to(at(town, 4, "09:00"))
    record = town.records[PATROL, name]
    town.of(name).post(f"/records/{record}/dispute", {"reason": "那晚我没有到，请核对"})
    telling.count("records_disputed")
    said = town.of(story.SECRETARY).post(f"/records/{record}/void", {"reason": "点名看错了人"})
    telling.count("records_voided", int(said["state"] == "void"))
    telling.say(town.clocks.now(), f"{name}说那晚没有到，{story.SECRETARY}核对后作废：这一条退出所有统计")


def tutor(town: Town, telling: Telling) -> None:
    """Friday afternoon: two teachers of the paired school."""
    for direction, hour, seconds in (("in", "15:30", 0), ("out", "17:00", 30)):
        town.clocks.go_to(at(town, 4, hour, seconds=seconds))
        for name in plan.TUTORS:
            work.presence(town, TUTOR, name, direction)
    media = work.upload(town, plan.TUTORS[0], pictures.photo(2))
    telling.count("photos_uploaded")
    work.report(town, TUTOR, plan.TUTORS[0], "辅导了六个孩子", [media])
    telling.count("reports_made")
    work.report_and_confirm(town, telling, TUTOR, plan.TUTORS, by=story.ORGANISER, reported=(plan.TUTORS[0],))
    telling.say(town.clocks.now(), f"结对帮学：{'、'.join(plan.TUTORS)}各 90 分钟，一张照片")


def move_away(town: Town, telling: Telling) -> None:
    """A transfer: he asks, the old community releases, the new one accepts; his history goes along."""
    name = story.MOVES_AWAY
    mine = town.of(name).get("/me/registrations")["items"][0]["id"]
    asked = town.of(name).post(f"/registrations/{mine}/transfers", {"community": town.nodes[story.NEIGHBOUR], "reason": "moved_house"})
    town.of(story.SECRETARY).post(f"/transfers/{asked['id']}/decision", {"action": "release"})
    said = town.of(story.NEXT_DOOR).post(f"/transfers/{asked['id']}/decision", {"action": "accept"})
    telling.count("transfers", int(said["state"] == "accepted"))
    telling.say(town.clocks.now(), f"{name}搬家：从{said['from_community']}转到{said['to_community']}，服务记录跟着走")
