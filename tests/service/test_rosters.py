"""Importing rosters: one path for dry run and import, repeatable, set by set (mission row A2)."""

from collections.abc import Sequence
from datetime import date, datetime

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from server.db import vault
from server.db.models.orgs import OrgNode, Unit, UnitBranch
from server.db.models.rosters import RosterEntry, RosterImport
from server.domain.orgs import Level, UnitCategory
from server.domain.people import MemberType
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.problems import Problem
from server.domain.rosters import RosterKind, Sheet
from server.services import orgs, roster_files, rosters, units
from server.services.roster_plans import Supply
from tests.factories.people import a_tree, actor_of, with_role
from tests.factories.roster_files import MEMBER_HEADER, excel_file, wps_file
from tests.factories.units import SUPPLY, a_roster_entry, a_unit, imported

MEMBERS, UNITS = RosterKind.MEMBERS, RosterKind.UNITS
ZHANG = ("张三", "13800000000", "示例水务局", "第一支部", "示例社区", "在职", "")
UNIT_HEADER = ("单位名称", "统一社会信用代码", "类别", "地址", "社区", "工委", "联系人", "电话")
BUREAU = ("示例水务局", "91350100M000100Y43", "机关", "示例路1号", "示例社区", "县直机关工委", "赵联络", "13900000000")


def counts(made: RosterImport | rosters.Preview) -> tuple[int, int, int, int]:
    """Created, updated, unchanged, failed."""
    return made.created, made.updated, made.unchanged, made.failed


def look(
    session: Session, now: datetime, node: OrgNode, kind: RosterKind, rows: Sequence[Sequence[str]], **over: object
) -> rosters.Preview:
    """A dry run."""
    values: dict[str, object] = {"supply": SUPPLY, "actor": SYSTEM, **over}
    sheets = [Sheet("名册", tuple(tuple(row) for row in rows))]
    return rosters.check(session, kind=kind, node=node, sheets=sheets, now=now, **values)  # type: ignore[arg-type]


def entries(session: Session) -> Sequence[RosterEntry]:
    return session.execute(select(RosterEntry).order_by(RosterEntry.id).execution_options(populate_existing=True)).scalars().all()


def opened(entry: RosterEntry) -> tuple[str, str]:
    """Name and phone of an entry."""
    return (
        vault.open_sealed(entry.salt, "roster_entry.name", entry.public_id, entry.name),
        vault.open_sealed(entry.salt, "roster_entry.phone", entry.public_id, entry.phone),
    )


def test_a_dry_run_writes_nothing_and_says_what_an_import_does(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    a_unit(session, now, tree)
    preview = look(session, now, tree.community, MEMBERS, [MEMBER_HEADER, ZHANG])
    assert counts(preview) == (1, 0, 0, 0)
    assert not entries(session)
    assert session.execute(select(func.count()).select_from(RosterImport)).scalar_one() == 0
    assert counts(imported(session, now, tree.community, MEMBERS, MEMBER_HEADER, ZHANG)) == (1, 0, 0, 0)


def test_an_entry_keeps_who_supplied_it_and_its_name_sealed(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    entry = a_roster_entry(session, now, a_unit(session, now, tree), name="张三", phone="13800000000", community="示例")
    assert opened(entry) == ("张三", "13800000000")
    assert "张三".encode() not in entry.name
    assert (entry.supplied_by, entry.basis) == (SUPPLY.by, SUPPLY.basis)
    assert (entry.community_id, entry.member_type) == (tree.community.id, MemberType.IN_SERVICE)
    assert session.get_one(UnitBranch, entry.branch_id).name == "第一支部"


def test_salts_are_each_entry_s_own(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    unit = a_unit(session, now, tree)
    imported(session, now, tree.community, MEMBERS, MEMBER_HEADER, ZHANG, ("李四", "13800000001", unit.name, "", "", "", ""))
    first, second = entries(session)
    assert first.salt != second.salt


def test_the_same_file_again_changes_nothing(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    a_unit(session, now, tree)
    imported(session, now, tree.community, MEMBERS, MEMBER_HEADER, ZHANG)
    again = ("张 三", "１３８ ００００ ００００", "示例水务局", "第一支部", "示例", "在职党员", "无")
    clean = [tuple(map(roster_files.cell_text, row)) for row in (MEMBER_HEADER, again)]
    assert counts(imported(session, now, tree.community, MEMBERS, *clean)) == (0, 0, 1, 0)
    assert len(entries(session)) == 1


def test_changed_values_update_the_entry(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    a_unit(session, now, tree)
    imported(session, now, tree.community, MEMBERS, MEMBER_HEADER, ZHANG)
    moved = ("张三", "13800000000", "示例水务局", "离退休支部", "邻近社区", "退休", "病休")
    assert counts(imported(session, now, tree.community, MEMBERS, MEMBER_HEADER, moved)) == (0, 1, 0, 0)
    (entry,) = entries(session)
    assert (entry.community_id, entry.member_type, entry.exempt) == (tree.neighbour.id, MemberType.RETIRED, "病休")
    assert session.get_one(UnitBranch, entry.branch_id).name == "离退休支部"


def test_what_a_file_has_no_column_for_stays(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    a_unit(session, now, tree)
    imported(session, now, tree.community, MEMBERS, MEMBER_HEADER, ZHANG)
    narrow = [("姓名", "单位", "免报到原因"), ("张三", "示例水务局", "借调")]
    assert counts(imported(session, now, tree.community, MEMBERS, *narrow)) == (0, 1, 0, 0)
    (entry,) = entries(session)
    assert (entry.exempt, entry.community_id, opened(entry)[1]) == ("借调", tree.community.id, "13800000000")


def test_a_phone_that_comes_later_goes_to_the_same_entry(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    a_unit(session, now, tree)
    imported(session, now, tree.community, MEMBERS, MEMBER_HEADER, ("张三", "", *ZHANG[2:]))
    assert counts(imported(session, now, tree.community, MEMBERS, MEMBER_HEADER, ZHANG)) == (0, 1, 0, 0)
    (entry,) = entries(session)
    assert opened(entry) == ("张三", "13800000000")
    assert entry.phone_hash == vault.lookup_hash("phone", "13800000000")


def test_two_of_one_name_with_two_phones_are_two_people(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    a_unit(session, now, tree)
    other = ("张三", "13800000009", *ZHANG[2:])
    assert counts(imported(session, now, tree.community, MEMBERS, MEMBER_HEADER, ZHANG, other)) == (2, 0, 0, 0)
    assert counts(imported(session, now, tree.community, MEMBERS, MEMBER_HEADER, other)) == (0, 0, 1, 0)


def test_wrong_rows_are_named_and_the_others_imported(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    a_unit(session, now, tree)
    rows = (
        ZHANG,
        ("李四", "138", *ZHANG[2:]),
        ("王五", "13800000002", "没有的单位", "", "没有的社区", "", ""),
        ("张三", "13800000000", "示例水务局", "", "", "", ""),
    )
    made = imported(session, now, tree.community, MEMBERS, MEMBER_HEADER, *rows)
    assert counts(made) == (1, 0, 0, 3)
    assert made.errors == [
        {"cell": "B3", "message": "手机号应为 11 位"},
        {"cell": "C4", "message": "没有找到这个单位，请先导入单位名册或核对名称"},
        {"cell": "E4", "message": "没有找到这个社区，请核对名称或改填社区代码"},
        {"cell": "A5", "message": "与第 2 行是同一个人，请删去一行"},
    ]


def test_a_community_name_that_two_have_must_be_a_code(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    a_unit(session, now, tree)
    street = orgs.create(
        session, parent=tree.county, level=Level.STREET, name="另一街道", valid_from=date(2026, 1, 1), actor=SYSTEM, now=now
    )
    twin = orgs.create(
        session, parent=street, level=Level.COMMUNITY, name="示例社区", code="SL9", valid_from=date(2026, 1, 1), actor=SYSTEM, now=now
    )
    (error,) = look(session, now, tree.community, MEMBERS, [MEMBER_HEADER, ZHANG]).errors
    assert (error.cell, "代码" in error.message) == ("E2", True)
    imported(session, now, tree.community, MEMBERS, MEMBER_HEADER, (*ZHANG[:4], "SL9", "", ""))
    assert entries(session)[0].community_id == twin.id


def test_units_by_credit_code_wherever_they_moved(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    assert counts(imported(session, now, tree.street, UNITS, UNIT_HEADER, BUREAU)) == (1, 0, 0, 0)
    assert counts(imported(session, now, tree.street, UNITS, UNIT_HEADER, BUREAU)) == (0, 0, 1, 0)
    moved = ("示例县水务局", BUREAU[1], "事业单位", "新路2号", "邻近社区", "", "钱联络", "010-12345678")
    assert counts(imported(session, now, tree.street, UNITS, UNIT_HEADER, moved)) == (0, 1, 0, 0)
    unit = session.execute(select(Unit)).scalar_one()
    assert (unit.name, unit.category, unit.community_id) == ("示例县水务局", UnitCategory.INSTITUTION, tree.neighbour.id)
    assert units.contact_of(unit) == units.Contact("钱联络", "01012345678")


def test_units_by_name_within_their_community(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    header = ("单位名称", "社区")
    first = imported(session, now, tree.street, UNITS, header, ("示例银行", "示例社区"), ("示例银行", "邻近社区"))
    assert counts(first) == (2, 0, 0, 0)
    again = imported(session, now, tree.community, UNITS, ("单位名称", "信用代码"), ("示例银行", "91350100M000100Y43"))
    assert counts(again) == (0, 1, 0, 0)
    assert session.execute(select(func.count()).select_from(Unit)).scalar_one() == 2


def test_a_unit_of_another_community_is_not_taken(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    imported(session, now, tree.street, UNITS, UNIT_HEADER, BUREAU)
    preview = look(session, now, tree.neighbour, UNITS, [("单位名称", "信用代码"), BUREAU[:2]])
    assert counts(preview) == (0, 0, 0, 1)
    assert preview.errors[0].cell == "B2"
    assert counts(look(session, now, tree.neighbour, UNITS, [UNIT_HEADER, BUREAU])) == (0, 0, 0, 1)


def test_a_unit_named_twice_in_a_file(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    preview = look(session, now, tree.community, UNITS, [UNIT_HEADER, BUREAU, BUREAU])
    assert [str(error) for error in preview.errors] == ["A3: 与第 2 行是同一个单位，请删去一行"]


@pytest.mark.parametrize("make", [excel_file, wps_file])
def test_real_files_end_to_end(session: Session, now: datetime, make: object) -> None:
    tree = a_tree(session, now)
    a_unit(session, now, tree)
    sheets = roster_files.read_file(make([MEMBER_HEADER, ZHANG]), "名册.xlsx")  # type: ignore[operator]
    preview = rosters.check(session, kind=MEMBERS, node=tree.county, sheets=sheets, supply=SUPPLY, actor=SYSTEM, now=now)
    assert (counts(preview), preview.ignored) == ((1, 0, 0, 0), ())


def test_only_within_one_s_own_community(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    a_unit(session, now, tree)
    actor = actor_of(session, with_role(session, now, Role.CLERK, tree.neighbour), now)
    with pytest.raises(Problem, match="NOT_FOUND"):
        look(session, now, tree.community, MEMBERS, [MEMBER_HEADER, ZHANG], actor=actor)
    preview = look(session, now, tree.neighbour, MEMBERS, [MEMBER_HEADER, ZHANG], actor=actor)
    assert [error.cell for error in preview.errors] == ["C2"]  # a unit of another community stays unknown


def test_without_supplier_or_basis_nothing_is_imported(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    with pytest.raises(Problem, match="INVALID") as refusal:
        look(session, now, tree.community, MEMBERS, [MEMBER_HEADER, ZHANG], supply=Supply(" ", ""))
    assert set(refusal.value.fields) == {"supplied_by", "basis"}


def test_imports_are_listed_newest_first_within_scope(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    a_unit(session, now, tree)
    first = imported(session, now, tree.community, MEMBERS, MEMBER_HEADER, ZHANG)
    second = imported(session, now, tree.neighbour, UNITS, ("单位名称",), ("示例学校",))
    everything, following = rosters.page(session, actor=SYSTEM, after=None, limit=1)
    assert [row.id for row, *_ in everything] == [second.id]
    rest, end = rosters.page(session, actor=SYSTEM, after=following, limit=1)
    assert ([row.id for row, *_ in rest], end) == ([first.id], None)
    clerk: Actor = actor_of(session, with_role(session, now, Role.CLERK, tree.neighbour), now)
    assert [name for _row, _node, name in rosters.page(session, actor=clerk, after=None, limit=10)[0]] == ["邻近社区"]


def test_three_thousand_rows_in_sets(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    a_unit(session, now, tree)
    rows = [MEMBER_HEADER, *((f"党员{chr(0x4E00 + n)}", str(13000000000 + n), *ZHANG[2:]) for n in range(3000))]
    sent: list[str] = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *args: sent.append(args[2]))
    told: list[tuple[str, int, int]] = []
    preview = look(session, now, tree.community, MEMBERS, rows)
    rosters.apply(
        session, preview=preview, node=tree.community, filename="大.xlsx", sha256="0" * 64, supply=SUPPLY, actor=SYSTEM, now=now,
        progress=lambda *step: told.append(step),
    )  # fmt: skip
    assert len(entries(session)) == 3000
    assert len(sent) < 30  # by thousands, not by rows
    assert told == [("写入", 1000, 3000), ("写入", 2000, 3000), ("写入", 3000, 3000)]


def messages(preview: rosters.Preview) -> list[tuple[str, str]]:
    return [(error.cell, error.message) for error in preview.errors]


def test_all_that_is_wrong_with_a_members_row_is_told_at_once(session: Session, now: datetime) -> None:
    """A cell that cannot be read does not hide an unknown unit, an unknown community or a double in the same row."""
    tree = a_tree(session, now)
    a_unit(session, now, tree)
    rows = [
        MEMBER_HEADER,
        ("李四", "123", "不存在的单位", "", "不存在的社区", "外星人", ""),
        ZHANG,
        (*ZHANG[:4], "不存在的社区", "外星人", ""),
        ("王五", "12x", "不存在的单位", "", "", "", ""),
    ]
    preview = look(session, now, tree.community, MEMBERS, rows)
    assert counts(preview) == (1, 0, 0, 3)
    assert [cell for cell, _message in messages(preview)] == ["B2", "C2", "E2", "F2", "A4", "E4", "F4", "B5", "C5"]
    assert dict(messages(preview))["A4"] == "与第 3 行是同一个人，请删去一行"


def test_all_that_is_wrong_with_a_units_row_is_told_at_once(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    a_unit(session, now, tree, name="别处的单位", community=tree.neighbour, uscc=BUREAU[1])
    rows = [
        UNIT_HEADER,
        ("甲单位", BUREAU[1], "外星人", "", "不存在的社区", "", "", "abc"),
        ("乙单位", "", "机关", "", "示例社区", "", "", ""),
        ("乙单位", "", "外星人", "", "示例社区", "", "", ""),
        ("丙单位", "123", "机关", "", "不存在的社区", "", "", ""),
    ]
    preview = look(session, now, tree.community, UNITS, rows)
    assert counts(preview) == (1, 0, 0, 3)
    assert [cell for cell, _message in messages(preview)] == ["B2", "C2", "E2", "H2", "A4", "C4", "B5", "E5"]


def test_a_cell_that_cannot_be_read_is_told_once(session: Session, now: datetime) -> None:
    """An unreadable unit is not called unknown besides; a row that could be read wins over a broken one with the same person."""
    tree = a_tree(session, now)
    a_unit(session, now, tree)
    rows = [MEMBER_HEADER, (*ZHANG[:5], "外星人", ""), ZHANG, ("李四", "", "#REF!", "", "#N/A", "", "")]
    preview = look(session, now, tree.community, MEMBERS, rows)
    assert counts(preview) == (1, 0, 0, 2)
    assert [cell for cell, _message in messages(preview)] == ["A2", "F2", "C4", "E4"]
    blank = look(session, now, tree.street, UNITS, [UNIT_HEADER, ("甲单位", "", "", "", "#REF!", "", "", "")])
    assert [cell for cell, _message in messages(blank)] == ["E2"]
