"""Re-encoding uploaded pictures: what leaves is a fresh JPEG without EXIF, GPS or anything else that was hidden in it (row B10)."""

from __future__ import annotations

import io
import warnings
from datetime import datetime
from typing import TYPE_CHECKING

from server import files
from server.db.base import reading, transaction
from server.db.models.media import Media
from server.domain.media import LARGEST_PIXELS, LONGEST_SIDE, MediaState, Refusal
from server.domain.requests import CheckState
from server.services import content_checks, media
from server.services.media import Encoded

if TYPE_CHECKING:
    from PIL.Image import Image

QUALITY = 85
ORIENTATION = 0x0112  # EXIF


class Unusable(Exception):
    """The bytes are no picture we keep."""

    def __init__(self, why: Refusal) -> None:
        super().__init__(why.value)
        self.why = why


def reencode(now: datetime, *, media_id: int) -> None:
    """Job media.reencode: decode outside any transaction, write the fate by a guarded UPDATE, then delete the upload."""
    with reading() as session:
        row = session.get_one(Media, media_id)
    area = media.upload_area(row.public_id)
    if row.state is MediaState.UPLOADED:
        try:
            jpeg, size, phash = encode(files.get(area, row.original))
        except Unusable as refusal:
            with transaction() as session:
                refused = session.get_one(Media, media_id)
                if media.refuse(session, refused, refusal.why):  # the request it is on waits for it no longer
                    content_checks.picture_judged(session, refused, CheckState.REFUSED, now=now)
        else:
            encoded = Encoded(files.put(media.AREA, jpeg), len(jpeg), *size, phash)
            with transaction() as session:
                kept = session.get_one(Media, media_id)
                if media.finish(session, kept, encoded):
                    session.refresh(kept)  # somebody may have put it on a request meanwhile
                    media.check_later(session, kept, now=now)
    files.delete(area, row.original)


def encode(data: bytes) -> tuple[bytes, tuple[int, int], str]:
    """A JPEG of at most 2048 pixels a side, its (width, height), and its perceptual hash. Raises Unusable."""
    import imagehash
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            opened = Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP"))
            if opened.width * opened.height > LARGEST_PIXELS:
                raise Unusable(Refusal.TOO_MANY_PIXELS)
            opened.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            picture = _upright(opened).convert("RGB")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Unusable(Refusal.TOO_MANY_PIXELS) from None
    except UnidentifiedImageError:
        raise Unusable(Refusal.NOT_A_PICTURE) from None
    except Unusable:
        raise
    except Exception:  # so do damaged pixels; a job that fell over it would be tried again for ever
        raise Unusable(Refusal.BROKEN) from None
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    picture.info.clear()
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=QUALITY, optimize=True)
    return out.getvalue(), picture.size, str(imagehash.phash(picture))


def _upright(picture: Image) -> Image:
    """Turned as the camera was held. EXIF that is damaged turns nothing: it goes anyway, and the picture is as good as it was."""
    from PIL.Image import Transpose as T

    turns = {2: T.FLIP_LEFT_RIGHT, 3: T.ROTATE_180, 4: T.FLIP_TOP_BOTTOM, 5: T.TRANSPOSE, 6: T.ROTATE_270, 7: T.TRANSVERSE, 8: T.ROTATE_90}
    picture.load()
    try:
        turn = turns.get(picture.getexif().get(ORIENTATION, 1))
    except Exception:  # damaged EXIF fails in ways without number
        turn = None
    return picture if turn is None else picture.transpose(turn)
