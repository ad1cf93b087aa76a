"""Printing: posters are read back from their pixels, a run that is repeated or fails does no harm."""

from __future__ import annotations

import io
from datetime import datetime

import pypdfium2
import pytest
import zxingcpp
from PIL import Image
from sqlalchemy import Engine

from jobs import posters as job
from server import files, wechat
from server.db.base import reading, transaction
from server.db.models.codes import Code, PosterPrint
from server.db.models.orgs import OrgNode
from server.domain.permissions import SYSTEM
from server.domain.posters import PosterForm, PosterStyle, PrintState
from server.domain.problems import Problem
from server.services import codes, posters
from tests.factories.checkins import code_of, open_task
from tests.factories.people import a_person, a_tree


@pytest.fixture
def printed(database: Engine, redis: object, vaulted: None, now: datetime) -> Code:
    """The code of a task whose poster can be printed."""
    with transaction() as session:
        tree = a_tree(session, now)
        organiser = a_person(session, now)
        open_task(session, now, tree, organiser, title="陪伴老人", category="elder_care", rotating=True)
        return code_of(session, open_task(session, now, tree, organiser))


def ask(code: Code, now: datetime, form: PosterForm = PosterForm.PNG_A4, style: PosterStyle = PosterStyle.LINK) -> PosterPrint:
    with transaction() as session:
        return posters.of_code(session, code, form=form, style=style, actor=SYSTEM, now=now)


def again(row: PosterPrint) -> PosterPrint:
    with reading() as session:
        return session.get_one(PosterPrint, row.id)


def texts(image: Image.Image) -> list[str]:
    return [found.text for found in zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.QRCode)]


def file_of(row: PosterPrint) -> bytes:
    return files.get(posters.AREA, again(row).sha256 or "")


@pytest.mark.parametrize("form", [PosterForm.PNG_PHONE, PosterForm.PNG_A4])
def test_a_printed_picture_reads_as_the_code(printed: Code, now: datetime, form: PosterForm) -> None:
    row = ask(printed, now, form)
    job.print_community(now, print_id=row.id)
    link = f"http://127.0.0.1:8080/q/{codes.token_of(printed, now=now)}"
    assert texts(Image.open(io.BytesIO(file_of(row)))) == [link]
    assert (again(row).state, again(row).done) == (PrintState.DONE, 1)


def test_a_whole_community_is_one_pdf_without_rotating_codes(printed: Code, now: datetime) -> None:
    with transaction() as session:
        community = session.get_one(OrgNode, printed.community_id)
        row = posters.of_community(session, community, form=PosterForm.PDF_A4, style=PosterStyle.LINK, actor=SYSTEM, now=now)
    job.print_community(now, print_id=row.id)
    pages = list(pypdfium2.PdfDocument(file_of(row)))
    found = [codes.read(texts(page.render(scale=2).to_pil())[0]).kind for page in pages]
    assert (found, again(row).done, again(row).total) == ([codes.Kind.COMMUNITY, codes.Kind.TASK], 2, 2)


def test_a_second_run_draws_nothing(printed: Code, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    row = ask(printed, now)
    job.print_community(now, print_id=row.id)
    monkeypatch.setattr(job, "draw", lambda *_: pytest.fail("drawn twice"))
    job.print_community(now, print_id=row.id)
    assert ask(printed, now).state is PrintState.DONE


def test_a_revoked_code_gets_a_new_print(printed: Code, now: datetime) -> None:
    first = ask(printed, now)
    with transaction() as session:
        codes.revoke(session, session.get_one(Code, printed.id), reason="被撕", actor=SYSTEM, now=now)
    with reading() as session:
        fresh = session.get_one(Code, printed.id)
    assert ask(fresh, now).id != first.id


class FakeWechat:
    """Stands where the client stands; the real one is tried against the simulator in tests/service/wechat."""

    def __init__(self, data: bytes) -> None:
        self.data, self.asked = data, list[tuple[str, str]]()

    def wxacode(self, scene: str, page: str) -> bytes:
        self.asked.append((scene, page))
        return self.data


def a_square(side: int = 430) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (side, side), "#FFFFFF").save(out, "JPEG")
    return out.getvalue()


def test_a_mini_program_code_is_asked_for_once(printed: Code, now: datetime) -> None:
    fake = FakeWechat(a_square())
    wechat.configure(lambda: fake)  # type: ignore[arg-type, return-value]
    for form in (PosterForm.PNG_A4, PosterForm.PNG_PHONE):
        job.print_community(now, print_id=ask(printed, now, form, PosterStyle.WXA).id)
    assert fake.asked == [(codes.token_of(printed, now=now), "pages/scan/index")]


@pytest.mark.parametrize("data", [b'{"errcode": 41030}', b"\xff\xd8\xff\xe0nonsense", a_square(40)])
def test_what_is_no_code_is_not_printed_and_may_be_tried_again(printed: Code, now: datetime, data: bytes) -> None:
    fake = FakeWechat(data)
    wechat.configure(lambda: fake)  # type: ignore[arg-type, return-value]
    row = ask(printed, now, style=PosterStyle.WXA)
    with pytest.raises(Problem) as caught:
        job.print_community(now, print_id=row.id)
    assert (caught.value.code, again(row).state) == ("POSTER_FAILED", PrintState.FAILED)
    fake.data = a_square()
    assert ask(printed, now, style=PosterStyle.WXA).state is PrintState.WAITING
    job.print_community(now, print_id=row.id)
    assert again(row).state is PrintState.DONE
