"""Uploaded pictures (mission row B10): what may be uploaded, and when two look alike."""

from datetime import timedelta
from enum import StrEnum


class MediaPurpose(StrEnum):
    RECORD = "record"
    REQUEST = "request"
    VOICE = "voice"


class MediaState(StrEnum):
    UPLOADED = "uploaded"
    READY = "ready"
    REFUSED = "refused"
    DELETED = "deleted"


class Refusal(StrEnum):
    """Why a picture was not taken."""

    BROKEN = "broken"
    NOT_A_PICTURE = "not_a_picture"
    TOO_MANY_PIXELS = "too_many_pixels"


REFUSAL_SENTENCES = {
    Refusal.BROKEN: "图片不完整，请重新拍照上传",
    Refusal.NOT_A_PICTURE: "这不是能打开的图片，请上传 JPG、PNG 或 WebP",
    Refusal.TOO_MANY_PIXELS: "图片尺寸太大，请用手机相机重新拍照",
}
LARGEST_BYTES = 10 * 1024 * 1024
LONGEST_VOICE = 2 * 1024 * 1024  # bytes: a minute at what phones record with is well below
LARGEST_PIXELS = 50_000_000
LONGEST_SIDE = 2048  # pixels after re-encoding
KEPT = timedelta(days=180)
VOICE_STARTS = ((b"#!AMR", "audio/amr"), (b"#!SILK_V3", "audio/silk"), (b"\x02#!SILK_V3", "audio/silk"))
ALIKE_BITS = 6  # of 64 bits of the perceptual hash


def looks_like_picture(data: bytes) -> bool:
    """Do the first bytes say JPEG, PNG or WebP?"""
    return data[:3] == b"\xff\xd8\xff" or data[:8] == b"\x89PNG\r\n\x1a\n" or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def voice_type(data: bytes) -> str | None:
    """The media type of a recording by its first bytes (m4a, mp3, aac, amr, silk), None for anything else."""
    if data[4:8] == b"ftyp" and data[8:11] in (b"M4A", b"mp4", b"iso", b"3gp"):
        return "audio/mp4"
    if data[:3] == b"ID3" or (len(data) > 1 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2):
        return "audio/mpeg"
    if len(data) > 1 and data[0] == 0xFF and data[1] & 0xF6 == 0xF0:
        return "audio/aac"
    return next((name for start, name in VOICE_STARTS if data.startswith(start)), None)


def alike(one: str, other: str) -> bool:
    """Do two perceptual hashes (16 hex digits) differ in at most 6 bits?"""
    return (int(one, 16) ^ int(other, 16)).bit_count() <= ALIKE_BITS
