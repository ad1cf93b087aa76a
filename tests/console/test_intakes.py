"""代录 at the desk: one by telephone, ten in a table, a sheet; errors stand at their cells and nothing typed is lost."""

from __future__ import annotations

import re
from datetime import datetime
from io import BytesIO

from flask import Flask
from openpyxl import Workbook, load_workbook
from PIL import Image
from sqlalchemy import func, select

from jobs.media import reencode
from server.db.base import transaction
from server.db.models.media import Media
from server.db.models.requests import Request
from server.domain.media import MediaState
from server.domain.permissions import Role
from server.domain.requests import Channel, CheckState, Relation
from server.services import media, people
from tests.console.conftest import Seat, seat_of
from tests.factories.people import Tree
from tests.factories.requests import a_request, a_requester

CALL = {
    "channel": "phone", "phone": "", "name": "王奶奶", "category": "repairs", "content": "楼道灯不亮", "grid": "", "place": "3号楼",
    "urgency": "normal", "consent": "spoken",
}  # fmt: skip


def a_photo() -> bytes:
    """A small JPEG that says where it was taken."""
    hidden, out = Image.Exif(), BytesIO()
    hidden[0x010E] = "31.2304N 121.4737E"
    Image.new("RGB", (64, 48), (90, 9, 9)).save(out, "JPEG", exif=hidden)
    return out.getvalue()


def all_requests() -> list[Request]:
    with transaction() as session:
        return list(session.execute(select(Request).order_by(Request.id)).scalars())


def test_a_call_becomes_a_request_on_one_screen(secretary: Seat, tree: Tree) -> None:
    secretary.get("/console/intake")
    secretary.post("/console/intake", **CALL, elder="y", once="once-1")
    assert (secretary.status, "已记下，单号" in secretary.said, "研判受理" in secretary.said) == (200, True, True)
    secretary.get("/console/intake")
    secretary.post("/console/intake", **CALL, elder="y", once="once-1")
    (made,) = all_requests()
    assert (made.channel, made.relation, made.check_state) == (Channel.PHONE, Relation.CLERK, CheckState.PASSED)


def test_what_is_missing_is_said_at_its_field_and_the_rest_stays(secretary: Seat) -> None:
    secretary.get("/console/intake")
    secretary.post("/console/intake", **{**CALL, "name": "", "phone": "139", "content": "<b>灯</b>"})
    assert secretary.status == 422
    for words in ("请填写这一项", "手机号应为 11 位", "<b>灯</b>", "3号楼"):
        assert words in secretary.said or words in secretary.html
    assert "<b>灯</b>" not in secretary.html
    assert all_requests() == []


def test_a_number_of_somebody_else_keeps_what_was_typed(secretary: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        person = a_requester(session, now, "李四")
        phone = people.phone_of(person)
    secretary.get("/console/intake")
    secretary.post("/console/intake", **{**CALL, "phone": phone})
    assert (secretary.status, "这个手机号已绑定其他人" in secretary.said, "楼道灯不亮" in secretary.html) == (409, True, True)


def test_a_number_is_looked_up_before_anything_is_written(secretary: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        person = a_requester(session, now, "李四")
        phone = people.phone_of(person)
        request = a_request(session, now, tree, person)
    secretary.get("/console/intake")
    secretary.post("/console/intake", **{**CALL, "phone": phone}, find="1")
    assert "登记过：李**" in secretary.said
    assert str(request.number) in secretary.said
    assert "楼道灯不亮" in secretary.html
    assert len(all_requests()) == 1


def test_ten_rows_of_a_round_errors_at_their_cells(secretary: Seat, tree: Tree) -> None:
    secretary.get("/console/intake/round")
    rows = {
        "name-0": "王奶奶",
        "content-0": "灯不亮",
        "name-1": "赵大爷",
        "phone-1": "12",
        "content-1": "下水道堵了",
        "name-3": "",
        "content-3": "x",
    }
    secretary.post("/console/intake/round", **rows, grid=tree.grid.public_id)
    assert secretary.status == 422
    for words in ("收下了 1 条", "手机号应为 11 位", "姓名必须填写"):
        assert words in secretary.said
    assert "下水道堵了" in secretary.html
    assert "王奶奶" not in secretary.html
    secretary.post("/console/intake/round", **{"name-0": "赵大爷", "content-0": "下水道堵了"}, grid="")
    assert "收下了 1 条" in secretary.said
    assert [(row.channel, row.grid_id) for row in all_requests()] == [(Channel.ROUND, tree.grid.id), (Channel.ROUND, None)]


def test_an_empty_round_is_asked_again(secretary: Seat) -> None:
    secretary.get("/console/intake/round")
    secretary.post("/console/intake/round", grid="")
    assert (secretary.status, "请至少填一行" in secretary.said) == (422, True)


def sheet(rows: list[list[str]]) -> bytes:
    book = Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_sheet_is_taken_and_its_wrong_cells_are_named(secretary: Seat, tree: Tree) -> None:
    secretary.get("/console/intake/upload")
    data = sheet([["姓名", "手机号", "类别", "诉求内容"], ["王奶奶", "", "", "楼道灯不亮"], ["赵大爷", "12", "吃饭", "=1+1"]])
    secretary.post("/console/intake/upload", file=(BytesIO(data), "round.xlsx"), grid="")
    assert secretary.status == 200
    for words in ("收下了 1 条", "1 行没有收下", "B3", "C3"):
        assert words in secretary.said
    secretary.post("/console/intake/upload", file=(BytesIO(b"nonsense"), "round.docx"), grid="")
    assert (secretary.status, "另存为 .xlsx" in secretary.said) == (422, True)
    with transaction() as session:
        assert session.execute(select(func.count()).select_from(Request)).scalar_one() == 1


def test_the_template_holds_the_columns(secretary: Seat) -> None:
    answer = secretary.client.get("/console/intake/template")
    book = load_workbook(BytesIO(answer.data))
    assert [cell.value for cell in book.worksheets[0][1]][:4] == ["姓名", "手机号", "类别", "诉求内容"]


def test_a_grid_worker_names_his_grid_and_his_words_are_looked_at(app: Flask, tree: Tree, now: datetime) -> None:
    worker = seat_of(app, now, Role.GRID_WORKER, tree.grid, "吴网格")
    worker.get("/console/intake")
    assert "不清楚" not in worker.said
    assert "查一下这个电话" not in worker.said
    worker.post("/console/intake", **{**CALL, "grid": tree.grid.public_id})
    assert "已记下" in worker.said
    (made,) = all_requests()
    assert (made.relation, made.check_state) == (Relation.GRID_WORKER, CheckState.REVIEW)


def test_nobody_enters_for_another_community(stranger: Seat, tree: Tree) -> None:
    for page in ("/console/intake", "/console/intake/round", "/console/intake/upload"):
        stranger.get(f"{page}?at={tree.community.public_id}")
        assert stranger.status == 404
    stranger.get("/console/intake")
    stranger.post("/console/intake", **{**CALL, "at": tree.community.public_id})
    assert stranger.status == 404
    stranger.get("/console/intake")
    stranger.post("/console/intake", **{**CALL, "grid": tree.grid.public_id})
    assert stranger.status in (404, 422)
    assert all_requests() == []


def pictures_of(request: Request) -> list[Media]:
    with transaction() as session:
        return media.of_subject(session, "request", request.id)


def test_photos_of_a_caller_are_kept_without_what_is_hidden_in_them(secretary: Seat) -> None:
    secretary.get("/console/intake")
    assert 'enctype="multipart/form-data"' in secretary.html
    secretary.post("/console/intake", **CALL, photos=[(BytesIO(a_photo()), "1.jpg"), (BytesIO(a_photo()), "2.jpg")])
    assert "已记下，单号" in secretary.said
    (made,) = all_requests()
    kept = pictures_of(made)
    assert [(one.state, one.check_state) for one in kept] == [(MediaState.UPLOADED, CheckState.PASSED)] * 2
    reencode(kept[0].created_at, media_id=kept[0].id)
    seen = secretary.client.get(f"/console/media/{kept[0].public_id}/picture").data
    assert (seen[:3], Image.open(BytesIO(seen)).getexif()) == (b"\xff\xd8\xff", {})
    assert made.check_state is CheckState.PASSED


def test_what_is_no_photo_keeps_what_was_typed_and_writes_nothing(secretary: Seat) -> None:
    secretary.get("/console/intake")
    secretary.post("/console/intake", **CALL, photos=[(BytesIO(a_photo()), "1.jpg"), (BytesIO(b"MZ"), "2.jpg")])
    assert (secretary.status, 'value="王奶奶"' in secretary.html, "楼道灯不亮" in secretary.html) == (422, True, True)
    assert all_requests() == []
    secretary.post("/console/intake", **CALL, photos=[(BytesIO(a_photo()), f"{number}.jpg") for number in range(10)])
    assert (secretary.status, all_requests()) == (422, [])


def test_a_grid_worker_s_photos_wait_for_a_look(app: Flask, tree: Tree, now: datetime) -> None:
    worker = seat_of(app, now, Role.GRID_WORKER, tree.grid, "吴网格")
    worker.get("/console/intake")
    worker.post("/console/intake", **{**CALL, "grid": tree.grid.public_id}, photos=[(BytesIO(a_photo()), "1.jpg")])
    (made,) = all_requests()
    assert [one.check_state for one in pictures_of(made)] == [CheckState.CHECKING]


def test_enter_saves_and_does_not_look_the_number_up(secretary: Seat) -> None:
    """A browser presses the first button of the form."""
    secretary.get("/console/intake")
    form = secretary.html.split('<form method="post" enctype', 1)[1]
    first = re.search(r"<button[^>]*>[^<]*", form)
    assert first is not None
    assert "find" not in first.group()
    assert first.group().endswith("记下")
