"""Drawing posters: Pillow and fpdf2 are loaded here, never in a web process (mission row B2)."""

from __future__ import annotations

import io
from datetime import datetime

from server import files, wechat
from server.config import load
from server.db.base import reading, transaction
from server.db.models.codes import PosterPrint
from server.domain.posters import PosterForm, PosterStyle, PrintState
from server.domain.problems import Problem
from server.services import posters
from server.services.posters import Sheet
from server.wechat.port import WechatError

SMALLEST = 280  # pixels a side: below that WeChat sent something else


def print_community(now: datetime, *, print_id: int) -> None:
    """Job posters.print: draw outside any transaction, telling how far it is. A second run draws nothing, one after a failure again."""
    with reading() as session:
        row = session.get_one(PosterPrint, print_id)
        todo = posters.sheets(session, print_id, now=now)
    if row.state is PrintState.DONE:
        return
    try:
        sha256 = files.put(posters.AREA, draw(todo, row, now))
    except (Problem, WechatError):
        with transaction() as session:
            posters.finish(session, print_id, sha256=None, now=now)
        raise
    with transaction() as session:
        posters.finish(session, print_id, sha256=sha256, now=now)


def draw(todo: list[Sheet], row: PosterPrint, now: datetime) -> bytes:
    """The file of a print."""
    from qr import bitmaps
    from qr import posters as drawing

    base = load().web.public_base
    made = [
        drawing.Poster(
            title=sheet.texts["title"],
            place=sheet.texts["place"],
            purpose=sheet.texts["purpose"],
            steps=tuple(sheet.texts["steps"]),
            link=bitmaps.link(base, sheet.token),
            issuer=sheet.texts["issuer"],
            serial=sheet.texts["serial"],
            picture=_picture(sheet.token, now) if row.style is PosterStyle.WXA else None,
        )
        for sheet in todo
    ]
    if row.form is PosterForm.PNG_PHONE:
        return drawing.png_phone(made[0])
    if row.form is PosterForm.PNG_A4:
        return drawing.png_a4(made[0])
    return drawing.pdf_many(made, "A3" if row.form is PosterForm.PDF_A3 else "A4", lambda done, _total: _tell(row.id, done))


def _tell(print_id: int, done: int) -> None:
    with transaction() as session:
        posters.note_progress(session, print_id, done)


def _picture(token: str, now: datetime) -> bytes:
    """WeChat's mini-program code for the token: drawn by WeChat once, checked, then kept."""
    with reading() as session:
        kept = posters.picture_of(session, token)
    if kept is not None:
        return files.get(posters.AREA, kept)
    data = wechat.current().wxacode(token, load().wechat.scan_page)
    check_picture(data)
    sha256 = files.put(posters.AREA, data)
    with transaction() as session:
        posters.keep_picture(session, token, sha256, now=now)
    return data


def check_picture(data: bytes) -> None:
    """Raise POSTER_FAILED unless WeChat sent a square picture that can be printed."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as opened:
            opened.load()
            good = opened.width == opened.height >= SMALLEST
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        good = False
    if not good:
        raise Problem("POSTER_FAILED")
