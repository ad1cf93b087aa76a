"""How long a recording lasts, for each kind a phone records; built here frame by frame after the published formats."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.domain.media import voice_type
from server.domain.voices import too_long


def amr(seconds: int) -> bytes:
    """12.2 kbit/s: a byte that says so, 31 bytes of sound."""
    return b"#!AMR\n" + (bytes([7 << 3 | 4]) + bytes(31)) * 50 * seconds


def amr_wide(seconds: int) -> bytes:
    return b"#!AMR-WB\n" + (bytes([8 << 3 | 4]) + bytes(60)) * 50 * seconds


def silk(seconds: int, start: bytes = b"\x02#!SILK_V3") -> bytes:
    return start + (struct.pack("<H", 40) + bytes(40)) * 50 * seconds + b"\xff\xff"


def aac(seconds: int) -> bytes:
    """ADTS at 16 kHz: 1024 samples a frame."""
    size = 100
    head = bytes([0xFF, 0xF1, 1 << 6 | 8 << 2, 1 << 6 | size >> 11, size >> 3 & 255, (size & 7) << 5 | 31, 0xFC])
    return (head + bytes(size - 7)) * (16000 * seconds // 1024)


def mp3(seconds: int, tag: bytes = b"") -> bytes:
    """MPEG 1 layer III, 48 kbit/s at 48 kHz: 144 bytes for 1152 samples."""
    return tag + (bytes([0xFF, 0xFB, 3 << 4 | 1 << 2, 0]) + bytes(140)) * (48000 * seconds // 1152)


def low_mp3(seconds: int) -> bytes:
    """MPEG 2 layer III, 16 kbit/s at 16 kHz: 72 bytes for 576 samples."""
    return (bytes([0xFF, 0xF3, 2 << 4 | 2 << 2, 0]) + bytes(68)) * (16000 * seconds // 576)


def tagged_mp3(seconds: int) -> bytes:
    return mp3(seconds, b"ID3\x04\x00\x00" + bytes([0, 0, 2, 0]) + bytes(256))


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content


def m4a(seconds: int) -> bytes:
    header = bytes(12) + struct.pack(">II", 16000, 16000 * seconds) + bytes(80)
    return box(b"ftyp", b"M4A \0\0\0\0") + box(b"mdat", bytes(5000)) + box(b"moov", box(b"mvhd", header))


def m4a_wide(seconds: int) -> bytes:
    """Version 1: times of 64 bits; a box with a size of 64 bits before it."""
    header = b"\1" + bytes(19) + struct.pack(">IQ", 1000, 1000 * seconds) + bytes(80)
    large = struct.pack(">I", 1) + b"mdat" + struct.pack(">Q", 16 + 64) + bytes(64)
    return box(b"ftyp", b"mp42\0\0\0\0") + large + box(b"moov", box(b"mvhd", header))


@pytest.mark.parametrize("kind", [amr, amr_wide, silk, aac, mp3, low_mp3, tagged_mp3, m4a, m4a_wide])
def test_sixty_seconds_pass_and_seventy_do_not(kind: object) -> None:
    assert voice_type(kind(1)) is not None  # type: ignore[operator]
    assert not too_long(kind(60))  # type: ignore[operator]
    assert too_long(kind(70))  # type: ignore[operator]


@given(st.binary(max_size=400), st.sampled_from([b"#!AMR\n", b"#!SILK_V3", b"\xff\xf1", b"\xff\xfb", b"ID3", b"\0\0\0\x10ftypM4A ", b""]))
def test_no_bytes_break_it(data: bytes, start: bytes) -> None:
    assert too_long(start + data) in (True, False)


def test_a_length_that_cannot_be_told_is_no_reason_to_refuse() -> None:
    assert not too_long(box(b"ftyp", b"M4A \0\0\0\0") + box(b"mdat", bytes(90_000)))
    assert not too_long(mp3(70)[4:])
