"""办结 with pictures: what is kept is a fresh JPEG without EXIF; one used before is flagged, and nothing else comes of it (R5)."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select

from jobs import media as job
from server.db.base import reading, transaction
from server.db.models.media import Media
from server.db.models.people import Person
from server.db.models.platform import Outbox
from server.db.models.requests import Request
from server.domain.permissions import Role
from server.domain.requests import CheckState
from server.services import content_checks
from tests.factories.handling import handled
from tests.factories.people import a_person, a_tree, headers, token_of, with_role
from tests.jobs.test_media import GPS, a_picture

TEXT_OF_HIS = b"taken by 13900001111"


class Scene:
    """Two requests in the hands of two helpers, and the secretary."""

    def __init__(self, client: FlaskClient, now: datetime) -> None:
        self.client, self.now, self.sent = client, now, 0
        with transaction() as session:
            tree = a_tree(session, now)
            helpers = [a_person(session, now, name) for name in ("赵师傅", "钱师傅")]
            self.requests = [handled(session, now, tree, handler=one, content=f"灯不亮{one.id}")[0].public_id for one in helpers]
            self.helpers = [token_of(session, one, now) for one in helpers]
            self.secretary = token_of(session, with_role(session, now, Role.SECRETARY, tree.community), now)
            made = session.execute(select(Request).where(Request.public_id == self.requests[0])).scalar_one()
            self.resident = token_of(session, session.get_one(Person, made.asked_for_id), now)
            self.stranger = token_of(session, with_role(session, now, Role.SECRETARY, tree.neighbour), now)

    def key(self) -> str:
        self.sent += 1
        return f"pictures-{self.sent}"

    def upload(self, token: str, data: bytes, purpose: str = "request", *, encoded: bool = True) -> str:
        """Send a picture and let the worker take it; its id."""
        form = {"file": (io.BytesIO(data), "IMG_0001.jpg"), "purpose": purpose}
        made = self.client.post("/api/v1/media", data=form, headers=headers(token, self.key()), content_type="multipart/form-data")
        assert made.status_code == 201, made.json
        picture = str(made.json["id"])
        if encoded:
            job.reencode(self.now, media_id=self.row(picture))
        return picture

    def row(self, picture: str) -> int:
        with reading() as session:
            return session.execute(select(Media.id).where(Media.public_id == picture)).scalar_one()

    def looks(self, row: int) -> int:
        """How often WeChat is asked to look at this picture."""
        with reading() as session:
            return [job.args["media_id"] for job in session.execute(select(Outbox).where(Outbox.job == "media.check")).scalars()].count(row)

    def judged(self, row: int, verdict: CheckState) -> None:
        with transaction() as session:
            content_checks.picture_judged(session, session.get_one(Media, row), verdict, now=self.now)

    def finish(self, which: int, *pictures: str) -> Any:
        body = {"result": "换了灯管", "pictures": pictures}
        path = f"/api/v1/requests/{self.requests[which]}/finish"
        return self.client.post(path, json=body, headers=headers(self.helpers[which], self.key()))

    def get(self, token: str, path: str) -> Any:
        return self.client.get(f"/api/v1{path}", headers=headers(token))


@pytest.fixture
def scene(client: FlaskClient, now: datetime) -> Scene:
    return Scene(client, now)


def from_a_phone(seed: int, **save: Any) -> bytes:
    """A picture as a phone takes it: with a position, a model and a comment in its EXIF."""
    exif = Image.Exif()
    exif[GPS] = {1: "N", 2: (30.0, 50.0, 0.0), 3: "E", 4: (104.0, 4.0, 0.0)}
    exif[0x010E] = TEXT_OF_HIS.decode()
    return a_picture(seed, exif=exif, comment=TEXT_OF_HIS, **save)


def saved_again(data: bytes) -> bytes:
    """The same picture smaller and worse, as a chat program forwards it."""
    out = io.BytesIO()
    Image.open(io.BytesIO(data)).resize((480, 360)).save(out, "JPEG", quality=45)
    return out.getvalue()


def test_what_is_kept_tells_no_place_and_no_phone(scene: Scene) -> None:
    taken = from_a_phone(3)
    assert TEXT_OF_HIS in taken
    assert GPS in Image.open(io.BytesIO(taken)).getexif()
    picture = scene.upload(scene.helpers[0], taken)
    assert scene.finish(0, picture).json["state"] == "finished"
    kept = scene.get(scene.secretary, f"/media/{picture}/picture").data
    assert kept != taken
    assert (kept[:3], TEXT_OF_HIS in kept, b"Exif" in kept) == (b"\xff\xd8\xff", False, False)
    assert dict(Image.open(io.BytesIO(kept)).getexif()) == {}
    assert scene.get(scene.stranger, f"/media/{picture}/picture").status_code == 404


@pytest.mark.parametrize("purpose", ["record", "request"])
@pytest.mark.parametrize(("encoded", "verdict"), [(True, CheckState.PASSED), (False, CheckState.REFUSED)])
def test_the_resident_sees_a_handlers_picture_once_it_is_checked(scene: Scene, purpose: str, encoded: bool, verdict: CheckState) -> None:
    picture = scene.upload(scene.helpers[0], from_a_phone(3), purpose, encoded=encoded)
    assert scene.finish(0, picture).json["state"] == "finished"
    row = scene.row(picture)
    if not encoded:
        job.reencode(scene.now, media_id=row)
    assert scene.looks(row) >= 1, "WeChat is asked to look"
    path, address = f"/requests/{scene.requests[0]}", f"/media/{picture}/picture"
    assert [one["check_state"] for one in scene.get(scene.resident, path).json["media"]] == ["checking"]
    assert [scene.get(one, address).status_code for one in (scene.resident, scene.secretary)] == [404, 200]
    scene.judged(row, verdict)
    assert scene.get(scene.resident, address).status_code == (200 if verdict is CheckState.PASSED else 404)


def test_a_picture_used_before_is_flagged_and_nothing_else(scene: Scene) -> None:
    """Saved again, smaller and worse: still the same scene. The work is finished all the same, and nobody gets a notice about it."""
    first = scene.upload(scene.helpers[0], from_a_phone(3, quality=95))
    assert scene.finish(0, first).status_code == 200
    again = scene.upload(scene.helpers[1], saved_again(from_a_phone(3)))
    fresh = scene.upload(scene.helpers[1], from_a_phone(8))
    done = scene.finish(1, again, fresh)
    assert (done.status_code, done.json["state"]) == (200, "finished")
    seen = scene.get(scene.secretary, f"/requests/{scene.requests[1]}").json["media"]
    assert {one["id"]: one["seen_before"] for one in seen} == {again: True, fresh: False}
    assert [one["seen_before"] for one in scene.get(scene.secretary, f"/requests/{scene.requests[0]}").json["media"]] == [False]
    told = scene.get(scene.helpers[1], "/notices").json["items"]
    assert [one["kind"] for one in told] == ["request_offered"]


def test_none_is_needed_and_anothers_is_not_taken(scene: Scene) -> None:
    picture = scene.upload(scene.helpers[0], from_a_phone(3))
    assert scene.finish(1, picture).json["error"]["code"] == "MEDIA_UNFIT"
    assert scene.finish(1).json["state"] == "finished"
