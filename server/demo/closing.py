"""Sunday: what came of it. Receipts, certificates, both views of 双报告, notices, the tallies, and whether they are right."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from typing import Any

from server.demo import community, pictures, plan, posters, story
from server.demo.community import Town
from server.demo.phones import Json
from server.demo.plan import STAIRS, TUTOR
from server.demo.telling import Telling
from server.demo.work import at, refusal_of


def play(town: Town, telling: Telling) -> dict[str, bool]:
    """The whole day. Returns what the operator's commands said."""
    town.clocks.go_to(at(town, 6, "10:00"))
    merge(town, telling)
    wait_for_workers(town)
    read_tallies(town, telling)
    certificates(town, telling)
    double_reports(town, telling)
    read_notices(town, telling)
    read_ledger(town, telling)
    look_at_photos(town, telling)
    return {"tally_equals_rebuild": tally_is_right(), "audit_chain_holds": audit_holds()}


def merge(town: Town, telling: Telling) -> None:
    """Somebody the grid worker entered at the door now signs in himself, and is the same person."""
    name = plan.MERGED_LATER
    before = town.people[name]
    community.welcome(town, name)
    telling.count("persons_found_again", int(town.people[name] == before))
    telling.say(town.clocks.now(), f"{name}买了手机，登录后认回了网格员代办的报到")


def wait_for_workers(town: Town) -> None:
    """The workers count within seconds; nobody presses a button."""
    posters.until(lambda: served(town, "node", town.home)["service_visits"], lambda visits: visits == len(plan.PRESENT))


def served(town: Town, scope: str, public_id: str) -> Json:
    """The figures of the year for the community or a unit, as its secretary reads them."""
    figure: Json = town.of(story.SECRETARY).get("/tallies", scope=scope, id=public_id, period="year")["items"][0]
    return figure


def read_tallies(town: Town, telling: Telling) -> None:
    """The community's, the three units' and one member's figures."""
    figure = served(town, "node", town.home)
    telling.count("community_visits", figure["service_visits"])
    telling.count("community_minutes", figure["service_minutes"])
    telling.count("community_heads", figure["service_heads"])
    for unit in story.UNITS:
        of_unit = served(town, "unit", town.units[unit.name])
        got = (of_unit["service_visits"], of_unit["service_minutes"], of_unit["service_heads"])
        telling.count("units_with_right_figures", int(got == plan.figures(unit.name)))
        telling.say(town.clocks.now(), f"{unit.name}：{got[2]} 人服务 {got[0]} 人次、{got[1]} 分钟")
    for name in town.phones:
        mine = town.of(name).get("/me/tally")["year"]
        telling.count("persons_with_right_figures", int((mine["service_visits"], mine["service_minutes"]) == plan.own(name)))
    telling.say(town.clocks.now(), f"{story.COMMUNITY}：{figure['service_heads']} 人服务 {figure['service_visits']} 人次、"
                f"{figure['service_minutes']} 分钟；{plan.SCANS_ONLY}只扫了码，没有计入")  # fmt: skip


def certificates(town: Town, telling: Telling) -> None:
    """A member issues his own, the clerk one for an elder; anybody verifies them by the code on the paper."""
    period = {"first": town.monday.isoformat(), "last": (town.monday + timedelta(days=6)).isoformat()}
    own = town.of("张三").post("/me/certificates", period)
    clerk = town.of(story.CLERK)
    for_elder = clerk.post(f"/communities/{town.home}/members/{town.people[plan.ON_PAPER]}/certificates", period)
    mine = next(row for row in town.of("张三").get("/me/registrations")["items"])
    receipt = town.of("张三").post(f"/registrations/{mine['id']}/receipt")
    for reader, document in (("张三", own), (story.CLERK, for_elder), ("张三", receipt)):
        text = pictures.read(printed(town, reader, document["id"])) or ""
        page = town.officer.http.get(text, timeout=20)
        telling.count("documents_verified", int(page.status_code == 200 and document["serial"] in page.text))
    telling.say(town.clocks.now(), f"张三的服务证明：{own['visits']} 次 {own['minutes']} 分钟，扫证明上的码，公开页面核验为真")


def printed(town: Town, reader: str, document: str) -> bytes:
    """The PNG, once the worker has drawn it."""
    return posters.until(lambda: town.of(reader).fetch(f"/documents/{document}.png"), posters.is_file)


def double_reports(town: Town, telling: Telling) -> None:
    """双报告: what a member did is in his community's view and in his branch's, who agreed; neither typed anything."""
    name = "张三"
    mine = town.of(story.SECRETARY).get(f"/communities/{town.home}/members/{town.people[name]}/records")
    branch = town.of(name).get(f"/units/{town.units[story.BUREAU]}/members/{town.people[name]}/records")
    telling.count("reports_seen_by_community", len(mine["items"]))
    telling.count("reports_seen_by_branch", len(branch["items"]))
    telling.count("places_seen_by_branch", sum(one["place"] is not None for one in branch["items"]))
    hidden = refusal_of(lambda: town.of(name).get(f"/units/{town.units[story.BUREAU]}/members/{town.people['刘建国']}/records"))
    telling.count("reports_withheld", int(hidden == "SHARE_NOT_AGREED"))
    telling.say(
        town.clocks.now(), f"双报告：社区和支部都看到{name}的 {len(branch['items'])} 次服务；支部看不到：{'、'.join(branch['never_shown'])}"
    )


def read_notices(town: Town, telling: Telling) -> None:
    """The inbox is the record; who allowed it also got WeChat's message."""
    inbox = list(town.of("张三").pages("/notices"))
    telling.count("notices_of_zhangsan", len(inbox))
    wanted = plan.EXPECTED["wechat_messages_of_zhangsan"][1]
    delivered = posters.until(lambda: town.sim.get("messages", user="张三")["messages"], lambda sent: len(sent) == wanted)
    telling.count("wechat_messages_of_zhangsan", len(delivered))
    if inbox:
        telling.say(town.clocks.now(), f"张三收到 {len(inbox)} 条消息，微信提醒 {len(delivered)} 条，最近一条：{inbox[0]['text']}")


def read_ledger(town: Town, telling: Telling) -> None:
    """Every refused scan was kept with a reason its owner can read."""
    for name in (plan.TRIES_CODES, plan.PHOTOGRAPHS):
        telling.count("refusals_kept", len(list(town.of(name).pages("/me/refused-scans"))))


def look_at_photos(town: Town, telling: Telling) -> None:
    """The worker re-encoded them: no position is left, and the one that was used twice says so (R5)."""
    organiser = town.of(story.ORGANISER)
    shown = [(STAIRS, plan.RETRIES), (STAIRS, plan.REUSES_PHOTO), (TUTOR, plan.TUTORS[0])]
    for record in [town.records[pair] for pair in shown]:
        for picture in organiser.get(f"/records/{record}")["pictures"]:
            seen = posters.until(lambda picture=picture: organiser.get(f"/media/{picture['id']}"), lambda one: one["state"] != "uploaded")  # type: ignore[misc]
            telling.count("photos_ready", int(seen["state"] == "ready"))
            telling.count("photos_flagged", int(seen["seen_before"]))
            telling.count("photos_with_exif", int(pictures.has_exif(organiser.fetch(f"/media/{picture['id']}/picture"))))


def tally_is_right() -> bool:
    """`gongjian tally verify`: what was counted one by one equals what counting from scratch gives."""
    return bool(_said("tally", "verify", "--json").get("equal"))


def audit_holds() -> bool:
    """`gongjian audit verify`: the chain of hashes over all events."""
    return _run("audit", "verify").returncode == 0


def _said(*words: str) -> dict[str, Any]:
    lines = _run(*words).stdout.strip().splitlines()
    return dict(json.loads(lines[-1])) if lines else {}


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "server", *words], capture_output=True, text=True, check=False, timeout=60
    )
