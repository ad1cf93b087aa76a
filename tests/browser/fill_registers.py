"""人员: units, members, teams, documents and rosters as a community has them after some weeks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.registrations import MemberRegistration
from server.db.models.rosters import RosterDraft
from server.domain.orgs import UnitCategory
from server.domain.people import ConsentChannel, MemberType, Purpose
from server.domain.permissions import SYSTEM, Actor
from server.domain.rosters import AT_ONCE, RosterKind, Sheet
from server.services import documents, merges, proxies, registrations, roster_drafts, rosters, teams, unit_registrations, units
from server.services import people as registry
from server.services.proxies import Represented
from server.services.registrations import Details
from server.services.roster_plans import Supply
from server.services.unit_registrations import Slip
from tests.factories.people import Tree, actor_of
from tests.factories.records import a_record
from tests.factories.registrations import a_member
from tests.factories.tasks import a_team

BASE = "http://127.0.0.1:8080"
SUPPLY = Supply("示例县委组织部", "党员名册共享协议", date(2026, 12, 31))
NAMES = ("陈建国", "林秀英", "黄志强", "吴美玲", "郑海燕", "周文博", "徐丽华", "孙国平", "马春梅", "朱晓东")
HEADER = ("姓名", "手机号", "工作单位", "所在支部", "居住社区", "人员类别")
TITLE = ("示例水务局在职党员名册", "", "", "", "", "")


def fill(session: Session, tree: Tree, who: Person, now: datetime) -> Mapping[str, str]:
    """Ids: member, unit, team, document, draft (with errors), importing, imported, merge."""
    clerk = actor_of(session, who, now)
    water = units.create(
        session, community=tree.community, name="示例水务局", category=UnitCategory.AGENCY, uscc="91350100M000100Y43", address="示例路1号",
        superior="示例街道工委", contact_name="刘主任", contact_phone="13912345678", actor=SYSTEM, now=now,
    )  # fmt: skip
    for name, category in (("示例中学", UnitCategory.SCHOOL), ("示例供电公司", UnitCategory.STATE_FIRM)):
        units.create(session, community=tree.community, name=name, category=category, actor=SYSTEM, now=now)
    units.add_branch(session, unit=water, name="第一支部", actor=SYSTEM, now=now)
    slip = Slip("周局长", "刘主任", ("会议室", "法律咨询", "水管维修"))
    row = unit_registrations.submit(session, unit=water, slip=slip, actor=clerk, now=now)
    unit_registrations.accept(session, row, opinion="同意接收", actor=clerk, now=now)
    people = [a_member(session, now, tree, name, Purpose.SHARE_UNIT, unit=water) for name in NAMES]
    for days in (1, 3, 8):
        a_record(session, now, tree, people[0], day=now.date() - timedelta(days=days), minutes=90)
    _on_paper(session, tree, clerk, now)
    team = a_team(session, now, tree, people[1], people[2:5])
    teams.join(session, team, person=people[6], actor=Actor(people[6].id), now=now)
    own = session.execute(select(MemberRegistration).where(MemberRegistration.person_id == people[0].id)).scalar_one()
    receipt = documents.member_receipt(session, own, actor=clerk, base=BASE, now=now)
    broken = [(*line[:1], "138" if n % 4 == 1 else f"1370000{n:04}", "示例水务所" if n % 5 == 2 else "示例水务局", *line[1:])
              for n, line in enumerate((name, "第一支部", "示例社区", "在职") for name in NAMES)]  # fmt: skip
    draft = _draft(session, tree.community, [TITLE, HEADER, *broken], clerk, now)
    long = [(f"党员{chr(0x4E00 + n)}", f"1360000{n:04}", "示例水务局", "第一支部", "示例社区", "在职") for n in range(AT_ONCE + 1)]
    importing = roster_drafts.start(session, _draft(session, tree.community, [HEADER, *long], clerk, now), actor=clerk, now=now)
    good = _draft(session, tree.community, [TITLE, HEADER, *broken], clerk, now)
    made = roster_drafts.carry_out(session, good, actor=clerk, now=now)
    account = registry.create(session, created_via="wechat", now=now)
    merge = merges.absorb(session, empty=account, into=people[9], actor=clerk, now=now)
    return {
        "member": people[0].public_id, "unit": water.public_id, "team": team.public_id, "document": receipt.public_id,
        "draft": draft.public_id, "importing": importing.public_id, "imported": made.public_id, "merge": merge.public_id,
    }  # fmt: skip


def _on_paper(session: Session, tree: Tree, clerk: Actor, now: datetime) -> None:
    """赵大爷 has no phone; his registration waits."""
    who = Represented("赵大爷", None, MemberType.RESIDENT_PARTY, ConsentChannel.PAPER)
    details = Details(("书法", "修自行车"), (), ("周末上午",), "示例小区 3 幢", tree.grid)
    row = proxies.register(session, who=who, community=tree.community, details=details, actor=clerk, now=now)
    registrations.accept(session, row, actor=clerk, now=now)


def _draft(session: Session, node: OrgNode, rows: Sequence[Sequence[str]], clerk: Actor, now: datetime) -> RosterDraft:
    sheets = [Sheet("名册", tuple(tuple(row) for row in rows))]
    preview = rosters.check(session, kind=RosterKind.MEMBERS, node=node, sheets=sheets, supply=SUPPLY, actor=clerk, now=now)
    return roster_drafts.keep(
        session, preview=preview, sheets=sheets, node=node, filename="示例水务局名册.xlsx", sha256="0" * 64, supply=SUPPLY, actor=clerk,
        now=now,
    )  # fmt: skip
