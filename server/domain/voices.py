"""How long a recording lasts, from its own frames: what phones record with (m4a, mp3, aac, amr, silk). Pure; no decoder is needed for it.

Counting stops just past the limit that is asked about, so a hostile file costs no more than an honest one.
"""

from __future__ import annotations

from collections.abc import Iterator

MOST_MS = 61_000  # sixty seconds, and the last frame
FRAME_MS = 20  # of amr and silk
AMR_NARROW = (12, 13, 15, 17, 19, 20, 26, 31, 5)
AMR_WIDE = (17, 23, 32, 36, 40, 46, 50, 58, 60, 5)
AAC_HZ = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
MP3_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # MPEG 1, 2, 2.5
MP3_KBIT = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
Frame = tuple[int, int, int]  # where it begins, samples, samples a second


def too_long(data: bytes, most_ms: int = MOST_MS) -> bool:
    """Does it last longer? No where its length cannot be told; then its size is the limit."""
    if data[4:8] == b"ftyp":
        return _movie_ms(data) > most_ms
    total_us = 0
    for _at, samples, hertz in _frames(data):
        total_us += samples * 1_000_000 // hertz
        if total_us > most_ms * 1000:
            return True
    return False


def _frames(data: bytes) -> Iterator[Frame]:
    if data.startswith(b"#!AMR-WB\n"):
        return _amr(data, 9, AMR_WIDE)
    if data.startswith(b"#!AMR\n"):
        return _amr(data, 6, AMR_NARROW)
    if b"#!SILK_V3" in data[:10]:
        return _silk(data, data.index(b"#!SILK_V3") + 9)
    if data[:3] != b"ID3" and len(data) > 1 and data[0] == 0xFF and data[1] & 0xF6 == 0xF0:
        return _aac(data)
    return _mp3(data, _after_tags(data))


def _amr(data: bytes, at: int, sizes: tuple[int, ...]) -> Iterator[Frame]:
    while at < len(data):
        kind = data[at] >> 3 & 15
        if kind >= len(sizes) and kind != 15:  # 15: nothing was said
            return
        yield at, FRAME_MS, 1000
        at += 1 + (sizes[kind] if kind < len(sizes) else 0)


def _silk(data: bytes, at: int) -> Iterator[Frame]:
    while at + 2 <= len(data):
        size = int.from_bytes(data[at : at + 2], "little")
        if size == 0xFFFF:
            return
        yield at, FRAME_MS, 1000
        at += 2 + size


def _aac(data: bytes) -> Iterator[Frame]:
    at = 0
    while at + 7 <= len(data) and data[at] == 0xFF and data[at + 1] & 0xF6 == 0xF0:
        rate = data[at + 2] >> 2 & 15
        size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        if rate >= len(AAC_HZ) or size < 7:
            return
        yield at, 1024 * ((data[at + 6] & 3) + 1), AAC_HZ[rate]
        at += size


def _mp3(data: bytes, at: int) -> Iterator[Frame]:
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] & 0xE0 == 0xE0:
        version, rate, step = data[at + 1] >> 3 & 3, data[at + 2] >> 2 & 3, data[at + 2] >> 4
        first = version == 3
        if version not in MP3_HZ or rate == 3 or step in (0, 15):
            return
        hertz, samples = MP3_HZ[version][rate], 1152 if first else 576
        yield at, samples, hertz
        at += samples // 8 * MP3_KBIT[first][step] * 1000 // hertz + (data[at + 2] >> 1 & 1)


def _after_tags(data: bytes) -> int:
    """Where sound begins behind an ID3 tag, whose length has seven bits a byte."""
    if data[:3] != b"ID3" or len(data) < 10:
        return 0
    return 10 + sum((byte & 127) << 7 * (3 - place) for place, byte in enumerate(data[6:10]))


def _movie_ms(data: bytes) -> int:
    """What the movie header says; 0 where there is none."""
    movie = _box(data, b"moov", 0, len(data))
    header = _box(data, b"mvhd", *movie) if movie else None
    if header is None:
        return 0
    wide = data[header[0]] == 1
    at, size = header[0] + (20 if wide else 12), 8 if wide else 4
    scale, length = int.from_bytes(data[at : at + 4], "big"), int.from_bytes(data[at + 4 : at + 4 + size], "big")
    return length * 1000 // scale if scale else 0


def _box(data: bytes, name: bytes, at: int, end: int) -> tuple[int, int] | None:
    """Where the content of a box begins and ends, among the boxes between `at` and `end`."""
    while at + 8 <= end:
        size, head = int.from_bytes(data[at : at + 4], "big"), 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        size = size or end - at
        if size < head or at + size > end:
            return None
        if data[at + 4 : at + 8] == name:
            return (at + head, at + size) if size > head else None
        at += size
    return None
