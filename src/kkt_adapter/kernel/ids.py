"""Typed identifiers. They are plain text at run time and distinct to the type checker."""

import os
import uuid
from typing import NewType

ReceiptId = NewType("ReceiptId", str)  # UUIDv7, canonical text: sorts by time of making
RegisterId = NewType("RegisterId", str)  # the configuration's name of one KKT
PosId = NewType("PosId", str)  # a till; 1..64 visible characters
FnNumber = NewType("FnNumber", str)  # 16 digits, tag 1041


def uuid7(unix_ms: int) -> str:
    """A UUID of version 7 (RFC 9562, 5.7) for a Unix time in milliseconds, as canonical text."""
    value = (unix_ms & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF000 << 64) | (0x7000 << 64)
    value = value & ~(0xC000 << 48) | (0x8000 << 48)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def unix_ms_of(uuid7_text: str) -> int:
    """The Unix time in milliseconds that ``uuid7`` was given."""
    return int(uuid7_text[:8] + uuid7_text[9:13], 16)


def random_id() -> str:
    """A random UUID for things without an order: requests, instances."""
    return str(uuid.uuid4())
