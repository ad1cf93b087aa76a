"""Files that are not what they say: each is refused with one sentence or made harmless."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from datetime import datetime
from typing import Any

import openpyxl
import pytest
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import func, select

from jobs import media as pictures
from server import files
from server.db.base import reading
from server.db.models.media import Media
from server.db.models.rosters import RosterEntry
from server.domain.media import MediaState
from server.services import bindings
from tests.hostile.test_bodies import shape
from tests.hostile.world import World, picture

pytestmark = pytest.mark.usefixtures("unlimited")
HTML = b"<html><script>alert(1)</script></html>"
HOSTILE_NAMES = (
    "../../etc/passwd",
    "a\r\nSet-Cookie: x=1.jpg",
    "x" * 3000 + ".jpg",
    "\u202egpj.exe",
    ".htaccess",
    "CON",
    "<img src=x>.png",
    "",
)


def jpeg(mode: str = "RGB", size: tuple[int, int] = (64, 48), kind: str = "JPEG", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size).save(out, kind, **options)
    return out.getvalue()


def png(width: int, height: int) -> bytes:
    """A PNG that says how large it is and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def located() -> bytes:
    """A photograph with the place where it was taken, a maker's note and a comment."""
    exif = Image.Exif()
    exif[0x010F] = "SecretPhone"
    exif[0x9286] = "somebody was here"
    exif.get_ifd(0x8825).update({1: "N", 2: (30.0, 45.0, 7.0), 3: "E", 4: (120.0, 45.0, 7.0)})
    return jpeg(exif=exif, comment=b"hidden words")


def multipart(form: dict[str, str], data: bytes, name: str) -> dict[str, Any]:
    """A form as bytes; the test client's own would leave a temporary file open, and would clean the name."""
    said = "".join(f'--x\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in form.items())
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return {"data": (said + head).encode() + data + b"\r\n--x--\r\n", "content_type": "multipart/form-data; boundary=x"}


def upload(client: FlaskClient, world: World, data: bytes, name: str = "a.jpg", key: str = "k", **form: str) -> Any:
    said = {"Authorization": f"Bearer {world.tokens['member']}", "Idempotency-Key": key}
    return client.post("/api/v1/media", headers=said, **multipart(form, data, name))


def reencoded(client: FlaskClient, world: World, data: bytes, now: datetime, key: str = "k") -> Media:
    """The picture after the worker has been at it."""
    answer = upload(client, world, data, key=key)
    assert answer.status_code == 201, answer.text
    with reading() as session:
        row = session.execute(select(Media.id).where(Media.public_id == answer.json["id"])).scalar_one()
    pictures.reencode(now, media_id=row)
    with reading() as session:
        return session.get_one(Media, row)


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8", HTML, b"GIF89a" + b"\0" * 20, b"%PDF-1.7", b"PK\x03\x04", b"<svg onload='x'/>", b"MZ\x90\0", b"\0" * 1000]
)
def test_what_is_no_picture_is_refused_at_once(client: FlaskClient, world: World, data: bytes) -> None:
    answer = upload(client, world, data)
    assert (answer.status_code, answer.json["error"]["code"]) == (422, "MEDIA_NOT_A_PICTURE")
    shape(answer, data[:10])


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8\xff" + HTML,
        b"\x89PNG\r\n\x1a\n" + HTML,
        b"RIFF\0\0\0\0WEBP" + b"\0" * 40,
        png(50_000, 50_000),
        png(2**31 - 1, 2**31 - 1),
        png(0, 0),
        jpeg()[:200],
        jpeg(kind="PNG")[:-20],
        b"\xff\xd8\xff\xe0" + b"\xff" * 5000,
    ],
    ids=["html in jpeg", "html in png", "webp", "pixel bomb", "larger bomb", "no pixels", "cut jpeg", "cut png", "markers"],
)
def test_what_only_begins_like_a_picture_is_refused_by_the_worker(client: FlaskClient, world: World, data: bytes, now: datetime) -> None:
    row = reencoded(client, world, data, now)
    assert row.state is MediaState.REFUSED
    said = {"Authorization": f"Bearer {world.tokens['member']}"}
    told = client.get(f"/api/v1/media/{row.public_id}", headers=said).json
    assert told["refusal"].startswith(("图片", "这不是"))
    assert client.get(f"/api/v1/media/{row.public_id}/picture", headers=said).json["error"]["code"] == "MEDIA_REFUSED"
    with pytest.raises(FileNotFoundError):
        files.get(f"uploads/{row.public_id}", row.original)


@pytest.mark.parametrize(
    "data",
    [
        jpeg() + b"PK\x03\x04" + b"\0" * 30,
        jpeg() + HTML,
        jpeg(comment=b"<?php system($_GET[0]); ?>"),
        jpeg("CMYK"),
        jpeg("L"),
        jpeg("I;16", kind="PNG"),
        jpeg("P", kind="PNG"),
        jpeg("RGBA", kind="PNG"),
        jpeg("RGB", kind="PNG", save_all=True, append_images=[Image.new("RGB", (64, 48), "red")] * 3),
        jpeg("RGB", kind="WEBP", save_all=True, append_images=[Image.new("RGB", (64, 48), "red")] * 3),
        jpeg(size=(3000, 40)),
    ],
    ids=["zip after", "html after", "php inside", "cmyk", "grey", "16 bit", "palette", "alpha", "apng", "animated webp", "wide"],
)
def test_an_odd_picture_becomes_a_plain_one(client: FlaskClient, world: World, data: bytes, now: datetime) -> None:
    row = reencoded(client, world, data, now)
    assert row.state is MediaState.READY, row.refusal
    assert row.sha256 is not None
    kept = files.get("media", row.sha256)
    shown = Image.open(io.BytesIO(kept))
    assert (shown.format, shown.mode, getattr(shown, "n_frames", 1)) == ("JPEG", "RGB", 1)
    assert max(shown.size) <= 2048
    assert kept.endswith(b"\xff\xd9")
    assert not [hidden for hidden in (b"PK\x03\x04", b"<html", b"<?php") if hidden in kept]


def test_where_a_photograph_was_taken_is_gone(client: FlaskClient, world: World, now: datetime) -> None:
    data = located()
    assert b"SecretPhone" in data
    row = reencoded(client, world, data, now)
    assert row.sha256 is not None
    kept = files.get("media", row.sha256)
    assert not [hidden for hidden in (b"SecretPhone", b"somebody was here", b"hidden words", b"Exif", b"GPS") if hidden in kept]
    assert not Image.open(io.BytesIO(kept)).getexif()


def test_a_picture_over_ten_megabytes_and_one_that_did_not_arrive_whole(client: FlaskClient, world: World) -> None:
    huge = upload(client, world, jpeg() + b"\0" * (10 * 1024 * 1024))
    assert (huge.status_code, huge.json["error"]["code"]) == (413, "TOO_LARGE")
    cut = upload(client, world, jpeg(), size="99999", key="k2")
    assert (cut.status_code, cut.json["error"]["code"]) == (422, "MEDIA_TRUNCATED")


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_file_is_never_called_what_the_sender_says(client: FlaskClient, world: World, name: str, tmp_path: Any) -> None:
    answer = upload(client, world, picture(name.encode()), name=name)
    assert answer.status_code in (201, 422), answer.text
    assert "Set-Cookie" not in answer.headers
    kept = [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
    assert kept
    assert all(re.fullmatch("[0-9a-f]{64}", path.name) for path in kept)


@pytest.mark.parametrize("area", ["../x", "media/..", "/etc", "media/../../x", "", "media/a/b", "Media", "media\0"])
def test_the_files_port_knows_no_other_places(vaulted: None, area: str) -> None:
    for act in (lambda: files.put(area, b"x"), lambda: files.get(area, "0" * 64), lambda: files.delete(area, "0" * 64)):
        with pytest.raises(ValueError, match="no such place"):
            act()
    for digest in ("../../../etc/passwd", "0" * 63, "G" * 64, "0" * 64 + "\n"):
        with pytest.raises(ValueError, match="no such place"):
            files.get("media", digest)


# -- rosters -----------------------------------------------------------------------------------------------------------------------------


def book(*sheets: list[list[Any]]) -> bytes:
    made = openpyxl.Workbook()
    made.remove(made.active)
    for number, lines in enumerate(sheets):
        sheet = made.create_sheet(f"表{number}")
        for line in lines:
            sheet.append(line)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


HEADER = ["姓名", "手机号", "工作单位"]
ROW = ["吕新来", "13611112222", "示例水务局"]


def rewritten(data: bytes, **parts: bytes) -> bytes:
    """A workbook with parts replaced or added; `__` in a name is a slash, `_x_` a dot."""
    out = io.BytesIO()
    named = {name.replace("__", "/").replace("_x_", "."): content for name, content in parts.items()}
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            if item.filename not in named:
                new.writestr(item.filename, old.read(item))
        for name, content in named.items():
            new.writestr(name, content)
    return out.getvalue()


def xxe() -> bytes:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 8}">' for n in range(1, 9))
    document = f'<!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY e0 "aaaaaaaa">{entities}]>'
    cell = '<row r="1"><c r="A1" t="inlineStr"><is><t>&x;&e8;</t></is></c></row>'
    body = f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{cell}</sheetData></worksheet>'
    sheet = f'<?xml version="1.0"?>{document}{body}'.encode()
    return rewritten(book([HEADER, ROW]), xl__worksheets__sheet1_x_xml=sheet)


def bomb() -> bytes:
    return rewritten(book([HEADER, ROW]), xl__sharedStrings_x_xml=b"<sst>" + b" " * 70_000_000 + b"</sst>")


def submit(client: FlaskClient, world: World, data: bytes, name: str = "名册.xlsx", **over: str) -> Any:
    form = {"kind": "members", "node": world.ids["communities"], "supplied_by": "甲", "basis": "乙", "dry_run": "false", **over}
    said = {"Authorization": f"Bearer {world.tokens['secretary']}"}
    return client.post("/api/v1/roster-imports", headers=said, **multipart(form, data, name))


def listed() -> int:
    with reading() as session:
        return session.execute(select(func.count()).select_from(RosterEntry)).scalar_one()


ROSTERS: dict[str, Any] = {
    "bomb": bomb, "xxe": xxe, "not a zip": lambda: b"PK\x03\x04" + b"\0" * 500,
    "empty": lambda: b"", "html": lambda: HTML,
    "a picture": picture, "other zip": lambda: zipped({"a.txt": b"x"}),
    "climbing zip": lambda: zipped({"../../x": b"x", "[Content_Types].xml": b"<"}),
    "id numbers": lambda: book([[*HEADER, "身份证号"], [*ROW, "330100199001011234"]]),
    "id numbers hidden": lambda: book([HEADER, ROW], [["姓名", "公民身份号码"], ["甲", "330100199001011234"]]),
    "id number as a name": lambda: book([HEADER, ["330100199001011234", "13611112222", "示例水务局"]]),
    "formula": lambda: book([HEADER, ['=HYPERLINK("http://x","y")', "13611112222", "示例水务局"]]),
    "dde": lambda: book([HEADER, ["=cmd|'/c calc'!A1", "13611112222", "示例水务局"]]),
    "plus": lambda: book([HEADER, ["+1+1", "13611112222", "示例水务局"]]),
    "control": "姓名,手机号,工作单位\n吕\u0007新,13611112222,示例水务局\n".encode,
}  # fmt: skip


def zipped(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, content in parts.items():
            made.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize("kind", ROSTERS)
def test_a_hostile_roster_brings_nobody_in(client: FlaskClient, world: World, kind: str) -> None:
    before = listed()
    answer = submit(client, world, ROSTERS[kind]())
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        shape(answer, kind)
    else:
        assert answer.json["errors"], answer.text
    assert "root:" not in answer.text
    assert "3301001990" not in answer.text
    assert listed() == before


def test_a_macro_and_an_outside_link_are_never_followed(client: FlaskClient, world: World) -> None:
    office, package = "http://schemas.openxmlformats.org/officeDocument/2006", "http://schemas.openxmlformats.org/package/2006"
    outside = f'<Relationship Id="rId1" Type="{office}/relationships/externalLinkPath" Target="file:///etc/passwd" TargetMode="External"/>'
    link = f'<?xml version="1.0"?><Relationships xmlns="{package}/relationships">{outside}</Relationships>'.encode()
    data = rewritten(book([HEADER, ROW]), xl__vbaProject_x_bin=b"macro", xl__externalLinks___rels__externalLink1_x_xml_x_rels=link)
    answer = submit(client, world, data, name="名册.xlsm")
    assert answer.status_code < 500
    assert "root:" not in answer.text


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_roster_with_a_hostile_name(client: FlaskClient, world: World, name: str) -> None:
    answer = submit(client, world, book([HEADER, ROW]), name=name)
    assert answer.status_code in (200, 201, 422), answer.text
    kept = client.get("/api/v1/roster-imports", headers={"Authorization": f"Bearer {world.tokens['secretary']}"})
    assert kept.status_code == 200
    assert "Set-Cookie" not in answer.headers


def test_a_name_is_listed_without_its_invisible_marks(client: FlaskClient, world: World) -> None:
    assert submit(client, world, book([HEADER, ["\u202e吕\u200b新来", "13611112222", "示例水务局"]])).json["created"] == 1
    with reading() as session:
        entry = session.execute(select(RosterEntry).order_by(RosterEntry.id.desc()).limit(1)).scalar_one()
    assert bindings.name_of(entry) == "吕新来"
