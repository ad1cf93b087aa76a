"""Files that are not what they say: each is refused with one sentence or made harmless."""

from __future__ import annotations

import io
import re
import struct
import zlib
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select

from jobs import media as pictures
from server import files
from server.db.base import reading
from server.db.models.media import Media
from server.domain.media import MediaState
from tests.hostile import calls
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


def upload(client: FlaskClient, world: World, data: bytes, name: str = "a.jpg", key: str = "k", **form: str) -> Any:
    said = {"Authorization": f"Bearer {world.tokens['member']}", "Idempotency-Key": key}
    return client.post("/api/v1/media", headers=said, **calls.multipart(form, data, name))


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
