"""Items of v4 and v5 as lines of the canonical body."""

import base64
import binascii
from typing import Any, Final

from kkt_adapter.api.doors.atol import words
from kkt_adapter.api.doors.atol.fields import AtolFields
from kkt_adapter.api.doors.atol.paths import V4

MAX_ITEMS: Final = 100
_PIECES: Final = 0


def line_of(item: AtolFields, *, version: int, refund: bool, only_vat: str | None) -> dict[str, Any]:
    """One line. ``only_vat``: the rate of the whole receipt, for an item that names none."""
    line: dict[str, Any] = {}
    item.put(line, "name", item.text("name", 128, required=True))
    for ours, theirs in (("price", "price"), ("quantity", "quantity"), ("total", "sum")):
        if theirs in item:
            line[ours] = item.raw(theirs)
        else:
            item.refuse(theirs, "обязательное поле. Передайте его")
    item.put(line, "vat_rate", _vat_of(item) or only_vat)
    item.put(line, "line_attribute", item.text("user_data", 64))
    item.put(line, "excise_tax", item.raw("excise"))
    item.put(line, "country", item.text("country_code", 3), lambda code: code.zfill(3))
    item.put(line, "customs_declaration", item.text("declaration_number", 32))
    item.put(line, "agent", agent_of(item))
    item.put(line, "supplier", supplier_of(item))
    if version == V4:
        _add_v4(item, line)
    else:
        _add_v5(item, line, refund=refund)
    return line


def _vat_of(item: AtolFields) -> str | None:
    vat = item.object("vat")
    return None if vat is None else rate_of(vat)


def rate_of(vat: AtolFields) -> str | None:
    """The rate; a sum beside it is calculated anew, since clients calculate it wrong."""
    kind = vat.raw("type")
    if isinstance(kind, str) and kind in words.OLD_VATS:
        vat.refuse("type", f"ставка {kind} отменена с 2019 года. Передайте vat22 или другую действующую")
        return None
    word = vat.word("type", words.VATS, required=True)
    return None if word is None else words.VATS[word]


def _add_v4(item: AtolFields, line: dict[str, Any]) -> None:
    method = item.word("payment_method", words.METHODS)
    line["method"] = words.DEFAULT_METHOD if method is None else words.METHODS[method]
    subject = item.word("payment_object", words.OBJECTS)
    line["subject"] = words.DEFAULT_OBJECT if subject is None else words.OBJECTS[subject]
    item.put(line, "unit", item.text("measurement_unit", 16))
    code = item.text("nomenclature_code", 150)
    if code is not None:
        line["mark_code"] = _from_hex(code) or code


def _from_hex(code: str) -> str | None:
    """Tag 1162 in hex pairs, ``44 4D`` + GTIN + serial number, as the GS1 text that the core reads."""
    try:
        raw = bytes.fromhex(code)
    except ValueError:
        return None
    if len(raw) < 9 or raw[:2] != b"\x44\x4d":
        return None
    try:
        serial = raw[8:].decode("ascii").rstrip("\x00 ")
    except UnicodeDecodeError:
        return None
    return f"01{int.from_bytes(raw[2:8], 'big'):014d}21{serial}"


def _add_v5(item: AtolFields, line: dict[str, Any], *, refund: bool) -> None:
    method = item.word("payment_method", words.METHODS, required=True)
    item.put(line, "method", method, words.METHODS.__getitem__)
    item.put(line, "subject", item.whole("payment_object", sorted(words.OBJECT_CODES), required=True))
    measure = item.whole("measure", sorted(words.MEASURES), required=True)
    item.put(line, "unit", measure, str)
    part = item.object("mark_quantity")
    if part is not None:
        line["mark_quantity"] = {
            name: part.raw(name) for name in ("numerator", "denominator") if name in part
        }
    code = mark_code_of(item)
    if code is not None:
        line["mark_code"] = code
        derived = _planned_status(refund=refund, measured=measure != _PIECES or part is not None)
        line["planned_status"] = item.whole("planned_status", range(1, 7)) or derived
    if item.flag("wholesale"):
        line["wholesale"] = True
    industry = industry_of(item, "sectoral_item_props", most=6)
    if industry:
        line["industry"] = industry


def _planned_status(*, refund: bool, measured: bool) -> int:
    """Tag 2003 for clients that do not send it, as Bitrix: 1 sold, 2 sold in measure, 3 and 4 returned."""
    return (4 if measured else 3) if refund else (2 if measured else 1)


def mark_code_of(item: AtolFields) -> str | None:
    """The code as it was scanned. ``gs1m`` comes as Base64, so that GS (1D hex) survives."""
    code = item.object("mark_code")
    if code is None:
        return None
    given = [name for name in words.MARK_KINDS if name in code]
    if len(given) != 1:
        item.refuse("mark_code", f"ровно один ключ из: {', '.join(words.MARK_KINDS)}")
        return None
    kind = given[0]
    most = words.MARK_KINDS[kind] if kind != "gs1m" else 2 * words.MARK_KINDS[kind]
    value = code.text(kind, most, required=True)
    if value is None or kind != "gs1m":
        return value
    try:
        return base64.b64decode(value, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        code.refuse(kind, "не Base64. Закодируйте весь код маркировки, с разделителями GS, в Base64")
        return None


def industry_of(fields: AtolFields, name: str, *, most: int) -> list[dict[str, Any]]:
    """1260 of an item, 1261 of a receipt."""
    rows = []
    for one in fields.objects(name, least=0, most=most):
        row: dict[str, Any] = {}
        one.put(row, "federal_id", one.text("federal_id", 3, required=True))
        one.put(row, "date", one.day("date", required=True))
        one.put(row, "number", one.text("number", 32, required=True))
        one.put(row, "value", one.text("value", 256, required=True))
        rows.append(row)
    return rows


def agent_of(fields: AtolFields) -> dict[str, Any] | None:
    """``agent_info`` of an item or a receipt; an agent names his supplier."""
    info = fields.object("agent_info")
    if info is None:
        return None
    agent: dict[str, Any] = {}
    info.put(agent, "type", info.word("type", sorted(words.AGENTS)))
    if "supplier_info" not in fields:
        fields.refuse("supplier_info", "обязателен вместе с agent_info. Передайте поставщика")
    if not agent:
        return None
    paying = info.object("paying_agent")
    if paying is not None:
        paying.put(agent, "operation", paying.text("operation", 24))
        paying.put(agent, "phones", phones_of(paying))
    receiving = info.object("receive_payments_operator")
    if receiving is not None:
        receiving.put(agent, "operator_phones", phones_of(receiving))
    transfer = info.object("money_transfer_operator")
    if transfer is not None:
        transfer.put(agent, "transfer_phones", phones_of(transfer))
        transfer.put(agent, "transfer_name", transfer.text("name", 64))
        transfer.put(agent, "transfer_address", transfer.text("address", 256))
        transfer.put(agent, "transfer_inn", transfer.text("inn", 12))
    return agent


def supplier_of(fields: AtolFields) -> dict[str, Any] | None:
    info = fields.object("supplier_info")
    if info is None:
        return None
    supplier: dict[str, Any] = {}
    info.put(supplier, "phones", phones_of(info))
    info.put(supplier, "name", info.text("name", 256))
    info.put(supplier, "inn", info.text("inn", 12))
    return supplier or None


def phones_of(fields: AtolFields) -> list[str] | None:
    """A list of texts, or one text; None when there is none."""
    value = fields.raw("phones")
    if value in (None, "", []):
        return None
    phones = [value] if isinstance(value, str) else value
    if not isinstance(phones, list) or not all(isinstance(one, str) for one in phones):
        fields.refuse("phones", "список телефонов текстом")
        return None
    return phones
