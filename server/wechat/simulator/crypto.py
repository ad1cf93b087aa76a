"""Signatures and the message cipher of WeChat's push protocol, written for the simulator alone.

Published vectors: tests/unit/test_simulator_crypto.py.
"""

import base64
import hashlib
import hmac
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 32


def sign(*parts: str) -> str:
    """SHA-1 in hex over the parts in sorted order: token, timestamp, nonce and, for `msg_signature`, the ciphertext."""
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


def sign_raw_data(raw_data: str, session_key: str) -> str:
    """The signature that a phone hands over beside `rawData`."""
    return hashlib.sha1((raw_data + session_key).encode(), usedforsecurity=False).hexdigest()


def sign_session(session_key: str) -> str:
    """HMAC-SHA256 of the empty text under the session key, in hex: the argument of `checksession`."""
    return hmac.new(session_key.encode(), b"", hashlib.sha256).hexdigest()


def key_bytes(aes_key: str) -> bytes:
    """The 32 key bytes of a 43-character EncodingAESKey; ValueError for any other length."""
    if len(aes_key) != 43:
        raise ValueError("EncodingAESKey has 43 characters")
    return base64.b64decode(aes_key + "=")


def _cipher(aes_key: str) -> Cipher[modes.CBC]:
    key = key_bytes(aes_key)
    return Cipher(algorithms.AES(key), modes.CBC(key[:16]))


def encrypt(aes_key: str, appid: str, message: bytes, random16: bytes) -> str:
    """Base64 of AES-256-CBC over random16 + length + message + appid, padded to blocks of 32."""
    plain = random16 + struct.pack(">I", len(message)) + message + appid.encode()
    pad = BLOCK - len(plain) % BLOCK
    encryptor = _cipher(aes_key).encryptor()
    return base64.b64encode(encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()).decode()


def decrypt(aes_key: str, ciphertext: str) -> tuple[bytes, bytes, str]:
    """(random16, message, appid) of a ciphertext; ValueError when the padding or the length is wrong."""
    decryptor = _cipher(aes_key).decryptor()
    padded = decryptor.update(base64.b64decode(ciphertext)) + decryptor.finalize()
    pad = padded[-1]
    if not 1 <= pad <= BLOCK:
        raise ValueError("wrong padding")
    plain = padded[:-pad]
    length = struct.unpack(">I", plain[16:20])[0]
    if 20 + length > len(plain):
        raise ValueError("wrong length")
    return plain[:16], plain[20 : 20 + length], plain[20 + length :].decode()
