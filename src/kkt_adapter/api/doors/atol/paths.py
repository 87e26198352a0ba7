"""The addresses of ATOL Online: ``/possystem/v4/...``, ``/v4/...``, and both under any prefix.

Some clients write a slash at the end. Operations: ATOL Online v4 5.23, section 5; v5 3.12, section 5.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

_PATH = re.compile(r"(?:/[^/]+)*?/(v[345])/(.+?)/?\Z")
_OURS = ("/v1/", "/api/")
_BELOW = "/possystem"


class AtolCall(StrEnum):
    SIGN_IN = "getToken"
    REGISTER = "register"
    REPORT = "report"
    UNKNOWN = "unknown"


NO_VERSION: Final = 0
V4: Final = 4
V5: Final = 5

OPERATIONS: Final = MappingProxyType(
    {
        "sell": ("sale", False),
        "sell_refund": ("refund", False),
        "buy": ("expense", False),
        "buy_refund": ("expense_refund", False),
        "sell_correction": ("sale", True),
        "buy_correction": ("expense", True),
        "sell_refund_correction": ("refund", True),
        "buy_refund_correction": ("expense_refund", True),
    }
)
"""The word of the address: operation of tag 1054, and whether it is a correction."""

_ONLY_V5 = frozenset({"sell_refund_correction", "buy_refund_correction"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedPath:
    """What a path asks for."""

    version: int
    call: AtolCall
    group: str = ""
    operation: str = ""
    uuid: str = ""


def serves(path: str) -> bool:
    return asked(path) is not None


def asked(path: str) -> AskedPath | None:
    """None: not an address of this protocol."""
    if path.startswith(_OURS):
        return None
    found = _PATH.match(path)
    if found is None:
        below = path == _BELOW or path.startswith(f"{_BELOW}/")  # refused in the form of this protocol
        return AskedPath(version=NO_VERSION, call=AtolCall.UNKNOWN) if below else None
    version, rest = int(found[1][1:]), found[2].split("/")
    if version not in (V4, V5):
        return AskedPath(version=version, call=AtolCall.UNKNOWN)
    match rest:
        case ["getToken"]:
            return AskedPath(version=version, call=AtolCall.SIGN_IN)
        case [group, "report", uuid]:
            return AskedPath(version=version, call=AtolCall.REPORT, group=group, uuid=uuid)
        case [group, operation]:
            known = operation in OPERATIONS and not (version == V4 and operation in _ONLY_V5)
            call = AtolCall.REGISTER if known else AtolCall.UNKNOWN
            return AskedPath(version=version, call=call, group=group, operation=operation)
    return AskedPath(version=version, call=AtolCall.UNKNOWN)
