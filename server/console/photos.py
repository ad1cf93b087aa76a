"""Photos that staff add at the desk, to a request they enter or to what they report: optional (R5), with the phone's limits and checks.

Files do not come back with a refused form: no browser lets a page fill them in. The words do.
"""

from __future__ import annotations

from typing import Any

from flask import request as sent
from wtforms import MultipleFileField

from server.console.desk import Call
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.requests import Request
from server.domain.permissions import Permission as P
from server.domain.permissions import may_on_node
from server.domain.requests import CheckState
from server.services import content_checks, media

FIELD = "photos"
MOST_KB = 11 * 1024  # of all together; static/photos.js says so before a long upload is refused with what was typed


def photos() -> Any:
    """The field of a sheet; it has to be named `photos`."""
    limits = f"最多 {media.MOST} 张，一共不超过 {MOST_KB // 1024} MB"
    hint = f"可以不选；JPG、PNG 或 WebP，{limits}；拍照地点等附带信息会被清除。表单被退回时请重新选"
    kept = {"accept": "image/jpeg,image/png,image/webp", "data-most": str(media.MOST), "data-most-kb": str(MOST_KB)}
    return MultipleFileField("照片（可不填）", description=hint, render_kw=kept)


def put(call: Call, request: Request) -> None:
    """Put what was chosen on the request: none is written unless all can be.

    Who triages the community is the human who looks, as for his words; anybody else's wait for a check. Raises MEDIA_NOT_A_PICTURE,
    MEDIA_UNFIT (too many), TOO_LARGE.
    """
    chosen = [file.stream.read() for file in sent.files.getlist(FIELD) if file.filename]
    if not chosen:
        return
    owner = call.session.get_one(Person, call.actor.id)
    community = call.session.get_one(OrgNode, request.community_id)
    check = CheckState.PASSED if may_on_node(call.actor, P.REQUESTS_TRIAGE, community.path) else CheckState.CHECKING
    made = media.upload_all(call.session, owner_id=owner.id, pictures=chosen, check=check, now=call.now)
    content_checks.take(call.session, request, [one.public_id for one in made], owner=owner, now=call.now)
