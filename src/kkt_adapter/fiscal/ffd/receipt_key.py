"""The receipt key: our own mark inside a fiscal document, by which it is found again after a lost answer.

It follows from the Idempotency-Key alone, so it still matches after the database was restored from a backup.
It looks like nothing else that stands in tag 1192: never all digits, so nobody takes it for a fiscal sign.
"""

from hashlib import sha256
from typing import Final

RECEIPT_KEY_LENGTH: Final = 16  # the size of tag 1192
RECEIPT_KEY_NAME: Final = "receipt_key"  # tag 1085 beside the key in 1086

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_PAIRS = tuple(first + second for first in _LETTERS for second in _LETTERS)  # of ten bits
_SHIFTS = range(70, -1, -10)
_LETTER_FOR_DIGIT = str.maketrans("234567", "GHIJKL")


def receipt_key(idempotency_key: str) -> str:
    """16 characters A-Z2-7: base 32 of the first 80 bits of SHA-256, a leading digit turned into a letter."""
    bits = int.from_bytes(sha256(idempotency_key.encode()).digest()[:10], "big")
    text = "".join([_PAIRS[bits >> shift & 0x3FF] for shift in _SHIFTS])
    return text[0].translate(_LETTER_FOR_DIGIT) + text[1:]
