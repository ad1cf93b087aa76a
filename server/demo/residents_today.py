"""What `make run` leaves on the desk of requests: a resident's day yesterday, and what waits at this moment.

Each request has a state of its own, so that every list and every step has something to show; nothing of it falls due today.
"""

from __future__ import annotations

from server.demo import community, residents_after, residents_plan, story
from server.demo import residents_work as work
from server.demo.community import Town
from server.demo.residents_plan import DAUGHTER, MOTHER, UNCLE, Ask
from server.demo.telling import Telling
from server.demo.work import at

# Yesterday's, with who handles each; the last belongs elsewhere.
SIGNED = Ask("秦海", "repairs", "3幢二楼的楼道灯不亮", "3幢")
CAME_BACK = Ask("姚芳", "repairs", "单元门关不上", "6幢")
UNSIGNED = Ask("邱磊", "safety", "井盖松动", "示例小区北路")
UNDER_WAY = Ask(MOTHER, "elder_care", "想请人陪着去医院", "4幢", by=DAUGHTER)
WAITING = Ask(UNCLE, "utilities", "煤气灶打不着火", "2幢", by=story.GRID_WORKER)
ELSEWHERE = Ask("罗敏", "property", "电梯里的广告收益应当公开", "花园小区", to="property")
HANDS = {SIGNED: "陈晓燕", CAME_BACK: "周敏", UNSIGNED: "曾庆华", UNDER_WAY: "韩梅芳", WAITING: "袁学文"}
DONE = (SIGNED, CAME_BACK, UNSIGNED)
# Today's: one was offered to a member, one is open with a claim, one is to be dispatched; the rest nobody has looked at.
OFFERED = Ask("丁兰", "culture", "合唱队想借排练的地方", "社区活动室")
CLAIMED = Ask("罗敏", "environment", "绿化带里有枯枝", "花园小区")
TRIAGED = Ask("魏强", "jobs", "想学一门手艺再找工作", "2幢")
NEW = (
    Ask("丁兰", "repairs", "2幢三楼的楼道灯不亮", "2幢"),
    Ask("魏强", "repairs", "2幢楼道灯坏了，晚上看不见", "2幢"),  # the machine will say that these two are alike
    Ask(UNCLE, "elder_care", "想有人每周来看看", "2幢", by=story.CLERK),
    Ask("秦海", "environment", "楼道里贴满了“测试广告”", "3幢"),  # a word WeChat doubts: somebody must look at it
)
TODAY = ("丁兰", "罗敏", "魏强", "秦海")
ASKED, CLAIMS = "郭静怡", "赵丽华"
SHELF = {MOTHER: residents_after.WISH, UNCLE: residents_after.COAT}  # the first is claimed


def yesterday(town: Town, telling: Telling) -> dict[Ask, str]:
    """Six requests asked and taken on; three are done and one of these signed. Returns their ids."""
    town.clocks.go_to(at(town, 5, "14:00"))
    for name in residents_plan.WITH_PHONE:
        community.welcome(town, name)
    work.wake_up(town, story.GRID_WORKER)
    clerk, book = town.of(story.CLERK), {ask: work.submit(town, ask)["id"] for ask in (*HANDS, ELSEWHERE)}
    clerk.post(f"/requests/{book[ELSEWHERE]}/reject", {"channel": ELSEWHERE.to, "reason": "物业收支由业委会公布，已写明找谁"})
    clerk.post("/requests/triage", {"ids": [book[ask] for ask in HANDS]})
    for ask, name in HANDS.items():
        work.accept(town, work.ask_person(town, book[ask], name), name)
        work.begin(town, telling, book[ask], name)
    for ask in DONE:
        work.finish(town, book[ask], HANDS[ask])
    work.sign(town, SIGNED, book[SIGNED], done=True)
    town.of(HANDS[WAITING]).post(f"/requests/{book[WAITING]}/pause", {"reason": "等您在家时上门，请回个话"})
    telling.say(town.clocks.now(), f"{len(residents_plan.RESIDENTS)} 位居民点单，昨天提的 {len(book)} 件里 {len(DONE)} 件办好，1 件已签收")
    return book


def now(town: Town, telling: Telling, book: dict[Ask, str]) -> None:
    """One comes back; seven new ones wait at different steps, three wishes and one suggestion too."""
    work.sign(town, CAME_BACK, book[CAME_BACK], done=False, reason="came_back")
    clerk = town.of(story.CLERK)
    work.wake_up(town, *TODAY)
    offered, claimed, triaged = (work.submit(town, ask)["id"] for ask in (OFFERED, CLAIMED, TRIAGED))
    clerk.post("/requests/triage", {"ids": [offered, claimed, triaged]})
    work.ask_person(town, offered, ASKED)
    clerk.post(f"/requests/{claimed}/publish")
    town.of(CLAIMS).post(f"/requests/{claimed}/claims", {})
    for ask in NEW:
        work.submit(town, ask)
    telling.say(
        town.clocks.now(),
        f"今天又提了 {len(NEW) + 3} 件：{len(NEW)} 件等研判（两件相似，一件要先看内容），其余等派单、接单、定认领",
    )
    ask_for_wishes(town)
    suggestion = {"kind": "suggestion", "about": "service", "text": "活动通知请提前三天发", "community": town.home}
    town.of("罗敏").post("/feedbacks", suggestion)
    telling.say(town.clocks.now(), "三个微心愿：一个等上门核实，一个已公布，一个有人认领；一条建议等答复")


def ask_for_wishes(town: Town) -> None:
    """One to be visited, one on the shelf, one claimed."""
    residents_after.collect(town, {"name": "周奶奶"}, "other", residents_after.LAMP)
    shelf = {name: residents_after.collect(town, {"name": name}, "living_alone", words) for name, words in SHELF.items()}
    paths = [residents_after.publish(town, wish, SHELF[name], day=5) for name, wish in shelf.items()]
    town.of("张三").post(f"{paths[0]}/claim", {})
