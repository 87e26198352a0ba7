"""Typed identifiers. They are plain text at run time and distinct to the type checker.

None of them is a secret, so their random bits come from the process's own generator (seeded by the system):
asking the system each time gives Python's global lock away, which under load takes 20 times as long.
"""

import random
from typing import NewType

ReceiptId = NewType("ReceiptId", str)  # UUIDv7, canonical text: sorts by time of making
RegisterId = NewType("RegisterId", str)  # the configuration's name of one KKT
PosId = NewType("PosId", str)  # a till; 1..64 visible characters
GroupId = NewType("GroupId", str)  # a pool of registers; a till by its name
FnNumber = NewType("FnNumber", str)  # 16 digits, tag 1041


def uuid7(unix_ms: int) -> str:
    """A UUID of version 7 (RFC 9562, 5.7) for a Unix time in milliseconds, as canonical text."""
    return _text((unix_ms & 0xFFFF_FFFF_FFFF) << 80 | random.getrandbits(80), version=7)


def unix_ms_of(uuid7_text: str) -> int:
    """The Unix time in milliseconds that ``uuid7`` was given."""
    return int(uuid7_text[:8] + uuid7_text[9:13], 16)


def random_id() -> str:
    """A random UUID (version 4) for things without an order: requests, instances."""
    return _text(random.getrandbits(128), version=4)


def _text(value: int, *, version: int) -> str:
    value = value & ~(0xF000 << 64) | version << 76
    value = value & ~(0xC000 << 48) | 0x8000 << 48
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
