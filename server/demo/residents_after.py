"""What follows in the next weeks: the timer, the street, calls, micro-wishes, complaints, the panel, and the funnel that adds up."""

from __future__ import annotations

from datetime import timedelta

from server.demo import community, posters, residents_plan, story
from server.demo import residents_work as work
from server.demo.client import Client
from server.demo.community import Town
from server.demo.phones import Json, number_of
from server.demo.residents import Book, of_fate, until_state
from server.demo.residents_plan import Fate
from server.demo.telling import Telling
from server.demo.work import at, refusal_of

F = Fate
SEATS = 5
CALLED_LATE, WISH_OF_UNIT = "陈晓燕", story.SCHOOL
WISH = {"alias": "银杏奶奶", "content": "想要一台声音大、按键大的收音机", "value_fen": 12000}
CHILD = {"alias": "小树苗", "content": "一套五年级的课外书", "value_fen": 8000}
COAT = {"alias": "老木匠", "content": "一件保暖的棉背心", "value_fen": 9000}
LAMP = {"alias": "灯塔", "content": "一盏看书用的台灯", "value_fen": 6000}


def play(town: Town, telling: Telling, book: Book) -> dict[str, bool]:
    """From Wednesday to the Friday of the week after. Returns whether the funnel adds up."""
    wishes = begin_wishes(town, telling)
    complain(town, telling)
    explain(town, telling, book)
    town.clocks.go_to(at(town, 14, "09:00"))
    escalate(town, telling, book)
    town.clocks.go_to(at(town, 17, "10:00"))
    call_back(town, telling, book)
    end_wishes(town, telling, wishes)
    town.clocks.go_to(at(town, 18, "15:00"))
    hold_panel(town, telling)
    return reconcile(town, telling)


def explain(town: Town, telling: Telling, book: Book) -> None:
    """Proven impossible: the street writes why, the county approves; it counts as unsolved."""
    number, ask = of_fate(F.EXPLAINED)
    path = f"/requests/{book[number]}"
    town.of(story.CLERK).post(f"{path}/escalate", {"reason": "要动绿地，社区定不了"})
    town.of(story.STREET_OFFICER).post(f"{path}/explain", {"reason": "绿地率已到下限，不能再划车位；已联系错时停车"})
    said = community.sign_officer_in(town).post(f"{path}/explanation/decide", {"approve": True, "reason": "情况属实，请继续推进错时停车"})
    telling.count("explanations_approved", int(said["state"] == "closed_explained"))
    telling.say(town.clocks.now(), f"“{ask.words}”确实办不了：街道说明原因，区县另一人复核，算未解决")


def escalate(town: Town, telling: Telling, book: Book) -> None:
    """Nobody answered a dispatch: the timer sends the request up, the street does it itself."""
    number, ask = of_fate(F.ESCALATED)
    request, street = book[number], story.STREET_OFFICER
    telling.count("escalated_by_timer", int(until_state(town, ask, request, "escalated") == "escalated"))
    town.of(street).post(f"/requests/{request}/take-up")
    work.finish(town, request, street, "协调水司换了泵，六楼水压正常")
    work.sign(town, ask, request, done=True)
    work.rate(town, telling, number, request)
    telling.say(town.clocks.now(), f"“{ask.words}”没人接单，到期自动升到街道；{street}办好，{ask.who}签收")


def call_back(town: Town, telling: Telling, book: Book) -> None:
    """Who said nothing is called; one is reached, one is not, three times."""
    clerk = town.of(story.CLERK)
    due = {one["request"] for one in clerk.get("/callbacks", community=town.home)["items"]}
    for fate in (F.CALLED_BACK, F.UNREACHED):
        request = book[of_fate(fate)[0]]
        reached = fate is F.CALLED_BACK
        body = {"reached": True, "contacted": True, "solved": True, "satisfaction": "basic"} if reached else {"reached": False}
        for _ in range(1 if reached else residents_plan.TRIES):
            clerk.post(f"/requests/{request}/callbacks", body)
            telling.count("callbacks", int(request in due))
    telling.say(town.clocks.now(), "没有签收的电话回访：一件问到了，一件三次没打通，按未评价结束，不计入满意率")


def begin_wishes(town: Town, telling: Telling) -> dict[str, str]:
    """Four micro-wishes: collected at the door, visited, published under an alias; three are claimed. Returns their paths."""
    mother, uncle = {"name": residents_plan.MOTHER}, {"name": residents_plan.UNCLE}
    child = {"wisher": {"name": "姚小川"}, "guardian": {"name": "姚芳", "phone": number_of("姚芳")}}
    for content in ("想要三百元现金", "把收音机送到4幢502室"):
        telling.count("wishes_refused", int(refused(town, mother, {**WISH, "content": content})))
    made = {
        "radio": publish(town, collect(town, mother, "living_alone", WISH), WISH),
        "books": publish(town, collect(town, child["wisher"], "child", CHILD, guardian=child["guardian"]), CHILD),
        "coat": publish(town, collect(town, uncle, "living_alone", COAT), COAT),
        "lamp": publish(town, collect(town, {"name": "周奶奶"}, "other", LAMP), LAMP),
    }
    shelf = list(town.of("张三").pages(f"/communities/{town.home}/wishes"))
    telling.count("wishes_published", len(shelf))
    town.of("张三").post(f"{made['radio']}/claim", {})
    town.of(work.liaison_of(WISH_OF_UNIT)).post(f"{made['books']}/claim", {"unit": town.units[WISH_OF_UNIT]})
    town.of(CALLED_LATE).post(f"{made['coat']}/claim", {})
    for path, name in ((made["radio"], "张三"), (made["books"], work.liaison_of(WISH_OF_UNIT))):
        for step in ("contact-readings", "contacted", "fulfil"):
            town.of(name).post(f"{path}/{step}")
    telling.say(town.clocks.now(), f"公布 {len(shelf)} 个微心愿，只有化名；要现金的、写了门牌的没有放行；认领了三个")
    return made


def refused(town: Town, wisher: Json, words: Json) -> bool:
    """May these words not be published?"""
    return refusal_of(lambda: collect(town, wisher, "living_alone", words)).startswith("WISH_")


def collect(town: Town, wisher: Json, group: str, words: Json, *, guardian: Json | None = None) -> Json:
    """The clerk notes a wish at the door; spoken consent, she is the witness."""
    more = {"guardian": guardian} if guardian else {}
    body = {**words, "wisher": wisher, "group": group, "consent": "spoken", **more}
    said: Json = town.of(story.CLERK).post(f"/communities/{town.home}/wishes", body)
    return said


def publish(town: Town, wish: Json, words: Json, *, day: int = 9) -> str:
    """A visit on that day, then the public words. Returns the wish's path."""
    path = f"/wishes/{wish['id']}"
    visited = (town.monday + timedelta(days=day)).isoformat()
    town.of(story.CLERK).post(f"{path}/verify", {"visited_on": visited, "note": "上门看过，情况属实"})
    town.of(story.CLERK).post(f"{path}/publish", words)
    return path


def end_wishes(town: Town, telling: Telling, made: dict[str, str]) -> None:
    """One confirmed by a call, one by the guardian's tap; one nobody called about is back on the shelf, first of all."""
    town.of(story.CLERK).post(f"{made['radio']}/confirm", {"via": "callback"})
    town.of("姚芳").post(f"{made['books']}/confirm", {})
    shelf = f"/communities/{town.home}/wishes"
    first = posters.until(lambda: town.of("张三").get(shelf)["items"][0], lambda one: one["round"] == 2)
    telling.count("wishes_put_back", int(made["coat"].endswith(first["id"])))
    begin, end = period(town)
    found = town.of(story.SECRETARY).get(f"/orgs/{town.home}/wish-figures", **{"from": begin, "to": end})
    telling.count("wishes_claimed", found["claimed"])
    telling.count("wishes_confirmed", found["confirmed"])
    telling.say(town.clocks.now(), f"微心愿：认领 {found['claimed']}、实现 {found['confirmed']}；七天没联系的一个自动放回，排在最前")


def complain(town: Town, telling: Telling) -> None:
    """投诉建议: a suggestion to the community, a complaint about it that only the county sees."""
    suggestion = {"kind": "suggestion", "about": "service", "text": "活动通知请提前三天发", "community": town.home}
    complaint = {"kind": "complaint", "about": "community", "text": "窗口中午没有人", "community": town.home}
    rows = [town.of("罗敏").post("/feedbacks", one) for one in (suggestion, complaint)]
    queue = [one["id"] for one in town.of(story.SECRETARY).pages(f"/orgs/{town.home}/feedbacks")]
    telling.count("complaints_seen_by_community", int(rows[1]["id"] in queue))
    for client, row in ((town.of(story.SECRETARY), rows[0]), (community.sign_officer_in(town), rows[1])):
        said = client.post(f"/feedbacks/{row['id']}/answer", {"text": "收到，已安排改进"})
        telling.count("feedbacks_answered", int(said["state"] == "answered"))
    telling.say(town.clocks.now(), "一条建议由社区答复，一条关于社区的投诉只有县里看得到，也答复了")


def hold_panel(town: Town, telling: Telling) -> None:
    """评价例会: seven volunteer, five are drawn by a seed whose hash was public, and vote in secret."""
    secretary, day = town.of(story.SECRETARY), (town.monday + timedelta(days=9)).isoformat()
    panel = f"/reviews/{secretary.post('/reviews', {'community': town.home, 'day': day, 'seats': SEATS})['id']}"
    for name in residents_plan.PANEL:
        town.of(name).post(f"{panel}/volunteers")
    members = [one for one in secretary.post(f"{panel}/select", {})["items"] if one["selected"]]
    telling.count("panel_members", len(members))
    secretary.post(f"{panel}/vote")
    for member in members:
        vote(town, telling, panel, town.of(member["person_name"]))
    secretary.post(f"{panel}/count")
    said = secretary.get(f"{panel}/items")["items"]
    telling.count("panel_unsolved", sum(one["verdict"] == "unsolved" for one in said))
    secretary.post(f"{panel}/close", {"minutes": "逐件评议，均认为已解决"})
    shown = secretary.get(f"/nodes/{town.home}/ballot-results", day=day)
    telling.count("ratings_shown_early", len(shown["groups"]))
    telling.say(town.clocks.now(), f"评价例会：{len(members)} 位评议员抽签选出，匿名评了 {len(said)} 件；季度没结束，评分还不公布")


def vote(town: Town, telling: Telling, panel: str, member: Client) -> None:
    """A token on the member's phone, and without login the votes."""
    items = member.get(f"{panel}/items")["items"]
    ticket = member.post(f"{panel}/token")
    votes = {one["id"]: "solved" for one in items}
    thanks = Client(town.base).post("/b/votes", {"token": ticket["token"], "cell": ticket["cell"], "votes": votes})
    telling.count("panel_votes", int(bool(thanks["thanks"])))


def reconcile(town: Town, telling: Telling) -> dict[str, bool]:
    """The funnel, with the drill-down of each bucket: every request is in exactly one."""
    begin, end = period(town)
    asked = {"from": begin, "to": end}
    secretary = town.of(story.SECRETARY)
    funnel = secretary.get(f"/orgs/{town.home}/funnel", **asked)
    counts = {one["bucket"]: one["count"] for one in funnel["buckets"]}
    telling.count("funnel_total", funnel["total"])
    telling.count("funnel_carried_on", funnel["carried_on"])
    for bucket in ("merged", "split", "rejected", "withdrawn", "solved", "unrated", "explained"):
        telling.count(f"funnel_{bucket}", counts[bucket])
    drilled = {bucket: [one["id"] for one in secretary.pages(f"/orgs/{town.home}/funnel/{bucket}", **asked)] for bucket in counts}
    all_ids = [one for ids in drilled.values() for one in ids]
    adds_up = sum(counts.values()) == funnel["total"] == len(all_ids) == len(set(all_ids))
    telling.say(
        town.clocks.now(), f"漏斗：{funnel['total']} 件提交，{funnel['carried_on']} 件转入办理，{counts['solved']} 件签收办结，各格相加相符"
    )
    return {"funnel_adds_up": adds_up and all(len(ids) == counts[bucket] for bucket, ids in drilled.items())}


def period(town: Town) -> tuple[str, str]:
    """The residents' three weeks."""
    return (town.monday + timedelta(days=7)).isoformat(), (town.monday + timedelta(days=28)).isoformat()
