"""What a marking code becomes in tag 1163, and what the permission to sell becomes in tag 1260.

1163 names the product only: the part that identifies the piece, without the check part (crypto tail), under
the tag of the code's kind. Real registers work it out themselves; the virtual one and the size check need it.

Sources: tag sizes order ED-7-20/662@; the kinds: ``marks/grammar.py``.
"""

from typing import NamedTuple

from kkt_adapter.fiscal.ffd.marks.damage import Damaged
from kkt_adapter.fiscal.ffd.marks.grammar import UNKNOWN_LIMIT
from kkt_adapter.fiscal.ffd.marks.spelling import read_mark
from kkt_adapter.fiscal.model import MarkPermission

INDUSTRY_VALUE_LIMIT = 256  # tag 1265


class ProductCode(NamedTuple):
    tag: int  # 1300..1309
    data: str  # ASCII, within the tag's size


def product_code(mark_code: str) -> ProductCode:
    """The one element of 1163 for a code.

    A damaged code is refused before a receipt is stored. One that an earlier version stored all the same is
    named as not identified (1300): never as a piece that it may not be.
    """
    try:
        mark = read_mark(mark_code).mark
    except Damaged:
        readable = "".join([c for c in mark_code if c.isascii()])
        return ProductCode(1300, readable[:UNKNOWN_LIMIT] or "?")
    return ProductCode(mark.tag, mark.data)


def permission_value(permission: MarkPermission) -> str:
    """Tag 1265: ``UUID=..&Time=..``, and ``&Inst=..&Ver=..`` when a local module answered offline."""
    value = f"UUID={permission.uuid}&Time={permission.time}"
    if permission.inst is not None:
        value += f"&Inst={permission.inst}"
    if permission.ver is not None:
        value += f"&Ver={permission.ver}"
    return value
