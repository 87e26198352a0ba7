"""``marks_result`` of a report: what the checks of the marking codes said, out of the document itself.

Members and their meaning: sushi-market/atol-online-sdk:src (v5): position from 0, the code as it was sent,
and the value of tag 2106.
"""

from collections.abc import Mapping
from typing import Any, Final

from kkt_adapter.fiscal.ffd.tlv import TlvError
from kkt_adapter.fiscal.slip.signed import SlipDocument

LONGEST_CODE: Final = 400  # characters: 200 bytes in Base64, and some
_LINE, _PRODUCT_CODE, _CHECKED = 1059, 1163, 2106


def marks_of(document: Mapping[str, Any]) -> dict[str, str]:
    """The marking codes of a v5 document as they were sent, by position; kept with the receipt."""
    body = document.get("receipt") or document.get("correction")
    items = body.get("items") if isinstance(body, dict) else None
    found = {}
    for position, item in enumerate(items if isinstance(items, list) else ()):
        code = item.get("mark_code") if isinstance(item, dict) else None
        if isinstance(code, dict) and len(code) == 1:
            (value,) = code.values()
            if isinstance(value, str):
                found[str(position)] = value[:LONGEST_CODE]
    return found


def marks_result(marks: Mapping[str, str], tlv: bytes | None) -> list[dict[str, Any]]:
    """Empty where the document cannot be had now, or names no mark."""
    if tlv is None:
        return []
    try:
        lines = list(SlipDocument.read(tlv).every(_LINE))
    except TlvError:
        return []
    return [
        {"position": int(position), "mark_code": code, "result": lines[int(position)].number(_CHECKED) or 0}
        for position, code in marks.items()
        if int(position) < len(lines) and lines[int(position)].has(_PRODUCT_CODE)
    ]
