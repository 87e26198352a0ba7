"""What a scanned marking code becomes in tag 1163, and what the permission to sell becomes in tag 1260.

1163 names the product only: the part that identifies the piece, without the check part (crypto tail), under
the tag of the code's kind. Real registers work it out themselves; the virtual one and the size check need it.

Sources: tag sizes order ED-7-20/662@; shapes of codes 1304-1309 as two public implementations agree on them
(docs/reference/fiscal-rules.md, section Marked goods). Characters 9..31 of an EGAIS 2.0 stamp: sourced once.
"""

import re
from typing import NamedTuple

from kkt_adapter.fiscal.model import MarkPermission

MARK_CODE_LIMIT = 256  # tag 2000, the whole code
INDUSTRY_VALUE_LIMIT = 256  # tag 1265
GS = "\x1d"  # ends a field of variable length in GS1 codes

_SCANNER_PREFIX = re.compile(r"^(?:\][CdQe][0-3]|\x1d|\xe8)+")
_BRACKETED = re.compile(r"^\(01\)([0-9]{14})\(21\)([^(\x1d]{1,20})")
_GS1 = re.compile(r"^01([0-9]{14})21([^\x1d]+)")
_SHORT = re.compile(r"^([0-9]{14})([!-~]{7})[!-~]{8}\Z")  # tobacco: GTIN, serial number, price and check part
_FUR = re.compile(r"^[A-Z]{2}-[0-9]{6}-[A-Z0-9]{10}\Z")
_EGAIS2 = re.compile(r"^[0-9A-Z]{68}\Z")
_EGAIS3 = re.compile(r"^[0-9A-Z]{150}\Z")
_DIGITS = re.compile(r"^(?:[0-9]{8}|[0-9]{13}|[0-9]{14})\Z")
_DIGITS_TAG = {8: 1301, 13: 1302, 14: 1303}  # EAN-8, EAN-13, ITF-14
_SERIAL_LIMIT = 20  # GS1 AI 21
_UNKNOWN_LIMIT = 32  # tag 1300


class ProductCode(NamedTuple):
    tag: int  # 1300..1309
    data: str  # ASCII, within the tag's size


def product_code(mark_code: str) -> ProductCode:
    """The one element of 1163 for a code as the scanner gave it; 1300 when its kind is not recognised."""
    code = without_scanner_prefix(mark_code)
    if _DIGITS.match(code):
        return ProductCode(_DIGITS_TAG[len(code)], code)
    gs1 = _BRACKETED.match(code) or _GS1.match(code)
    if gs1:
        return ProductCode(1305, f"01{gs1[1]}21{gs1[2][:_SERIAL_LIMIT]}")
    short = _SHORT.match(code)
    if short:
        return ProductCode(1306, f"01{short[1]}21{short[2]}")
    if _FUR.match(code):
        return ProductCode(1307, code)
    if _EGAIS2.match(code):
        return ProductCode(1308, code[8:31])
    if _EGAIS3.match(code):
        return ProductCode(1309, code[:14])
    return ProductCode(1300, code[:_UNKNOWN_LIMIT])


def without_scanner_prefix(mark_code: str) -> str:
    """The code itself: some scanners put a symbology sign (``]d2``) or FNC1 before it."""
    return _SCANNER_PREFIX.sub("", mark_code)


def permission_value(permission: MarkPermission) -> str:
    """Tag 1265: ``UUID=..&Time=..``, and ``&Inst=..&Ver=..`` when a local module answered offline."""
    value = f"UUID={permission.uuid}&Time={permission.time}"
    if permission.inst is not None:
        value += f"&Inst={permission.inst}"
    if permission.ver is not None:
        value += f"&Ver={permission.ver}"
    return value
