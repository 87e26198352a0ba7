"""Documents of the FN as the driver's JSON: tags by number, sums as numbers, times with the PC's zone."""

import base64
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from kkt_adapter.fiscal.ffd.tags import TagType, registry
from kkt_adapter.fiscal.ffd.tlv import Element, Fvln, element
from kkt_adapter.fiscal.kkt.atol import words
from kkt_adapter.fiscal.kkt.atol.values import rubles
from kkt_adapter.fiscal.model import DocumentCode, FiscalDocument

_NAME = {code: name for name, code in words.DOCUMENT.items()}
_MONEY_LIKE = TagType.VLN
_COUNTS = frozenset({1293, 1294})  # VLN that are no sums

NEVER = datetime(1970, 1, 1)  # noqa: DTZ001 - the driver's "never"


def iso(moment: datetime, pc_zone: str) -> str:
    """The register's digits with the PC's zone, as the driver writes them."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{pc_zone}"


def document_json(tags: Sequence[Element], code: DocumentCode, *, pc_zone: str) -> dict[str, Any]:
    told = _members(tags, pc_zone)
    told |= {"short": False, "fiscalDocumentType": _NAME.get(code, "unknown"), "qr": _qr(told)}
    return told


def short_json(document: FiscalDocument, *, pc_zone: str) -> dict[str, Any]:
    """An archived document: 1020 without kopecks, 1077 as four bytes, nothing else."""
    told: dict[str, Any] = {
        "1012": iso(document.fiscalized_at, pc_zone),
        "1040": document.fd_number,
        "1077": f"{document.fiscal_sign:08X}",
        "short": True,
        "fiscalDocumentType": _NAME.get(document.code, "unknown"),
    }
    if document.operation is not None:
        told |= {"1054": int(document.operation), "1020": (document.total_kop or 0) // 100}
    return told


def raw_data(tags: Sequence[Element]) -> str:
    return base64.b64encode(b"".join(element(one.tag, one.raw) for one in tags)).decode("ascii")


def raw_cut(data: str, at: int) -> str:
    """``rawData`` that breaks off after ``at`` bytes."""
    return base64.b64encode(base64.b64decode(data)[:at]).decode("ascii")


def _members(tags: Sequence[Element], pc_zone: str) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for one in tags:
        name, value = str(one.tag), _value(one, pc_zone)
        if name not in told:
            told[name] = value
        elif isinstance(told[name], list):
            told[name].append(value)
        else:
            told[name] = [told[name], value]
    return told


def _value(one: Element, pc_zone: str) -> Any:
    if one.children:
        return _members(one.children, pc_zone)
    known = registry().get(one.tag)
    match one.value:
        case str() | bool():
            return one.value
        case int() if known is not None and known.type is _MONEY_LIKE and one.tag not in _COUNTS:
            return rubles(one.value)
        case int():
            return one.value
        case datetime():
            return iso(one.value, pc_zone)
        case Fvln(value=value, decimals=decimals):
            return Decimal(value).scaleb(-decimals)
        case _:
            return one.raw.hex().upper()


def _qr(told: dict[str, Any]) -> str:
    if "1054" not in told or "1020" not in told:
        return ""
    made = datetime.fromisoformat(str(told["1012"])[:19])
    sign = int(str(told["1077"])[-8:], 16)
    return (
        f"t={made:%Y%m%dT%H%M}&s={told['1020']:.2f}&fn={told['1041']}&i={told['1040']}"
        f"&fp={sign}&n={told['1054']}"
    )
