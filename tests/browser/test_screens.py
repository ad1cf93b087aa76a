"""What hangs on walls and shines from screens, read from its pixels: a printed poster, a code that turns, the screen in the hall."""

from __future__ import annotations

import io
from datetime import datetime

import pypdfium2
import pytest
import zxingcpp
from flask import Flask
from PIL import Image
from playwright.sync_api import Page, expect
from sqlalchemy import select

from jobs import posters as job
from server.console.views import screens
from server.db.base import reading, transaction
from server.db.models.codes import HallLink, PosterPrint
from server.db.models.people import Person
from server.db.models.tasks import Claim, Task
from server.domain.tasks import ClaimState
from server.services import codes
from tests.browser.conftest import Faults, Open, axe
from tests.browser.fill_tasks import fill
from tests.conftest import Time
from tests.factories.checkins import a_mid, a_scan, millis, open_task
from tests.factories.people import Tree, a_person, headers, token_of
from tests.factories.requests import a_request

TV = {"width": 1920, "height": 1080}
FROM_FIVE_METRES = 40  # px of 1920: 25 mm on a 55-inch screen


@pytest.fixture
def ids(tree: Tree, secretary: Person, now: datetime) -> dict[str, str]:
    """The community's spring (tests/browser/fill_tasks.py)."""
    with transaction() as session:
        return dict(fill(session, tree, secretary, now))


@pytest.fixture
def secretary_s(seated: Open, secretary: Person) -> Page:
    """Her browser."""
    return seated(secretary)


def seen(data: bytes | Image.Image) -> list[str]:
    """The tokens of all codes in a picture."""
    image = Image.open(io.BytesIO(data)) if isinstance(data, bytes) else data
    return [found.text.rpartition("/")[2] for found in zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.QRCode)]


def pass_by(page: Page, time: Time, seconds: int) -> None:
    """Time goes on, here and at the server, second by second as a screen lives it."""
    time.advance(seconds=seconds)
    page.clock.run_for(seconds * 1000)


def test_a_poster_is_printed_read_from_its_pixels_and_checked_in_with(
    app: Flask, seated: Open, secretary: Person, ids: dict[str, str], time: Time
) -> None:
    now = time.now
    time.advance(hours=5)  # the afternoon's cleaning has begun
    page = seated(secretary)
    page.goto(f"/console/codes/{ids['task_code']}")
    page.get_by_label("纸张").select_option(label="A4 纸（PDF）")
    page.get_by_role("button", name="打印").click()
    expect(page.locator("#progress")).to_contain_text("0/1 张")
    with reading() as session:
        row = session.execute(select(PosterPrint).order_by(PosterPrint.id.desc()).limit(1)).scalar_one()
    job.print_community(time.now, print_id=row.id)
    with page.expect_download() as fetched:
        page.get_by_role("link", name="下载").click()  # it appears by itself
    sheet = pypdfium2.PdfDocument(fetched.value.path().read_bytes())
    (token,) = seen(sheet[0].render(scale=2).to_pil())
    sheet.close()
    page.get_by_role("link", name="岗位与活动").click()
    page.get_by_role("link", name="清理三号楼楼道杂物").click()
    page.get_by_role("link", name="报名与到场").click()
    expect(page.locator("#came")).to_have_text("到场 0 人")
    with transaction() as session:
        bearer = token_of(session, a_person(session, now, "孙志愿"), time.now)
    body = {"tok": token, "dir": "in", "cap": millis(time.now)}
    answer = app.test_client().post("/api/v1/checkins", json=body, headers=headers(bearer, a_mid()))
    assert answer.status_code == 201, answer.get_json()
    page.reload()
    expect(page.locator("#came")).to_have_text("到场 1 人")
    expect(page.get_by_role("row").filter(has_text="孙志愿")).to_contain_text("已签到")


def open_screen(page: Page, ids: dict[str, str], faults: Faults, base: str) -> Page:
    """The secretary opens the screen for the clinic's code in a window of its own; its clock stands still until pass_by."""
    page.context.on("page", lambda opened: faults.watch(opened, base))
    page.goto(f"/console/codes/{ids['turning']}")
    with page.context.expect_page() as opened:
        page.get_by_role("button", name="打开大屏").click()
    return opened.value


def live(tokens: list[str], at: datetime) -> bool:
    """Would a phone that scans this now be checked in?"""
    with reading() as session:
        return [codes.resolve(session, token, at).code.label for token in tokens] == ["社区义诊进小区"]


def test_a_code_turns_counts_and_goes_on_ten_minutes_without_network(
    secretary_s: Page, ids: dict[str, str], time: Time, faults: Faults, base: str
) -> None:
    desk = secretary_s
    desk.context.clock.install(time=time.now)
    page = open_screen(desk, ids, faults, base)
    expect(page.locator("#came")).to_have_text("6")
    expect(page.locator("#line")).to_contain_text("联网正常")
    first = seen(page.screenshot())
    assert live(first, time.now)
    with transaction() as session:
        claim = session.execute(select(Claim).where(Claim.state == ClaimState.APPROVED).order_by(Claim.id.desc()).limit(1)).scalar_one()
        a_scan(session, time.now, session.get_one(Task, claim.task_id), session.get_one(Person, claim.person_id))
    pass_by(page, time, 31)
    expect(page.locator("#came")).to_have_text("7")
    turned = seen(page.screenshot())
    assert live(turned, time.now)
    assert turned != first
    assert "王玉珍" not in page.content()
    page.context.set_offline(True)
    for minutes, left in ((4, "还能用"), (5, "还能用")):
        pass_by(page, time, minutes * 60)
        assert live(seen(page.screenshot()), time.now)
        expect(page.locator("#line")).to_contain_text(left)
    pass_by(page, time, 60)
    assert live(seen(page.screenshot()), time.now)
    pass_by(page, time, 120)
    assert seen(page.screenshot()) == []
    expect(page.locator("#line")).to_contain_text("断网太久，码已停用")
    expect(page.get_by_text("需要联网", exact=True)).to_be_visible()
    page.context.set_offline(False)
    pass_by(page, time, 11)
    expect(page.locator("#line")).to_contain_text("联网正常")
    pass_by(page, time, 1)
    assert live(seen(page.screenshot()), time.now)


def test_a_screen_goes_dark_once_it_is_ended(secretary_s: Page, ids: dict[str, str], time: Time, faults: Faults, base: str) -> None:
    desk = secretary_s
    desk.context.clock.install(time=time.now)
    page = open_screen(desk, ids, faults, base)
    assert axe(page)[0] == []
    desk.reload()
    desk.locator("summary", has_text="停用").click()
    desk.get_by_role("button", name="确定停用").click()
    pass_by(page, time, 11)
    expect(page.get_by_role("heading", name="大屏已停用")).to_be_visible()
    assert seen(page.screenshot()) == []


def hall_of(app: Flask) -> str:
    """The address of the hall's link."""
    with app.test_request_context(), reading() as session:
        return screens.address_of(session.execute(select(HallLink)).scalar_one())


SMALL = """() => [...document.querySelectorAll('main *')]
  .filter((one) => one.checkVisibility() && [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
  .map((one) => [one.textContent.trim(), parseFloat(getComputedStyle(one).fontSize)])"""
CUT = """() => [...document.querySelectorAll('.sums section, .page li, header, .today, #shown')]
  .filter((one) => one.checkVisibility() && (one.scrollHeight > one.clientHeight + 1 || one.scrollWidth > one.clientWidth + 1))
  .map((one) => [one.className, one.textContent.trim(), one.scrollHeight, one.clientHeight])"""


def test_the_hall_is_read_from_five_metres_and_outlives_the_network(
    app: Flask, tree: Tree, visitor: Open, ids: dict[str, str], time: Time
) -> None:
    assert "hall" in ids
    now = time.now
    with transaction() as session:
        for category in ("environment", "repairs", "utilities", "noise", "parking", "elder_care"):
            a_request(session, now, tree, category=category, content=f"{category} 3号楼")
        open_task(session, now, tree, a_person(session, now), title="长" * 60, place="很远的地方" * 12)
    page = visitor(viewport=TV)
    page.context.clock.install(time=time.now)
    for theme in ("light", "dark"):
        page.goto(f"{hall_of(app)}?theme={theme}")
        violations, incomplete = axe(page)
        assert (violations, incomplete) == ([], []), theme
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight && document.documentElement.scrollWidth <= innerWidth")
    assert [text for text, size in page.evaluate(SMALL) if size < FROM_FIVE_METRES] == []
    for _ in range(2):  # the long title stands on one of the two pages
        assert page.evaluate(CUT) == []
        assert len(seen(page.screenshot())) in (3, 1)
        pass_by(page, time, 12)
    expect(page.get_by_text("本周居民提出")).to_be_visible()
    assert not [name for name in ("赵建国", "周组织", "李书记") if name in page.content()]
    page.context.set_offline(True)
    pass_by(page, time, 9 * 60)
    expect(page.locator("#line")).to_contain_text("没有网络")
    expect(page.locator(".clock")).to_have_text("09:09")
    for _ in range(2):
        tokens = seen(page.screenshot())
        with reading() as session:
            assert all(codes.resolve(session, token, time.now) for token in tokens)
        assert len(tokens) in (3, 1)
        pass_by(page, time, 12)
    with transaction() as session:
        session.execute(select(HallLink)).scalar_one().revoked_at = time.now
    page.context.set_offline(False)
    pass_by(page, time, 16)
    expect(page.get_by_role("heading", name="大屏已停用")).to_be_visible()
