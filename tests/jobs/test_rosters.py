"""The import of a long roster: twice, killed half-way, refused; and forgetting what nobody imported."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from jobs import entry, rosters
from server import files
from server.db.base import reading, transaction
from server.db.models.notices import Notice
from server.db.models.people import RoleGrant
from server.db.models.platform import Outbox
from server.db.models.rosters import RosterDraft, RosterEntry, RosterImport
from server.domain.permissions import Role
from server.domain.problems import Problem
from server.domain.rosters import AT_ONCE, DraftState, RosterKind, Sheet
from server.services import roster_drafts, roster_members
from server.services import rosters as importing
from tests.factories.people import a_tree, actor_of, with_role
from tests.factories.units import SUPPLY, a_unit
from tests.jobs import support

HEADER = ("姓名", "手机", "工作单位")


@pytest.fixture
def asked(database: Engine, redis: Any, vaulted: None, now: datetime) -> int:
    """A draft of AT_ONCE + 1 rows, of which one names no unit; the clerk has asked to import it."""
    with transaction() as session:
        tree = a_tree(session, now)
        clerk = actor_of(session, with_role(session, now, Role.CLERK, tree.community), now)
        unit = a_unit(session, now, tree)
        rows = [(f"党员{chr(0x4E00 + n)}", str(13000000000 + n), unit.name if n else "没有的单位") for n in range(AT_ONCE + 1)]
        sheets = [Sheet("名册", (HEADER, *rows))]
        preview = importing.check(
            session, kind=RosterKind.MEMBERS, node=tree.community, sheets=sheets, supply=SUPPLY, actor=clerk, now=now
        )  # fmt: skip
        draft = roster_drafts.keep(
            session, preview=preview, sheets=sheets, node=tree.community, filename="大.xlsx", sha256="0" * 64, supply=SUPPLY, actor=clerk,
            now=now,
        )  # fmt: skip
        roster_drafts.start(session, draft, actor=clerk, now=now)
        roster_drafts.start(session, draft, actor=clerk, now=now)
        assert draft.state is DraftState.IMPORTING
        return draft.id


def draft_of(draft_id: int) -> RosterDraft:
    with reading() as session:
        return session.get_one(RosterDraft, draft_id)


def counted() -> tuple[int, int]:
    with reading() as session:
        return len(session.execute(select(RosterImport.id)).all()), len(session.execute(select(RosterEntry.id)).all())


def outcomes() -> list[str]:
    with reading() as session:
        return [facts["outcome"] for facts in session.execute(select(Notice.facts)).scalars()]


def test_the_job_imports_the_good_rows_once_and_says_so(asked: int) -> None:
    with reading() as session:
        (outbox,) = session.execute(select(Outbox.id).where(Outbox.job == "rosters.import")).scalars()
    entry.run_outbox(outbox)
    entry.run_outbox(outbox)
    assert draft_of(asked).state is DraftState.DONE
    assert counted() == (1, AT_ONCE)
    assert outcomes() == ["imported"]
    assert roster_drafts.progress_of(draft_of(asked)) == ("写入", AT_ONCE, AT_ONCE)


def test_run_twice_it_imports_once(asked: int, now: datetime) -> None:
    rosters.import_draft(now, draft_id=asked)
    rosters.import_draft(now, draft_id=asked)
    assert counted() == (1, AT_ONCE)


def test_killed_half_way_it_is_done_by_the_next_run(asked: int, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as deadly:
        deadly.setattr(roster_members, "_branches", support.suicide)
        support.dies(lambda: rosters.import_draft(now, draft_id=asked))
    assert counted() == (0, 0)
    rosters.import_draft(now, draft_id=asked)
    assert counted() == (1, AT_ONCE)


def test_who_lost_the_role_in_between_is_told(asked: int, now: datetime) -> None:
    with transaction() as session:
        session.execute(select(RoleGrant)).scalar_one().valid_to = now.date()
    rosters.import_draft(now, draft_id=asked)
    assert (draft_of(asked).state, draft_of(asked).problem) == (DraftState.FAILED, "NOT_FOUND")
    assert counted() == (0, 0)
    assert outcomes() == ["failed"]


def test_what_nobody_imported_is_forgotten_after_a_week(asked: int, now: datetime) -> None:
    rosters.import_draft(now, draft_id=asked)
    draft = draft_of(asked)
    rosters.forget(now + timedelta(days=6))
    assert roster_drafts.content_of(draft).sheet == "名册"
    rosters.forget(now + timedelta(days=7))
    with reading() as session:
        assert session.get(RosterDraft, asked) is None
    with pytest.raises(FileNotFoundError):
        files.get(roster_drafts.area(draft.public_id), draft.sha256)
    with pytest.raises(Problem, match="ROSTER_DRAFT_GONE"):
        roster_drafts.content_of(draft)
    rosters.forget(now + timedelta(days=7))


def test_the_kept_file_tells_no_name(asked: int) -> None:
    draft = draft_of(asked)
    kept = files.get(roster_drafts.area(draft.public_id), draft.sha256)
    assert "党员".encode() not in kept
    assert b"13000000" not in kept
