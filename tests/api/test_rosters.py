"""Importing rosters over HTTP."""

import io
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from server.db.base import reading, transaction
from server.db.models.rosters import RosterEntry
from server.domain.permissions import Role
from server.domain.rosters import COLUMNS, RosterKind
from server.services import roster_files
from tests.factories.people import Tree, a_person, a_tree, headers, token_of, with_role
from tests.factories.roster_files import MEMBER_HEADER, bomb, excel_file, plain_xlsx
from tests.factories.units import a_unit

ROWS = [MEMBER_HEADER, ("张三", 13800000000, "示例水务局", "第一支部", "示例社区", "在职", None), ("李四", "138", "示例水务局")]


def clerk_of(now: datetime) -> tuple[Tree, str]:
    """The tree with a unit, and its clerk's token."""
    with transaction() as session:
        tree = a_tree(session, now)
        a_unit(session, now, tree)
        return tree, token_of(session, with_role(session, now, Role.CLERK, tree.community), now)


def send(client: FlaskClient, tree: Tree, token: str, data: bytes, name: str = "名册.xlsx", **over: Any) -> Any:
    """Upload a roster of members for 示例社区."""
    form = {"kind": "members", "node": tree.community.public_id, "supplied_by": "组织部", "basis": "共享协议", **over}
    return client.post("/api/v1/roster-imports", data={**form, "file": (io.BytesIO(data), name)}, headers=headers(token) if token else {})


def count() -> int:
    with reading() as session:
        return session.execute(select(func.count()).select_from(RosterEntry)).scalar_one()


def test_a_dry_run_then_the_import_then_again(client: FlaskClient, now: datetime) -> None:
    tree, token = clerk_of(now)
    tried = send(client, tree, token, excel_file(ROWS), dry_run="true").json
    assert (tried["id"], tried["created"], tried["failed"], count()) == (None, 1, 1, 0)
    assert tried["errors"] == [{"cell": "B6", "message": "手机号应为 11 位"}]
    done = send(client, tree, token, excel_file(ROWS)).json
    assert (done["created"], done["rows"], done["errors_total"], count()) == (1, 2, 1, 1)
    again = send(client, tree, token, excel_file(ROWS)).json
    assert (again["created"], again["unchanged"], count()) == (0, 1, 1)
    listed = client.get("/api/v1/roster-imports?limit=1", headers=headers(token)).json
    assert (listed["items"][0]["id"], listed["items"][0]["node_name"], listed["items"][0]["basis"]) == (again["id"], "示例社区", "共享协议")
    rest = client.get(f"/api/v1/roster-imports?after={listed['next']}", headers=headers(token)).json
    assert ([row["id"] for row in rest["items"]], rest["next"]) == ([done["id"]], None)


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (plain_xlsx([("姓名", "单位", "身份证号"), ("张三", "示例水务局", "")]), 422, "ROSTER_ID_COLUMN"),
        (b"not a roster", 422, "ROSTER_FORMAT"),
        (b"PK\x03\x04 cut short", 422, "ROSTER_UNREADABLE"),
        (plain_xlsx([("甲", "乙")]), 422, "ROSTER_NO_HEADER"),
        (bomb(roster_files.MOST_UNPACKED + 1), 413, "ROSTER_TOO_BIG"),
    ],
)
def test_files_that_are_refused(client: FlaskClient, now: datetime, data: bytes, status: int, code: str) -> None:
    tree, token = clerk_of(now)
    answer = send(client, tree, token, data)
    assert (answer.status_code, answer.json["error"]["code"], count()) == (status, code, 0)


def test_who_may_not(client: FlaskClient, now: datetime) -> None:
    tree, token = clerk_of(now)
    with transaction() as session:
        nobody = token_of(session, a_person(session, now), now)
        other = token_of(session, with_role(session, now, Role.CLERK, tree.neighbour), now)
    data = plain_xlsx(ROWS)
    assert send(client, tree, "", data).status_code == 401
    assert send(client, tree, nobody, data).status_code == 403
    assert send(client, tree, other, data).status_code == 404
    assert send(client, tree, token, data, supplied_by="").json["error"]["fields"].keys() == {"supplied_by"}
    form = {"kind": "members", "node": tree.community.public_id, "supplied_by": "a", "basis": "b"}
    assert client.post("/api/v1/roster-imports", data=form, headers=headers(token)).json["error"]["fields"].keys() == {"file"}


@pytest.mark.parametrize("kind", list(RosterKind))
def test_the_template(client: FlaskClient, now: datetime, kind: RosterKind) -> None:
    _, token = clerk_of(now)
    answer = client.get(f"/api/v1/roster-templates/{kind.value}", headers=headers(token))
    assert answer.mimetype == roster_files.XLSX
    assert roster_files.read_file(answer.data, "x.xlsx")[0].rows[0] == tuple(column.title for column in COLUMNS[kind])
    assert client.get("/api/v1/roster-templates/others", headers=headers(token)).status_code == 404
