"""Tuesday: tasks are published with their codes, claimed, approved one by one and in bulk."""

from __future__ import annotations

from server.demo import pictures, plan, posters, story, work
from server.demo.community import Town
from server.demo.plan import DRILL, PATROL, RAIN, STAIRS, TUTOR
from server.demo.telling import Telling
from server.demo.work import at

UNKNOWN = "0000000000000"


def play(town: Town, telling: Telling) -> None:
    """The whole day."""
    publish_tasks(town, telling)
    claim_stairs(town, telling)
    decide_stairs(town, telling)
    claim_the_rest(town, telling)
    remind(town, telling)


def publish_tasks(town: Town, telling: Telling) -> None:
    """Five tasks and one that the rain will cancel; the patrol has two evenings. Every code is read from its poster's pixels."""
    town.clocks.go_to(at(town, 1, "09:00"))
    for key, part in plan.TASKS.items():
        work.publish(town, key)
        if key == PATROL:
            town.shifts = [work.add_shift(town, PATROL, day) for day in plan.EVENINGS]
            work.publish_draft(town, key)
        telling.count("tasks_published")
        telling.say(town.clocks.now(), f"发布：{part.title}（{part.place}）")
    print_posters(town, telling)


def print_posters(town: Town, telling: Telling) -> None:
    """Each as a picture and read back from its pixels, one as WeChat's own code; and all in one PDF for the copy shop."""
    styles = {key: "wxa" if key == plan.IN_WECHAT_STYLE else "link" for key in (STAIRS, PATROL, TUTOR, DRILL)}
    for key, style in styles.items():
        posters.ask_for_task(town, key, style=style)  # the worker draws one while we read another
    for key, style in styles.items():
        town.codes[key] = posters.scan_inside(town, posters.of_task(town, key, style=style))
        telling.count("posters_read")
    pdf = posters.of_everything(town)
    telling.count("posters_in_one_pdf", int(pdf.startswith(b"%PDF")))
    read = pictures.read_pdf(pdf)
    if read is not None:
        telling.facts["pdf_shows_the_same_codes"] = {text[-32:] for text in read} >= {text[-32:] for text in town.codes.values()}
    telling.say(town.clocks.now(), "海报印好了：一张用小程序码，其余用普通二维码，整个社区的合成一个 PDF；每张都从像素里读回了码")


def claim_stairs(town: Town, telling: Telling) -> None:
    """Twelve places; a thirteenth is refused, one withdraws, he gets in after all."""
    for name in telling.each(plan.ASK_FOR_STAIRS, "报名"):
        work.claim(town, STAIRS, name)
        telling.count("claims_made")
    late = plan.ONE_TOO_MANY
    refused = work.refusal_of(lambda: work.claim(town, STAIRS, late))
    telling.count("claims_refused_full", int(refused == "TASK_FULL"))
    town.of(plan.WITHDRAWS).post(f"/claims/{town.claims[STAIRS, plan.WITHDRAWS]}/withdraw")
    telling.count("claims_withdrawn")
    work.claim(town, STAIRS, late)
    telling.count("claims_made")
    telling.say(town.clocks.now(), f"清理楼道 12 个名额报满，{late}被告知名额已满；{plan.WITHDRAWS}撤回后他报上了")


def decide_stairs(town: Town, telling: Telling) -> None:
    """One is declined with a reason; of fourteen approved in one go three fail, each with its name and reason."""
    secretary, claims = town.of(story.SECRETARY), town.claims
    secretary.post(f"/claims/{claims[STAIRS, plan.DECLINED]}/decide", {"approve": False, "reason": "刚做过手术，请先休养"})
    telling.count("claims_declined")
    ids = [claims[STAIRS, name] for name in (*plan.ASK_FOR_STAIRS, plan.ONE_TOO_MANY)]
    outcome = secretary.post("/claims/decide", {"ids": [*ids, UNKNOWN], "approve": True})
    telling.count("claims_approved_in_bulk", len(outcome["done"]))
    telling.count("claims_failed_in_bulk", len(outcome["failed"]))
    names = {claim: name for (_, name), claim in claims.items()}
    failures = "；".join(f"{names.get(one['id'], '不存在的编号')}：{one['message']}" for one in outcome["failed"])
    telling.say(town.clocks.now(), f"{story.SECRETARY}一次批准 {len(outcome['done'])} 人，{len(outcome['failed'])} 条没办成（{failures}）")


def claim_the_rest(town: Town, telling: Telling) -> None:
    """Evenings of the patrol, the pair's school, the team, and what the rain will cancel."""
    for shift, names in zip(town.shifts, plan.PATROLS, strict=True):
        made = [work.claim(town, PATROL, name, shift=shift)["id"] for name in names]
        telling.count("claims_made", len(made))
        outcome = town.of(story.SECRETARY).post("/claims/decide", {"ids": made, "approve": True})
        telling.count("claims_approved_in_bulk", len(outcome["done"]))
    for name in plan.TUTORS:
        telling.count("claims_approved_at_once", int(work.claim(town, TUTOR, name)["state"] == "approved"))
        telling.count("claims_made")
    refused = work.refusal_of(lambda: work.claim(town, TUTOR, plan.NOT_ASKED))
    telling.count("claims_refused_pair", int(refused == "CLAIM_NOT_ASKED"))
    claim_as_team(town, telling)
    for name in plan.RAINED_OFF:
        work.claim(town, RAIN, name)
        telling.count("claims_made")
    telling.say(town.clocks.now(), f"巡逻两晚各三人；结对帮学只请{story.SCHOOL}，{plan.NOT_ASKED}被告知不能报；{plan.LEADER}为全队报名")


def claim_as_team(town: Town, telling: Telling) -> None:
    """组团: the leader claims for four."""
    ids = [town.people[name] for name in plan.TEAM]
    body = {"community": town.home, "name": "用电安全服务队", "category": "safety_watch", "leader": town.people[plan.LEADER]}
    team = town.of(story.SECRETARY).post("/teams", {**body, "unit": town.units[story.POWER]})["id"]
    for name in plan.TEAM[1:]:
        town.of(name).post(f"/teams/{team}/join")
        town.of(plan.LEADER).post(f"/teams/{team}/asking/{town.people[name]}", {"accept": True})
    made = town.of(plan.LEADER).post(f"/tasks/{town.tasks[DRILL]}/team-claims", {"team": team, "members": ids})["items"]
    telling.count("claims_made", len(made))
    outcome = town.of(story.SECRETARY).post("/claims/decide", {"ids": [one["id"] for one in made], "approve": True})
    telling.count("claims_approved_in_bulk", len(outcome["done"]))


def remind(town: Town, telling: Telling) -> None:
    """The scheduler reminds everybody once, a day ahead (R1); who allowed it also gets WeChat's message."""
    town.clocks.go_to(at(town, 1, "18:00"))
    approved = [name for name in (*plan.ASK_FOR_STAIRS, plan.ONE_TOO_MANY) if name not in (plan.WITHDRAWS, plan.DECLINED)]
    for name in approved:
        told = posters.until(lambda name=name: reminded(town, name), bool)  # type: ignore[misc]
        telling.count("reminders", int(told))
    posters.until(lambda: town.sim.get("messages", user=plan.ALLOWS_MESSAGES)["messages"], lambda sent: len(sent) > 1)
    telling.say(town.clocks.now(), f"明天清理楼道的 {len(approved)} 人各收到一次提醒")


def reminded(town: Town, name: str) -> bool:
    """Is there a reminder of his claim in his inbox?"""
    claim = town.claims[STAIRS, name]
    return any(one["kind"] == "reminder" and one["subject_id"] == claim for one in town.of(name).get("/notices")["items"])
