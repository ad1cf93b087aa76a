"""Public ids: random Crockford base32, 13 characters (65 bits), in every URL, JSON and code (docs/decisions/0003-ids.md)."""

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 13


def public_id(random_bytes: bytes) -> str:
    """Thirteen characters from at least nine random bytes (the caller draws them)."""
    number = int.from_bytes(random_bytes[:9], "big")
    return "".join(ALPHABET[(number >> (5 * place)) & 31] for place in range(LENGTH))
