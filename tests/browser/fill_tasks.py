"""A community's spring: a clinic today with a code that turns, a post with shifts, a draft; who claimed and who came."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from server.db.models.people import Person
from server.db.models.tasks import Claim, Task
from server.domain.permissions import SYSTEM, Actor
from server.domain.posters import PosterForm, PosterStyle
from server.domain.records import Method
from server.domain.tasks import ClaimState
from server.services import attendance, codes, halls, posters, tasks
from tests.factories.checkins import code_of
from tests.factories.people import Tree, a_person, actor_of
from tests.factories.registrations import a_member, a_unit
from tests.factories.tasks import a_claim, a_draft, a_post, a_shift, a_task

NAMES = ["赵建国", "钱秀英", "孙伟", "李桂兰", "周明", "吴丽华", "郑强", "王玉珍", "冯涛"]
CLINIC = "请县医院的三位医生来，量血压、测血糖、看颈椎腰椎；需要两位同志引导、一位同志登记。"


def fill(session: Session, tree: Tree, secretary: Person, now: datetime) -> Mapping[str, str]:
    """Public ids: task, post, task_draft, task_claim, task_code (static), turning (a code that rotates), poster (all of them), hall."""
    actor = actor_of(session, secretary, now)
    organiser = a_person(session, now, "周组织")
    hours = {"starts_at": now, "ends_at": now + timedelta(hours=2)}
    words = {"content": CLINIC, "place": "示例小区中心花园", "risk_note": "人多时请排队，注意台阶", "category": "hygiene"}
    clinic = a_task(session, now, tree, organiser, title="社区义诊进小区", rotating=True, **words, **hours)
    clean = a_task(
        session,
        now,
        tree,
        organiser,
        title="清理三号楼楼道杂物",
        claim_needed=False,
        starts_at=now + timedelta(hours=5),
        ends_at=now + timedelta(hours=7),
    )
    post = a_post(session, now, tree, organiser, title="晚间治安巡逻", place="示例小区东门集合", capacity=6)
    for days in range(1, 6):
        a_shift(session, now, post, in_hours=24 * days + 10)
    draft = a_draft(
        session,
        now,
        tree,
        secretary,
        title="清明前文明祭扫宣传",
        starts_at=now + timedelta(days=20),
        ends_at=now + timedelta(days=20, hours=2),
    )
    off = a_task(
        session, now, tree, secretary, title="广场露天电影", starts_at=now + timedelta(days=3), ends_at=now + timedelta(days=3, hours=2)
    )
    tasks.cancel(session, off, reason="预报有大雨，改到下周", actor=SYSTEM, now=now)
    claim = _attend(session, tree, clinic, actor, now)
    posters.of_code(session, code_of(session, clean), form=PosterForm.PDF_A4, style=PosterStyle.LINK, actor=actor, now=now)
    codes.revoke(session, code_of(session, clean), reason="海报被撕走", actor=actor, now=now)
    sheet = posters.of_community(session, tree.community, form=PosterForm.PDF_A4, style=PosterStyle.LINK, actor=actor, now=now)
    link = halls.open_link(session, tree.community, label="一楼大厅电视", actor=actor, now=now)
    return {
        "task": clinic.public_id,
        "post": post.public_id,
        "task_claim": claim.public_id,
        "task_draft": draft.public_id,
        "task_code": code_of(session, clean).public_id,
        "turning": code_of(session, clinic).public_id,
        "poster": sheet.public_id,
        "hall": link.public_id,
    }


def _attend(session: Session, tree: Tree, task: Task, actor: Actor, now: datetime) -> Claim:
    """Nine claimed, one of them waits; five came, and one who had not claimed. Returns the claim of one who did not come."""
    unit = a_unit(session, now, tree, "示例县税务局")
    members = [a_person(session, now, name, unit_id=unit.id) for name in NAMES]
    approved = [a_claim(session, now, task, member) for member in members[:-1]]
    a_claim(session, now, task, members[-1], ClaimState.PENDING)
    came = [person.public_id for person in [*members[:5], a_member(session, now, tree, "<i>何平</i>", unit=unit)]]
    attendance.record(session, task, people=came, method=Method.TICK, started_at=now, ended_at=None, actor=actor, now=now)
    return approved[-1]
