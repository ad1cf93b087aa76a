"""Monday: the county sets 示例社区 up, rosters come in, three units and forty members report in."""

from __future__ import annotations

from server.demo import community, phones, plan, posters, story
from server.demo.community import Town
from server.demo.phones import Json
from server.demo.telling import Telling
from server.demo.work import at

ACCEPTED = "active"


def play(town: Town, telling: Telling) -> None:
    """The whole day."""
    town.clocks.go_to(at(town, 0, "08:30"))
    community.appoint_staff(town)
    telling.say(town.clocks.now(), f"{story.OFFICER}建好{story.COUNTY}到楼栋的组织树，任命了{story.SECRETARY}；她定了干事、组织者和网格员")
    import_rosters(town, telling)
    print_community_poster(town, telling)
    town.clocks.go_to(at(town, 0, "14:00"))
    members_report_in(town, telling)
    decide_waiting(town, telling)
    town.clocks.go_to(at(town, 0, "16:00"))
    units_report_in(town, telling)
    phones.subscribe(town.phones[plan.ALLOWS_MESSAGES], "claim_decided", "reminder", "record_confirmed")


def import_rosters(town: Town, telling: Telling) -> None:
    """A draft with mistakes is refused cell by cell, the mended file goes in, and once more changes nothing."""
    units = community.import_roster(town, "units", community.units_file())
    telling.count("units_imported", units["created"])
    draft = community.import_roster(town, "members", community.members_file(broken=True), dry_run=True)
    telling.count("roster_cell_errors", draft["errors_total"])
    cells = "；".join(f"{error['cell']} {error['message']}" for error in draft["errors"])
    telling.say(town.clocks.now(), f"名册先核对不导入：{draft['rows']} 行里 {draft['failed']} 行有错（{cells}）")
    good = community.import_roster(town, "members", community.members_file())
    again = community.import_roster(town, "members", community.members_file())
    telling.count("roster_created", good["created"])
    telling.count("roster_created_again", again["created"])
    telling.count("roster_unchanged_again", again["unchanged"])
    telling.say(
        town.clocks.now(), f"改好后导入：新增 {good['created']} 人；同一份再导一次：新增 {again['created']}，不变 {again['unchanged']}"
    )
    community.learn_units(town)


def print_community_poster(town: Town, telling: Telling) -> None:
    """The community's poster, read back from its pixels: what members will scan."""
    town.codes[story.COMMUNITY] = posters.read_back(posters.of_community(town))
    telling.count("posters_read")
    telling.say(town.clocks.now(), "打印了社区报到海报，从图片像素里读出了它的码")


def members_report_in(town: Town, telling: Telling) -> None:
    """Forty members: by scan, on the web, through the grid worker, on paper."""
    for name in telling.each(story.ALL, "党员报到"):
        row = _report_in(town, name)
        telling.count(f"registered_by_{row['source']}")
        telling.count("registered_at_once" if row["state"] == ACCEPTED else "registered_waiting")
    telling.say(town.clocks.now(), f"{len(story.ALL)} 名党员报到：扫码、网上、网格员代办、纸质都有，效力相同")


def _report_in(town: Town, name: str) -> Json:
    if name in story.NO_PHONE:
        return community.report_in_for(town, name)
    if name == story.REFUSES_PHONE:
        community.bind_by_hand(town, name)
    else:
        community.welcome(town, name)
    phones.agree(town.phones[name], "share_unit")
    return community.report_in(town, name, code="" if name in story.BY_WEB else town.codes[story.COMMUNITY])


def decide_waiting(town: Town, telling: Telling) -> None:
    """Whom the roster does not place here waits for the secretary."""
    secretary = town.of(story.SECRETARY)
    waiting = list(secretary.pages(f"/communities/{town.home}/registrations", state="submitted"))
    for row in waiting:
        decided = secretary.post(f"/registrations/{row['id']}/decision", {"action": "accept"})
        telling.count("registered_by_secretary", int(decided["state"] == ACCEPTED))
    names = "、".join(row["name"] for row in waiting)
    telling.say(
        town.clocks.now(), f"{names}的名册写着邻近社区，{story.SECRETARY}核对后接收；{story.REFUSES_PHONE}不愿给手机号，由书记对上名册"
    )
    telling.count("bound_by_hand")


def units_report_in(town: Town, telling: Telling) -> None:
    """Three slips, three opinions, three receipts."""
    community.appoint_liaisons(town)
    for unit in story.UNITS:
        row = community.register_unit(town, unit)
        telling.count("units_registered", int(row["state"] == "receipt_sent"))
        telling.say(town.clocks.now(), f"{unit.name}单位报到：接收，回执 {row['receipt_no']}")
