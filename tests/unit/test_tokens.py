"""Tokens against the published vectors, every bit flip, the spellings and the table of modes (docs/protocol.md §1)."""

import hashlib
import hmac
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qr.tokens import (
    ALLOWED_MODES,
    BadToken,
    KeyRing,
    Kind,
    Mode,
    RingKey,
    fingerprint,
    mint,
    normalise,
    read,
    scene_text,
    slot_at,
    slot_start,
    step_of,
)

ROOT1, ROOT2 = bytes(range(32)), bytes(range(32, 64))


def ring(instance="demo", one="sign", two="verify"):
    return KeyRing(instance, {1: RingKey(ROOT1, one), 2: RingKey(ROOT2, two)})


RING1, RING2 = ring(), ring(one="verify", two="sign")
V1 = "40GG0000002D4000000E657HB44X51QB"
V2 = "51GGF8DJRFAEA0W5M2WEPVBKAQG5NFH6"
V3 = "661000938NKRKQNDQVQW9G0J8605RTV4"
K1 = "cb62998ff637ecd3508a80acc14accad461aeb7dbd2d8187cc91c7c4e0dca62d"
VECTORS = [  # ring, text, (mode, kind, kid, epoch, obj, slot), the 20 bytes
    (RING1, V1, (0, 1, 1, 0, 0x4D2, 0), "20210000000004d200000000e314f15909d286eb"),
    (RING1, V2, (1, 3, 1, 7, 0xA1B2C3D4E5, 59089080), "286107a1b2c3d4e50385a0b8eb6d7355e05abe26"),
    (RING2, V3, (2, 12, 2, 0, 0x123456789, 0xDEADBEEF), "3182000123456789deadbeefc4c01241805c6b64"),
]
PAIRS = [(kind, mode) for kind, modes in ALLOWED_MODES.items() for mode in sorted(modes)]


def refusal(keys, text):
    with pytest.raises(BadToken) as caught:
        read(keys, text)
    return caught.value.code, caught.value.reason


@pytest.mark.parametrize(("keys", "text", "fields", "raw"), VECTORS)
def test_published_vectors(keys, text, fields, raw):
    mode, kind, _, epoch, obj, slot = fields
    assert mint(keys, mode=Mode(mode), kind=Kind(kind), epoch=epoch, obj=obj, slot=slot) == text
    token = read(keys, text)
    assert (token.mode, token.kind, token.kid, token.epoch, token.obj, token.slot) == fields
    assert token.raw == bytes.fromhex(raw)
    assert scene_text(token.raw) == text


def test_negative_vectors():
    assert refusal(RING1, "51GGH8DJRFAEA0W5M2WEPVBKAQG5NFH6") == ("QR_FORGED", "mac")
    assert refusal(ring("demo2"), V2) == ("QR_FORGED", "mac")


@pytest.mark.parametrize("text", [V1, V2, V3])
def test_every_single_bit_flip_is_refused(text):
    raw = int.from_bytes(read(RING1, text).raw)
    codes = {refusal(RING1, scene_text((raw ^ 1 << bit).to_bytes(20)))[0] for bit in range(160)}
    assert codes == {"QR_FORGED", "QR_VERSION"}


def test_bit_flips_against_a_full_ring_are_refused():
    keys = {kid: RingKey(hashlib.sha256(bytes([kid])).digest(), "verify") for kid in range(32)}
    full = KeyRing("demo", keys | {7: RingKey(keys[7].root, "sign")})
    text = mint(full, mode=Mode.ROTATING, kind=Kind.PERSON, epoch=3, obj=99, slot=12345)
    raw = int.from_bytes(read(full, text).raw)
    for bit in range(160):
        assert refusal(full, scene_text((raw ^ 1 << bit).to_bytes(20)))[0] in {"QR_FORGED", "QR_VERSION"}


@pytest.mark.parametrize(
    "text",
    [
        "51ggf8djrfaeaow5m2wepvbkaqg5nfh6",
        "5iggf8djrfaeaow5m2wepvbkaqg5nfh6",
        "5Lggf8djrfaeaow5m2wepvbkaqg5nfh6",
        f"https://gj.example.gov.cn/q/{V2}",
        f"HTTPS://GJ.EXAMPLE.GOV.CN/Q/{V2}",
        f"https://gj.example.gov.cn/q/{V2}/",
        f"https://gj.example.gov.cn/q/{V2}?from=poster#top",
        f"https://gj.example.gov.cn/open?t={V2}&x=1",
        f"HTTPS://GJ.EXAMPLE.GOV.CN/OPEN?T={V2}",
        f"pages/scan/index?scene={V2}",
        f"scene={V2}",
        f" \t{V2}\r\n",
        "%35" + V2[1:],
        "".join(chr(ord(char) + 0xFEE0) for char in V2),
    ],
)
def test_one_token_in_many_spellings(text):
    assert normalise(text) == V2
    assert read(RING1, text) == read(RING1, V2)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "length"),
        (V2[:-1], "length"),
        (V2 + "0", "length"),
        ("https://gj.example.gov.cn/", "length"),
        ("%2535" + V2[1:], "length"),  # decoded once, never twice
        ("U" + V2[1:], "alphabet"),
        (V2[:10] + "-" + V2[11:], "alphabet"),
        ("\u0660" + V2[1:], "alphabet"),  # an Arabic digit is a digit to int(), not to us
        (V2[:3] + "_" + V2[4:], "alphabet"),
        ("报" * 32, "alphabet"),
        ("\ud800" * 32, "alphabet"),
        ("\0" * 32, "alphabet"),
        ("https://[" + V2, "length"),
        ("0" * 1_000_000, "length"),
        (" " * 2048 + V2, "length"),
    ],
)
def test_malformed_text(text, reason):
    code, why = refusal(RING1, text)
    assert code == "QR_FORMAT"
    assert why == reason


def test_versions_keys_and_retirement():
    assert refusal(RING1, "8" + V1[1:]) == ("QR_VERSION", "version")
    assert refusal(RING1, "0" * 32) == ("QR_VERSION", "version")
    assert refusal(KeyRing("demo", {1: RingKey(ROOT1, "sign")}), V3) == ("QR_FORGED", "unknown_kid")
    assert refusal(ring(two="retired"), V3) == ("QR_KEY_RETIRED", "retired_kid")
    assert refusal(ring(two="retired"), V3[:-1] + "5") == ("QR_FORGED", "mac")


def test_dummy_key_opens_nothing():
    dummy = KeyRing("demo", {9: RingKey(bytes(32), "sign")})
    text = mint(dummy, mode=Mode.STATIC, kind=Kind.TASK, epoch=0, obj=1)
    assert refusal(RING1, text) == ("QR_FORGED", "unknown_kid")


def test_rotation_keeps_old_posters_alive():
    assert read(RING2, V1) == read(RING1, V1)
    assert read(RING2, mint(RING2, mode=Mode.STATIC, kind=Kind.COMMUNITY, epoch=0, obj=1234)).kid == 2


@pytest.mark.parametrize("states", [("verify", "verify"), ("sign", "sign"), ("retired", "verify")])
def test_ring_needs_exactly_one_signing_key(states):
    with pytest.raises(ValueError, match="exactly one"):
        ring(one=states[0], two=states[1])


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("demo", {32: RingKey(ROOT1, "sign")}),
        ("demo", {-1: RingKey(ROOT1, "sign")}),
        ("demo", {1: RingKey(b"short", "sign")}),
        ("", {1: RingKey(ROOT1, "sign")}),
        ("县" * 86, {1: RingKey(ROOT1, "sign")}),
    ],
)
def test_ring_refuses_bad_places(name, keys):
    with pytest.raises(ValueError, match="bytes"):
        KeyRing(name, keys)


def test_secrets_are_not_printed():
    assert repr(ROOT1) not in repr(RING1)
    assert ROOT1.hex() not in repr(RING1)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("mode", list(Mode))
def test_modes_table_is_the_whole_permission(kind, mode):
    allowed = {
        Mode.STATIC: set(range(1, 11)),
        Mode.ROTATING: {2, 3, 5, 6, 8},
        Mode.ONE_TIME: {11, 12},
    }[mode]
    if kind in allowed:
        assert read(RING1, mint(RING1, mode=mode, kind=kind, epoch=0, obj=1)).kind is kind
    else:
        with pytest.raises(ValueError, match="may not be"):
            mint(RING1, mode=mode, kind=kind, epoch=0, obj=1)


def signed(mode, kind, slot=0):
    """A token with a right MAC whatever its fields say, made here from the published key and not by our library."""
    body = ((1 << 13 | mode << 11 | kind << 5 | 1) << 80 | 1 << 32 | slot).to_bytes(12)
    mac = hmac.digest(bytes.fromhex(K1), b"gongjian/qr/v1\x00\x04demo" + body, "sha256")[:8]
    return scene_text(body + mac)


@pytest.mark.parametrize(("mode", "kind"), [(3, 2), (0, 0), (0, 13), (0, 63), (1, 1), (2, 5), (0, 11)])
def test_a_good_mac_does_not_excuse_a_mode_the_table_lacks(mode, kind):
    assert refusal(RING1, signed(mode, kind)) == ("QR_FORGED", "mode")


def test_a_good_mac_does_not_excuse_a_static_slot():
    assert read(RING1, signed(0, 2)).kind is Kind.TASK
    assert refusal(RING1, signed(0, 2, slot=5)) == ("QR_FORGED", "slot")


@pytest.mark.parametrize(
    "fields",
    [{"epoch": 256}, {"epoch": -1}, {"obj": 1 << 40}, {"obj": -1}, {"slot": 1 << 32}, {"slot": -1}],
)
def test_fields_out_of_range(fields):
    with pytest.raises(ValueError, match="range"):
        mint(RING1, **{"mode": Mode.ROTATING, "kind": Kind.TASK, "epoch": 0, "obj": 1, "slot": 1} | fields)


@pytest.mark.parametrize("mode", [Mode.STATIC, 0])
def test_static_token_has_no_slot(mode):
    with pytest.raises(ValueError, match="slot 0"):
        mint(RING1, mode=mode, kind=Kind.TASK, epoch=0, obj=1, slot=1)


def test_short_raw_is_no_scene():
    with pytest.raises(ValueError, match="20 bytes"):
        scene_text(b"short")


@given(
    pair=st.sampled_from(PAIRS),
    epoch=st.integers(0, 255),
    obj=st.integers(0, (1 << 40) - 1),
    slot=st.integers(0, (1 << 32) - 1),
    base=st.sampled_from(["", "https://gj.example.gov.cn/q/", "pages/scan/index?scene="]),
)
def test_what_is_minted_is_read(pair, epoch, obj, slot, base):
    kind, mode = pair
    slot = 0 if mode is Mode.STATIC else slot
    text = mint(RING1, mode=mode, kind=kind, epoch=epoch, obj=obj, slot=slot)
    token = read(RING1, base + text.lower())
    assert (token.mode, token.kind, token.epoch, token.obj, token.slot) == (mode, kind, epoch, obj, slot)


@given(st.text())
def test_any_text_is_read_or_refused_with_a_code(text):
    assert refusal(RING1, text)[0] in {"QR_FORMAT", "QR_VERSION", "QR_FORGED"}
    assert len(fingerprint(text)) == 64


def test_slots():
    assert [slot_at(second, 30) for second in (1772672399, 1772672400, 1772672429)] == [59089079, 59089080, 59089080]
    assert slot_start(59089080, 30) == 1772672400
    assert (step_of(Kind.PERSON), step_of(Kind.TASK)) == (300, 30)


def test_fingerprint_is_of_the_text_as_it_came():
    assert fingerprint("abc") == hashlib.sha256(b"abc").hexdigest()
    assert fingerprint(V2) != fingerprint(V2.lower())
    assert len(fingerprint("\ud800")) == 64


def test_tokens_and_rules_load_no_drawing_library():
    code = "import sys, qr.tokens, qr.rules, qr.folds; print(sorted({'PIL', 'fpdf', 'qrcode', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
