"""What a shop's account says: its doors, its groups of registers, and how its protocol is answered."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SHOP_ID: Final = r"^[A-Za-z0-9_.-]{1,64}$"
"""Ids of shops and groups: they stand in stored keys, separated by spaces."""

DUPLICATE_HTTP: Final = (400, 200)
HOLD_MAX_S: Final = 55.0  # clients of KkmServer wait for 60 s
GUARD_MINUTES: Final = 10.0

_SHOP_ID = re.compile(SHOP_ID)


class DoorName(StrEnum):
    """The foreign protocols that are answered here."""

    ATOL_ONLINE = "atol-online"
    KKMSERVER = "kkmserver"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """One account. ``secret_hashes``: SHA-256 of the present secret, then of the one before it."""

    id: str
    login: str
    groups: tuple[str, ...]
    secret_hashes: tuple[bytes, ...] = ()
    doors: frozenset[DoorName] = frozenset(DoorName)
    duplicate_http: int = 400  # HTTP status of a repeated external_id
    convert: bool = False  # v4 receipts on registers of FFD 1.2
    callback_hosts: tuple[str, ...] = ()  # host or host:port; empty: any public address
    origins: tuple[str, ...] = ()  # web pages that may call, https://host
    hold_max_s: float = HOLD_MAX_S
    guard_minutes: float = GUARD_MINUTES
    anonymous: bool = False  # KkmServer clients without credentials, loopback only
    was: tuple[str, ...] = ()  # ids it had before: their keys count as its own

    def has_secret(self, secret: str) -> bool:
        given = hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
        return any(hmac.compare_digest(given, known) for known in self.secret_hashes)

    def may_use(self, door: DoorName) -> bool:
        return door in self.doors


def is_id(text: str) -> bool:
    return _SHOP_ID.match(text) is not None
