"""The code of a marked item, in the three forms that clients use; what it means, the core reads."""

import binascii
from dataclasses import dataclass
from typing import Final

from kkt_adapter.api.doors.kkmserver.fields import Fields, names
from kkt_adapter.api.doors.kkmserver.refusal import refused
from kkt_adapter.kernel.quick import quickly_made

_FUR_AND_SHOES: Final = 0x444D
"""First bytes of tag 1162 for a GS1 DataMatrix code; inferred from what old clients send."""

_GTIN_BYTES: Final = 6
_FIELDS: Final = names("EAN13", "GoodCodeData", "NomenclatureCode")


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    code: str | None = None
    article: str | None = None  # of goods without a mark


_NO_MARK: Final = Mark()


def mark_of(register: Fields) -> Mark:
    """``GoodCodeData``, the old ``NomenclatureCode``, else ``EAN13`` as an article. Raises CommandRefused."""
    if not register.has_any(_FIELDS):
        return _NO_MARK
    article = register.text("EAN13")
    data, old = register.object("GoodCodeData"), register.text("NomenclatureCode")
    if data is None:
        return Mark(code=None if old is None else _from_hex(old, register), article=article)
    raw, serial, gtin = data.text("BarCode"), data.text("SerialNumber"), data.text("GTIN")
    data.value("StampType")
    data.value("AcceptOnBad")
    with_serial = data.flag("ContainsSerialNumber")
    if raw is not None:
        if with_serial is False:
            return Mark(article=article or raw.strip())
        return Mark(code=raw, article=article)
    if gtin is not None and serial is not None:
        return Mark(code=f"01{gtin.strip().zfill(14)}21{serial}", article=article)
    return Mark(article=article or gtin)


def _from_hex(text: str, register: Fields) -> str:
    """The code that the bytes of 1162 were made from."""
    try:
        raw = binascii.unhexlify("".join(text.replace("$", "").split()))
    except (binascii.Error, ValueError):
        raw = b""
    kind, gtin, serial = raw[:2], raw[2 : 2 + _GTIN_BYTES], raw[2 + _GTIN_BYTES :]
    if int.from_bytes(kind) != _FUR_AND_SHOES or not serial.strip() or not serial.isascii():
        raise refused(
            "nomenclature_code",
            f"{register.written('NomenclatureCode')} cannot be read. Send GoodCodeData.BarCode as scanned.",
            f"Поле {register.written('NomenclatureCode')} не разобрано. Передайте GoodCodeData.BarCode — код "
            "целиком, как его читает сканер.",
        )
    return f"01{int.from_bytes(gtin):014d}21{serial.decode('ascii').rstrip()}"
