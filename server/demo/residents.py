"""The residents' weeks in 示例社区, after the members' week: forty requests, from a tap to 签收, none of them lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from server.demo import community, posters, residents_plan, residents_ratings, story
from server.demo import residents_work as work
from server.demo.community import Town
from server.demo.residents_plan import ASKS, ENDED_BY_TRIAGE, Ask, Fate
from server.demo.telling import Telling
from server.demo.work import at

F = Fate
Book = dict[int, str]  # number of an ask → public id of its request
SIGNED = "closed"
SIGNED_LATER = (F.ESCALATED, F.REWORK)


def play(town: Town, telling: Telling) -> Book:
    """Monday to Wednesday: asked, triaged, dispatched, done, signed. Returns the requests."""
    town.clocks.go_to(at(town, 7, "08:30"))
    keep_office_hours(town)
    for name in residents_plan.WITH_PHONE:
        community.welcome(town, name)
    work.wake_up(town, story.GRID_WORKER, story.CLERK)
    book = submit_all(town, telling)
    town.clocks.go_to(at(town, 7, "14:00"))
    parts = triage_all(town, telling, book)
    town.clocks.go_to(at(town, 8, "09:00"))
    hands = dispatch_all(town, telling, book, parts)
    town.clocks.go_to(at(town, 8, "15:00"))
    for request, name in hands.items():
        work.finish(town, request, name)
    telling.say(town.clocks.now(), f"{len(hands)} 件办结，等居民签收")
    town.clocks.go_to(at(town, 9, "10:00"))
    sign_all(town, telling, book, parts)
    rework(town, telling, book, hands)
    rate_all(town, telling, book, parts)
    return book


def keep_office_hours(town: Town) -> None:
    """The county's own calendar for these weeks, so that the story is the same whatever holidays are near."""
    officer = community.sign_officer_in(town)
    for day in range(7, 21):
        date = (town.monday + timedelta(days=day)).isoformat()
        officer.put(f"/workdays/{date}", {"working": day % 7 < 5, "why": "示例县工作日历（演示）"})


def submit_all(town: Town, telling: Telling) -> Book:
    """Forty requests: seven phones, a daughter for her mother, the grid worker's round, the clerk's telephone."""
    book: Book = {}
    for number, ask in telling.each(tuple(enumerate(ASKS)), "居民点单"):
        made = work.submit(town, ask)
        book[number] = made["id"]
        telling.count("requests_submitted", int(made["state"] == "submitted"))
        channel = {"proxy": "requests_by_proxy", "round": "requests_by_round", "phone": "requests_by_phone"}.get(made["channel"])
        if channel:
            telling.count(channel)
    telling.count("residents", len({ask.who for ask in ASKS}))
    telling.say(town.clocks.now(), f"{len(residents_plan.RESIDENTS)} 位居民提了 {len(ASKS)} 件诉求：自己点的、女儿代办的、走访和电话录入的")
    return book


def triage_all(town: Town, telling: Telling, book: Book) -> list[str]:
    """研判: merge what is alike, name the right channel, split, take on the rest in one go. Returns the parts of the split."""
    clerk = town.of(story.CLERK)
    merge_alike(town, telling, book)
    parts: list[str] = []
    for number, ask in enumerate(ASKS):
        path = f"/requests/{book[number]}"
        if ask.fate is F.REJECTED:
            clerk.post(f"{path}/reject", {"channel": ask.to, "reason": "这件事由专门的部门受理，已写明找谁"})
        elif ask.fate is F.SPLIT:
            halves = [{"category": "repairs", "content": "门口路灯不亮"}, {"category": "policy", "content": "医保怎么续"}]
            parts = [one["id"] for one in clerk.post(f"{path}/split", {"parts": halves})["items"]]
        elif ask.fate is F.WITHDRAWN:
            town.of(ask.who).post(f"{path}/withdraw", {"reason": "自己解决了"})
    telling.count("requests_of_split", len(parts))
    open_ones = [*parts, *(book[number] for number, ask in enumerate(ASKS) if ask.fate not in ENDED_BY_TRIAGE)]
    clerk.post("/requests/triage", {"ids": open_ones})
    telling.say(town.clocks.now(), f"{story.CLERK}研判：并案、告知渠道、拆分之后受理 {len(open_ones)} 件")
    return parts


def merge_alike(town: Town, telling: Telling, book: Book) -> None:
    """The machine says which are alike and why; the clerk decides."""
    clerk = town.of(story.CLERK)
    for number, ask in enumerate(ASKS):
        if ask.fate is not F.MERGED:
            continue
        alike = clerk.get(f"/requests/{book[number]}/triage-hints")["similar"]
        telling.count("merges_suggested", int(book[0] in [like["request"]["id"] for like in alike]))
        clerk.post(f"/requests/{book[number]}/merge", {"into": book[0]})


def dispatch_all(town: Town, telling: Telling, book: Book, parts: list[str]) -> dict[str, str]:
    """派单 with consent. Returns who works on what; the neglected one waits for an answer that never comes."""
    hands: dict[str, str] = {}
    asked = {number: name for number, name in residents_ratings.HANDS.items() if number in book}
    for number, member in telling.each(tuple(asked.items()), "派单接单"):
        name = hand_out(town, telling, book[number], ASKS[number], member)
        if name:
            hands[book[number]] = name
    for number, part in zip(residents_ratings.PART_NUMBERS, parts, strict=True):
        name = residents_ratings.HANDS[number]
        work.accept(town, work.ask_person(town, part, name), name)
        hands[part] = name
    for request, name in hands.items():
        work.begin(town, telling, request, name)
    telling.say(town.clocks.now(), f"{len(hands)} 件有人接单，都是本人同意的；办理人看得到内容和电话，看不到是谁提的")
    return hands


def hand_out(town: Town, telling: Telling, request: str, ask: Ask, name: str) -> str:
    """One request into somebody's hands; '' where nobody answers. Returns who works on it."""
    if ask.fate is F.CLAIMED:
        return claimed(town, telling, request, name)
    if ask.fate is F.WHISTLE:
        return whistled(town, telling, request)
    if ask.fate is F.DECLINED:
        offer = work.ask_person(town, request, residents_plan.DECLINES)
        said = town.of(residents_plan.DECLINES).post(f"/offers/{offer['id']}/answer", {"accept": False, "reason": "这周在外地"})
        telling.count("dispatches_declined", int(said["state"] == "declined"))
    offer = work.ask_person(town, request, name)
    if ask.fate is F.ESCALATED:
        return ""
    work.accept(town, offer, name)
    return name


def claimed(town: Town, telling: Telling, request: str, name: str) -> str:
    """Open for all: a member offers himself, the secretary approves."""
    town.of(story.CLERK).post(f"/requests/{request}/publish")
    claim = town.of(name).post(f"/requests/{request}/claims", {})
    decided = town.of(story.SECRETARY).post("/request-claims/decide", {"ids": [claim["id"]], "approve": True})
    telling.count("request_claims_approved", len(decided["done"]))
    return name


def whistled(town: Town, telling: Telling, request: str) -> str:
    """吹哨: two units are called, the first to accept leads, both come."""
    to = [{"unit": town.units[unit]} for unit in residents_plan.CALLED_IN]
    body = {"to": to, "reason": "请供电和执法一起看现场"}
    offers = town.of(story.CLERK).post(f"/requests/{request}/whistle", body)["items"]
    names = [work.liaison_of(unit) for unit in residents_plan.CALLED_IN]
    for offer, name in zip(offers, names, strict=True):
        work.accept(town, offer, name)
    for offer, name in zip(offers, names, strict=True):
        arrived = town.of(name).post(f"/offers/{offer['id']}/arrive")
        telling.count("units_arrived", int(bool(arrived["arrived_at"])))
    return names[0]


def sign_all(town: Town, telling: Telling, book: Book, parts: list[str]) -> None:
    """签收 by name."""
    requests = numbered(book, parts)
    signed = 0
    for number in residents_ratings.SIGNED:
        ask = residents_ratings.ask_of(number)
        if ask.fate not in SIGNED_LATER:
            signed += work.sign(town, ask, requests[number], done=True) == SIGNED
    merged = [(book[number], ask) for number, ask in enumerate(ASKS) if ask.fate is F.MERGED]
    morning = at(town, 9, "00:00").isoformat()[:19]
    for request, ask in merged:  # who was merged goes on reading how it stands
        steps = town.of(ask.who).get(f"/requests/{request}")["timeline"]
        telling.count("merged_told", int(steps[-1]["at"][:19] > morning))
    telling.say(town.clocks.now(), f"{signed} 件签收“办好了”")


def rework(town: Town, telling: Telling, book: Book, hands: dict[str, str]) -> None:
    """没办好，请再来: the handler reads a neutral task, does it again, and this time it is signed."""
    number, ask = of_fate(F.REWORK)
    request = book[number]
    telling.count("reworks", int(work.sign(town, ask, request, done=False, reason="came_back") == "rework"))
    handler = hands[request]
    again = town.of(handler).get(f"/me/handling/{request}")["again"]
    telling.say(town.clocks.now(), f"{ask.who}签收“没办好，请再来”；办理人看到的是：{again}")
    town.of(handler).post(f"/requests/{request}/redo")
    town.clocks.go_to(at(town, 9, "16:00"))
    work.finish(town, request, handler, "换了闭门器，试了二十次")
    work.sign(town, ask, request, done=True)


def rate_all(town: Town, telling: Telling, book: Book, parts: list[str]) -> None:
    """评分 in secret, apart from the 签收; all of them between two runs that open ballots, so that each run finds a cell whole."""
    work.wait_for_jobs(town)
    for number, request in numbered(book, parts).items():
        if number in residents_ratings.SIGNED and residents_ratings.ask_of(number).fate is not F.ESCALATED:
            work.rate(town, telling, number, request)
    telling.say(town.clocks.now(), "评分另外匿名提交，攒够五份打乱后才公开")


def numbered(book: Book, parts: list[str]) -> Book:
    """Every request by its number; the parts of the split one have the numbers after the last."""
    return book | dict(zip(residents_ratings.PART_NUMBERS, parts, strict=True))


def of_fate(fate: Fate) -> tuple[int, Ask]:
    """The one ask with this fate."""
    return next((number, ask) for number, ask in enumerate(ASKS) if ask.fate is fate)


def state_of(town: Town, ask: Ask, request: str) -> str:
    """Where it stands, as its author reads it."""
    return str(town.of(ask.by or ask.who).get(f"/requests/{request}")["state"])


def until_state(town: Town, ask: Ask, request: str, state: str) -> Any:
    """The workers do it within seconds of the deadline; nobody presses a button."""
    return posters.until(lambda: state_of(town, ask, request), lambda now: now == state)
