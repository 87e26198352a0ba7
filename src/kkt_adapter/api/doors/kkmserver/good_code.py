"""GetGoodCodeData: what a scanned code says, read without a register.

Names of the members: salesduck/kkmserver-types:src. A damaged code is no error of the command: ``Errors``
says what is wrong with it.
"""

import base64
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from kkt_adapter.fiscal.ffd.marks.damage import Damaged
from kkt_adapter.fiscal.ffd.marks.grammar import MarkKind, ParsedMark
from kkt_adapter.fiscal.ffd.marks.spelling import read_mark

NOT_PARSED: Final = "NotParse"
_BY_TAG: Final[Mapping[int, str]] = MappingProxyType(
    {
        1301: "EAN8", 1302: "EAN13", 1303: "ITF14", 1305: "GS1", 1306: "GS1", 1307: "Fur", 1308: "EGAIS2",
        1309: "EGAIS3",
    }
)  # fmt: skip
_GTIN_DIGITS: Final = 14


def good_code_data(code: str, *, english: bool) -> dict[str, Any]:
    """``DataProductCode`` of the answer."""
    try:
        reading = read_mark(code)
    except Damaged as damage:
        text = damage.message.en if english else damage.message.ru
        return _data(code, kind=NOT_PARSED, gtin="", serial="", errors=text)
    mark = reading.mark
    gtin, serial = _parts(mark)
    remark = "" if mark.remark is None else mark.remark.en if english else mark.remark.ru
    return _data(mark.code, kind=_BY_TAG.get(mark.tag, NOT_PARSED), gtin=gtin, serial=serial, errors=remark)


def _data(code: str, *, kind: str, gtin: str, serial: str, errors: str) -> dict[str, Any]:
    return {
        "isParsed": kind != NOT_PARSED,
        "BarCode": code,
        "GTIN": gtin,
        "SerialNumber": serial,
        "MarkingCodeBase64": base64.b64encode(code.encode()).decode(),
        "ProductCodeType": kind,
        "Errors": errors,
    }


def _parts(mark: ParsedMark) -> tuple[str, str]:
    """GTIN of 14 digits and serial number; empty where the kind has none."""
    match mark.kind:
        case MarkKind.GS1:
            return mark.data[2:16], mark.data[18:]
        case MarkKind.SHORT:
            return mark.data[:_GTIN_DIGITS], mark.data[_GTIN_DIGITS:]
        case MarkKind.BARCODE:
            return mark.code.rjust(_GTIN_DIGITS, "0"), ""
    return "", mark.data if mark.kind is not MarkKind.UNKNOWN else ""
