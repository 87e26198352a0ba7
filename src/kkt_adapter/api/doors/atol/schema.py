"""JSON schemas of registrations (draft-07), as ATOL Online serves them under ``schema/sell`` and
``schema/correction`` without a token (v4, document 5.15, section 5).

Made of the tables and limits that the translation uses. What fits a schema is understood; the door takes more
(numbers as text, empty texts for absent ones), and money and law are judged by the core.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from kkt_adapter.api.doors.atol import words
from kkt_adapter.api.doors.atol.corrections import MAX_VATS
from kkt_adapter.api.doors.atol.items import MAX_ITEMS
from kkt_adapter.api.doors.atol.paths import V4, V5
from kkt_adapter.api.doors.atol.receipt import MAX_CASHLESS, MAX_PAYMENTS
from kkt_adapter.api.doors.atol.register import MAX_CALLBACK_URL, MAX_EXTERNAL_ID

Json = dict[str, Any]

GROUP: Final = "schema"  # what stands in the place of a group in the address
SELL: Final = "sell"
CORRECTION: Final = "correction"
KINDS: Final = (SELL, CORRECTION)

_DAY: Final = r"^[0-9]{2}\.[0-9]{2}\.[0-9]{4}"
_MOMENT: Final = _DAY + r" [0-9]{2}:[0-9]{2}:[0-9]{2}$"
_MONEY: Final[Json] = {"type": "number", "minimum": 0}
_INN: Final[Json] = {"type": "string", "pattern": "^([0-9]{10}|[0-9]{12})$"}
_PHONES: Final[Json] = {"type": "array", "items": {"type": "string", "maxLength": 19}}


def schema_of(version: int, kind: str) -> Json:
    """The schema of a registration. ``kind``: one of KINDS."""
    root = "correction" if kind == CORRECTION else "receipt"
    body = _receipt(version, correction=kind == CORRECTION)
    service = _object({"callback_url": {"type": "string", "maxLength": MAX_CALLBACK_URL}})
    members = {
        "external_id": {"type": "string", "minLength": 1, "maxLength": MAX_EXTERNAL_ID},
        "timestamp": {"type": "string", "pattern": _MOMENT},
        "service": service,
        root: body,
    }
    if version == V5:
        members["ism_optional"] = {"type": "boolean"}
    found = _object(members, required=("external_id", "timestamp", root))
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": f"v{version} {kind}", **found}


def _receipt(version: int, *, correction: bool) -> Json:
    members: Json = {
        "client": _client(version),
        "company": _object(
            {
                "email": _text(64),
                "sno": _one_of(words.TAXATION),
                "inn": _INN,
                "payment_address": _text(256),
                "location": _text(256),
            },
            required=("inn",),
        ),
        "payments": _list(_object({"type": _integer(0, 9), "sum": _MONEY}, required=("type",)), MAX_PAYMENTS),
        "vats": _list(_vat(), MAX_VATS),
        "cashier": _text(64),
        "additional_check_props": _text(16),
        "additional_user_props": _object(
            {"name": _text(64), "value": _text(256)}, required=("name", "value")
        ),
        "device_number": _text(20),
        "internet": {"type": "boolean"},
        "cashless_payments": _list(
            _object(
                {"sum": _MONEY, "method": _integer(0, 255), "id": _text(256), "additional_info": _text(256)},
                required=("sum", "method", "id"),
            ),
            MAX_CASHLESS,
        ),
        **_agent(),
    }
    required = ["company", "payments"]
    by_sums = correction and version == V4
    if by_sums:
        required.append("vats")
    else:
        members |= {"items": _list(_item(version), MAX_ITEMS), "total": _MONEY}
        required += ["items", "total"]
    if correction:
        kinds = {"type": {"enum": ["self", "instruction"]}, "base_date": {"type": "string", "pattern": _DAY}}
        info = _object({**kinds, "base_number": _text(32)}, required=("type", "base_date"))
        members["correction_info"] = info
        required.append("correction_info")
    else:
        required.append("client")
    if version == V5:
        members |= {
            "cashier_inn": _INN,
            "timezone": _integer(1, 11),
            "sectoral_check_props": _list(_industry(), 6),
            "operating_check_props": _object(
                {"name": _text(3), "value": _text(64), "timestamp": {"type": "string", "pattern": _MOMENT}},
                required=("name", "value", "timestamp"),
            ),
        }
    return _object(members, required=required)


def _client(version: int) -> Json:
    members = {"email": _text(64), "phone": _text(64), "name": _text(256), "inn": _INN}
    if version == V5:
        members |= {
            "birthdate": {"type": "string", "pattern": _DAY},
            "citizenship": _text(3),
            "document_code": _text(2),
            "document_data": _text(64),
            "address": _text(256),
        }
    return _object(members) | {"anyOf": [{"required": ["email"]}, {"required": ["phone"]}]}


def _item(version: int) -> Json:
    members: Json = {
        "name": _text(128),
        "price": _MONEY,
        "quantity": {"type": "number", "exclusiveMinimum": 0},
        "sum": _MONEY,
        "payment_method": _one_of(words.METHODS),
        "vat": _vat(),
        "user_data": _text(64),
        "excise": _MONEY,
        "country_code": {"type": "string", "pattern": "^[0-9]{1,3}$"},
        "declaration_number": _text(32),
        **_agent(),
    }
    required = ["name", "price", "quantity", "sum"]
    if version == V4:
        members |= {
            "payment_object": _one_of(words.OBJECTS),
            "measurement_unit": _text(16),
            "nomenclature_code": _text(150),
        }
        return _object(members, required=required)
    code = {
        name: _text(most if name != "gs1m" else 2 * most) for name, most in words.MARK_KINDS.items()
    }  # Base64 of the whole code
    members |= {
        "payment_object": {"enum": sorted(words.OBJECT_CODES)},
        "measure": {"enum": sorted(words.MEASURES)},
        "mark_quantity": _object(
            {"numerator": _integer(1), "denominator": _integer(1)}, required=("numerator", "denominator")
        ),
        "mark_processing_mode": {"const": "0"},
        "mark_code": _object(code) | {"minProperties": 1, "maxProperties": 1},
        "planned_status": _integer(1, 6),
        "sectoral_item_props": _list(_industry(), 6),
        "wholesale": {"type": "boolean"},
    }
    return _object(members, required=(*required, "payment_method", "payment_object", "measure"))


def _agent() -> Json:
    """``agent_info`` and ``supplier_info`` of a receipt or an item."""
    paying = _object({"operation": _text(24), "phones": _PHONES})
    transfer = _object({"phones": _PHONES, "name": _text(64), "address": _text(256), "inn": _INN})
    info = {
        "type": _one_of(sorted(words.AGENTS)),
        "paying_agent": paying,
        "receive_payments_operator": _object({"phones": _PHONES}),
        "money_transfer_operator": transfer,
    }
    supplier = {"phones": _PHONES, "name": _text(256), "inn": _INN}
    return {"agent_info": _object(info), "supplier_info": _object(supplier)}


def _industry() -> Json:
    members = {
        "federal_id": {"type": "string", "pattern": "^[0-9]{3}$"},
        "date": {"type": "string", "pattern": _DAY},
        "number": _text(32),
        "value": _text(256),
    }
    return _object(members, required=tuple(members))


def _vat() -> Json:
    return _object({"type": _one_of(words.VATS), "sum": _MONEY}, required=("type",))


def _text(most: int) -> Json:
    return {"type": "string", "maxLength": most}


def _integer(least: int, most: int | None = None) -> Json:
    return {"type": "integer", "minimum": least} | ({} if most is None else {"maximum": most})


def _one_of(table: Iterable[str]) -> Json:
    return {"enum": list(table)}


def _list(of: Json, most: int) -> Json:
    return {"type": "array", "minItems": 1, "maxItems": most, "items": of}


def _object(members: Mapping[str, Any], *, required: Iterable[str] = ()) -> Json:
    found: Json = {"type": "object", "properties": dict(members)}
    needed = list(required)
    return found | {"required": needed} if needed else found
