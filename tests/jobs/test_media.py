"""Re-encoding: no EXIF leaves, bombs and non-pictures are refused, an old picture is flagged, twice and half-way are harmless."""

import io
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image, ImageDraw
from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import media as job
from server import files
from server.db.base import transaction
from server.db.models.media import Media
from server.domain.media import MediaPurpose, MediaState, Refusal
from server.domain.permissions import Role
from server.domain.problems import Problem
from server.services import media, records
from tests.factories.checkins import a_scan, open_task
from tests.factories.people import a_person, a_tree, actor_of, headers, token_of, with_role

GPS = 0x8825


def a_picture(seed: int = 1, size: tuple[int, int] = (640, 480), kind: str = "JPEG", **save: Any) -> bytes:
    """A picture with shapes of its own, so that perceptual hashes differ by seed."""
    picture = Image.new("RGB", size, (seed * 37 % 256, 120, 90))
    draw = ImageDraw.Draw(picture)
    for step in range(12):
        at = (step * seed * 53 % size[0], step * seed * 31 % size[1])
        draw.rectangle(
            (*at, at[0] + size[0] // (2 + step), at[1] + size[1] // (2 + step)), fill=(step * 20, seed * 90 % 256, 255 - step * 20)
        )
    out = io.BytesIO()
    picture.save(out, kind, **save)
    return out.getvalue()


def uploaded(now: datetime, data: bytes, owner_id: int | None = None) -> Media:
    """A committed upload."""
    with transaction() as session:
        owner = owner_id or a_person(session, now).id
        return media.upload(session, owner_id=owner, purpose=MediaPurpose.RECORD, data=data, now=now)


def worked(now: datetime, row: Media) -> Media:
    """The row after the job."""
    job.reencode(now, media_id=row.id)
    with transaction() as session:
        return session.get_one(Media, row.id)


@pytest.fixture
def ready(database: Any, redis: Any, vaulted: None, time: Any) -> None:
    """A database, Redis, keys and files."""


def test_what_leaves_is_a_fresh_jpeg_without_exif(ready: None, now: datetime) -> None:
    exif = Image.Exif()
    exif[GPS] = {1: "N", 2: (30.0, 50.0, 0.0)}
    exif[0x0110] = "phone of 张三"
    row = uploaded(now, a_picture(size=(4000, 1000), exif=exif))
    assert b"Exif" in files.get(media.upload_area(row.public_id), row.original)
    done = worked(now, row)
    jpeg = media.picture(done)
    assert (done.state, done.width, done.height, done.size) == (MediaState.READY, 2048, 512, len(jpeg))
    assert b"Exif" not in jpeg
    assert dict(Image.open(io.BytesIO(jpeg)).getexif()) == {}
    with pytest.raises(FileNotFoundError):
        files.get(media.upload_area(row.public_id), row.original)


def test_a_picture_taken_sideways_is_turned_before_its_exif_goes(ready: None, now: datetime) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    done = worked(now, uploaded(now, a_picture(size=(640, 480), exif=exif)))
    assert (done.width, done.height) == (480, 640)


def test_damaged_exif_does_not_stop_the_picture(ready: None, now: datetime) -> None:
    """One byte is wrong, and the maker's name stands where the width should: writing such EXIF again would fall over it."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Phone"
    whole = a_picture(size=(640, 480), exif=exif)
    damaged = whole.replace(b"\x01\x0f\x00\x02", b"\x01\x00\x00\x02")
    assert damaged != whole
    done = worked(now, uploaded(now, damaged))
    assert (done.state, done.refusal, done.width, done.height) == (MediaState.READY, None, 480, 640)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_other_kinds_become_jpeg(ready: None, now: datetime, kind: str) -> None:
    done = worked(now, uploaded(now, a_picture(kind=kind)))
    assert media.picture(done)[:3] == b"\xff\xd8\xff"


def test_twice_and_after_being_killed_it_is_the_same(ready: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    row = uploaded(now, a_picture())
    with monkeypatch.context() as killed:
        killed.setattr(media, "finish", lambda *_args: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            job.reencode(now, media_id=row.id)
    first, again = worked(now, row), worked(now, row)
    assert (first.state, first.sha256, first.phash) == (again.state, again.sha256, again.phash)
    assert again.state is MediaState.READY


def bomb() -> bytes:
    """A PNG of a few kilobytes that wants gigabytes."""
    out = io.BytesIO()
    Image.new("1", (20000, 20000)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (bomb(), Refusal.TOO_MANY_PIXELS),
        (b"\xff\xd8\xff" + b"not a jpeg" * 50, Refusal.NOT_A_PICTURE),
        (a_picture()[:2000], Refusal.BROKEN),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, Refusal.NOT_A_PICTURE),
    ],
)
def test_what_is_no_picture_is_refused_with_a_reason(ready: None, now: datetime, data: bytes, why: Refusal) -> None:
    done = worked(now, uploaded(now, data))
    assert (done.state, done.refusal, done.sha256) == (MediaState.REFUSED, why.value, None)
    with pytest.raises(Problem) as refusal:
        media.picture(done)
    assert refusal.value.code == "MEDIA_REFUSED"


def test_a_picture_of_another_persons_is_flagged_even_when_saved_again(ready: None, now: datetime) -> None:
    first = worked(now, uploaded(now, a_picture(3, quality=95)))
    smaller = worked(now, uploaded(now, a_picture(3, quality=40)))
    other = worked(now, uploaded(now, a_picture(8)))
    assert (first.reuse_of_id, smaller.reuse_of_id, other.reuse_of_id) == (None, first.id, None)


def test_ones_own_second_try_is_not_reuse_but_another_record_is(session: Session, now: datetime) -> None:
    tree, person = a_tree(session, now), a_person(session, now)
    task = open_task(session, now, tree, a_person(session, now))
    a_scan(session, now, task, person)
    from server.db.models.checkins import ServiceRecord

    record = session.execute(select(ServiceRecord)).scalar_one()

    def again() -> Media:
        row = media.upload(session, owner_id=person.id, purpose=MediaPurpose.RECORD, data=a_picture(5), now=now)
        jpeg, size, phash = job.encode(a_picture(5))
        media.finish(session, row, media.Encoded(files.put(media.AREA, jpeg), len(jpeg), *size, phash))
        session.refresh(row)
        return row

    first, retry = again(), again()
    assert retry.reuse_of_id is None
    me = actor_of(session, person, now)
    records.report(session, record, text="已完成", media_ids=[first.public_id], actor=me, now=now)
    assert again().reuse_of_id == first.id
    assert media.of_records(session, [record.id])[record.id] == [first]


def test_only_ones_own_unused_pictures_go_on_a_report(session: Session, now: datetime) -> None:
    person, other = a_person(session, now), a_person(session, now)
    row = media.upload(session, owner_id=other.id, purpose=MediaPurpose.RECORD, data=a_picture(), now=now)
    with pytest.raises(Problem) as refusal:
        media.attach(session, [row.public_id], owner=person, subject_kind="service_record", subject_id=1)
    assert refusal.value.code == "MEDIA_UNFIT"


def test_uploading_and_looking_over_http(client: FlaskClient, now: datetime) -> None:
    with transaction() as session:
        tree, person = a_tree(session, now), a_person(session, now)
        owner, stranger = token_of(session, person, now), token_of(session, with_role(session, now, Role.SECRETARY, tree.community), now)
    data = a_picture()

    def send(content: bytes, key: str, **fields: str) -> Any:
        form = {"file": (io.BytesIO(content), "a.jpg"), **fields}
        return client.post("/api/v1/media", data=form, headers=headers(owner, key), content_type="multipart/form-data")

    made = send(data, "m1", size=str(len(data)))
    assert (made.status_code, made.json["state"]) == (201, "uploaded")
    assert send(data, "m1", size=str(len(data))).json["id"] == made.json["id"]
    path = f"/api/v1/media/{made.json['id']}"
    assert client.get(f"{path}/picture", headers=headers(owner)).json["error"]["code"] == "MEDIA_NOT_READY"
    with transaction() as session:
        row = session.execute(select(Media)).scalar_one()
    job.reencode(now, media_id=row.id)
    assert client.get(path, headers=headers(owner)).json["state"] == "ready"
    assert client.get(f"{path}/picture", headers=headers(owner)).data[:3] == b"\xff\xd8\xff"
    assert client.get(path, headers=headers(stranger)).status_code == 404
    assert client.get(path).status_code == 401
    assert send(b"<html>", "m2").json["error"]["code"] == "MEDIA_NOT_A_PICTURE"
    assert send(data, "m3", size=str(len(data) + 1)).json["error"]["code"] == "MEDIA_TRUNCATED"
    missing = client.post("/api/v1/media", data={}, headers=headers(owner, "m4"), content_type="multipart/form-data")
    assert missing.json["error"]["code"] == "INVALID"
