"""二维码与海报 at the console: what is listed, printing as a job, revoking and what must be printed again; screens and halls."""

from __future__ import annotations

import base64
import io
import re
from datetime import datetime, timedelta
from html import unescape

import pytest
import zxingcpp
from flask import Flask
from PIL import Image
from sqlalchemy import select

from jobs import posters as job
from server.db.base import reading, transaction
from server.db.models.codes import Code, HallLink, PosterPrint, Screen
from server.domain.permissions import Role
from server.services import codes
from tests.conftest import Time
from tests.console.conftest import Seat, seat_of
from tests.console.support import asks_first
from tests.console.test_tasks import statements_of
from tests.factories.checkins import a_scan, code_of, open_task
from tests.factories.people import Tree, a_person


def read(uri: str) -> str:
    """The text behind a picture of one pixel a module."""
    image = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("L")
    found = zxingcpp.read_barcodes(image.resize((image.width * 6, image.height * 6), Image.Resampling.NEAREST))
    return found[0].text


def newest_print() -> PosterPrint:
    with reading() as session:
        return session.execute(select(PosterPrint).order_by(PosterPrint.id.desc()).limit(1)).scalar_one()


def token_in(text: str) -> str:
    """The token of the first code's picture on a page."""
    return read(re.findall(r'src="(data:image/png[^"]+)"', text)[0]).rpartition("/")[2]


@pytest.fixture
def coded(secretary: Seat, tree: Tree, now: datetime) -> tuple[Code, Code]:
    """The static code of one activity and the rotating one of another."""
    with transaction() as session:
        organiser = a_person(session, now, "周组织")
        still = open_task(session, now, tree, organiser, title="清理楼道<b>")
        turning = open_task(session, now, tree, organiser, title="社区义诊", rotating=True)
        return code_of(session, still), code_of(session, turning)


def test_the_codes_of_a_community_are_listed(secretary: Seat, coded: tuple[Code, Code]) -> None:
    secretary.get("/console/codes")
    assert all(words in secretary.said for words in ("示例社区", "清理楼道<b>", "社区义诊", "大屏动态码"))
    assert "清理楼道&lt;b&gt;" in secretary.html
    assert statements_of(lambda: secretary.get("/console/codes")) <= 12


def test_a_static_code_is_shown_as_its_poster_will_be(secretary: Seat, coded: tuple[Code, Code], now: datetime) -> None:
    secretary.get(f"/console/codes/{coded[0].public_id}")
    with reading() as session:
        assert codes.resolve(session, token_in(secretary.html), now).code.id == coded[0].id


def test_a_poster_is_printed_by_a_job_and_fetched(secretary: Seat, coded: tuple[Code, Code], now: datetime) -> None:
    secretary.get(f"/console/codes/{coded[0].public_id}")
    secretary.post(f"/console/codes/{coded[0].public_id}/print", form="png_a4", style="link")
    row = newest_print()
    assert ("正在印" in secretary.said, "0/1 张" in secretary.said) == (True, True)
    secretary.get(f"/console/codes/prints/{row.public_id}/file")
    assert (secretary.status, "海报还在印" in secretary.said) == (409, True)
    job.print_community(now, print_id=row.id)
    secretary.get(f"/console/codes/prints/{row.public_id}/progress")
    assert ("已印好" in secretary.said, "<html" in secretary.html) == (True, False)
    answer = secretary.client.get(f"/console/codes/prints/{row.public_id}/file")
    assert answer.mimetype == "image/png"
    told = answer.headers["Content-Disposition"]
    assert told.encode("latin-1")  # what a server can send
    assert told.startswith("attachment; filename=file.png; filename*=UTF-8''%E6%B8%85")
    found = zxingcpp.read_barcodes(Image.open(io.BytesIO(answer.data)))
    assert found[0].text.endswith(codes.token_of(coded[0], now=now))


def test_all_posters_of_a_community_are_one_print(secretary: Seat, coded: tuple[Code, Code]) -> None:
    secretary.get("/console/codes")
    secretary.post("/console/codes/print", form="pdf_a4", style="link", at="")
    assert newest_print().total == 2  # the community's and the static one; what rotates is not printed
    secretary.get("/console/codes")
    secretary.post("/console/codes/print", form="png_a4", style="link", back="/console/codes")
    assert "填写的内容有误" in secretary.said
    secretary.post(f"/console/codes/{coded[1].public_id}/print", form="pdf_a4", style="link", back="/console/codes")
    assert "动态码不能印成海报" in secretary.said


def test_a_revoked_code_must_be_printed_again(secretary: Seat, coded: tuple[Code, Code], now: datetime) -> None:
    at = f"/console/codes/{coded[0].public_id}"
    secretary.get(at)
    secretary.post(f"{at}/print", form="pdf_a4", style="link")
    secretary.get(at)
    secretary.post(f"{at}/revoke", reason=" ", back=at)
    assert "请写明原因" in secretary.said
    secretary.post(f"{at}/revoke", reason="海报被撕走", back=at)
    assert "海报被撕走" in secretary.said
    secretary.get("/console/codes")
    assert "旧海报已失效，请重印并换下" in secretary.said
    secretary.get(at)
    secretary.post(f"{at}/print", form="pdf_a4", style="link")
    secretary.get("/console/codes")
    assert "旧海报已失效" not in secretary.said


def test_the_other_community_s_codes_are_not_there(secretary: Seat, stranger: Seat, coded: tuple[Code, Code], tree: Tree) -> None:
    secretary.get("/console/codes")
    secretary.post("/console/codes/print", form="pdf_a4", style="link", at="")
    row = newest_print()
    for path in (
        f"codes/{coded[0].public_id}",
        f"codes?at={tree.community.public_id}",
        f"codes/prints/{row.public_id}",
        f"codes/prints/{row.public_id}/file",
    ):
        stranger.get(f"/console/{path}")
        assert stranger.status == 404, path
    for path in (f"codes/{coded[0].public_id}/print", f"codes/{coded[0].public_id}/revoke", f"codes/{coded[1].public_id}/show"):
        stranger.get("/console")
        stranger.post(f"/console/{path}", form="pdf_a4", style="link", reason="x")
        assert stranger.status == 404, path


def test_a_person_s_code_is_nobody_else_s(secretary: Seat, now: datetime) -> None:
    with transaction() as session:
        code = codes.of_person(session, person_id=a_person(session, now).id, now=now)
    secretary.get(f"/console/codes/{code.public_id}")
    assert secretary.status == 404


# screens


def test_a_screen_shows_the_present_code_and_nineteen_more_until_it_is_ended(
    app: Flask, secretary: Seat, coded: tuple[Code, Code], now: datetime, time: Time
) -> None:
    at = f"/console/codes/{coded[1].public_id}"
    secretary.get(at)
    shown = secretary.post(f"{at}/show", follow=False).headers["Location"]
    assert shown.startswith("/screen/")
    outside = app.test_client()
    answer = outside.get(shown)
    page = answer.get_data(as_text=True)
    assert (answer.status_code, "社区义诊" in page, "张三" in page) == (200, True, False)
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    with reading() as session:
        assert codes.resolve(session, token_in(page), now).code.id == coded[1].id
    assert len(re.findall("data:image/png", unescape(page))) == 21
    time.advance(seconds=30)
    assert token_in(outside.get(f"{shown}/now").get_data(as_text=True)) != token_in(page)
    with reading() as session:
        screen = session.execute(select(Screen)).scalar_one()
    secretary.get(at)
    assert asks_first(secretary.html, f"/console/screens/{screen.public_id}/end")
    secretary.post(f"/console/screens/{screen.public_id}/end")
    assert "这块屏已停用" in secretary.said
    assert outside.get(f"{shown}/now").status_code == 404
    assert "大屏已停用" in outside.get(shown).get_data(as_text=True)


def test_a_static_code_has_no_screen(secretary: Seat, coded: tuple[Code, Code]) -> None:
    at = f"/console/codes/{coded[0].public_id}"
    secretary.get(at)
    secretary.post(f"{at}/show", back=at)
    assert "这个码不会变化" in secretary.said


# halls


def address(seat: Seat) -> str:
    """The address of the first link on the page."""
    return re.findall(r'href="(/hall/[^"?]+)"', seat.html)[0]


def test_a_hall_shows_totals_and_no_names_until_its_link_is_revoked(
    app: Flask, secretary: Seat, coded: tuple[Code, Code], tree: Tree, now: datetime
) -> None:
    secretary.get("/console/halls")
    secretary.post("/console/halls", label="一楼大厅", at="")
    with transaction() as session:
        task = open_task(session, now, tree, a_person(session, now, "周组织"), title="老年课堂", rotating=True)
        for name in ("王小明", "陈红"):
            a_scan(session, now, task, a_person(session, now, name))
    outside = app.test_client()
    hall = address(secretary)
    page = outside.get(hall).get_data(as_text=True)
    assert all(words in page for words in ("示例社区", "老年课堂", "社区义诊", "已到 <strong>2</strong> 人", "本周居民提出"))
    assert not [name for name in ("王小明", "陈红", "周组织", "李书记") if name in page]
    assert statements_of(lambda: outside.get(f"{hall}/now")) <= 12
    assert len(page.encode()) < 150_000
    forged = hall.replace(".", ".a")
    assert outside.get(forged).status_code == 404
    with reading() as session:
        link = session.execute(select(HallLink)).scalar_one()
    assert asks_first(secretary.html, f"/console/halls/{link.public_id}/revoke")
    secretary.post(f"/console/halls/{link.public_id}/revoke")
    assert "“一楼大厅”的链接已停用" in secretary.said
    assert outside.get(f"{hall}/now").status_code == 404


def test_a_hall_shows_what_is_on_today_alone(app: Flask, secretary: Seat, tree: Tree, now: datetime) -> None:
    secretary.get("/console/halls")
    secretary.post("/console/halls", label="大厅", at="")
    with transaction() as session:
        organiser = a_person(session, now)
        open_task(
            session, now, tree, organiser, title="明天的", starts_at=now + timedelta(days=1), ends_at=now + timedelta(days=1, hours=1)
        )
        open_task(session, now, tree, organiser, title="傍晚的", starts_at=now + timedelta(hours=9), ends_at=now + timedelta(hours=10))
        open_task(session, now, tree, organiser, title="邻居的", community=tree.neighbour)
    page = app.test_client().get(address(secretary)).get_data(as_text=True)
    assert ("傍晚的" in page, "明天的" in page, "邻居的" in page) == (True, False, False)


def test_the_links_of_another_community_are_not_there(secretary: Seat, stranger: Seat, tree: Tree) -> None:
    secretary.get("/console/halls")
    secretary.post("/console/halls", label="大厅", at="")
    with reading() as session:
        link = session.execute(select(HallLink)).scalar_one()
    stranger.get("/console/halls")
    assert "大厅</th>" not in stranger.html
    stranger.post(f"/console/halls/{link.public_id}/revoke")
    assert stranger.status == 404
    stranger.get(f"/console/halls?at={tree.community.public_id}")
    assert stranger.status == 404


def test_an_organiser_opens_screens_and_prints_nothing(
    app: Flask, secretary: Seat, coded: tuple[Code, Code], tree: Tree, now: datetime
) -> None:
    seat = seat_of(app, now, Role.ORGANISER, tree.community, "周组织")
    seat.get(f"/console/codes/{coded[1].public_id}")
    assert ("打开大屏" in seat.said, "作废" in seat.said) == (True, False)
    seat.get("/console/codes")
    assert seat.status == 403
